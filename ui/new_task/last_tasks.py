"""A person's last tasks, to be handed in again."""

import time
from dataclasses import dataclass

import streamlit as st

from shared.errors import QuintetError
from shared.models import MAX_USER, TaskSummary
from ui.new_task.form import distinct
from ui.service import client

_LOOKED_AT = 30
_FRESH_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class _Heard:
    user: str
    at: float
    tasks: list[TaskSummary] | None


def last_tasks(user: str) -> list[TaskSummary] | None:
    """The newest tasks of this name, one of each title; None when nobody answers.

    The form is drawn anew with every field, so an answer, or that there was none, holds a while.
    """
    heard: _Heard | None = st.session_state.get("last_tasks")
    if heard is None or heard.user != user or time.monotonic() - heard.at > _FRESH_SECONDS:
        heard = _Heard(user, time.monotonic(), _ask(user))
        st.session_state["last_tasks"] = heard
    return heard.tasks


def forget() -> None:
    """Ask anew the next time: there is a new one."""
    st.session_state.pop("last_tasks", None)


def _ask(user: str) -> list[TaskSummary] | None:
    if not 0 < len(user) <= MAX_USER:
        return []
    try:
        return distinct(client().tasks(user_id=user, limit=_LOOKED_AT).tasks)
    except QuintetError:
        return None
