"""What the plan's drawing is told."""

from typing import Any

import pytest

from shared.models import Evidence
from shared.states import FailureKind
from tests import ui_records as records
from ui.plan.graph import drawing, flow, note

AT = records.later(31)
TASK = records.task(
    "in_progress",
    records.subtask("load", "completed"),
    records.subtask("store", "running", "load"),
    records.subtask("report", "pending", "store", "load", waiting="Waits for both."),
)


def test_a_task_is_sketched_as_cards_and_links() -> None:
    sketch = drawing(TASK, "store", AT)
    assert sketch.selected == "store"
    assert [card.key for card in sketch.cards] == ["load", "store", "report"]
    assert [link.edge for link in sketch.links] == [
        ("load", "store"),
        ("store", "report"),
        ("load", "report"),
    ]
    assert [card.label for card in sketch.cards][1] == (
        "Title of store, running, depends on 1, on the critical path"
    )


def test_a_refresh_without_news_changes_nothing() -> None:
    done = records.task("completed", records.subtask("load", "completed"))
    assert drawing(done, "load", AT) == drawing(done, "load", records.later(900))


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("completed", "running", "active"),
        ("completed", "completed", "done"),
        ("completed", "pending", "done"),
        ("running", "pending", "idle"),
        ("failed", "blocked", "broken"),
        ("blocked", "blocked", "broken"),
        ("completed", "blocked", "done"),
        ("cancelled", "cancelled", "idle"),
    ],
)
def test_how_an_edge_flows(source: str, target: str, expected: str) -> None:
    assert flow(records.subtask("a", source), records.subtask("b", target, "a")) == expected


def test_notes_say_who_how_long_or_why() -> None:
    assert note(TASK.subtasks[0], AT) == "Completed · 12 s"
    assert note(TASK.subtasks[1], AT) == "agent-1 · 21 s"
    assert note(TASK.subtasks[2], AT) == "Waiting for 2 others"
    stuck = records.subtask("web", "queued", waiting="No agent offers web scraping.")
    assert note(stuck, AT) == "No agent offers web scraping."
    assert note(records.subtask("x", "blocked", "y", waiting="Blocked by y."), AT) == "Blocked"


CORRECTED = records.verification(
    "verified", {"doubt": "checks"}, {}, corrections=[records.correction(1, "checks", "passed")]
)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"evidence": Evidence.SELF_REPORTED}, "Self-reported · 12 s"),
        ({"evidence": Evidence.VERIFIED, "verification": CORRECTED}, "Verified · ↻ 1 · 12 s"),
        ({"status": "failed", "failure_kind": FailureKind.LOOP}, "Went in circles · 12 s"),
        ({"status": "failed", "failure_kind": FailureKind.BUSINESS}, "Failed · 12 s"),
    ],
)
def test_a_card_says_how_far_its_result_was_looked_at(changes: dict[str, Any], said: str) -> None:
    given = dict(changes)
    ended = records.subtask("a", given.pop("status", "completed"), **given)
    assert note(ended, AT) == said


def test_a_card_carries_its_mark_and_explains_it() -> None:
    given: dict[str, Any] = {"evidence": Evidence.VERIFIED, "verification": CORRECTED}
    task = records.task(
        "in_progress", records.subtask("a", "completed", **given), records.subtask("b", "running")
    )
    done, runs = drawing(task, None, AT).cards
    assert (done.evidence, runs.evidence) == ("verified", "")
    assert done.hint.splitlines()[1:] == [
        "Verified: every machine check passed, and at least one fails without the work.",
        "Sent back and corrected once.",
    ]


def test_hostile_titles_are_one_short_line() -> None:
    task = records.task("in_progress", records.subtask("a", title="x\n" * 200 + "\x1b[2J"))
    (card,) = drawing(task, None, AT).cards
    assert len(card.title) <= 90
    assert "\n" not in card.title
