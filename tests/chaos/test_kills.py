"""Agents die, freeze and go deaf at the worst moments; no task may notice more than a delay."""

import asyncio
import os
import random
import signal
from collections import Counter
from uuid import UUID

import pytest
import redis.asyncio as redis

from scripts.local_servers import free_port
from shared.database.connection import Pool
from shared.models import Band
from shared.queue import list_of
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.chaos.ending import broken_invariants, completed
from tests.chaos.executors import DIE_ONCE
from tests.ledger_world import World, plan_of, planned
from tests.ticks import ticks

_BELLS = list_of("data_analysis", Band.NORMAL)
_TASKS = 12
_STORM_SECONDS = 6.0
_FAULT_SECONDS = 0.15


async def _running(pool: Pool, count: int = 1) -> None:
    async with asyncio.timeout(5):
        async for _ in ticks():
            if await pool.fetchval("SELECT count(*) FROM attempts WHERE outcome IS NULL") >= count:
                break


async def _attempts(pool: Pool) -> list[tuple[str, int, str]]:
    rows = await pool.fetch(
        "SELECT s.key, a.attempt, a.outcome::text FROM attempts AS a"
        " JOIN subtasks AS s ON s.id = a.subtask_id ORDER BY s.key, a.attempt"
    )
    return [(row["key"], row["attempt"], row["outcome"]) for row in rows]


async def test_another_agent_completes_what_a_killed_one_held(
    world: World, pool: Pool, orchestrator: Author, agents: Agents
) -> None:
    victim = agents.start()
    task_id = await orchestrator.submit(plan_of(planned("long", estimated_duration=600)))
    await _running(pool)
    agents.kill(victim)
    agents.start()
    await completed(world, task_id, within=24)
    assert await _attempts(pool) == [("long", 1, "lost"), ("long", 2, "completed")]
    names = await pool.fetch("SELECT DISTINCT agent_id FROM attempts")
    assert len(names) == 2
    assert await broken_invariants(pool) == {}


async def test_dying_between_the_bell_and_the_claim_costs_no_attempt(
    world: World, pool: Pool, orchestrator: Author, agents: Agents, redis_url: str
) -> None:
    task_id = await orchestrator.submit(plan_of(planned("only")))
    async with redis.Redis.from_url(redis_url) as client, asyncio.timeout(3):
        assert await client.blpop([_BELLS], timeout=2)  # heard, and never acted on
    agents.start()
    await completed(world, task_id, within=9)
    assert await _attempts(pool) == [("only", 1, "completed")]


async def test_dying_right_after_the_claim_is_one_lost_attempt(
    world: World, pool: Pool, orchestrator: Author, agents: Agents
) -> None:
    agents.start()
    agents.start()
    task_id = await orchestrator.submit(plan_of(planned("fatal", description=DIE_ONCE)))
    await completed(world, task_id, within=18)
    assert await _attempts(pool) == [("fatal", 1, "lost"), ("fatal", 2, "completed")]


async def test_dying_after_the_settle_before_its_bell_loses_nothing(
    world: World, pool: Pool, orchestrator: Author, agents: Agents
) -> None:
    deaf = agents.start(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")  # its bell is never heard
    task_id = await orchestrator.submit(plan_of(planned("first"), planned("second", "first")))
    async with asyncio.timeout(5):
        async for _ in ticks():
            if (await world.statuses(task_id)).get("first") == "completed":
                break
    agents.kill(deaf)
    agents.start()
    await completed(world, task_id, within=18)
    assert ("first", 1, "completed") in await _attempts(pool)
    assert await broken_invariants(pool) == {}


async def test_redis_forgetting_everything_delays_and_loses_nothing(
    world: World, pool: Pool, orchestrator: Author, agents: Agents, redis_url: str
) -> None:
    agents.start()
    steps = [
        planned(f"s{n}", *([f"s{n - 1}"] if n else []), estimated_duration=50) for n in range(5)
    ]
    task_id = await orchestrator.submit(plan_of(*steps, *(planned(f"free{n}") for n in range(10))))
    async with redis.Redis.from_url(redis_url) as client, asyncio.TaskGroup() as group:
        waiting = group.create_task(completed(world, task_id, within=15))
        while not waiting.done():
            await client.flushall()
            await asyncio.sleep(0.05)
    assert {outcome for _, _, outcome in await _attempts(pool)} == {"completed"}


@pytest.mark.parametrize("executor", ["Sleeper", "Sleepwalker"])
async def test_a_frozen_agents_late_result_is_refused(
    world: World, pool: Pool, orchestrator: Author, agents: Agents, executor: str
) -> None:
    frozen = agents.start(executor, AGENT_CONCURRENCY="1")
    task_id = await orchestrator.submit(plan_of(planned("slow", estimated_duration=400)))
    await _running(pool)
    agents.send(frozen, signal.SIGSTOP)
    async with asyncio.timeout(5):
        async for _ in ticks():
            if await pool.fetchval("SELECT losses FROM subtasks"):
                break
    agents.start()
    async with asyncio.timeout(5):
        async for _ in ticks():
            if await pool.fetchval("SELECT attempt FROM subtasks") >= 2:
                break
    agents.send(frozen, signal.SIGCONT)
    await completed(world, task_id, within=15)
    await asyncio.sleep(0.3)  # the zombie has tried by now
    os.kill(frozen, 0)  # and lives
    assert await _attempts(pool) == [("slow", 1, "lost"), ("slow", 2, "completed")]
    assert await pool.fetchval("SELECT summary FROM subtask_results") == "attempt 2 of slow"
    assert await broken_invariants(pool) == {}


async def _submit_many(orchestrator: Author, dice: random.Random) -> list[UUID]:
    """Two roots, two in the middle, a join and a tail, each 50 to 300 ms of work."""
    shape = {"a": "", "b": "", "c": "a", "d": "ab", "e": "cd", "f": "e"}
    return [
        await orchestrator.submit(
            plan_of(
                *(
                    planned(key, *after, estimated_duration=dice.randint(50, 300))
                    for key, after in shape.items()
                )
            ),
            user=f"user-{number % 3}",
        )
        for number in range(_TASKS)
    ]


async def _storm(agents: Agents, client: "redis.Redis", dice: random.Random) -> Counter[str]:
    """Faults at random until the time is over; in the end three agents live and nobody sleeps."""
    loop, faults = asyncio.get_running_loop(), Counter[str]()
    for _ in range(3):
        agents.start()
    ends = loop.time() + _STORM_SECONDS
    async with asyncio.TaskGroup() as group:
        while loop.time() < ends:
            await asyncio.sleep(dice.uniform(0.5, 1.5) * _FAULT_SECONDS)
            fault = dice.choices(("kill", "freeze", "forget"), (5, 3, 2))[0]
            faults[fault] += 1
            victim = dice.choice(agents.alive)
            if fault == "kill":
                agents.kill(victim)
                agents.start()
            elif fault == "freeze":
                agents.send(victim, signal.SIGSTOP)
                group.create_task(_thaw(agents, victim, dice.uniform(0.1, 2.2)))
            else:
                await client.flushall()
    return faults


async def _thaw(agents: Agents, victim: int, seconds: float) -> None:
    await asyncio.sleep(seconds)
    if victim in agents.alive:  # the number of a dead one may belong to another by now
        agents.send(victim, signal.SIGCONT)


async def test_a_storm_of_faults_leaves_every_task_completed(
    world: World, pool: Pool, orchestrator: Author, agents: Agents, redis_url: str
) -> None:
    dice = random.Random(20_260_101)
    tasks = await _submit_many(orchestrator, dice)
    async with redis.Redis.from_url(redis_url) as client:
        faults = await _storm(agents, client, dice)
    await completed(world, *tasks, within=60)
    outcomes = Counter(outcome for _, _, outcome in await _attempts(pool))
    print(f"faults {dict(faults)}, attempts {dict(outcomes)}")
    assert await broken_invariants(pool) == {}
    assert outcomes["completed"] == _TASKS * 6
    assert outcomes["lost"] > 0, "a storm that hits nothing proves nothing"
    for pid in agents.alive:
        os.kill(pid, 0)  # none of the survivors fell over a fault of others


@pytest.mark.parametrize("status", ["completed", "running", "blocked"])
async def test_the_invariants_notice_a_ledger_that_lies(
    world: World, pool: Pool, status: str
) -> None:
    await world.ready(planned("only"))
    assert await broken_invariants(pool) == {}
    await world.force(await pool.fetchval("SELECT id FROM subtasks"), status)
    assert await broken_invariants(pool) != {}
