"""The fields of one subtask in the editor of a plan; each writes into the draft when it changes."""

from collections.abc import Callable
from typing import Any, TypedDict

import streamlit as st

from shared.errors import QuintetError
from shared.models import Capability, PlannedSubtask
from ui.plan_file import CHECKS_HELP, dump_checks
from ui.plan_words import check_words
from ui.safe_markdown import escaped
from ui.service import client
from ui.task_page.plan_draft import Draft, subtask_of
from ui.views import capability_words, duration, one_line

ROLES_SECONDS = 30
CHECKS_HEIGHT = 150


class _Tie(TypedDict):
    key: str
    on_change: Callable[[], None]


def subtask_fields(draft: Draft, one: PlannedSubtask) -> None:
    """Every field of the selected subtask."""
    _words(draft, one)
    _wiring(draft, one)
    _measures(draft, one)
    _checks(draft, one)


def _tied(draft: Draft, one: PlannedSubtask, name: str, read: Callable[[Any], Any]) -> _Tie:
    """What ties a widget to a field; the key names the subtask, so that none shows another's."""
    key = f"plan-{name}-{one.id}-{draft.turn}"

    def put() -> None:
        draft.put(one.id, **{name: read(st.session_state[key])})

    return {"key": key, "on_change": put}


def _words(draft: Draft, one: PlannedSubtask) -> None:
    left, right = st.columns([3, 2])
    left.text_input("Title", one.title, max_chars=200, **_tied(draft, one, "title", str.strip))
    right.text_input(
        "Name in the plan",
        one.id,
        max_chars=64,
        help="Small letters, digits, - and _. Its files are kept under this name.",
        **_tied(draft, one, "id", str.strip),
    )
    st.text_area(
        "What its agent is told",
        one.description,
        height=130,
        max_chars=8192,
        **_tied(draft, one, "description", str.strip),
    )
    st.text_area(
        "What is expected of it",
        one.expected_output,
        height=80,
        max_chars=8192,
        **_tied(draft, one, "expected_output", str.strip),
    )


def _wiring(draft: Draft, one: PlannedSubtask) -> None:
    titles = {each.id: one_line(each.title, 50) for each in draft.plan.subtasks}
    others = [name for name in titles if name != one.id]
    st.multiselect(
        "Waits for",
        others,
        [name for name in one.dependencies if name in others],
        format_func=lambda name: f"{titles.get(name, name)} ({name})",
        placeholder="Nothing: it can start at once",
        **_tied(draft, one, "dependencies", tuple),
    )
    st.multiselect(
        "Needs an agent for",
        list(Capability),
        list(one.required_capabilities),
        format_func=lambda capability: capability_words((capability,)),
        **_tied(draft, one, "required_capabilities", tuple),
    )


def _measures(draft: Draft, one: PlannedSubtask) -> None:
    first, second, third = st.columns([2, 2, 2], vertical_alignment="top")
    first.number_input(
        "Priority (0 to 10)", 0, 10, one.priority, **_tied(draft, one, "priority", int)
    )
    second.number_input(
        "Estimated time in seconds",
        1,
        86_400,
        one.estimated_duration,
        step=30,
        help=f"Now {duration(one.estimated_duration)}.",
        **_tied(draft, one, "estimated_duration", int),
    )
    roles = [None, *dict.fromkeys(filter(None, (*_roles(), one.profile)))]
    third.selectbox(
        "Agent's role",
        roles,
        roles.index(one.profile),
        format_func=lambda role: role or "Any that can do it",
        **_tied(draft, one, "profile", lambda role: role),
    )


def _checks(draft: Draft, one: PlannedSubtask) -> None:
    """The checks in words, and as a text in which new ones can be written."""
    key = f"plan-checks-{one.id}-{draft.turn}"

    def write() -> None:
        draft.write_checks(one.id, st.session_state[key])

    if one.checks:
        st.markdown("**Checked by:**")
        st.markdown("\n".join(f"- {escaped(check_words(check))}" for check in one.checks))
    else:
        st.caption(":material/info: No machine check: its result is believed, or reviewed.")
    text = draft.written.get(one.id, dump_checks(one.checks))
    checks_area(text, key=key, on_change=write)
    planned = subtask_of(draft.base.plan, one.id)
    if planned and (planned.checks != one.checks or one.id in draft.written):
        st.button(
            f"Checks as in version {draft.base.version}",
            key="plan-restore-checks",
            icon=":material/undo:",
            on_click=draft.restore_checks,
        )


def checks_area(text: str, *, key: str, on_change: Callable[[], None] | None = None) -> str:
    """Where checks are written, a list in YAML."""
    return st.text_area(
        "Checks as YAML",
        text,
        key=key,
        on_change=on_change,
        height=CHECKS_HEIGHT,
        placeholder="- kind: file_exists\n  path: report.md\n  min_bytes: 100",
        help=f"Each has a kind and its own fields:\n```\n{CHECKS_HELP}```",
    )


@st.cache_data(ttl=ROLES_SECONDS, show_spinner=False)
def _roles() -> list[str]:
    """The roles that agents have now; none while nobody can say."""
    try:
        return sorted({agent.profile for agent in client().agents()})
    except QuintetError:
        return []
