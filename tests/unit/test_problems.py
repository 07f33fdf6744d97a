"""Every error leaves as problem details, with what to do and without what is nobody's business."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog
from fastapi import FastAPI
from pydantic import BaseModel

from shared.errors import (
    Busy,
    Conflict,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    QuintetError,
    RequestError,
    TooLarge,
    Unstorable,
    WorkspaceError,
)
from shared.problems import MEDIA_TYPE, SmallBody, documented, field_errors, install

RAISED: dict[str, Exception] = {
    "invalid": InvalidRequest("no", slug="bad-thing", remedy="do it otherwise", field="x"),
    "large": TooLarge("no"),
    "gone": NotFound("no"),
    "moved": Conflict("no", status_now="failed"),
    "busy": Busy("no"),
    "away": DependencyUnavailable("no"),
    "unstorable": Unstorable("insert_task: DataError"),
    "workspace": WorkspaceError("no", remedy="look"),
    "bug": RuntimeError("postgresql://user:secret@host/db"),
}


class Wish(BaseModel):
    number: int


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    app.router.route_class = SmallBody

    @app.get("/raise/{name}", responses=documented(404))
    async def fail(name: str) -> None:
        raise RAISED[name]

    @app.post("/wish")
    async def wish(wish: Wish) -> Wish:
        return wish

    @app.put("/wish")
    async def put() -> None: ...

    install(app)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://q") as client:
        yield client


@pytest.mark.parametrize(
    ("name", "status", "slug"),
    [
        ("invalid", 422, "bad-thing"),
        ("large", 413, "too-large"),
        ("gone", 404, "not-found"),
        ("moved", 409, "conflict"),
        ("busy", 503, "busy"),
        ("away", 503, "dependency-unavailable"),
        ("unstorable", 500, "internal"),
        ("workspace", 500, "internal"),
        ("bug", 500, "internal"),
    ],
)
async def test_an_error_is_answered_as_what_it_is(
    client: httpx.AsyncClient, name: str, status: int, slug: str
) -> None:
    with structlog.testing.capture_logs() as logged:
        answer = await client.get(f"/raise/{name}")
    body = answer.json()
    assert (answer.status_code, answer.headers["content-type"]) == (status, MEDIA_TYPE)
    assert (body["type"], body["status"]) == (f"urn:quintet:problem:{slug}", status)
    assert "secret" not in answer.text
    assert len(logged) == (1 if status == 500 else 0)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_what_the_error_carries_is_told(client: httpx.AsyncClient) -> None:
    body = (await client.get("/raise/invalid")).json()
    assert (body["remedy"], body["field"]) == ("do it otherwise", "x")
    assert (await client.get("/raise/moved")).json()["status_now"] == "failed"


async def test_a_body_that_does_not_fit_is_described_by_field(client: httpx.AsyncClient) -> None:
    body = (await client.post("/wish", json={"number": "x"})).json()
    assert body["type"].endswith(":invalid-request")
    assert [item["field"] for item in body["errors"]] == ["number"]
    assert body["detail"].startswith("number: Input should be a valid integer")
    answer = await client.post("/wish", content=b"{", headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["remedy"]) == (400, "check its syntax")


async def test_a_small_body_stays_small(client: httpx.AsyncClient) -> None:
    spaces = b" " * SmallBody.most
    json = {"content-type": "application/json"}

    async def undeclared() -> AsyncIterator[bytes]:
        yield spaces
        yield b'{"number": 1}'

    for content in (spaces + b'{"number": 1}', undeclared()):
        answer = await client.post("/wish", content=content, headers=json)
        assert (answer.status_code, answer.headers["content-type"]) == (413, MEDIA_TYPE)
    answer = await client.post("/wish", content=spaces[:-20] + b'{"number": 1}', headers=json)
    assert answer.json() == {"number": 1}


async def test_a_method_that_is_not_there_names_all_that_are(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/wish")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST, PUT")
    answer = await client.get("/nowhere")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:quintet:problem:not-found")


def test_findings_are_few_short_and_encodable() -> None:
    def finding(*place: str | int) -> dict[str, Any]:
        return {"loc": place, "msg": "no", "type": "x"}

    names = [("body", "a", 0), ("body",), (), ("query", "limit"), ("query",), ("\ud800" * 9_999,)]
    found = field_errors([finding(*place) for place in names])
    fields = [item["field"] for item in found]
    assert fields[:5] == ["a.0", "body", "body", "limit", "query"]
    assert fields[5].startswith("\\ud800")
    assert len(fields[5].encode()) == 1_200
    found = field_errors([finding(f"f{number}") for number in range(25)])
    assert (len(found), found[-1]["message"]) == (21, "and 5 more findings")


def test_every_request_error_has_a_slug_and_a_status_of_its_own() -> None:
    kinds = RequestError.__subclasses__()
    assert len({kind.slug for kind in kinds}) == len(kinds)
    assert all(400 <= kind.status < 500 or kind.status == 503 for kind in kinds)
    assert all(issubclass(kind, QuintetError) and kind.title for kind in kinds)
