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


def test_a_wish_beside_a_drop_is_a_step_too() -> None:
    plan = changed(PLAN, f"Drop {CLEAN}. Add a chart of margins.\n")
    assert [(each.title, each.dependencies) for each in plan.subtasks[1:]] == [
        (PLAN.subtasks[2].title, (FETCH,)),
        ("Add a chart of margins", (REPORT,)),
    ]
    assert plan.summary.endswith(f"dropped {CLEAN} and 1 more step(s).")


def test_what_is_not_there_yet_is_no_order_to_drop_it() -> None:
    plan = changed(PLAN, f"There is no {REPORT} yet.")
    assert plan.subtasks[:3] == PLAN.subtasks
    assert len(plan.subtasks) == 4


def test_not_everything_can_be_dropped() -> None:
    plan = changed(PLAN, f"drop {FETCH}, drop {CLEAN}, drop {REPORT}")
    assert plan.subtasks == PLAN.subtasks
