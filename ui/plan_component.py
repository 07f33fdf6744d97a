"""The plan's drawing as a Streamlit component; its script and style are in `ui/graph/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent / "graph"


@st.cache_data(show_spinner=False)
def _sources() -> tuple[str, str]:
    # Text without a line break would be taken for a path.
    script, style = (_HERE / name for name in ("graph.js", "graph.css"))
    return "\n" + script.read_text("utf-8"), "\n" + style.read_text("utf-8")


def plan_graph(data: dict[str, Any], *, key: str, on_pick: Callable[[], None]) -> None:
    """Draw the plan; a click on a card puts its key into `session_state[key].picked`."""
    script, style = _sources()
    mount = st.components.v2.component(
        "quintet_plan", html='<div class="plan"></div>', css=style, js=script
    )
    mount(key=key, data=data, on_picked_change=on_pick)
