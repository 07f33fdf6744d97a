"""`quintet plan`, `edit`, `approve` and `reject` against the real API."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest
import yaml

from shared.database.connection import Pool
from shared.models import Plan, PlanVersion
from tests.api_world import Api, listening, open_api
from tests.cli_world import Quintet
from tests.editor import Editor
from tests.ledger_world import plan_of, planned
from tests.planned_by_hand import PlannedByHand
from ui.cli.exit import Exit

Run = Callable[..., Awaitable[tuple[int, str, str]]]
FIRST = plan_of(planned("a"), planned("b", "a", description="Do b.\n\nCarefully.\n"))
SECOND = plan_of(planned("a"), planned("c", "a"))


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(pool, redis_url, tmp_path / "files") as api:
        yield api


@pytest.fixture
async def quintet(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> AsyncIterator[Run]:
    async with listening(api.app) as port:
        run = Quintet(f"http://127.0.0.1:{port}", monkeypatch, capsys)

        async def away_from_the_loop(*words: str) -> tuple[int, str, str]:
            return await asyncio.to_thread(run, *words)

        yield away_from_the_loop


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Editor:
    return Editor(tmp_path, monkeypatch)


async def proposed(api: Api, *plans: Plan) -> tuple[UUID, PlannedByHand]:
    planner = PlannedByHand(api.world, list(plans or (FIRST,)))
    task_id = UUID((await api.submit(require_approval=True))["id"])
    await planner.plan(task_id)
    return task_id, planner


async def current(api: Api, task_id: UUID) -> PlanVersion:
    answer = await api.client.get(f"/tasks/{task_id}/plan")
    return PlanVersion.model_validate_json(answer.content)


async def test_a_plan_is_shown_as_words_yaml_or_json(api: Api, quintet: Run) -> None:
    task_id, _ = await proposed(api)
    name, hash = str(task_id)[:8], (await current(api, task_id)).hash
    code, out, _ = await quintet("plan", name)
    assert code == Exit.OK
    for words in ("Version 1, by the planner", hash[:12], "└─ ◌ Planned  B  b", "Carefully."):
        assert words in out
    _, out, _ = await quintet("plan", name, "--yaml")
    assert Plan.model_validate(yaml.safe_load(out)) == FIRST
    _, out, _ = await quintet("plan", name, "--json")
    assert json.loads(out)["hash"] == hash
    assert (await quintet("plan", name, "--yaml", "--json"))[0] == Exit.INVALID
    code, _, err = await quintet("plan", name, "--version", "7")
    assert (code, "There are: 1." in err) == (Exit.NOT_FOUND, True)


async def test_approve_by_hash_lets_it_run(api: Api, quintet: Run) -> None:
    task_id, _ = await proposed(api)
    name, hash = str(task_id)[:8], (await current(api, task_id)).hash
    code, _, err = await quintet("approve", name)
    assert code == Exit.INVALID
    assert f"Type `quintet approve {name} --hash {hash[:12]}`." in err
    assert (await quintet("approve", name, "--hash", hash[:3]))[0] == Exit.INVALID
    assert (await quintet("approve", name, "--hash", "f" * 12))[0] == Exit.CONFLICT
    assert (await api.task(task_id))["status"] == "awaiting_approval"
    assert (await quintet("approve", name, "--hash", hash[:12]))[0] == Exit.OK
    assert (await api.task(task_id))["status"] == "in_progress"
    assert (await quintet("approve", name, "--hash", hash[:12]))[0] == Exit.CONFLICT


async def test_reject_brings_a_new_version_that_can_be_compared(api: Api, quintet: Run) -> None:
    task_id, planner = await proposed(api, FIRST, SECOND)
    name = str(task_id)[:8]
    assert (await quintet("reject", name))[0] == Exit.INVALID
    code, _, _ = await quintet("reject", name, "--feedback", "c instead of b")
    assert code == Exit.OK
    await planner.plan(task_id)
    code, out, _ = await quintet("plan", name)
    assert "After the feedback: c instead of b" in out
    code, out, _ = await quintet("plan", name, "--compare", "1", "2")
    assert code == Exit.OK
    for words in ("From version 1 to version 2", "+ Added  C  c", "- Removed  B  b"):
        assert words in out
    _, out, _ = await quintet("plan", name, "--version", "1", "--json")
    assert json.loads(out)["current"] is False


async def test_edit_sends_what_was_written_and_prints_what_changed(
    api: Api, quintet: Run, editor: Editor
) -> None:
    task_id, _ = await proposed(api)
    editor.will('text.replace("title: B", "title: B, better")')
    code, out, _ = await quintet("edit", str(task_id)[:8])
    assert code == Exit.OK
    mine = await current(api, task_id)
    assert (mine.version, mine.author, mine.plan.subtasks[1].title) == (2, "person", "B, better")
    for words in ("~ Changed", "+ B, better", f"--hash {mine.hash[:12]}"):
        assert words in out
    assert "required_capabilities" in editor.seen[0].partition("summary:")[0]
    assert "      Carefully.\n" in editor.seen[0]
    assert editor.kept == []


async def test_mistakes_come_back_on_top_until_the_plan_is_valid(
    api: Api, quintet: Run, editor: Editor
) -> None:
    task_id, _ = await proposed(api)
    editor.will(
        'text.replace("priority: 5", "priority: high", 1)',
        'text.replace("priority: high", "priority: 7").replace("dependencies: []", '
        '"dependencies: [b]")',
        'text.replace("dependencies: [b]", "dependencies: []")',
    )
    assert (await quintet("edit", str(task_id)))[0] == Exit.OK
    _, second, third = editor.seen
    line = next(line for line in second.splitlines() if "subtasks[1].priority" in line)
    number = int(line.partition("line ")[2].partition(":")[0])
    assert second.splitlines()[number - 1].strip() == "priority: high"
    assert "#!   the dependencies form a cycle: a -> b -> a" in third
    assert third.count("Not accepted") == 1
    assert (await current(api, task_id)).plan.subtasks[0].priority == 7
    assert editor.kept == []


async def test_giving_up_keeps_what_was_written(api: Api, quintet: Run, editor: Editor) -> None:
    task_id, _ = await proposed(api)
    editor.will('text.replace("title: B", "title: [B")')
    code, _, err = await quintet("edit", str(task_id))
    assert code == Exit.INVALID
    (kept,) = editor.kept
    assert f"What you wrote is in {kept}" in err
    assert "title: [B" in kept.read_text()
    assert (await current(api, task_id)).version == 1


async def test_no_change_sends_nothing(api: Api, quintet: Run, editor: Editor) -> None:
    task_id, _ = await proposed(api)
    for edit in ("text", '"# a remark\\n" + text'):
        editor.will(edit)
        code, out, _ = await quintet("edit", str(task_id))
        assert (code, out) == (Exit.OK, "Nothing was changed, nothing was sent.\n")
    assert (await current(api, task_id)).version == 1
    assert editor.kept == []


async def test_a_plan_that_changed_meanwhile_is_not_overwritten(
    api: Api, quintet: Run, editor: Editor
) -> None:
    task_id, _ = await proposed(api)
    first = (await current(api, task_id)).hash
    editor.will('text.replace("title: B", "title: Mine")')
    editor.hold.touch()
    mine = asyncio.ensure_future(quintet("edit", str(task_id)))
    async with asyncio.timeout(10):
        while not editor.seen:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.01)
    body = {"hash": first, "plan": SECOND.model_dump(mode="json")}
    assert (await api.client.put(f"/tasks/{task_id}/plan", json=body)).status_code == 200
    editor.hold.unlink()
    code, _, err = await mine
    assert code == Exit.CONFLICT
    (kept,) = editor.kept
    assert str(kept) in err
    assert "title: Mine" in kept.read_text()
    assert (await current(api, task_id)).plan == SECOND


async def test_a_plan_that_runs_is_not_opened(api: Api, quintet: Run, editor: Editor) -> None:
    task_id, _ = await proposed(api)
    hash = (await current(api, task_id)).hash
    await api.client.post(f"/tasks/{task_id}/approve", json={"hash": hash})
    code, _, err = await quintet("edit", str(task_id))
    assert (code, editor.seen) == (Exit.CONFLICT, [])
    assert "in progress" in err


@pytest.mark.parametrize(
    ("chosen", "code"),
    [("/nowhere/editor", Exit.TASK_FAILED), ("'", Exit.TASK_FAILED), ("false", Exit.INVALID)],
)
async def test_an_editor_that_does_not_work_is_named(
    api: Api, quintet: Run, editor: Editor, monkeypatch: pytest.MonkeyPatch, chosen: str, code: Exit
) -> None:
    task_id, _ = await proposed(api)
    monkeypatch.setenv("VISUAL", chosen)
    found, _, err = await quintet("edit", str(task_id))
    assert found == code
    assert "editor" in err.lower()
    assert editor.kept == []
