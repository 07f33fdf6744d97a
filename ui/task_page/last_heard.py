"""What this session last heard of a task, kept for when the orchestrator is away."""

from dataclasses import dataclass, field
from uuid import UUID

import streamlit as st

from shared.errors import QuintetError
from shared.models import (
    AttemptView,
    LogEntry,
    PlanComparison,
    PlanHistory,
    PlanVersion,
    SubtaskView,
    TaskDetail,
)
from shared.states import SubtaskStatus, TaskStatus
from ui.service import client

LOG_PAGE = 500
LOG_KEPT = 2000


@dataclass
class Heard:
    """The last answers about one task; `trouble` is why there is no newer one."""

    task_id: UUID
    detail: TaskDetail | None = None
    entries: list[LogEntry] = field(default_factory=list)
    attempts: tuple[AttemptView, ...] = ()
    attempts_of: tuple[UUID, int, SubtaskStatus] | None = None
    plan: PlanVersion | None = None
    history: PlanHistory | None = None
    history_of: tuple[int | None, str | None] | None = None
    comparisons: dict[tuple[int, int], PlanComparison] = field(default_factory=dict)
    trouble: QuintetError | None = None

    def refresh(self) -> None:
        """Ask again; of the log, only for what is new; of a plan, only when it is another one."""
        try:
            self.detail = client().task(self.task_id)
            after = self.entries[-1].id if self.entries else 0
            self.entries += client().logs(self.task_id, after=after, limit=LOG_PAGE).entries
            self._refresh_plan()
        except QuintetError as error:
            self.trouble = error
            return
        self.trouble = None
        del self.entries[:-LOG_KEPT]

    def _refresh_plan(self) -> None:
        task = self.detail.task if self.detail else None
        if task is None or task.status is not TaskStatus.AWAITING_APPROVAL:
            return
        if self.plan is None or self.plan.hash != task.plan_hash:
            self.plan = client().plan(self.task_id)

    def tried(self, subtask: SubtaskView) -> tuple[AttemptView, ...]:
        """Its attempts; they are large, so asked for only when it moved."""
        stands = (subtask.id, subtask.attempt, subtask.status)
        if self.attempts_of != stands and subtask.attempt:
            try:
                self.attempts = client().attempts(self.task_id)
            except QuintetError:
                return self._of(subtask)  # the task's own answer says enough until the next refresh
            self.attempts_of = stands
        return self._of(subtask)

    def _of(self, subtask: SubtaskView) -> tuple[AttemptView, ...]:
        return tuple(one for one in self.attempts if one.subtask_id == subtask.id)

    def versions(self) -> PlanHistory | None:
        """Every version of the plan; asked for when there is a new one. Raises QuintetError."""
        task = self.detail.task if self.detail else None
        stands = (task.plan_version, task.plan_hash) if task else None
        if self.history is None or self.history_of != stands:
            self.history = client().plan_versions(self.task_id)
            self.history_of = stands
        return self.history

    def compared(self, before: int, after: int) -> PlanComparison:
        """What changed between two versions, which never change themselves."""
        if (before, after) not in self.comparisons:
            self.comparisons[before, after] = client().compare_plans(
                self.task_id, before=before, after=after
            )
        return self.comparisons[before, after]


def heard(task_id: UUID) -> Heard:
    """What this session knows of the task."""
    known: Heard = st.session_state.setdefault(f"heard-{task_id}", Heard(task_id))
    return known
