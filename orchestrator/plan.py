"""What can be said of a plan without asking anybody: is it valid, what is on its longest path."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence

from orchestrator.plan_checks import check_errors
from shared.models import Plan, PlannedCheck, PlannedSubtask

MAX_SUBTASKS = 200
MAX_FAN_IN = 200
MAX_ERRORS = 20
_NAME = 80  # characters of a name that an error repeats
_BIDI = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f")


def validate(plan: Plan, *, profiles: Collection[str] = (), http: bool = False) -> list[str]:
    """What is wrong with a plan, in at most MAX_ERRORS sentences that a model can act on."""
    if not 1 <= len(plan.subtasks) <= MAX_SUBTASKS:
        return [f"the plan has {len(plan.subtasks)} subtasks; it must have 1 to {MAX_SUBTASKS}"]
    errors = _repeated_ids(plan)
    if has_control_characters(plan.summary):
        errors.append("the plan has control characters in its summary")
    ids = {subtask.id for subtask in plan.subtasks}
    for subtask in plan.subtasks:
        errors += _errors_of(subtask, ids, profiles)
        errors += check_errors(subtask, http=http)
    if not errors:
        cycle = find_cycle(_edges(plan))
        if cycle:
            errors.append(f"the dependencies form a cycle: {' -> '.join(cycle)}")
    return errors[:MAX_ERRORS]


def validate_subtask(
    subtask: PlannedSubtask, *, profiles: Collection[str] = (), http: bool = False
) -> list[str]:
    """What is wrong with one subtask by the same rules; its dependencies stand as they are."""
    found = _errors_of(subtask, set(subtask.dependencies), profiles)
    return (found + check_errors(subtask, http=http))[:MAX_ERRORS]


def _repeated_ids(plan: Plan) -> list[str]:
    ids = [subtask.id for subtask in plan.subtasks]
    return [
        f"subtask id {name!r} is used more than once"
        for name in dict.fromkeys(ids)
        if ids.count(name) > 1
    ]


def _errors_of(subtask: PlannedSubtask, ids: set[str], profiles: Collection[str]) -> list[str]:
    errors = []
    for name in dict.fromkeys(subtask.dependencies):
        if name == subtask.id:
            errors.append(f"subtask {subtask.id!r} depends on itself")
        elif name not in ids:
            errors.append(
                f"subtask {subtask.id!r} depends on {name[:_NAME]!r}, which is not in the plan"
            )
    if len(subtask.dependencies) > MAX_FAN_IN:
        errors.append(f"subtask {subtask.id!r} depends on more than {MAX_FAN_IN} others")
    if subtask.profile is not None and subtask.profile not in profiles:
        errors.append(
            f"subtask {subtask.id!r} names the profile {subtask.profile[:_NAME]!r}, "
            f"which nobody has; "
            f"leave it null or use one of: {', '.join(sorted(profiles)) or 'none'}"
        )
    for field in ("title", "description", "expected_output"):
        if has_control_characters(getattr(subtask, field)):
            errors.append(f"subtask {subtask.id!r} has control characters in its {field}")
    return errors


def has_control_characters(text: str) -> bool:
    """Whether the text holds control or direction-changing characters (line breaks are fine)."""
    return any(
        char in _BIDI or (char not in "\n\r\t" and unicodedata.category(char) in ("Cc", "Cs"))
        for char in text
    )


def _edges(plan: Plan) -> dict[str, tuple[str, ...]]:
    return {subtask.id: subtask.dependencies for subtask in plan.subtasks}


def find_cycle(depends_on: Mapping[str, Sequence[str]]) -> list[str]:
    """One cycle as a closed walk, or nothing; every name must be a key."""
    remaining = {name: set(names) for name, names in depends_on.items()}
    while free := [name for name, names in remaining.items() if not names]:
        for name in free:
            del remaining[name]
        for names in remaining.values():
            names.difference_update(free)
    if not remaining:
        return []
    walk = [min(remaining)]
    while walk.count(walk[-1]) == 1:
        walk.append(min(remaining[walk[-1]]))
    return walk[walk.index(walk[-1]) :]


def longest_remaining(plan: Plan) -> dict[str, int]:
    """Seconds from the start of each subtask to the end of the plan, by its longest path."""
    dependents: dict[str, list[str]] = {subtask.id: [] for subtask in plan.subtasks}
    for subtask in plan.subtasks:
        for name in set(subtask.dependencies):
            dependents[name].append(subtask.id)
    seconds: dict[str, int] = {}
    for subtask in reversed(in_order(plan)):
        after = max((seconds[name] for name in dependents[subtask.id]), default=0)
        seconds[subtask.id] = subtask.estimated_duration + after
    return seconds


def in_order(plan: Plan) -> list[PlannedSubtask]:
    """The subtasks so that each follows what it depends on; otherwise as planned."""
    placed: set[str] = set()
    waiting = list(plan.subtasks)
    ordered: list[PlannedSubtask] = []
    while waiting:
        ready = [subtask for subtask in waiting if placed.issuperset(subtask.dependencies)]
        if not ready:
            raise ValueError("the plan has a cycle")
        ordered += ready
        placed.update(subtask.id for subtask in ready)
        waiting = [subtask for subtask in waiting if subtask.id not in placed]
    return ordered


def planned_checks(subtask: PlannedSubtask) -> tuple[PlannedCheck, ...]:
    """A subtask's checks, none of them tried yet."""
    return tuple(PlannedCheck(check=check) for check in subtask.checks)
