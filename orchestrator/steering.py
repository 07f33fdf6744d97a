"""A person's hand on the wheel: cancel, pause, resume, prioritise, retry."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from orchestrator.locked import lock, refuse_ended, refuse_unless
from shared.database.connection import Pool, transaction
from shared.database.subtasks import CANCELLABLE, SubtaskLedger
from shared.database.tasks import PAUSABLE, TaskLedger, TaskNow
from shared.database.views import Views
from shared.errors import Conflict, NotFound
from shared.queue import Doorbell
from shared.states import RETRY, TASK_TERMINAL, SubtaskStatus, TaskStatus

_RETRYABLE = (TaskStatus.IN_PROGRESS, TaskStatus.FAILED)


class Mover(Protocol):
    """Moves tasks on, and sees to the steps that are then due."""

    async def advance(self, tasks: Sequence[UUID]) -> object:
        """Move these tasks on."""
        ...


@dataclass(frozen=True, slots=True)
class Wheel:
    """One task under its lock, with the ledgers of the transaction that holds it."""

    now: TaskNow
    tasks: TaskLedger
    subtasks: SubtaskLedger
    views: Views


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
        async with self._held(task_id) as wheel:
            if wheel.now.status in TASK_TERMINAL or not wheel.now.cancelled:
                refuse_ended(wheel.now)
                await wheel.tasks.request_cancel(task_id)
                await wheel.subtasks.withdraw([task_id])
            await wheel.tasks.cancel([task_id])
        await self._doorbell.call_stopped(task_id)

    async def cancel_subtask(self, task_id: UUID, subtask_id: UUID) -> None:
        """Stop one subtask; what depends on it is blocked, the rest of the task goes on."""
        async with self._held(task_id) as wheel:
            refuse_ended(wheel.now)
            if not await wheel.subtasks.request_cancel(task_id, subtask_id):
                await _refuse_cancel(wheel.views, task_id, subtask_id)
        await self._doorbell.call_stopped(task_id)
        await self._mover.advance([task_id])

    async def pause(self, task_id: UUID, *, releases: bool) -> None:
        """Start nothing more of a task; `releases` has what runs given back uncounted."""
        async with self._held(task_id) as wheel:
            refuse_unless(wheel.now, PAUSABLE, slug="not-pausable", what="it cannot be paused now")
            if not await wheel.tasks.pause(task_id, "user", releases=releases):
                raise Conflict(
                    f"the task is already paused ({wheel.now.paused})",
                    slug="already-paused",
                    remedy="resume it, or look at it again",
                    status_now=wheel.now.status,
                    paused_reason=wheel.now.paused,
                )
            await wheel.subtasks.hold([task_id])
        if releases:
            await self._doorbell.call_stopped(task_id)

    async def resume(self, task_id: UUID) -> None:
        """Let a paused task go on where it stood."""
        async with self._held(task_id) as wheel:
            refuse_ended(wheel.now)
            if not await wheel.tasks.resume(task_id):
                raise Conflict(
                    "the task is not paused",
                    slug="not-paused",
                    remedy="look at the task again",
                    status_now=wheel.now.status,
                )
        await self._doorbell.ring_submission(task_id)
        await self._mover.advance([task_id])

    async def prioritise(self, task_id: UUID, priority: int) -> None:
        """Change how urgent a task is; what waits of it moves in the order at once."""
        async with self._held(task_id) as wheel:
            refuse_ended(wheel.now)
            await wheel.tasks.set_priority(task_id, priority)
            await wheel.subtasks.set_urgency(task_id, priority)

    async def retry(
        self, task_id: UUID, subtask_id: UUID, *, attempt: int, description: str | None
    ) -> None:
        """Run a failed or cancelled subtask again; `attempt` is the last that was seen."""
        async with self._held(task_id) as wheel:
            refuse_unless(
                wheel.now, _RETRYABLE, slug="not-retryable", what="nothing of it can be retried now"
            )
            done = await wheel.subtasks.retry(
                task_id, subtask_id, attempt=attempt, description=description
            )
            if not done:
                await _refuse_retry(wheel.views, task_id, subtask_id, attempt)
            await wheel.subtasks.unblock(task_id)
            if wheel.now.status is TaskStatus.FAILED:
                await wheel.tasks.reopen(task_id)
        await self._mover.advance([task_id])

    @asynccontextmanager
    async def _held(self, task_id: UUID) -> AsyncIterator[Wheel]:
        async with transaction(self._pool) as connection:
            tasks = self._tasks.within(connection)
            now = await lock(tasks, task_id)
            subtasks = self._subtasks.within(connection)
            yield Wheel(now, tasks, subtasks, Views(self._pool, connection))


async def _refuse_cancel(views: Views, task_id: UUID, subtask_id: UUID) -> None:
    now = await views.subtask_now(task_id, subtask_id)
    if now is None:
        raise NotFound(f"this task has no subtask {subtask_id}")
    if now["status"] in CANCELLABLE:
        raise Conflict(
            "the subtask is already being cancelled",
            slug="already-cancelling",
            remedy="wait until its agent has stopped",
            status_now=now["status"],
        )
    raise Conflict(
        f"the subtask has already ended: {now['status']}",
        slug="already-ended",
        remedy="look at the task again",
        status_now=now["status"],
    )


async def _refuse_retry(views: Views, task_id: UUID, subtask_id: UUID, attempt: int) -> None:
    now = await views.subtask_now(task_id, subtask_id)
    if now is None:
        raise NotFound(f"this task has no subtask {subtask_id}")
    status = SubtaskStatus(now["status"])
    if status not in RETRY.sources:
        detail = f"the subtask is {status}; only one that failed or was cancelled can be retried"
    else:
        detail = f"attempt {now['attempt']} has ended since you looked at attempt {attempt}"
    raise Conflict(
        detail,
        slug="not-retryable",
        remedy="look at the task again",
        status_now=status,
        attempt_now=now["attempt"],
    )
