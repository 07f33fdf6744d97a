"""Bodies of attempts for agents that are meant to die; named by AGENT_EXECUTOR."""

import asyncio
import os
import signal
import time
from pathlib import Path

from agent.attempt import Notify
from agent.outcome import Completed, Outcome
from shared.models import AgentResult, Assignment
from tests.chaos.signs import Signs

DIE_ONCE = "die once"


class Sleeper:
    """Works as long as the plan estimates, in milliseconds; dies first where it is told to."""

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """Sleep, then be done; the first attempt at `DIE_ONCE` takes the process with it."""
        if assignment.description == DIE_ONCE and assignment.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        _begin(assignment)
        await asyncio.sleep(assignment.estimated_seconds / 1000)
        return _done(assignment)


class Sleepwalker:
    """Blocks its whole process, so that after a pause its settle comes before any renewal."""

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """Sleep without letting anything else of the process run."""
        _begin(assignment)
        time.sleep(assignment.estimated_seconds / 1000)  # noqa: ASYNC251 - that is the point
        return _done(assignment)


def _begin(assignment: Assignment) -> None:
    Signs(Path(os.environ["SHARED_FILES_DIR"])).leave(assignment.key, assignment.attempt)


def _done(assignment: Assignment) -> Outcome:
    return Completed(AgentResult(summary=f"attempt {assignment.attempt} of {assignment.key}"))
