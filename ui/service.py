"""The dashboard's way to the orchestrator: pooled clients, and words for when it is away."""

from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from shared.errors import QuintetError
from ui.client import QuintetClient
from ui.safe_markdown import escaped
from ui.views import SIMULATED, Badge, sentence

POLL_PATIENCE = 2.5
TIME, DAY_AND_TIME = "%H:%M:%S", "%d %b %H:%M:%S"


@st.cache_resource(on_release=QuintetClient.close)
def client() -> QuintetClient:
    """For what a page asks again and again: gives up quickly."""
    return QuintetClient(patience=POLL_PATIENCE)


@st.cache_resource(on_release=QuintetClient.close)
def transfers() -> QuintetClient:
    """For uploads and downloads: waits as long as they take."""
    return QuintetClient()


@st.cache_resource(max_entries=16, show_spinner=False)
def content(task_id: str, path: str, sha256: str) -> bytes:
    """A file that is looked at; the hash makes a rerun's file a new one."""
    del sha256
    return artifact_bytes(task_id, path)


def artifact_bytes(task_id: str, path: str) -> bytes:
    """The bytes of an artifact, through the API."""
    return transfers().artifact(UUID(task_id), path)


def time_zone() -> ZoneInfo | None:
    """Where who looks is, if the browser told and the place is known here."""
    name = st.context.timezone
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def clock(moment: datetime, shape: str = TIME) -> str:
    """The time of day where who looks is; in UTC, and it says so, where that is not known."""
    zone = time_zone()
    said = moment.astimezone(zone or UTC).strftime(shape)
    return said if zone else f"{said} UTC"


def show_badge(badge: Badge, *, label: str = "") -> None:
    """A badge of ours as one of Streamlit's."""
    st.badge(label or badge.label, icon=f":material/{badge.icon}:", color=badge.colour)


def in_line(badge: Badge) -> str:
    """A badge of ours inside of a line of Markdown."""
    return f":{badge.colour}-badge[:material/{badge.icon}: {badge.label}]"


def show_error(error: QuintetError) -> None:
    """What is wrong and what to do."""
    remedy = f"  \n{escaped(sentence(error.remedy))}" if error.remedy else ""
    st.error(
        f"**{error.title}.** {escaped(sentence(error.detail))}{remedy}", icon=":material/error:"
    )


def show_away(error: QuintetError, *, stale: bool) -> None:
    """The orchestrator does not answer: what is seen may be old, and we go on trying."""
    st.warning(
        f"**{error.title}.** {escaped(sentence(error.detail))} "
        + ("What you see is the last that was heard. " if stale else "")
        + "Trying again every few seconds.",
        icon=":material/cloud_off:",
    )


def show_simulated(simulated: bool) -> None:
    """Say so wherever a model's words are scripted."""
    if simulated:
        show_badge(SIMULATED)
