"""The versions of a task's plan: who made which and why, and two of them side by side."""

import streamlit as st

from shared.errors import QuintetError
from shared.models import (
    FieldChange,
    PlanComparison,
    PlanHistory,
    PlanVersion,
    TaskView,
)
from ui.plan_words import (
    CHANGE_BADGES,
    FIELD_NAMES,
    size_words,
    tally_of,
    value_words,
    version_words,
)
from ui.safe_markdown import escaped
from ui.service import DAY_AND_TIME, clock, in_line
from ui.task_page.last_heard import Heard
from ui.views import one_line, sentence


def versions(known: Heard, task: TaskView) -> None:
    """Every version, newest first, and a comparison of any two."""
    if not task.plan_version:
        st.caption("There is no plan yet.")
        return
    try:
        history = known.versions()
    except QuintetError as error:
        st.caption(escaped(f"The versions cannot be shown: {sentence(error.detail)}"))
        return
    if history is None:
        return
    for version in reversed(history.versions):
        _version(version)
    if len(history.versions) > 1:
        _comparison(known, history)


def _version(version: PlanVersion) -> None:
    current = " :green-badge[:material/check: current]" if version.current else ""
    st.markdown(
        f":material/{_ICONS[version.author]}: **{escaped(version_words(version))}**{current}  \n"
        f":small[{clock(version.created_at, DAY_AND_TIME)} · {escaped(size_words(version.plan))}"
        f" · {version.hash[:8]}]"
    )
    if version.feedback:
        st.markdown(f"> Made because: {escaped(one_line(version.feedback, 500))}")


_ICONS = {"planner": "smart_toy", "person": "person"}


def _comparison(known: Heard, history: PlanHistory) -> None:
    numbers = [one.version for one in history.versions]
    left, right = st.columns(2)
    before = left.selectbox("Compare version", numbers, index=len(numbers) - 2, key="before")
    after = right.selectbox("with version", numbers, index=len(numbers) - 1, key="after")
    if before == after:
        st.caption("Choose two different versions.")
        return
    try:
        changes = known.compared(before, after)
    except QuintetError as error:
        st.caption(escaped(f"They cannot be compared: {sentence(error.detail)}"))
    else:
        show_comparison(changes)


def show_comparison(changes: PlanComparison) -> None:
    """What is different, subtask by subtask: what was before beside what is after."""
    st.markdown(f"**{tally_of(changes)}.**")
    if changes.summary:
        _field(changes.summary)
    for change in changes.subtasks:
        with st.container(border=True, gap="xsmall"):
            title = escaped(one_line(change.title, 100))
            badge = in_line(CHANGE_BADGES[change.kind])
            st.markdown(f"{badge} **{title}** :small[{escaped(change.id)}]")
            for field in change.fields:
                _field(field)


def _field(change: FieldChange) -> None:
    st.caption(FIELD_NAMES.get(change.field, change.field))
    left, right = st.columns(2)
    for column, icon, value in (
        (left, "remove", change.before),
        (right, "add", change.after),
    ):
        words = "  \n".join(escaped(line) for line in value_words(change.field, value).split("\n"))
        column.markdown(f":material/{icon}: {words}")
