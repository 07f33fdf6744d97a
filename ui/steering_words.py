"""Which verbs a person has over a task now, and what each would do, in words; pure."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Literal

from shared.models import BlockedPart, RerunPart, SubtaskView, TaskView
from shared.states import SUBTASK_TERMINAL, SubtaskStatus, TaskStatus
from ui.views import SUBTASK_BADGES, TASK_BADGES, Badge, is_over, money, one_line, running

TaskVerb = Literal["approve", "edit", "send_back", "pause", "resume", "priority", "cancel"]
SubtaskVerb = Literal["cancel", "retry", "rerun"]
Fact = tuple[str, str]
"""The name of an icon, and a sentence."""

_PAUSABLE = (TaskStatus.PENDING, TaskStatus.PLANNING, TaskStatus.IN_PROGRESS)
_REOPENABLE = (TaskStatus.IN_PROGRESS, TaskStatus.COMPLETED, TaskStatus.FAILED)
_ENDED_BADLY = (SubtaskStatus.FAILED, SubtaskStatus.CANCELLED)
_NAMED = 4
PRIORITY_WORDS = {
    range(4): "Low: it gives way to everything normal.",
    range(4, 7): "Normal: it takes its turn.",
    range(7, 11): "High: agents take it before everything normal.",
}


def task_verbs(task: TaskView) -> tuple[TaskVerb, ...]:
    """What can be asked of the task as it is."""
    if is_over(task) or task.cancel_requested:
        return ()
    verbs: list[TaskVerb] = []
    if task.status is TaskStatus.AWAITING_APPROVAL:
        verbs += ["approve", "edit", "send_back"]
    if task.paused_reason == "user":
        verbs.append("resume")
    elif task.status in _PAUSABLE:
        verbs.append("pause")
    return (*verbs, "priority", "cancel")


def subtask_verbs(task: TaskView, subtask: SubtaskView) -> tuple[SubtaskVerb, ...]:
    """What can be asked of one subtask as it is."""
    if task.status not in _REOPENABLE or task.cancel_requested:
        return ()
    if subtask.status not in SUBTASK_TERMINAL:
        stopping = subtask.cancel_requested or is_over(task)
        return () if stopping else ("cancel",)
    if subtask.status is SubtaskStatus.BLOCKED:
        return () if is_over(task) else ("cancel",)
    return ("retry", "rerun") if subtask.status in _ENDED_BADLY else ("rerun",)


def dependents(task: TaskView, key: str) -> list[SubtaskView]:
    """Everything that needs this subtask's result, directly or not, in the plan's order."""
    found = {key}
    grown = True
    while grown:
        more = {one.key for one in task.subtasks if found.intersection(one.dependencies)} - found
        found |= more
        grown = bool(more)
    return [one for one in task.subtasks if one.key in found and one.key != key]


def named(subtasks: Iterable[SubtaskView]) -> str:
    """`“Load” and “Compare”`, or the first of many and how many more."""
    titles = [f"“{one_line(one.title, 60)}”" for one in subtasks]
    if len(titles) > _NAMED:
        titles = [*titles[: _NAMED - 1], f"{len(titles) - _NAMED + 1} more"]
    return " and ".join(filter(None, (", ".join(titles[:-1]), *titles[-1:])))


def counted(count: int, one: str = "subtask") -> str:
    """`1 subtask`, `3 subtasks`."""
    return f"{count} {one}{'s' if count != 1 else ''}"


def cost_so_far(task: TaskView) -> Fact:
    """What was spent, which no verb gives back."""
    return ("payments", f"It cost {money(task.cost_usd)} so far; that stays spent.")


def cancelling(task: TaskView) -> list[Fact]:
    """What cancelling a task does."""
    busy = running(task)
    stops = f"{named(busy)} {'is' if len(busy) == 1 else 'are'} told to stop now."
    done = task.progress.completed
    left = task.progress.total - done - len(busy) - task.progress.failed
    facts = [("stop_circle", stops if busy else "Nothing runs for it at the moment.")]
    if left > 0:
        facts.append(("block", f"{counted(left)} will not be started."))
    kept = f"The results and files of {counted(done)} are kept." if done else "There is no result."
    return [*facts, ("inventory_2", kept), cost_so_far(task), ("warning", "It cannot be resumed.")]


def pausing(task: TaskView) -> list[Fact]:
    """What a pause does, whatever becomes of what runs."""
    return [
        ("pause_circle", "Nothing more is started until somebody resumes it."),
        ("inventory_2", "Every result so far is kept."),
        cost_so_far(task),
    ]


def pause_choices(task: TaskView) -> dict[str, str]:
    """The two ways to treat what runs, with what each costs."""
    busy = running(task)
    if not busy:
        return {"finish": "Nothing runs for it now.", "release": "Nothing runs for it now."}
    ends, begins = ("stop", "they begin") if len(busy) > 1 else ("stops", "it begins")
    return {
        "finish": f"{named(busy)} may end as usual, and what comes out is kept.",
        "release": f"{named(busy)} {ends} now, without a result; {begins} anew after the pause.",
    }


def resuming(task: TaskView) -> list[Fact]:
    """What going on does."""
    waiting = task.progress.queued + task.progress.pending
    if not task.progress.total:
        return [("play_circle", "It goes on where it was left.")]
    return [("play_circle", f"{counted(waiting)} may be started again, as agents are free.")]


def cancelling_subtask(task: TaskView, subtask: SubtaskView) -> list[Fact]:
    """What cancelling one subtask does to it and to others."""
    runs = subtask.status is SubtaskStatus.RUNNING
    stops = f"{subtask.agent_id} is told to stop now." if runs else "It will not be started."
    after = [one for one in dependents(task, subtask.key) if one.status not in SUBTASK_TERMINAL]
    blocked = f"{named(after)} cannot be done without it: blocked."
    nothing = "Nothing that is still open needs its result."
    return [
        ("stop_circle", stops),
        ("lock", blocked) if after else ("check_circle", nothing),
        ("call_split", "Everything else goes on."),
        ("replay", "It can be run again later."),
        ("payments", f"It cost {money(subtask.cost_usd)} so far; that stays spent."),
    ]


def retrying(task: TaskView, subtask: SubtaskView) -> list[Fact]:
    """What another attempt does."""
    after = [
        one
        for one in dependents(task, subtask.key)
        if one.status in (SubtaskStatus.BLOCKED, SubtaskStatus.PENDING)
    ]
    facts = [("replay", f"It is queued for attempt {subtask.attempt + 1}.")]
    if after:
        facts.append(("lock_open", f"{named(after)} can be done once it completes."))
    facts.append(("payments", f"Its attempts cost {money(subtask.cost_usd)} so far."))
    return facts


def money_of(parts: Iterable[RerunPart]) -> str:
    """What these subtasks cost so far."""
    return money(sum((part.cost_usd for part in parts), Decimal(0)))


def held_words(part: BlockedPart) -> str:
    """Why a rerun leaves it out."""
    return f"held by {', '.join(part.held_by)}"


def stands_now(extra: dict[str, Any]) -> str:
    """What a refusal says of the present state, or nothing."""
    word = str(extra.get("status_now") or "")
    badges = {**_labels(SUBTASK_BADGES), **_labels(TASK_BADGES)}
    return badges.get(word, "")


def _labels(badges: Mapping[TaskStatus, Badge] | Mapping[SubtaskStatus, Badge]) -> dict[str, str]:
    return {status.value: badge.label for status, badge in badges.items()}


def standing(task: TaskView) -> str:
    """How a task stands, in a sentence."""
    if task.cancel_requested and not is_over(task):
        return "The task is being cancelled."
    if task.paused_reason == "user":
        return "The task is paused."
    return f"The task is now: {TASK_BADGES[task.status].label}."


def priority_words(priority: int) -> str:
    """What a priority means."""
    return next(words for band, words in PRIORITY_WORDS.items() if priority in band)
