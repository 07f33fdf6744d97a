"""What a reader of a task's log and events learns while its plan is being made."""

from collections.abc import Sequence
from uuid import UUID

import structlog

from shared.database.connection import Pool
from shared.database.subtasks import SubtaskLedger
from shared.errors import DependencyUnavailable

_log = structlog.get_logger(__name__)


class PlanNotes:
    """Writes a line for each plan that the planner was sent back with."""

    def __init__(self, pool: Pool) -> None:
        self._ledger = SubtaskLedger(pool)

    async def rejected(self, task_id: UUID, faults: Sequence[str]) -> None:
        """A plan that was not taken; without the ledger only our own log knows of it."""
        _log.warning("plan rejected", task_id=str(task_id), faults=list(faults))
        line = {
            "task_id": str(task_id),
            "level": "warning",
            "kind": "plan.rejected",
            "message": f"the plan was sent back to the planner: {'; '.join(faults)}",
            "data": {"faults": list(faults)},
        }
        try:
            await self._ledger.append_logs([line])
        except DependencyUnavailable as error:
            _log.warning("not told to readers", task_id=str(task_id), error=error.detail)
