"""What the plan's drawing is told."""

import json
from typing import Any

import pytest

from shared.models import Evidence
from shared.states import FailureKind
from tests import ui_records as records
from ui.plan_graph import drawing, flow, note
from ui.timeline import timeline_chart, timeline_rows

AT = records.later(31)
TASK = records.task(
    "in_progress",
    records.subtask("load", "completed"),
    records.subtask("store", "running", "load"),
    records.subtask("report", "pending", "store", "load", waiting="Waits for both."),
)


def test_the_drawing_is_json_with_a_place_for_every_card_and_edge() -> None:
    data = json.loads(json.dumps(drawing(TASK, "store", AT)))
    keys = {"load", "store", "report"}
    names = {"load>store", "store>report", "load>report"}
    assert data["selected"] == "store"
    assert {node["key"] for node in data["nodes"]} == keys
    assert {edge["id"] for edge in data["edges"]} == names
    for layout in data["layouts"].values():
        assert set(layout["boxes"]) == keys
        assert set(layout["paths"]) == names


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
    given = {"evidence": Evidence.VERIFIED, "verification": CORRECTED}
    task = records.task(
        "in_progress", records.subtask("a", "completed", **given), records.subtask("b", "running")
    )
    done, runs = drawing(task, None, AT)["nodes"]
    assert (done["evidence"], runs["evidence"]) == ("verified", "")
    assert done["hint"].splitlines()[1:] == [
        "Verified: every machine check passed, and at least one fails without the work.",
        "Sent back and corrected once.",
    ]


def test_hostile_titles_are_one_short_line() -> None:
    task = records.task("in_progress", records.subtask("a", title="x\n" * 200 + "\x1b[2J"))
    (node,) = drawing(task, None, AT)["nodes"]
    assert len(node["title"]) <= 90
    assert "\n" not in node["title"]


def test_the_timeline_has_a_bar_for_whatever_ran() -> None:
    rows = timeline_rows(TASK, AT)
    assert [(row["begin"], row["end"], row["status"]) for row in rows] == [
        (10, 22, "Completed"),
        (10, 31, "Running"),
    ]
    assert rows in timeline_chart(rows).to_dict()["datasets"].values()
