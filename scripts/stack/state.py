"""What the supervisor tells the world: one small file, and a lock that says it is alive."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ValidationError

from scripts.stack.process import StartError

LOCK_ATTEMPTS = 10
LOCK_PAUSE_SECONDS = 0.1


class Phase(StrEnum):
    """Where the stack as a whole is."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class Health(StrEnum):
    """Where one unit is."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    DONE = "done"
    RESTARTING = "restarting"
    STOPPED = "stopped"
    FAILED = "failed"


class UnitState(BaseModel):
    """One line of the status table."""

    name: str
    health: Health = Health.WAITING
    pid: int | None = None
    address: str = ""
    restarts: int = 0
    detail: str = ""
    log: str


class StackState(BaseModel):
    """The whole picture, as of its last change."""

    supervisor: int
    phase: Phase = Phase.STARTING
    error: str = ""
    units: list[UnitState] = []


class Notices:
    """The file and the lock in the run folder."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "state.json"
        self._lock = folder / "lock"

    def write(self, state: StackState) -> None:
        """Replace the file in one step."""
        draft = self._file.with_suffix(".new")
        draft.write_text(state.model_dump_json(indent=1))
        draft.replace(self._file)

    def read(self) -> StackState | None:
        """The last picture, or None when there is none."""
        try:
            return StackState.model_validate_json(self._file.read_text())
        except (FileNotFoundError, ValidationError):
            return None

    @contextmanager
    def alive(self) -> Iterator[None]:
        """Hold the lock: only one supervisor may. `StartError` when another does."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            if not _locked(descriptor):
                raise StartError("another supervisor runs this stack already")
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            yield
        finally:
            os.close(descriptor)

    def supervisor(self) -> int | None:
        """The pid of the supervisor that is alive now."""
        try:
            descriptor = os.open(self._lock, os.O_RDONLY)
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(os.read(descriptor, 32) or 0) or None
        else:
            return None
        finally:
            os.close(descriptor)


def _locked(descriptor: int) -> bool:
    for _ in range(LOCK_ATTEMPTS):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # perhaps only somebody who looks whether we live
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return True
    return False
