"""What agents do and did, as the API tells it."""

import pytest

from shared.database.connection import Pool
from shared.database.statements import load
from shared.models import AgentHistory, AgentView, AgentWork, Capability, Presence
from tests.api_world import Api, problem
from tests.ledger_world import planned

DATA = Capability.DATA_ANALYSIS
CALL = {
    "model": "a-model",
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_read_tokens": 0,
    "cache_write_tokens": 0,
    "cost_usd": "0.25",
}


async def history(api: Api, name: str, limit: int = 20) -> AgentHistory:
    """An agent's history as the API shows it."""
    answer = await api.client.get(f"/agents/{name}/history", params={"limit": limit})
    assert answer.status_code == 200, answer.text
    return AgentHistory.model_validate_json(answer.content)


async def work(api: Api) -> list[AgentWork]:
    """What all agents do."""
    answer = await api.client.get("/agents/work")
    assert answer.status_code == 200, answer.text
    return [AgentWork.model_validate(one) for one in answer.json()["work"]]


async def test_what_an_agent_did_is_told_newest_first_with_its_price(api: Api) -> None:
    world = api.world
    await world.ready(planned("a", priority=9), planned("b", priority=1))
    one = world.claimant(agent_id="one")
    (first,) = await world.claim_next(one)
    assert await world.complete(first, calls=[CALL, CALL])
    (second,) = await world.claim_next(one)
    assert await world.fail(second, "exit 1")
    told = await history(api, "one")
    assert [(a.subtask_title, a.outcome, a.error) for a in told.attempts] == [
        ("B", "failed", "exit 1"),
        ("A", "completed", None),
    ]
    assert [str(a.cost_usd) for a in told.attempts] == ["0", "0.500000"]
    assert told.attempts[1].simulated
    assert all(0 <= a.seconds < 60 for a in told.attempts)
    assert told.attempts[0].task_title == "A task"
    day = told.last_day
    assert (day.attempts, day.outcomes) == (2, {"completed": 1, "failed": 1})
    assert (str(day.cost_usd), told.samples) == ("0.500000", ())
    assert day.mean_seconds is not None
    assert len((await history(api, "one", limit=1)).attempts) == 1


async def test_what_an_agent_does_now_is_told_with_its_last_line(api: Api) -> None:
    world = api.world
    assert await work(api) == []
    await world.ready(planned("a"))
    (held,) = await world.claim_next(world.claimant(agent_id="one"))
    (before,) = await work(api)
    assert (before.agent_id, before.subtask_title, before.latest) == ("one", "A", None)
    await world.pool.execute(
        "INSERT INTO agent_logs (task_id, subtask_id, attempt, agent_id, level, kind, message)"
        " SELECT $1, $2, $3, 'one', 'info', 'text', line"
        " FROM unnest(ARRAY['older', repeat('x', 400)]) AS line",
        held.task_id,
        held.subtask_id,
        held.attempt,
    )
    (now,) = await work(api)
    assert now.latest == "x" * 300
    open_one = (await history(api, "one")).attempts[0]
    assert (open_one.outcome, open_one.attempt) == (None, 1)
    assert (await history(api, "one")).last_day.mean_seconds is None
    assert await world.complete(held)
    assert await work(api) == []


async def test_an_agent_that_nobody_knows_is_not_found(api: Api) -> None:
    body = problem(await api.client.get("/agents/nobody/history"), 404, "not-found")
    assert "'nobody'" in body["detail"]
    await api.appear("here", DATA)
    assert (await history(api, "here")).attempts == ()
    for bad in ("%00", "x" * 201):
        problem(await api.client.get(f"/agents/{bad}/history"), 422, "invalid-request", bad)
    problem(await api.client.get("/agents/here/history?limit=0"), 422, "invalid-request")


async def test_samples_come_only_when_they_are_asked_for(api: Api) -> None:
    await api.appear("one", DATA, cpu_percent=12.5, memory_mb=100.0, running=("x",))

    async def agent(query: str = "") -> AgentView:
        answer = await api.client.get(f"/agents{query}")
        return AgentView.model_validate(answer.json()["agents"][0])

    assert (await agent()).samples == ()
    (sample,) = (await agent("?samples=60")).samples
    assert (sample.cpu_percent, sample.memory_mb, sample.running) == (12.5, 100.0, 1)
    assert (await history(api, "one")).samples == (sample,)
    await api.appear("one", DATA, cpu_percent=99.0)
    assert len((await agent("?samples=60")).samples) == 1, "the next one is due in five seconds"
    problem(await api.client.get("/agents?samples=1000"), 422, "invalid-request")


async def test_samples_are_bounded_and_forgotten_with_their_agent(api: Api) -> None:
    roster = api.services.roster
    await api.appear("one", DATA)
    (first,) = roster.samples("one")
    presence = Presence.model_validate(
        {
            "agent_id": "one",
            "profile": "p",
            "url": "u",
            "capabilities": (DATA,),
            "slots": 1,
            "started_at": "2026-03-01T12:00:00Z",
        }
    )
    for number in range(1, 200):
        roster._sample(presence, first.at + 10 * number)
    kept = roster.samples("one")
    assert len(kept) == 120
    assert kept[-1].at - kept[0].at == pytest.approx(1190)
    await api.appear("one", DATA, draining=True)
    await api.services.doorbell.disappear("one")
    await roster.refresh()
    assert roster.samples("one") == ()


@pytest.mark.parametrize(
    ("topic", "name", "values", "index"),
    [
        ("agents", "agent_attempts", ("one", 20), "attempts_by_agent"),
        ("agents", "agent_totals", ("one", 24), "attempts_by_agent"),
        ("agents", "agents_at_work", (100,), "one_open_attempt"),
        ("system", "tasks_ended", (60, None), "tasks_ended"),
        ("system", "attempts_ended", (60, None), "attempts_ended"),
        ("system", "tasks_accepted", (60, None), "tasks_newest"),
        ("system", "spent", (60, None), "model_calls_by_time"),
    ],
)
async def test_what_the_dashboard_asks_often_reads_an_index(
    pool: Pool, topic: str, name: str, values: tuple[object, ...], index: str
) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        since = await connection.fetchval("SELECT now() - interval '1 hour'")
        bound = [since if value is None else value for value in values]
        plan = await connection.fetch(f"EXPLAIN {load(topic)[name]}", *bound)
    assert index in "\n".join(row[0] for row in plan)
