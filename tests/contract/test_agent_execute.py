"""One subtask by name: accepted once, by an agent that has room and can do it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from shared.database.connection import Pool, open_pool
from tests.api_world import problem
from tests.contract.agent_world import SLOTS, AgentApi, open_agent
from tests.ledger_world import planned


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    pool = await open_pool(database_url, minimum=1, maximum=10)
    yield pool
    await pool.close()


@pytest.fixture
async def agent(pool: Pool, redis_url: str) -> AsyncIterator[AgentApi]:
    async with open_agent(pool, redis_url) as agent:
        yield agent


async def test_a_subtask_by_name_is_accepted_once(agent: AgentApi) -> None:
    task_id = await agent.world.ready(planned("a"), planned("b"), planned("c", "a"))
    ids = {
        row["key"]: row["id"]
        for row in await agent.world.pool.fetch("SELECT key, id FROM subtasks")
    }
    accepted = await agent.execute(ids["a"])
    assert accepted.status_code == 202
    assert accepted.json() == {"subtask_id": str(ids["a"]), "attempt": 1}
    for name in ("a", "c"):
        refused = problem(await agent.execute(ids[name]), 409, "not-claimable", name)
        assert refused["remedy"]
    status = (await agent.client.get("/status")).json()
    assert status["running"] == [str(ids["a"])]
    assert status["capabilities"] == ["data_analysis", "code_generation"]
    agent.executor.may_end.set()
    async with asyncio.timeout(5):
        while agent.worker.completed < 1:  # noqa: ASYNC110 - counted, not signalled
            await asyncio.sleep(0.01)
    assert (await agent.world.statuses(task_id))["a"] == "completed"


async def test_twenty_requests_at_once_start_one_attempt(agent: AgentApi) -> None:
    await agent.world.ready(planned("a"))
    subtask_id = await agent.world.pool.fetchval("SELECT id FROM subtasks")
    answers = await asyncio.gather(*(agent.execute(subtask_id) for _ in range(20)))
    statuses = [answer.status_code for answer in answers]
    assert statuses.count(202) == 1
    assert {*statuses} <= {202, 409, 503}  # busy while the claims under way hold every slot
    assert await agent.world.pool.fetchval("SELECT count(*) FROM attempts") == 1


async def test_a_full_agent_is_busy(agent: AgentApi) -> None:
    names = [f"s{number}" for number in range(SLOTS + 1)]
    await agent.world.ready(*(planned(name) for name in names))
    rows = await agent.world.pool.fetch("SELECT id FROM subtasks ORDER BY key")
    answers = [await agent.execute(row["id"]) for row in rows]
    assert [answer.status_code for answer in answers] == [202] * SLOTS + [503]
    assert problem(answers[-1], 503, "busy")["detail"] == "this agent has no free slot"
    assert answers[-1].headers["retry-after"]


async def test_as_many_as_there_are_slots_are_accepted_at_once(agent: AgentApi) -> None:
    await agent.world.ready(*(planned(f"s{number}") for number in range(10)))
    rows = await agent.world.pool.fetch("SELECT id FROM subtasks")
    answers = await asyncio.gather(*(agent.execute(row["id"]) for row in rows))
    assert [answer.status_code for answer in answers].count(202) == SLOTS
    assert len(agent.worker.running) == SLOTS


async def test_what_the_agent_cannot_do_is_not_claimable(agent: AgentApi) -> None:
    await agent.world.ready(planned("a", required_capabilities=("web_scraping",)))
    subtask_id = await agent.world.pool.fetchval("SELECT id FROM subtasks")
    problem(await agent.execute(subtask_id), 409, "not-claimable")
    problem(await agent.execute(uuid4()), 409, "not-claimable")
    problem(await agent.execute("x"), 422, "invalid-request")


async def test_an_agent_that_stops_takes_nothing_new(agent: AgentApi) -> None:
    await agent.world.ready(planned("a"))
    subtask_id = await agent.world.pool.fetchval("SELECT id FROM subtasks")
    assert (await agent.client.get("/health")).json()["status"] == "ok"
    agent.worker.stop()
    refused = problem(await agent.execute(subtask_id), 503, "busy")
    assert refused["detail"] == "this agent is stopping"
    assert (await agent.client.get("/health")).json()["status"] == "draining"
    assert (await agent.client.get("/status")).json()["draining"] is True


async def test_a_body_that_is_too_long_is_refused(agent: AgentApi) -> None:
    json = {"content-type": "application/json"}
    answer = await agent.client.post("/execute", content=b" " * (1 << 18), headers=json)
    problem(answer, 413, "body-too-large")
    problem(await agent.client.post("/execute", content=b"", headers=json), 422, "invalid-request")
