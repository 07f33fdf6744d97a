"""What this session last heard of a task, kept for when the orchestrator is away."""

from dataclasses import dataclass, field
from uuid import UUID

import streamlit as st

from shared.errors import NotFound, QuintetError
from shared.models import (
    AttemptView,
    PlanComparison,
    PlanHistory,
    PlanVersion,
    SubtaskView,
    TaskDetail,
)
from shared.states import TaskStatus
from ui.service import client
from ui.task_page.log_places import LogPlaces, standing

TASKS_KEPT = 3


@dataclass
class Heard:
    """The last answers about one task; `trouble` is why there is no newer one."""

    task_id: UUID
    detail: TaskDetail | None = None
    log: LogPlaces = field(init=False)
    attempts: tuple[AttemptView, ...] = ()
    attempts_of: dict[UUID, tuple[object, ...]] = field(default_factory=dict)
    plan: PlanVersion | None = None
    history: PlanHistory | None = None
    history_of: tuple[int | None, str | None] | None = None
    comparisons: dict[tuple[int, int], PlanComparison] = field(default_factory=dict)
    trouble: QuintetError | None = None

    def __post_init__(self) -> None:
        self.log = LogPlaces(self.task_id)

    def refresh(self) -> None:
        """Ask again; of the log, only for what is new; of a plan, only when it is another one."""
        if isinstance(self.trouble, NotFound):
            return  # it will not come; a new visit asks again
        try:
            self.detail = client().task(self.task_id)
            self.log.read_on(self.detail.task)
            self._refresh_plan()
        except QuintetError as error:
            self.trouble = error
            return
        self.trouble = None

    def _refresh_plan(self) -> None:
        task = self.detail.task if self.detail else None
        if task is None or task.status is not TaskStatus.AWAITING_APPROVAL:
            return
        if self.plan is None or self.plan.hash != task.plan_hash:
            self.plan = client().plan(self.task_id)

    def tried(self, subtask: SubtaskView) -> tuple[AttemptView, ...]:
        """Its attempts; they are large, so asked for only when it moved."""
        if subtask.attempt and self.attempts_of.get(subtask.id) != standing(subtask):
            self._ask_for_attempts()
        return tuple(one for one in self.attempts if one.subtask_id == subtask.id)

    def all_tried(self) -> tuple[AttemptView, ...]:
        """The attempts at all subtasks; asked for when any of them moved."""
        begun = {one.id: standing(one) for one in self._subtasks() if one.attempt}
        if any(self.attempts_of.get(name) != stands for name, stands in begun.items()):
            self._ask_for_attempts()
        return self.attempts

    def _ask_for_attempts(self) -> None:
        try:
            self.attempts = client().attempts(self.task_id)
        except QuintetError:
            return  # the task's own answer says enough until the next refresh
        self.attempts_of = {one.id: standing(one) for one in self._subtasks()}

    def _subtasks(self) -> tuple[SubtaskView, ...]:
        return self.detail.task.subtasks if self.detail else ()

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
    """What this session knows of the task; only of the few that were looked at last."""
    known: dict[UUID, Heard] = st.session_state.setdefault("heard", {})
    found = known.pop(task_id) if task_id in known else Heard(task_id)
    known[task_id] = found  # at the end, where what was looked at last stands
    for left in list(known)[:-TASKS_KEPT]:
        del known[left]
    return found


def visited(task_id: UUID) -> Heard:
    """The same at the start of a visit, which asks again for what was not found."""
    found = heard(task_id)
    if isinstance(found.trouble, NotFound):
        found.trouble = None
    return found
