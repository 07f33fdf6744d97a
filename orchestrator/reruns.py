"""Running a part of a task again: what depends on it runs too, everything else is reused."""

import hashlib
import json
from collections.abc import Collection, Sequence
from uuid import UUID

from orchestrator.locked import lock
from orchestrator.plan_rules import PlanRules
from orchestrator.steering import Mover, Nudge
from shared.database.connection import Pool, transaction
from shared.database.subtasks import TAINTING, SubtaskLedger
from shared.database.tasks import TaskLedger, TaskNow
from shared.database.views import Views
from shared.errors import Conflict, NotFound
from shared.models import BlockedPart, RerunPart, RerunPreview, SubtaskEdit, SubtaskView
from shared.states import REOPEN_TASK, RERUN, SubtaskStatus, TaskStatus

_RERUNNABLE = (TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.FAILED)
_CHOOSABLE = RERUN.sources - {SubtaskStatus.QUEUED}


class Reruns:
    """Previews and carries out reruns; what was previewed is what runs, or nothing."""

    def __init__(self, pool: Pool, mover: Mover, rules: PlanRules) -> None:
        self._pool = pool
        self._tasks = TaskLedger(pool)
        self._subtasks = SubtaskLedger(pool)
        self._nudge = Nudge(mover)
        self._rules = rules

    async def preview(self, task_id: UUID, subtask_id: UUID) -> RerunPreview:
        """What would run again and what would not; raises Conflict when it cannot be."""
        async with transaction(self._pool) as connection:
            now = await lock(self._tasks.within(connection), task_id)
            subtasks = await Views(self._pool, connection).subtasks(task_id)
        return preview_of(now, subtasks, subtask_id)

    async def rerun(
        self, task_id: UUID, subtask_id: UUID, *, seen: str, edit: SubtaskEdit | None = None
    ) -> None:
        """Do what the preview said; Conflict when the task is no longer as it was seen."""
        async with transaction(self._pool) as connection:
            tasks = self._tasks.within(connection)
            now = await lock(tasks, task_id)
            before = await Views(self._pool, connection).subtasks(task_id)
            preview = preview_of(now, before, subtask_id)
            if preview.seen != seen:
                raise _changed(now.status)
            ids = [part.id for part in preview.runs]
            # What was just claimed is no source of this edge: nothing is done by halves.
            open_parts = {part.id for part in preview.runs if part.status in RERUN.sources}
            subtasks = self._subtasks.within(connection)
            if await subtasks.rerun(task_id, ids) != len(open_parts):
                raise _changed(now.status)
            if edit is not None:
                part = next(each for each in before if each.id == subtask_id)
                row = self._rules.edited(part, edit, task_priority=now.priority)
                await subtasks.edit(task_id, subtask_id, row)
            if now.status in REOPEN_TASK.sources:
                await tasks.reopen(task_id)
        await self._nudge.advance(task_id)


def preview_of(now: TaskNow, subtasks: Sequence[SubtaskView], subtask_id: UUID) -> RerunPreview:
    """The preview of a rerun from a subtask on; raises NotFound and Conflict."""
    chosen = next((each for each in subtasks if each.id == subtask_id), None)
    if chosen is None:
        raise NotFound(f"this task has no subtask {subtask_id}")
    again = {chosen.key} | _descendants(subtasks, chosen.key)
    held_by = _holders(subtasks, again)
    runs = [each for each in subtasks if each.key in again and not held_by[each.key]]
    stays = [each for each in subtasks if each.key in again and held_by[each.key]]
    reuses = [
        each
        for each in subtasks
        if each.key not in again and each.status is SubtaskStatus.COMPLETED
    ]
    _refuse(now, subtasks, chosen, runs)
    return RerunPreview(
        seen=_seen(now, runs),
        runs=tuple(_part(each) for each in runs),
        reuses=tuple(_part(each) for each in reuses),
        stays_blocked=tuple(_blocked(each, held_by[each.key]) for each in stays),
    )


def _holders(subtasks: Sequence[SubtaskView], again: Collection[str]) -> dict[str, list[str]]:
    """By key of `again`: what failed or was cancelled outside it and so keeps it from running."""
    held_by: dict[str, list[str]] = {key: [] for key in again}
    for each in subtasks:
        if each.status in TAINTING and each.key not in again:
            for key in _descendants(subtasks, each.key) & held_by.keys():
                held_by[key].append(each.key)
    return held_by


def _refuse(
    now: TaskNow,
    subtasks: Sequence[SubtaskView],
    chosen: SubtaskView,
    runs: Sequence[SubtaskView],
) -> None:
    by_key = {each.key: each for each in subtasks}
    open_before = [
        key for key in chosen.dependencies if by_key[key].status is not SubtaskStatus.COMPLETED
    ]
    busy = [each.key for each in runs if each.status is SubtaskStatus.RUNNING]
    if now.cancelled or now.status not in _RERUNNABLE:
        state = "being cancelled" if now.cancelled else now.status
        reason, remedy = f"the task is {state}", "look at the task again"
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
        status_now=now.status,
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


def _seen(now: TaskNow, runs: Sequence[SubtaskView]) -> str:
    state = [now.status, *((str(each.id), each.status, each.attempt) for each in runs)]
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


def _blocked(subtask: SubtaskView, held_by: Sequence[str]) -> BlockedPart:
    return BlockedPart(
        id=subtask.id,
        key=subtask.key,
        title=subtask.title,
        status=subtask.status,
        held_by=tuple(held_by),
    )
