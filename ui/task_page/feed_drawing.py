"""Draws the live feed of an attempt."""

from typing import Any

from ui.drawings import mounted


def live_feed(rows: list[dict[str, Any]], *, of: str, key: str) -> None:
    """Draw the lines; `of` names the attempt, so that another one begins at its end."""
    draw = mounted(
        "quintet_feed",
        '<ul class="feed" tabindex="0" aria-label="What its agent does"></ul>',
        scripts=("icons", "feed"),
        styles=("feed",),
    )
    draw(key=key, data={"of": of, "rows": rows})
