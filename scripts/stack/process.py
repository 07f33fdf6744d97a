"""One child process in a session of its own: started, watched, stopped, and proved gone."""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psutil

PR_SET_PDEATHSIG = 1  # linux/prctl.h
GROUP_SECONDS = 3.0  # for what a process left behind in its group
POLL_SECONDS = 0.02
LOG_TAIL_BYTES = 64 * 1024

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class StartError(RuntimeError):
    """A process could not be started or did not become ready; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Account:
    """Who a process runs as: a prefix before its command, or another user and group id."""

    prefix: tuple[str, ...] = ()
    user: int | None = None
    group: int | None = None

    @property
    def groups(self) -> list[int] | None:
        """Supplementary groups: none for another user, our own otherwise."""
        return None if self.user is None else []


@dataclass(frozen=True, slots=True)
class Command:
    """What to run, where its output goes, and how it wants to be stopped."""

    arguments: tuple[str, ...]
    log_file: Path
    directory: Path | None = None
    environment: Mapping[str, str] | None = None
    account: Account = field(default_factory=Account)
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 20.0


class ChildProcess:
    """Runs one `Command`; where Linux allows, it does not outlive the process that started it."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._process.pid if self._process and self.running else None

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def exit_code(self) -> int | None:
        return self._process.returncode if self._process else None

    async def start(self) -> None:
        """Start it; `StartError` when the program cannot be run at all."""
        command = self.command
        command.log_file.parent.mkdir(parents=True, exist_ok=True)
        with command.log_file.open("ab") as log:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *command.account.prefix,
                    *command.arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=asyncio.subprocess.STDOUT,
                    cwd=command.directory,
                    env=None if command.environment is None else dict(command.environment),
                    start_new_session=True,
                    preexec_fn=end_with_parent(command.stop_signal),
                    user=command.account.user,
                    group=command.account.group,
                    extra_groups=command.account.groups,
                )
            except OSError as error:
                raise StartError(f"cannot run {command.arguments[0]}: {error.strerror}") from error

    async def wait(self) -> int:
        """Wait for its end; the exit code, negative for a signal."""
        if self._process is None:
            raise StartError("the process was never started")
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to stop, then end what is left of its group; returns when nobody is.

        Only the process itself is asked first: it may need its own children to end in order.
        """
        if self._process is None:
            return
        if self.running:
            self._process.send_signal(self.command.stop_signal)
            await self._wait_within(self.command.grace_seconds)
        for number in (signal.SIGTERM, signal.SIGKILL):
            if not _signal_group(self._process.pid, number):
                return
            await asyncio.to_thread(_await_empty, self._process.pid, GROUP_SECONDS)
        await self._wait_within(GROUP_SECONDS)

    async def _wait_within(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.wait(), seconds)
        except TimeoutError:
            return


def end_with_parent(stop_signal: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before its program so that the kernel stops it when its parent dies.

    The kernel watches the parent *thread*: start children from the main thread.
    """
    libc = _libc
    if libc is None:
        return None
    return lambda: libc.prctl(PR_SET_PDEATHSIG, int(stop_signal))


def last_lines(path: Path, count: int = 15) -> str:
    """The end of a log file, for an error message."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
        text = log.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-count:])


def _signal_group(group: int, number: signal.Signals) -> bool:
    """Whether there was still anybody in the group to be signalled."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS refuses when only zombies are left
        return False
    return True


def _await_empty(group: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and _has_members(group):
        time.sleep(POLL_SECONDS)


def _has_members(group: int) -> bool:
    """Whether anybody in the group still lives; a zombie does not."""
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                return True
        except (ProcessLookupError, psutil.Error):  # it ended in between
            continue
    return False
