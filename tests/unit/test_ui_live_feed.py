"""The lines of the live feed."""

from datetime import datetime

from shared.models import LogEntry
from tests import ui_records as records
from ui.task_page.live_feed import SHOWN, feed


def clock(moment: datetime) -> str:
    return f"{moment:%H.%M}"


def called(number: int, message: str, call: str) -> LogEntry:
    return records.log_entry(number, message, kind="tool.called", data={"call": call})


def returned(number: int, call: str, level: str = "info", **data: object) -> LogEntry:
    told = {"call": call, "excerpt": "3 rows", "seconds": 0.25, **data}
    return records.log_entry(number, "Bash done", level, kind="tool.returned", data=told)


def test_a_call_and_its_answer_are_one_line() -> None:
    (row,) = feed([called(1, "Bash ls -l", "a"), returned(2, "a")], live=True, clock=clock)
    assert (row["name"], row["gist"], row["icon"]) == ("Bash", "ls -l", "terminal")
    assert (row["tone"], row["facts"], row["output"]) == ("good", "0.2 s", "3 rows")
    assert row["at"] == "12.00"


def test_answers_find_their_calls_whatever_the_order() -> None:
    entries = [
        called(1, "Read a", "a"),
        called(2, "Read b", "b"),
        returned(3, "b"),
        returned(4, "a"),
    ]
    assert [row["gist"] for row in feed(entries, live=False, clock=clock)] == ["a", "b"]
    assert {row["tone"] for row in feed(entries, live=False, clock=clock)} == {"good"}


def test_an_open_call_is_busy_while_the_attempt_runs() -> None:
    (live,) = feed([called(1, "Bash sleep", "a")], live=True, clock=clock)
    assert (live["tone"], live["facts"]) == ("busy", "running")
    (over,) = feed([called(1, "Bash sleep", "a")], live=False, clock=clock)
    assert (over["tone"], over["facts"]) == ("quiet", "no answer")


def test_failures_and_refusals_say_so_in_words() -> None:
    failed = feed([called(1, "Bash x", "a"), returned(2, "a", "warning")], live=True, clock=clock)
    assert failed[0]["facts"] == "failed · 0.2 s"
    denied = records.log_entry(3, "Write: outside of the directory", kind="tool.denied")
    (row,) = feed([denied], live=True, clock=clock)
    assert (row["name"], row["gist"], row["facts"]) == (
        "Write",
        "outside of the directory",
        "not allowed",
    )


def test_checks_corrections_and_reviews_have_lines_of_their_own() -> None:
    entries = [
        records.log_entry(
            1, "pytest -q", kind="check.result", data={"outcome": "failed", "output": "1 failed\n"}
        ),
        records.log_entry(2, "the checks failed\n1 failed", kind="correction.attempt"),
        records.log_entry(3, "approved", kind="review.verdict", data={"verdict": "approve"}),
    ]
    check, correction, review = feed(entries, live=True, clock=clock)
    assert (check["icon"], check["tone"], check["output"]) == ("no", "bad", "1 failed")
    assert (correction["gist"], correction["tone"]) == ("The checks failed", "warn")
    assert "1 failed" in correction["output"]
    assert (review["icon"], review["tone"]) == ("looked", "good")


def test_long_words_are_folded_and_only_the_last_lines_are_shown() -> None:
    entries = [records.log_entry(number, f"said {number}") for number in range(SHOWN + 5)]
    assert len(feed(entries, live=True, clock=clock)) == SHOWN
    (row,) = feed([records.log_entry(1, "first\nsecond\x1b[31m")], live=True, clock=clock)
    assert (row["gist"], row["output"]) == ("first second", "first\nsecond")


def test_an_answer_without_its_call_is_still_shown() -> None:
    (row,) = feed([returned(1, "gone")], live=True, clock=clock)
    assert (row["name"], row["output"]) == ("Bash", "3 rows")
