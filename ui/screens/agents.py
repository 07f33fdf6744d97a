"""The agents: who is there, what they can do, what they do now."""

from uuid import UUID

import streamlit as st

from shared.errors import QuintetError
from shared.models import AgentView
from shared.states import TaskStatus
from ui.safe_markdown import escaped
from ui.service import client, show_away, show_badge, show_simulated
from ui.views import AGENT_BADGES, agent_doing, duration, one_line

COLUMNS = 3
CARD_HEIGHT = 268


def _titles(agents: tuple[AgentView, ...]) -> dict[str, str]:
    """Titles of what runs; tasks are asked for only when an unknown subtask shows up."""
    known: dict[str, str] = st.session_state.setdefault("titles", {})
    running = {running_id for agent in agents for running_id in agent.running}
    if running - known.keys():
        known.clear()
        for task in client().tasks(status=TaskStatus.IN_PROGRESS, limit=20).tasks:
            detail = client().task(UUID(str(task.id)))
            known |= {str(subtask.id): subtask.title for subtask in detail.task.subtasks}
        known |= {running_id: known.get(running_id, running_id) for running_id in running}
    return known


def _card(agent: AgentView, titles: dict[str, str]) -> None:
    with st.container(border=True, key=f"agent-{agent.agent_id}", height=CARD_HEIGHT):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"#### {escaped(one_line(agent.agent_id, 40))}")
            show_badge(AGENT_BADGES[agent.state])
            show_simulated(agent.simulated)
        with st.container(horizontal=True, gap="xsmall"):
            for capability in agent.capabilities:
                st.badge(capability.replace("_", " "), color="violet")
        _doing(agent, titles)
        left, right = st.columns(2)
        left.progress(min(agent.cpu_percent / 100, 1.0), text=f"CPU {agent.cpu_percent:.0f} %")
        share = min(agent.memory_mb / 2000, 1.0)
        right.progress(share, text=f"Memory {agent.memory_mb:,.0f} MB")
        st.caption(
            f"{agent.completed} completed · {agent.failed} failed · "
            f"{len(agent.running)} of {agent.slots} slots in use"
        )


def _doing(agent: AgentView, titles: dict[str, str]) -> None:
    if agent.state == "silent":
        heard = duration(agent.seconds_since_beat)
        st.markdown(f":red[Last heard of {heard} ago. Its work moves to another agent.]")
    elif not agent.running:
        st.markdown(":gray[Nothing at the moment]")
    for title in agent_doing(agent, titles):
        st.markdown(f":material/play_arrow: {escaped(title)}")


@st.fragment(run_every=2)
def fleet() -> None:
    """A card for each agent."""
    agents: tuple[AgentView, ...]
    try:
        agents = client().agents()
        titles = _titles(agents)
    except QuintetError as error:
        agents = st.session_state.get("agents", ())
        titles = st.session_state.get("titles", {})
        show_away(error, stale=bool(agents))
    st.session_state["agents"] = agents
    if not agents:
        st.info("No agent has registered yet. Agents appear here within seconds of starting.")
    ordered = sorted(agents, key=lambda one: one.agent_id)
    for first in range(0, len(ordered), COLUMNS):
        row = ordered[first : first + COLUMNS]
        for column, agent in zip(st.columns(COLUMNS), row, strict=False):
            with column:
                _card(agent, titles)


def page() -> None:
    """The fleet."""
    st.header("Agents", anchor=False)
    fleet()


page()
