"""Every move of a task in every status: it moves what it may, and refuses the rest untouched."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest

from shared import states
from shared.database.tasks import STEPS, Failure, Step
from shared.states import (
    TASK_TERMINAL,
    TASK_TRANSITIONS,
    FailureKind,
    SubtaskStatus,
    TaskStatus,
    Transition,
)
from tests.ledger_world import LEASE, World, plan_of, planned

Edge = Transition[TaskStatus]

# How a task came to stand somewhere does not matter here: it is put there, with what must go along.
FORCE = """
UPDATE tasks SET
    status = $2::task_status,
    step_attempt = 1,
    step_owner = CASE WHEN $3 THEN $4::uuid END,
    step_lease_until = CASE WHEN $3 THEN now() + interval '1 minute' END,
    finished_at = CASE WHEN $5 THEN now() END,
    cancel_requested = $6
WHERE id = $1
"""


async def _apply(world: World, edge: Edge, task_id: UUID, status: TaskStatus) -> Any:
    """Run the statement of a transition with parameters that fit this very task."""
    tasks, plans, owner = world.tasks, world.plans, world.owner
    step = Step(task_id, status, 1)
    failure = Failure(FailureKind.BUSINESS, "no")
    calls: dict[Edge, Callable[[], Awaitable[Any]]] = {
        states.PLAN_TASKS: lambda: tasks.plan(owner=owner, lease_seconds=LEASE, limit=10),
        states.START_TASK: lambda: tasks.start(step, owner=owner, version=1),
        states.PROPOSE_PLAN: lambda: plans.propose(step, owner=owner, version=1),
        states.APPROVE_PLAN: lambda: plans.approve(task_id, 1),
        states.REJECT_PLAN: lambda: plans.reject(task_id, 1, "shorter"),
        states.AGGREGATE_TASKS: lambda: tasks.aggregate(
            [task_id], owner=owner, lease_seconds=LEASE
        ),
        states.COMPLETE_TASK: lambda: tasks.complete(step, owner=owner, answer="42", result={}),
        states.FAIL_TASK: lambda: tasks.fail(step, failure, owner=owner),
        states.CANCEL_TASKS: lambda: tasks.cancel([task_id]),
        states.REOPEN_TASK: lambda: tasks.reopen(task_id),
    }
    return await calls[edge]()


async def _task_in(world: World, status: TaskStatus, *, cancelled: bool) -> UUID:
    """A task with a plan of which everything is done, in this status."""
    task_id = await world.start(plan_of(planned("only")))
    [subtask] = await world.pool.fetch("SELECT id FROM subtasks WHERE task_id = $1", task_id)
    await world.force(subtask["id"], SubtaskStatus.COMPLETED)
    async with world.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")
        leased, ended = status in STEPS, status in TASK_TERMINAL
        await connection.execute(FORCE, task_id, status, leased, world.owner, ended, cancelled)
    return task_id


@pytest.mark.parametrize("edge", TASK_TRANSITIONS, ids=lambda edge: edge.name)
async def test_each_transition_moves_its_sources_and_refuses_the_rest(
    world: World, edge: Edge
) -> None:
    row = "SELECT * FROM tasks WHERE id = $1"
    count = "SELECT count(*) FROM events WHERE task_id = $1 AND type LIKE 'task.%'"
    for status in TaskStatus:
        task_id = await _task_in(world, status, cancelled=edge is states.CANCEL_TASKS)
        before = await world.pool.fetchrow(row, task_id)
        events = await world.pool.fetchval(count, task_id)
        moved = await _apply(world, edge, task_id, status)
        after = await world.pool.fetchrow(row, task_id)
        written = await world.pool.fetchval(count, task_id) - events
        allowed = status in edge.sources
        expected = edge.target if allowed else status
        assert after is not None
        assert (status, after["status"], written, bool(moved)) == (
            status, expected, int(allowed), allowed
        )  # fmt: skip
        assert (after == before) is not allowed
        await world.pool.execute("DELETE FROM tasks")
