"""Stays the CLI's parent for as long as anything that the CLI started lives.

Run as a program, by path, with `python -I -S`: only the standard library, and little of it.
Everything that a session starts ends up below this process (it adopts orphans), so when the
CLI ends, or this process is told to stop, or the agent dies, it can end every descendant, and
remove what they left in the session's own directories.
"""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence

GRACE_SECONDS = 0.3
POLL_SECONDS = 0.01
PARENT_CHECK_SECONDS = 1.0
STOPS = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
WAITED = {*STOPS, signal.SIGCHLD, signal.SIGALRM}

# prctl(2), include/uapi/linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(arguments: Sequence[str]) -> int:
    """`PARENT_PID NAME,NAME... DIRECTORY... -- COMMAND...`.

    Runs COMMAND with only the named variables, and removes the directories after it.
    """
    split = arguments.index("--")
    parent, names, directories = int(arguments[0]), arguments[1].split(","), arguments[2:split]
    command = list(arguments[split + 1 :])
    environment = {name: os.environ[name] for name in names if name in os.environ}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, WAITED)
    _watch_parent()
    if os.getppid() != parent:  # it died before it could be watched
        return 1
    child = os.fork()
    if child == 0:
        _become(command, environment, mask)
    status = _wait(child, parent)
    end_descendants(child)
    if directories:
        os.spawnvp(os.P_WAIT, "rm", ["rm", "-rf", "--", *directories])  # noqa: S606
    return status


def _watch_parent() -> None:
    if sys.platform == "linux":
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
        _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    else:
        signal.setitimer(signal.ITIMER_REAL, PARENT_CHECK_SECONDS, PARENT_CHECK_SECONDS)


def _become(command: list[str], environment: dict[str, str], mask: set[int]) -> None:
    if sys.platform == "linux":
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    try:
        os.execve(command[0], command, environment)  # noqa: S606 - that is what it is for
    except OSError as error:
        os.write(2, f"cannot start {command[0]}: {error.strerror}\n".encode())
        os._exit(127)


def _prctl(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _wait(child: int, parent: int) -> int:
    while True:
        received = signal.sigwait(WAITED)
        for pid, status in _reap():
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else 128 - code
        if received in STOPS or os.getppid() != parent:
            return 128 + signal.SIGTERM


def _reap() -> Iterator[tuple[int, int]]:
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0] != 0:
            yield ended
    except ChildProcessError:
        return


def _has_children() -> bool:
    """Also true of a process that is dying: its threads may still hold memory and files."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            continue
    except ChildProcessError:
        return False
    return True


def end_descendants(child: int) -> None:
    """SIGTERM to all, a short grace, then SIGKILL until none is left."""
    deadline = time.monotonic() + GRACE_SECONDS
    told: set[int] = set()
    while _has_children():  # whoever loses its parent becomes our child
        living = descendants() if sys.platform == "linux" else {child}
        late = time.monotonic() > deadline
        for pid in living if late else living - told:
            _send(pid, signal.SIGKILL if late else signal.SIGTERM)
        told |= living
        time.sleep(POLL_SECONDS)


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):  # gone; or it runs as another user (setuid)
        return


def descendants() -> set[int]:
    """Processes below this one, children of children included."""
    parents = dict(_parents())
    found: set[int] = set()
    fresh = {os.getpid()}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        found |= fresh
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - pathlib would double the start time
        if name.isdigit() and (stat := _stat(name)):
            # proc(5): the name in parentheses may hold anything, even another ")"
            yield int(name), int(stat.rpartition(b")")[2].split()[1])


def _stat(pid: str) -> bytes:
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:  # noqa: PTH123
            return stat.read()
    except (FileNotFoundError, ProcessLookupError):
        return b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
