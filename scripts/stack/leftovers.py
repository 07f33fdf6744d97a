"""Processes of this installation that nobody owns any more: found by their mark, and ended."""

import os
import time
from pathlib import Path

import psutil

from scripts.stack.settings import MARKER, StackSettings

TERM_SECONDS = 5.0
KILL_SECONDS = 5.0
PAUSE_SECONDS = 0.05
# These write their titles over their environment; they are known by where they work.
UNMARKED = {"valkey-server": "valkey", "postgres": "postgres"}


def marked(settings: StackSettings) -> list[psutil.Process]:
    """Every live process of this installation, except ourselves."""
    return [
        process
        for process in psutil.process_iter()
        if process.pid != os.getpid() and is_ours(process, settings)
    ]


def end_leftovers(settings: StackSettings) -> list[str]:
    """End them, gently first, until none is left; what was ended, or still lives."""
    ended: list[str] = []
    for action, seconds in (("terminate", TERM_SECONDS), ("kill", KILL_SECONDS)):
        found = marked(settings)
        if not found:
            break
        names = [_named(process) for process in found]
        ended += [name for name in names if name not in ended]
        for process in found:
            try:
                process.terminate() if action == "terminate" else process.kill()
            except psutil.Error:  # it ended, or is another user's: the caller looks again
                continue
        await_end(found, settings, seconds)
    return ended


def await_end(processes: list[psutil.Process], settings: StackSettings, seconds: float) -> None:
    """Wait until none of these lives, or the time is over."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(is_ours(one, settings) for one in processes):
        time.sleep(PAUSE_SECONDS)


def is_ours(process: psutil.Process, settings: StackSettings) -> bool:
    """Whether it lives and belongs to this installation."""
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        if process.environ().get(MARKER) == settings.stack_id:
            return True
        folder = UNMARKED.get(process.name())
        if folder is None:
            return False
        return (settings.home / folder).resolve() in Path(process.cwd(), "-").parents
    except (psutil.Error, OSError):  # it ended, or is another user's and so not ours
        return False


def _named(process: psutil.Process) -> str:
    try:
        words = process.cmdline()[:4]
    except psutil.Error:
        words = []
    return f"{' '.join(words) or 'process'} (pid {process.pid})"
