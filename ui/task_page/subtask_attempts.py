"""Every try at a subtask: by whom, how long, how it ended and why."""

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from shared.models import AttemptView, SubtaskView
from shared.states import AttemptOutcome
from ui.evidence import gist
from ui.safe_markdown import escaped
from ui.service import clock, in_line
from ui.views import Badge, duration, elapsed, sentence

OUTCOME_BADGES: dict[AttemptOutcome | None, Badge] = {
    None: Badge("Running", "autorenew", "▶", "blue"),
    AttemptOutcome.COMPLETED: Badge("Completed", "check_circle", "✓", "green"),
    AttemptOutcome.FAILED: Badge("Failed", "error", "✗", "red"),
    AttemptOutcome.LOST: Badge("Lost", "link_off", "?", "orange"),
    AttemptOutcome.RELEASED: Badge("Given back", "undo", "↩", "gray"),
    AttemptOutcome.CANCELLED: Badge("Cancelled", "block", "⊘", "gray"),
}
_WHY = {
    AttemptOutcome.LOST: "its agent fell silent, so it was taken away",
    AttemptOutcome.RELEASED: "its agent gave it back, which does not count as a try",
    AttemptOutcome.CANCELLED: "a person stopped it",
}


def attempts_list(attempts: Sequence[AttemptView], subtask: SubtaskView, at: datetime) -> None:
    """The attempts, newest first."""
    of_it = [one for one in attempts if one.subtask_id == subtask.id]
    if not of_it:
        return
    st.markdown("##### Attempts")
    with st.container(key="attempts", gap="xsmall"):
        for tried in sorted(of_it, key=lambda one: one.claimed_at, reverse=True):
            badge = in_line(OUTCOME_BADGES[tried.outcome])
            told = escaped(facts(tried, at))
            st.markdown(f"{badge} **Attempt {tried.attempt}** :small[{told}]")
            if why := why_it_ended(tried):
                st.caption(escaped(why))


def facts(tried: AttemptView, at: datetime) -> str:
    """Who tried, when, and for how long."""
    spent = duration(elapsed(tried.claimed_at, tried.finished_at, at))
    return " · ".join(filter(None, (tried.agent_id, clock(tried.claimed_at), spent)))


def why_it_ended(tried: AttemptView) -> str:
    """One sentence, where the outcome alone does not say it."""
    if tried.outcome in (None, AttemptOutcome.COMPLETED):
        return ""
    reason = gist(tried.error) if tried.error else _WHY.get(tried.outcome, "")
    return sentence(reason)
