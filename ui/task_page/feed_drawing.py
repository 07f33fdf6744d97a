"""Mounts the live feed of an attempt, which the browser draws with our own script."""

from pathlib import Path
from typing import Any

import streamlit as st

_HERE = Path(__file__).parents[1] / "graph"


@st.cache_data(show_spinner=False)
def _sources() -> tuple[str, str]:
    # Text without a line break would be taken for a path.
    script, style = (_HERE / name for name in ("feed.js", "feed.css"))
    return "\n" + script.read_text("utf-8"), "\n" + style.read_text("utf-8")


def live_feed(rows: list[dict[str, Any]], *, of: str, key: str) -> None:
    """Draw the lines; `of` names the attempt, so that another one begins at its end."""
    script, style = _sources()
    mount = st.components.v2.component(
        "quintet_feed",
        html='<ul class="feed" tabindex="0" aria-label="What its agent does"></ul>',
        css=style,
        js=script,
    )
    mount(key=key, data={"of": of, "rows": rows})
