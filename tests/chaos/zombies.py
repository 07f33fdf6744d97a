"""An agent that is frozen until its work has been given to another, and then thawed."""

import signal
from uuid import UUID

from shared.database.connection import Pool
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.chaos.watching import until
from tests.ledger_world import plan_of, planned


async def rise(
    pool: Pool, orchestrator: Author, agents: Agents, frozen: int, *, milliseconds: int = 400
) -> UUID:
    """The task whose subtask `slow` another agent holds now, while the frozen one finishes it."""
    slow = planned("slow", estimated_duration=milliseconds)
    task_id = await orchestrator.submit(plan_of(slow))
    await agents.signs.seen("slow", 1)
    agents.send(frozen, signal.SIGSTOP)
    await until(pool, "SELECT losses FROM subtasks")
    agents.start()
    await until(pool, "SELECT attempt >= 2 FROM subtasks")
    agents.send(frozen, signal.SIGCONT)
    return task_id
