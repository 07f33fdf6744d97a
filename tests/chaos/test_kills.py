"""Agents die, freeze and go deaf at the worst moments; no task may notice more than a delay."""

import asyncio
import random
from collections import Counter

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
from tests.chaos.watching import attempts, until, until_running
from tests.chaos.workloads import DIAMOND, shaped
from tests.chaos.zombies import rise
from tests.ledger_world import World, plan_of, planned

_BELLS = list_of("data_analysis", Band.NORMAL)
_TASKS = 12
_FAULTS = 22
_FAULT_SECONDS = 0.15


async def test_another_agent_completes_what_a_killed_one_held(
    world: World, pool: Pool, orchestrator: Author, agents: Agents
) -> None:
    victim = agents.start()
    task_id = await orchestrator.submit(plan_of(planned("long", estimated_duration=600)))
    await until_running(pool)
    agents.kill(victim)
    agents.start()
    await completed(world, task_id, within=24)
    assert await attempts(pool) == [("long", 1, "lost"), ("long", 2, "completed")]
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
    assert await attempts(pool) == [("only", 1, "completed")]


async def test_dying_right_after_the_claim_is_one_lost_attempt(
    world: World, pool: Pool, orchestrator: Author, agents: Agents
) -> None:
    agents.start()
    agents.start()
    task_id = await orchestrator.submit(plan_of(planned("fatal", description=DIE_ONCE)))
    await completed(world, task_id, within=18)
    assert await attempts(pool) == [("fatal", 1, "lost"), ("fatal", 2, "completed")]


async def test_dying_after_the_settle_before_its_bell_loses_nothing(
    world: World, pool: Pool, orchestrator: Author, agents: Agents
) -> None:
    deaf = agents.start(REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")  # its bell is never heard
    task_id = await orchestrator.submit(plan_of(planned("first"), planned("second", "first")))
    await until(pool, "SELECT status = 'completed' FROM subtasks WHERE key = 'first'")
    agents.kill(deaf)
    agents.start()
    await completed(world, task_id, within=18)
    assert ("first", 1, "completed") in await attempts(pool)
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
    assert {outcome for _, _, outcome in await attempts(pool)} == {"completed"}


@pytest.mark.parametrize("executor", ["Sleeper", "Sleepwalker"])
async def test_a_frozen_agents_late_result_is_refused(
    world: World, pool: Pool, orchestrator: Author, agents: Agents, executor: str
) -> None:
    frozen = agents.start(executor, AGENT_CONCURRENCY="1")
    task_id = await rise(pool, orchestrator, agents, frozen)
    await completed(world, task_id, within=15)
    await asyncio.sleep(0.3)  # the zombie has tried by now
    agents.assert_alive()
    assert await attempts(pool) == [("slow", 1, "lost"), ("slow", 2, "completed")]
    assert await pool.fetchval("SELECT summary FROM subtask_results") == "attempt 2 of slow"
    assert await broken_invariants(pool) == {}


async def _storm(agents: Agents, client: "redis.Redis", dice: random.Random) -> Counter[str]:
    """Faults one after the other; in the end three agents live and nobody sleeps."""
    faults = Counter[str]()
    async with asyncio.TaskGroup() as group:
        for _ in range(_FAULTS):
            await asyncio.sleep(dice.uniform(0.5, 1.5) * _FAULT_SECONDS)
            fault = dice.choices(("kill", "freeze", "forget"), (5, 3, 2))[0]
            faults[fault] += 1
            if fault == "kill":
                agents.kill(agents.alive[0])  # the oldest, which is the likeliest to hold something
                agents.start()
            elif fault == "freeze":
                group.create_task(agents.pause(dice.choice(agents.alive), dice.uniform(0.1, 2.2)))
            else:
                await client.flushall()
    return faults


async def test_a_storm_of_faults_leaves_every_task_completed(
    world: World,
    pool: Pool,
    orchestrator: Author,
    agents: Agents,
    redis_url: str,
    dice: random.Random,
) -> None:
    tasks = [
        await orchestrator.submit(shaped(DIAMOND, dice, 50, 300), user=f"user-{number % 3}")
        for number in range(_TASKS)
    ]
    for _ in range(3):
        agents.start()
    await until_running(pool)
    async with redis.Redis.from_url(redis_url) as client:
        faults = await _storm(agents, client, dice)
    await completed(world, *tasks, within=60)
    outcomes = Counter(outcome for _, _, outcome in await attempts(pool))
    print(f"faults {dict(faults)}, attempts {dict(outcomes)}")
    assert await broken_invariants(pool) == {}
    assert outcomes["completed"] == _TASKS * 6
    assert outcomes["lost"] > 0, "a storm that hits nothing proves nothing"
    agents.assert_alive()


@pytest.mark.parametrize("status", ["completed", "running", "blocked"])
async def test_the_invariants_notice_a_ledger_that_lies(
    world: World, pool: Pool, status: str
) -> None:
    await world.ready(planned("only"))
    assert await broken_invariants(pool) == {}
    await world.force(await pool.fetchval("SELECT id FROM subtasks"), status)
    assert await broken_invariants(pool) != {}
