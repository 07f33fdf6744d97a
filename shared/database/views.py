"""What people and programs read of the ledger; nothing here changes anything."""

import mimetypes
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.database.connection import Ledger, Row
from shared.errors import DependencyUnavailable
from shared.models import (
    Artifact,
    AttemptView,
    LogEntry,
    LogPage,
    Progress,
    SubtaskResult,
    SubtaskView,
    TaskDetail,
    TaskSummary,
    TaskView,
    Tokens,
)
from shared.states import COMPLETE_TASK, FAIL_TASK, SubtaskStatus, TaskStatus


@dataclass(frozen=True, slots=True)
class TaskFilter:
    """Which tasks to list; `after` is the (created_at, id) of the last row already seen."""

    statuses: tuple[TaskStatus, ...] = ()  # none of them: every status
    user_id: str | None = None
    text: str | None = None
    after: tuple[datetime, UUID] | None = None


_ANSWERED = COMPLETE_TASK.target, FAIL_TASK.target


class Views(Ledger):
    """Reads. Each method is one or a few indexed statements."""

    topics = ("views",)

    async def answers(self) -> bool:
        """Whether PostgreSQL answers a trivial question."""
        try:
            return bool(await self.fetch("answers"))
        except DependencyUnavailable:
            return False

    async def exists(self, task_id: UUID) -> bool:
        """Whether there is such a task."""
        row = await self.fetchrow("task_exists", task_id)
        return row is not None and bool(row["found"])

    async def task(self, task_id: UUID) -> TaskDetail | None:
        """A task, whole."""
        row = await self.fetchrow("task", task_id)
        if row is None:
            return None
        subtasks = await self.subtasks(task_id)
        results = [_result(item) for item in await self.fetch("results", task_id)]
        fields = dict(row)
        fields["tokens"] = Tokens.model_validate(fields["tokens"])
        view = TaskView(
            **fields,
            answer_outdated=fields["answer"] is not None and fields["status"] not in _ANSWERED,
            progress=progress(_count(subtasks)),
            subtasks=tuple(subtasks),
            artifacts=tuple(artifacts(results)),
        )
        return TaskDetail(task=view, subtask_results=tuple(results))

    async def subtasks(self, task_id: UUID) -> list[SubtaskView]:
        """A task's subtasks in the plan's order."""
        return [_subtask(row) for row in await self.fetch("subtasks", task_id)]

    async def tasks(self, wanted: TaskFilter, *, limit: int) -> list[TaskSummary]:
        """A page of tasks, newest first."""
        statuses = wanted.statuses or None
        created_at, task_id = wanted.after or (None, None)
        rows = await self.fetch(
            "tasks", statuses, wanted.user_id, wanted.text, created_at, task_id, limit
        )
        return [_summary(row) for row in rows]

    async def results(self, task_id: UUID) -> list[SubtaskResult]:
        """The current results of a task."""
        return [_result(row) for row in await self.fetch("results", task_id)]

    async def artifact(self, task_id: UUID, key: str, path: str) -> Row | None:
        """Where an artifact of a current result lies: subtask_id, attempt, path, size, sha256."""
        return await self.fetchrow("artifact", task_id, key, path)

    async def logs(
        self, task_id: UUID, *, subtask_id: UUID | None, after: int, limit: int
    ) -> LogPage:
        """Log lines in order, from after the id given."""
        rows = await self.fetch("logs", task_id, subtask_id, after, limit)
        entries = tuple(LogEntry.model_validate(dict(row)) for row in rows)
        return LogPage(entries=entries, next_after=entries[-1].id if entries else after)

    async def log_tail(
        self, task_id: UUID, *, subtask_id: UUID | None, after: int, last: int
    ) -> int:
        """The place after which the newest `last` lines stand, never before `after`."""
        row = await self.fetchrow("log_tail", task_id, subtask_id, after, last)
        return int(row["after"]) if row else after

    async def attempts(self, task_id: UUID) -> list[AttemptView]:
        """Every try at every subtask of a task."""
        rows = await self.fetch("attempts", task_id)
        return [AttemptView.model_validate(dict(row)) for row in rows]

    async def subtask_now(self, task_id: UUID, subtask_id: UUID) -> Row | None:
        """Status, attempt and route of a subtask, and its task's status."""
        return await self.fetchrow("subtask_now", task_id, subtask_id)


def progress(counts: Mapping[str, int]) -> Progress:
    """Counts by status as progress; the fraction is of those that completed."""
    total = sum(counts.values())
    done = counts.get(SubtaskStatus.COMPLETED, 0)
    return Progress(total=total, fraction=done / total if total else 0.0, **counts)


def artifacts(results: Iterable[SubtaskResult]) -> list[Artifact]:
    """The files of results, named by the subtask that made each."""
    return [
        Artifact(
            path=f"{result.key}/{file.path}",
            name=file.path.rsplit("/", 1)[-1],
            size=file.size,
            sha256=file.sha256,
            media_type=mimetypes.guess_type(file.path)[0] or "application/octet-stream",
            subtask_id=result.subtask_id,
            subtask_key=result.key,
            attempt=result.attempt,
        )
        for result in results
        for file in result.files
    ]


def _count(subtasks: Sequence[SubtaskView]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for subtask in subtasks:
        counts[subtask.status] = counts.get(subtask.status, 0) + 1
    return counts


def _subtask(row: Row) -> SubtaskView:
    fields: dict[str, Any] = dict(row)
    fields["tokens"] = Tokens.model_validate(fields["tokens"] or {})
    subtask = SubtaskView.model_validate(fields)
    if subtask.verification is None:
        return subtask
    return subtask.model_copy(update={"verification": subtask.verification.brief()})


def _result(row: Row) -> SubtaskResult:
    fields = dict(row)
    fields.pop("title")
    return SubtaskResult.model_validate(fields)


def _summary(row: Row) -> TaskSummary:
    fields = dict(row)
    counts = fields.pop("by_status")
    return TaskSummary(**fields, progress=progress(counts))
