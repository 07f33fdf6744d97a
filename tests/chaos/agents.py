"""Agents as processes: started, paused, killed."""

import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field


@dataclass
class Agents:
    """Starts real agents and sends them signals."""

    nursery: "subprocess.Popen[str]"
    environment: dict[str, str]
    alive: list[int] = field(default_factory=list)
    started: int = 0

    def start(self, executor: str = "Sleeper", **environment: str) -> int:
        """A new agent's process id."""
        assert self.nursery.stdin is not None
        assert self.nursery.stdout is not None
        self.started += 1
        named = {
            "AGENT_ID": f"agent-{self.started}",
            "AGENT_EXECUTOR": f"tests.chaos.executors:{executor}",
        }
        self.nursery.stdin.write(json.dumps(self.environment | named | environment) + "\n")
        self.nursery.stdin.flush()
        pid = int(self.nursery.stdout.readline())
        self.alive.append(pid)
        return pid

    def kill(self, pid: int) -> None:
        """End it without a word."""
        self.alive.remove(pid)
        self.send(pid, signal.SIGKILL)

    @staticmethod
    def send(pid: int, what: signal.Signals) -> None:
        """A signal to an agent; one that has died of itself does not mind."""
        with suppress(ProcessLookupError):
            os.kill(pid, what)
