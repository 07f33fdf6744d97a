"""The hashing embedder, and Voyage's over HTTP against a server that speaks its API."""

import json
import math
from collections.abc import Sequence

import httpx
import pytest
from pydantic import SecretStr

from shared.embedding import HashingEmbedder, VoyageEmbedder, hash_text, open_embedder
from shared.errors import ConfigurationError, DependencyUnavailable, InvalidRequest
from tests.web_server import Received, Respond, reply, web_server

KEY = "voyage-key-of-the-tests"
GOLDEN = [0.140211, -0.140211, 0.140211]


def likeness(one: str, other: str) -> float:
    return math.fsum(a * b for a, b in zip(hash_text(one), hash_text(other), strict=True))


def test_the_same_text_has_the_same_unit_vector_everywhere() -> None:
    vector = hash_text("Revenue by region")
    assert len(vector) == 384
    assert math.fsum(value * value for value in vector) == pytest.approx(1)
    assert [round(value, 6) for value in vector if value][:3] == GOLDEN
    assert vector == hash_text("  revenue   BY region ")


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("quarterly revenue by region", "Revenue per region in each quarter", "The cat sat down"),
        ("delete a user account", "how accounts of users are deleted", "chart of monthly sales"),
        ("Übergröße prüfen", "Prüfung der Übergrößen", "kleine Hemden"),
    ],
)
def test_texts_that_share_words_are_nearer(question: str, near: str, far: str) -> None:
    assert likeness(question, near) > likeness(question, far) + 0.1


@pytest.mark.parametrize("text", ["", " ", "a", "ab", "😀", "\ud800", "x" * 32_000])
def test_any_text_has_a_finite_vector(text: str) -> None:
    assert all(map(math.isfinite, hash_text(text)))


async def test_the_hashing_embedder_keeps_the_order() -> None:
    embedder = HashingEmbedder()
    assert await embedder.embed(["a b c", "d e f"]) == (hash_text("a b c"), hash_text("d e f"))


# --- Voyage -----------------------------------------------------------------------------------


def vectors(received: Received) -> bytes:
    texts = json.loads(received.body)["input"]
    data = [{"index": at, "embedding": [3.0, 4.0 * at]} for at in range(len(texts))]
    return reply(json.dumps({"data": data[::-1]}), content_type="application/json")


async def embed(
    respond: Respond, texts: Sequence[str], *, query: bool = False
) -> tuple[tuple[tuple[float, ...], ...], list[Received]]:
    async with web_server(respond) as server, httpx.AsyncClient() as http:
        embedder = VoyageEmbedder(
            http, SecretStr(KEY), dim=2, url=server.url("/v1/embeddings"), pauses=(0, 0)
        )
        return await embedder.embed(texts, query=query), server.requests


async def test_voyage_is_asked_as_its_api_wants_it() -> None:
    found, (request,) = await embed(vectors, ["a", "b"], query=True)

    assert found == ((1.0, 0.0), (0.6, 0.8))
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert json.loads(request.body) == {
        "input": ["a", "b"],
        "model": "voyage-4",
        "input_type": "query",
        "output_dimension": 2,
    }


async def test_many_texts_go_in_batches() -> None:
    found, requests = await embed(vectors, ["x"] * 130)
    assert len(found) == 130
    assert [len(json.loads(request.body)["input"]) for request in requests] == [128, 2]


async def test_voyage_is_asked_again_when_it_is_busy() -> None:
    answers = iter([reply(status="529 Busy"), reply(status="429 Slow down")])
    found, requests = await embed(lambda received: next(answers, vectors(received)), ["a"])
    assert found == ((1.0, 0.0),)
    assert len(requests) == 3


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (reply(status="503 Away"), DependencyUnavailable, "HTTP 503"),
        (reply(status="401 No"), ConfigurationError, "refuses the key"),
        (reply('{"detail": "too long"}', status="400 Bad"), InvalidRequest, "too long"),
        (reply("nothing", status="400 Bad"), InvalidRequest, "no reason given"),
        (reply("<html>"), DependencyUnavailable, "1 vectors of length 2"),
        (reply('{"data": []}'), DependencyUnavailable, "1 vectors of length 2"),
        (b"", DependencyUnavailable, "cannot be reached"),
    ],
)
async def test_voyage_failures_say_what_to_do(
    answer: bytes, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as failed:
        await embed(lambda _: answer, ["a"])
    assert KEY not in str(failed.value)


@pytest.mark.parametrize(
    ("provider", "key", "message"),
    [("voyage", "", "need a key"), ("minilm", KEY, "no embedding provider")],
)
async def test_a_wrong_setting_is_named(provider: str, key: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        async with open_embedder(provider, api_key=SecretStr(key)):
            pass


async def test_the_settings_name_the_embedder() -> None:
    async with open_embedder("hashing", api_key=SecretStr("")) as embedder:
        assert (embedder.name, embedder.dim) == ("hashing-384", 384)
    async with open_embedder("voyage", api_key=SecretStr(KEY)) as embedder:
        assert (embedder.name, embedder.dim) == ("voyage-4-1024", 1024)
