"""Nothing that a check started outlives it, however it ends."""

import asyncio
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from agent.checks.probe import probe
from agent.checks.runner import run_checks
from agent.checks.shell import Ran, run
from agent.process_tree import marked
from shared.models import CommandCheck, PlannedCheck
from tests.check_world import SANDBOXES, check_context, check_shell, folder_of
from tests.escapee import escape_to, gone, pid_in, silent

DRIVER = """
import asyncio, json, sys
from pathlib import Path
from agent.checks.shell import run
from tests.check_world import check_shell, folder_of

tmp_path, sandbox, words = json.loads(sys.argv[1])
tmp_path = Path(tmp_path)
shell = check_shell(tmp_path, sandbox=sandbox)
asyncio.run(run(shell, ["bash", "-c", words], folder=folder_of(tmp_path), seconds=60))
"""

sandboxed = pytest.mark.parametrize("sandbox", SANDBOXES)


def script(tmp_path: Path, then: str) -> str:
    """Start a process that hides, and when it runs do something else."""
    pid_file = folder_of(tmp_path) / "pid"
    waited = f"until [ -e {shlex.quote(str(pid_file))} ]; do sleep 0.01; done"
    return f"{shlex.join(escape_to(pid_file))}; {waited}; {then}"


async def ran(tmp_path: Path, sandbox: bool, then: str, seconds: float = 30) -> Ran:
    shell = check_shell(tmp_path, sandbox=sandbox)
    words = ["bash", "-c", script(tmp_path, then)]
    return await run(shell, words, folder=folder_of(tmp_path), seconds=seconds)


async def it_hides(tmp_path: Path) -> None:
    await asyncio.to_thread(pid_in, folder_of(tmp_path) / "pid", 10)


def assert_nothing_is_left(tmp_path: Path) -> None:
    assert silent(folder_of(tmp_path) / "pid")
    assert not list(marked(f"test/{tmp_path.name}"))
    assert not [p for p in psutil.Process().children() if "launcher.py" in " ".join(p.cmdline())]


@sandboxed
@pytest.mark.parametrize(("then", "code"), [("exit 4", 4), ("kill -9 $$", 137)])
async def test_the_command_ends(tmp_path: Path, sandbox: bool, then: str, code: int) -> None:
    assert (await ran(tmp_path, sandbox, then)).exit_code == code
    assert_nothing_is_left(tmp_path)


@sandboxed
async def test_the_time_is_up(tmp_path: Path, sandbox: bool) -> None:
    result = await ran(tmp_path, sandbox, "echo waiting; sleep 60", seconds=2)
    assert (result.exit_code, result.output) == (None, "waiting")
    assert 2 <= result.seconds < 4
    assert_nothing_is_left(tmp_path)


@sandboxed
async def test_cancelled_in_the_middle_and_again(tmp_path: Path, sandbox: bool) -> None:
    running = asyncio.create_task(ran(tmp_path, sandbox, "trap '' TERM; sleep 60"))
    await it_hides(tmp_path)
    started = time.monotonic()
    running.cancel()
    await asyncio.sleep(0.05)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert time.monotonic() - started < 3
    assert_nothing_is_left(tmp_path)


async def test_cancelled_while_it_starts(tmp_path: Path) -> None:
    for pause in (0, 0.002, 0.01, 0.03, 0.06):
        running = asyncio.create_task(ran(tmp_path, False, "sleep 60"))
        await asyncio.sleep(pause)
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
        assert not list(marked(f"test/{tmp_path.name}"))


@sandboxed
async def test_checks_and_probes_are_cancelled(tmp_path: Path, sandbox: bool) -> None:
    context = check_context(tmp_path, sandbox=sandbox)
    planned = [PlannedCheck(check=CommandCheck(kind="command", command="touch began; sleep 60"))]

    for work in (run_checks(planned, context), probe(planned, context)):
        running = asyncio.ensure_future(work)
        await asyncio.to_thread(_wait_for_beginning, tmp_path)
        running.cancel()
        await asyncio.wait({running})
        assert running.cancelled()
        assert not list(marked(f"test/{tmp_path.name}"))
        assert not list(context.shell.scratch.glob("probe-*"))
        (context.folder / "began").unlink(missing_ok=True)


def _wait_for_beginning(tmp_path: Path) -> None:
    deadline = time.monotonic() + 10
    while not list(tmp_path.rglob("began")):
        assert time.monotonic() < deadline, "the check did not start"
        time.sleep(0.01)


async def test_a_command_that_kills_its_keeper(tmp_path: Path) -> None:
    shell = check_shell(tmp_path)
    words = "setsid sleep 60 & echo $! > pid; kill -9 $PPID; sleep 60"
    result = await run(shell, ["bash", "-c", words], folder=folder_of(tmp_path), seconds=20)
    assert result.exit_code == -signal.SIGKILL
    assert result.seconds < 10
    assert gone(pid_in(folder_of(tmp_path) / "pid"))
    assert not list(marked(f"test/{tmp_path.name}"))


@sandboxed
def test_the_agent_itself_is_ended(tmp_path: Path, sandbox: bool) -> None:
    endings = {"politely": signal.SIGTERM, "at once": signal.SIGKILL}
    with ExitStack() as stack:
        agents = [(_agent(stack, tmp_path / name, sandbox), name) for name in endings]
        for agent, name in agents:
            pid_in(folder_of(tmp_path / name) / "pid", within=20)
            (launcher,) = psutil.Process(agent.pid).children()
            agent.send_signal(endings[name])
            agent.wait(5)
            assert gone(launcher.pid, within=3)
            assert silent(folder_of(tmp_path / name) / "pid")
            assert not list(marked(f"test/{name}"))


def _agent(stack: ExitStack, tmp_path: Path, sandbox: bool) -> subprocess.Popen[bytes]:
    words = json.dumps([str(tmp_path), sandbox, script(tmp_path, "sleep 60")])
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return stack.enter_context(
        subprocess.Popen([sys.executable, "-c", DRIVER, words], env=environment)
    )
