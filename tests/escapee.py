"""A process that wants to outlive whoever started it, and how to see whether it did."""

import sys
import time
from pathlib import Path

import psutil

# Leaves its parent, its session and its environment behind, ignores SIGTERM, tells its pid, and
# writes a byte every 10 ms for as long as it lives.
ESCAPE = """
import os, signal, sys, time
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
    signal.signal(number, signal.SIG_IGN)
open(sys.argv[1] + ".part", "w").write(str(os.getpid()))
os.rename(sys.argv[1] + ".part", sys.argv[1])
for _ in range(6000):
    with open(sys.argv[1] + ".beat", "a") as beat:
        beat.write(".")
    time.sleep(0.01)
"""


def escape_to(pid_file: Path) -> list[str]:
    """A command that leaves a process which wants to survive."""
    return ["env", "-i", sys.executable, "-c", ESCAPE, str(pid_file)]


def pid_in(file: Path, within: float = 5) -> int:
    """The pid that a program wrote, as soon as it did."""
    deadline = time.monotonic() + within
    while not file.exists():
        assert time.monotonic() < deadline, "the program did not start"
        time.sleep(0.01)
    return int(file.read_text())


def silent(pid_file: Path) -> bool:
    """Whether the process that escaped has stopped writing; needs no pid, which a sandbox hides."""
    beat = pid_file.with_name(pid_file.name + ".beat")
    before = beat.stat().st_size
    time.sleep(0.1)
    return beat.stat().st_size == before


def gone(pid: int, within: float = 0.0) -> bool:
    """Whether a process runs no more, at once or soon."""
    deadline = time.monotonic() + within
    while _runs(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _runs(pid: int) -> bool:
    try:
        # after its parent's death it is for the machine's init to bury it, which may take long
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
