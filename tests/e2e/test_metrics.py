"""What the services tell Prometheus, read over HTTP from real servers around real work."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import structlog
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

import agent.service
from agent.outcome import Completed, Failed, Outcome
from orchestrator.aggregator import FinalAnswer
from orchestrator.metrics import LedgerGauges
from orchestrator.rescuer import Rescuer
from shared import metrics
from shared.background import measure_lag, running
from shared.claude import Claude, Prompt
from shared.database.connection import Pool, open_pool, transaction
from shared.database.metrics import LedgerFigures
from shared.database.views import Views
from shared.errors import ModelRateLimited
from shared.models import (
    AgentResult,
    Assignment,
    CheckResult,
    Correction,
    Doubt,
    Evidence,
    Review,
    Round,
    Verification,
)
from shared.queue import Doorbell
from shared.states import FailureKind, SubtaskStatus, TaskStatus
from tests.api_world import Api, listening
from tests.ledger_world import World, planned
from tests.messages_server import Failure, Reply, Request, messages_server, structured
from tests.ticks import ticks
from tests.worker_world import DONE, at_once, working_agent

MODEL = "claude-opus-5-5"
PROMPT = Prompt("the rules", "", (("user", "go"),))

Series = frozenset[tuple[str, str]]
Figures = dict[tuple[str, Series], float]


def one(figures: Figures, name: str, **labels: str) -> float:
    """The sum of what is told under a name with at least these labels."""
    wanted = set(labels.items())
    return sum(
        value
        for (found, having), value in figures.items()
        if found == f"quintet_{name}" and wanted <= having
    )


@dataclass
class Told:
    """What a service tells now, and what it told before."""

    figures: Figures
    before: Figures

    def now(self, name: str, **labels: str) -> float:
        """A figure."""
        return one(self.figures, name, **labels)

    def gain(self, name: str, **labels: str) -> float:
        """What it has grown by."""
        return self.now(name, **labels) - one(self.before, name, **labels)


@dataclass
class Service:
    """A service behind a real socket, and what it told when the test began."""

    http: httpx.AsyncClient
    before: Figures = field(default_factory=dict)

    async def read(self) -> Told:
        """All that it tells."""
        answer = await self.http.get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=")
        figures = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }
        return Told(figures, self.before)


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[Service]:
    """An app behind a socket."""
    async with (
        listening(app) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", verify=False) as http,
    ):
        service = Service(http)
        service.before = (await service.read()).figures
        yield service


@pytest.fixture
async def orchestrator(api: Api) -> AsyncIterator[Service]:
    """Its metrics."""
    async with served(api.app) as service:
        yield service


@pytest.fixture
def gauges(pool: Pool) -> LedgerGauges:
    """What shows the ledger of this test."""
    others = metrics.MOVES.ended_tasks()
    metrics.MOVES.answered(others, others)
    return LedgerGauges(LedgerFigures(pool))


@pytest.fixture
def scripted() -> Iterator[tuple[str, list[Reply]]]:
    """A Messages API that answers with these, one after the other."""
    replies: list[Reply] = []

    def next_reply(_: Request) -> Reply:
        return replies.pop(0)

    with messages_server(next_reply) as server:
        yield server.url, replies


async def settled(world: World) -> None:
    """Until nothing waits for an agent any more."""
    async for _ in ticks(within=5):
        rows = await world.pool.fetch("SELECT status::text FROM subtasks")
        if not {row["status"] for row in rows} & {"queued", "running"}:
            break


# --- attempts ------------------------------------------------------------------------------


def looked_at() -> Verification:
    """A record with one of everything."""
    check = CheckResult(
        position=0,
        source="plan",
        kind="command",
        what="make",
        outcome="failed",
        vacuous=False,
    )
    review = Review(verdict="approve", scores={})
    return Verification(
        evidence=Evidence.VERIFIED,
        rounds=(
            Round(number=0, doubt=Doubt.CHECKS, problems=("no",), checks=(check,)),
            Round(
                number=1, checks=(check.model_copy(update={"outcome": "passed"}),), review=review
            ),
        ),
        corrections=(Correction(number=1, doubt=Doubt.CHECKS, failure="no", outcome="passed"),),
    )


async def test_an_agent_tells_how_its_attempts_ended_and_how_long_they_took(
    world: World, pool: Pool, redis_url: str
) -> None:
    async def body(assignment: Assignment) -> Outcome:
        await asyncio.sleep(0.02)
        if assignment.key == "bad":
            return Failed(FailureKind.TIMEOUT, "too late")
        return Completed(AgentResult(summary="done"), verification=looked_at())

    app = agent.service.create_app(None, None)
    async with served(app) as service:
        async with working_agent(pool, redis_url, body):
            await world.ready(planned("good"), planned("bad"))
            await settled(world)
        told = await service.read()
    ended = {"outcome": "completed", "failure_kind": "none", "role": "tester"}
    assert told.gain("attempts_total", **ended) == 1
    assert told.gain("attempts_total", outcome="failed", failure_kind="timeout") == 1
    completed = {"outcome": "completed", "capabilities": "data_analysis"}
    assert told.gain("attempt_duration_seconds_count", **completed) == 1
    assert 0.02 <= told.gain("attempt_duration_seconds_sum", **completed) < 2
    assert told.gain("checks_total", kind="command", outcome="failed") == 1
    assert told.gain("checks_total", kind="command", outcome="passed") == 1
    assert told.gain("corrections_total", doubt="checks", outcome="passed") == 1
    assert told.gain("reviews_total", verdict="approve") == 1
    moved = {"transition": "claim", "status": "running"}
    assert told.gain("subtask_transitions_total", **moved) == 2


async def test_a_result_that_the_ledger_refused_counts_as_fenced(
    world: World, pool: Pool, redis_url: str, orchestrator: Service
) -> None:
    async def robbed(assignment: Assignment) -> Outcome:
        await world.expire()
        await world.subtasks.poison(max_losses=1, grace_seconds=0)
        return DONE

    async with working_agent(pool, redis_url, robbed):
        await world.ready(planned("only"))
        await settled(world)
    told = await orchestrator.read()
    assert told.gain("attempts_total", outcome="fenced") == 1
    assert told.gain("attempts_total", outcome="completed") == 0


async def test_the_rescuer_counts_what_was_lost(
    world: World, pool: Pool, redis_url: str, database_url: str, orchestrator: Service
) -> None:
    await world.ready(planned("a"), planned("b"))
    await world.claim_next(world.claimant(), limit=2)
    await world.expire()
    lost = {"ending": "requeued"}
    async with Doorbell(redis_url) as doorbell:
        rescuer = Rescuer(
            pool,
            doorbell,
            url=database_url,
            lease_seconds=0,
            interval=60,
            max_losses=3,
        )
        async with running(rescuer.run()):
            async for _ in ticks():
                if (told := await orchestrator.read()).gain("bells_rung_again_total"):
                    break
    assert told.gain("bells_rung_again_total") == 2
    assert told.gain("attempts_lost_total", **lost) == 2
    assert told.gain("subtask_transitions_total", transition="rescue") == 2


# --- the ledger ----------------------------------------------------------------------------


async def test_gauges_tell_what_the_ledger_holds(
    world: World, gauges: LedgerGauges, api: Api, orchestrator: Service
) -> None:
    await world.ready(planned("a"), planned("b", "a"), planned("c"))
    await world.claim_next(world.claimant())
    await api.submit()
    await gauges.count()
    told = await orchestrator.read()
    tasks = {status: told.now("tasks", status=status) for status in TaskStatus}
    assert tasks == dict.fromkeys(TaskStatus, 0) | {"pending": 1, "in_progress": 1}
    subtasks = {status: told.now("subtasks", status=status) for status in SubtaskStatus}
    assert subtasks == dict.fromkeys(SubtaskStatus, 0) | {"pending": 1, "queued": 1, "running": 1}
    lane = {"capabilities": "data_analysis", "band": "normal"}
    assert told.now("queue_depth", **lane) == 1
    assert 0 < told.now("queue_oldest_seconds", **lane) < 10
    assert told.now("leases", kind="attempt", state="live") == 1
    assert told.now("leases", kind="attempt", state="expired") == 0
    assert abs(told.now("ledger_read_timestamp_seconds", part="counts") - time.time()) < 60


async def test_a_lane_that_is_empty_and_a_lease_that_ran_out_show(
    world: World, gauges: LedgerGauges, orchestrator: Service
) -> None:
    await world.ready(planned("a"))
    await gauges.count()
    assert (await orchestrator.read()).now("queue_depth") == 1
    await world.claim_next(world.claimant())
    await world.expire()
    await gauges.count()
    told = await orchestrator.read()
    assert told.now("queue_depth") == 0
    assert told.now("leases", kind="attempt", state="expired") == 1


async def test_tasks_are_timed_when_they_have_ended(
    world: World, gauges: LedgerGauges, api: Api, orchestrator: Service
) -> None:
    task_id = await world.ready(planned("only"))
    (assignment,) = await world.claim_next(world.claimant())
    assert await world.complete(assignment)
    (step,) = await api.advancer.advance([task_id])
    owner = await world.pool.fetchval("SELECT step_owner FROM tasks")
    assert await world.tasks.complete(step, owner=owner, answer="42", result={})
    for _ in range(2):
        await gauges.count()
    told = await orchestrator.read()
    assert told.gain("task_duration_seconds_count", status="completed") == 1
    assert 0 < told.gain("task_duration_seconds_sum", status="completed") < 10
    assert told.gain("task_transitions_total", transition="complete_task", status="completed") == 1


async def test_a_broken_invariant_is_told_and_logged_once(
    world: World, pool: Pool, gauges: LedgerGauges, orchestrator: Service
) -> None:
    await world.ready(planned("a"), planned("b"))
    await gauges.check()
    assert (await orchestrator.read()).now("invariant_violations") == 0
    await world.force(await pool.fetchval("SELECT id FROM subtasks WHERE key = 'a'"), "completed")
    with structlog.testing.capture_logs() as logs:
        await gauges.check()
        await gauges.check()
    told = await orchestrator.read()
    assert told.now("invariant_violations", invariant="completed_without_a_result") == 1
    assert told.now("invariant_violations", invariant="two_open_attempts") == 0
    assert [each["broken"]["completed_without_a_result"] for each in logs] == [1]


async def test_a_ledger_that_is_away_leaves_the_last_figures(
    database_url: str, orchestrator: Service
) -> None:
    lost = await open_pool(database_url, minimum=1, maximum=1)
    gauges = LedgerGauges(LedgerFigures(lost), counted_every=0.01, checked_every=0.01)
    await gauges.count()
    clock = {"part": "counts"}
    read_at = (await orchestrator.read()).now("ledger_read_timestamp_seconds", **clock)
    await lost.close()
    with structlog.testing.capture_logs() as logs:
        async with running(gauges.run()):
            async for _ in ticks():
                if len(logs) > 3:
                    break
    assert {each["event"] for each in logs} == {"figures not read"}
    assert (await orchestrator.read()).now("ledger_read_timestamp_seconds", **clock) == read_at


# --- the model -----------------------------------------------------------------------------


async def test_calls_tokens_dollars_and_refusals_are_counted(
    scripted: tuple[str, list[Reply]], orchestrator: Service
) -> None:
    url, replies = scripted
    limited = Failure(429, "rate_limit_error", headers={"retry-after": "0.01"})
    replies += [limited, limited, structured({"answer": "42", "result": []})]
    async with Claude(
        api_key="key", base_url=url, timeout_seconds=5, max_retries=1, pauses=(0.0,)
    ) as claude:
        await claude.ask(PROMPT, FinalAnswer, model=MODEL)
        replies += [limited] * 4
        with pytest.raises(ModelRateLimited):
            await claude.ask(PROMPT, FinalAnswer, model=MODEL)
    told = await orchestrator.read()
    mine = {"purpose": "aggregator", "model": MODEL}
    assert told.gain("model_errors_total", status="429") == 6
    assert told.gain("model_calls_total", **mine, outcome="answered") == 1
    assert told.gain("model_calls_total", **mine, outcome="ModelRateLimited") == 3
    assert told.gain("model_call_duration_seconds_count", **mine) == 1
    spent = {"input": 11, "output": 5, "cache_read": 3, "cache_write": 2}
    for kind, tokens in spent.items():
        assert told.gain("model_tokens_total", **mine, kind=kind) == tokens
    assert told.gain("model_cost_dollars_total", **mine) == pytest.approx(0.000155)


# --- the process ---------------------------------------------------------------------------


async def test_requests_are_counted_by_the_template_of_their_route(
    api: Api, orchestrator: Service
) -> None:
    shown = await api.submit()
    for address in (f"/tasks/{shown['id']}", "/tasks/unknown", "/no/such/address"):
        await orchestrator.http.get(address)
    await orchestrator.http.request("BREW", "/tasks")
    told = await orchestrator.read()
    route = {"route": "/tasks/{task_id}", "method": "GET"}
    assert told.gain("http_requests_total", **route, status="200") == 1
    assert told.gain("http_requests_total", **route, status="422") == 1
    assert told.gain("http_request_duration_seconds_count", **route) == 2
    assert told.gain("http_requests_total", route="unmatched", status="404") == 1
    assert told.gain("http_requests_total", method="other", status="405") == 1


async def test_a_request_that_broke_counts_as_500() -> None:
    app = agent.service.create_app(None, None)  # without parts it can only describe itself
    async with served(app) as service:
        with structlog.testing.capture_logs():
            assert (await service.http.get("/health")).status_code == 500
        told = await service.read()
    assert told.gain("http_requests_total", route="/health", status="500") == 1


async def test_the_pool_tells_who_waits(database_url: str, orchestrator: Service) -> None:
    alone = await open_pool(database_url, minimum=1, maximum=1)
    async with transaction(alone):
        waiting = asyncio.create_task(Views(alone).answers())
        await asyncio.sleep(0.02)
        told = await orchestrator.read()
    assert await waiting
    await alone.close()
    assert told.now("pool_waiting") == 1
    assert told.now("pool_connections", state="used") >= 1
    told = await orchestrator.read()
    assert told.now("pool_waiting") == 0
    assert told.gain("pool_wait_seconds_sum") >= 0.02


async def test_a_loop_that_is_held_up_shows(orchestrator: Service) -> None:
    async with running(measure_lag(0.01)):
        await asyncio.sleep(0.005)
        time.sleep(0.1)  # noqa: ASYNC251 - that is the point
        await asyncio.sleep(0.02)
    assert (await orchestrator.read()).gain("loop_lag_seconds_sum") >= 0.08


async def test_the_number_of_series_does_not_grow_with_tasks(
    world: World, pool: Pool, redis_url: str, gauges: LedgerGauges, orchestrator: Service
) -> None:
    async def series(tasks: int) -> set[tuple[str, Series]]:
        """What is told after so many more tasks, and after a look at each."""
        new = [await world.ready(planned("a"), planned("b")) for _ in range(tasks)]
        await settled(world)
        await gauges.count()
        await gauges.check()
        for task_id in new:
            await orchestrator.http.get(f"/tasks/{task_id}")
        return set((await orchestrator.read()).figures)

    async with working_agent(pool, redis_url, at_once):
        few = await series(2)
        many = await series(12)
    assert many - few == set()
    rows = await pool.fetch("SELECT id FROM tasks UNION ALL SELECT id FROM subtasks")
    values = {value for _, labels in many for _, value in labels}
    assert len(rows) == 3 * 14
    assert not {str(row["id"]) for row in rows} & values
