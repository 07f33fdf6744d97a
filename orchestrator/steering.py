"""A person's hand on the wheel: cancel, pause, resume, prioritise, retry."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import structlog

from orchestrator.locked import lock, refuse_ended, refuse_unless
from orchestrator.plan_rules import PlanRules
from shared.database.connection import Pool, transaction
from shared.database.subtasks import CANCELLABLE, SubtaskLedger
from shared.database.tasks import PAUSABLE, TaskLedger, TaskNow
from shared.database.views import Views
from shared.errors import Conflict, DependencyUnavailable, NotFound
from shared.models import SubtaskEdit
from shared.queue import Doorbell
from shared.states import RETRY, TASK_TERMINAL, SubtaskStatus, TaskStatus

_log = structlog.get_logger(__name__)
_RETRYABLE = (TaskStatus.IN_PROGRESS, TaskStatus.FAILED)


class Mover(Protocol):
    """Moves tasks on, and sees to the steps that are then due."""

    async def advance(self, tasks: Sequence[UUID]) -> object:
        """Move these tasks on."""
        ...


@dataclass(frozen=True, slots=True)
class Nudge:
    """Moves on what a verb has changed; an outage does not make the verb undone."""

    mover: Mover

    async def advance(self, task_id: UUID) -> None:
        """Move the task on now, or leave it to the next sweep."""
        try:
            await self.mover.advance([task_id])
        except DependencyUnavailable as error:
            _log.warning("not moved on; the sweep will", task_id=str(task_id), error=error.detail)


@dataclass(frozen=True, slots=True)
class Wheel:
    """One task under its lock, with the ledgers of the transaction that holds it."""

    now: TaskNow
    tasks: TaskLedger
    subtasks: SubtaskLedger
    views: Views


class Steering:
    """Each verb is one transaction under the task's lock; of two that collide, one wins."""

    def __init__(self, pool: Pool, mover: Mover, doorbell: Doorbell, rules: PlanRules) -> None:
        self._pool = pool
        self._tasks = TaskLedger(pool)
        self._subtasks = SubtaskLedger(pool)
        self._nudge = Nudge(mover)
        self._rules = rules
        self._doorbell = doorbell

    async def cancel(self, task_id: UUID) -> None:
        """Stop a task: what waits is withdrawn at once, what runs is told to stop."""
        async with self._held(task_id) as wheel:
            if wheel.now.cancelled and wheel.now.status not in TASK_TERMINAL:
                raise Conflict(
                    "the task is already being cancelled",
                    slug="already-cancelling",
                    remedy="it ends as soon as what still runs has stopped",
                    status_now=wheel.now.status,
                )
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
        await self._nudge.advance(task_id)

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
        await self._nudge.advance(task_id)

    async def prioritise(self, task_id: UUID, priority: int, *, seen: int | None = None) -> None:
        """Change how urgent a task is; with `seen` only if it still is as urgent as that."""
        async with self._held(task_id) as wheel:
            refuse_ended(wheel.now)
            if seen is not None and wheel.now.priority != seen:
                raise Conflict(
                    f"the task's priority is {wheel.now.priority} now; you saw {seen}",
                    slug="priority-changed",
                    remedy="look at the task again",
                    status_now=wheel.now.status,
                    priority_now=wheel.now.priority,
                )
            await wheel.tasks.set_priority(task_id, priority)
            await wheel.subtasks.set_urgency(task_id, priority)

    async def retry(
        self, task_id: UUID, subtask_id: UUID, *, attempt: int, edit: SubtaskEdit | None = None
    ) -> None:
        """Run a failed or cancelled subtask again; `attempt` is the last that was seen."""
        async with self._held(task_id) as wheel:
            refuse_unless(
                wheel.now, _RETRYABLE, slug="not-retryable", what="nothing of it can be retried now"
            )
            if not await wheel.subtasks.retry(task_id, subtask_id, attempt=attempt):
                await _refuse_retry(wheel.views, task_id, subtask_id, attempt)
            if edit is not None:
                parts = await wheel.views.subtasks(task_id)
                part = next(each for each in parts if each.id == subtask_id)
                row = self._rules.edited(part, edit, task_priority=wheel.now.priority)
                await wheel.subtasks.edit(task_id, subtask_id, row)
            await wheel.subtasks.unblock(task_id)
            if wheel.now.status is TaskStatus.FAILED:
                await wheel.tasks.reopen(task_id)
        await self._nudge.advance(task_id)

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
