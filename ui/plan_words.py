"""A proposed plan in words: how long, in which order, what each subtask needs; pure."""

from collections.abc import Mapping
from typing import Any

from shared.models import (
    Check,
    CommandCheck,
    FieldChange,
    FileExistsCheck,
    HttpStatusCheck,
    JsonSchemaCheck,
    Plan,
    PlanComparison,
    PlannedSubtask,
    PlanVersion,
    SqlCountCheck,
    SubtaskChange,
    TextMatchesCheck,
)
from ui.plan.critical_path import planned_path
from ui.views import Badge, capability_words, duration, one_line

AUTHORS = {"planner": "the planner", "person": "a person"}
CHANGE_BADGES: dict[str, Badge] = {
    "added": Badge("Added", "add_circle", "+", "green"),
    "removed": Badge("Removed", "remove_circle", "-", "red"),
    "changed": Badge("Changed", "change_circle", "~", "orange"),
}
FIELD_NAMES = {
    "id": "Name",
    "title": "Title",
    "description": "Description",
    "required_capabilities": "Needs an agent for",
    "dependencies": "Waits for",
    "priority": "Priority",
    "estimated_duration": "Estimated time",
    "expected_output": "Expected",
    "profile": "Agent's role",
    "checks": "Checks",
    "summary": "Summary",
}


def waves(plan: Plan) -> list[list[PlannedSubtask]]:
    """The subtasks by when they can start; what waits for itself or for nobody comes last."""
    left = list(plan.subtasks)
    known = {one.id for one in left}
    done: set[str] = set()
    found: list[list[PlannedSubtask]] = []
    while left:
        ready = [one for one in left if done.issuperset(known.intersection(one.dependencies))]
        found.append(ready or left)
        done.update(one.id for one in found[-1])
        left = [one for one in left if one.id not in done]
    return found


def time_words(plan: Plan) -> str:
    """How long it should take: its longest path, and all the work."""
    path = planned_path(plan)
    if not path.keys:
        return "Nobody can say how long it takes: no subtask of it can start."
    work = sum(one.estimated_duration for one in plan.subtasks)
    said = f"About {duration(path.seconds)} if there are agents enough"
    if work > path.seconds:
        said += f" ({duration(work)} of work in all)"
    return f"{said}."


def size_words(plan: Plan) -> str:
    """How many subtasks, and how many can start at once."""
    first = len(waves(plan)[0]) if plan.subtasks else 0
    count = len(plan.subtasks)
    said = f"{count} subtask{'s' if count != 1 else ''}"
    return f"{said}, {first} of them can start at once" if count > 1 else said


def needs(one: PlannedSubtask) -> str:
    """Which agent it takes, how long, how urgent it is."""
    facts = [
        capability_words(one.required_capabilities),
        f"about {duration(one.estimated_duration)}",
    ]
    facts.append(f"priority {one.priority}")
    if one.profile:
        facts.append(f"role {one_line(one.profile, 40)}")
    count = len(one.checks)
    facts.append(f"{count} check{'s' if count != 1 else ''}" if count else "no machine check")
    return " · ".join(facts)


def check_words(check: Check) -> str:
    """A planned check in a line."""
    match check:
        case CommandCheck():
            said = f"runs {check.command}"
        case FileExistsCheck():
            said = f"{check.path} exists with at least {check.min_bytes} B"
        case JsonSchemaCheck():
            said = "the structured output has the agreed shape"
        case TextMatchesCheck():
            said = f"{check.path} contains {check.pattern}"
        case SqlCountCheck():
            said = f"at least {check.minimum} from {check.query}"
        case HttpStatusCheck():
            said = f"GET {check.url} answers with {check.status}"
    return one_line(said.replace("{python}", "python").replace("{checks}/", ""), 300)


def version_words(version: PlanVersion) -> str:
    """`Version 2, by a person`."""
    return f"Version {version.version}, by {AUTHORS[version.author]}"


def compared(before: PlanVersion, after: Plan) -> PlanComparison:
    """What unsaved edits of a version change, as the service tells it of two versions."""
    old, new = before.plan.summary, after.summary
    return PlanComparison(
        before=before.version,
        after=before.version + 1,
        summary=FieldChange(field="summary", before=old, after=new) if old != new else None,
        subtasks=tuple(_changes(before.plan, after)),
    )


def _changes(before: Plan, after: Plan) -> list[SubtaskChange]:
    old = {one.id: one for one in before.subtasks}
    new = {one.id: one for one in after.subtasks}
    found = [_changed(old.get(one.id), one) for one in after.subtasks]
    found += [
        SubtaskChange(id=one.id, kind="removed", title=one.title)
        for one in before.subtasks
        if one.id not in new
    ]
    return [change for change in found if change]


def _changed(before: PlannedSubtask | None, after: PlannedSubtask) -> SubtaskChange | None:
    if before is None:
        return SubtaskChange(id=after.id, kind="added", title=after.title)
    fields = tuple(
        FieldChange(field=name, before=getattr(before, name), after=getattr(after, name))
        for name in PlannedSubtask.model_fields
        if getattr(before, name) != getattr(after, name)
    )
    return (
        SubtaskChange(id=after.id, kind="changed", title=after.title, fields=fields)
        if fields
        else None
    )


def tally_of(changes: PlanComparison) -> str:
    """`1 added, 2 changed`, or that nothing is different."""
    kinds = [change.kind for change in changes.subtasks]
    parts = [f"{kinds.count(kind)} {kind}" for kind in CHANGE_BADGES if kind in kinds]
    parts += ["the summary is changed"] if changes.summary else []
    return ", ".join(parts) or "Nothing is different"


def value_words(field: str, value: Any) -> str:
    """A field's value as a person reads it."""
    if value is None or value in ("", (), []):
        return "nothing"
    if field == "estimated_duration":
        return duration(float(value))
    if field == "required_capabilities":
        return capability_words(tuple(str(one) for one in value))
    if field == "checks":
        return "\n".join(f"- {_check_value(one)}" for one in value)
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return str(value)


def _check_value(value: Any) -> str:
    """A check as a record, or as the service sends it inside a comparison."""
    if isinstance(value, Mapping):
        kind = str(value.get("kind", "check")).replace("_", " ")
        rest = ", ".join(f"{name} {one}" for name, one in value.items() if name != "kind")
        return one_line(f"{kind}: {rest}", 300)
    return check_words(value)
