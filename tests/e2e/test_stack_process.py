"""A child process ends when asked, when it must, and with all that it started."""

import asyncio
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from scripts.stack import process as processes
from scripts.stack.leftovers import end_leftovers, marked
from scripts.stack.ports import holder, require_free_ports
from scripts.stack.process import ChildProcess, Command, StartError, last_lines
from scripts.stack.service import HttpService, Step
from scripts.stack.settings import MARKER, StackSettings


def _shell(script: str, log: Path, grace_seconds: float = 5.0) -> ChildProcess:
    return ChildProcess(Command(("sh", "-c", script), log, grace_seconds=grace_seconds))


async def _said(log: Path, text: str) -> None:
    async with asyncio.timeout(5):
        while True:
            if text in last_lines(log):
                return
            await asyncio.sleep(0.005)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_a_process_is_asked_before_its_children(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = _shell(
        "trap 'kill -0 $!; echo child alive: $?; exit 0' TERM; sleep 9 & echo up; wait", log
    )
    await child.start()
    await _said(log, "up")
    await child.stop()
    assert last_lines(log) == "up\nchild alive: 0"
    assert child.exit_code == 0


async def test_what_a_process_leaves_in_its_group_is_ended(tmp_path: Path) -> None:
    log = tmp_path / "log"
    child = _shell("sleep 9 & echo $!", log)
    await child.start()
    await child.wait()
    left = int(last_lines(log))
    assert _lives(left)
    await child.stop()
    assert not _lives(left)


async def test_a_deaf_process_is_killed_after_its_grace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GROUP_SECONDS", 0.05)
    log = tmp_path / "log"
    child = _shell("trap '' TERM; echo up; while :; do sleep 9; done", log, grace_seconds=0.05)
    await child.start()
    await _said(log, "up")
    await child.stop()
    assert child.exit_code == -signal.SIGKILL


async def test_a_missing_program_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot run /no/such/program: No such file"):
        await ChildProcess(Command(("/no/such/program",), tmp_path / "log")).start()


def test_only_the_end_of_a_log_is_shown(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert last_lines(log) == ""
    log.write_text("x" * 100_000 + "".join(f"\n{number}" for number in range(20)))
    assert last_lines(log, 2) == "18\n19"


async def test_a_failed_step_shows_its_exit_code_and_its_last_words(tmp_path: Path) -> None:
    step = Step(
        "migrate",
        arguments=("sh", "-c", "echo no such table; exit 3"),
        environment=dict,
        directory=tmp_path,
        log_file=tmp_path / "log",
    )
    with pytest.raises(StartError, match=r"migrate failed with exit code 3\.\n.*\nno such table"):
        await step.start()


async def test_a_service_that_ends_before_it_is_ready_is_explained(tmp_path: Path) -> None:
    service = HttpService(
        "agent-1",
        arguments=("sh", "-c", "echo bad profile; exit 2"),
        address="http://127.0.0.1:1",
        health=("/health",),
        environment=dict,
        directory=tmp_path,
        log_file=tmp_path / "log",
    )
    with pytest.raises(StartError, match=r"ended with exit code 2 before[^$]*\nbad profile"):
        await service.start()
    assert service.child is None


def test_only_marked_processes_are_left_over(tmp_path: Path) -> None:
    settings = StackSettings(tmp_path, tmp_path, {}, 1, 2, 3)
    other = {**os.environ, MARKER: "another"}
    ours = {**os.environ, MARKER: settings.stack_id}
    with (
        subprocess.Popen(("sleep", "9"), env=other) as stranger,
        subprocess.Popen(("sleep", "9"), env=ours) as orphan,
    ):
        assert [process.pid for process in marked(settings)] == [orphan.pid]
        assert end_leftovers(settings) == [f"sleep 9 (pid {orphan.pid})"]
        assert marked(settings) == []
        assert stranger.poll() is None
        stranger.kill()


def test_a_busy_port_is_named_with_its_holder_and_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # The ports around it may be busy too: only this one is asked about.
        settings = StackSettings(tmp_path, tmp_path, {}, port, port + 100, port + 200)
        with pytest.raises(StartError) as raised:
            require_free_ports(settings)
        assert f"Port {port}, for the orchestrator, is taken by " in str(raised.value)
        assert f"(pid {os.getpid()})" in holder(port)
        assert f"ORCHESTRATOR_PORT={port + 100}" in str(raised.value)


def test_a_marked_process_that_ignores_the_first_request_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.stack.leftovers.TERM_SECONDS", 0.05)
    settings = StackSettings(tmp_path, tmp_path, {}, 1, 2, 3)
    script = "trap '' TERM; echo up; while :; do sleep 9; done"
    with subprocess.Popen(
        ("sh", "-c", script),
        env={**os.environ, MARKER: settings.stack_id},
        stdout=subprocess.PIPE,
    ) as deaf:
        assert deaf.stdout is not None
        deaf.stdout.readline()
        began = time.monotonic()
        end_leftovers(settings)
        assert deaf.wait(5) == -signal.SIGKILL
        assert time.monotonic() - began < 5
    assert marked(settings) == []
