"""What the MCP server takes and gives: the API's records, cut down to what a model needs."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from shared.models import (
    Artifact,
    Evidence,
    LogPage,
    PlanVersion,
    Progress,
    Record,
    SubtaskView,
    TaskView,
)
from shared.states import FailureKind, SubtaskStatus, TaskStatus
from ui.views import headline, is_over, plain

MAX_MESSAGE = 2_000

Reason = Literal["ended", "needs_approval", "paused", "time_is_up"]


class InlineFile(Record):
    """A context file: its name, and its content as text or as base64."""

    name: str = Field(min_length=1, max_length=255, description="File name, such as sales.csv.")
    text: str | None = Field(default=None, description="The content of a text file.")
    base64: str | None = Field(default=None, description="The content of any other file.")

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        if (self.text is None) == (self.base64 is None):
            raise ValueError(f"give the content of {self.name!r} either as text or as base64")
        return self


class SubtaskReport(Record):
    """One part of a task: where it stands, and why it waits or failed."""

    id: UUID
    key: str
    title: str
    status: SubtaskStatus
    attempt: int
    depends_on: tuple[str, ...]
    agent_id: str | None
    waiting: str | None
    cancel_requested: bool
    evidence: Evidence | None
    failure_kind: FailureKind | None
    error: str | None
    cost_usd: Decimal


class TaskReport(Record):
    """A task as it stands; `happening` says it in a sentence.

    With `simulated` the model's words come from a script and the prices mean nothing.
    """

    id: UUID
    title: str
    status: TaskStatus
    over: bool
    happening: str
    paused_reason: str | None
    plan_version: int | None
    plan_hash: str | None
    progress: Progress
    simulated: bool
    cost_usd: Decimal
    partial: bool
    answer: str | None
    answer_outdated: bool
    error: str | None
    files: tuple[str, ...]
    subtasks: tuple[SubtaskReport, ...]


class WaitReport(Record):
    """Why the waiting ended, what to do now, and the task; with a plan that needs approval."""

    reason: Reason
    advice: str
    task: TaskReport
    plan: PlanVersion | None = None


class ArtifactReport(Record):
    """The files that completed subtasks left."""

    artifacts: tuple[Artifact, ...]


class LogLine(Record):
    """One thing that an agent said or did."""

    id: int
    at: datetime
    level: str
    kind: str
    subtask: str | None
    attempt: int | None
    message: str


class LogReport(Record):
    """Log lines in order; ask again with `after=next_after`."""

    lines: tuple[LogLine, ...]
    next_after: int


def task_report(task: TaskView) -> TaskReport:
    """The task without what only a page shows."""
    return TaskReport(
        id=task.id,
        title=task.title,
        status=task.status,
        over=is_over(task),
        happening=headline(task),
        paused_reason=task.paused_reason,
        plan_version=task.plan_version,
        plan_hash=task.plan_hash,
        progress=task.progress,
        simulated=task.simulated,
        cost_usd=task.cost_usd,
        partial=task.partial,
        answer=task.answer,
        answer_outdated=task.answer_outdated,
        error="\n".join((task.error or "", *_faults(task.plan_errors))).strip() or None,
        files=tuple(artifact.path for artifact in task.artifacts),
        subtasks=tuple(_subtask_report(subtask) for subtask in task.subtasks),
    )


def log_report(page: LogPage) -> LogReport:
    """The lines without what is for programs; a long message is cut."""
    lines = tuple(
        LogLine(
            id=entry.id,
            at=entry.at,
            level=entry.level,
            kind=entry.kind,
            subtask=entry.subtask_key,
            attempt=entry.attempt,
            message=_cut(plain(entry.message)),
        )
        for entry in page.entries
    )
    return LogReport(lines=lines, next_after=page.next_after)


def _subtask_report(subtask: SubtaskView) -> SubtaskReport:
    return SubtaskReport(
        id=subtask.id,
        key=subtask.key,
        title=subtask.title,
        status=subtask.status,
        attempt=subtask.attempt,
        depends_on=subtask.dependencies,
        agent_id=subtask.agent_id,
        waiting=subtask.waiting.reason if subtask.waiting else None,
        cancel_requested=subtask.cancel_requested,
        evidence=subtask.evidence,
        failure_kind=subtask.failure_kind,
        error=_cut(subtask.error) if subtask.error else None,
        cost_usd=subtask.cost_usd,
    )


def _faults(rounds: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What was wrong with the last plan that was tried."""
    tried = tuple(rounds)
    return tried[-1] if tried else ()


def _cut(text: str) -> str:
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"
