"""Every task, newest first."""

from datetime import datetime

import streamlit as st

from shared.errors import QuintetError
from shared.models import TaskPage, TaskSummary
from shared.states import TaskStatus
from ui.safe_markdown import escaped
from ui.service import client, show_away, show_badge, show_simulated
from ui.views import TASK_BADGES, ago, duration, elapsed, money, now, one_line, tally, task_badge

PAGE_SIZE = 12


def _row(task: TaskSummary, at: datetime) -> None:
    with st.container(border=True, key=f"task-{task.id}"):
        what, bar, figures = st.columns([9, 5, 5], vertical_alignment="center")
        with what, st.container(horizontal=True, vertical_alignment="center", gap="small"):
            show_badge(task_badge(task))
            label = escaped(one_line(task.title, 70)) or "Untitled"
            if st.button(f"**{label}**", key=f"open-{task.id}", type="tertiary"):
                st.switch_page("screens/task.py", query_params={"id": str(task.id)})
            show_simulated(task.simulated)
        bar.progress(task.progress.fraction, text=tally(task.progress))
        took = duration(elapsed(task.created_at, task.finished_at, at))
        facts = (ago(task.created_at, at), took, money(task.cost_usd), one_line(task.user_id, 24))
        figures.caption(escaped(" · ".join(facts)))


def _nothing(searched: bool) -> None:
    with st.container(border=True, horizontal_alignment="center", key="nothing"):
        st.markdown(
            "#### " + ("Nothing matches" if searched else "No tasks yet"), text_alignment="center"
        )
        if searched:
            st.caption("Try other words, or all statuses.", text_alignment="center")
        else:
            st.caption("Hand in the first one: it takes a sentence.", text_alignment="center")
            st.page_link("screens/new_task.py", label="New task", icon=":material/add_circle:")


def _asked(status: TaskStatus | None, text: str, cursor: str | None) -> TaskPage | None:
    last: TaskPage | None = st.session_state.get("task_page")
    try:
        page = client().tasks(status=status, text=text or None, limit=PAGE_SIZE, cursor=cursor)
    except QuintetError as error:
        show_away(error, stale=last is not None)
        return last
    st.session_state["task_page"] = page
    return page


@st.fragment(run_every=2)
def listing(status: TaskStatus | None, text: str) -> None:
    """The rows of one page, and the way to the next."""
    trail: list[str] = st.session_state.setdefault("trail", [])
    found = _asked(status, text, trail[-1] if trail else None)
    if found is None:
        return
    if not found.tasks:
        _nothing(searched=bool(status or text))
    at = now()
    for task in found.tasks:
        _row(task, at)
    with st.container(horizontal=True, key="paging"):
        if trail:
            st.button("Newer", icon=":material/arrow_back:", on_click=_newer)
        if found.next_cursor:
            onward = (found.next_cursor,)
            st.button("Older", icon=":material/arrow_forward:", on_click=trail.append, args=onward)


def _newer() -> None:
    st.session_state["trail"].pop()


def _from_the_start() -> None:
    st.session_state["trail"] = []


def page() -> None:
    """Search, filter, rows."""
    st.header("Tasks", anchor=False)
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    text = left.text_input(
        "Search",
        placeholder="Search titles and descriptions",
        icon=":material/search:",
        label_visibility="collapsed",
        on_change=_from_the_start,
    )
    status = right.selectbox(
        "Status",
        list(TaskStatus),
        index=None,
        format_func=lambda one: TASK_BADGES[one].label,
        placeholder="All statuses",
        label_visibility="collapsed",
        on_change=_from_the_start,
    )
    listing(status, text.strip())


page()
