"""A plan that was sent back: what is dropped is gone, what is asked for is one more step."""

from scripts.claude_simulator.feedback import changed
from scripts.claude_simulator.generic import plan_for

PLAN = plan_for("Fetch the page. Then clean it. Finally report.")
FETCH, CLEAN, REPORT = (subtask.id for subtask in PLAN.subtasks)


def test_a_wish_is_one_more_step_at_the_end() -> None:
    plan = changed(PLAN, "Translate the report into French.")
    assert plan.subtasks[:3] == PLAN.subtasks
    (more,) = plan.subtasks[3:]
    assert (more.title, more.dependencies) == ("Translate the report into French", (REPORT,))
    assert plan.summary != PLAN.summary


def test_a_dropped_step_leaves_its_place_to_what_came_before() -> None:
    plan = changed(PLAN, f"Please drop {CLEAN}.")
    assert [(each.id, each.dependencies) for each in plan.subtasks] == [
        (FETCH, ()),
        (REPORT, (FETCH,)),
    ]


def test_not_everything_can_be_dropped() -> None:
    plan = changed(PLAN, f"drop {FETCH}, drop {CLEAN}, drop {REPORT}")
    assert plan.subtasks == PLAN.subtasks
