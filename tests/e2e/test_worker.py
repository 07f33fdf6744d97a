"""An agent's loop on a real ledger and Valkey, with a body that the test plays."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from uuid import UUID

import pytest
import redis.asyncio as redis

from agent.heartbeat import Lease
from agent.outcome import Cancelled, Completed, Failed, Outcome, Released, Spent
from agent.settle import Settlement, Settler
from scripts.local_servers import free_port
from shared.background import running
from shared.database.connection import Pool
from shared.database.subtasks import Held, SubtaskLedger
from shared.models import (
    AgentResult,
    Assignment,
    CheckResult,
    FileEntry,
    ModelUsage,
    Round,
    Verification,
)
from shared.queue import Doorbell
from shared.states import FailureKind
from tests.callers import subscribed
from tests.ledger_world import World, held, planned
from tests.ticks import ticks
from tests.worker_world import DONE, at_once, for_ever, working_agent

BEFORE_RENEWAL = 5.0  # an agent of these tests looks at its leases every ten seconds

USAGE = ModelUsage(model="m", input_tokens=70, output_tokens=7, cost_usd=Decimal("0.0123"))
PAID = [("m", "agent", 70, 7, Decimal("0.0123"), True, 1)]


async def _paid(pool: Pool) -> list[tuple[object, ...]]:
    """What the ledger holds of costs."""
    rows = await pool.fetch(
        "SELECT model, purpose::text, input_tokens, output_tokens, cost_usd, simulated, attempt"
        " FROM model_calls"
    )
    return [tuple(row) for row in rows]


async def _until(world: World, task_id: UUID, status: str, *, within: float = 5) -> None:
    async with asyncio.timeout(within):
        async for _ in ticks():
            if set((await world.statuses(task_id)).values()) == {status}:
                break


async def _outcomes(pool: Pool) -> list[str | None]:
    rows = await pool.fetch("SELECT outcome::text FROM attempts ORDER BY attempt")
    return [row["outcome"] for row in rows]


async def test_it_completes_what_it_claims(world: World, pool: Pool, redis_url: str) -> None:
    async with working_agent(pool, redis_url, at_once) as agent:
        task_id = await world.ready(*(planned(f"n{number}") for number in range(5)))
        await _until(world, task_id, "completed")
        async for _ in ticks():  # the ledger knows before the worker has counted
            if not agent.worker.running:
                break
        assert agent.worker.completed == 5
        assert await agent.doorbell.depth("agent_results")


async def test_an_executors_bug_fails_its_attempt_alone(
    world: World, pool: Pool, redis_url: str
) -> None:
    async def body(assignment: Assignment) -> Outcome:
        if assignment.key == "bad":
            raise ZeroDivisionError("secret detail")
        return DONE

    task_id = await world.ready(planned("bad"), planned("good"))
    async with working_agent(pool, redis_url, body), asyncio.timeout(5):
        async for _ in ticks():
            if not (set((await world.statuses(task_id)).values()) & {"queued", "running"}):
                break
    assert await world.statuses(task_id) == {"bad": "failed", "good": "completed"}
    error = await pool.fetchval("SELECT error FROM subtasks WHERE key = 'bad'")
    assert error == "internal error: ZeroDivisionError"


async def test_a_fenced_attempt_is_stopped_and_writes_nothing(
    world: World, pool: Pool, redis_url: str
) -> None:
    async with working_agent(pool, redis_url, for_ever, lease=1.2, slots=1) as agent:
        agent.executor.spent = Spent((USAGE,))
        task_id = await world.ready(planned("only"))
        await agent.executor.began.wait()
        agent.worker.stop()  # or it would claim what was taken from it
        await world.expire()
        assert await world.subtasks.rescue(max_losses=3, grace_seconds=0) == [task_id]
        async with asyncio.timeout(2):
            await agent.executor.stopped.wait()
            async for _ in ticks():
                if not agent.worker.running:
                    break
    assert await world.statuses(task_id) == {"only": "queued"}
    assert await _outcomes(pool) == ["lost"]
    assert await _paid(pool) == []


async def test_work_taken_away_and_won_again_runs_once(
    world: World, pool: Pool, redis_url: str
) -> None:
    may_end = asyncio.Event()

    async def body(_: Assignment) -> Outcome:
        await may_end.wait()
        return DONE

    async with working_agent(pool, redis_url, body, slots=2) as agent:
        task_id = await world.ready(planned("only"))
        await agent.executor.began.wait()
        await world.expire()
        assert await world.subtasks.rescue(max_losses=3, grace_seconds=0)
        async with asyncio.timeout(2):
            await agent.executor.stopped.wait()  # by the second claim, long before any renewal
        may_end.set()
        await _until(world, task_id, "completed")
    assert await _outcomes(pool) == ["lost", "completed"]


async def test_a_cancel_stops_it_at_once(world: World, pool: Pool, redis_url: str) -> None:
    async with working_agent(pool, redis_url, for_ever) as agent:
        task_id = await world.ready(planned("only"))
        await agent.executor.began.wait()
        await subscribed(redis_url)
        await pool.execute("UPDATE tasks SET cancel_requested = true")
        await agent.doorbell.call_stopped(task_id)
        async with asyncio.timeout(BEFORE_RENEWAL):
            await agent.executor.stopped.wait()
        await _until(world, task_id, "cancelled", within=BEFORE_RENEWAL)
    assert await _outcomes(pool) == ["cancelled"]


async def test_a_drain_lets_it_finish(world: World, pool: Pool, redis_url: str) -> None:
    async def body(_: Assignment) -> Outcome:
        await asyncio.sleep(0.3)
        return DONE

    task_id = await world.ready(planned("first"), planned("later"))
    async with working_agent(pool, redis_url, body, slots=1, drain=5) as agent:
        await agent.executor.began.wait()
    statuses = await world.statuses(task_id)
    assert sorted(statuses.values()) == ["completed", "queued"]


async def test_a_drain_gives_back_what_does_not_finish_uncounted(
    world: World, pool: Pool, redis_url: str
) -> None:
    task_id = await world.ready(planned("only"))
    async with working_agent(pool, redis_url, for_ever, drain=0.1) as agent:
        await agent.executor.began.wait()
    assert agent.executor.stopped.is_set()
    assert await world.statuses(task_id) == {"only": "queued"}
    assert await _outcomes(pool) == ["released"]
    assert await pool.fetchval("SELECT losses FROM subtasks") == 0


async def test_it_works_without_any_redis(world: World, pool: Pool) -> None:
    async with working_agent(pool, f"redis://127.0.0.1:{free_port()}/0", at_once) as agent:
        task_id = await world.ready(*(planned(f"n{number}") for number in range(4)))
        await _until(world, task_id, "completed")
        assert not agent.doorbell.connected


async def test_it_works_on_when_redis_forgets_everything(
    world: World, pool: Pool, redis_url: str
) -> None:
    async def body(_: Assignment) -> Outcome:
        await asyncio.sleep(0.05)
        return DONE

    async with redis.Redis.from_url(redis_url) as client, working_agent(pool, redis_url, body):
        task_id = await world.ready(*(planned(f"n{number}") for number in range(10)))
        for _ in range(5):
            await client.flushall()
            await asyncio.sleep(0.04)
        await _until(world, task_id, "completed")


@pytest.mark.parametrize("ending", ["cancelled", "released"])
async def test_what_a_stopped_attempt_spent_is_in_the_ledger(
    ending: str, world: World, pool: Pool, redis_url: str
) -> None:
    async with working_agent(pool, redis_url, for_ever) as agent:
        agent.executor.spent = Spent((USAGE,), Verification(rounds=(Round(number=0),)))
        task_id = await world.ready(planned("only"))
        await agent.executor.began.wait()
        await subscribed(redis_url)
        if ending == "cancelled":
            await world.tasks.request_cancel(task_id)
        else:
            assert await world.tasks.pause(task_id, "user", releases=True)
        await agent.doorbell.call_stopped(task_id)
        async with asyncio.timeout(BEFORE_RENEWAL):
            async for _ in ticks():
                if not agent.worker.running:
                    break
    assert await _outcomes(pool) == [ending]
    assert await _paid(pool) == PAID
    record = await pool.fetchval("SELECT verification FROM attempts")
    assert [each["number"] for each in record["rounds"]] == [0]


async def test_what_a_drained_attempt_spent_is_in_the_ledger(
    world: World, pool: Pool, redis_url: str
) -> None:
    await world.ready(planned("only"))
    async with working_agent(pool, redis_url, for_ever, drain=0.1) as agent:
        agent.executor.spent = Spent((USAGE,))
        await agent.executor.began.wait()
    assert await _outcomes(pool) == ["released"]
    assert await _paid(pool) == PAID


async def test_what_an_attempt_with_a_bug_spent_is_in_the_ledger(
    world: World, pool: Pool, redis_url: str
) -> None:
    async def body(_: Assignment) -> Outcome:
        raise ZeroDivisionError

    async with working_agent(pool, redis_url, body) as agent:
        agent.executor.spent = Spent((USAGE,))
        task_id = await world.ready(planned("only"))
        await _until(world, task_id, "failed")
    assert await _paid(pool) == PAID


async def test_a_lease_that_is_taken_away_too_late_keeps_what_was_spent() -> None:
    record = Verification()

    async def body() -> Outcome:
        lease.stop(Cancelled())
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            return Failed(FailureKind.TRANSPORT, "it was cut off", (USAGE,), record)
        return DONE

    lease = Lease(Held(UUID(int=0), 1))
    assert await lease.run(body()) == Cancelled((USAGE,), record)


@asynccontextmanager
async def _settler(pool: Pool, redis_url: str, owner: UUID) -> AsyncIterator[Settler]:
    async with Doorbell(redis_url) as doorbell:
        settler = Settler(SubtaskLedger(pool), doorbell, owner=owner, simulated=True)
        async with running(settler.run()):
            yield settler


async def _claimed(world: World, count: int) -> list[Assignment]:
    await world.ready(*(planned(f"n{number}") for number in range(count)))
    return await world.claim_next(world.claimant(), limit=count)


def _settlement(assignment: Assignment, outcome: Outcome) -> Settlement:
    return Settlement(held(assignment), assignment.task_id, outcome)


async def test_settlesat_once_share_their_statements(
    world: World, pool: Pool, redis_url: str
) -> None:
    mine = await _claimed(world, 50)
    async with _settler(pool, redis_url, mine[0].owner) as settler:
        accepted = await asyncio.gather(*(settler.settle(_settlement(item, DONE)) for item in mine))
    assert accepted == [True] * 50
    commits = "SELECT count(DISTINCT finished_at) FROM attempts WHERE outcome = 'completed'"
    assert await pool.fetchval(commits) <= 3  # one transaction has one time


async def test_text_that_postgresql_cannot_hold_is_cleaned(
    world: World, pool: Pool, redis_url: str
) -> None:
    [mine] = await _claimed(world, 1)
    result = AgentResult(summary="a\x00b", output={"k\x00": ["\ud83d", "fine"]})
    async with _settler(pool, redis_url, mine.owner) as settler:
        assert await settler.settle(_settlement(mine, Completed(result)))
    row = await pool.fetchrow("SELECT summary, output FROM subtask_results")
    assert tuple(row or ()) == ("ab", {"k": ["?", "fine"]})


async def test_a_result_that_cannot_be_stored_fails_alone(
    world: World, pool: Pool, redis_url: str
) -> None:
    bad, good, failed, freed, stopped = await _claimed(world, 5)
    unaffordable = ModelUsage(model="m", cost_usd=Decimal(10) ** 12)
    outcomes: list[tuple[Assignment, Outcome]] = [
        (bad, Completed(AgentResult(summary="too dear"), usage=(unaffordable,))),
        (failed, Failed(FailureKind.CHECKS, "its own reason")),
        (freed, Released()),
        (stopped, Cancelled()),
        (good, DONE),
    ]
    for group in (outcomes[:4], outcomes[4:]):  # alone of its kind, and beside others
        async with _settler(pool, redis_url, bad.owner) as settler, asyncio.timeout(5):
            accepted = await asyncio.gather(
                *(settler.settle(_settlement(item, outcome)) for item, outcome in group)
            )
        assert all(accepted)
    statuses = await world.statuses(bad.task_id)
    ended = [statuses[item.key] for item in (bad, failed, freed, stopped, good)]
    assert ended == ["failed", "failed", "queued", "cancelled", "completed"]
    errors = "SELECT error FROM attempts WHERE subtask_id = $1"
    assert "could not be stored" in await pool.fetchval(errors, bad.subtask_id)
    assert await pool.fetchval(errors, failed.subtask_id) == "its own reason"


async def test_what_a_result_cost_that_cannot_be_stored_is_in_the_ledger(
    world: World, pool: Pool, redis_url: str
) -> None:
    [mine] = await _claimed(world, 1)
    endless = FileEntry(path="a.bin", size=1 << 70, sha256="0" * 64)
    record = Verification(rounds=(Round(number=0),))
    done = Completed(AgentResult(summary="too large"), (endless,), (USAGE,), record)
    async with _settler(pool, redis_url, mine.owner) as settler, asyncio.timeout(5):
        assert await settler.settle(_settlement(mine, done))
    assert await world.statuses(mine.task_id) == {mine.key: "failed"}
    assert await _paid(pool) == PAID
    kept = await pool.fetchval("SELECT verification FROM attempts")
    assert Verification.model_validate(kept) == record


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        (lambda *spent: Failed(FailureKind.CHECKS, "its own reason", *spent), "failed"),
        (Cancelled, "cancelled"),
    ],
)
async def test_an_end_whose_record_cannot_be_stored_is_stored_without_it(
    kind: Callable[..., Outcome], ending: str, world: World, pool: Pool, redis_url: str
) -> None:
    [mine] = await _claimed(world, 1)
    endless = CheckResult(
        position=0,
        source="plan",
        kind="command",
        what="make",
        outcome="failed",
        vacuous=False,
        seconds=float("inf"),
    )
    record = Verification(rounds=(Round(number=0, checks=(endless,)),))
    async with _settler(pool, redis_url, mine.owner) as settler, asyncio.timeout(5):
        assert await settler.settle(_settlement(mine, kind((USAGE,), record)))
    row = await pool.fetchrow("SELECT outcome::text, error, verification FROM attempts")
    reason = "its own reason" if ending == "failed" else None
    assert tuple(row or ()) == (ending, reason, None)
    assert await _paid(pool) == PAID


async def test_one_bad_result_among_alike_fails_alone(
    world: World, pool: Pool, redis_url: str
) -> None:
    mine = await _claimed(world, 6)
    unaffordable = ModelUsage(model="m", cost_usd=Decimal(10) ** 12)
    bad = Completed(AgentResult(summary="too dear"), usage=(unaffordable,))
    async with _settler(pool, redis_url, mine[0].owner) as settler, asyncio.timeout(5):
        assert all(
            await asyncio.gather(
                *(
                    settler.settle(_settlement(item, bad if number == 3 else DONE))
                    for number, item in enumerate(mine)
                )
            )
        )
    statuses = await world.statuses(mine[0].task_id)
    assert [statuses[item.key] for item in mine].count("completed") == 5
    assert statuses[mine[3].key] == "failed"


async def test_a_settle_outlasts_lost_connections(world: World, pool: Pool, redis_url: str) -> None:
    mine = await _claimed(world, 20)
    kill = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )

    async def torment() -> None:
        for _ in range(10):
            await pool.execute(kill)
            await asyncio.sleep(0.02)

    async def settle(settler: Settler, number: int, item: Assignment) -> bool:
        await asyncio.sleep(number * 0.01)
        return await settler.settle(_settlement(item, DONE))

    async with (
        asyncio.timeout(10),
        _settler(pool, redis_url, mine[0].owner) as settler,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(torment())
        settled = [
            group.create_task(settle(settler, number, item)) for number, item in enumerate(mine)
        ]
    assert all(task.result() for task in settled)
    assert await _outcomes(pool) == ["completed"] * 20


async def test_a_pause_that_releases_gives_it_back_at_once(
    world: World, pool: Pool, redis_url: str
) -> None:
    async with working_agent(pool, redis_url, for_ever) as agent:
        task_id = await world.ready(planned("only"))
        await agent.executor.began.wait()
        await subscribed(redis_url)
        assert await world.tasks.pause(task_id, "user", releases=True)
        await agent.doorbell.call_stopped(task_id)
        await _until(world, task_id, "queued", within=BEFORE_RENEWAL)
        assert agent.executor.stopped.is_set()
        assert await world.claim_next(world.claimant()) == []
    assert await _outcomes(pool) == ["released"]


async def test_one_cancelled_subtask_stops_and_its_neighbour_goes_on(
    world: World, pool: Pool, redis_url: str
) -> None:
    may_end = asyncio.Event()

    async def body(_: Assignment) -> Outcome:
        await may_end.wait()
        return DONE

    async with working_agent(pool, redis_url, body) as agent:
        task_id = await world.ready(planned("one"), planned("other"))
        await _until(world, task_id, "running")
        await subscribed(redis_url)
        subtask = await pool.fetchval("SELECT id FROM subtasks WHERE key = 'one'")
        assert await world.subtasks.request_cancel(task_id, subtask)
        await agent.doorbell.call_stopped(task_id)
        async with asyncio.timeout(BEFORE_RENEWAL):
            await agent.executor.stopped.wait()
        may_end.set()
        async for _ in ticks():
            if "running" not in (await world.statuses(task_id)).values():
                break
        assert await world.statuses(task_id) == {"one": "cancelled", "other": "completed"}
