"""Work that costs a subtask its time and the machine nothing."""

import asyncio
from dataclasses import dataclass

from agent.attempt import Notify
from agent.outcome import Completed, Outcome
from shared.models import AgentResult, Assignment


@dataclass(frozen=True)
class Sleeper:
    """An executor whose work is a sleep."""

    seconds: float = 0.05

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """Sleep, then say so."""
        if self.seconds:
            await asyncio.sleep(self.seconds)
        return Completed(AgentResult(summary=assignment.key))
