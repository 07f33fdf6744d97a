"""What the pages that list and hand in tasks draw with scripts of ours, which are in `graph/`."""

from collections.abc import Callable
from typing import Any

from ui.drawings import mounted


def task_list(data: dict[str, Any], *, key: str) -> str | None:
    """Draw rows of tasks; the id of the one whose opening led to this very run, if any."""
    draw = mounted(
        "quintet_tasks",
        '<div class="tasks" role="group" aria-label="Tasks, newest first"></div>',
        scripts=("tasks",),
        styles=("tasks",),
    )
    opened = draw(key=key, data=data, on_opened_change=_heard).opened
    return str(opened) if opened else None


def _heard() -> None:
    """Streamlit passes on what a component tells only to who listens."""


def cards(data: dict[str, Any], *, key: str, on_choose: Callable[[], None]) -> None:
    """Draw cards; a click puts the card's id into `session_state[key].chosen`."""
    draw = mounted(
        "quintet_cards",
        '<div class="cards"></div>',
        scripts=("cards",),
        styles=("cards",),
    )
    draw(key=key, data=data, on_chosen_change=on_choose)


def counter(data: dict[str, Any], *, key: str, on_found: Callable[[], None]) -> None:
    """Say how much of a text field is used; it also has the browser remember a name and the form.

    A form that the tab kept over a reload comes into `session_state[key].found`.
    """
    draw = mounted(
        "quintet_counter",
        '<div class="counter"><span class="said"></span>'
        '<span class="room"><div class="used"></div></span></div>',
        scripts=("counter",),
        styles=("counter",),
    )
    draw(key=key, data=data, on_found_change=on_found)
