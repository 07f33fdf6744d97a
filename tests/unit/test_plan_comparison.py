"""What two versions of a plan say differently."""

from datetime import UTC, datetime

from orchestrator.plan_comparison import compare
from shared.models import Plan, PlanVersion
from tests.ledger_world import plan_of, planned


def version(number: int, plan: Plan) -> PlanVersion:
    """A version that holds this plan."""
    return PlanVersion(
        version=number,
        hash="0" * 64,
        author="person",
        feedback=None,
        created_at=datetime.now(UTC),
        current=False,
        plan=plan,
    )


def test_the_same_plan_has_no_changes_whatever_the_order_of_names() -> None:
    first = plan_of(planned("a"), planned("b"), planned("c", "a", "b"))
    again = plan_of(planned("a"), planned("b"), planned("c", "b", "a"))
    found = compare(version(1, first), version(2, again))
    assert (found.subtasks, found.summary) == ((), None)


def test_each_changed_field_is_shown_before_and_after() -> None:
    before = plan_of(planned("a"), planned("b", "a"))
    after = plan_of(planned("a", priority=9), planned("b", title="Bee"))
    found = compare(version(1, before), version(4, after))
    assert (found.before, found.after) == (1, 4)
    changes = {
        (item.id, field.field): (field.before, field.after)
        for item in found.subtasks
        for field in item.fields
    }
    assert changes == {
        ("a", "priority"): (5, 9),
        ("b", "title"): ("B", "Bee"),
        ("b", "dependencies"): (["a"], []),
    }


def test_added_and_removed_subtasks_and_another_summary() -> None:
    before = plan_of(planned("a"), planned("b"))
    after = Plan(summary="new words", subtasks=(planned("c"), planned("a")))
    found = compare(version(1, before), version(2, after))
    kinds = [(item.id, item.kind) for item in found.subtasks]
    assert kinds == [("c", "added"), ("b", "removed")]
    assert found.summary is not None
    assert found.summary.after == "new words"
