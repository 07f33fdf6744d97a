"""The agents: who is there, how each does, what each does now and did."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import streamlit as st

from shared.errors import NotFound, QuintetError
from shared.models import AgentAttempt, AgentHistory, AgentSample, AgentView, AgentWork
from ui.figures import agent_figures as figures
from ui.figures import charts
from ui.figures.figure_drawings import chart, metrics
from ui.figures.system_figures import LEAST
from ui.safe_markdown import escaped
from ui.service import client, show_away, show_badge, show_error, show_simulated
from ui.views import AGENT_BADGES, now, one_line

COLUMNS = 3
SAMPLES = 60  # ten minutes
MOST_ATTEMPTS = 20
CHARTS = (("cpu_percent", "CPU", "%"), ("memory_mb", "Memory", "MB"))


@dataclass
class Heard:
    """The last answers, kept for when the orchestrator is away."""

    agents: tuple[AgentView, ...] = ()
    work: tuple[AgentWork, ...] = ()
    history: AgentHistory | None = None
    trouble: QuintetError | None = None

    def refresh(self, agent_id: str | None) -> None:
        """Ask again; of the history, only of the agent that is looked at."""
        self.trouble = None
        if self.history and self.history.agent_id != agent_id:
            self.history = None
        try:
            # Of one agent the history has its own; the cards show everybody's.
            self.agents = client().agents(samples=None if agent_id else SAMPLES)
            self.work = client().agents_at_work()
            if agent_id:
                self.history = client().agent_history(agent_id, limit=MOST_ATTEMPTS)
        except QuintetError as error:
            self.trouble = error


def _sparks(samples: Sequence[AgentSample], agent: AgentView) -> None:
    values = (f"{agent.cpu_percent:.0f} %", f"{agent.memory_mb:,.0f} MB")
    for column, (field, title, unit), value in zip(st.columns(2), CHARTS, values, strict=True):
        with column:
            st.caption(f"{title} **{value}**")
            rows = figures.spark_rows(samples, field)
            if len(rows) > 1:
                # Another text would have the whole chart drawn anew.
                alt = f"{title} of {agent.agent_id} over the last minutes"
                spec = charts.spark_chart(unit=unit, top=charts.top_of(rows, LEAST[field]))
                chart(spec, rows, alt=alt, key=f"spark-{field}-{agent.agent_id}")


def _doing(agent: AgentView, work: Sequence[AgentWork]) -> None:
    """One element, so that nothing of what was done before stays beside it for a moment."""
    parts = []
    if beat := figures.beat_words(agent):
        parts.append(f":orange[:material/schedule: {beat}]")
    if not work and agent.state != "silent":
        parts.append(":gray[Nothing at the moment]")
    for each in work:
        lines = [
            f":material/play_arrow: **{escaped(one_line(each.subtask_title, 70))}**",
            escaped(figures.work_facts(each)),
        ]
        if each.latest:
            lines.append(f":gray[:small[{escaped(one_line(each.latest, 110))}]]")
        parts.append("  \n".join(lines))
    st.markdown("\n\n".join(parts))


def _badges(agent: AgentView) -> None:
    show_badge(AGENT_BADGES[agent.state])
    show_simulated(agent.simulated)


def _capabilities(agent: AgentView) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for capability in agent.capabilities:
            st.badge(capability.replace("_", " "), color="violet")


def _card(agent: AgentView, work: Sequence[AgentWork], at: datetime) -> None:
    with st.container(border=True, key=f"agent-{agent.agent_id}", height="stretch"):
        with st.container(horizontal=True, vertical_alignment="center"):
            name = escaped(one_line(agent.agent_id, 40))
            st.subheader(name, anchor=False, width="content")
            _badges(agent)
        _capabilities(agent)
        st.progress(figures.load(agent), text=figures.load_words(agent))
        _sparks(agent.samples, agent)
        with st.container(
            horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"
        ):
            st.caption(figures.since_start(agent, at), width="content")
            if st.button("History", key=f"history-{agent.agent_id}", icon=":material/history:"):
                st.query_params["agent"] = agent.agent_id
                st.rerun()
        _doing(agent, work)


def _fleet(heard: Heard) -> None:
    if not heard.agents:
        if heard.trouble is None:
            st.info("No agent has registered yet. Agents appear here within seconds of starting.")
        return
    metrics(figures.fleet_figures(heard.agents), "fleet")
    at, work = now(), figures.by_agent(heard.work)
    ordered = sorted(heard.agents, key=lambda one: one.agent_id)
    for first in range(0, len(ordered), COLUMNS):
        row = ordered[first : first + COLUMNS]
        for column, agent in zip(st.columns(COLUMNS), row, strict=False):
            with column:
                _card(agent, work.get(agent.agent_id, ()), at)


def _attempt(attempt: AgentAttempt, at: datetime) -> None:
    key = f"{attempt.subtask_id}-{attempt.attempt}"
    with st.container(border=True, key=f"attempt-{key}"):
        what, figure = st.columns([3, 2], vertical_alignment="center")
        with what, st.container(horizontal=True, vertical_alignment="center", gap="small"):
            show_badge(figures.ATTEMPT_BADGES[attempt.outcome])
            label = escaped(one_line(attempt.subtask_title, 70)) or "Untitled"
            if st.button(f"**{label}**", key=f"open-{key}", type="tertiary"):
                st.switch_page("screens/task.py", query_params={"id": str(attempt.task_id)})
        task_title = escaped(one_line(attempt.task_title, 46))
        figure.caption(f"{task_title}  \n{figures.attempt_facts(attempt, at)}")
        if why := figures.failure_words(attempt):
            st.caption(f":red[{escaped(why)}]")


def _history(history: AgentHistory, agent: AgentView | None, work: Sequence[AgentWork]) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(escaped(one_line(history.agent_id, 60)), anchor=False, width="content")
        if agent:
            _badges(agent)
    if agent:
        _capabilities(agent)
        _doing(agent, work)
    else:
        st.info("This agent is not here now. What it did is kept.")
    metrics(figures.day_figures(history.last_day), "last-day")
    for column, (field, title, unit) in zip(st.columns(2), CHARTS, strict=True):
        with column, st.container(border=True, key=f"measured-{field}"):
            st.subheader(f"{title}", anchor=False)
            rows = figures.spark_rows(history.samples, field)
            if len(rows) > 1:
                spec = charts.sample_chart(unit=unit, top=charts.top_of(rows, LEAST[field]))
                alt = f"{title} of {history.agent_id} over the last minutes, {unit}"
                chart(spec, rows, alt=alt, key=f"chart-{field}")
            else:
                st.markdown(":gray[It tells every few seconds; nothing to draw yet.]")
    st.subheader("Its last attempts", anchor=False)
    if not history.attempts:
        st.markdown(":gray[It has not taken up anything yet.]")
    at = now()
    for attempt in history.attempts:
        _attempt(attempt, at)


@st.fragment(run_every=2)
def live(agent_id: str | None) -> None:
    """The cards of all agents, or all about one."""
    heard: Heard = st.session_state.setdefault("fleet-heard", Heard())
    heard.refresh(agent_id)
    with st.container(key="trouble"):  # always there, so that what follows keeps its place
        if isinstance(heard.trouble, NotFound):
            show_error(heard.trouble)
        elif heard.trouble:
            show_away(heard.trouble, stale=bool(heard.agents))
    if agent_id is None:
        _fleet(heard)
    elif heard.history:
        agent = next((one for one in heard.agents if one.agent_id == agent_id), None)
        work = figures.by_agent(heard.work).get(agent_id, ())
        _history(heard.history, agent, work)


def page() -> None:
    """The fleet, or the agent that the address names."""
    agent_id = st.query_params.get("agent") or None
    st.header("Agents", anchor=False)
    if agent_id and st.button("All agents", icon=":material/arrow_back:", type="tertiary"):
        del st.query_params["agent"]
        st.rerun()
    live(agent_id)


page()
