"""Who sits before the browser, by the name given with the last task."""

from urllib.parse import unquote

import streamlit as st

COOKIE = "quintet_name"  # written by the form, in `graph/counter.js`
NOBODY = "me"


def remembered() -> str:
    """The name used last in this session, or in this browser before."""
    kept = st.context.cookies.get(COOKIE)
    name: str = st.session_state.get("person") or (unquote(kept) if isinstance(kept, str) else "")
    return name.strip() or NOBODY


def remember(name: str) -> None:
    """Keep a name for this session."""
    if name.strip():
        st.session_state["person"] = name.strip()
