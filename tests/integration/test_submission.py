"""Every limit of a submission, and the problem that names it; nothing refused leaves anything."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from orchestrator.request_body import MAX_JSON_BYTES
from shared.database.connection import Pool
from tests.api_world import DESCRIPTION, LIMITS, PROBLEM, Api, listening, open_api, problem

JSON = {"content-type": "application/json"}
FORM = {"content-type": "multipart/form-data; boundary=x"}


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(pool, redis_url, tmp_path) as api:
        yield api
        assert await nothing_is_stray(api)


async def nothing_is_stray(api: Api) -> bool:
    """Whether every folder belongs to a task of the ledger."""
    rows = await api.world.pool.fetch("SELECT id FROM tasks")
    return {path.name for path in api.files.iterdir()} <= {str(row["id"]) for row in rows}


REFUSED: list[tuple[str, Any, int, str]] = [
    ("missing", {}, 422, "description-missing"),
    ("null", {"description": None}, 422, "invalid-request"),
    ("number", {"description": 1234567890}, 422, "invalid-request"),
    ("short", {"description": "x" * 9}, 422, "description-too-short"),
    ("space", {"description": " " * 30}, 422, "description-too-short"),
    ("short within space", {"description": f"\n\n {'x' * 9} \t\n"}, 422, "description-too-short"),
    ("long", {"description": "x" * 5_001}, 422, "description-too-long"),
    ("nul", {"description": "ten characters\x00"}, 422, "control-characters"),
    ("escape", {"description": "ten characters \x1b[31m"}, 422, "control-characters"),
    ("c1", {"description": "ten characters \x9b"}, 422, "control-characters"),
    ("edge", {"description": "ten characters \x0b"}, 422, "control-characters"),
    ("bidi", {"description": "ten characters \u202egnp.exe"}, 422, "control-characters"),
    ("nul in user", {"user_id": "a\x00b"}, 422, "control-characters"),
    ("nul in title", {"title": "a\x00b"}, 422, "control-characters"),
    ("no user", {"user_id": " "}, 422, "invalid-request"),
    ("long user", {"user_id": "u" * 129}, 422, "invalid-request"),
    ("long title", {"title": "t" * 201}, 422, "invalid-request"),
    ("unknown", {"priorty": 5}, 422, "unknown-field"),
    ("not JSON's word", {"files": []}, 422, "unknown-field"),
    ("priority 11", {"priority": 11}, 422, "priority-out-of-range"),
    ("priority -1", {"priority": -1}, 422, "priority-out-of-range"),
    ("priority huge", {"priority": 10**300}, 422, "priority-out-of-range"),
    ("priority half", {"priority": 5.5}, 422, "invalid-request"),
    ("priority text", {"priority": "5"}, 422, "invalid-request"),
    ("priority bool", {"priority": True}, 422, "invalid-request"),
    ("priority null", {"priority": None}, 422, "invalid-request"),
]


async def test_a_field_that_cannot_be_is_named(api: Api) -> None:
    for name, fields, status, slug in REFUSED:
        full = fields if name == "missing" else {"description": DESCRIPTION} | fields
        body = problem(await api.client.post("/tasks", json=full), status, slug, name)
        assert body["remedy"], name
        assert [item["field"] for item in body["errors"]] == [next(iter(fields), "description")]
    assert await api.world.pool.fetchval("SELECT count(*) FROM tasks") == 0
    assert api.woken == []


async def test_what_is_within_the_limits_is_kept(api: Api) -> None:
    unusual = ("Größe: 5 € 漢字 🙂", "two lines\nand a\ttab", f"  {'x' * 10}  ")
    for description in ("x" * 10, "x" * 5_000, *unusual):
        shown = await api.submit(description=description)
        assert shown["description"] == description.strip()
        assert (await api.task(shown["id"]))["description"] == description.strip()
    for priority in (0, 10, 5.0):
        assert (await api.submit(priority=priority))["priority"] == int(priority)
    shown = await api.submit(user_id="u" * 128, title="t" * 200)
    assert (shown["user_id"], shown["title"]) == ("u" * 128, "t" * 200)


async def test_what_is_not_said_is_filled_in(api: Api) -> None:
    answer = await api.client.post("/tasks", json={"description": f"{'word ' * 30}\nmore"})
    shown = answer.json()
    assert answer.headers["location"] == f"/tasks/{shown['id']}"
    assert (shown["user_id"], shown["priority"], shown["status"]) == ("anonymous", 5, "pending")
    assert shown["title"] == f"{('word ' * 15).strip()}…"
    assert shown["waiting"]["reason"] == "waiting for a free planner"


async def test_it_is_answered_without_a_model_and_a_planner_is_told(api: Api) -> None:
    shown = await api.submit()
    assert shown["subtasks"] == []
    assert api.woken == [None]
    assert await api.services.doorbell.depth("task_submissions") == 1


BROKEN: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("no JSON", b"{", JSON, 400, "malformed-json"),
    ("empty", b"", JSON, 400, "malformed-json"),
    ("not UTF-8", b'{"description": "\xff\xff\xff\xff\xff\xff"}', JSON, 400, "malformed-json"),
    ("deep", b"[" * 100_000, JSON, 400, "malformed-json"),
    ("huge number", b'{"priority": ' + b"9" * 5_000 + b"}", JSON, 400, "malformed-json"),
    ("list", b"[]", JSON, 422, "not-an-object"),
    ("text", b'"a task for you"', JSON, 422, "not-an-object"),
    ("null", b"null", JSON, 422, "not-an-object"),
    ("surrogate", b'{"description": "ten characters \\ud800"}', JSON, 422, "control-characters"),
    (
        "surrogate name",
        b'{"description": "ten characters", "\\ud800": 1}',
        JSON,
        422,
        "invalid-request",
    ),
    ("XML", b"<task/>", {"content-type": "text/xml"}, 415, "unsupported-content-type"),
    ("no type", b"{}", {}, 415, "unsupported-content-type"),
    (
        "urlencoded",
        b"a=b",
        {"content-type": "application/x-www-form-urlencoded"},
        415,
        "unsupported-content-type",
    ),
    ("no boundary", b"", {"content-type": "multipart/form-data"}, 400, "malformed-body"),
    ("bad boundary", b"--y\r\n", FORM, 400, "malformed-body"),
    ("no name", b"--x\r\n\r\nabc\r\n--x--\r\n", FORM, 400, "malformed-body"),
    (
        "odd charset",
        b'--x\r\nContent-Disposition: form-data; name="\xff"\r\n\r\na\r\n--x--\r\n',
        {"content-type": "multipart/form-data; boundary=x; charset=undefined"},
        400,
        "malformed-body",
    ),
    ("empty form", b"--x--\r\n", FORM, 422, "description-missing"),
]


async def test_a_body_that_cannot_be_read_says_why(api: Api) -> None:
    for name, body, headers, status, slug in BROKEN:
        answer = await api.client.post("/tasks", content=body, headers=headers)
        assert problem(answer, status, slug, name)["remedy"], name
    assert await api.world.pool.fetchval("SELECT count(*) FROM tasks") == 0


async def test_a_thousand_strange_fields_give_a_short_answer(api: Api) -> None:
    strange = {f"{number}{'x' * 500}": 1 for number in range(1_000)}
    answer = await api.client.post("/tasks", json=strange | {"description": DESCRIPTION})
    body = problem(answer, 422, "unknown-field")
    assert len(body["errors"]) == 21
    assert body["errors"][-1]["message"] == "and 980 more findings"
    assert len(answer.content) < 20_000


async def test_a_body_over_the_limit_is_refused_before_it_is_read(api: Api) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        while sent < 1 << 30:
            sent += 1 << 16
            yield b" " * (1 << 16)

    form = LIMITS.upload_bytes + MAX_JSON_BYTES
    for headers, limit, slug in (
        (JSON, MAX_JSON_BYTES, "body-too-large"),
        (FORM, form, "files-too-large"),
    ):
        declared = headers | {"content-length": str(limit + 1)}
        answer = await api.client.post("/tasks", content=endless(), headers=declared)
        problem(answer, 413, slug)
        assert sent == 0
        problem(await api.client.post("/tasks", content=endless(), headers=headers), 413, slug)
        assert limit <= sent <= limit + (1 << 16)
        sent = 0


async def test_a_strange_content_length_harms_nobody(api: Api) -> None:
    for length in ("9" * 30, "\u00b2", "-1", "x", "9" * 5_000):
        request = api.client.build_request("POST", "/tasks", content=b"{", headers=JSON)
        request.headers = httpx.Headers(
            [(b"content-type", b"application/json"), (b"content-length", length.encode("latin-1"))]
        )
        answer = await api.client.send(request)
        assert answer.status_code in (400, 413), length
        assert answer.headers["content-type"] == PROBLEM


async def test_over_the_wire_a_client_is_answered_while_it_still_sends(api: Api) -> None:
    head = "POST /tasks HTTP/1.1\r\nHost: quintet\r\nContent-Type: application/json\r\n"
    chunk = b"10000\r\n" + b" " * (1 << 16) + b"\r\n"
    async with listening(api.app) as port, asyncio.timeout(10):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for _ in range(MAX_JSON_BYTES // (1 << 16) + 1):
            writer.write(chunk)
            await writer.drain()
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")
        assert PROBLEM.encode() in answer
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_leaves_midway_leaves_nothing(
    api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    async def half() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\nabc'
        raise ConnectionResetError

    async with listening(api.app) as port, httpx.AsyncClient() as client:
        with pytest.raises(ConnectionResetError):
            await client.post(f"http://127.0.0.1:{port}/tasks", content=half(), headers=FORM)
    said = capfd.readouterr()
    assert "error" not in (said.out + said.err).lower()
