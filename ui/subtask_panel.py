"""The panel of the subtask that was picked: why it waits, what it did, how it was checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from shared.errors import QuintetError
from shared.models import (
    AttemptView,
    LogEntry,
    SubtaskResult,
    SubtaskView,
    TaskDetail,
    Verification,
)
from shared.states import SubtaskStatus
from ui.drawings import evidence_sheet
from ui.evidence import EVIDENCE_BADGES, FAILURES, problems, verdict
from ui.evidence_sheet import sheet
from ui.log_lines import known_so_far, log_words
from ui.safe_markdown import escaped, harmless
from ui.service import client, show_badge, show_error
from ui.views import (
    SUBTASK_BADGES,
    capability_words,
    compact,
    duration,
    earlier,
    elapsed,
    money,
    one_line,
    plain,
    size,
    token_count,
    tries,
    why_waiting,
)

RECENT_LINES = 8
LONG_ERROR = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the subtask that was picked; `attempts` may be those of others too."""

    detail: TaskDetail
    subtask: SubtaskView
    entries: Sequence[LogEntry]
    attempts: tuple[AttemptView, ...]

    @property
    def result(self) -> SubtaskResult | None:
        """Its current result."""
        of_it = (one for one in self.detail.subtask_results if one.subtask_id == self.subtask.id)
        return next(of_it, None)

    @property
    def looked_at(self) -> Verification | None:
        """What was looked at, with whole outputs where they were asked for."""
        subtask = self.subtask
        if subtask.status is SubtaskStatus.RUNNING:
            return known_so_far(subtask, self.entries)
        for tried in self.attempts:
            if (tried.subtask_id, tried.attempt) == (subtask.id, subtask.attempt):
                return tried.verification or subtask.verification
        return subtask.verification


def subtask_panel(known: Known, at: datetime) -> None:
    """Everything about one subtask: what it is and what came of it, beside how it was checked."""
    left, right = st.columns(2, gap="medium")
    with left:
        _what_it_is(known.subtask, at)
        _failed(known.detail, known.subtask)
        _result(known)
        _background(known)
    with right:
        _how_checked(known)


def _what_it_is(subtask: SubtaskView, at: datetime) -> None:
    st.markdown(f"#### {escaped(one_line(subtask.title, 120))}")
    with st.container(horizontal=True, gap="xsmall"):
        show_badge(SUBTASK_BADGES[subtask.status])
        if subtask.evidence:
            show_badge(EVIDENCE_BADGES[subtask.evidence])
        st.badge(capability_words(subtask.required_capabilities), color="violet")
    reason = why_waiting(subtask)
    if reason:
        st.info(escaped(reason), icon=":material/hourglass_top:")
    st.caption(escaped(_facts(subtask, at)))


def _how_checked(known: Known) -> None:
    subtask, result = known.subtask, known.result
    looked_at = known.looked_at
    drawn = sheet(subtask, looked_at, result.claims if result else ())
    st.markdown("##### How it was checked")
    st.markdown(escaped(verdict(subtask, looked_at)))
    # One key: the drawing stays in its place when another subtask is picked.
    evidence_sheet(drawn, key=f"evidence-{known.detail.task.id}")


def _background(known: Known) -> None:
    subtask = known.subtask
    with st.expander("What was asked for", icon=":material/description:"):
        st.markdown(harmless(subtask.description))
        if subtask.expected_output:
            st.markdown(f"**Expected:** {escaped(subtask.expected_output)}")
    tried = earlier(known.attempts, subtask)
    if tried:
        with st.expander("Attempts so far", icon=":material/history:"):
            for line in tried:
                st.markdown(f"- {escaped(line)}")
    lines = [entry for entry in known.entries if entry.subtask_id == subtask.id][-RECENT_LINES:]
    if lines:
        st.caption("Last lines")
        text = "\n".join(f"{line.at:%H:%M:%S}  {log_words(line)}" for line in lines)
        st.code(text, language=None, wrap_lines=True)


def _facts(subtask: SubtaskView, at: datetime) -> str:
    facts = [tries(subtask)]
    if subtask.agent_id:
        facts.append(subtask.agent_id)
    if subtask.started_at:
        facts.append(duration(elapsed(subtask.started_at, subtask.finished_at, at)))
        facts += [money(subtask.cost_usd), f"{compact(token_count(subtask.tokens))} tokens"]
    facts.append(f"estimated {duration(subtask.estimated_duration)}")
    return " · ".join(facts)


def _result(known: Known) -> None:
    result = known.result
    if result is None:
        return
    st.markdown(harmless(result.summary))
    if result.files or result.output:
        with st.expander("Files and output", icon=":material/data_object:"):
            for entry in result.files:
                st.caption(f"{escaped(entry.path)} · {size(entry.size)} · {entry.sha256[:12]}")
            if result.output:
                st.json(result.output, expanded=False)


def _failed(detail: TaskDetail, subtask: SubtaskView) -> None:
    if subtask.status is not SubtaskStatus.FAILED:
        return
    title = FAILURES[subtask.failure_kind] if subtask.failure_kind else "It failed"
    reasons = "".join(f"\n- {escaped(reason)}" for reason in problems(subtask))
    st.error(f"**{title}.**\n{reasons}", icon=":material/error:")
    if subtask.error and len(subtask.error) > LONG_ERROR:
        with st.expander("The whole message", icon=":material/article:"):
            st.code(plain(subtask.error), language=None, wrap_lines=True)
    # The attempt is in the key: what was typed for one is not offered for the next.
    with st.form(f"retry-{subtask.id}-{subtask.attempt}", border=False):
        edited = st.text_area(
            "Description for the next attempt", subtask.description, height=110
        ).strip()
        again = st.form_submit_button("Run it again", type="primary", icon=":material/replay:")
    if again:
        _retry(detail, subtask, edited if edited != subtask.description.strip() else None)


def _retry(detail: TaskDetail, subtask: SubtaskView, description: str | None) -> None:
    try:
        client().retry(
            detail.task.id, subtask.id, attempt=subtask.attempt, description=description or None
        )
    except QuintetError as error:
        show_error(error)
        return
    st.toast("It runs again, and what depends on it.", icon=":material/replay:")
    st.rerun()
