"""Every move under every circumstance: it moves what it may, and refuses the rest untouched."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from shared import states
from shared.database.subtasks import Demand, Held
from shared.states import SUBTASK_TRANSITIONS, AttemptOutcome, SubtaskStatus, Transition
from tests.ledger_world import World, held, plan_of, planned

Edge = Transition[SubtaskStatus]


async def _apply(world: World, edge: Edge, task_id: UUID, subtask_id: UUID) -> Any:
    """Run the statement of a transition with parameters that fit this very subtask."""
    ledger, mine = world.subtasks, Held(subtask_id, 1)
    row = {"id": subtask_id, "attempt": 1, "kind": "business", "error": "no"}
    result = {
        "summary": "s", "output": {}, "claims": [], "files": [], "calls": [],
        "evidence": "self-reported",
    }  # fmt: skip
    calls: dict[Edge, Callable[[], Awaitable[Any]]] = {
        states.RELEASE: lambda: ledger.release([task_id], ring_after=1),
        states.CLAIM: lambda: ledger.claim([subtask_id], limit=1, claimant=world.claimant()),
        states.COMPLETE: lambda: ledger.complete(
            [row | result | {"simulated": True}], owner=world.owner
        ),
        states.FAIL: lambda: ledger.fail([row], owner=world.owner),
        states.GIVE_BACK: lambda: ledger.give_back([mine], owner=world.owner),
        states.STOP: lambda: ledger.stop([mine], owner=world.owner),
        states.RESCUE: lambda: ledger.rescue(max_losses=3, grace_seconds=0),
        states.POISON: lambda: ledger.poison(max_losses=1, grace_seconds=0),
        states.ABANDON: lambda: ledger.abandon(grace_seconds=0),
        states.BLOCK: lambda: ledger.block([task_id]),
        states.WITHDRAW: lambda: ledger.withdraw([task_id]),
        states.RETRY: lambda: ledger.retry(task_id, subtask_id, attempt=1),
        states.UNBLOCK: lambda: ledger.unblock(task_id),
        states.HOLD: lambda: ledger.hold([task_id]),
        states.RERUN: lambda: ledger.rerun(task_id, [subtask_id]),
    }
    return await calls[edge]()


async def _prepare(world: World, edge: Edge, status: SubtaskStatus) -> tuple[UUID, UUID]:
    """One subtask in `status`; for `block` it stands behind a failure."""
    task_id = await world.start(plan_of(planned("first"), planned("second", "first")))
    rows = await world.pool.fetch("SELECT key, id FROM subtasks WHERE task_id = $1", task_id)
    ids = {row["key"]: row["id"] for row in rows}
    if edge is states.BLOCK:
        await world.force(ids["first"], "failed")
        subject = ids["second"]
    else:
        await world.pool.execute("DELETE FROM subtasks WHERE id = $1", ids["second"])
        subject = ids["first"]
    await world.force(subject, status)
    await world.pool.execute(
        "INSERT INTO attempts (subtask_id, attempt, task_id, owner, agent_id)"
        " VALUES ($1, 1, $2, $3, 'a')",
        subject,
        task_id,
        world.owner,
    )
    if status is not SubtaskStatus.RUNNING:
        await world.pool.execute("UPDATE attempts SET outcome = 'lost', finished_at = now()")
    if edge in (states.ABANDON, states.WITHDRAW):
        await world.pool.execute("UPDATE subtasks SET cancel_requested = true")
    if edge is states.HOLD:
        await world.pool.execute("UPDATE tasks SET paused_reason = 'user'")
    return task_id, subject


@pytest.mark.parametrize("edge", SUBTASK_TRANSITIONS, ids=lambda edge: edge.name)
async def test_each_transition_moves_its_sources_and_refuses_the_rest(
    world: World, edge: Edge
) -> None:
    for status in SubtaskStatus:
        task_id, subject = await _prepare(world, edge, status)
        count = "SELECT count(*) FROM events WHERE subtask_id = $1 AND type LIKE 'subtask.%'"
        events = await world.pool.fetchval(count, subject)
        await _apply(world, edge, task_id, subject)
        now = await world.pool.fetchval("SELECT status FROM subtasks WHERE id = $1", subject)
        written = await world.pool.fetchval(count, subject) - events
        expected = edge.target if status in edge.sources else status
        assert (status, now, written) == (status, expected, int(status in edge.sources))
        await world.pool.execute("DELETE FROM tasks")


async def test_the_table_refuses_an_edge_that_nobody_wrote_down(world: World) -> None:
    await world.ready(planned("only"))
    with pytest.raises(asyncpg.CheckViolationError, match="cannot go from queued to completed"):
        await world.pool.execute("UPDATE subtasks SET status = 'completed', finished_at = now()")
    with pytest.raises(asyncpg.CheckViolationError, match="cannot go from in_progress to pending"):
        await world.pool.execute("UPDATE tasks SET status = 'pending'")


async def test_a_hundred_claims_at_once_take_it_exactly_once(world: World) -> None:
    await world.ready(planned("only"))
    claims = await asyncio.gather(*(world.claim_next(world.claimant()) for _ in range(100)))
    assert sum(len(claim) for claim in claims) == 1


@pytest.mark.parametrize("zombie", ["older attempt", "another owner"])
async def test_a_zombie_can_write_nothing(world: World, zombie: str) -> None:
    task_id = await world.ready(planned("only"))
    [lost] = await world.claim_next(world.claimant())
    await world.expire()
    assert await world.subtasks.rescue(max_losses=3, grace_seconds=0) == [task_id]
    [present] = await world.claim_next(world.claimant(owner=lost.owner))
    if zombie == "another owner":
        lost = present.model_copy(update={"owner": uuid4()})
    assert not await world.complete(lost)
    assert not await world.fail(lost)
    assert not await world.subtasks.give_back([held(lost)], owner=lost.owner)
    assert not await world.subtasks.stop([held(lost)], owner=lost.owner)
    assert not await world.subtasks.renew([held(lost)], owner=lost.owner, lease_seconds=60)
    assert await world.statuses(task_id) == {"only": "running"}
    assert await world.complete(present)


async def test_a_commit_whose_acknowledgement_was_lost_is_recognised(world: World) -> None:
    await world.ready(planned("only"))
    [mine] = await world.claim_next(world.claimant())
    assert await world.complete(mine)
    assert not await world.complete(mine)
    outcomes = await world.subtasks.outcomes([held(mine)], owner=mine.owner)
    assert outcomes == {mine.subtask_id: (mine.task_id, AttemptOutcome.COMPLETED)}


async def test_a_claim_whose_acknowledgement_was_lost_is_found_again(world: World) -> None:
    await world.ready(planned("only"))
    claimant = world.claimant()
    [mine] = await world.claim_next(claimant)
    assert await world.subtasks.open_attempts(claimant.owner) == [held(mine)]


async def test_the_third_loss_is_poison_and_a_person_may_retry(world: World) -> None:
    task_id = await world.ready(planned("only"))
    for _ in range(2):
        assert await world.claim_next(world.claimant())
        await world.expire()
        assert not await world.subtasks.poison(max_losses=3, grace_seconds=0)
        assert await world.subtasks.rescue(max_losses=3, grace_seconds=0)
    [third] = await world.claim_next(world.claimant())
    await world.expire()
    assert not await world.subtasks.rescue(max_losses=3, grace_seconds=0)
    assert await world.subtasks.poison(max_losses=3, grace_seconds=0) == [task_id]
    row = await world.pool.fetchrow("SELECT status, failure_kind, losses FROM subtasks")
    assert tuple(row or ()) == ("failed", "poison", 3)
    assert await world.subtasks.retry(task_id, third.subtask_id, attempt=3)
    assert await world.statuses(task_id) == {"only": "pending"}


async def test_a_rescuer_that_has_just_connected_judges_nobody(world: World) -> None:
    await world.ready(planned("only"))
    assert await world.claim_next(world.claimant())
    await world.expire()
    assert not await world.subtasks.rescue(max_losses=3, grace_seconds=60)
    assert await world.subtasks.rescue(max_losses=3, grace_seconds=0)


async def test_a_lease_that_was_renewed_is_not_rescued(world: World) -> None:
    await world.ready(planned("only"))
    [mine] = await world.claim_next(world.claimant())
    await world.expire()
    renewed = await world.subtasks.renew([held(mine)], owner=mine.owner, lease_seconds=60)
    assert renewed == {mine.subtask_id: Demand.NONE}
    assert not await world.subtasks.rescue(max_losses=3, grace_seconds=0)


async def test_an_expired_lease_that_nobody_took_may_still_be_settled(world: World) -> None:
    await world.ready(planned("only"))
    [mine] = await world.claim_next(world.claimant())
    await world.expire()
    assert await world.complete(mine)


async def test_a_late_plan_of_a_lost_lease_is_refused(world: World) -> None:
    task_id = await world.submit()
    late = await world.take(task_id)
    await world.pool.execute("UPDATE tasks SET step_lease_until = now() - interval '1 second'")
    other = uuid4()
    [taken] = await world.tasks.take_over(owner=other, lease_seconds=60, limit=5)
    assert taken.attempt == late.attempt + 1
    assert not await world.tasks.start(late, owner=world.owner, version=1)
    assert await world.tasks.start(taken, owner=other, version=1)
