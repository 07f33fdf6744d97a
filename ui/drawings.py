"""What the browser draws with our own scripts; they and their styles are in `ui/graph/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent / "graph"


@st.cache_data(show_spinner=False)
def _sources(name: str) -> tuple[str, str]:
    # Text without a line break would be taken for a path.
    script, style = (_HERE / f"{name}.{ending}" for ending in ("js", "css"))
    return "\n" + script.read_text("utf-8"), "\n" + style.read_text("utf-8")


def plan_graph(data: dict[str, Any], *, key: str, on_pick: Callable[[], None]) -> None:
    """Draw the plan; a click on a card puts its key into `session_state[key].picked`."""
    script, style = _sources("graph")
    mount = st.components.v2.component(
        "quintet_plan", html='<div class="plan"></div>', css=style, js=script
    )
    mount(key=key, data=data, on_picked_change=on_pick)


def evidence_sheet(data: dict[str, Any], *, key: str) -> None:
    """Draw how a result was checked."""
    script, style = _sources("evidence")
    mount = st.components.v2.component(
        "quintet_evidence", html='<div class="sheet"></div>', css=style, js=script
    )
    mount(key=key, data=data)
