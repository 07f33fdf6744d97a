"""What an attempt does, line by line, as the page's live feed of it needs to know: pure data."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from shared.models import LogEntry
from ui.evidence_sheet import seconds
from ui.log_lines import ENDED, log_words
from ui.views import one_line, plain

CALLED, RETURNED = "tool.called", "tool.returned"
SHOWN = 40
_OUTPUT = 4_000  # characters
_TOOLS = {
    "bash": "terminal",
    "read": "file",
    "write": "write",
    "edit": "write",
    "multiedit": "write",
    "notebookedit": "write",
    "glob": "search",
    "grep": "search",
    "fetch_url": "globe",
    "http_request": "globe",
    "query_database": "database",
    "task": "agent",
    "agent": "agent",
}
_CHECK_TONES = {"passed": "good", "failed": "bad", "error": "bad"}
_VERDICT_TONES = {"approve": "good", "rework": "warn", "reject": "bad"}

Row = dict[str, Any]
Clock = Callable[[datetime], str]


def feed(entries: Iterable[LogEntry], *, live: bool, clock: Clock) -> list[Row]:
    """The last lines, oldest first; a tool call and what it returned are one line.

    A call without an answer is `busy` while the attempt is `live`; `clock` words the time of day.
    """
    rows: list[Row] = []
    open_calls: dict[tuple[int | None, str], Row] = {}
    for entry in entries:
        call = (entry.attempt, str(entry.data.get("call") or ""))
        if entry.kind == RETURNED and call in open_calls:
            open_calls.pop(call).update(_returned(entry))
            continue
        row = _row(entry)
        if entry.kind == CALLED and call[1]:
            open_calls[call] = row
        rows.append(row)
    for row in open_calls.values():
        row.update(tone="busy" if live else "quiet", facts="running" if live else "no answer")
    shown = rows[-SHOWN:]
    for row in shown:
        row["at"] = clock(row["at"])
    return shown


def _row(entry: LogEntry) -> Row:
    match entry.kind:
        case "tool.called":
            return _line(entry, *_named(entry.message), tone="quiet")
        case "tool.returned":
            name = entry.message.split(" ", 1)[0]
            return {**_line(entry, _icon(name), name, ""), **_returned(entry)}
        case "tool.denied":
            name, _, reason = entry.message.partition(": ")
            return _line(entry, "denied", name, reason, tone="bad", facts="not allowed")
        case _:
            return _told(entry)


def _told(entry: LogEntry) -> Row:
    words = log_words(entry)
    match entry.kind:
        case "check.result":
            tone = _CHECK_TONES.get(str(entry.data.get("outcome")), "quiet")
            row = _line(entry, _by_tone(tone), "Check", words.removeprefix("Check: "), tone=tone)
            return {**row, "output": _output(entry.data.get("output"))}
        case "correction.attempt":
            row = _line(entry, "again", "Sent back", words, tone="warn")
            return {**row, "output": _output(entry.message) if "\n" in entry.message else ""}
        case "review.verdict":
            tone = _VERDICT_TONES.get(str(entry.data.get("verdict")), "quiet")
            return _line(entry, "looked", "Review", words.removeprefix("Review: "), tone=tone)
        case "text":
            return {**_line(entry, "said", "", words), "output": _rest(entry.message)}
    tone = {"error": "bad", "warning": "warn"}.get(entry.level, "quiet")
    unusual = "no" if entry.kind == ENDED else "alarm"
    icon = "dot" if tone == "quiet" else unusual
    return _line(entry, icon, "", words, tone=tone)


def _by_tone(tone: str) -> str:
    return {"good": "yes", "bad": "no"}.get(tone, "dot")


def _named(message: str) -> tuple[str, str, str]:
    name, _, gist = message.partition(" ")
    return _icon(name), name, gist


def _icon(name: str) -> str:
    return _TOOLS.get(name.lower(), "tool")


def _line(
    entry: LogEntry, icon: str, name: str, gist: str, *, tone: str = "quiet", facts: str = ""
) -> Row:
    return {
        "id": f"{entry.id}",
        "at": entry.at,
        "icon": icon,
        "tone": tone,
        "name": one_line(name, 60),
        "gist": one_line(gist, 300),
        "facts": facts,
        "output": "",
    }


def _returned(entry: LogEntry) -> Mapping[str, str]:
    took = entry.data.get("seconds")
    failed = entry.level == "warning"
    facts = seconds(float(took)) if isinstance(took, int | float) else ""
    return {
        "tone": "bad" if failed else "good",
        "facts": " · ".join(filter(None, ("failed" if failed else "", facts))),
        "output": _output(entry.data.get("excerpt")),
    }


def _output(text: object) -> str:
    return plain(str(text or "")).strip("\n")[:_OUTPUT]


def _rest(message: str) -> str:
    """The whole of a text that does not fit on its line."""
    whole = plain(message).strip()
    return whole[:_OUTPUT] if len(whole) > 300 or "\n" in whole else ""
