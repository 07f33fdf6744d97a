"""A plan that waits for a person's word, as cards and links, and what changed since another."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from shared.models import Plan, PlanComparison, PlannedSubtask, SubtaskChange
from ui.plan.critical_path import CriticalPath, planned_path
from ui.plan.order import Edge
from ui.plan.sketch import CRITICAL, PLANNED, Card, Change, Link, Sketch, spoken
from ui.views import capability_words, duration, one_line

Changes = Mapping[str, SubtaskChange]

_SPOKEN: Mapping[Change, str] = {"added": "added", "changed": "changed", "removed": "removed"}
_FIELD_WORDS = {"estimated_duration": "estimate", "required_capabilities": "capabilities"}


def plan_drawing(
    plan: Plan, selected: str | None = None, changes: PlanComparison | None = None
) -> Sketch:
    """What `ui.drawings.plan_graph` draws of a proposed plan.

    `changes` marks what was added, changed and removed; the plan is the later of the two.
    """
    known: Changes = {one.id: one for one in changes.subtasks} if changes else {}
    path = planned_path(plan)
    cards = [_card(one, known.get(one.id), path) for one in plan.subtasks]
    cards += [_removed(one) for one in known.values() if one.kind == "removed"]
    links = _links(plan, path, known, {card.key for card in cards})
    return Sketch(cards, links, selected, path.sentence())


def _card(subtask: PlannedSubtask, change: SubtaskChange | None, path: CriticalPath) -> Card:
    title = one_line(subtask.title, 90)
    kind: Change = change.kind if change else ""
    critical = subtask.id in path.keys
    more = [_SPOKEN[kind]] if kind else []
    more += [CRITICAL] if critical else []
    return Card(
        key=subtask.id,
        status=PLANNED,
        title=title,
        note=_note(subtask, change),
        hint=f"{one_line(subtask.description, 300)}\n{capability_words(_capabilities(subtask))}",
        label=spoken(title, PLANNED, len(subtask.dependencies), *more),
        critical=critical,
        change=kind,
    )


def _note(subtask: PlannedSubtask, change: SubtaskChange | None) -> str:
    if change and change.kind == "changed":
        words = (_FIELD_WORDS.get(one.field, one.field.replace("_", " ")) for one in change.fields)
        return one_line(f"Changed: {', '.join(words)}", 60)
    about = f"about {duration(subtask.estimated_duration)}"
    return f"New · {about}" if change else f"{about} · {capability_words(_capabilities(subtask))}"


def _capabilities(subtask: PlannedSubtask) -> tuple[str, ...]:
    return tuple(subtask.required_capabilities)


def _removed(change: SubtaskChange) -> Card:
    title = one_line(change.title, 90)
    before = _dependencies(change, "before")
    return Card(
        key=change.id,
        status=PLANNED,
        title=title,
        note="Removed",
        hint=f"{title}\nNot in this plan any more.",
        label=spoken(title, PLANNED, len(before), "removed"),
        change="removed",
    )


def _links(plan: Plan, path: CriticalPath, known: Changes, keys: Collection[str]) -> list[Link]:
    now = {
        (end, one.id): _added(known.get(one.id), end)
        for one in plan.subtasks
        for end in one.dependencies
        if end in keys
    }
    links = [Link(*edge, "idle", edge in path.edges, change) for edge, change in now.items()]
    edges = set(now)
    for edge in _gone(known, keys):
        # An edge that was turned around is shown as it is now: both would be a cycle.
        if edge not in edges and not _reaches(edges, edge[1], edge[0]):
            edges.add(edge)
            links.append(Link(*edge, change="removed"))
    return links


def _added(change: SubtaskChange | None, end: str) -> Change:
    if change is None:
        return ""
    if change.kind == "added":
        return "added"
    altered = any(one.field == "dependencies" for one in change.fields)
    return "added" if altered and end not in _dependencies(change, "before") else ""


def _gone(known: Changes, keys: Collection[str]) -> Iterator[Edge]:
    for change in known.values():
        for end in _dependencies(change, "before"):
            if end in keys:
                yield end, change.id


def _dependencies(change: SubtaskChange, side: str) -> tuple[str, ...]:
    values: Iterable[Any] = next(
        (getattr(one, side) or () for one in change.fields if one.field == "dependencies"), ()
    )
    return tuple(map(str, values))


def _reaches(edges: Collection[Edge], start: str, goal: str) -> bool:
    seen, ahead = {start}, [start]
    while ahead:
        here = ahead.pop()
        found = {target for source, target in edges if source == here} - seen
        seen |= found
        ahead += found
    return goal in seen
