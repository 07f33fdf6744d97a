"""The parts of the task page, each drawn from the records it is given."""

from datetime import datetime
from typing import Literal

import streamlit as st

from shared.errors import QuintetError
from shared.models import Artifact, LogEntry, TaskView
from ui.evidence import counts
from ui.log_lines import log_row
from ui.safe_markdown import escaped, harmless
from ui.service import artifact_bytes, client, picture, show_badge, show_error, show_simulated
from ui.timeline import timeline_chart, timeline_rows
from ui.views import (
    compact,
    distinct_files,
    duration,
    elapsed,
    headline,
    is_over,
    money,
    one_line,
    pictures,
    running,
    size,
    tally,
    task_badge,
    token_count,
)

Height = int | Literal["content"]

FILES_HEIGHT = 480
FILES_UNSCROLLED = 8
LOG_LINES = 300
PANEL_HEIGHT = 470
CHIPS = 6


def header(task: TaskView) -> None:
    """Title, badges, what is going on, and the button that stops it."""
    left, right = st.columns([5, 1], vertical_alignment="top")
    with left:
        st.header(escaped(one_line(task.title, 120)) or "Untitled", anchor=False)
        with st.container(horizontal=True, gap="xsmall", key="badges"):
            show_badge(task_badge(task))
            show_simulated(task.simulated)
            st.badge(f"Priority {task.priority}", icon=":material/flag:", color="gray")
            st.badge(escaped(one_line(task.user_id, 30)), icon=":material/person:", color="gray")
        st.caption(escaped(headline(task)))
    with right:
        _cancel(task)


def _cancel(task: TaskView) -> None:
    if is_over(task):
        return
    stopping = task.cancel_requested
    with st.popover("Cancel", icon=":material/stop_circle:", disabled=stopping, width="stretch"):
        st.write("Stop this task and everything that runs for it? What is done is kept.")
        if st.button("Stop it", type="primary", key="stop"):
            try:
                client().cancel(task.id)
            except QuintetError as error:
                show_error(error)
            else:
                st.toast("Stopping…", icon=":material/stop_circle:")


def figures(task: TaskView, at: datetime) -> None:
    """Progress and the numbers, and who works on what."""
    st.progress(task.progress.fraction, text=tally(task.progress))
    took = duration(elapsed(task.created_at, task.finished_at, at))
    numbers = (
        ("Elapsed" if not task.finished_at else "Took", took),
        ("Cost", money(task.cost_usd)),
        ("Tokens", compact(token_count(task.tokens))),
        ("Subtasks", f"{task.progress.completed} / {task.progress.total}"),
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


def answer(task: TaskView) -> None:
    """The answer with its pictures, and the files beside it."""
    if not task.answer:
        return
    left, right = st.columns([5, 2]) if task.artifacts else (st.container(), None)
    with left, st.container(border=True, key="answer"):
        if task.partial:
            st.warning("From what could be done; some subtasks failed.", icon=":material/warning:")
        evidence(task)
        st.markdown(harmless(task.answer))
        _gallery(task)
        if task.result:
            with st.expander("Structured result", icon=":material/data_object:"):
                st.json(task.result)
    if right:
        with right:
            files(task)


def evidence(task: TaskView) -> None:
    """How many results were looked at how far, in words that need no manual."""
    found = counts(task.subtasks)
    if not found:
        return
    with st.container(key="evidence", gap="xsmall"):
        with st.container(horizontal=True, gap="xsmall"):
            for count in found:
                show_badge(count.badge, label=count.label)
        st.caption("  \n".join(f"**{one.badge.label}**: {one.meaning}." for one in found))


def _gallery(task: TaskView) -> None:
    shown = pictures(task.artifacts)
    for first in range(0, len(shown), 2):
        for column, artifact in zip(st.columns(2), shown[first : first + 2], strict=False):
            with column:
                _picture(task, artifact)


def _picture(task: TaskView, artifact: Artifact) -> None:
    try:
        content = picture(str(task.id), artifact.path, artifact.sha256)
    except QuintetError as error:
        st.caption(escaped(f"{artifact.name} cannot be shown: {error.detail}"))
    else:
        st.image(content, caption=escaped(one_line(artifact.name, 60)), width="stretch")


def files(task: TaskView) -> None:
    """A download for every artifact."""
    listed = distinct_files(task.artifacts)
    height: Height = FILES_HEIGHT if len(listed) > FILES_UNSCROLLED else "content"
    with st.container(border=True, key="files", height=height):
        st.markdown("##### Files")
        for artifact in listed:
            _file(str(task.id), artifact)


def _file(task_id: str, artifact: Artifact) -> None:
    path = artifact.path
    st.download_button(
        f"{escaped(one_line(artifact.name, 60))} :small[:gray[{size(artifact.size)}]]",
        data=lambda: artifact_bytes(task_id, path),
        file_name=artifact.name,
        mime=artifact.media_type,
        key=f"download-{path}-{artifact.sha256[:8]}",
        help=escaped(f"Made by {artifact.subtask_key}"),
        on_click="ignore",
        icon=":material/download:",
        width="stretch",
    )


def activity(task: TaskView, entries: list[LogEntry], at: datetime) -> None:
    """What happened: the log, newest first, and the timeline."""
    log, timeline, request = st.tabs(
        [":material/terminal: Log", ":material/view_timeline: Timeline", ":material/chat: Request"],
        key="activity",
    )
    with log:
        _log(entries)
    with timeline:
        rows = timeline_rows(task, at)
        if rows:
            st.altair_chart(timeline_chart(rows), key="timeline", width="stretch")
        else:
            st.caption("Nothing has run yet.")
    with request:
        st.markdown(escaped(task.description).replace("\n", "  \n"))
        for context in task.context_files:
            st.caption(f":material/attach_file: {escaped(context.name)} · {size(context.size)}")


def _log(entries: list[LogEntry]) -> None:
    if not entries:
        st.caption("No line yet. What agents do appears here as they do it.")
        return
    st.dataframe(
        [log_row(entry) for entry in reversed(entries[-LOG_LINES:])],
        key="log",
        height=PANEL_HEIGHT - 96,
        hide_index=True,
        column_order=("at", "level", "subtask", "message", "agent"),
        column_config={
            "at": st.column_config.DatetimeColumn("Time", format="HH:mm:ss", width=70),
            "level": st.column_config.TextColumn("", width=30),
            "subtask": st.column_config.TextColumn("Subtask", width=100),
            "message": st.column_config.TextColumn("What", width=780),
            "agent": st.column_config.TextColumn("Agent", width=80),
        },
    )
