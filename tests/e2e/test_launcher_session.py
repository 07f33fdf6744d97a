"""Nothing that an attempt started outlives it: real CLI, real Bash, a child that hides."""

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

from agent.claude import ClaudeSession
from agent.claude_events import SessionEvent
from agent.claude_sandbox import sandbox_available
from agent.claude_settings import SessionSettings
from agent.process_tree import marked
from tests.escapee import escape_to, gone, pid_in, silent
from tests.messages_server import Script, call, messages_server, structured

HANG = "python3 -c 'import time; time.sleep(60)'"
AT_ONCE = 10.0  # far less than what was left to do takes
SANDBOXES = [True, False] if sandbox_available() else [False]

DRIVER = """
import asyncio, json, sys
from pathlib import Path
from agent.claude import ClaudeSession
from agent.claude_settings import SessionSettings

async def main():
    values = json.loads(sys.argv[1])
    paths = {name: Path(values.pop(name)) for name in ("working_directory", "config_directory")}
    async with ClaudeSession(SessionSettings(**values, **paths, tools=("Bash",))) as session:
        await session.ask("Go.", lambda event: None)

asyncio.run(main())
"""


def plain(folder: Path, url: str) -> dict[str, object]:
    """A session's settings, as JSON carries them."""
    (folder / "work").mkdir()
    return {
        "marker": f"test/{folder.name}",
        "system_prompt": "You work for a test.",
        "model": "claude-sonnet-5-5",
        "working_directory": str(folder / "work"),
        "config_directory": str(folder / "claude"),
        "output_schema": {"type": "object"},
        "environment": {"ANTHROPIC_API_KEY": "key", "ANTHROPIC_BASE_URL": url},
    }


def settings(folder: Path, url: str, sandbox: bool = False) -> SessionSettings:
    """The same for a session in this process."""
    values = plain(folder, url)
    paths = {
        name: Path(str(values.pop(name))) for name in ("working_directory", "config_directory")
    }
    return SessionSettings(**values, **paths, tools=("Bash",), sandbox=sandbox)  # type: ignore[arg-type]


def script(folder: Path, then: str = HANG) -> Script:
    """The model starts a process that hides, and then does something else."""
    hide = shlex.join(escape_to(folder / "work/pid"))
    waited = f'until [ -e "{folder}/work/pid" ]; do sleep 0.01; done'
    return [call("Bash", command=f"{hide}; {waited}; {then}"), structured({})]


def nothing(_: SessionEvent) -> None:
    """For those who do not listen."""


async def exists(file: Path) -> None:
    await asyncio.to_thread(pid_in, file, 10)


def assert_nothing_is_left(folder: Path) -> None:
    assert silent(folder / "work/pid")
    assert not list(marked(f"test/{folder.name}"))
    assert not [p for p in psutil.Process().children() if "launcher.py" in " ".join(p.cmdline())]
    assert not (folder / "claude").exists()


@pytest.mark.parametrize("sandbox", SANDBOXES)
async def test_cancelled(tmp_path: Path, sandbox: bool) -> None:
    async def attempt(url: str) -> None:
        async with ClaudeSession(settings(tmp_path, url, sandbox)) as session:
            await session.ask("Go.", nothing)

    with messages_server(script(tmp_path)) as server:
        task = asyncio.create_task(attempt(server.url))
        await exists(tmp_path / "work/pid")
        started = time.monotonic()
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert time.monotonic() - started < AT_ONCE
    assert_nothing_is_left(tmp_path)


async def test_cancelled_twice_and_while_it_starts(tmp_path: Path) -> None:
    async def attempt(url: str) -> None:
        async with ClaudeSession(settings(tmp_path, url)) as session:
            await session.ask("Go.", nothing)

    with messages_server(script(tmp_path)) as server:
        task = asyncio.create_task(attempt(server.url))
        await exists(tmp_path / "claude/launcher.pid")
        launcher = pid_in(tmp_path / "claude/launcher.pid")
        task.cancel()
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()
    assert gone(launcher)
    assert not list(marked(f"test/{tmp_path.name}"))
    assert not (tmp_path / "claude").exists()


async def test_out_of_time(tmp_path: Path) -> None:
    with messages_server(script(tmp_path)) as server, pytest.raises(TimeoutError):
        async with ClaudeSession(settings(tmp_path, server.url)) as session:
            async with asyncio.timeout(None) as limit:
                asking = asyncio.create_task(exists(tmp_path / "work/pid"))
                asking.add_done_callback(lambda _: limit.reschedule(0))
                await session.ask("Go.", nothing)
    assert_nothing_is_left(tmp_path)
    assert session.spent[0].input_tokens == 11  # the answer that came before the time was up


async def test_ended_well_with_a_child_left(tmp_path: Path) -> None:
    with messages_server(script(tmp_path, then="true")) as server:
        async with ClaudeSession(settings(tmp_path, server.url)) as session:
            await session.ask("Go.", nothing)
            assert not silent(tmp_path / "work/pid")
            started = time.monotonic()
    assert time.monotonic() - started < AT_ONCE
    assert_nothing_is_left(tmp_path)


def test_the_agent_itself_is_ended(tmp_path: Path) -> None:
    endings = {"politely": signal.SIGTERM, "at once": signal.SIGKILL}
    with ExitStack() as stack:
        agents = [(_agent(stack, tmp_path / name), ending) for name, ending in endings.items()]
        for (agent, folder), ending in agents:
            hidden = pid_in(folder / "work/pid", within=20)
            launcher = pid_in(folder / "claude/launcher.pid")
            scratch = Path(psutil.Process(launcher).environ()["TMPDIR"])
            assert scratch.is_dir()
            agent.send_signal(ending)
            agent.wait(5)
            assert gone(launcher, within=2)
            assert gone(hidden)
            assert not list(marked(f"test/{folder.name}"))
            assert not scratch.exists()
            assert not (folder / "claude").exists()


def _agent(stack: ExitStack, folder: Path) -> tuple[subprocess.Popen[bytes], Path]:
    folder.mkdir()
    server = stack.enter_context(messages_server(script(folder)))
    words = [sys.executable, "-c", DRIVER, json.dumps(plain(folder, server.url))]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    return stack.enter_context(subprocess.Popen(words, env=environment)), folder
