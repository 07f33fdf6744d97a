"""Processes of ours, forked from the nursery: started, paused, killed."""

import asyncio
import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.signs import Signs


@dataclass
class Forked:
    """Processes of one program; `alive` are those that no test has killed."""

    nursery: "subprocess.Popen[str]"
    environment: dict[str, str]
    alive: list[int] = field(default_factory=list)
    started: int = 0

    @property
    def signs(self) -> Signs:
        """What its processes tell tests."""
        return Signs(Path(self.environment["SHARED_FILES_DIR"]))

    def fork(self, program: str, **environment: str) -> int:
        """A new process's id."""
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        request = {"program": program, "environment": self.environment | environment}
        self.nursery.stdin.write(json.dumps(request) + "\n")
        self.nursery.stdin.flush()
        pid = int(self.nursery.stdout.readline())
        self.started += 1
        self.alive.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End it without a word."""
        self.alive.remove(pid)
        self.send(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """End whatever is left."""
        for pid in list(self.alive):
            self.kill(pid)

    async def pause(self, pid: int, seconds: float) -> None:
        """Freeze it for a while, unless it is killed meanwhile."""
        self.send(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        if pid in self.alive:  # the number of a dead one may belong to another by now
            self.send(pid, signal.SIGCONT)

    @staticmethod
    def send(pid: int, what: signal.Signals) -> None:
        """A signal to a process; one that has died of itself does not mind."""
        with suppress(ProcessLookupError):
            os.kill(pid, what)

    def assert_alive(self) -> None:
        """None of the survivors fell over a fault of others."""
        for pid in self.alive:
            os.kill(pid, 0)
