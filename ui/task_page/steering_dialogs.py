"""The buttons over a whole task, and what each asks before it does anything."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal
from uuid import UUID

import streamlit as st

from shared.errors import InvalidRequest, QuintetError
from shared.models import PlanVersion, TaskView
from ui.plan_words import size_words, time_words, version_words
from ui.safe_markdown import escaped
from ui.service import client
from ui.steering_words import (
    TaskVerb,
    cancelling,
    pause_choices,
    pausing,
    priority_words,
    resuming,
    standing,
    task_verbs,
)
from ui.task_page.asking import Asked, confirm, nothing_to_do, opener, show_facts
from ui.task_page.last_heard import Heard, heard
from ui.views import one_line

MIN_FEEDBACK, MAX_FEEDBACK = 3, 5000


def steering_bar(
    known: Heard, edit: Callable[[PlanVersion], None], *, editing: bool = False
) -> None:
    """A button for everything that can be asked of the task now; `edit` opens the editor.

    While a person is `editing`, nothing is asked of the version that is being changed.
    """
    task = known.detail.task if known.detail else None
    verbs = task_verbs(task) if task else ()
    verbs = tuple(verb for verb in verbs if not (editing and verb in _OF_A_VERSION))
    if task is None or not verbs:
        return
    away = known.trouble is not None
    with st.container(horizontal=True, gap="small", key="steering"):
        for verb in verbs:
            if verb == "edit":
                _edit_button(known, edit, disabled=away)
            else:
                _button(verb, task, known.plan, disabled=away)
        if away:
            st.caption("Not possible while the orchestrator is away.")


_OF_A_VERSION: tuple[TaskVerb, ...] = ("approve", "edit", "send_back")


def _edit_button(known: Heard, edit: Callable[[PlanVersion], None], *, disabled: bool) -> None:
    if known.plan and st.button(
        "Edit plan",
        key="steer-edit",
        icon=":material/edit:",
        disabled=disabled,
        on_click=edit,
        args=(known.plan,),
    ):
        st.rerun()


def _button(verb: TaskVerb, task: TaskView, plan: PlanVersion | None, *, disabled: bool) -> None:
    button = _BUTTONS[verb]
    if verb in _OF_A_PLAN:
        if plan is None:
            return
        body: Callable[[Asked], None] = partial(_OF_A_PLAN[verb], task.id, plan)
    else:
        body = _OF_THE_TASK[verb](task)
    opener(
        button.label,
        partial(Asked, task.id, button.title, button.icon, body),
        key=f"steer-{verb.replace('_', '-')}",
        icon=button.icon,
        kind=button.kind,
        disabled=disabled,
    )


def _still(task_id: UUID, verb: TaskVerb) -> TaskView | None:
    """The task as it is now, named; None, and a word on it, when the verb no longer applies."""
    detail = heard(task_id).detail
    if detail is None:
        return None
    st.markdown(f"**{escaped(one_line(detail.task.title, 120)) or 'Untitled'}**")
    if verb in task_verbs(detail.task):
        return detail.task
    nothing_to_do(f"There is nothing left to do here. {standing(detail.task)}")
    return None


def _cancel(task_id: UUID, asked: Asked) -> None:
    if task := _still(task_id, "cancel"):
        show_facts(cancelling(task))
        confirm(
            asked,
            "Cancel the task",
            lambda: client().cancel(task_id),
            key="confirm-cancel",
            icon="stop_circle",
            said="It is being cancelled.",
            back="Let it go on",
        )


def _pause(task_id: UUID, asked: Asked) -> None:
    task = _still(task_id, "pause")
    if task is None:
        return
    show_facts(pausing(task))
    choices = pause_choices(task)
    chosen: Literal["finish", "release"] = st.radio(
        "What becomes of what runs now?",
        ["finish", "release"],
        format_func={"finish": "Let it finish", "release": "Give it back now"}.__getitem__,
        captions=[escaped(words) for words in choices.values()],
        key="pause-running",
    )
    confirm(
        asked,
        "Pause the task",
        lambda: client().pause(task_id, running=chosen),
        key="confirm-pause",
        icon="pause_circle",
        said="It is paused.",
    )


def _resume(task_id: UUID, asked: Asked) -> None:
    if task := _still(task_id, "resume"):
        show_facts(resuming(task))
        confirm(
            asked,
            "Resume the task",
            lambda: client().resume(task_id),
            key="confirm-resume",
            icon="play_circle",
            said="It goes on.",
        )


class _Priority:
    """The dialog of a priority: it holds the one that the person sees, and replaces no other."""

    def __init__(self, task_id: UUID, seen: int) -> None:
        self._task_id, self._seen = task_id, seen
        self._looked_after: QuintetError | None = None

    def __call__(self, asked: Asked) -> None:
        task = _still(self._task_id, "priority")
        if task is None:
            return
        if asked.refusal and asked.refusal is not self._looked_after:
            self._seen, self._looked_after = task.priority, asked.refusal
        seen = self._seen
        chosen = st.slider("Priority", 0, 10, seen, key="priority-value")
        st.caption(f"{priority_words(chosen)} It is now {seen}.")
        st.caption("What already runs is not interrupted; what waits moves in the queue.")
        confirm(
            asked,
            f"Set priority {chosen}",
            lambda: client().prioritise(self._task_id, chosen, seen=seen),
            key="confirm-priority",
            icon="flag",
            said=f"Its priority is {chosen} now.",
            disabled=chosen == seen,
        )


def _newer(task_id: UUID, plan: PlanVersion) -> bool:
    """Say so when the plan that was looked at is no longer the one that waits."""
    now = heard(task_id).plan
    if now is None or now.hash == plan.hash:
        return False
    nothing_to_do(
        f"{version_words(now)}, is there now; you looked at version {plan.version}. "
        "Close this and look at the new one first."
    )
    return True


def _approve(task_id: UUID, plan: PlanVersion, asked: Asked) -> None:
    if _still(task_id, "approve") is None or _newer(task_id, plan):
        return
    show_facts(
        [
            ("approval", f"{version_words(plan)}, is what will be worked."),
            ("account_tree", f"{size_words(plan.plan)}."),
            ("schedule", time_words(plan.plan)),
            ("payments", "From here on agents work, which costs. You can still pause or cancel."),
        ]
    )
    confirm(
        asked,
        "Approve and start",
        lambda: client().approve(task_id, hash=plan.hash),
        key="confirm-approve",
        icon="check_circle",
        said="Approved. It starts now.",
        back="Not yet",
    )


def _send_back(task_id: UUID, plan: PlanVersion, asked: Asked) -> None:
    if _still(task_id, "send_back") is None or _newer(task_id, plan):
        return
    show_facts(
        [
            (
                "undo",
                f"The planner makes a new version from your words; version {plan.version} is kept.",
            ),
            ("hourglass_top", "Nothing runs until a version is approved."),
            ("payments", "Planning again costs about as much as it did the first time."),
        ]
    )
    feedback = st.text_area(
        "What should be different?",
        key="feedback",
        height=140,
        max_chars=MAX_FEEDBACK,
        placeholder="For example: leave the chart out, and check the totals twice.",
    ).strip()
    confirm(
        asked,
        "Send it back",
        lambda: client().reject(task_id, hash=plan.hash, feedback=_enough(feedback)),
        key="confirm-send-back",
        icon="undo",
        said="Sent back. A new version is being made.",
    )


def _enough(feedback: str) -> str:
    """The feedback, unless it is too short to say anything."""
    if len(feedback) < MIN_FEEDBACK:
        raise InvalidRequest(
            f"The feedback has {len(feedback)} characters; it needs at least {MIN_FEEDBACK}.",
            remedy="Say in a sentence what should be different.",
        )
    return feedback


@dataclass(frozen=True, slots=True)
class _Button:
    label: str
    title: str
    icon: str
    kind: Literal["primary", "secondary"] = "secondary"


_BUTTONS: Mapping[TaskVerb, _Button] = {
    "approve": _Button("Approve", "Approve this plan?", "check_circle", "primary"),
    "send_back": _Button("Send back", "Send the plan back?", "undo"),
    "pause": _Button("Pause", "Pause this task?", "pause_circle"),
    "resume": _Button("Resume", "Resume this task?", "play_circle", "primary"),
    "priority": _Button("Priority", "Change the priority?", "flag"),
    "cancel": _Button("Cancel", "Cancel this task?", "stop_circle"),
}
_OF_A_PLAN: Mapping[TaskVerb, Callable[[UUID, PlanVersion, Asked], None]] = {
    "approve": _approve,
    "send_back": _send_back,
}
_OF_THE_TASK: Mapping[TaskVerb, Callable[[TaskView], Callable[[Asked], None]]] = {
    "pause": lambda task: partial(_pause, task.id),
    "resume": lambda task: partial(_resume, task.id),
    "priority": lambda task: _Priority(task.id, task.priority),
    "cancel": lambda task: partial(_cancel, task.id),
}
