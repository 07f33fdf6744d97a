"""The editor of a plan that waits for approval: nothing of it is lost until a person drops it."""

from collections.abc import Mapping
from functools import partial
from uuid import UUID

import streamlit as st

from shared.errors import InvalidRequest
from shared.models import Plan, PlanComparison, PlanVersion, TaskView
from shared.states import TaskStatus
from ui.drawings import plan_graph
from ui.plan.proposal import plan_drawing
from ui.plan_words import (
    CHANGE_BADGES,
    compared,
    tally_of,
    version_words,
)
from ui.safe_markdown import escaped
from ui.service import client
from ui.steering_words import standing
from ui.task_page.asking import Asked, close, confirm, opener, reasons_in, show_facts
from ui.task_page.last_heard import heard
from ui.task_page.plan_draft import Draft, errors_of, errors_of_all
from ui.task_page.plan_fields import subtask_fields
from ui.task_page.plan_versions import show_comparison
from ui.views import one_line, sentence


def draft_of(task_id: UUID) -> Draft | None:
    """The unsaved edits of this session, if somebody edits."""
    draft: Draft | None = st.session_state.get(_key(task_id))
    if draft and draft.saved:
        _stop(task_id)
        return None
    return draft


def start_editing(version: PlanVersion, *, task_id: UUID) -> None:
    """Open the editor on this version."""
    st.session_state[_key(task_id)] = Draft.of(version)


def _key(task_id: UUID) -> str:
    return f"draft-{task_id}"


def _stop(task_id: UUID) -> None:
    st.session_state.pop(_key(task_id), None)


def newer_version(task_id: UUID) -> None:
    """Say that somebody else made a newer version, and offer what can be done about it."""
    draft, now = draft_of(task_id), heard(task_id).plan
    if draft is None:
        return
    if now is None or now.hash == draft.base.hash:
        return
    with st.container(border=True, key="newer"):
        st.warning(
            f"**{escaped(version_words(now))}, was made while you edited version "
            f"{draft.base.version}.** Your edits are kept here, and nothing is saved over it "
            "unless you say so.",
            icon=":material/sync_problem:",
        )
        with st.container(horizontal=True, gap="small"):
            compare = partial(_compare, now, draft)
            title = "The newer version and your edits"
            asked = partial(Asked, task_id, title, "compare", compare, "large")
            opener("Compare them", asked, key="newer-compare", icon="compare")
            if st.button(
                f"Keep mine, to replace version {now.version}",
                key="newer-keep",
                icon=":material/merge:",
                on_click=draft.onto,
                args=(now,),
            ) or st.button(
                f"Drop mine, take version {now.version}",
                key="newer-take",
                icon=":material/refresh:",
                on_click=draft.restart,
                args=(now,),
            ):
                st.rerun()


def is_editing(task_id: UUID) -> bool:
    """Whether there are edits, of a plan that is still open."""
    detail = heard(task_id).detail
    return draft_of(task_id) is not None and (detail is None or detail.task.status in _PLAN_IS_OPEN)


def edits_too_late(task_id: UUID, task: TaskView) -> None:
    """Say so when there are edits of a plan that can never be saved any more."""
    if draft_of(task_id) is None or task.status in _PLAN_IS_OPEN:
        return
    with st.container(border=True, key="too-late"):
        st.warning(
            f"**Your edits of the plan cannot be saved any more.** {standing(task)}",
            icon=":material/sync_problem:",
        )
        if st.button(
            "Drop my edits",
            key="newer-drop",
            icon=":material/delete:",
            on_click=_stop,
            args=(task_id,),
        ):
            st.rerun()


_PLAN_IS_OPEN = (TaskStatus.PENDING, TaskStatus.PLANNING, TaskStatus.AWAITING_APPROVAL)


def _compare(now: PlanVersion, draft: Draft, _: Asked) -> None:
    st.caption(f"Version {now.version} is on the left, what you have here on the right.")
    show_comparison(compared(now, draft.plan))
    if st.button("Close", key="asked-back", icon=":material/close:"):
        close()
        st.rerun()


@st.fragment
def plan_editor(task_id: UUID) -> None:
    """The plan with every field to change; drawn outside of what refreshes by itself."""
    draft = draft_of(task_id)
    if draft is None or not is_editing(task_id):
        return
    with st.container(border=True, key="editor"):
        st.markdown(f"##### Editing version {draft.base.version} of the plan")
        changes = compared(draft.base, draft.plan)
        st.caption(f"{_done(draft)}." + (" Nothing is saved yet." if draft.changed else ""))
        _graph(draft, changes)
        _errors(errors_of_all(draft.said, draft.plan))
        left, right = st.columns([2, 5], gap="medium")
        with left:
            _list(draft, {one.id: one.kind for one in changes.subtasks})
        with right:
            _picked(draft)
        _summary(draft)
        _ending(task_id, draft)


def _done(draft: Draft) -> str:
    if draft.changed and draft.plan == draft.base.plan:
        return "Checks are written that cannot be read yet"
    return tally_of(compared(draft.base, draft.plan))


def _graph(draft: Draft, changes: PlanComparison) -> None:
    def pick() -> None:
        draft.select(st.session_state["editor-graph"].picked)

    plan_graph(plan_drawing(draft.plan, draft.selected, changes), key="editor-graph", on_pick=pick)


def _errors(errors: list[str]) -> None:
    for error in errors:
        st.error(escaped(sentence(error)), icon=":material/error:")


def _list(draft: Draft, kinds: Mapping[str, str]) -> None:
    """Every subtask as a button, with a mark for what was done to it or said against it."""
    st.caption("Subtasks")
    for place, one in enumerate(draft.plan.subtasks):
        wrong = bool(errors_of(draft.said, one.id))
        change = CHANGE_BADGES.get(kinds.get(one.id, ""))
        icon = "error" if wrong else change.icon if change else "radio_button_unchecked"
        st.button(
            escaped(one_line(one.title, 60)) or escaped(one.id),
            key=f"edit-{place}",
            icon=f":material/{icon}:",
            type="secondary" if one.id == draft.selected else "tertiary",
            on_click=draft.select,
            args=(one.id,),
            help=change.label if change else None,
        )
    st.button("Add a subtask", key="plan-add", icon=":material/add:", on_click=draft.add)


def _picked(draft: Draft) -> None:
    one = draft.subtask
    if one is None:
        st.caption("Add a subtask to begin.")
        return
    _errors(errors_of(draft.said, one.id))
    subtask_fields(draft, one)
    st.button(
        "Remove this subtask",
        key="plan-remove",
        icon=":material/delete:",
        on_click=draft.remove,
        help="What waits for it will wait for what it waits for.",
    )


def _summary(draft: Draft) -> None:
    key = f"plan-summary-{draft.turn}"

    def put() -> None:
        draft.plan = draft.plan.model_copy(update={"summary": st.session_state[key].strip()})

    with st.expander("Summary of the plan", icon=":material/article:"):
        st.text_area("Summary", draft.plan.summary, key=key, max_chars=8192, on_change=put)


def _ending(task_id: UUID, draft: Draft) -> None:
    save = partial(_save, task_id, draft)
    with st.container(horizontal=True, gap="small", key="editor-end"):
        opener(
            "Save as a new version",
            partial(Asked, task_id, "Save your edits?", "save", save, "large"),
            key="editor-save",
            icon="save",
            kind="primary",
            disabled=not draft.changed,
        )
        if draft.changed:
            drop = partial(_drop, task_id, draft)
            asked = partial(Asked, task_id, "Drop your edits?", "delete", drop)
            opener("Stop editing", asked, key="editor-stop", icon="close")
        elif st.button(
            "Stop editing",
            key="editor-stop",
            icon=":material/close:",
            on_click=_stop,
            args=(task_id,),
        ):
            st.rerun()


def _save(task_id: UUID, draft: Draft, asked: Asked) -> None:
    plan, errors = draft.sendable()
    draft.errors = errors or draft.errors
    show_facts(
        [
            ("history", f"It becomes a new version; version {draft.base.version} is kept."),
            ("hourglass_top", "Nothing runs until you approve it."),
        ]
    )
    show_comparison(compared(draft.base, draft.plan))
    _errors(errors)
    confirm(
        asked,
        "Save this version",
        lambda: _send(task_id, draft, plan),
        key="confirm-save",
        icon="save",
        said="Saved as a new version. Approve it to start.",
        back="Go on editing",
        disabled=plan is None,
    )


def _send(task_id: UUID, draft: Draft, plan: Plan | None) -> None:
    if plan is None:
        return
    known = heard(task_id)
    # From here on nothing of Streamlit's: it may end this run, and what was saved must be known.
    try:
        known.plan = client().edit_plan(task_id, plan, hash=draft.base.hash)
    except InvalidRequest as error:
        # Remembered, to stand beside what it concerns when the dialog is closed.
        draft.errors = reasons_in(error) or [error.detail]
        raise
    draft.saved = True


def _drop(task_id: UUID, draft: Draft, asked: Asked) -> None:
    show_facts(
        [("delete", f"{_done(draft)}: this is lost."), ("history", "Every saved version is kept.")]
    )
    confirm(
        asked,
        "Drop my edits",
        lambda: _stop(task_id),
        key="confirm-drop",
        icon="delete",
        said="The edits are dropped.",
        back="Go on editing",
    )
