"""What a task can do now that something of it has ended: block, release, close; then ring."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from uuid import UUID

import structlog

from shared.database.connection import Pool, transaction
from shared.database.subtasks import Delivery, Held, SubtaskLedger
from shared.database.tasks import Step, TaskLedger, TaskNow
from shared.queue import Doorbell
from shared.states import TaskStatus
from shared.workspace import Workspace

_log = structlog.get_logger(__name__)
_RING_AGAIN = 5.0  # seconds until a queued subtask's bell is rung a second time


class Advancer:
    """Advances many tasks in one transaction, under their row locks.

    The lock makes two prerequisites that end at once see each other: without it, both would
    leave their common dependent behind.
    """

    def __init__(
        self, pool: Pool, doorbell: Doorbell, *, files: Path, owner: UUID, lease_seconds: float
    ) -> None:
        self._pool = pool
        self._tasks = TaskLedger(pool)
        self._subtasks = SubtaskLedger(pool)
        self._doorbell = doorbell
        self._files = files
        self._owner = owner
        self._lease_seconds = lease_seconds

    async def advance(self, tasks: Sequence[UUID]) -> list[Step]:
        """Move the tasks on; returns those now ours to aggregate."""
        if not tasks:
            return []
        await self._publish(tasks)
        async with transaction(self._pool) as connection:
            ledger, subtasks = self._tasks.within(connection), self._subtasks.within(connection)
            locked = await ledger.lock(tasks)
            await self._stop(ledger, subtasks, locked)
            deliveries, steps = await self._move(ledger, subtasks, locked)
        await self._doorbell.ring(deliveries)
        return steps

    async def _stop(
        self, ledger: TaskLedger, subtasks: SubtaskLedger, locked: Mapping[UUID, TaskNow]
    ) -> None:
        """What a person stopped and an agent that drained may have given back."""
        stopping = [task_id for task_id, now in locked.items() if now.cancelled]
        touched = stopping + [task_id for task_id, now in locked.items() if now.parts_cancelled]
        if touched:
            await subtasks.withdraw(touched)
        if stopping:
            await ledger.cancel(stopping)

    async def _move(
        self, ledger: TaskLedger, subtasks: SubtaskLedger, locked: Mapping[UUID, TaskNow]
    ) -> tuple[list[Delivery], list[Step]]:
        going = [
            task_id
            for task_id, now in locked.items()
            if now.status is TaskStatus.IN_PROGRESS and not now.cancelled
        ]
        if not going:
            return [], []
        await subtasks.block(going)
        if paused := [task_id for task_id in going if locked[task_id].paused]:
            await subtasks.hold(paused)
        deliveries = await subtasks.release(going, ring_after=_RING_AGAIN)
        steps = await ledger.aggregate(going, owner=self._owner, lease_seconds=self._lease_seconds)
        return deliveries, steps

    async def _publish(self, tasks: Sequence[UUID]) -> None:
        """Move completed attempts' files to where dependents and people look for them."""
        waiting = await self._subtasks.unpublished(tasks)
        moved: list[Held] = []
        for task_id, held in waiting:
            try:
                there = Workspace(self._files, task_id).publish(held.subtask_id, held.attempt)
            except OSError as error:
                _log.error("cannot publish", subtask_id=str(held.subtask_id), error=str(error))
                continue  # readers still find the files where they were made; tried again later
            if not there:
                _log.error("files are gone", subtask_id=str(held.subtask_id))
            moved.append(held)
        if moved:
            await self._subtasks.mark_published(moved)
