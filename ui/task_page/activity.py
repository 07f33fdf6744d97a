"""What happened to a task: the log, the timeline, the request, the versions of its plan."""

from datetime import datetime

import streamlit as st

from shared.models import LogEntry, TaskView
from ui.drawings import task_timeline
from ui.log_lines import log_row
from ui.plan.timeline import timeline_of
from ui.safe_markdown import escaped
from ui.service import time_zone
from ui.task_page.last_heard import Heard
from ui.task_page.plan_versions import versions
from ui.views import size

PANEL_HEIGHT = 470


def activity(known: Heard, task: TaskView, at: datetime) -> None:
    """A tab each, of which only the open one is made; the log with the newest line first."""
    log, timeline, request, plans = st.tabs(
        [
            ":material/terminal: Log",
            ":material/view_timeline: Timeline",
            ":material/chat: Request",
            ":material/history: Plan versions",
        ],
        key="activity",
        on_change="rerun",
    )
    if log.open:
        with log:
            _log(known.log.whole.entries)
    if timeline.open:
        with timeline:
            # One mount, even while it is empty: nothing is made anew when the first bar comes.
            task_timeline(timeline_of(task, at, known.all_tried()), key=f"timeline-{task.id}")
    if request.open:
        with request:
            _request(task)
    if plans.open:
        with plans:
            versions(known, task)


def _request(task: TaskView) -> None:
    st.markdown(escaped(task.description).replace("\n", "  \n"))
    for context in task.context_files:
        st.caption(f":material/attach_file: {escaped(context.name)} · {size(context.size)}")


def _log(entries: list[LogEntry]) -> None:
    if not entries:
        st.caption("No line yet. What agents do appears here as they do it.")
        return
    zone = time_zone()
    st.dataframe(
        [log_row(entry) for entry in reversed(entries)],
        key="log",
        height=PANEL_HEIGHT - 96,
        hide_index=True,
        column_order=("at", "level", "subtask", "message", "agent"),
        column_config={
            "at": st.column_config.DatetimeColumn(
                "Time" if zone else "Time in UTC",
                format="HH:mm:ss",
                width=70 if zone else 100,
                timezone=zone.key if zone else "UTC",
            ),
            "level": st.column_config.TextColumn("", width=30),
            "subtask": st.column_config.TextColumn("Subtask", width=100),
            "message": st.column_config.TextColumn("What", width=780),
            "agent": st.column_config.TextColumn("Agent", width=80),
        },
    )
