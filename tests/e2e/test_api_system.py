"""The system's figures, read over the API from real work on a real ledger."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import structlog

from orchestrator.system_monitor import SystemMonitor
from shared.background import measure_lag, running
from shared.database.connection import _SESSION, Pool, open_pool
from shared.database.metrics import INVARIANTS
from shared.database.statements import load
from shared.database.system import STRETCHES, SystemLedger, Transactions, stretches
from shared.models import Band, Capability, Period, SystemView
from shared.queue import Doorbell
from shared.states import AttemptOutcome, SubtaskStatus, TaskStatus
from tests.api_world import Api, open_api, problem
from tests.database_line import Line
from tests.ledger_world import planned
from tests.ticks import ticks

DATA, WEB = Capability.DATA_ANALYSIS, Capability.WEB_SCRAPING
CALL = {
    "model": "a-model",
    "input_tokens": 1000,
    "output_tokens": 50,
    "cache_read_tokens": 7,
    "cache_write_tokens": 3,
    "cost_usd": "0.25",
}


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(pool, redis_url, tmp_path, sample_seconds=0.1) as api:
        yield api


async def shown(api: Api, period: str = "hour") -> SystemView:
    """The system as the API shows it."""
    answer = await api.client.get("/system", params={"period": period})
    assert answer.status_code == 200, answer.text
    return SystemView.model_validate_json(answer.content)


async def some_work(api: Api) -> None:
    """One completed, one failed, one lost, one running and two queued attempts."""
    world = api.world
    await world.ready(
        planned("done", priority=9),
        planned("broken", priority=8),
        planned("lost", priority=7, required_capabilities=("web_scraping", "data_analysis")),
    )
    agent = world.claimant("data_analysis", "web_scraping")
    held = {one.key: one for one in await world.claim_next(agent, limit=3)}
    assert await world.complete(held["done"], calls=[CALL])
    assert await world.fail(held["broken"])
    await world.expire()
    assert await world.subtasks.rescue(max_losses=2, grace_seconds=0)
    await world.ready(planned("runs"), planned("waits"), priority=2)
    (held_last,) = await world.claim_next(world.claimant("data_analysis"))
    assert held_last.key in ("runs", "waits")


async def test_an_empty_system_is_shown_as_one(api: Api) -> None:
    view = await shown(api)
    assert (view.postgresql, view.redis) == (True, True)
    assert view.work is not None
    assert view.work.lanes == ()
    assert set(view.work.tasks) == set(TaskStatus)
    assert set(view.violations or {}) == set(load(INVARIANTS))
    assert not any((view.violations or {"": 1}).values())
    activity = view.activity
    assert activity is not None
    assert (activity.tasks, activity.attempts, activity.by_capability) == (None, None, ())
    assert (activity.failures, activity.models) == ((), ())
    assert not any(one.accepted or one.tasks or one.attempts for one in activity.stretches)


async def test_what_was_done_is_counted_where_it_belongs(api: Api) -> None:
    await some_work(api)
    view = await shown(api)
    activity, work = view.activity, view.work
    assert activity is not None
    assert work is not None
    assert sum(one.accepted for one in activity.stretches) == 2
    ended: dict[AttemptOutcome, int] = {}
    for stretch in activity.stretches:
        for outcome, number in stretch.attempts.items():
            ended[outcome] = ended.get(outcome, 0) + number
    assert ended == {
        AttemptOutcome.COMPLETED: 1,
        AttemptOutcome.FAILED: 1,
        AttemptOutcome.LOST: 1,
    }
    assert activity.attempts is not None
    assert activity.attempts.count == 2, "what was lost says nothing about how long work takes"
    assert 0 <= activity.attempts.mean_seconds <= activity.attempts.p95_seconds < 60
    assert [(one.capability, one.count) for one in activity.by_capability] == [("data_analysis", 2)]
    assert [(one.kind, one.attempts, one.tasks) for one in activity.failures] == [
        ("business", 1, 0)
    ]
    (model,) = activity.models
    assert (model.purpose, model.model, model.calls) == ("agent", "a-model", 1)
    assert (model.tokens.input, model.simulated, str(model.cost_usd)) == (1000, True, "0.250000")
    assert sum(one.tokens for one in activity.stretches) == 1060
    assert work.subtasks[SubtaskStatus.RUNNING] == 1
    lanes = {(lane.capabilities, lane.band): (lane.running, lane.queued) for lane in work.lanes}
    assert lanes[(DATA, WEB), Band.HIGH] == (0, 1)
    assert sum(running for running, _ in lanes.values()) == 1
    assert sum(queued for _, queued in lanes.values()) == 2
    assert all((lane.oldest_seconds is not None) == bool(lane.queued) for lane in work.lanes)


async def test_a_task_that_ended_tells_how_long_it_took(api: Api) -> None:
    task = await api.submit()
    await api.world.pool.execute(
        "UPDATE tasks SET created_at = now() - interval '100 seconds' WHERE id = $1", task["id"]
    )
    answer = await api.client.post(f"/tasks/{task['id']}/cancel")
    assert answer.status_code == 202
    view = await shown(api)
    assert view.activity is not None
    ended = [one.tasks for one in view.activity.stretches if one.tasks]
    assert ended == [{TaskStatus.CANCELLED: 1}]
    assert view.activity.tasks is None, "a cancelled task took as long as somebody let it"


@pytest.mark.parametrize("period", Period)
async def test_a_period_is_whole_and_ends_now(api: Api, period: Period) -> None:
    view = await shown(api, period)
    assert view.activity is not None
    seconds, count = STRETCHES[period]
    starts = [one.start for one in view.activity.stretches]
    assert (len(starts), view.activity.stretch_seconds) == (count, seconds)
    steps = {later - earlier for earlier, later in pairwise(starts)}
    assert steps == {timedelta(seconds=seconds)}
    now = await api.world.pool.fetchval("SELECT now()")
    assert starts[-1] <= now < starts[-1] + timedelta(seconds=seconds + 5)


async def test_an_unknown_period_is_refused_with_the_known_ones(api: Api) -> None:
    body = problem(await api.client.get("/system?period=decade"), 422, "invalid-request")
    assert "'hour'" in body["detail"]


async def test_many_who_ask_at_once_cost_one_reading(api: Api) -> None:
    await shown(api)
    before = await _transactions(api)
    await asyncio.gather(*(shown(api) for _ in range(50)))
    assert await _transactions(api) - before < 25, "each of them would have cost fifteen"


async def _transactions(api: Api) -> int:
    await api.world.pool.execute("SELECT pg_stat_force_next_flush()")
    counted, _ = await SystemLedger(api.world.pool).server()
    return counted.count


async def test_the_process_and_its_database_are_sampled(api: Api) -> None:
    async for _ in ticks():
        if len((view := await shown(api)).samples) >= 4:
            break
    assert view.database is not None
    assert view.database.bytes > 1_000_000
    assert 0 < view.database.connections <= view.database.most_connections
    assert view.database.pool_most == 20
    ages = [one.at for one in view.samples]
    assert ages == sorted(ages)
    assert ages[-1] <= view.uptime_seconds + 0.1
    assert all(one.memory_mb > 10 for one in view.samples)
    assert view.samples[-1].transactions_per_second is not None


async def test_a_broken_rule_is_shown(api: Api) -> None:
    await api.world.ready(planned("a"))
    subtask = await api.world.pool.fetchval("SELECT id FROM subtasks")
    await api.world.force(subtask, "completed")
    view = await shown(api)
    assert view.violations is not None
    assert view.violations["completed_without_a_result"] == 1


async def test_without_postgresql_the_last_figures_are_shown_and_it_says_so(
    database_url: str, redis_url: str
) -> None:
    pool = await open_pool(database_url, minimum=1, maximum=4)
    async with Doorbell(redis_url) as doorbell:
        monitor = SystemMonitor(pool, doorbell, sample_seconds=0.05)
        async with running(monitor.run()):
            first = await monitor.view(Period.HOUR)
            assert first.postgresql
            await pool.close()
            async for _ in ticks():
                if not (view := await monitor.view(Period.HOUR)).postgresql:
                    break
            assert view.work == first.work
            assert view.activity == first.activity
            assert view.database is None
            assert view.age_seconds is not None


async def test_without_redis_it_says_so(pool: Pool) -> None:
    async with Doorbell("redis://127.0.0.1:1/0") as doorbell:
        await doorbell.ping()
        monitor = SystemMonitor(pool, doorbell)
        async with running(monitor.run()):
            assert not (await monitor.view(Period.HOUR)).redis


async def test_a_reading_that_hangs_makes_nobody_wait(pool: Pool, redis_url: str) -> None:
    async with Doorbell(redis_url) as doorbell, pool.acquire() as holder, holder.transaction():
        await holder.execute("LOCK TABLE tasks IN ACCESS EXCLUSIVE MODE")
        monitor = SystemMonitor(pool, doorbell, patience=0.2)
        async with running(monitor.run()):
            async with asyncio.timeout(2):
                view = await monitor.view(Period.HOUR)
            assert (view.postgresql, view.work, view.activity) == (True, None, None)


async def test_a_figure_that_takes_too_long_is_left_out_and_nothing_is_away(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A period that holds too much, or somebody's lock: the server is well."""
    monkeypatch.setitem(_SESSION, "statement_timeout", "300ms")
    pool = await open_pool(database_url, minimum=1, maximum=4)
    async with Doorbell(redis_url) as doorbell, pool.acquire() as holder, holder.transaction():
        await holder.execute("LOCK TABLE attempts IN ACCESS EXCLUSIVE MODE")
        monitor = SystemMonitor(pool, doorbell, patience=3)
        async with running(monitor.run()):
            with structlog.testing.capture_logs() as logs:
                view = await monitor.view(Period.HOUR)
                await asyncio.sleep(2.1)  # after which what failed otherwise is tried again
                again = await monitor.view(Period.HOUR)
    await pool.close()
    assert view.postgresql
    assert view.work is not None
    assert view.activity is None
    assert view.database is not None
    late = [line["part"] for line in logs]
    assert late == ["activity of the hour", "invariants"], "and not again before their time"
    assert "took too long" in logs[0]["error"]
    assert again.postgresql


async def test_a_database_that_hangs_stops_no_sample(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.system_sampler._PATIENCE", 0.1)
    monkeypatch.setattr("shared.database.connection._GOODBYE", 0.2)
    async with Line(database_url).open() as line, Doorbell(redis_url) as doorbell:
        pool = await open_pool(line.url, minimum=1, maximum=4)
        monitor = SystemMonitor(pool, doorbell, patience=0.05, sample_seconds=0.05)
        async with running(monitor.run(), measure_lag(0.01)):
            async for _ in ticks():
                if (await monitor.view(Period.HOUR)).postgresql:
                    break
            line.freeze()
            before = len((await monitor.view(Period.HOUR)).samples)
            async for _ in ticks(within=5):
                if len((view := await monitor.view(Period.HOUR)).samples) >= before + 2:
                    break
            time.sleep(0.1)  # noqa: ASYNC251 - so that the loop is late
            async for _ in ticks(within=5):
                if any(one.lag_ms > 50 for one in (await monitor.view(Period.HOUR)).samples):
                    break
        pool.terminate()
    assert not view.postgresql
    assert view.samples[-1].connections is None


NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_stretches_are_filled_and_what_came_later_is_left_for_later() -> None:
    def row(minute: int, **fields: Any) -> dict[str, Any]:
        return {"start": NOON + timedelta(minutes=minute), **fields}

    filled = stretches(
        NOON,
        60,
        3,
        accepted=[row(0, n=2), row(3, n=9)],
        tasks=[row(1, status="completed", n=1), row(3, status="failed", n=9)],
        attempts=[row(1, outcome="lost", n=1), row(1, outcome="failed", n=2)],
        spent=[row(2, tokens=5, cost_usd="0.1"), row(3, tokens=9, cost_usd="9")],
    )
    assert [one.accepted for one in filled] == [2, 0, 0]
    assert filled[1].tasks == {TaskStatus.COMPLETED: 1}
    assert filled[1].attempts == {AttemptOutcome.LOST: 1, AttemptOutcome.FAILED: 2}
    assert [one.tokens for one in filled] == [0, 0, 5]


@pytest.mark.parametrize(
    ("before", "rate"),
    [
        (None, None),
        (Transactions(0.0, 100), 10.0),
        (Transactions(0.0, 500), None),
        (Transactions(10.0, 100), None),
    ],
)
def test_a_rate_needs_a_count_before_that_goes_on(
    before: Transactions | None, rate: float | None
) -> None:
    assert Transactions(10.0, 200).rate_since(before) == rate
