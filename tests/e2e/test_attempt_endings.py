"""However an attempt ends, what it started is gone: its session, its Bash, its checks."""

import asyncio
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from agent.checks.runner import run_checks
from agent.claude import ClaudeSession
from agent.outcome import Failed, Outcome
from agent.process_tree import marked
from shared.database.connection import Pool
from shared.models import Assignment, CommandCheck, PlannedCheck
from shared.states import FailureKind
from tests.check_world import check_context, folder_of
from tests.e2e.test_launcher_session import exists, nothing, script, settings
from tests.escapee import escape_to, silent
from tests.ledger_world import World, planned
from tests.messages_server import messages_server
from tests.ticks import ticks
from tests.worker_world import DONE, Agent, Body, working_agent

WORKS = ["session", "checks"]


@contextmanager
def body_of(work: str, folder: Path, seconds: float = 60) -> Iterator[tuple[Body, Path]]:
    """An attempt that starts a process which hides, then hangs; where that one tells its pid."""
    if work == "session":
        with messages_server(script(folder)) as server:
            yield _session_body(folder, server.url, seconds), folder / "work/pid"
    else:
        yield _checks_body(folder, seconds), folder_of(folder) / "pid"


def _session_body(folder: Path, url: str, seconds: float) -> Body:
    async def body(_: Assignment) -> Outcome:
        try:
            async with asyncio.timeout(seconds), ClaudeSession(settings(folder, url)) as session:
                await session.ask("Go.", nothing)
        except TimeoutError:
            return Failed(FailureKind.TIMEOUT, "too late")
        return DONE

    return body


def _checks_body(folder: Path, seconds: float) -> Body:
    context = check_context(folder)
    hide = shlex.join(escape_to(folder_of(folder) / "pid"))
    check = PlannedCheck(check=CommandCheck(kind="command", command=f"{hide}; sleep 60"))

    async def body(_: Assignment) -> Outcome:
        try:
            async with asyncio.timeout(seconds):
                await run_checks([check], context)
        except TimeoutError:
            return Failed(FailureKind.TIMEOUT, "too late")
        return DONE

    return body


def assert_gone(folder: Path, pid_file: Path) -> None:
    """Neither the process that hid, nor anything else of the attempt, nor a launcher."""
    assert silent(pid_file)
    assert not list(marked(f"test/{folder.name}"))
    ours = psutil.Process().children(recursive=True)
    assert not [each for each in ours if "launcher.py" in " ".join(each.cmdline())]


async def idle(agent: Agent) -> None:
    """Until the worker holds nothing."""
    async for _ in ticks(within=10):
        if not agent.worker.running:
            return


@pytest.mark.parametrize("work", WORKS)
async def test_after_a_cancel(work: str, pool: Pool, redis_url: str, tmp_path: Path) -> None:
    world = World(pool)
    with body_of(work, tmp_path) as (body, pid_file):
        async with working_agent(pool, redis_url, body) as agent:
            task_id = await world.ready(planned("only"))
            await exists(pid_file)
            await world.tasks.request_cancel(task_id)
            await agent.doorbell.call_stopped(task_id)
            await idle(agent)
            assert_gone(tmp_path, pid_file)
    assert await world.statuses(task_id) == {"only": "cancelled"}


@pytest.mark.parametrize("work", WORKS)
async def test_after_a_drain(work: str, pool: Pool, redis_url: str, tmp_path: Path) -> None:
    world = World(pool)
    with body_of(work, tmp_path) as (body, pid_file):
        async with working_agent(pool, redis_url, body, drain=0.1):
            task_id = await world.ready(planned("only"))
            await exists(pid_file)
        assert_gone(tmp_path, pid_file)
    assert await world.statuses(task_id) == {"only": "queued"}


@pytest.mark.parametrize("work", WORKS)
async def test_after_a_fence(work: str, pool: Pool, redis_url: str, tmp_path: Path) -> None:
    world = World(pool)
    with body_of(work, tmp_path) as (body, pid_file):
        async with working_agent(pool, redis_url, body, lease=1.2, slots=1) as agent:
            task_id = await world.ready(planned("only"))
            await exists(pid_file)
            agent.worker.stop()  # or it would claim what was taken from it
            async for _ in ticks():  # it renews its lease all the while
                await world.expire()
                if await world.subtasks.rescue(max_losses=3, grace_seconds=0) == [task_id]:
                    break
            await idle(agent)
            assert_gone(tmp_path, pid_file)
    assert await world.statuses(task_id) == {"only": "queued"}


@pytest.mark.parametrize("work", WORKS)
async def test_after_its_time(work: str, pool: Pool, redis_url: str, tmp_path: Path) -> None:
    world = World(pool)
    with body_of(work, tmp_path, seconds=4) as (body, pid_file):
        async with working_agent(pool, redis_url, body) as agent:
            task_id = await world.ready(planned("only"))
            await exists(pid_file)
            await idle(agent)
            assert_gone(tmp_path, pid_file)
    assert await world.statuses(task_id) == {"only": "failed"}
