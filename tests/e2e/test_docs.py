"""The examples of the documentation do what they say, one after the other."""

import asyncio
import re
import shlex
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from uuid import UUID

import pytest

from shared.database.connection import Pool
from shared.models import Capability
from tests.api_world import Api, listening, open_api
from tests.cli_world import Quintet
from tests.staff import Staff
from ui.cli.app import COMMANDS
from ui.cli.exit import Exit

DOCS = Path(__file__).resolve().parents[2] / "docs"
TASK, HASH = "3f2a91bc", "9d41c07be2aa"
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(name: str, language: str) -> list[str]:
    """The blocks of one language in a document."""
    found = _BLOCK.findall((DOCS / name).read_text("utf-8"))
    return [text for kind, text in found if kind == language]


COMMAND_LINES = [line for block in examples("cli.md", "sh") for line in block.splitlines()]


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(pool, redis_url, tmp_path / "files") as api:
        await api.appear("agent-1", Capability.DATA_ANALYSIS)
        yield api


@pytest.fixture
def staff(api: Api) -> Staff:
    return Staff(api)


async def submitted(api: Api, **fields: bool) -> UUID:
    return UUID((await api.submit(**fields))["id"])


async def proposed(staff: Staff) -> UUID:
    task_id = await submitted(staff.api, require_approval=True)
    await staff.plan(task_id)
    return task_id


async def replanned(staff: Staff) -> UUID:
    task_id = await proposed(staff)
    seen = (await staff.api.client.get(f"/tasks/{task_id}/plan")).json()["hash"]
    wish = {"hash": seen, "feedback": "do less"}
    answer = await staff.api.client.post(f"/tasks/{task_id}/reject", json=wish)
    assert answer.status_code == 202
    await staff.plan(task_id)
    return task_id


async def begun(staff: Staff) -> UUID:
    task_id = await submitted(staff.api)
    await staff.plan(task_id)
    return task_id


async def paused(staff: Staff) -> UUID:
    task_id = await begun(staff)
    answer = await staff.api.client.post(f"/tasks/{task_id}/pause")
    assert answer.status_code == 202
    return task_id


async def failed(staff: Staff) -> UUID:
    task_id = await begun(staff)
    await staff.work(failing="compare")
    return task_id


async def completed(staff: Staff) -> UUID:
    task_id = await begun(staff)
    await staff.work()
    assert (await staff.api.task(task_id))["status"] == "completed"
    return task_id


PREPARE: dict[str, Callable[[Staff], Awaitable[UUID]]] = {
    "watch": begun,
    "show": completed,
    "logs": begun,
    "plan": replanned,
    "edit": proposed,
    "approve": proposed,
    "reject": proposed,
    "pause": begun,
    "resume": paused,
    "priority": begun,
    "cancel": begun,
    "retry": failed,
    "rerun": completed,
}


def test_every_command_has_an_example() -> None:
    shown = {shlex.split(line)[1] for line in COMMAND_LINES}
    assert set(COMMANDS) - shown == {"mcp"}, "that one has a page of its own"


async def test_the_command_lines_do_what_they_say(
    staff: Staff,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "sales.csv").write_text("region,amount\nNorth,42\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "true")
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")
    async with listening(staff.api.app) as port:
        run = Quintet(f"http://127.0.0.1:{port}", monkeypatch, capsys)
        for line in COMMAND_LINES:
            words = shlex.split(await prepared(line, staff))[1:]
            mine = asyncio.ensure_future(asyncio.to_thread(run, *words))
            if words[0] == "watch" or "--follow" in words:
                async with staff.at_work():
                    code, out, err = await mine
            else:
                code, out, err = await mine
            assert (code, err) == (Exit.OK, ""), f"{line}: {out}"
            assert out, line


async def prepared(line: str, staff: Staff) -> str:
    """The line with the id of a task that is as it should be for it."""
    verb = shlex.split(line)[1]
    if verb not in PREPARE:
        return line
    task_id = await PREPARE[verb](staff)
    if verb == "approve":
        plan = (await staff.api.client.get(f"/tasks/{task_id}/plan")).json()
        line = line.replace(HASH, plan["hash"][: len(HASH)])
    return line.replace(TASK, str(task_id)[: len(TASK)])


@pytest.fixture
async def client_examples(
    staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[list[str]]:
    async with listening(staff.api.app) as port, staff.at_work():
        monkeypatch.setenv("QUINTET_API_URL", f"http://127.0.0.1:{port}")
        yield examples("client.md", "python")


SAID = (
    ("task.completed", "North: 42 of 100.", "report.md 4"),
    ("subtask.completed",),
    ("load changed ['priority']",),
    ("['report'] again; ['load', 'compare'] kept",),
    ("task.planning", "completed"),
    ("not-found", "completed", "scripts/start.sh"),
)


async def test_the_clients_examples_do_what_they_say(
    client_examples: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(client_examples) == len(SAID)
    for number, (example, words) in enumerate(zip(client_examples, SAID, strict=True)):
        code = compile(example, f"docs/client.md, example {number + 1}", "exec")
        await asyncio.wait_for(asyncio.to_thread(exec, code, {"__name__": "example"}), 30)
        out = capsys.readouterr().out
        for said in words:
            assert said in out, f"example {number + 1}: {out}"
