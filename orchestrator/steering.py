"""A person's hand on the wheel: cancel a task, retry a subtask."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from shared.database.connection import Pool, transaction
from shared.database.subtasks import SubtaskLedger
from shared.database.tasks import TaskLedger
from shared.database.views import Views
from shared.errors import Conflict, NotFound
from shared.queue import Doorbell
from shared.states import REOPEN_TASK, RETRY, TASK_TERMINAL, SubtaskStatus, TaskStatus


class Mover(Protocol):
    """Moves tasks on, and sees to the steps that are then due."""

    async def advance(self, tasks: Sequence[UUID]) -> object:
        """Move these tasks on."""
        ...


class Steering:
    """Each verb is one transaction under the task's lock; of two that collide, one wins."""

    def __init__(self, pool: Pool, mover: Mover, doorbell: Doorbell) -> None:
        self._pool = pool
        self._tasks = TaskLedger(pool)
        self._subtasks = SubtaskLedger(pool)
        self._mover = mover
        self._doorbell = doorbell

    async def cancel(self, task_id: UUID) -> None:
        """Stop a task: what waits is withdrawn at once, what runs is told to stop."""
        async with transaction(self._pool) as connection:
            ledger = self._tasks.within(connection)
            status, already = await self._locked(ledger, task_id)
            if status in TASK_TERMINAL:
                raise Conflict(
                    f"the task has already ended: {status}",
                    slug="already-ended",
                    status_now=status,
                )
            if not already:
                await ledger.request_cancel(task_id)
                await self._subtasks.within(connection).withdraw(task_id)
            await ledger.cancel([task_id])
        await self._doorbell.call_cancelled(task_id)

    async def retry(
        self, task_id: UUID, subtask_id: UUID, *, attempt: int, description: str | None
    ) -> None:
        """Run a failed subtask again; `attempt` is the one that was seen to fail."""
        async with transaction(self._pool) as connection:
            ledger, subtasks = self._tasks.within(connection), self._subtasks.within(connection)
            status, cancelled = await self._locked(ledger, task_id)
            if cancelled or status not in (TaskStatus.IN_PROGRESS, *REOPEN_TASK.sources):
                raise Conflict(
                    f"the task is {status}: nothing of it can be retried now",
                    slug="not-retryable",
                    remedy="wait until it has ended, or submit it anew",
                    status_now=status,
                )
            done = await subtasks.retry(
                task_id, subtask_id, attempt=attempt, description=description
            )
            if not done:
                await _refuse_retry(Views(self._pool, connection), task_id, subtask_id, attempt)
            await subtasks.unblock(task_id)
            if status in REOPEN_TASK.sources:
                await ledger.reopen(task_id)
        await self._mover.advance([task_id])

    async def _locked(self, ledger: TaskLedger, task_id: UUID) -> tuple[TaskStatus, bool]:
        locked = await ledger.lock([task_id])
        if task_id not in locked:
            raise NotFound(f"there is no task {task_id}", remedy="look at GET /tasks")
        return locked[task_id]


async def _refuse_retry(views: Views, task_id: UUID, subtask_id: UUID, attempt: int) -> None:
    now = await views.subtask_now(task_id, subtask_id)
    if now is None:
        raise NotFound(f"this task has no subtask {subtask_id}")
    status = SubtaskStatus(now["status"])
    if status not in RETRY.sources:
        detail = f"the subtask is {status}; only a failed one can be retried"
    else:
        detail = f"attempt {now['attempt']} has failed since you looked at attempt {attempt}"
    raise Conflict(
        detail,
        slug="not-retryable",
        remedy="look at the task again",
        status_now=status,
        attempt_now=now["attempt"],
    )
