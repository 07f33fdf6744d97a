"""The answer of a task, with its pictures and the files beside it."""

import streamlit as st

from shared.errors import QuintetError
from shared.models import Artifact, TaskView
from ui.evidence import counts
from ui.safe_markdown import escaped, harmless
from ui.service import show_badge
from ui.task_page.artifact_files import files
from ui.task_page.pictures import picture
from ui.views import one_line, pictures

OUTDATED = "This answer is from before the rerun"


def answer(task: TaskView) -> None:
    """The answer; folded while a newer one is being made."""
    if not task.answer:
        return
    if task.answer_outdated:
        with st.expander(OUTDATED, icon=":material/history:", key="outdated"):
            _answer(task)
        return
    _answer(task)


def _answer(task: TaskView) -> None:
    left, right = st.columns([5, 2]) if task.artifacts else (st.container(), None)
    with left, st.container(border=True, key="answer"):
        if task.partial:
            st.warning("From what could be done; some subtasks failed.", icon=":material/warning:")
        evidence(task)
        st.markdown(harmless(task.answer or ""))
        _gallery(task)
        if task.result:
            with st.expander("Structured result", icon=":material/data_object:"):
                st.json(task.result)
    if right:
        with right:
            files(task.id, task.artifacts, key="files")


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
