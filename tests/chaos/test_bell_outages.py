"""Valkey is killed and forgets every bell: the ledger goes on being worked, with a delay."""

import asyncio
import random
from collections.abc import AsyncIterator

import pytest
import redis.asyncio as redis

from scripts.local_servers import LocalValkey, throwaway_folder
from shared.database.connection import Pool
from shared.queue import ACTIVE
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.chaos.ending import broken_invariants, completed
from tests.chaos.mortal import crash
from tests.chaos.watching import attempts, until_running
from tests.chaos.workloads import CHAIN, DIAMOND, PAIR, shaped
from tests.ledger_world import World
from tests.ticks import ticks

_AWAY_SECONDS = 1.5


@pytest.fixture
async def valkey() -> AsyncIterator[LocalValkey]:
    """A server of this test's own that remembers nothing."""
    with throwaway_folder() as folder:
        async with LocalValkey(folder, durable=False) as server:
            yield server


@pytest.fixture
def redis_url(valkey: LocalValkey) -> str:
    """The bells on that server."""
    return valkey.url


async def _all_are_back(valkey: LocalValkey, agents: Agents) -> None:
    """Wait until every agent has told a server that knew nothing that it is there."""
    async with redis.Redis.from_url(valkey.url) as client:
        async for _ in ticks(within=5):
            if await client.scard(ACTIVE) == agents.started:
                break


async def test_bells_that_are_away_for_a_while_delay_and_lose_nothing(
    world: World,
    pool: Pool,
    orchestrator: Author,
    agents: Agents,
    valkey: LocalValkey,
    dice: random.Random,
) -> None:
    for _ in range(2):
        agents.start()
    before = [await orchestrator.submit(shaped(DIAMOND, dice, 50, 300)) for _ in range(3)]
    await until_running(pool, 2)
    await asyncio.sleep(dice.uniform(0.1, 0.5))
    await crash(valkey)
    during = [await orchestrator.submit(shaped(CHAIN, dice, 50, 100)) for _ in range(2)]
    await asyncio.sleep(_AWAY_SECONDS)
    await valkey.start()
    await _all_are_back(valkey, agents)
    after = await orchestrator.submit(shaped(CHAIN, dice, 50, 100))
    await completed(world, *before, *during, after, within=20)
    assert {outcome for _, _, outcome in await attempts(pool)} == {"completed"}
    assert await broken_invariants(pool) == {}
    agents.assert_alive()


async def test_bells_that_never_come_back_delay_and_lose_nothing(
    world: World,
    pool: Pool,
    orchestrator: Author,
    agents: Agents,
    valkey: LocalValkey,
    dice: random.Random,
) -> None:
    for _ in range(2):
        agents.start()
    before = await orchestrator.submit(shaped(PAIR, dice, 50, 100))
    await until_running(pool)
    await crash(valkey)
    after = await orchestrator.submit(shaped(PAIR, dice, 50, 100))
    await completed(world, before, after, within=30)
    assert {outcome for _, _, outcome in await attempts(pool)} == {"completed"}
    assert await broken_invariants(pool) == {}
    agents.assert_alive()
