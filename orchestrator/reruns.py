"""Running a part of a task again: what depends on it runs too, everything else is reused."""

import hashlib
import json
from collections.abc import Sequence
from uuid import UUID

from orchestrator.locked import lock, no_task
from orchestrator.steering import Mover
from shared.database.connection import Pool, transaction
from shared.database.subtasks import SubtaskLedger
from shared.database.tasks import TaskLedger
from shared.database.views import Views
from shared.errors import Conflict, NotFound
from shared.models import RerunPart, RerunPreview, SubtaskView, TaskView
from shared.states import REOPEN_TASK, RERUN, SubtaskStatus, TaskStatus

_RERUNNABLE = (TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.FAILED)
_CHOOSABLE = RERUN.sources - {SubtaskStatus.QUEUED}


class Reruns:
    """Previews and carries out reruns; what was previewed is what runs, or nothing."""

    def __init__(self, pool: Pool, mover: Mover) -> None:
        self._pool = pool
        self._tasks = TaskLedger(pool)
        self._subtasks = SubtaskLedger(pool)
        self._views = Views(pool)
        self._mover = mover

    async def preview(self, task_id: UUID, subtask_id: UUID) -> RerunPreview:
        """What would run again and what would be reused; raises Conflict when it cannot be."""
        return await _preview(self._views, task_id, subtask_id)

    async def rerun(
        self, task_id: UUID, subtask_id: UUID, *, seen: str, description: str | None
    ) -> None:
        """Do what the preview said; Conflict when the task is no longer as it was seen."""
        async with transaction(self._pool) as connection:
            tasks = self._tasks.within(connection)
            subtasks = self._subtasks.within(connection)
            now = await lock(tasks, task_id)
            preview = await _preview(Views(self._pool, connection), task_id, subtask_id)
            ids = [part.id for part in preview.runs]
            if preview.seen != seen:
                raise _changed(now.status)
            # What was just claimed is no source of this edge: nothing is done by halves.
            open_parts = {part.id for part in preview.runs if part.status in RERUN.sources}
            done = await subtasks.rerun(task_id, ids, chosen=subtask_id, description=description)
            if done != len(open_parts):
                raise _changed(now.status)
            if now.status in REOPEN_TASK.sources:
                await tasks.reopen(task_id)
        await self._mover.advance([task_id])


async def _preview(views: Views, task_id: UUID, subtask_id: UUID) -> RerunPreview:
    detail = await views.task(task_id)
    if detail is None:
        raise no_task(task_id)
    return preview_of(detail.task, subtask_id)


def preview_of(task: TaskView, subtask_id: UUID) -> RerunPreview:
    """The preview of a rerun from a subtask on; raises NotFound and Conflict."""
    chosen = next((each for each in task.subtasks if each.id == subtask_id), None)
    if chosen is None:
        raise NotFound(f"this task has no subtask {subtask_id}")
    keys = {chosen.key} | _descendants(task.subtasks, chosen.key)
    runs = [each for each in task.subtasks if each.key in keys]
    reuses = [
        each
        for each in task.subtasks
        if each.key not in keys and each.status is SubtaskStatus.COMPLETED
    ]
    _refuse(task, chosen, runs)
    return RerunPreview(
        seen=_seen(task, runs),
        runs=tuple(_part(each) for each in runs),
        reuses=tuple(_part(each) for each in reuses),
    )


def _refuse(task: TaskView, chosen: SubtaskView, runs: Sequence[SubtaskView]) -> None:
    by_key = {each.key: each for each in task.subtasks}
    open_before = [
        key for key in chosen.dependencies if by_key[key].status is not SubtaskStatus.COMPLETED
    ]
    busy = [each.key for each in runs if each.status is SubtaskStatus.RUNNING]
    if task.cancel_requested or task.status not in _RERUNNABLE:
        reason, remedy = f"the task is {task.status}", "look at the task again"
    elif chosen.status not in _CHOOSABLE:
        reason, remedy = f"{chosen.key} is {chosen.status}: it has not ended", "wait until it has"
    elif open_before:
        names = ", ".join(open_before)
        reason, remedy = f"{chosen.key} needs {names}, not completed", f"rerun from {names} instead"
    elif busy:
        reason = f"what would run again is running now: {', '.join(busy)}"
        remedy = "wait until it has ended, or cancel it first"
    else:
        return
    raise Conflict(
        reason,
        slug="not-rerunnable",
        remedy=remedy,
        status_now=task.status,
        subtask_status_now=chosen.status,
    )


def _changed(status: TaskStatus) -> Conflict:
    return Conflict(
        "the task has changed since this rerun was previewed",
        slug="rerun-changed",
        remedy="preview it again",
        status_now=status,
    )


def _descendants(subtasks: Sequence[SubtaskView], key: str) -> set[str]:
    found: set[str] = set()
    edge = {key}
    while edge:
        edge = {each.key for each in subtasks if edge & set(each.dependencies)} - found
        found |= edge
    return found


def _seen(task: TaskView, runs: Sequence[SubtaskView]) -> str:
    state = [task.status, *((str(each.id), each.status, each.attempt) for each in runs)]
    return hashlib.sha256(json.dumps(state).encode()).hexdigest()[:32]


def _part(subtask: SubtaskView) -> RerunPart:
    return RerunPart(
        id=subtask.id,
        key=subtask.key,
        title=subtask.title,
        status=subtask.status,
        attempt=subtask.attempt,
        cost_usd=subtask.cost_usd,
    )
