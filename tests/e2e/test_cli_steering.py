"""`quintet pause`, `cancel`, `retry`, `rerun` and `logs` against the real API."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import pytest

from shared.http_server import server_for
from shared.models import PlannedSubtask
from tests.api_world import Api, listening
from tests.cli_world import Quintet
from tests.editor import Editor
from tests.event_clients import line
from tests.ledger_world import planned
from ui.cli import following
from ui.cli.exit import Exit

Run = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def quintet(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Run]:
    async with listening(api.app) as port:
        run = Quintet(f"http://127.0.0.1:{port}", monkeypatch, capsys)
        monkeypatch.setattr("ui.cli.following.POLL_SECONDS", 30.0)  # the bell is what wakes it here

        async def away_from_the_loop(*words: str) -> tuple[int, str, str]:
            return await asyncio.to_thread(run, *words)

        yield away_from_the_loop


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(tmp_path, monkeypatch)


async def begun(api: Api, *more: PlannedSubtask) -> UUID:
    """a, then b; and more."""
    return await api.world.ready(planned("a"), planned("b", "a"), *more)


async def work(api: Api, task_id: UUID) -> None:
    """Work the task to its answer."""
    while claimed := await api.world.claim_next(api.world.claimant(), limit=9):
        for item in claimed:
            assert await api.world.complete(item)
        steps = await api.advancer.advance([task_id])
    owner = api.advancer._owner
    assert await api.world.tasks.complete(steps[0], owner=owner, answer="the answer", result={})


async def test_pause_and_resume(api: Api, quintet: Run) -> None:
    task_id = await begun(api)
    code, out, _ = await quintet("pause", str(task_id)[:8])
    assert (code, "Paused" in out) == (Exit.OK, True)
    assert (await api.task(task_id))["paused_reason"] == "user"
    assert (await quintet("pause", str(task_id)))[0] == Exit.CONFLICT
    assert (await quintet("resume", str(task_id)))[0] == Exit.OK
    assert (await api.task(task_id))["paused_reason"] is None
    assert (await quintet("priority", str(task_id), "9"))[0] == Exit.OK
    assert (await api.task(task_id))["priority"] == 9


async def test_one_subtask_is_cancelled_and_retried(api: Api, quintet: Run) -> None:
    task_id = await begun(api, planned("c"))
    code, _, _ = await quintet("cancel", str(task_id), "a")
    assert code == Exit.OK
    assert (await api.subtasks(task_id))["a"]["status"] == "cancelled"
    assert (await quintet("cancel", str(task_id), "a"))[0] == Exit.CONFLICT
    assert (await quintet("retry", str(task_id), "a"))[0] == Exit.OK
    assert (await api.subtasks(task_id))["a"]["status"] in ("pending", "queued")
    assert (await quintet("cancel", str(task_id)))[0] == Exit.OK


async def test_a_retry_is_edited_until_it_is_valid(api: Api, quintet: Run, editor: Editor) -> None:
    task_id = await begun(api, planned("c"))
    claimed = await api.world.claim_next(api.world.claimant(), limit=9)
    assert await api.world.fail(next(each for each in claimed if each.key == "a"))
    await api.advancer.advance([task_id])
    editor.will()
    assert (await quintet("retry", str(task_id), "a", "--edit"))[1].startswith("Nothing was")
    assert (await api.subtasks(task_id))["a"]["status"] == "failed"
    editor.will(
        'text.replace("priority: 5", "priority: high")',
        'text.replace("priority: high", "priority: 8").replace("profile: null", "profile: wizard")',
        'text.replace("profile: wizard", "profile: backend").replace("description: ", "&Again: ")'
        '.replace("&Again: ", "description: Again. ")',
    )
    code, _, err = await quintet("retry", str(task_id), "a", "--edit")
    assert code == Exit.OK, err
    _, second, third, fourth = editor.seen
    assert second.splitlines()[0].startswith("# Change what should be different")
    assert "priority: input should be a valid integer" in third
    assert "names the profile 'wizard', which nobody has" in fourth
    part = (await api.subtasks(task_id))["a"]
    assert (part["priority"], part["profile"], part["status"]) == (8, "backend", "queued")
    assert part["description"].startswith("Again. ")
    assert editor.kept == []
    both = ("--edit", "--description", "x")
    assert (await quintet("retry", str(task_id), "a", *both))[0] == Exit.INVALID


async def test_a_rerun_is_edited_after_its_preview(api: Api, quintet: Run, editor: Editor) -> None:
    task_id = await begun(api)
    await work(api, task_id)
    editor.will('text.replace("priority: 5", "priority: 9")')
    code, out, _ = await quintet("rerun", str(task_id), "b", "--edit", "--yes")
    assert (code, "Runs again: 1 subtask" in out) == (Exit.OK, True)
    part = (await api.subtasks(task_id))["b"]
    assert (part["priority"], part["status"]) == (9, "queued")


async def test_a_second_cancel_is_answered_calmly(api: Api, quintet: Run) -> None:
    task_id = await begun(api)
    assert len(await api.world.claim_next(api.world.claimant())) == 1
    assert (await quintet("cancel", str(task_id)))[0] == Exit.OK
    code, _, err = await quintet("cancel", str(task_id))
    assert code == Exit.CONFLICT
    assert "Nothing to do: The task is already being cancelled." in err


async def test_rerun_shows_first_what_it_would_do(api: Api, quintet: Run) -> None:
    task_id = await begun(api)
    await work(api, task_id)
    code, out, _ = await quintet("rerun", str(task_id), "b", "--preview")
    assert code == Exit.OK
    for words in ("Runs again: 1 subtask", "Is reused: 1 subtask"):
        assert words in out
    code, out, err = await quintet("rerun", str(task_id), "b")
    assert code == Exit.INVALID
    assert "Runs again: 1 subtask" in out
    assert f"Type `quintet rerun {str(task_id)[:8]} b --yes`." in err
    assert (await api.task(task_id))["status"] == "completed"
    sure = ("--yes", "--description", "Do b better", "--json")
    code, out, err = await quintet("rerun", str(task_id), "b", *sure)
    assert (code, json.loads(out)["status"]) == (Exit.OK, "in_progress")
    assert "Runs again: 1 subtask" in err
    assert (await api.subtasks(task_id))["b"]["description"] == "Do b better"


async def test_logs_are_of_the_task_or_of_a_subtask(api: Api, quintet: Run) -> None:
    task_id = await begun(api)
    ids = {key: UUID(one["id"]) for key, one in (await api.subtasks(task_id)).items()}
    lines = [line(task_id, message=f"of {key}", subtask_id=ids[key], attempt=1) for key in ids]
    await api.world.subtasks.append_logs(lines)
    code, out, _ = await quintet("logs", str(task_id))
    assert (code, [said[10:] for said in out.splitlines()]) == (Exit.OK, ["a  of a", "b  of b"])
    _, out, _ = await quintet("logs", str(task_id), "b")
    assert [said[10:] for said in out.splitlines()] == ["of b"]
    _, out, _ = await quintet("logs", str(task_id), "--json")
    assert [entry["message"] for entry in json.loads(out)["entries"]] == ["of a", "of b"]


async def test_watch_hears_what_happens_at_once(api: Api, quintet: Run) -> None:
    task_id = await begun(api)
    subtask_id = UUID((await api.subtasks(task_id))["a"]["id"])
    watching = asyncio.ensure_future(quintet("watch", str(task_id), "--subtask", "a"))
    async with asyncio.timeout(20):  # it looks by itself only every 30 s
        while not api.services.events.position:  # noqa: ASYNC110 - the hub has no event for it
            await asyncio.sleep(0.01)
        said = [line(task_id, message="hello", subtask_id=subtask_id, attempt=1)]
        await api.world.subtasks.append_logs(said)
        await work(api, task_id)
        code, out, _ = await watching
    assert code == Exit.OK
    for words in ("Completed  A  a", "Completed  B  b", "a  hello", "the answer"):
        assert words in out


async def test_watch_outlives_a_restart_of_the_orchestrator(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    task_id = await begun(api)
    monkeypatch.setattr(following, "HEARD_SECONDS", 0.05)
    async with served(api, 0) as port:
        run = Quintet(f"http://127.0.0.1:{port}", monkeypatch, capsys)
        watching = asyncio.ensure_future(asyncio.to_thread(run, "watch", str(task_id)))
        async with asyncio.timeout(20):
            while not api.services.events.position:  # noqa: ASYNC110 - the hub has no event for it
                await asyncio.sleep(0.01)
    await asyncio.sleep(1)  # many looks that nobody answers
    assert not watching.done()
    async with served(api, port), asyncio.timeout(20):
        await work(api, task_id)
        code, out, _ = await watching
    assert code == Exit.OK
    for words in ("The service does not answer", "It is back.", "Completed  B  b", "the answer"):
        assert words in out


@asynccontextmanager
async def served(api: Api, port: int) -> AsyncIterator[int]:
    """The app on a port, to be found there again."""
    server = server_for(api.app, host="127.0.0.1", port=port, grace_seconds=1)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.finish()
        await serving
