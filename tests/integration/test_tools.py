"""The agents' tools, called through MCP as the model calls them."""

import json
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from mcp import Client, types

from agent.page_text import read_page
from agent.tools import TOOL_NAMES, ToolScope, build_server, build_tools, full_name
from agent.web_client import WebClient, WebLimits
from shared.database.data import DataLimits, DataStore
from shared.embedding import HashingEmbedder
from shared.errors import ConfigurationError, InvalidRequest
from tests.data_world import SECRET, data_database
from tests.web_server import Received, reply, web_server

PAGE = """<html><head><title> Prices </title><meta charset="utf-8"></head><body>
<nav><a href="/home">Home</a></nav>
<article><h1>Prices of 2025</h1><p>The price of a <b>widget</b> rose by ten percent during the year,
as <a href="/report">the report</a> says in its chapter about raw materials and energy.</p>
<table><tr><th>item</th><th>price</th></tr><tr><td>widget</td><td>11</td></tr></table>
<p>Nothing else changed, which surprised everybody who had followed the market closely.</p>
</article>
<script>alert("no content")</script></body></html>"""


@pytest.fixture(scope="module")
def data_url(postgres_url: str) -> Iterator[str]:
    with data_database(postgres_url) as url:
        yield url


@pytest.fixture
async def store(data_url: str) -> AsyncIterator[DataStore]:
    async with DataStore.open(data_url, SECRET) as store:
        yield store


class Session:
    """What the model sees: names, schemas, and text with a mark whether it is an error."""

    def __init__(self, scope: ToolScope) -> None:
        self._server = build_server(scope)["instance"]

    async def call(self, name: str, **arguments: Any) -> dict[str, Any]:
        text, is_error = await self._raw(name, arguments)
        assert not is_error, text
        answer = json.loads(text)
        assert isinstance(answer, dict)
        return answer

    async def refused(self, name: str, **arguments: Any) -> str:
        text, is_error = await self._raw(name, arguments)
        assert is_error, text
        return text

    async def names(self) -> set[str]:
        async with Client(self._server) as client:
            return {tool.name for tool in (await client.list_tools()).tools}

    async def _raw(self, name: str, arguments: dict[str, Any]) -> tuple[str, bool]:
        async with Client(self._server) as client:
            result = await client.call_tool(name, arguments)
        (content,) = result.content
        assert isinstance(content, types.TextContent)
        return content.text, result.is_error


def scope_of(store_data: Any, task_id: UUID, web: WebClient | None, **changes: Any) -> ToolScope:
    values: dict[str, Any] = {
        "task_id": task_id,
        "subtask_key": "load",
        "attempt": 2,
        "agent_id": "analyst-1",
        "data": store_data,
        "embedder": HashingEmbedder(),
        "web": web,
        "allowed": TOOL_NAMES,
    }
    return ToolScope(**(values | changes))


@pytest.fixture
async def tools(store: DataStore) -> AsyncIterator[Session]:
    task_id = uuid4()
    async with (
        store.task(task_id) as data,
        WebClient.open(WebLimits(allow_private=True, seconds=5)) as web,
    ):
        yield Session(scope_of(data, task_id, web))


# --- what there is ----------------------------------------------------------------------------


async def test_all_seven_tools_are_there(tools: Session) -> None:
    assert await tools.names() == {
        *("query_database", "generate_embedding", "search_embeddings"),
        *("share_data", "get_shared_data", "fetch_url", "http_request"),
    }
    assert full_name("fetch_url") == "mcp__quintet__fetch_url"


async def test_no_tool_takes_a_task(store: DataStore) -> None:
    async with store.task(uuid4()) as data, WebClient.open() as web:
        for tool in build_tools(scope_of(data, uuid4(), web)):
            schema = tool.input_schema
            assert isinstance(schema, dict)
            assert schema["additionalProperties"] is False
            assert not {"task", "task_id"} & schema["properties"].keys()


async def test_only_what_the_profile_allows_is_built(store: DataStore) -> None:
    async with store.task(uuid4()) as data:
        some = frozenset({"query_database", "fetch_url"})
        built = build_tools(scope_of(data, uuid4(), None, allowed=some))
        assert [tool.name for tool in built] == ["query_database"]
        with pytest.raises(ConfigurationError, match="teleport"):
            build_tools(scope_of(data, uuid4(), None, allowed=frozenset({"teleport"})))


# --- the database -----------------------------------------------------------------------------


async def test_sql_creates_fills_and_reads(tools: Session) -> None:
    await tools.call("query_database", sql="CREATE TABLE sales (region text, amount numeric)")
    written = await tools.call(
        "query_database",
        sql="INSERT INTO sales VALUES ($1, $2), ($3, $4)",
        params=["north", 5, "south", None],
    )
    assert written == {"status": "INSERT 0 2", "rowcount": 2}
    assert await tools.call("query_database", sql="SELECT * FROM sales ORDER BY 1") == {
        "status": "SELECT",
        "rowcount": 2,
        "columns": ["region", "amount"],
        "rows": [["north", 5], ["south", None]],
    }


async def test_a_large_table_is_cut_and_says_so(tools: Session) -> None:
    answer = await tools.call("query_database", sql="SELECT generate_series(1, 5000) AS n")
    assert answer["truncated"] is True
    assert len(answer["rows"]) == 1000
    assert "LIMIT" in answer["note"]


async def test_bad_sql_says_what_is_wrong_and_what_to_do(tools: Session) -> None:
    assert "one statement per call" in await tools.refused("query_database", sql="SELECT 1; SELECT")
    assert "no_such" in await tools.refused("query_database", sql="SELECT * FROM no_such")
    assert "NUL" in await tools.refused("query_database", sql="SELECT $1", params=["a\x00"])
    assert "'statement' was" in await tools.refused("query_database", statement="SELECT 1")


async def test_what_fails_inside_stays_inside(data_url: str) -> None:
    gone = data_url.rsplit(":", 1)[0] + ":1/quintet_data"
    task_id = uuid4()
    async with DataStore.open(gone, SECRET) as store, store.task(task_id) as data:
        session = Session(scope_of(data, task_id, None, embedder=None))
        away = await session.refused("query_database", sql="SELECT 1")
        inside = await session.refused("search_embeddings", query="x")
    assert "PostgreSQL cannot be reached" in away
    assert inside == (
        '{"error":"search_embeddings failed inside Quintet",'
        '"what_to_do":"try once more, then do without it"}'
    )
    assert "postgres" not in (away + inside).replace("PostgreSQL", "")


# --- shared values ----------------------------------------------------------------------------


async def test_values_are_shared_by_compare_and_set(tools: Session) -> None:
    first = await tools.call("share_data", key="plan", value={"a": 1})
    assert first == {"saved": True, "key": "plan", "version": 1}

    unseen = await tools.call("share_data", key="plan", value={"a": 2})
    assert (unseen["saved"], unseen["version"], unseen["value"]) == (False, 1, {"a": 1})
    assert "expected_version 1" in unseen["what_to_do"]

    seen = await tools.call("share_data", key="plan", value=None, expected_version=1)
    assert seen["version"] == 2
    read = await tools.call("get_shared_data", key="plan")
    assert (read["value"], read["version"], read["author"]) == (None, 2, "load#2")
    (listed,) = (await tools.call("get_shared_data"))["keys"]
    assert (listed["key"], listed["version"], listed["characters"]) == ("plan", 2, 4)


async def test_bad_keys_and_values_are_explained(tools: Session) -> None:
    assert "does not match" in await tools.refused("share_data", key="a b", value=1)
    too_large = await tools.refused("share_data", key="k", value="x" * 70_000)
    assert "65536" in too_large
    assert "write a file" in too_large
    assert "version 3" in await tools.refused("share_data", key="k", value=1, expected_version=3)
    assert "see what there is" in await tools.refused("get_shared_data", key="nothing")


# --- embeddings -------------------------------------------------------------------------------


async def test_texts_are_kept_and_found(tools: Session) -> None:
    kept = await tools.call(
        "generate_embedding",
        texts=["Revenue per region and quarter", "The cat sat on the mat"],
        key="notes",
        metadata={"source": "report"},
    )
    assert (len(kept["ids"]), kept["dim"], kept["provider"]) == (2, 384, "hashing-384")

    found = await tools.call("search_embeddings", query="quarterly revenue by region", limit=1)

    assert (found["index"], found["searched"]) == ("pgvector", 2)
    (match,) = found["matches"]
    assert match["text"] == "Revenue per region and quarter"
    assert (match["key"], match["metadata"], match["author"]) == (
        "notes:0",
        {"source": "report"},
        "load#2",
    )
    assert match["similarity"] > 0.4


async def test_the_vector_is_shown_only_when_asked_for(tools: Session) -> None:
    assert "vectors" not in await tools.call("generate_embedding", text="x")
    shown = await tools.call("generate_embedding", text="x", include_vector=True)
    assert len(shown["vectors"][0]) == 384
    many = await tools.call("generate_embedding", texts=["x"] * 64, include_vector=True)
    assert "only the first" in many["truncated"]


async def test_bad_texts_are_explained(tools: Session) -> None:
    assert "not both" in await tools.refused("generate_embedding")
    assert "not both" in await tools.refused("generate_embedding", text="a", texts=["b"])
    assert "8192" in await tools.refused("generate_embedding", text="a", metadata={"k": "x" * 9000})
    assert "validation" in await tools.refused("search_embeddings", query="a", limit=51)
    assert "NUL" in await tools.refused("generate_embedding", text="a\x00")


async def test_a_full_task_says_so(data_url: str) -> None:
    task_id = uuid4()
    async with (
        DataStore.open(data_url, SECRET, limits=DataLimits(texts=1)) as store,
        store.task(task_id) as data,
    ):
        session = Session(scope_of(data, task_id, None))
        refused = await session.refused("generate_embedding", texts=["a", "b"])
    assert "1 embedded texts already" in refused


# --- the web ----------------------------------------------------------------------------------


def site(received: Received) -> bytes:
    match received.target:
        case "/page":
            return reply(PAGE, content_type="text/html")
        case "/moved":
            return reply(status="301 Moved", location="/page")
        case "/data":
            return reply('{"a":[1,2]}', content_type="application/json", x_ratelimit_left="3")
        case "/broken":
            return reply("{", content_type="application/json")
        case "/image":
            return reply(b"\x89PNG\x00", content_type="image/png")
        case "/large":
            return reply("x" * 3_000_000, content_type="text/plain")
        case "/echo":
            return reply(received.method.encode() + b" " + received.body, content_type="text/plain")
        case _:
            return reply("gone", status="404 Not Found", content_type="text/plain")


async def test_a_page_becomes_markdown_text_or_stays_raw(tools: Session) -> None:
    async with web_server(site) as server:
        markdown = await tools.call("fetch_url", url=server.url("/moved"))
        text = await tools.call("fetch_url", url=server.url("/page"), format="text")
        raw = await tools.call("fetch_url", url=server.url("/page"), format="raw")

    assert (markdown["status"], markdown["title"]) == (200, "Prices")
    assert markdown["redirected_from"] == [server.url("/moved")]
    assert "# Prices of 2025" in markdown["text"]
    assert f"[the report]({server.url('/report')})" in markdown["text"]
    assert "| widget | 11 |" in markdown["text"]
    assert "alert" not in markdown["text"]
    assert "Home" not in markdown["text"]
    assert "](" not in text["text"]
    assert raw["text"] == PAGE


async def test_a_page_that_takes_too_long_is_given_up() -> None:
    links = b"<html><body>" + b"<a href='/x'>y</a> " * 50_000
    started = time.perf_counter()
    with pytest.raises(InvalidRequest, match="could not be extracted") as given_up:
        await read_page(links, "http://example.org/", markdown=True, seconds=0.2)
    assert "raw" in given_up.value.remedy
    assert time.perf_counter() - started < 2


async def test_other_content_is_shown_as_far_as_it_can_be(tools: Session) -> None:
    async with web_server(site) as server:
        data = await tools.call("fetch_url", url=server.url("/data"))
        image = await tools.call("fetch_url", url=server.url("/image"))
        large = await tools.call("fetch_url", url=server.url("/large"))
        missing = await tools.call("fetch_url", url=server.url("/missing"))
    assert data["text"] == '{"a":[1,2]}'
    assert image["note"] == "binary content, 5 bytes, not shown"
    assert (large["truncated"], len(large["text"])) == (True, 60_000)
    assert (missing["status"], missing["text"]) == (404, "gone")


async def test_an_api_is_called_with_all_that_it_wants(tools: Session) -> None:
    async with web_server(site) as server:
        data = await tools.call("http_request", method="GET", url=server.url("/data"))
        echoed = await tools.call(
            "http_request",
            method="POST",
            url=server.url("/echo"),
            headers={"Authorization": "Bearer k"},
            json={"a": None},
        )
        plain = await tools.call("http_request", method="PUT", url=server.url("/echo"), body="ä")
        broken = await tools.call("http_request", method="GET", url=server.url("/broken"))
        no_body = await tools.call("http_request", method="DELETE", url=server.url("/missing"))

    assert (data["json"], data["headers"]["x-ratelimit-left"]) == ({"a": [1, 2]}, "3")
    assert echoed["text"] == 'POST {"a": null}'
    sent = next(request for request in server.requests if request.method == "POST")
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["authorization"] == "Bearer k"
    assert plain["text"] == "PUT ä"
    assert (broken["text"], "not" in broken["note"]) == ("{", True)
    assert no_body["status"] == 404


async def test_bad_requests_are_explained(tools: Session) -> None:
    assert "absolute" in await tools.refused("fetch_url", url="ftp://example.org/")
    assert "metadata" in await tools.refused("fetch_url", url="http://169.254.169.254/")
    assert "not one of" in await tools.refused("http_request", method="TRACE", url="http://x/")
    both = await tools.refused("http_request", method="POST", url="http://x/", body="a", json=1)
    assert "exclude each other" in both
    assert "set by the client" in await tools.refused(
        "http_request", method="GET", url="http://x/", headers={"Host": "y"}
    )
