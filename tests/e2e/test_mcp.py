"""`quintet mcp` as the program that it is, with the official MCP client on the other side."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TextIO

import httpx
import pytest
from mcp import Client
from mcp.types import CallToolResult, TextContent

from tests import ui_records as records
from tests.e2e.stack_world import Stack
from tests.mcp_world import (
    DEADLINE,
    DONE,
    FAILED,
    FILES,
    HASH,
    PLAN,
    PREVIEW,
    REPORT,
    RUNNING,
    TASK,
    VERSION,
    ok,
    over_http,
    over_stdio,
    problem,
    routed,
    serving,
    words,
)
from tests.scripted_service import Reply, ScriptedService, scripted_service
from ui.mcp.records import ArtifactReport

Transport = Callable[[str, TextIO], AbstractAsyncContextManager[Client]]
TRANSPORTS = pytest.mark.parametrize("over", [over_stdio, over_http], ids=["stdio", "http"])
ID = {"task_id": str(TASK)}
SUBTASK = {**ID, "subtask": "report"}
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("submit_task", {"description": "Which region sold most?"}),
    ("wait_for_task", {**ID, "seconds": 0}),
    ("get_task", ID),
    ("list_tasks", {}),
    ("get_plan", ID),
    ("approve_plan", {**ID, "hash": HASH}),
    ("reject_plan", {**ID, "hash": HASH, "feedback": "fewer parts"}),
    ("edit_plan", {**ID, "hash": HASH, "plan": PLAN.model_dump(mode="json")}),
    ("pause_task", ID),
    ("resume_task", ID),
    ("cancel_task", ID),
    ("cancel_subtask", SUBTASK),
    ("retry_subtask", {**SUBTASK, "attempt": 2}),
    ("preview_rerun", SUBTASK),
    ("list_artifacts", ID),
    ("read_artifact", {**ID, "path": "load/rows.csv"}),
    ("get_log", ID),
)


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    """An orchestrator that knows one task, and agrees to everything."""
    with scripted_service() as running:
        view = ok(RUNNING, 202)
        replies = {
            **{f"POST /{verb}": view for verb in ("approve", "reject", "pause", "resume")},
            **{f"POST /subtasks/{REPORT.id}/{verb}": view for verb in ("cancel", "retry")},
            "POST /tasks": view,
            "POST /cancel": view,
            "POST /rerun": ok(PREVIEW),
            "GET /tasks": Reply(200, '{"tasks": [], "next_cursor": null}'),
            "GET /": ok(records.detail(FAILED)),
            "GET /plan": ok(VERSION),
            "PUT /plan": ok(VERSION),
            "GET /logs": Reply(200, '{"entries": [], "next_after": 0}'),
            "GET /artifacts": ok(ArtifactReport(artifacts=DONE.artifacts)),
            "GET /artifacts/load/rows.csv": Reply(200, FILES["load/rows.csv"], "text/csv"),
        }
        routed(running, replies)
        yield running


@pytest.fixture
def log(tmp_path: Path) -> Iterator[TextIO]:
    """What the program says beside the protocol: nothing, if the test is to pass."""
    path = tmp_path / "log"
    with path.open("w") as file:
        yield file
    assert path.read_text() == ""


@TRANSPORTS
async def test_every_tool_answers(over: Transport, service: ScriptedService, log: TextIO) -> None:
    async with over(service.url, log) as client:
        names = {tool.name for tool in (await client.list_tools()).tools}
        results = {name: await client.call_tool(name, given) for name, given in CALLS}
        seen = results["preview_rerun"].structured_content["seen"]
        routed(service, {"GET /": ok(records.detail(FAILED)), "POST /rerun": ok(RUNNING, 202)})
        results["rerun"] = await client.call_tool("rerun", {**SUBTASK, "seen": seen})
    assert {name: words(each) for name, each in results.items() if each.is_error} == {}
    assert set(results) == names


@TRANSPORTS
async def test_a_conflict_is_an_answer_and_the_program_goes_on(
    over: Transport, service: ScriptedService, log: TextIO
) -> None:
    more = {"remedy": "look at it again", "status_now": "in_progress"}
    conflict = problem(409, "conflict", "no plan waits for approval", **more)
    routed(service, {"POST /approve": conflict, "GET /": ok(records.detail(FAILED))})
    async with over(service.url, log) as client:
        refused = await client.call_tool("approve_plan", {**ID, "hash": HASH})
        after = await client.call_tool("get_task", ID)
    assert refused.is_error
    assert "No plan waits for approval." in words(refused)
    assert "status now: in_progress" in words(refused)
    assert not after.is_error


@TRANSPORTS
async def test_progress_is_told_while_a_call_waits(
    over: Transport, service: ScriptedService, log: TextIO
) -> None:
    service.script(*(ok(records.detail(each)) for each in (RUNNING, RUNNING, DONE)))
    told: list[str | None] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert total is not None and progress <= total
        told.append(message)

    async with over(service.url, log) as client:
        result = await client.call_tool("wait_for_task", ID, progress_callback=hear)
    assert result.structured_content["reason"] == "ended"
    assert told == ["1 agent at work. 1 of 2 done · 1 running"]


async def test_the_program_ends_when_its_client_goes_in_the_middle_of_a_wait(
    service: ScriptedService, log: TextIO
) -> None:
    routed(service, {"GET /": ok(records.detail(RUNNING))})
    clock = asyncio.get_running_loop().time
    async with over_stdio(service.url, log) as client:
        waiting = asyncio.create_task(client.call_tool("wait_for_task", ID))
        await _asked(service)
        waiting.cancel()
        await asyncio.wait([waiting])
        began = clock()
    assert clock() - began < 2, "the client's patience, after which it kills"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_ends_it_even_while_a_client_listens(
    ending: signal.Signals, service: ScriptedService, log: TextIO
) -> None:
    async with (
        serving(service.url, log) as (address, process),
        httpx.AsyncClient(headers=HEADERS, trust_env=False) as http,
    ):
        answer = await http.post(address, json=INITIALIZE)
        session = {"Mcp-Session-Id": answer.headers["mcp-session-id"]}
        async with http.stream("GET", address, headers=session) as listening:
            assert listening.status_code == 200
            process.send_signal(ending)
            async with asyncio.timeout(2):
                assert await process.wait() == 0


async def test_a_signal_cuts_a_wait_off(service: ScriptedService, log: TextIO) -> None:
    routed(service, {"GET /": ok(records.detail(RUNNING))})
    async with (
        serving(service.url, log) as (address, process),
        Client(address, read_timeout_seconds=DEADLINE) as client,
    ):
        waiting = asyncio.create_task(client.call_tool("wait_for_task", ID))
        await _asked(service)
        process.terminate()
        async with asyncio.timeout(DEADLINE):
            assert await process.wait() == 0
            await asyncio.wait([waiting])
    assert waiting.exception() is not None


async def _asked(service: ScriptedService) -> None:
    async with asyncio.timeout(DEADLINE):
        while not service.seen:  # noqa: ASYNC110 - it is heard in another thread
            await asyncio.sleep(0.01)


HEADERS = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


async def test_a_page_of_somebody_else_gets_nothing(
    service: ScriptedService, tmp_path: Path
) -> None:
    tried = {
        "Host": ("evil.example", "evil.example:8765", "localhost:8765", "box.example"),
        "Origin": ("http://evil.example", "http://localhost:3000", "https://box.example"),
    }
    with (tmp_path / "log").open("w") as log:
        async with (
            serving(service.url, log, "--name", "box.example") as (address, _),
            httpx.AsyncClient(headers=HEADERS, trust_env=False) as http,
        ):
            given = [{name: value} for name, values in tried.items() for value in values]
            answers = [await http.post(address, json=INITIALIZE, headers=each) for each in given]
    assert [answer.status_code for answer in answers] == [421, 421, 200, 200, 403, 200, 200]


async def _wait(client: Client, task_id: str) -> Any:
    async with asyncio.timeout(90):
        while True:
            result = await client.call_tool("wait_for_task", {"task_id": task_id, "seconds": 5})
            assert not result.is_error, words(result)
            if result.structured_content["reason"] != "time_is_up":
                return result.structured_content


async def _done(client: Client, name: str, **arguments: Any) -> CallToolResult:
    result = await client.call_tool(name, arguments)
    assert not result.is_error, words(result)
    return result


@TRANSPORTS
async def test_a_whole_story(over: Transport, stack: Stack, log: TextIO) -> None:
    async with over(stack.api_url, log) as client:
        request = "Write a one-line haiku about five players."
        handed_in = await _done(client, "submit_task", description=request)
        task_id = handed_in.structured_content["id"]
        ended = await _wait(client, task_id)
        assert (ended["reason"], ended["task"]["status"]) == ("ended", "completed")
        assert ended["task"]["simulated"]
        assert ended["task"]["answer"]
        (path,) = ended["task"]["files"]
        result = await _done(client, "read_artifact", task_id=task_id, path=path)
        haiku = result.content[1]
        assert isinstance(haiku, TextContent)
        assert haiku.text.strip()
        document = (await client.read_resource(f"quintet://tasks/{task_id}")).contents[0]
        assert "## Evidence" in document.model_dump()["text"]
        log_lines = await _done(client, "get_log", task_id=task_id, limit=500)
        assert log_lines.structured_content["lines"]


async def test_a_plan_is_decided_by_the_hash_that_was_seen(stack: Stack, log: TextIO) -> None:
    async with over_stdio(stack.api_url, log) as client:
        request = "Write a one-line haiku about a second look."
        handed_in = await _done(client, "submit_task", description=request, require_approval=True)
        task_id = handed_in.structured_content["id"]
        first = await _wait(client, task_id)
        assert first["reason"] == "needs_approval"
        assert first["task"]["subtasks"] == []

        plan = first["plan"]["plan"] | {"summary": "One step, as the person wants it."}
        old = first["plan"]["hash"]
        edited = await _done(client, "edit_plan", task_id=task_id, hash=old, plan=plan)
        new = edited.structured_content["hash"]
        stale = await client.call_tool("approve_plan", {"task_id": task_id, "hash": old})
        assert stale.is_error
        assert new in words(stale)
        assert "status now: awaiting_approval" in words(stale)

        wish = "Call the part something else."
        await _done(client, "reject_plan", task_id=task_id, hash=new, feedback=wish)
        third = await _wait(client, task_id)
        assert third["reason"] == "needs_approval"
        assert (third["plan"]["version"], third["plan"]["feedback"]) == (3, wish)

        new = third["plan"]["hash"]
        await _done(client, "approve_plan", task_id=task_id, hash=new)
        ended = await _wait(client, task_id)
        assert (ended["reason"], ended["task"]["status"]) == ("ended", "completed")
        again = await client.call_tool("approve_plan", {"task_id": task_id, "hash": new})
        assert again.is_error
        assert "status now: completed" in words(again)


async def test_a_completed_part_is_run_again_as_previewed(stack: Stack, log: TextIO) -> None:
    async with over_stdio(stack.api_url, log) as client:
        request = "Write a one-line haiku about doing it again."
        handed_in = await _done(client, "submit_task", description=request)
        task_id = handed_in.structured_content["id"]
        ended = await _wait(client, task_id)
        part = {"task_id": task_id, "subtask": ended["task"]["subtasks"][0]["key"]}
        preview = await _done(client, "preview_rerun", **part)
        assert [each["key"] for each in preview.structured_content["runs"]] == [part["subtask"]]
        seen = preview.structured_content["seen"]
        await _done(client, "rerun", **part, seen=seen)
        ended = await _wait(client, task_id)
        assert (ended["reason"], ended["task"]["status"]) == ("ended", "completed")
        assert ended["task"]["subtasks"][0]["attempt"] == 2
        stale = await client.call_tool("rerun", {**part, "seen": seen})
        assert stale.is_error
        assert "status now: completed" in words(stale)
