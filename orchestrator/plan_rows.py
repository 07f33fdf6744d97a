"""A plan as what the ledger keeps of it: subtasks and the edges between them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from orchestrator.plan import in_order, longest_remaining, planned_checks
from shared.database.subtasks import route_of
from shared.database.tasks import TaskLedger
from shared.models import Plan, PlannedCheck, PlannedSubtask


async def write_subtasks(
    ledger: TaskLedger,
    task_id: UUID,
    plan: Plan,
    *,
    user_id: str,
    priority: int,
    checks: Mapping[str, Sequence[PlannedCheck]],
) -> None:
    """Turn a valid plan into pending subtasks, within the transaction that starts the task."""
    rows, edges = ledger_rows(plan, task_priority=priority, checks=checks)
    await ledger.insert_subtasks(task_id, user_id, rows)
    await ledger.insert_dependencies(task_id, edges)


def urgency(task_priority: int, subtask_priority: int) -> int:
    """The plan's word on a subtask, shifted by the person's word on the task (5 is neutral)."""
    return max(0, min(10, subtask_priority + task_priority - 5))


def part_row(
    subtask: PlannedSubtask, *, task_priority: int, checks: Iterable[PlannedCheck]
) -> dict[str, Any]:
    """What of a subtask's row a person may change later, too."""
    return {
        "description": subtask.description,
        "expected_output": subtask.expected_output,
        "required_capabilities": sorted(set(subtask.required_capabilities)),
        "route": route_of(subtask.required_capabilities),
        "profile": subtask.profile,
        "checks": [check.model_dump() for check in checks],
        "priority": subtask.priority,
        "urgency": urgency(task_priority, subtask.priority),
    }


def ledger_rows(
    plan: Plan, *, task_priority: int, checks: Mapping[str, Sequence[PlannedCheck]] | None = None
) -> tuple[list[dict[str, Any]], list[tuple[UUID, UUID]]]:
    """A valid plan as rows of subtasks and as edges (subtask, what it depends on).

    `checks` holds those that were tried on workspaces without work, by subtask.
    """
    tried = checks or {}
    ids = {subtask.id: uuid4() for subtask in plan.subtasks}
    remaining = longest_remaining(plan)
    rows = [
        part_row(
            subtask,
            task_priority=task_priority,
            checks=tried.get(subtask.id) or planned_checks(subtask),
        )
        | {
            "id": ids[subtask.id],
            "key": subtask.id,
            "position": position,
            "title": subtask.title,
            "estimated_seconds": subtask.estimated_duration,
            "remaining_seconds": remaining[subtask.id],
        }
        for position, subtask in enumerate(in_order(plan))
    ]
    edges = [
        (ids[subtask.id], ids[name])
        for subtask in plan.subtasks
        for name in dict.fromkeys(subtask.dependencies)
    ]
    return rows, edges
