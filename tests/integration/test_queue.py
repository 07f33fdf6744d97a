"""The doorbell over a real Valkey: who hears what, and what its absence costs."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from itertools import chain, combinations
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis.asyncio as redis
import structlog

from scripts.local_servers import LocalValkey
from shared.database.connection import Pool
from shared.database.subtasks import Delivery, route_of
from shared.models import Band, Capability, Presence
from shared.queue import (
    ACTIVE,
    CANCELS,
    PRESENCE_SECONDS,
    RESULTS,
    SUBMISSIONS,
    Attendees,
    Calls,
    Doorbell,
    Ear,
    list_of,
    lists_for,
)
from tests.api_world import dispatching
from tests.callers import subscribed
from tests.ledger_world import World, planned
from tests.ticks import ticks

BOUND = 256
GARBAGE = ("", "not-an-id", "{}", f"{uuid4()} ", "0" * 200_000, "\x00", "漢", b"\xff\xfe")
HIGH, NORMAL, LOW = (list_of("data_analysis", band) for band in Band)


@pytest.fixture
async def raw(redis_url: str) -> AsyncIterator["redis.Redis"]:
    """Somebody else on the same server."""
    async with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def doorbell(redis_url: str) -> AsyncIterator[Doorbell]:
    """The bells."""
    async with Doorbell(redis_url) as doorbell:
        yield doorbell


@pytest.fixture
async def ear(redis_url: str) -> AsyncIterator[Ear]:
    """An agent that can analyse data."""
    ear = Ear(redis_url, lists_for(["data_analysis"]))
    yield ear
    await ear.close()


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[LocalValkey]:
    """A server that a test may stop."""
    async with LocalValkey(tmp_path, durable=False) as valkey:
        yield valkey


def now() -> float:
    """The loop's clock."""
    return asyncio.get_running_loop().time()


def delivery(band: Band = Band.NORMAL, route: str = "data_analysis") -> Delivery:
    """A subtask that became claimable."""
    return Delivery(uuid4(), route, band)


def presence(name: str, **changes: Any) -> Presence:
    """What an agent says of itself."""
    return Presence(
        agent_id=name,
        profile="tester",
        url="http://127.0.0.1:1",
        capabilities=(Capability.DATA_ANALYSIS,),
        slots=2,
        started_at=datetime.now(UTC),
    ).model_copy(update=changes)


def test_an_agent_listens_to_every_subset_of_what_it_can_do_bands_first() -> None:
    routes = ["a", "b", "c", "a+b", "a+c", "b+c", "a+b+c"]
    expected = [f"agent_tasks:{route}:{band}" for band in Band for route in routes]
    assert lists_for(["c", "a", "b", "a"]) == expected
    assert lists_for([]) == []


def test_a_subtask_is_announced_where_those_listen_who_can_do_it() -> None:
    every = list(chain.from_iterable(combinations("abcd", size) for size in range(1, 5)))
    for can in every:
        heard = lists_for(can)
        for needs in every:
            assert (list_of(route_of(needs), Band.LOW) in heard) == (set(needs) <= set(can))


async def test_a_ring_is_one_push_a_list(doorbell: Doorbell, raw: "redis.Redis") -> None:
    await raw.config_resetstat()
    await doorbell.ring([delivery(band, route) for band in Band for route in "ab" for _ in "12345"])
    await doorbell.ring_results([uuid4() for _ in range(5)])
    assert (await raw.info("commandstats"))["cmdstat_rpush"]["calls"] == 7
    assert await doorbell.depth(list_of("a", Band.HIGH)) == 5
    assert await doorbell.depth(RESULTS) == 5


async def test_nothing_to_say_is_not_said(doorbell: Doorbell, raw: "redis.Redis") -> None:
    await raw.config_resetstat()
    await doorbell.ring([])
    await doorbell.ring_results([])
    assert set(await raw.info("commandstats")) <= {"cmdstat_config|resetstat", "cmdstat_info"}


async def test_lists_stay_short_and_keep_the_newest(doorbell: Doorbell, ear: Ear) -> None:
    first, second = ([delivery() for _ in range(2 * BOUND - 10)] for _ in range(2))
    for deliveries in (first, second, first[:10]):
        await doorbell.ring(deliveries)
    assert await doorbell.depth(NORMAL) == BOUND
    newest = [str(each.subtask_id) for each in [*second, *first[:10]][-BOUND:]]
    assert await ear.wait(1, most=2 * BOUND) == newest
    await doorbell.ring_results(uuid4() for _ in range(3 * BOUND))
    for _ in range(BOUND + 5):
        await doorbell.ring_submission(uuid4())
    assert await doorbell.depth(RESULTS) == await doorbell.depth(SUBMISSIONS) == BOUND


async def test_an_ear_hears_its_lists_urgent_bands_first(doorbell: Doorbell, ear: Ear) -> None:
    bells = {band: [delivery(band) for _ in range(3)] for band in Band}
    foreign = delivery(Band.HIGH, "web_scraping")
    await doorbell.ring([*bells[Band.LOW], *bells[Band.NORMAL], *bells[Band.HIGH], foreign])
    ids = {band: [str(each.subtask_id) for each in bells[band]] for band in Band}
    assert await ear.wait(1, most=1) == ids[Band.HIGH][:1]
    assert await ear.wait(1, most=64) == ids[Band.HIGH][1:]
    assert await ear.wait(1, most=2) == ids[Band.NORMAL][:2]
    assert await ear.wait(1) == ids[Band.NORMAL][2:]
    assert await ear.wait(1) == ids[Band.LOW]
    assert await ear.wait(0.01) == []
    assert await doorbell.depth(list_of("web_scraping", Band.HIGH)) == 1


async def test_an_ear_that_hears_nothing_says_so_in_time(ear: Ear) -> None:
    began = now()
    assert await ear.wait(0.1) == []
    assert 0.09 <= now() - began < 1


async def test_an_ear_wakes_with_the_bell(doorbell: Doorbell, ear: Ear) -> None:
    bell, began = delivery(Band.LOW), now()
    heard, _ = await asyncio.gather(ear.wait(10), doorbell.ring([bell]))
    assert heard == [str(bell.subtask_id)]
    assert now() - began < 1


async def test_each_bell_is_heard_by_one_ear(doorbell: Doorbell, redis_url: str) -> None:
    ears = [Ear(redis_url, [NORMAL]) for _ in range(4)]
    bells = [delivery() for _ in range(40)]

    async def listen(ear: Ear) -> list[str]:
        heard = []
        while some := await ear.wait(0.1, most=3):
            heard += some
        await ear.close()
        return heard

    lists, _ = await asyncio.gather(asyncio.gather(*map(listen, ears)), doorbell.ring(bells))
    assert sorted(chain.from_iterable(lists)) == sorted(str(bell.subtask_id) for bell in bells)


async def test_a_wait_that_the_server_overstays_loses_no_bell(valkey: LocalValkey) -> None:
    """A pop that is given up on its way takes an element that nobody hears."""
    assert valkey.child is not None
    assert valkey.child.pid is not None
    async with Doorbell(valkey.url) as doorbell:
        ear = Ear(valkey.url, [NORMAL])
        assert await ear.wait(0.01) == []
        bell = delivery()
        await doorbell.ring([bell])
        os.kill(valkey.child.pid, signal.SIGSTOP)
        try:
            waiting = asyncio.create_task(ear.wait(0.05))
            done, _ = await asyncio.wait([waiting], timeout=0.3)
        finally:
            os.kill(valkey.child.pid, signal.SIGCONT)
        assert not done
        assert await waiting == [str(bell.subtask_id)]
        await ear.close()


async def test_a_wait_ends_with_its_process(doorbell: Doorbell, ear: Ear) -> None:
    waiting = asyncio.create_task(ear.wait(10))
    await asyncio.sleep(0.05)
    waiting.cancel()
    done, _ = await asyncio.wait([waiting], timeout=1)
    assert done
    assert waiting.cancelled()
    bell = delivery()
    await doorbell.ring([bell])
    assert await ear.wait(1) == [str(bell.subtask_id)]


async def test_an_ear_outlives_the_server(valkey: LocalValkey) -> None:
    ear = Ear(valkey.url, [NORMAL])
    waiting = asyncio.create_task(ear.wait(0.3))
    await asyncio.sleep(0.05)
    await valkey.stop()
    began = now()
    assert await waiting == []
    assert now() - began > 0.1, "a server that goes is no reason to come back early and spin"
    began = now()
    assert await ear.wait(0.1) == []
    assert now() - began >= 0.1
    await valkey.start()
    async with Doorbell(valkey.url) as doorbell:
        bell = delivery()
        await doorbell.ring([bell])
    assert await ear.wait(1) == [str(bell.subtask_id)]
    await ear.close()


async def test_a_server_that_is_away_troubles_nobody_who_rings(valkey: LocalValkey) -> None:
    async with Doorbell(valkey.url) as doorbell:
        assert await doorbell.ping()
        await valkey.stop()
        with structlog.testing.capture_logs() as logged:
            await doorbell.ring([delivery()])
            await doorbell.ring_results([uuid4()])
            await doorbell.ring_submission(uuid4())
            await doorbell.call_stopped(uuid4())
            await doorbell.appear(presence("one"))
            await doorbell.disappear("one")
            assert await doorbell.present() is None
            assert await doorbell.depth(RESULTS) is None
            assert not await doorbell.ping()
            assert not doorbell.connected
            await valkey.start()
            assert await doorbell.ping()
            assert doorbell.connected
            await doorbell.ring_results([uuid4()])
            assert await doorbell.depth(RESULTS) == 1
        assert [line["event"].split(";")[0] for line in logged] == [
            "redis is away",
            "redis is back",
        ]


async def test_an_agent_is_seen_until_it_falls_silent_or_leaves(
    doorbell: Doorbell, raw: "redis.Redis"
) -> None:
    assert await doorbell.present() == Attendees(frozenset(), {})
    agents = {name: presence(name, running=("a", "b")) for name in ("one", "two", "three")}
    for agent in agents.values():
        await doorbell.appear(agent)
    found = await doorbell.present()
    assert found is not None
    assert {name: told for name, (told, _) in found.told.items()} == agents
    assert all(0 <= age < 1 for _, age in found.told.values())
    await doorbell.appear(presence("one", draining=True, completed=7))
    await raw.pexpire("agent:two", PRESENCE_SECONDS * 1000 - 20_000)
    await raw.pexpire("agent:three", 1)
    await asyncio.sleep(0.01)
    found = await doorbell.present()
    assert found is not None
    assert set(found.told) == {"one", "two"}
    assert found.members == set(agents), "who falls silent did not say goodbye"
    one, two = found.told["one"], found.told["two"]
    assert (one[0].draining, one[0].completed) == (True, 7)
    assert 20 <= two[1] < 21
    await doorbell.disappear("one")
    await doorbell.disappear("nobody")
    found = await doorbell.present()
    assert found is not None
    assert found.members == {"two", "three"}
    assert list(found.told) == ["two"]
    assert not await raw.exists("agent:one")
    assert not await raw.sismember(ACTIVE, "one")


async def test_presence_that_is_not_understood_hides_nobody(
    doorbell: Doorbell, raw: "redis.Redis"
) -> None:
    await doorbell.appear(presence("ours"))
    await doorbell.appear(presence("newer"))
    await raw.hset("agent:newer", "mood", "not even JSON")
    for name, told in (("older", '"older"'), ("garbled", "{"), ("strange", "[1]")):
        await raw.hset(f"agent:{name}", "agent_id", told)
        await raw.sadd(ACTIVE, name)
    await raw.sadd(ACTIVE, "without-a-word", "漢 \n", b"\xff\xfe")
    await raw.hset("agent:older", b"\xff", b"\xff")
    found = await doorbell.present()
    assert found is not None
    assert set(found.told) == {"ours", "newer"}


async def test_an_ear_hears_whatever_is_on_its_lists(raw: "redis.Redis", ear: Ear) -> None:
    await raw.rpush(NORMAL, *GARBAGE)
    assert await ear.wait(1) == [*GARBAGE[:-1], "\N{REPLACEMENT CHARACTER}" * 2]
    await raw.set(HIGH, "not a list")
    assert await ear.wait(0.05) == []
    await raw.delete(HIGH)
    await raw.rpush(NORMAL, "again")
    assert await ear.wait(1) == ["again"]


async def test_noise_on_a_list_moves_no_task_and_hides_none(
    world: World, pool: Pool, redis_url: str, raw: "redis.Redis", tmp_path: Path
) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"))
    (first,) = await world.claim_next(world.claimant())
    assert await world.complete(first)
    async with dispatching(pool, redis_url, tmp_path):
        await raw.rpush(SUBMISSIONS, *GARBAGE)
        await raw.rpush(RESULTS, *GARBAGE, str(uuid4()), str(task_id).upper(), *GARBAGE)
        async for _ in ticks(within=5):
            if (await world.statuses(task_id))["b"] == "queued":
                break


async def test_a_call_reaches_everybody_who_listens(
    doorbell: Doorbell, redis_url: str, raw: "redis.Redis"
) -> None:
    listeners = [Calls(redis_url) for _ in range(3)]
    assert not any([await calls.wait(0.01) for calls in listeners])
    assert await raw.pubsub_numsub(CANCELS) == [(CANCELS.encode(), 3)]
    waiting = [asyncio.create_task(calls.wait(10)) for calls in listeners]
    began = now()
    await doorbell.call_stopped(UUID(int=7))
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert now() - began < 1
    assert not await listeners[0].wait(0.01)
    await raw.publish(CANCELS, b"\xff\xfe")
    assert await listeners[0].wait(1)
    for calls in listeners:
        await calls.close()
    assert await raw.pubsub_numsub(CANCELS) == [(CANCELS.encode(), 0)]


async def test_calls_are_followed_again_when_the_server_is_back(valkey: LocalValkey) -> None:
    calls = Calls(valkey.url)
    assert not await calls.wait(0.01)
    waiting = asyncio.create_task(calls.wait(0.1))
    await valkey.stop()
    assert not await waiting
    began = now()
    assert not await calls.wait(0.1)
    assert now() - began >= 0.1, "a server that is away is no reason to spin"
    await valkey.start()
    waiting = asyncio.create_task(_first_call(calls))
    async with Doorbell(valkey.url) as doorbell:
        await subscribed(valkey.url)
        await doorbell.call_stopped(uuid4())
    assert await asyncio.wait_for(waiting, 2)
    await calls.close()


async def _first_call(calls: Calls) -> bool:
    while not await calls.wait(0.5):
        continue
    return True
