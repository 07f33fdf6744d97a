"""Agents as processes: the very `main` of `python -m agent`."""

from dataclasses import dataclass, field

from shared.database.connection import Pool
from tests.chaos.forked import Forked


@dataclass
class Agents(Forked):
    """Starts real agents; only the bodies of their attempts are of tests."""

    pids: dict[str, int] = field(default_factory=dict)

    def start(self, executor: str = "Sleeper", **environment: str) -> int:
        """A new agent's process id."""
        name = f"agent-{self.started + 1}"
        named = {"AGENT_ID": name, "AGENT_EXECUTOR": f"tests.chaos.executors:{executor}"}
        self.pids[name] = self.fork("agent", **(named | environment))
        return self.pids[name]

    async def busy(self, pool: Pool) -> int:
        """The process id of an agent that holds an attempt now."""
        query = "SELECT agent_id FROM attempts WHERE outcome IS NULL LIMIT 1"
        return self.pids[await pool.fetchval(query)]
