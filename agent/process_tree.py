"""Every process of an attempt: how it is started so that it can be found, and how it ends."""

import asyncio
import os
import shlex
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import psutil

LAUNCHER = Path(__file__).with_name("launcher.py")
MARKER = "QUINTET_ATTEMPT"


def write_launch_script(
    directory: Path, command: Sequence[str], names: Iterable[str], temporary: Sequence[Path] = ()
) -> tuple[Path, Path]:
    """One executable path that runs `command` through the launcher, and where its pid will be.

    Only the variables in `names` reach the command; their values stay out of the file. The
    launcher removes the `temporary` directories, also when this process is gone by then.
    """
    script, pid_file = directory / "launch", directory / "launcher.pid"
    kept = ",".join(sorted(names))
    launcher = [sys.executable, "-IS", str(LAUNCHER), str(os.getpid()), kept]
    words = [*launcher, *(str(path) for path in temporary), "--", *command]
    script.write_text(
        f'#!/bin/sh\necho $$ > {shlex.quote(str(pid_file))}\nexec {shlex.join(words)} "$@"\n'
    )
    script.chmod(0o700)
    return script, pid_file


def find_launcher(pid_file: Path) -> psutil.Process | None:
    """The launcher, remembered with its start time, so that its pid cannot be mistaken later."""
    try:
        launcher = psutil.Process(int(pid_file.read_text()))
        return launcher if launcher.ppid() == os.getpid() else None
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
        return None


async def sweep(marker: str, *, within: float = 2.0) -> tuple[int, ...]:
    """Kill what carries this marker, or a longer one that starts with it and a slash.

    Returns the pids that still live after `within` seconds: none, unless the kernel holds one.
    """
    return await asyncio.to_thread(_sweep, marker, within)


def _sweep(marker: str, within: float) -> tuple[int, ...]:
    deadline = time.monotonic() + within
    while left := list(marked(marker)):
        if time.monotonic() > deadline:
            return tuple(process.pid for process in left)
        for process in left:
            _kill(process)
        time.sleep(0.02)  # psutil's own wait would take exit statuses from asyncio
    return ()


def marked(marker: str) -> Iterator[psutil.Process]:
    """Living processes of an attempt, by the variable that they inherited."""
    for process in psutil.process_iter():
        value = _marker_of(process)
        if value is not None and (value == marker or value.startswith(f"{marker}/")):
            yield process


def _marker_of(process: psutil.Process) -> str | None:
    try:
        if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
            return None
        return process.environ().get(MARKER)
    except (psutil.Error, OSError):  # gone meanwhile, or another user's
        return None


def _kill(process: psutil.Process) -> None:
    try:
        process.kill()
    except psutil.NoSuchProcess:
        return
