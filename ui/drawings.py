"""What the browser draws with our own scripts; they and their styles are in `ui/graph/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

from ui.plan.arrangement import arranged
from ui.plan.folding import Folding
from ui.plan.sketch import Sketch

_HERE = Path(__file__).parent / "graph"


@st.cache_data(show_spinner=False)
def _joined(kind: str, *names: str) -> str:
    # The parts are one module; and text without a line break would be taken for a path.
    return "\n" + "\n".join((_HERE / f"{name}.{kind}").read_text("utf-8") for name in names)


def mounted(name: str, html: str, *, scripts: tuple[str, ...], styles: tuple[str, ...]) -> Any:
    """Make a component of files of `ui/graph/`, without their endings; call it to draw.

    The elements come before the scripts, the tones before the styles.
    """
    return st.components.v2.component(
        name,
        html=html,
        css=_joined("css", "tones", *styles),
        js=_joined("js", "elements", *scripts),
    )


def plan_graph(sketch: Sketch, *, key: str, on_pick: Callable[[], None]) -> None:
    """Draw a plan; `session_state[key].picked` is the key of a card that was picked, or "".

    What a person folds or opens is kept under this key for the session.
    """
    kept = f"{key}-folding"

    def fold() -> None:
        st.session_state[kept] = Folding.told(st.session_state[key].folding)

    folding: Folding = st.session_state.get(kept, Folding())
    draw = mounted(
        "quintet_plan",
        '<div class="plan"></div>',
        scripts=("icons", "plan_cards", "plan_view", "plan_keys", "plan_toolbar", "graph"),
        styles=("signs", "graph", "plan_cards"),
    )
    draw(
        key=key,
        data={"id": key, **arranged(sketch, folding)},
        on_picked_change=on_pick,
        on_folding_change=fold,
    )


def task_timeline(data: dict[str, Any], *, key: str) -> None:
    """Draw when what waited and ran."""
    draw = mounted(
        "quintet_timeline",
        '<div class="timeline"></div>',
        scripts=("icons", "timeline"),
        styles=("signs", "timeline"),
    )
    draw(key=key, data=data)


def evidence_sheet(data: dict[str, Any], *, key: str) -> None:
    """Draw how a result was checked."""
    draw = mounted(
        "quintet_evidence",
        '<div class="sheet"></div>',
        scripts=("icons", "evidence"),
        styles=("evidence",),
    )
    draw(key=key, data=data)
