"""The panel of the subtask that was picked: why it waits, what it did, how to run it again."""

from datetime import datetime

import streamlit as st

from shared.errors import QuintetError
from shared.models import AttemptView, LogEntry, SubtaskResult, SubtaskView, TaskDetail
from shared.states import SubtaskStatus
from ui.safe_markdown import escaped, harmless
from ui.service import client, show_badge, show_error
from ui.views import (
    EVIDENCE_BADGES,
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


def subtask_panel(
    detail: TaskDetail,
    subtask: SubtaskView,
    entries: list[LogEntry],
    attempts: tuple[AttemptView, ...],
    at: datetime,
) -> None:
    """Everything about one subtask."""
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
    _failed(detail, subtask)
    _result(detail, subtask)
    with st.expander("What was asked for", icon=":material/description:"):
        st.markdown(harmless(subtask.description))
        if subtask.expected_output:
            st.markdown(f"**Expected:** {escaped(subtask.expected_output)}")
    tried = earlier(attempts, subtask)
    if tried:
        with st.expander("Attempts so far", icon=":material/history:"):
            for line in tried:
                st.markdown(f"- {escaped(line)}")
    lines = [entry for entry in entries if entry.subtask_id == subtask.id][-RECENT_LINES:]
    if lines:
        st.caption("Last lines")
        text = "\n".join(f"{line.at:%H:%M:%S}  {one_line(line.message, 200)}" for line in lines)
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


def _result(detail: TaskDetail, subtask: SubtaskView) -> None:
    for result in detail.subtask_results:
        if result.subtask_id == subtask.id:
            st.markdown(harmless(result.summary))
            _evidence(result)


def _evidence(result: SubtaskResult) -> None:
    if not (result.claims or result.files or result.output):
        return
    with st.expander("Evidence and output", icon=":material/fact_check:"):
        for claim in result.claims:
            about = f" ({escaped(claim.detail)})" if claim.detail else ""
            st.markdown(f"- {claim.kind.replace('_', ' ')} {escaped(claim.what)}{about}")
        for entry in result.files:
            st.caption(f"{escaped(entry.path)} · {size(entry.size)} · {entry.sha256[:12]}")
        if result.output:
            st.json(result.output, expanded=False)


def _failed(detail: TaskDetail, subtask: SubtaskView) -> None:
    if subtask.status is not SubtaskStatus.FAILED:
        return
    kind = f" ({subtask.failure_kind.value})" if subtask.failure_kind else ""
    st.error(f"**It failed{kind}.**", icon=":material/error:")
    if subtask.error:
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
