"""Hand in a task."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from shared.errors import QuintetError
from shared.models import ReviewPolicy
from ui.client import Upload
from ui.service import show_error, transfers
from ui.views import request_errors

EXAMPLES = {
    "Sales by region": "Which region sold most in the attached export, and can we trust the "
    "numbers? Leave out returns, draw a chart and write a one-page report.",
    "Compare two datasets": "Compare the two attached CSV files: which rows were added, removed "
    "or changed? Write the differences to a file and explain the three largest.",
    "Small tool with tests": "Write a command-line tool in Python that finds duplicate files in a "
    "directory by content, with unit tests and a short README.",
}


REVIEWS: dict[ReviewPolicy | None, str] = {
    None: "As configured",
    "off": "Never",
    "sampled": "Some results",
    "always": "Every result",
}


def _fill() -> None:
    chosen = st.session_state.get("example")
    if chosen:
        st.session_state["description"] = EXAMPLES[chosen]


def _uploads(files: Sequence[UploadedFile]) -> list[Upload]:
    return [
        Upload(file.name, file.getvalue(), file.type or "application/octet-stream")
        for file in files
    ]


@dataclass(frozen=True, slots=True)
class _Request:
    description: str
    title: str
    user: str
    priority: int
    review: ReviewPolicy | None
    files: list[Upload]


def _hand_in(asked: _Request) -> None:
    sizes = [len(file.content) for file in asked.files]
    problems = request_errors(asked.description, asked.user, sizes)
    if problems:
        st.error("  \n".join(problems), icon=":material/edit:")
        return
    # The same key until it is accepted: a second click never makes a second task.
    key = st.session_state.setdefault("submission", str(uuid4()))
    try:
        with st.spinner("Handing it in…"):
            task = transfers().submit(
                asked.description,
                user_id=asked.user.strip(),
                title=asked.title.strip() or None,
                priority=asked.priority,
                review=asked.review,
                files=asked.files,
                idempotency_key=key,
            )
    except QuintetError as error:
        show_error(error)
        return
    del st.session_state["submission"]
    st.session_state["user"] = asked.user.strip()
    st.switch_page("screens/task.py", query_params={"id": str(task.id)})


def _fields() -> _Request:
    description = st.text_area(
        "Task",
        key="description",
        height=170,
        max_chars=5000,
        placeholder="For example: which region sold most this quarter, and why?",
    )
    files = st.file_uploader(
        "Files for context (50 MB in all)", accept_multiple_files=True, key="files"
    )
    first, second, third, fourth = st.columns([3, 2, 2, 2])
    title = first.text_input("Title (optional)", max_chars=200)
    user = second.text_input("Your name", value=st.session_state.get("user", "me"))
    review = third.selectbox("Review", list(REVIEWS), format_func=REVIEWS.__getitem__)
    priority = fourth.slider("Priority", 0, 10, 5, help="10 is the most urgent.")
    st.caption(
        "Machine checks run in any case. A review is a second model that reads a result and may "
        "send it back: it finds more, takes longer and costs more."
    )
    return _Request(description, title, user, priority, review, _uploads(files or []))


def page() -> None:
    """The form."""
    st.header("What should be done?", anchor=False)
    st.caption(
        "Say it in your own words. Quintet makes a plan, five agents work on it in parallel, "
        "and you get one answer with its files and its price."
    )
    st.pills("Examples", list(EXAMPLES), key="example", on_change=_fill)
    with st.form("task", border=True):
        asked = _fields()
        handed_in = st.form_submit_button(
            "Hand it in", type="primary", icon=":material/send:", width="stretch"
        )
    if handed_in:
        _hand_in(asked)


page()
