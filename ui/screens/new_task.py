"""Hand in a task."""

from collections.abc import Sequence
from uuid import uuid4

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from shared.errors import QuintetError
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


def _fill() -> None:
    chosen = st.session_state.get("example")
    if chosen:
        st.session_state["description"] = EXAMPLES[chosen]


def _uploads(files: Sequence[UploadedFile]) -> list[Upload]:
    return [
        Upload(file.name, file.getvalue(), file.type or "application/octet-stream")
        for file in files
    ]


def _hand_in(description: str, title: str, user: str, priority: int, files: list[Upload]) -> None:
    problems = request_errors(description, user, [len(file.content) for file in files])
    if problems:
        st.error("  \n".join(problems), icon=":material/edit:")
        return
    # The same key until it is accepted: a second click never makes a second task.
    key = st.session_state.setdefault("submission", str(uuid4()))
    try:
        with st.spinner("Handing it in…"):
            task = transfers().submit(
                description,
                user_id=user.strip(),
                title=title.strip() or None,
                priority=priority,
                files=files,
                idempotency_key=key,
            )
    except QuintetError as error:
        show_error(error)
        return
    del st.session_state["submission"]
    st.session_state["user"] = user.strip()
    st.switch_page("screens/task.py", query_params={"id": str(task.id)})


def page() -> None:
    """The form."""
    st.header("What should be done?", anchor=False)
    st.caption(
        "Say it in your own words. Quintet makes a plan, five agents work on it in parallel, "
        "and you get one answer with its files and its price."
    )
    st.pills("Examples", list(EXAMPLES), key="example", on_change=_fill)
    with st.form("task", border=True):
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
        left, middle, right = st.columns([2, 1, 1])
        title = left.text_input("Title (optional)", max_chars=200)
        user = middle.text_input("Your name", value=st.session_state.get("user", "me"))
        priority = right.slider("Priority", 0, 10, 5, help="10 is the most urgent.")
        handed_in = st.form_submit_button(
            "Hand it in", type="primary", icon=":material/send:", width="stretch"
        )
    if handed_in:
        _hand_in(description, title, user, priority, _uploads(files or []))


page()
