"""How the service is set, as far as the form needs it: asked for now and then."""

import time
from dataclasses import dataclass

import streamlit as st

from shared.errors import QuintetError
from shared.models import Readiness
from ui.service import client

_FRESH_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class _Heard:
    at: float
    said: Readiness | None


def readiness() -> Readiness | None:
    """What the service said last; None when it never answered.

    The form is drawn anew with every field, so an answer, or that there was none, holds a while.
    """
    heard: _Heard | None = st.session_state.get("readiness")
    if heard is None or time.monotonic() - heard.at > _FRESH_SECONDS:
        heard = _Heard(time.monotonic(), _ask() or (heard.said if heard else None))
        st.session_state["readiness"] = heard
    return heard.said


def _ask() -> Readiness | None:
    try:
        return client().ready()
    except QuintetError:
        return None
