"""What the pages that list and hand in tasks draw with scripts of ours, which are in `graph/`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parent / "graph"


@st.cache_data(show_spinner=False)
def _script(name: str) -> str:
    # One module of two files; and text without a line break would be taken for a path.
    return "\n" + "\n".join((_HERE / each).read_text("utf-8") for each in ("elements.js", name))


@st.cache_data(show_spinner=False)
def _style(name: str) -> str:
    return "\n" + (_HERE / name).read_text("utf-8")


def task_list(data: dict[str, Any], *, key: str) -> str | None:
    """Draw rows of tasks; the id of the one whose opening led to this very run, if any."""
    mount = st.components.v2.component(
        "quintet_tasks",
        html='<div class="tasks" role="group" aria-label="Tasks, newest first"></div>',
        css=_style("tasks.css"),
        js=_script("tasks.js"),
    )
    opened = mount(key=key, data=data, on_opened_change=_heard).opened
    return str(opened) if opened else None


def _heard() -> None:
    """Streamlit passes on what a component tells only to who listens."""


def cards(data: dict[str, Any], *, key: str, on_choose: Callable[[], None]) -> None:
    """Draw cards; a click puts the card's id into `session_state[key].chosen`."""
    mount = st.components.v2.component(
        "quintet_cards",
        html='<div class="cards"></div>',
        css=_style("cards.css"),
        js=_script("cards.js"),
    )
    mount(key=key, data=data, on_chosen_change=on_choose)


def counter(data: dict[str, Any], *, key: str) -> None:
    """Say how much of a text field is used; it also has the browser remember a name."""
    mount = st.components.v2.component(
        "quintet_counter",
        html='<div class="counter"><span class="said"></span>'
        '<span class="room"><div class="used"></div></span></div>',
        css=_style("counter.css"),
        js=_script("counter.js"),
    )
    mount(key=key, data=data)
