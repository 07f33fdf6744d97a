"""The dashboard: navigation, and a strip that says how the service is."""

from pathlib import Path

import streamlit as st

from shared.errors import DependencyUnavailable, QuintetError
from ui.service import client, show_badge, show_simulated
from ui.task_page.asking import close
from ui.views import Badge

LOGO = Path(__file__).parent / "graph" / "logo.svg"

AWAY = Badge("Orchestrator away", "cloud_off", "✗", "red")
NO_DATABASE = Badge("Database away", "database_off", "✗", "red")
HERE = Badge("Agents available", "group", "✓", "green")
BUSY = Badge("No agent available", "group_off", "✗", "orange")


@st.fragment(run_every=5)
def service_strip() -> None:
    """Whether the service is there, with which model and how many agents."""
    simulated, agents, away = False, None, AWAY
    try:
        simulated = client().ready().simulated
        agents = client().agents()
    except DependencyUnavailable:
        away = NO_DATABASE
    except QuintetError:
        away = AWAY
    with st.container(key="service", horizontal=True, horizontal_alignment="right", gap="xsmall"):
        show_simulated(simulated)
        if agents is None:
            show_badge(away)
            return
        free = sum(agent.available for agent in agents)
        label = f"{free} of {len(agents)} agents available" if agents else "No agents yet"
        show_badge(HERE if free else BUSY, label=label)


def main() -> None:
    """Draw the frame and the chosen page in it."""
    st.set_page_config(page_title="Quintet", page_icon="🎻", layout="wide")
    st.logo(str(LOGO), size="large")
    chosen = st.navigation(
        [
            st.Page("screens/new_task.py", title="New task", icon=":material/add_circle:"),
            st.Page("screens/tasks.py", title="Tasks", icon=":material/checklist:"),
            st.Page("screens/agents.py", title="Agents", icon=":material/groups:"),
            st.Page("screens/system.py", title="System", icon=":material/monitoring:"),
            st.Page("screens/task.py", title="Task", visibility="hidden"),
        ],
        position="top",
    )
    left, right = st.columns([1, 2], vertical_alignment="center")
    with right:
        service_strip()
    if chosen.url_path == "task" and left.button(
        "All tasks", icon=":material/arrow_back:", type="tertiary"
    ):
        st.switch_page("screens/tasks.py")
    if chosen.url_path != "task":
        close()  # a question about the task whose page was left
    chosen.run()


main()
