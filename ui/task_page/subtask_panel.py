"""The panel of the subtask that was picked: why it waits, what it did, how it was checked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

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
from ui.log_lines import known_so_far
from ui.safe_markdown import escaped, harmless
from ui.service import clock, show_badge
from ui.task_page.artifact_files import files
from ui.task_page.feed_drawing import live_feed
from ui.task_page.live_feed import feed
from ui.task_page.subtask_attempts import attempts_list
from ui.task_page.subtask_dialogs import subtask_bar
from ui.views import (
    SUBTASK_BADGES,
    capability_words,
    compact,
    duration,
    elapsed,
    money,
    one_line,
    plain,
    token_count,
    tries,
    why_waiting,
)

LONG_ERROR = 200


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the subtask that was picked; `attempts` are its own, `away`: no news."""

    detail: TaskDetail
    subtask: SubtaskView
    entries: Sequence[LogEntry]
    attempts: tuple[AttemptView, ...]
    away: bool = False

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
        _what_it_is(known, at)
        _failed(known.subtask)
        _result(known)
        _files(known)
        attempts_list(known.attempts, known.subtask, at)
        _asked_for(known.subtask)
    with right:
        _what_it_does(known)
        _how_checked(known)


def _what_it_is(known: Known, at: datetime) -> None:
    subtask = known.subtask
    st.markdown(f"#### {escaped(one_line(subtask.title, 120))}")
    with st.container(horizontal=True, gap="xsmall", key="subtask-badges"):
        show_badge(SUBTASK_BADGES[subtask.status])
        if subtask.evidence:
            show_badge(EVIDENCE_BADGES[subtask.evidence])
        st.badge(capability_words(subtask.required_capabilities), color="violet")
    if subtask.cancel_requested and subtask.status is SubtaskStatus.RUNNING:
        st.info("It is being cancelled: its agent is told to stop.", icon=":material/stop_circle:")
    elif reason := why_waiting(subtask):
        st.info(escaped(reason), icon=":material/hourglass_top:")
    st.caption(escaped(_facts(subtask, at)))
    subtask_bar(known.detail.task, subtask, away=known.away)


def _facts(subtask: SubtaskView, at: datetime) -> str:
    facts = [tries(subtask)]
    if subtask.agent_id:
        facts.append(subtask.agent_id)
    if subtask.started_at:
        facts.append(duration(elapsed(subtask.started_at, subtask.finished_at, at)))
        facts += [money(subtask.cost_usd), f"{compact(token_count(subtask.tokens))} tokens"]
    facts.append(f"estimated {duration(subtask.estimated_duration)}")
    return " · ".join(facts)


def _failed(subtask: SubtaskView) -> None:
    if subtask.status is not SubtaskStatus.FAILED:
        return
    title = FAILURES[subtask.failure_kind] if subtask.failure_kind else "It failed"
    reasons = "".join(f"\n- {escaped(reason)}" for reason in problems(subtask))
    st.error(f"**{title}.**\n{reasons}", icon=":material/error:")
    if subtask.error and len(subtask.error) > LONG_ERROR:
        with st.expander("The whole message", icon=":material/article:"):
            st.code(plain(subtask.error), language=None, wrap_lines=True)


def _result(known: Known) -> None:
    result = known.result
    if result is None:
        return
    st.markdown("##### Result")
    st.markdown(harmless(result.summary))
    if result.output:
        with st.expander("Structured output", icon=":material/data_object:"):
            st.json(result.output, expanded=2)


def _files(known: Known) -> None:
    task, subtask = known.detail.task, known.subtask
    made = [one for one in task.artifacts if one.subtask_id == subtask.id]
    if made:
        files(task.id, made, key="subtask-files")


def _asked_for(subtask: SubtaskView) -> None:
    with st.expander("What was asked for", icon=":material/description:"):
        st.markdown(harmless(subtask.description))
        if subtask.expected_output:
            st.markdown(f"**Expected:** {escaped(subtask.expected_output)}")


def _what_it_does(known: Known) -> None:
    subtask = known.subtask
    live = subtask.status is SubtaskStatus.RUNNING
    of_it = [
        one
        for one in known.entries
        if one.subtask_id == subtask.id and one.attempt in (None, subtask.attempt)
    ]
    if not subtask.attempt:
        return
    st.markdown(f"##### {'What it is doing' if live else 'What it did'}")
    rows = feed(of_it, live=live, clock=clock)
    if not rows:
        st.caption("Its agent has said nothing yet." if live else "Its agent left no line.")
        return
    live_feed(rows, of=f"{subtask.id}-{subtask.attempt}", key=f"feed-{known.detail.task.id}")


def _how_checked(known: Known) -> None:
    subtask, result = known.subtask, known.result
    looked_at = known.looked_at
    drawn = sheet(subtask, looked_at, result.claims if result else ())
    st.markdown("##### How it was checked")
    st.markdown(escaped(verdict(subtask, looked_at)))
    # One key: the drawing stays in its place when another subtask is picked.
    evidence_sheet(drawn, key=f"evidence-{known.detail.task.id}")
