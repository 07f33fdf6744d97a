"""Log lines as rows, and as what they tell of a result being looked at."""

from typing import Any

import pytest

from shared.models import Doubt, LogEntry
from tests import ui_records as records
from ui.log_lines import known_so_far, log_row

RUNNING = records.subtask("load", "running")


def line(number: int, kind: str, message: str = "", **changes: Any) -> LogEntry:
    return records.log_entry(number, message, kind=kind, **changes)


def checked(number: int, what: str, outcome: str, **changes: Any) -> LogEntry:
    data = records.check_result(what, outcome).model_dump(mode="json")
    return line(number, "check.result", f"{what}: {outcome}", data=data, **changes)


def sent_back(number: int, problem: str = "the check failed") -> LogEntry:
    data = {"number": number, "doubt": "checks", "problems": [problem]}
    return line(number, "correction.attempt", f"sent back: {problem}", data=data)


def test_a_log_line_as_a_row() -> None:
    row = log_row(records.log_entry(3, "a\x1b[2Jb\nc", "warning", key=None))
    assert (row["level"], row["subtask"], row["message"]) == ("⚠️", "task", "ab c")


@pytest.mark.parametrize(
    ("entry", "sign", "said"),
    [
        (checked(1, "{python} -m pytest", "passed"), "✓", "Check: python -m pytest: passed"),
        (checked(1, "ruff", "failed"), "✗", "Check: ruff: failed"),
        (checked(1, "ruff", "error"), "!", "Check: ruff: error"),
        (line(1, "check.result", "x", level="warning"), "⚠️", "Check: x"),
        (sent_back(1, "the check failed\n200 lines"), "↻", "Sent back: the check failed"),
        (
            line(1, "subtask.edited", "a person changed its checks"),
            "",
            "A person changed its checks",
        ),
        (line(1, "review.verdict", "rework: safe 95"), "◉", "Review: rework: safe 95"),
        (
            line(1, "attempt", "not accepted: the check\n200 lines", level="error"),
            "❌",
            "Not accepted: the check",
        ),
    ],
)
def test_what_was_looked_at_reads_at_a_glance(entry: LogEntry, sign: str, said: str) -> None:
    row = log_row(entry)
    assert (row["level"], row["message"]) == (sign, said)


def test_the_lines_of_a_running_attempt_tell_its_rounds() -> None:
    verdict = records.review("rework", 40).model_dump(mode="json")
    entries = [
        line(1, "text", "I begin."),
        checked(2, "pytest", "failed"),
        sent_back(3),
        checked(4, "pytest", "passed"),
        line(5, "review.verdict", data=verdict),
        sent_back(6),
        sent_back(7),
        checked(8, "pytest", "passed"),
    ]
    rounds = known_so_far(RUNNING, entries).rounds
    told = [(one.number, one.doubt, len(one.checks), one.review is not None) for one in rounds]
    assert told == [
        (0, Doubt.CHECKS, 1, False),
        (1, Doubt.CHECKS, 1, True),
        (2, Doubt.CHECKS, 0, False),
        (3, None, 1, False),
    ]


def test_lines_of_others_of_earlier_attempts_and_of_other_versions_do_not_count() -> None:
    entries = [
        checked(1, "pytest", "failed", key="other"),
        checked(2, "pytest", "failed", attempt=7),
        line(3, "check.result", data={"nothing": "known"}),
        line(4, "review.verdict", "no review: it timed out"),
    ]
    (look,) = known_so_far(RUNNING, entries).rounds
    assert (look.checks, look.review, look.doubt) == ((), None, None)
