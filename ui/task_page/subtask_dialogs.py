"""The buttons over one subtask, and what each asks before it does anything."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from uuid import UUID

import streamlit as st

from shared.errors import QuintetError
from shared.models import BlockedPart, RerunPart, RerunPreview, SubtaskView, TaskView
from ui.safe_markdown import escaped
from ui.service import client, in_line, show_error
from ui.steering_words import (
    SubtaskVerb,
    cancelling_subtask,
    counted,
    held_words,
    money_of,
    retrying,
    standing,
    subtask_verbs,
)
from ui.task_page.asking import Asked, close, confirm, nothing_to_do, opener, show_facts
from ui.task_page.last_heard import heard
from ui.task_page.subtask_wish import wished
from ui.views import SUBTASK_BADGES, money, one_line

_Body = Callable[[UUID, SubtaskView], Callable[[Asked], None]]
"""Makes what a dialog draws, of a task and the subtask as it was seen when it was opened."""


def subtask_bar(task: TaskView, subtask: SubtaskView, *, away: bool) -> None:
    """A button for everything that can be asked of the subtask now."""
    verbs = subtask_verbs(task, subtask)
    if not verbs:
        return
    with st.container(horizontal=True, gap="small", key="subtask-steering"):
        for verb in verbs:
            label, icon, title, body = _BUTTONS[verb]
            opener(
                label,
                partial(_asked, title, icon, body, task.id, subtask),
                key=f"subtask-{verb}",
                icon=icon,
                kind="primary" if verb == "retry" else "secondary",
                disabled=away,
            )


def _asked(title: str, icon: str, body: _Body, task_id: UUID, seen: SubtaskView) -> Asked:
    return Asked(task_id, title, icon, body(task_id, seen), "medium")


def _still(
    task_id: UUID, seen: SubtaskView, verb: SubtaskVerb
) -> tuple[TaskView, SubtaskView] | None:
    """Both as they are now; None, and a word on it, when the verb no longer applies."""
    detail = heard(task_id).detail
    if detail is None:
        return None
    task = detail.task
    subtask = next((one for one in task.subtasks if one.id == seen.id), None)
    if subtask and subtask.attempt == seen.attempt and verb in subtask_verbs(task, subtask):
        return task, subtask
    label = SUBTASK_BADGES[subtask.status].label if subtask else "no longer in the plan"
    nothing_to_do(f"It is not as you saw it any more. It is now: {label}. {standing(task)}")
    return None


def _title(subtask: SubtaskView) -> None:
    st.markdown(f"**{escaped(one_line(subtask.title, 120))}**")


def _cancel(task_id: UUID, seen: SubtaskView, asked: Asked) -> None:
    if now := _still(task_id, seen, "cancel"):
        _title(seen)
        show_facts(cancelling_subtask(*now))
        confirm(
            asked,
            "Cancel this subtask",
            lambda: client().cancel_subtask(task_id, seen.id),
            key="confirm-subtask-cancel",
            icon="stop_circle",
            said="The subtask is being cancelled.",
            back="Let it go on",
        )


def _retry(task_id: UUID, seen: SubtaskView, asked: Asked) -> None:
    now = _still(task_id, seen, "retry")
    if now is None:
        return
    _title(seen)
    show_facts(retrying(*now))
    wish = wished(seen, key="retry")
    confirm(
        asked,
        "Run it with these changes" if wish.edit else "Run it again",
        lambda: client().retry(task_id, seen.id, attempt=seen.attempt, edit=wish.sent()),
        key="confirm-retry",
        icon="replay",
        said="It runs again, and what depends on it.",
    )


class _Rerun:
    """The dialog of a rerun: it holds the preview that the person sees and confirms."""

    def __init__(self, task_id: UUID, seen: SubtaskView) -> None:
        self._task_id, self._seen = task_id, seen
        self._preview: RerunPreview | None = None
        self._previewed_after: QuintetError | None = None

    def __call__(self, asked: Asked) -> None:
        if _still(self._task_id, self._seen, "rerun") is None:
            return
        preview = self._current(asked.refusal)
        if preview is None:
            return
        _title(self._seen)
        _parts("Runs again", "replay", preview.runs)
        _parts("Reused as it is", "inventory_2", preview.reuses)
        if preview.stays_blocked:
            _held(preview.stays_blocked)
        show_facts([("payments", _price(preview))])
        wish = wished(self._seen, key="rerun")
        confirm(
            asked,
            f"Run {counted(len(preview.runs))} again",
            lambda: client().rerun(
                self._task_id, self._seen.id, seen=preview.seen, edit=wish.sent()
            ),
            key="confirm-rerun",
            icon="replay",
            said=f"{counted(len(preview.runs))} will run again.",
        )

    def _current(self, refusal: QuintetError | None) -> RerunPreview | None:
        """Asked for once, and again after a refusal: what is confirmed is what is shown."""
        if self._preview is None or (refusal and refusal is not self._previewed_after):
            try:
                self._preview = client().preview_rerun(self._task_id, self._seen.id)
            except QuintetError as error:
                _no_preview(refusal or error)
                return None
            self._previewed_after = refusal
        return self._preview


def _no_preview(error: QuintetError) -> None:
    show_error(error)
    if st.button("Close", key="asked-back", icon=":material/close:"):
        close()
        st.rerun()


def _parts(label: str, icon: str, parts: Sequence[RerunPart]) -> None:
    with st.container(border=True, key=f"parts-{icon}", gap="xsmall"):
        st.markdown(f"**:material/{icon}: {label}: {counted(len(parts))}**")
        if not parts:
            st.caption("Nothing.")
        for part in parts:
            badge = in_line(SUBTASK_BADGES[part.status])
            st.markdown(f"{badge} {escaped(one_line(part.title, 90))} :small[{_spent(part)}]")


def _held(parts: Sequence[BlockedPart]) -> None:
    with st.container(border=True, key="parts-lock", gap="xsmall"):
        st.markdown(f"**:material/lock: Stays blocked: {counted(len(parts))}**")
        for part in parts:
            title = escaped(one_line(part.title, 90))
            st.markdown(
                f"{in_line(SUBTASK_BADGES[part.status])} {title}"
                f" :small[{escaped(held_words(part))}]"
            )


def _spent(part: RerunPart) -> str:
    tried = f"{part.attempt} attempt{'s' if part.attempt != 1 else ''}"
    return escaped(f"{tried}, {money(part.cost_usd)}")


def _price(preview: RerunPreview) -> str:
    again, kept = money_of(preview.runs), money_of(preview.reuses)
    return (
        f"What runs again cost {again} so far; that stays spent, and it costs again. "
        f"What is reused cost {kept} and costs nothing more."
    )


_BUTTONS: Mapping[SubtaskVerb, tuple[str, str, str, _Body]] = {
    "cancel": (
        "Cancel this subtask",
        "stop_circle",
        "Cancel this subtask?",
        lambda task_id, seen: partial(_cancel, task_id, seen),
    ),
    "retry": (
        "Run it again",
        "replay",
        "Run this subtask again?",
        lambda task_id, seen: partial(_retry, task_id, seen),
    ),
    "rerun": ("Rerun from here", "fast_rewind", "Run again from here?", _Rerun),
}
