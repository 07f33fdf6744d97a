"""A task under its row lock, and what is said when its state forbids what a person wants."""

from collections.abc import Collection
from uuid import UUID

from shared.database.tasks import TaskLedger, TaskNow
from shared.errors import Conflict, NotFound
from shared.states import TASK_TERMINAL, TaskStatus


def no_task(task_id: UUID) -> NotFound:
    """There is no such task."""
    return NotFound(f"there is no task {task_id}", remedy="look at GET /tasks")


async def lock(ledger: TaskLedger, task_id: UUID) -> TaskNow:
    """Where the task stands, until the transaction ends; raises NotFound."""
    locked = await ledger.lock([task_id])
    if task_id not in locked:
        raise no_task(task_id)
    return locked[task_id]


def refuse_ended(now: TaskNow) -> None:
    """Raises Conflict when the task is over or being cancelled."""
    if now.status in TASK_TERMINAL:
        ended = f"the task has already ended: {now.status}"
        raise Conflict(ended, slug="already-ended", status_now=now.status)
    if now.cancelled:
        going = "the task is being cancelled"
        raise Conflict(going, slug="already-ended", status_now=now.status)


def refuse_unless(now: TaskNow, allowed: Collection[TaskStatus], *, slug: str, what: str) -> None:
    """Raises Conflict unless the task stands in one of these statuses."""
    if now.cancelled or now.status not in allowed:
        state = "being cancelled" if now.cancelled else now.status
        raise Conflict(
            f"the task is {state}: {what}",
            slug=slug,
            remedy="look at the task again",
            status_now=now.status,
        )
