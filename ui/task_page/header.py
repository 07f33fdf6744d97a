"""The top of the task page: what it is, how it stands, who works, and what can be done about it."""

from datetime import datetime

import streamlit as st

from shared.models import TaskView
from ui.safe_markdown import escaped
from ui.service import show_badge, show_simulated
from ui.steering_words import counted
from ui.views import (
    Badge,
    compact,
    duration,
    elapsed,
    headline,
    is_over,
    money,
    one_line,
    running,
    tally,
    task_badge,
    token_count,
)

CHIPS = 6
PAUSED = Badge("Paused", "pause_circle", "‖", "orange")


def header(task: TaskView) -> None:
    """Title, badges and what is going on."""
    st.header(escaped(one_line(task.title, 120)) or "Untitled", anchor=False)
    with st.container(horizontal=True, gap="xsmall", key="badges"):
        show_badge(task_badge(task))
        if task.paused_reason and not is_over(task):
            show_badge(PAUSED)
        show_simulated(task.simulated)
        st.badge(f"Priority {task.priority}", icon=":material/flag:", color="gray")
        st.badge(escaped(one_line(task.user_id, 30)), icon=":material/person:", color="gray")
    st.caption(escaped(headline(task)))


def paused_strip(task: TaskView) -> None:
    """Say clearly that nothing more is started, and why."""
    if is_over(task) or task.paused_reason is None:
        return
    who = _PAUSED_BY[task.paused_reason]
    st.warning(
        f"**{who}.** Nothing more is started. {_what_runs(task)}", icon=":material/pause_circle:"
    )


def _what_runs(task: TaskView) -> str:
    busy = len(running(task))
    if task.pause_releases:
        if not busy:
            return "Nothing of it runs; what was given back begins anew later."
        return f"{counted(busy)} {'is' if busy == 1 else 'are'} being given back, without a result."
    return f"{counted(busy)} may still finish." if busy else "Nothing of it runs."


_PAUSED_BY = {
    "user": "Paused by a person",
    "budget": "Paused: its budget is spent",
    "approval": "Paused: it waits for an approval",
}


def figures(task: TaskView, at: datetime, *, planned: int | None = None) -> None:
    """Progress and the numbers, and who works on what; `planned` subtasks wait for approval."""
    if planned is None:
        st.progress(task.progress.fraction, text=tally(task.progress))
    took = duration(elapsed(task.created_at, task.finished_at, at))
    done = f"{task.progress.completed} / {task.progress.total}"
    numbers = (
        ("Elapsed" if not task.finished_at else "Took", took),
        ("Cost", money(task.cost_usd)),
        ("Tokens", compact(token_count(task.tokens))),
        ("Subtasks", f"{planned} planned" if planned is not None else done),
        ("Agents at work", str(len({one.agent_id for one in running(task)}))),
    )
    with st.container(horizontal=True, gap="small", key="figures"):
        for label, value in numbers:
            st.metric(label, value, border=True)
    with st.container(horizontal=True, gap="xsmall", key="who"):
        for subtask in running(task)[:CHIPS]:
            spent = duration(elapsed(subtask.started_at, None, at))
            words = f"{subtask.agent_id} · {one_line(subtask.title, 44)} · {spent}"
            st.badge(escaped(words), icon=":material/smart_toy:", color="blue")


def failure(task: TaskView) -> None:
    """Why the task as a whole failed, when it did."""
    if not task.error:
        return
    with st.container(border=True, key="failure"):
        st.markdown("#### :red[:material/error:] Why it failed")
        st.markdown(escaped(task.error))
        for number, errors in enumerate(task.plan_errors, 1):
            st.caption(f"Plan {number}: " + "; ".join(escaped(error) for error in errors))


def sent_back(task: TaskView) -> None:
    """Why earlier plans of this task were not taken."""
    times = "once" if len(task.plan_errors) == 1 else f"{len(task.plan_errors)} times"
    with st.expander(f"Sent back to the planner {times}", icon=":material/undo:"):
        for errors in task.plan_errors:
            for error in errors:
                st.caption(escaped(error))
