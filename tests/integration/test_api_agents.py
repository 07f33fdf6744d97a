"""Agents as they tell of themselves, and why a subtask is not running, as a person reads it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis.asyncio as redis

from orchestrator.roster import Roster
from scripts.local_servers import LocalValkey
from shared.database.connection import Pool
from shared.models import Capability, Presence
from shared.queue import Doorbell
from tests.api_world import Api, open_api, problem
from tests.ledger_world import planned
from tests.ticks import ticks

DATA, WEB, CODE = (
    Capability.DATA_ANALYSIS,
    Capability.WEB_SCRAPING,
    Capability.CODE_GENERATION,
)


@pytest.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[LocalValkey]:
    """A server that a test may stop."""
    async with LocalValkey(tmp_path, durable=True) as valkey:
        yield valkey


async def agents(api: Api, path: str = "/agents") -> dict[str, Any]:
    """Agents by name."""
    answer = await api.client.get(path)
    assert answer.status_code == 200, answer.text
    return {agent["agent_id"]: agent for agent in answer.json()["agents"]}


async def test_everybody_is_listed_with_what_they_told(api: Api) -> None:
    assert await agents(api) == {}
    await api.appear("idle", DATA, CODE, completed=3, cpu_percent=12.5, memory_mb=100.5)
    await api.appear("working", WEB, slots=2, running=("x",))
    await api.appear("full", WEB, running=("x",))
    await api.appear("draining", WEB, draining=True)
    shown = await agents(api)
    assert {name: agent["state"] for name, agent in shown.items()} == {
        name: name for name in ("draining", "full", "idle", "working")
    }
    assert list(shown) == sorted(shown)
    assert not shown["draining"]["available"]
    assert shown["idle"]["capabilities"] == ["data_analysis", "code_generation"]
    assert (shown["idle"]["completed"], shown["idle"]["memory_mb"]) == (3, 100.5)
    assert 0 <= shown["idle"]["seconds_since_beat"] < 5


async def test_one_can_ask_for_a_capability(api: Api) -> None:
    await api.appear("one", DATA, CODE)
    await api.appear("two", WEB)
    await api.appear("away", WEB, draining=True)
    assert set(await agents(api, "/agents/available")) == {"one", "two"}
    assert set(await agents(api, "/agents/available?capability=web_scraping")) == {"two"}
    assert set(await agents(api, "/agents/available?capability=api_integration")) == set()
    answer = await api.client.get("/agents/available?capability=juggling")
    body = problem(answer, 422, "invalid-request")
    assert "'data_analysis'" in body["detail"]
    assert [item["field"] for item in body["errors"]] == ["capability"]


async def test_an_agent_that_says_goodbye_is_gone_and_one_that_died_is_not(
    api: Api, redis_url: str
) -> None:
    await api.appear("drained", WEB, draining=True)
    await api.appear("idle", WEB)
    await api.appear("died", WEB)
    doorbell, roster = api.services.doorbell, api.services.roster
    for name in ("drained", "idle"):
        await doorbell.disappear(name)
    async with redis.Redis.from_url(redis_url) as client:
        await client.delete("agent:died")
    await roster.refresh()
    assert set(await agents(api)) == {"died"}


async def test_roles_are_offered_by_those_who_are_there(api: Api) -> None:
    await api.appear("here", CODE, roles={"backend": "servers"})
    await api.appear("leaving", CODE, roles={"test": "tests"}, draining=True)
    assert api.services.roster.roles() == {"backend": "servers"}


async def test_an_agent_that_nobody_could_hear_is_not_silent(
    valkey: LocalValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.roster._SILENT", 0.3)
    presence = Presence(
        agent_id="one",
        profile="tester",
        url="",
        capabilities=(WEB,),
        slots=1,
        started_at=datetime.now(UTC),
    )
    async with Doorbell(valkey.url) as doorbell:
        roster = Roster(doorbell)
        await doorbell.appear(presence)
        await roster.refresh()
        assert roster.hears
        await valkey.stop()
        await roster.refresh()
        assert not roster.hears
        await asyncio.sleep(0.4)
        await valkey.start()
        async for _ in ticks():
            await roster.refresh()
            if roster.hears:
                break
        (one,) = roster.agents()
        assert one.available, "it has had no time to tell of itself again"
        await asyncio.sleep(0.4)
        await roster.refresh()
        (one,) = roster.agents()
        assert one.state == "silent"


async def test_a_redis_that_is_away_changes_nothing_but_ages() -> None:
    async with Doorbell("redis://127.0.0.1:1/0") as doorbell:
        roster = Roster(doorbell, interval=0.01)
        looking = asyncio.create_task(roster.run())
        await asyncio.sleep(0.05)
        assert roster.agents() == []
        assert not looking.done()
        looking.cancel()


async def test_nonsense_in_redis_harms_nobody(api: Api, redis_url: str) -> None:
    await api.appear("one", DATA)
    async with redis.Redis.from_url(redis_url) as client:
        await client.sadd("active_agents", "odd")
        for name, value in (("agent_id", "not JSON"), ("agent_id", '"odd"'), ("news", "1")):
            await client.hset("agent:odd", name, value)
            await api.services.roster.refresh()
            assert set(await agents(api)) == {"one"}
        await client.delete("agent:odd")
        await client.set("agent:odd", "not a hash")
        await api.services.roster.refresh()
    assert set(await agents(api)) == {"one"}


async def test_why_a_subtask_waits_is_one_sentence(api: Api) -> None:
    world = api.world
    task_id = await world.ready(
        planned("a", required_capabilities=(DATA, WEB)), planned("b", "a"), planned("c", "a", "b")
    )

    async def reasons() -> dict[str, str]:
        shown = await api.subtasks(task_id)
        return {key: item["waiting"]["reason"] for key, item in shown.items() if item["waiting"]}

    first = await reasons()
    assert first == {
        "a": "waiting: no agent offers data_analysis+web_scraping",
        "b": "waiting for a to finish",
        "c": "waiting for a and b to finish",
    }
    await api.appear("half", DATA)
    assert (await reasons())["a"] == first["a"]
    await api.appear("whole", DATA, WEB, CODE, running=("x",))
    assert (await reasons())["a"] == (
        "waiting: the agent that can do data_analysis+web_scraping is busy"
    )
    await api.appear("other", DATA, WEB, running=("y",))
    assert (await reasons())["a"].startswith("waiting: all 2 agents")
    await api.appear("other", DATA, WEB)
    assert (await reasons())["a"].startswith("queued: an agent is about to take it")
    (work,) = await world.claim_next(world.claimant("data_analysis", "web_scraping"))
    assert set(await reasons()) == {"b", "c"}
    assert await world.fail(work)
    await api.advancer.advance([task_id])
    assert await reasons() == {"b": "blocked: a failed", "c": "blocked: a failed"}


async def test_without_redis_a_queued_subtask_waits_for_nobody(pool: Pool, tmp_path: Path) -> None:
    async with open_api(pool, "redis://127.0.0.1:1/0", tmp_path) as api:
        task_id = await api.world.ready(planned("a"))
        await api.services.roster.refresh()
        waiting = (await api.subtasks(task_id))["a"]["waiting"]
    assert waiting["reason"] == "queued: agents look for work by themselves while Redis is away"


async def test_readiness_says_when_redis_is_away(pool: Pool, tmp_path: Path) -> None:
    async with open_api(pool, "redis://127.0.0.1:1/0", tmp_path) as api:
        ready = (await api.client.get("/ready")).json()
        assert (ready["status"], ready["queue"]) == ("ready, without Redis", False)
        limits = api.services.submissions.limits
        assert (ready["max_files"], ready["max_upload_bytes"]) == (
            limits.files,
            limits.upload_bytes,
        )
        shown = await api.submit()
        assert shown["status"] == "pending"
        assert api.woken == [None]
        answer = await api.client.post(f"/tasks/{shown['id']}/cancel")
        assert answer.json()["status"] == "cancelled"
