"""Which verbs a task and a subtask have, and what is said of them before they are done."""

import pytest

from shared.models import SubtaskView, TaskView
from tests import ui_records as records
from ui import steering_words as words

DONE = records.subtask("load", "completed")
BUSY = records.subtask("chart", "running", "load")
NEXT = records.subtask("report", "pending", "chart")
LAST = records.subtask("letter", "pending", "report")
FAILED = records.subtask("chart", "failed", "load")
BLOCKED = records.subtask("report", "blocked", "chart")


def said(facts: list[words.Fact]) -> str:
    return "\n".join(text for _, text in facts)


@pytest.mark.parametrize(
    ("task", "verbs"),
    [
        (records.task("pending"), ("pause", "priority", "cancel")),
        (
            records.task("awaiting_approval"),
            ("approve", "edit", "send_back", "priority", "cancel"),
        ),
        (records.task("in_progress", BUSY), ("pause", "priority", "cancel")),
        (
            records.task("in_progress", BUSY, paused_reason="user"),
            ("resume", "priority", "cancel"),
        ),
        (records.task("aggregating", DONE), ("priority", "cancel")),
        (records.task("in_progress", BUSY, cancel_requested=True), ()),
        (records.task("completed", DONE), ()),
    ],
)
def test_a_task_has_the_verbs_that_apply(task: TaskView, verbs: tuple[words.TaskVerb, ...]) -> None:
    assert words.task_verbs(task) == verbs


@pytest.mark.parametrize(
    ("status", "subtask", "verbs"),
    [
        ("in_progress", BUSY, ("cancel",)),
        ("in_progress", NEXT, ("cancel",)),
        ("in_progress", BUSY.model_copy(update={"cancel_requested": True}), ()),
        ("in_progress", BLOCKED, ("cancel",)),
        ("failed", BLOCKED, ()),
        ("failed", FAILED, ("retry", "rerun")),
        ("completed", DONE, ("rerun",)),
        ("cancelled", FAILED, ()),
        ("aggregating", DONE, ()),
    ],
)
def test_a_subtask_has_the_verbs_that_apply(
    status: str, subtask: SubtaskView, verbs: tuple[words.SubtaskVerb, ...]
) -> None:
    assert words.subtask_verbs(records.task(status, subtask), subtask) == verbs


def test_who_depends_on_a_subtask_is_followed_to_the_end() -> None:
    task = records.task("in_progress", DONE, BUSY, NEXT, LAST)
    assert [one.key for one in words.dependents(task, "chart")] == ["report", "letter"]
    assert words.dependents(task, "letter") == []


def test_cancelling_says_what_stops_what_is_kept_and_what_it_cost() -> None:
    told = said(words.cancelling(records.task("in_progress", DONE, BUSY, NEXT, LAST)))
    assert "“Title of chart” is told to stop" in told
    assert "2 subtasks will not be started" in told
    assert "files of 1 subtask are kept" in told
    assert "$0.0213" in told


def test_cancelling_a_subtask_names_what_will_be_blocked() -> None:
    task = records.task("in_progress", DONE, BUSY, NEXT, LAST)
    assert "“Title of report” and “Title of letter” cannot be done" in said(
        words.cancelling_subtask(task, BUSY)
    )
    assert "Nothing that is still open needs" in said(words.cancelling_subtask(task, LAST))


def test_a_pause_names_what_runs_in_both_choices() -> None:
    one = words.pause_choices(records.task("in_progress", BUSY))
    assert one["release"].startswith("“Title of chart” stops now")
    two = words.pause_choices(records.task("in_progress", BUSY, records.subtask("x", "running")))
    assert "stop now, without a result; they begin anew" in two["release"]
    assert "Nothing runs" in words.pause_choices(records.task("in_progress", NEXT))["finish"]


def test_many_names_are_shortened() -> None:
    many = [records.subtask(f"s{number}") for number in range(9)]
    assert words.named(many) == "“Title of s0”, “Title of s1”, “Title of s2” and 6 more"


@pytest.mark.parametrize(
    ("extra", "label"),
    [
        ({"status_now": "completed"}, "Completed"),
        ({"status_now": "blocked"}, "Blocked"),
        ({"status_now": "nonsense"}, ""),
        ({}, ""),
    ],
)
def test_a_refusal_tells_how_it_stands_now(extra: dict[str, str], label: str) -> None:
    assert words.stands_now(extra) == label


def test_every_priority_has_its_words() -> None:
    assert [words.priority_words(number)[:4] for number in (0, 3, 4, 6, 7, 10)] == [
        "Low:",
        "Low:",
        "Norm",
        "Norm",
        "High",
        "High",
    ]
