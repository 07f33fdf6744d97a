"""What makes a plan valid, in which order it runs and what it weighs: pure functions."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.plan import (
    MAX_ERRORS,
    MAX_FAN_IN,
    MAX_SUBTASKS,
    find_cycle,
    in_order,
    longest_remaining,
    validate,
)
from orchestrator.plan_rows import ledger_rows, urgency
from shared.models import Band, Plan, PlannedSubtask
from tests.ledger_world import plan_of, planned


@st.composite
def graphs(draw: st.DrawFn) -> Plan:
    """A plan without a cycle, its subtasks in any order, edges perhaps named twice."""
    size = draw(st.integers(1, 8))
    subtasks = []
    for number in range(size):
        before = [f"s{other}" for other in range(number)]
        after = draw(st.lists(st.sampled_from(before), max_size=4)) if before else []
        seconds = draw(st.integers(1, 100))
        subtasks.append(planned(f"s{number}", *after, estimated_duration=seconds))
    return plan_of(*draw(st.permutations(subtasks)))


def longest_by_hand(plan: Plan, key: str) -> int:
    """The longest way from a subtask to the end, by walking every way there is."""
    own = next(subtask.estimated_duration for subtask in plan.subtasks if subtask.id == key)
    following = [subtask.id for subtask in plan.subtasks if key in subtask.dependencies]
    return own + max((longest_by_hand(plan, name) for name in following), default=0)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_any_graph_without_a_cycle_is_valid_and_has_an_order(plan: Plan) -> None:
    assert validate(plan) == []
    ordered = [subtask.id for subtask in in_order(plan)]
    assert sorted(ordered) == sorted(subtask.id for subtask in plan.subtasks)
    for subtask in plan.subtasks:
        for name in subtask.dependencies:
            assert ordered.index(name) < ordered.index(subtask.id)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_the_longest_way_is_what_walking_every_way_finds(plan: Plan) -> None:
    assert longest_remaining(plan) == {
        subtask.id: longest_by_hand(plan, subtask.id) for subtask in plan.subtasks
    }


@settings(max_examples=60, deadline=None)
@given(graphs(), st.data())
def test_closing_any_path_names_a_cycle_that_is_there(plan: Plan, data: st.DataObject) -> None:
    edges = [(s.id, name) for s in plan.subtasks for name in s.dependencies]
    if not edges:
        return
    later, earlier = data.draw(st.sampled_from(edges))
    spoilt = plan_of(
        *(
            s.model_copy(update={"dependencies": (*s.dependencies, later)})
            if s.id == earlier
            else s
            for s in plan.subtasks
        )
    )
    depends_on = {subtask.id: subtask.dependencies for subtask in spoilt.subtasks}
    walk = find_cycle(depends_on)
    assert walk[0] == walk[-1]
    assert len(walk) >= 3
    assert all(name in depends_on[this] for this, name in pairwise(walk))
    assert validate(spoilt) == [f"the dependencies form a cycle: {' -> '.join(walk)}"]
    with pytest.raises(ValueError, match="cycle"):
        in_order(spoilt)


def test_a_cycle_is_named_without_what_hangs_on_it() -> None:
    plan = plan_of(
        planned("alone"),
        planned("a", "c", "alone"),
        planned("b", "a"),
        planned("c", "b"),
        planned("behind", "c"),
    )
    assert validate(plan) == ["the dependencies form a cycle: a -> c -> b -> a"]


NUL, ESCAPE, C1, OVERRIDE, ISOLATE = "\x00", "\x1b[31m", "\x9b", "\u202e", "\u2066"
WRONG: list[tuple[str, tuple[PlannedSubtask, ...], str]] = [
    ("itself", (planned("a", "a"),), "subtask 'a' depends on itself"),
    ("unknown", (planned("a", "b"),), "subtask 'a' depends on 'b', which is not in the plan"),
    ("twice", (planned("a"), planned("a")), "subtask id 'a' is used more than once"),
    (
        "fan-in",
        (planned("a"), planned("b", *["a"] * (MAX_FAN_IN + 1))),
        f"subtask 'b' depends on more than {MAX_FAN_IN} others",
    ),
    ("nul", (planned("a", title=f"x{NUL}"),), "subtask 'a' has control characters in its title"),
    (
        "escape",
        (planned("a", description=ESCAPE),),
        "subtask 'a' has control characters in its description",
    ),
    (
        "c1",
        (planned("a", expected_output=C1),),
        "subtask 'a' has control characters in its expected_output",
    ),
    (
        "override",
        (planned("a", title=OVERRIDE),),
        "subtask 'a' has control characters in its title",
    ),
    ("isolate", (planned("a", title=ISOLATE),), "subtask 'a' has control characters in its title"),
]


@pytest.mark.parametrize(("_", "subtasks", "error"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_wrong_is_said(_: str, subtasks: tuple[PlannedSubtask, ...], error: str) -> None:
    assert validate(plan_of(*subtasks)) == [error]


def test_everything_wrong_is_said_at_once() -> None:
    errors = validate(plan_of(planned("a", "a", "z"), planned("b", "y", title="\x07")))
    assert len(errors) == 4


@pytest.mark.parametrize("count", [0, MAX_SUBTASKS + 1])
def test_too_few_or_too_many_subtasks(count: int) -> None:
    plan = plan_of(*(planned(f"s{number}") for number in range(count)))
    assert validate(plan) == [f"the plan has {count} subtasks; it must have 1 to {MAX_SUBTASKS}"]


def test_the_largest_plan_with_the_largest_fan_in_is_valid() -> None:
    keys = [f"s{number}" for number in range(MAX_SUBTASKS - 1)]
    assert validate(plan_of(*map(planned, keys), planned("last", *keys))) == []


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [planned("s0"), *(planned(f"s{n}", f"s{n - 1}") for n in range(1, MAX_SUBTASKS))]
    plan = plan_of(*reversed(chain))
    assert validate(plan) == []
    assert longest_remaining(plan)["s0"] == 10 * MAX_SUBTASKS


def test_errors_are_bounded_in_number_and_length() -> None:
    names = [f"{number}{'x' * 10_000}" for number in range(100)]
    errors = validate(plan_of(planned("a", *names)))
    assert len(errors) == MAX_ERRORS
    assert max(map(len, errors)) < 200


def test_line_breaks_are_fine_and_the_summary_is_looked_at_too() -> None:
    fine = planned("a", description="first\r\n\tsecond: ünïcödé 🎻")
    assert validate(plan_of(fine)) == []
    spoilt = Plan(summary="x\u202ey", subtasks=(fine,))
    assert validate(spoilt) == ["the plan has control characters in its summary"]


def test_a_profile_must_be_somebodys() -> None:
    plan = plan_of(planned("a", profile="poet"))
    assert validate(plan, profiles=["poet", "coder"]) == []
    assert validate(plan, profiles=["coder", "analyst"]) == [
        "subtask 'a' names the profile 'poet', which nobody has; "
        "leave it null or use one of: analyst, coder"
    ]
    assert validate(plan)[0].endswith("use one of: none")


@pytest.mark.parametrize(
    ("task", "subtask", "expected"),
    [(5, 3, 3), (5, 4, 4), (5, 6, 6), (5, 7, 7), (0, 5, 0), (10, 5, 10), (10, 10, 10), (0, 0, 0),
     (6, 3, 4), (4, 7, 6), (6, 6, 7), (4, 4, 3)],
)  # fmt: skip
def test_urgency_shifts_and_is_clamped(task: int, subtask: int, expected: int) -> None:
    assert urgency(task, subtask) == expected


@pytest.mark.parametrize(
    ("value", "band"),
    [(0, "low"), (3, "low"), (4, "normal"), (6, "normal"), (7, "high"), (10, "high")],
)
def test_the_edges_of_the_bands(value: int, band: str) -> None:
    assert Band.of(value) == band


def test_rows_for_the_ledger_follow_the_order_and_keep_each_edge_once() -> None:
    check: dict[str, Any] = {"kind": "file_exists", "path": "a.md", "min_bytes": 2}
    last = planned(
        "last",
        "first",
        "first",
        required_capabilities=("web_scraping", "data_analysis", "web_scraping"),
        priority=7,
        checks=(check,),
    )
    rows, edges = ledger_rows(plan_of(last, planned("first")), task_priority=6)
    assert [(row["key"], row["position"]) for row in rows] == [("first", 0), ("last", 1)]
    first, second = rows
    assert edges == [(second["id"], first["id"])]
    assert second["required_capabilities"] == ["data_analysis", "web_scraping"]
    assert second["route"] == "data_analysis+web_scraping"
    assert second["checks"] == [{"check": check, "source": "plan", "vacuous": None, "when": None}]
    assert (second["priority"], second["urgency"]) == (7, 8)
    assert (first["remaining_seconds"], second["remaining_seconds"]) == (20, 10)
    assert set(first) == {
        "id", "key", "position", "title", "description", "expected_output",
        "required_capabilities", "route", "profile", "checks", "priority", "urgency",
        "estimated_seconds", "remaining_seconds",
    }  # fmt: skip
