"""The list of tasks as rows, and the filters in an address."""

from datetime import timedelta
from typing import Any

import pytest

from shared.models import TaskView
from shared.states import TASK_TERMINAL, TaskStatus
from tests import ui_records as records
from ui import task_list
from ui.task_list import KINDS, Filters, Question
from ui.views import TASK_BADGES

AT = records.later(200)


def row(task: TaskView) -> dict[str, Any]:
    (drawn,) = task_list.rows([task], AT)
    return drawn


def test_a_row_says_all_there_is_to_see() -> None:
    done = records.subtask("load", "completed")
    task = records.task("in_progress", done, records.subtask("report", "running"))
    assert row(task) == {
        "id": str(task.id),
        "title": "Sales by region",
        "status": "in_progress",
        "badge": {"label": "In progress", "icon": "autorenew", "colour": "blue"},
        "notes": [],
        "standing": "1 of 2 done · 1 running",
        "parts": [{"name": "completed", "share": 50.0}, {"name": "running", "share": 50.0}],
        "moving": True,
        "who": "anna",
        "age": "3 min ago",
        "took": "3 min 20 s so far",
        "cost": "$0.0213",
    }


@pytest.mark.parametrize("status", TaskStatus)
def test_every_status_has_its_badge_and_its_words(status: TaskStatus) -> None:
    drawn = row(records.task(status))
    assert drawn["badge"]["label"] == TASK_BADGES[status].label
    assert drawn["took"] == ("took 1 min" if status in TASK_TERMINAL else "3 min 20 s so far")
    bare = (TaskStatus.IN_PROGRESS, TaskStatus.AGGREGATING, TaskStatus.COMPLETED)
    assert bool(drawn["standing"]) == (status not in bare)  # those have a plan


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({"paused_reason": "user"}, ["Paused"]),
        ({"priority": 7}, ["Urgent"]),
        ({"priority": 6}, []),
        (
            {"simulated": True, "paused_reason": "budget"},
            ["Paused: its budget is spent", "Simulated model"],
        ),
    ],
)
def test_what_is_special_stands_beside_the_status(
    changes: dict[str, Any], labels: list[str]
) -> None:
    drawn = row(records.task("in_progress", **changes))
    assert [note["label"] for note in drawn["notes"]] == labels


def test_a_paused_task_does_not_look_as_if_it_moved() -> None:
    assert not row(records.task("in_progress", paused_reason="user"))["moving"]


def test_what_is_over_is_neither_urgent_nor_paused() -> None:
    assert row(records.task("cancelled", priority=9))["notes"] == []


def test_a_long_or_empty_or_odd_title_is_one_line() -> None:
    assert len(row(records.task(title="long " * 60))["title"]) <= task_list.TITLE_WIDTH
    assert row(records.task(title="\u202e\n "))["title"] == "Untitled"


def test_the_parts_of_a_bar_leave_out_what_waits() -> None:
    statuses = ("completed", "failed", "blocked", "pending")
    task = records.task("in_progress", *(records.subtask(one, one) for one in statuses))
    assert [part["name"] for part in row(task)["parts"]] == ["completed", "failed", "blocked"]
    assert sum(part["share"] for part in row(task)["parts"]) == 75


def test_kinds_are_joined_without_asking_for_a_status_twice() -> None:
    question = Question(kinds=("needs-you", "failed", "to-approve"))
    assert question.statuses == [TaskStatus.AWAITING_APPROVAL, TaskStatus.FAILED]
    assert Question().statuses == []
    assert {one for kind in KINDS.values() for one in kind.statuses} == set(TaskStatus)


def test_only_what_leaves_tasks_out_is_narrow() -> None:
    assert not Question().narrow
    assert all(
        one.narrow for one in (Question("a"), Question(kinds=("failed",)), Question(user="me"))
    )


@pytest.mark.parametrize(
    "filters",
    [
        Filters("a&b=c?", ("needs-you", "completed"), "Zoë & Co"),
        Filters(mine=True),
        Filters(kinds=("failed",)),
    ],
)
def test_filters_come_back_from_their_address(filters: Filters) -> None:
    pairs = list(task_list.pairs(filters))
    assert Filters.from_address(pairs) == filters
    assert filters.address().startswith("?")


def test_an_address_without_filters_says_nothing() -> None:
    assert Filters.from_address([("id", "7")]) is None
    assert Filters().address() == ""


def test_what_makes_no_sense_in_an_address_is_left_out() -> None:
    given = [("show", "nonsense"), ("show", "failed"), ("show", "failed"), ("mine", "perhaps")]
    assert Filters.from_address([*given, ("q", "x" * 300)]) == Filters("x" * 200, ("failed",))


def test_mine_stands_for_whoever_looks() -> None:
    assert Filters(by="ben", mine=True).question("anna") == Question(user="anna")
    assert Filters("  a ", by=" ben ").question("anna") == Question("a", user="ben")


def test_people_are_gathered_in_order() -> None:
    tasks = [records.task(user_id=name) for name in ("ben", "Anna", "ben")]
    assert task_list.people(["zoe"], tasks) == ["Anna", "ben", "zoe"]


def test_ages_are_told_from_now() -> None:
    task = records.task("completed", created_at=AT - timedelta(days=3), finished_at=AT)
    assert (row(task)["age"], row(task)["took"]) == ("3 d ago", "took 3 d")
