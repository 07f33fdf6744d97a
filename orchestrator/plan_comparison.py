"""What two versions of a plan say differently. Pure."""

from typing import Any

from shared.models import (
    FieldChange,
    PlanComparison,
    PlannedSubtask,
    PlanVersion,
    SubtaskChange,
)

_UNORDERED = ("dependencies", "required_capabilities")


def compare(before: PlanVersion, after: PlanVersion) -> PlanComparison:
    """Subtasks by their slug: added, removed, changed; the removed ones come last."""
    old = {each.id: each for each in before.plan.subtasks}
    new = {each.id: each for each in after.plan.subtasks}
    changes = [_change(old.get(key), subtask) for key, subtask in new.items()]
    removed = [
        SubtaskChange(id=key, kind="removed", title=subtask.title)
        for key, subtask in old.items()
        if key not in new
    ]
    summary = None
    if before.plan.summary != after.plan.summary:
        summary = FieldChange(field="summary", before=before.plan.summary, after=after.plan.summary)
    return PlanComparison(
        before=before.version,
        after=after.version,
        summary=summary,
        subtasks=(*(change for change in changes if change), *removed),
    )


def _change(old: PlannedSubtask | None, new: PlannedSubtask) -> SubtaskChange | None:
    if old is None:
        return SubtaskChange(id=new.id, kind="added", title=new.title)
    was, now = _comparable(old), _comparable(new)
    fields = tuple(
        FieldChange(field=name, before=was[name], after=now[name])
        for name in now
        if was[name] != now[name]
    )
    if not fields:
        return None
    return SubtaskChange(id=new.id, kind="changed", title=new.title, fields=fields)


def _comparable(subtask: PlannedSubtask) -> dict[str, Any]:
    values = subtask.model_dump(mode="json")
    return values | {name: sorted(set(values[name])) for name in _UNORDERED}
