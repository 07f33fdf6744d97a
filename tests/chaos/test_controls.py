"""Broken on purpose: a harness that cannot see these faults would prove nothing by its silence."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
import redis.asyncio as redis

from shared.background import running
from shared.database.connection import Pool
from shared.queue import Doorbell
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.chaos.ending import broken_invariants, completed
from tests.chaos.loops import Pace, Place, dispatching, orchestrating
from tests.chaos.mutants import LISTS, Believer
from tests.chaos.watching import attempts, until
from tests.chaos.workloads import CHAIN, shaped
from tests.chaos.zombies import rise
from tests.ledger_world import World

_NOBODY_LOOKS = Pace(sweep=3600)
_TASKS = 6


async def test_without_the_fence_a_late_result_breaks_the_ledger(
    world: World, pool: Pool, orchestrator: Author, agents: Agents
) -> None:
    unfenced = agents.start(AGENT_CONCURRENCY="1", AGENT_EXECUTOR="tests.chaos.mutants:Unfenced")
    task_id = await rise(pool, orchestrator, agents, unfenced, milliseconds=1200)
    await completed(world, task_id, within=15)
    assert len(await attempts(pool)) == 2
    assert "completed_without_a_result" in await broken_invariants(pool)


@asynccontextmanager
async def _rung_once(
    pool: Pool, place: Place, dice: random.Random, believer: Believer
) -> AsyncIterator[list[UUID]]:
    """Tasks that are worked by bells alone while the block runs; each was rung for once."""
    author, tasks = Author(pool), list[UUID]()
    async with (
        dispatching(pool, author, place, _NOBODY_LOOKS),
        Doorbell(place.redis_url) as doorbell,
        running(believer.run()),
    ):
        for _ in range(_TASKS):
            tasks.append(await author.submit(shaped(CHAIN, dice, 1, 50)))
            await doorbell.ring_submission(tasks[-1])
            await until(pool, "SELECT plan_version FROM tasks WHERE id = $1", tasks[-1])
        yield tasks


async def test_bells_alone_do_while_none_is_lost(
    world: World, pool: Pool, place: Place, dice: random.Random
) -> None:
    believer = Believer(world, place.redis_url, dice, deaths=0)
    async with _rung_once(pool, place, dice, believer) as tasks:
        await completed(world, *tasks, within=10)


async def test_lost_bells_leave_tasks_open_until_somebody_looks_at_the_ledger(
    world: World, pool: Pool, place: Place, agents: Agents, dice: random.Random
) -> None:
    believer = Believer(world, place.redis_url, dice, deaths=0.3)
    async with _rung_once(pool, place, dice, believer) as tasks:
        with pytest.raises(TimeoutError):
            await completed(world, *tasks, within=1.5)
    assert believer.died > 0
    async with redis.Redis.from_url(place.redis_url) as client:
        assert await client.exists(*LISTS) == 0  # nobody will ever hear of these any more
    agents.start()
    async with orchestrating(pool, Author(pool), place, Pace()):
        await completed(world, *tasks, within=15)
    assert await broken_invariants(pool) == {}
