"""A plan nobody has agreed to yet, and what changed since the one before."""

from typing import Any

from shared.models import FieldChange, Plan, PlanComparison, PlannedSubtask, SubtaskChange
from ui.plan.arrangement import arranged
from ui.plan.folding import Folding
from ui.plan.proposal import plan_drawing
from ui.plan.sketch import Card, Sketch


def planned(key: str, *needs: str, **more: Any) -> PlannedSubtask:
    given = {
        "id": key,
        "title": f"Title of {key}",
        "description": f"Do {key}",
        "required_capabilities": ["data_analysis"],
        "dependencies": needs,
        "priority": 5,
        "estimated_duration": 60,
        "expected_output": "",
    }
    return PlannedSubtask.model_validate({**given, **more})


def compared(*changes: SubtaskChange) -> PlanComparison:
    return PlanComparison(before=1, after=2, summary=None, subtasks=changes)


def change(key: str, kind: str, **fields: tuple[Any, Any]) -> SubtaskChange:
    altered = tuple(
        FieldChange(field=name, before=before, after=after)
        for name, (before, after) in fields.items()
    )
    return SubtaskChange.model_validate(
        {"id": key, "kind": kind, "title": f"Title of {key}", "fields": altered}
    )


def cards(sketch: Sketch) -> dict[str, Card]:
    return {card.key: card for card in sketch.cards}


PLAN = Plan(
    summary="",
    subtasks=(planned("load"), planned("clean", "load"), planned("report", "clean", "load")),
)


def test_a_proposed_plan_is_drawn_like_any_other() -> None:
    sketch = plan_drawing(PLAN, "clean")
    assert sketch.selected == "clean"
    assert [link.edge for link in sketch.links if link.critical] == [
        ("load", "clean"),
        ("clean", "report"),
    ]
    card = cards(sketch)["clean"]
    assert (card.status, card.note) == ("planned", "about 1 min · data analysis")
    assert card.label == "Title of clean, planned, depends on 1, on the critical path"
    found = arranged(sketch, Folding())
    signs = [sign for sign in found["legend"] if sign["count"]]
    assert signs == [{"kind": "planned", "label": "Planned", "count": 3}]


def test_changes_are_marked_on_cards_and_edges() -> None:
    changes = compared(
        change("report", "added"),
        change("clean", "changed", estimated_duration=(30, 60), dependencies=(["raw"], ["load"])),
        change("raw", "removed", dependencies=(["load"], None)),
    )
    sketch = plan_drawing(PLAN, None, changes)
    drawn = cards(sketch)
    assert [drawn[key].change for key in ("load", "clean", "report", "raw")] == [
        "",
        "changed",
        "added",
        "removed",
    ]
    assert drawn["clean"].note == "Changed: estimate, dependencies"
    assert drawn["report"].note == "New · about 1 min"
    assert drawn["raw"].label == "Title of raw, planned, depends on 1, removed"
    assert {link.edge: link.change for link in sketch.links} == {
        ("load", "clean"): "added",
        ("clean", "report"): "added",
        ("load", "report"): "added",
        ("raw", "clean"): "removed",
        ("load", "raw"): "removed",
    }
    legend = arranged(sketch, Folding())["legend"]
    assert {"kind": "removed", "label": "Removed", "count": 1} in legend
    assert {"kind": "planned", "label": "Planned", "count": 3} in legend


def test_a_dependency_that_was_turned_around_makes_no_circle() -> None:
    plan = Plan(summary="", subtasks=(planned("a"), planned("b", "a")))
    changes = compared(
        change("a", "changed", dependencies=(["b"], [])),
        change("b", "changed", dependencies=([], ["a"])),
    )
    sketch = plan_drawing(plan, None, changes)
    assert [(link.edge, link.change) for link in sketch.links] == [(("a", "b"), "added")]


def test_a_draft_that_makes_no_sense_yet_is_drawn_all_the_same() -> None:
    plan = Plan(summary="", subtasks=(planned("a", "b", "ghost"), planned("b", "a"), planned("c")))
    found = arranged(plan_drawing(plan), Folding())
    assert {node["key"] for node in found["nodes"]} == {"a", "b", "c"}
    assert arranged(plan_drawing(Plan(summary="", subtasks=())), Folding())["nodes"] == []
