"""The chain that decides when a task ends."""

from typing import Any

import pytest

from shared.models import Plan, PlannedSubtask
from tests import ui_records as records
from ui.plan.critical_path import path_of, planned_path

AT = records.later(100)


def ran(key: str, begin: float, end: float, *needs: str, **more: Any) -> Any:
    times = {"started_at": records.later(begin), "finished_at": records.later(end)}
    return records.subtask(key, "completed", *needs, **{**times, **more})


def planned(key: str, seconds: int, *needs: str) -> PlannedSubtask:
    return PlannedSubtask.model_validate(
        {
            "id": key,
            "title": key,
            "description": key,
            "required_capabilities": ["data_analysis"],
            "dependencies": needs,
            "priority": 5,
            "estimated_duration": seconds,
            "expected_output": "",
        }
    )


def test_before_it_ran_the_estimates_decide() -> None:
    plan = Plan(
        summary="",
        subtasks=(
            planned("report", 10, "slow", "quick"),
            planned("slow", 30, "load"),
            planned("quick", 5, "load"),
            planned("load", 20),
        ),
    )
    path = planned_path(plan)
    assert path.keys == ("load", "slow", "report")
    assert (path.seconds, path.remaining) == (60, 60)
    assert path.edges == {("load", "slow"), ("slow", "report")}
    assert path.sentence() == (
        "The longest chain: load → slow → report, about 1 min by the estimates; "
        "nothing finishes sooner unless these do."
    )


def test_what_happened_is_walked_back_from_the_end() -> None:
    # By the estimates both branches are equal; what happened was not.
    task = records.task(
        "completed",
        ran("load", 1, 11),
        ran("quick", 12, 15, "load"),
        ran("slow", 14, 38, "load"),
        ran("report", 38, 42, "quick", "slow"),
        ran("aside", 1, 30),
    )
    path = path_of(task, AT)
    assert path.keys == ("load", "slow", "report")
    assert (path.tense, path.seconds, path.waiting, path.remaining) == ("happened", 41, 3, 0)
    assert path.sentence() == (
        "The longest chain: load → slow → report, 41 s, 3 s of it waiting for an agent; "
        "nothing would have finished sooner unless these had."
    )


def test_a_running_task_mixes_what_happened_with_what_is_estimated() -> None:
    task = records.task(
        "in_progress",
        ran("load", 10, 22),
        records.subtask(
            "fast", "running", "load", started_at=records.later(90), estimated_duration=15
        ),
        records.subtask("slow", "queued", "load", estimated_duration=40),
        records.subtask("report", "pending", "fast", "slow", estimated_duration=20),
    )
    path = path_of(task, AT)
    assert path.keys == ("load", "slow", "report")
    assert (path.tense, path.seconds, path.remaining) == ("underway", 150, 60)
    assert "1 min 30 s so far and about 1 min to go" in path.sentence()


def test_a_subtask_that_takes_longer_than_thought_ends_now_at_the_earliest() -> None:
    late = records.subtask("late", "running", started_at=records.later(10), estimated_duration=5)
    path = path_of(records.task("in_progress", late), AT)
    assert (path.keys, path.seconds, path.remaining) == (("late",), 90, 0)


def test_what_never_runs_is_on_no_chain() -> None:
    task = records.task(
        "failed",
        ran("load", 1, 5),
        records.subtask("broken", "failed", "load"),
        records.subtask("letter", "blocked", "broken"),
        records.subtask("stopped", "cancelled", "load"),
    )
    assert path_of(task, AT).keys == ("load", "broken")
    assert path_of(records.task("planning"), AT).sentence() == ""
    assert planned_path(Plan(summary="", subtasks=())).keys == ()


def test_a_cycle_ends() -> None:
    plan = Plan(summary="", subtasks=(planned("a", 1, "b"), planned("b", 1, "a"), planned("c", 1)))
    assert planned_path(plan).keys == ("c",)


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "chain: s0, about"),
        (7, "s0 → s1 → s2 → s3 → s4 → s5 → s6,"),
        (9, "s2 → … 4 more … → s7"),
    ],
)
def test_a_long_chain_is_told_by_its_ends(count: int, said: str) -> None:
    needs = [[], *([f"s{number}"] for number in range(count - 1))]
    steps = tuple(planned(f"s{number}", 1, *needs[number]) for number in range(count))
    assert said in planned_path(Plan(summary="", subtasks=steps)).sentence()
