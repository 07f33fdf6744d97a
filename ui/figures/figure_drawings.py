"""How pages put figures and charts on the screen, the same way everywhere."""

from collections.abc import Sequence
from copy import deepcopy

import streamlit as st

from ui.figures.charts import Spec
from ui.figures.system_figures import Figure, Rows

_WIDTH = 150  # two beside each other on a phone


def metrics(shown: Sequence[Figure], key: str) -> None:
    """Numbers in a row, each with what puts it into proportion."""
    with st.container(horizontal=True, gap="small", key=key):
        for figure in shown:
            st.metric(
                figure.label,
                figure.value,
                figure.note or None,
                delta_color="off",
                delta_arrow="off",
                help=figure.help or None,
                width=_WIDTH,
            )


def chart(spec: Spec, rows: Rows, *, alt: str, key: str) -> None:
    """A chart of these rows; `alt` says what it shows, and must not change with them."""
    st.vega_lite_chart(rows, deepcopy(spec), width="stretch", key=key, alt=alt)
