"""What the browser draws with our own scripts; they and their styles are in `ui/graph/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ui.plan.arrangement import arranged
from ui.plan.folding import Folding
from ui.plan.sketch import Sketch

_HERE = Path(__file__).parent / "graph"
_PLAN = ("elements", "icons", "plan_cards", "plan_view", "plan_keys", "plan_toolbar", "graph")
_TIMELINE = ("elements", "icons", "timeline")


@st.cache_data(show_spinner=False)
def _script(*names: str) -> str:
    # The parts are one module; and text without a line break would be taken for a path.
    return "\n" + "\n".join((_HERE / f"{name}.js").read_text("utf-8") for name in names)


@st.cache_data(show_spinner=False)
def _style(*names: str) -> str:
    return "\n" + "\n".join((_HERE / f"{name}.css").read_text("utf-8") for name in names)


def plan_graph(sketch: Sketch, *, key: str, on_pick: Callable[[], None]) -> None:
    """Draw a plan; `session_state[key].picked` is the key of a card that was picked, or "".

    What a person folds or opens is kept under this key for the session.
    """
    kept = f"{key}-folding"

    def fold() -> None:
        st.session_state[kept] = Folding.told(st.session_state[key].folding)

    folding: Folding = st.session_state.get(kept, Folding())
    mount = st.components.v2.component(
        "quintet_plan",
        html='<div class="plan"></div>',
        css=_style("tones", "graph", "plan_cards"),
        js=_script(*_PLAN),
    )
    mount(
        key=key,
        data={"id": key, **arranged(sketch, folding)},
        on_picked_change=on_pick,
        on_folding_change=fold,
    )


def task_timeline(data: dict[str, Any], *, key: str) -> None:
    """Draw when what waited and ran."""
    mount = st.components.v2.component(
        "quintet_timeline",
        html='<div class="timeline"></div>',
        css=_style("tones", "timeline"),
        js=_script(*_TIMELINE),
    )
    mount(key=key, data=data)


def evidence_sheet(data: dict[str, Any], *, key: str) -> None:
    """Draw how a result was checked."""
    mount = st.components.v2.component(
        "quintet_evidence",
        html='<div class="sheet"></div>',
        css=_style("evidence"),
        js=_script("evidence"),
    )
    mount(key=key, data=data)
