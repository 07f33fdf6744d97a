"""One task, live: how it stands, what can be done about it, its plan, and what came out of it."""

from functools import partial
from uuid import UUID

import streamlit as st

from shared.errors import NotFound
from shared.models import TaskDetail, TaskView
from shared.states import TaskStatus
from ui.drawings import plan_graph
from ui.plan.graph import drawing
from ui.safe_markdown import escaped
from ui.service import show_away, show_error
from ui.task_page import header as top
from ui.task_page.activity import PANEL_HEIGHT, activity
from ui.task_page.answer import answer
from ui.task_page.artifact_files import Height, files
from ui.task_page.asking import announce_dialog, show_dialog, waits_to_be_shown
from ui.task_page.last_heard import Heard, heard, visited
from ui.task_page.plan_editor import (
    edits_too_late,
    is_editing,
    newer_version,
    plan_editor,
    start_editing,
)
from ui.task_page.plan_review import proposed_plan
from ui.task_page.steering_dialogs import steering_bar
from ui.task_page.subtask_panel import Known, subtask_panel
from ui.views import is_over, now, one_line, worth_a_look

LIVE_SECONDS = 2
RESTING_SECONDS = 5


def _asked_for() -> UUID | None:
    try:
        return UUID(st.query_params.get("id", ""))
    except ValueError:
        return None


def _show_trouble(known: Heard) -> None:
    if isinstance(known.trouble, NotFound):
        show_error(known.trouble)
    elif known.trouble:
        show_away(known.trouble, stale=known.detail is not None)


def _plan(known: Heard, detail: TaskDetail) -> None:
    task = detail.task
    picked_key = f"picked-{task.id}"
    graph_key = f"plan-{task.id}"

    def pick() -> None:
        st.session_state[picked_key] = st.session_state[graph_key].picked

    chosen = {one.key: one for one in task.subtasks}.get(st.session_state.get(picked_key, ""))
    shown = chosen or worth_a_look(task)
    with st.container(border=True, key="plan"):
        st.markdown("##### Plan")
        if not task.subtasks or shown is None:
            st.caption("The plan appears here as soon as it is made.")
            return
        if task.plan_summary:
            st.caption(escaped(one_line(task.plan_summary, 300)))
        if task.plan_errors:
            top.sent_back(task)
        plan_graph(drawing(task, shown.key, now()), key=graph_key, on_pick=pick)
    with st.container(border=True, key="subtask"):
        away = known.trouble is not None
        lines = known.log.of(shown, away=away)
        subtask_panel(Known(detail, shown, lines, known.tried(shown), away), now())


def _centre(known: Heard, detail: TaskDetail) -> None:
    """The plan: the one that waits for a word, or the one that is worked."""
    task = detail.task
    edits_too_late(task.id, task)
    if is_editing(task.id):
        newer_version(task.id)
        return  # the editor stands below, outside of what refreshes
    if task.status is TaskStatus.AWAITING_APPROVAL:
        proposed_plan(known, task)
    else:
        _plan(known, detail)
    height: Height = PANEL_HEIGHT if known.log.whole.entries else "content"
    with st.container(border=True, height=height, key="happening"):
        activity(known, task, now())


def _live(task_id: UUID) -> None:
    known = heard(task_id)
    known.refresh()
    # One slot a section, drawn or not: nothing below moves when a section comes or goes.
    trouble, head, failure, outcome, centre, left = (st.container() for _ in range(6))
    with trouble:
        _show_trouble(known)
    if known.detail is None:
        return
    task = known.detail.task
    with head:
        top.header(task)
        edit = partial(start_editing, task_id=task_id)
        steering_bar(known, edit, editing=is_editing(task_id))
        top.paused_strip(task)
        waits = task.status is TaskStatus.AWAITING_APPROVAL and known.plan
        top.figures(task, now(), planned=len(waits.plan.subtasks) if waits else None)
    with failure:
        top.failure(task)
    with outcome:
        answer(task)
    with centre:
        _centre(known, known.detail)
    with left:
        if task.artifacts and not task.answer:
            files(task.id, task.artifacts, key="files")
    frame = _frame(task_id, task)
    if st.session_state.get(f"frame-{task_id}") != frame or waits_to_be_shown():
        st.session_state[f"frame-{task_id}"] = frame
        st.rerun()


def _frame(task_id: UUID, task: TaskView) -> tuple[bool, bool]:
    """What only a run of the whole page can change: how often it asks, and what stands below."""
    return is_over(task), is_editing(task_id)


def page() -> None:
    """The task named by the address."""
    task_id = _asked_for()
    if task_id is None:
        st.info("No task is chosen. Open one from the list.", icon=":material/checklist:")
        return
    visited(task_id)
    announce_dialog(task_id)
    over, _ = st.session_state.setdefault(f"frame-{task_id}", (False, is_editing(task_id)))
    st.fragment(_live, run_every=RESTING_SECONDS if over else LIVE_SECONDS)(task_id)
    plan_editor(task_id)
    show_dialog(task_id)


page()
