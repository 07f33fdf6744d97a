"""`generate_embedding` and `search_embeddings`: texts of the task, found by likeness."""

import json
from functools import partial
from typing import Annotated, Any

from claude_agent_sdk import SdkMcpTool
from pydantic import Field, JsonValue, StringConstraints

from agent.tools.scope import ANSWER_CHARACTERS, Arguments, ToolScope, make_tool
from shared.database.data import Match, Text
from shared.embedding import Vector
from shared.errors import InvalidRequest, TooLarge

MAX_TEXTS = 64
MAX_METADATA_BYTES = 8 * 1024
Content = Annotated[str, StringConstraints(min_length=1, max_length=32_000)]


class EmbedArguments(Arguments):
    """What `generate_embedding` takes."""

    text: Annotated[Content | None, Field(description="One text.")] = None
    texts: Annotated[
        list[Content] | None,
        Field(min_length=1, max_length=MAX_TEXTS, description=f"Or up to {MAX_TEXTS} texts."),
    ] = None
    key: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="A name; a text with the same name is replaced. Several texts get "
            "name:0, name:1, ...",
        ),
    ] = None
    metadata: Annotated[
        dict[str, JsonValue],
        Field(default_factory=dict, description="Kept with each text and given back by searches."),
    ]
    include_vector: Annotated[bool, Field(description="Also return the numbers.")] = False


class SearchArguments(Arguments):
    """What `search_embeddings` takes."""

    query: Annotated[Content, Field(description="What to look for, in words.")]
    limit: Annotated[int, Field(ge=1, le=50, description="How many texts.")] = 5


async def _embed(scope: ToolScope, given: EmbedArguments) -> dict[str, Any]:
    contents = _contents(given)
    size = len(json.dumps(given.metadata).encode())
    if size > MAX_METADATA_BYTES:
        raise TooLarge(
            f"the metadata have {size} bytes, at most {MAX_METADATA_BYTES} are kept",
            remedy="keep the essential fields",
        )
    vectors = await scope.embedder.embed(contents)
    keys = _keys(given, len(contents))
    texts = [
        Text(content, vector, key, given.metadata)
        for content, vector, key in zip(contents, vectors, keys, strict=True)
    ]
    ids = await scope.data.remember(texts, provider=scope.embedder.name, author=scope.author)
    answer: dict[str, Any] = {
        "ids": ids,
        "dim": scope.embedder.dim,
        "provider": scope.embedder.name,
    }
    return answer | (_shown(vectors) if given.include_vector else {})


async def _search(scope: ToolScope, given: SearchArguments) -> dict[str, Any]:
    (wanted,) = await scope.embedder.embed([given.query], query=True)
    matches = await scope.data.nearest(wanted, provider=scope.embedder.name, limit=given.limit)
    shown, truncated = _fit(matches.found)
    answer: dict[str, Any] = {
        "matches": shown,
        "searched": matches.searched,
        "index": matches.index,
        "provider": scope.embedder.name,
    }
    if truncated:
        answer["truncated"] = "texts were cut: ask for fewer"
    if matches.other_provider:
        answer["not_searched"] = (
            f"{matches.other_provider} texts were embedded by another model: "
            "embed them again to find them"
        )
    return answer


def embedding_tools(scope: ToolScope) -> tuple[SdkMcpTool[Any], ...]:
    """The embedding tools of this attempt."""
    return (
        make_tool(
            "generate_embedding",
            "Embed a text (or texts) and keep it for search_embeddings; every subtask of this "
            "task can find it. Returns ids and the vector's length.",
            EmbedArguments,
            partial(_embed, scope),
        ),
        make_tool(
            "search_embeddings",
            "Find the kept texts of this task that are most like the query, with their "
            "similarity (1 is the same), key, metadata and author.",
            SearchArguments,
            partial(_search, scope),
            read_only=True,
        ),
    )


def _contents(given: EmbedArguments) -> list[str]:
    if (given.text is None) == (given.texts is None):
        raise InvalidRequest(
            "either text or texts is needed, not both", remedy="pass one text, or a list of texts"
        )
    return given.texts if given.texts is not None else [given.text or ""]


def _keys(given: EmbedArguments, count: int) -> list[str | None]:
    if given.key is None or given.texts is None:
        return [given.key] * count
    return [f"{given.key}:{number}" for number in range(count)]


def _shown(vectors: tuple[Vector, ...]) -> dict[str, Any]:
    rounded = [[round(number, 6) for number in vector] for vector in vectors]
    room = ANSWER_CHARACTERS // (10 * len(rounded[0]))
    if len(rounded) > room:
        return {"vectors": rounded[:room], "truncated": f"only the first {room} vectors are shown"}
    return {"vectors": rounded}


def _fit(found: tuple[Match, ...]) -> tuple[list[dict[str, Any]], bool]:
    """Each text in its equal share of the answer."""
    share = ANSWER_CHARACTERS // max(1, len(found))
    shown = [
        {
            "id": match.id,
            "key": match.key,
            "similarity": round(match.similarity, 4),
            "text": match.content[:share],
            "metadata": match.metadata,
            "author": match.author,
        }
        for match in found
    ]
    return shown, any(len(match.content) > share for match in found)
