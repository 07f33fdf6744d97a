"""The list of tasks: which ones to show, and each as a row that a browser draws; pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from shared.models import Progress, TaskSummary
from shared.states import TaskStatus
from ui.views import (
    SIMULATED,
    Badge,
    ago,
    duration,
    elapsed,
    is_over,
    money,
    one_line,
    tally,
    task_badge,
)

TITLE_WIDTH = 110
NAME_WIDTH = 28
MAX_TEXT = 200  # what the service takes
MAX_NAME = 128
URGENT = 7


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of tasks that a person may want to see, and the statuses that it stands for."""

    label: str
    icon: str
    statuses: tuple[TaskStatus, ...]


KINDS: dict[str, Kind] = {
    "needs-you": Kind("Needs you", "front_hand", (TaskStatus.AWAITING_APPROVAL, TaskStatus.FAILED)),
    "at-work": Kind(
        "At work",
        "autorenew",
        (
            TaskStatus.PENDING,
            TaskStatus.PLANNING,
            TaskStatus.IN_PROGRESS,
            TaskStatus.AGGREGATING,
        ),
    ),
    "to-approve": Kind("Plan to approve", "approval", (TaskStatus.AWAITING_APPROVAL,)),
    "completed": Kind("Completed", "check_circle", (TaskStatus.COMPLETED,)),
    "failed": Kind("Failed", "error", (TaskStatus.FAILED,)),
    "cancelled": Kind("Cancelled", "block", (TaskStatus.CANCELLED,)),
}
PAUSED: dict[str, Badge] = {
    "user": Badge("Paused", "pause", "‖", "orange"),
    "budget": Badge("Paused: its budget is spent", "pause", "‖", "orange"),
    "approval": Badge("Paused: waits for an approval", "pause", "‖", "orange"),
}
_WITHOUT_PLAN: dict[TaskStatus, str] = {
    TaskStatus.PENDING: "Waits to be planned",
    TaskStatus.PLANNING: "The plan is being made",
    TaskStatus.AWAITING_APPROVAL: "The plan is ready: look at it",
    TaskStatus.FAILED: "No plan could be made",
    TaskStatus.CANCELLED: "Stopped before it began",
}
_PARTS = ("completed", "failed", "blocked", "cancelled", "running", "queued")


@dataclass(frozen=True, slots=True)
class Question:
    """What the list is asked for, except for the page."""

    text: str = ""
    kinds: tuple[str, ...] = ()
    user: str | None = None

    @property
    def narrow(self) -> bool:
        """Whether it leaves tasks out."""
        return bool(self.text or self.kinds or self.user)

    @property
    def statuses(self) -> list[TaskStatus]:
        """The statuses of its kinds, each once; none for all."""
        wanted = [status for kind in self.kinds for status in KINDS[kind].statuses]
        return list(dict.fromkeys(wanted))


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person chose on the page; `mine` stands for whoever looks, `by` for one name."""

    text: str = ""
    kinds: tuple[str, ...] = ()
    by: str = ""
    mine: bool = False

    @staticmethod
    def from_address(given: Sequence[tuple[str, str]]) -> "Filters | None":
        """The filters in an address, if it has any; what makes no sense in it is left out."""
        known = [(name, value) for name, value in given if name in ("q", "show", "by", "mine")]
        if not known:
            return None
        last = dict(known)
        shown = dict.fromkeys(value for name, value in known if name == "show")
        return Filters(
            last.get("q", "")[:MAX_TEXT],
            tuple(kind for kind in shown if kind in KINDS),
            last.get("by", "")[:MAX_NAME],
            last.get("mine") == "yes",
        )

    def address(self) -> str:
        """The same as the query of an address, `?` in front; empty for none."""
        query = urlencode(pairs(self))
        return f"?{query}" if query else ""

    def question(self, me: str) -> Question:
        """What they ask for, when `me` looks."""
        user = me if self.mine else self.by.strip()[:MAX_NAME]
        return Question(self.text.strip()[:MAX_TEXT], self.kinds, user or None)


def pairs(filters: Filters) -> list[tuple[str, str]]:
    """The filters that are set, as names and values of an address."""
    given = [("q", filters.text), *(("show", kind) for kind in filters.kinds)]
    given += [("mine", "yes")] if filters.mine else [("by", filters.by)]
    return [(name, value) for name, value in given if value]


def rows(tasks: Iterable[TaskSummary], at: datetime) -> list[dict[str, Any]]:
    """Each task as what `tasks.js` draws."""
    return [_row(task, at) for task in tasks]


def _row(task: TaskSummary, at: datetime) -> dict[str, Any]:
    return {
        "id": str(task.id),
        "title": one_line(task.title, TITLE_WIDTH) or "Untitled",
        "status": task.status.value,
        "badge": _sign(task_badge(task)),
        "notes": [_sign(badge) for badge in _notes(task)],
        "standing": standing(task),
        "parts": parts(task.progress),
        "moving": task.status in _MOVING and not task.paused_reason,
        "who": one_line(task.user_id, NAME_WIDTH),
        "age": ago(task.created_at, at),
        "took": took(task, at),
        "cost": money(task.cost_usd),
    }


_MOVING = (TaskStatus.PLANNING, TaskStatus.IN_PROGRESS, TaskStatus.AGGREGATING)


def _sign(badge: Badge) -> dict[str, str]:
    return {"label": badge.label, "icon": badge.icon, "colour": badge.colour}


def _notes(task: TaskSummary) -> list[Badge]:
    """What stands beside the status."""
    notes = []
    if task.paused_reason:
        notes.append(PAUSED[task.paused_reason])
    if task.priority >= URGENT and not is_over(task):
        notes.append(Badge("Urgent", "priority_high", "!", "violet"))
    if task.simulated:
        notes.append(SIMULATED)
    return notes


def standing(task: TaskSummary) -> str:
    """How far it is, in words, for a task with a plan and for one without."""
    return tally(task.progress) if task.progress.total else _WITHOUT_PLAN.get(task.status, "")


def parts(progress: Progress) -> list[dict[str, Any]]:
    """What a bar of the subtasks shows, left to right, in percent; what waits is left empty."""
    if not progress.total:
        return []
    counts = ((name, getattr(progress, name)) for name in _PARTS)
    return [
        {"name": name, "share": round(100 * count / progress.total, 2)}
        for name, count in counts
        if count
    ]


def took(task: TaskSummary, at: datetime) -> str:
    """`took 2 min 5 s` once it is over, `2 min 5 s so far` before."""
    spent = duration(elapsed(task.created_at, task.finished_at, at))
    return f"took {spent}" if is_over(task) else f"{spent} so far"


def people(known: Iterable[str], tasks: Sequence[TaskSummary]) -> list[str]:
    """Whose tasks were seen so far, in order of the alphabet."""
    return sorted({*known, *(task.user_id for task in tasks)}, key=str.casefold)
