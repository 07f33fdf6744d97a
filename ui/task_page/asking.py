"""Dialogs that ask before anything is done: opened once, sent once, and honest about refusals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal
from uuid import UUID

import streamlit as st

from shared.errors import Conflict, QuintetError
from ui.refusals import AlreadyDone, faults, unsaid_faults
from ui.safe_markdown import escaped
from ui.service import show_error
from ui.steering_words import Fact, stands_now
from ui.views import sentence

_OPEN, _SHOWN = "asked", "asked-shown"


@dataclass
class Asked:
    """A dialog that is open on the page of one task; `step` says how far its request is.

    `title` is Markdown: what is not ours must be escaped. `body` draws it.
    """

    of: UUID
    title: str
    icon: str
    body: Callable[["Asked"], None]
    width: Literal["small", "medium", "large"] = "small"
    step: Literal["open", "sending", "sent"] = "open"
    refusal: QuintetError | None = None


def opener(
    label: str,
    asked: Callable[[], Asked],
    *,
    key: str,
    icon: str,
    kind: Literal["primary", "secondary", "tertiary"] = "secondary",
    disabled: bool = False,
) -> None:
    """A button that opens a dialog; also from inside a part that refreshes by itself."""
    if st.button(
        label,
        key=key,
        icon=f":material/{icon}:",
        type=kind,
        disabled=disabled,
        on_click=_open,
        args=(asked,),
    ):
        st.rerun()  # the whole page: a dialog drawn by a refreshing part would vanish with it


def _open(asked: Callable[[], Asked]) -> None:
    st.session_state[_OPEN] = asked()


def close() -> None:
    """Close the dialog that is open."""
    st.session_state.pop(_OPEN, None)


def _dismissed(asked: Asked) -> None:
    # A browser may tell of it when the next dialog is open already.
    if st.session_state.get(_OPEN) is asked:
        close()


def show_dialog(task_id: UUID) -> None:
    """Draw the dialog that is open over this task; to be called outside of what refreshes."""
    if asked := _open_over(task_id):
        dialog = st.dialog(
            asked.title,
            width=asked.width,
            icon=f":material/{asked.icon}:",
            on_dismiss=partial(_dismissed, asked),
        )
        dialog(asked.body)(asked)


def announce_dialog(task_id: UUID) -> None:
    """At the start of a page that ends with `show_dialog`: what is open will be shown."""
    st.session_state[_SHOWN] = _open_over(task_id)


def _open_over(task_id: UUID) -> Asked | None:
    """The open dialog; one of another task, whose page was left, is dropped."""
    asked: Asked | None = st.session_state.get(_OPEN)
    if asked is not None and asked.of != task_id:
        close()
        return None
    return asked


def waits_to_be_shown() -> bool:
    """Whether a dialog was opened by a button that was gone before it could be drawn."""
    return st.session_state.get(_OPEN) is not st.session_state.get(_SHOWN)


def show_facts(facts: Sequence[Fact]) -> None:
    """What will happen, a line each."""
    with st.container(key="facts", gap="xsmall"):
        for icon, words in facts:
            st.markdown(f":material/{icon}: {escaped(words)}")


def show_refusal(asked: Asked) -> None:
    """Why it was not done, and what is true now."""
    error = asked.refusal
    if isinstance(error, Conflict):
        now = stands_now(error.extra)
        standing = f"  \nIt is now: **{now}**." if now else ""
        remedy = f"  \n{escaped(sentence(error.remedy))}" if error.remedy else ""
        detail = escaped(sentence(error.detail))
        title = error.title if isinstance(error, AlreadyDone) else "Not done: the state has changed"
        st.warning(
            f"**{title}.** {detail}{standing}{remedy}",
            icon=":material/sync_problem:",
        )
    elif error is not None:
        show_error(error)
        for reason in unsaid_faults(error):
            st.markdown(f":red[:material/error:] {escaped(sentence(reason))}")


def reasons_in(error: QuintetError) -> list[str]:
    """What the service lists as wrong, a sentence each."""
    return faults(error)


def confirm(
    asked: Asked,
    label: str,
    send: Callable[[], object],
    *,
    key: str,
    icon: str,
    said: str,
    back: str = "Go back",
    disabled: bool = False,
) -> None:
    """The two buttons at the end of a dialog; the request goes out while both are disabled."""
    if asked.step == "sent":  # a second click too late to be refused, or the page was left
        close()
        st.rerun()
    if not st.session_state.get(key) and asked.step == "sending":
        asked.step = "open"  # the run of that click was ended early: only a click sends
    show_refusal(asked)
    busy = asked.step == "sending"
    with st.container(horizontal=True, horizontal_alignment="right", key="asked-buttons"):
        if st.button(back, key="asked-back", disabled=busy):
            close()
            st.rerun()
        st.button(
            label,
            key=key,
            type="primary",
            icon=f":material/{icon}:",
            disabled=busy or disabled,
            on_click=_start,
            args=(asked,),
        )
    if busy:
        with st.spinner("Sending…"):
            done = _send(asked, send)
        if done:
            st.toast(said, icon=f":material/{icon}:")
        st.rerun()


def nothing_to_do(words: str) -> None:
    """The end of a dialog whose question is no longer one."""
    st.info(words, icon=":material/info:")
    if st.button("Close", key="asked-back", icon=":material/close:"):
        close()
        st.rerun()


def _start(asked: Asked) -> None:
    if asked.step == "open":
        asked.step, asked.refusal = "sending", None


def _send(asked: Asked, send: Callable[[], object]) -> bool:
    # Nothing of Streamlit's between the answer and what is remembered of it: a click that came
    # meanwhile ends this run at its next drawing, and the request must not go out again.
    try:
        send()
    except QuintetError as error:
        asked.step, asked.refusal = "open", error
        return False
    asked.step = "sent"
    close()
    return True
