"""The command line in a terminal: questions, the live tree, Tab."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import ui_records as records
from tests.cli_world import HASH, ScriptedTasks, accepted, log_page, page, version
from tests.ledger_world import plan_of, planned
from tests.scripted_service import Reply, scripted_service
from tests.terminal import quintet_in_terminal
from ui.cli.exit import Exit

PROPOSED = records.task("awaiting_approval", plan_hash=HASH)
RUNNING = records.task(
    "in_progress",
    records.subtask("load", "completed"),
    records.subtask("sum", "running", "load"),
    records.subtask("trend", "queued", "load", waiting="No agent is free."),
    records.subtask("report", "pending", "sum", "trend"),
)
DONE = records.task("completed", records.subtask("sum", "completed"), answer="42 of 100")


@pytest.fixture
def tasks() -> Iterator[ScriptedTasks]:
    with scripted_service() as service:
        tasks = ScriptedTasks(service)
        plan = plan_of(planned("load"), planned("sum", "load"))
        tasks.says("/plan", Reply(200, version(plan).model_dump_json()))
        tasks.says("/approve", accepted(RUNNING))
        yield tasks


@pytest.mark.parametrize(("answer", "code"), [("y", Exit.OK), ("n", Exit.INTERRUPTED)])
async def test_approve_shows_the_plan_and_asks(
    tasks: ScriptedTasks, answer: str, code: Exit
) -> None:
    async with quintet_in_terminal(tasks.service.url, "approve", str(PROPOSED.id)) as terminal:
        await terminal.until("Work this plan?")
        assert "└─ ◌ Planned" in terminal.text
        terminal.type(f"{answer}\n")
        assert await terminal.end() == code
    asked = [request.path for request in tasks.service.seen if request.method == "POST"]
    assert asked == ([f"/tasks/{PROPOSED.id}/approve"] if code is Exit.OK else [])


async def test_the_tree_is_painted_until_the_end(tasks: ScriptedTasks) -> None:
    tasks.shows(PROPOSED, RUNNING)
    tasks.says("/logs", log_page(records.log_entry(1, "Bash ls", kind="tool.called", key="sum")))
    words = ("watch", str(RUNNING.id), "--subtask", "sum")
    async with quintet_in_terminal(tasks.service.url, *words) as terminal:
        await terminal.until(f"--hash {HASH[:12]}")
        await terminal.until("Bash ls")
        for part in ("├─ ▶ Running", "of about 1 min", "also after trend", "Looking every second"):
            assert part in terminal.text
        tasks.shows(DONE)
        await terminal.until("42 of 100")
        assert await terminal.end() == Exit.OK


async def test_ctrl_c_ends_the_watching_only(tasks: ScriptedTasks) -> None:
    tasks.shows(RUNNING)
    async with quintet_in_terminal(tasks.service.url, "watch", str(RUNNING.id)) as terminal:
        await terminal.until("of about 1 min")
        terminal.process.send_signal(2)
        assert await terminal.end() == Exit.INTERRUPTED
    assert "Traceback" not in terminal.text
    assert {request.method for request in tasks.service.seen} == {"GET"}


async def test_bash_completes_commands_and_ids(tasks: ScriptedTasks, tmp_path: Path) -> None:
    tasks.says("/tasks", page(RUNNING))
    tasks.shows(RUNNING)
    program = "import sys; sys.argv[0] = 'quintet'; from ui.cli import main; main()"
    (tmp_path / "quintet").write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "{program}" "$@"\n')
    (tmp_path / "quintet").chmod(0o755)
    name = str(RUNNING.id)
    lines = ("app", f"watch {name[:4]}", f"rerun {name} ", f"plan {name} --ver")
    assert await completed(tmp_path, tasks.service.url, *lines) == [
        "approve", name, "load sum trend report", "--version",
    ]  # fmt: skip


ROOT = Path(__file__).resolve().parents[2]
BASH = """
source <(quintet --show-completion bash)
for line in "$@"; do
    IFS=' ' read -ra COMP_WORDS <<< "quintet $line"
    [[ $line == *' ' ]] && COMP_WORDS+=("")
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
    _quintet_completion quintet
    echo "${COMPREPLY[*]}"
done
"""


async def completed(folder: Path, url: str, *lines: str) -> list[str]:
    """What bash would offer for the last word of each line."""
    path = f"{folder}:{os.environ['PATH']}"
    detection = {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", BASH, "bash", *lines),
        env=os.environ | detection | {"PATH": path, "QUINTET_API_URL": url},
        cwd=ROOT,
        stdout=PIPE,
        stderr=PIPE,
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert err == b""
    return out.decode().splitlines()
