"""PostgreSQL is killed while agents work: what it had acknowledged stays, and work goes on."""

import asyncio
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from scripts.local_servers import LocalPostgres, throwaway_folder
from shared.background import running
from shared.database.connection import Pool, connect
from shared.database.migrate import migrate
from shared.database.subtasks import SubtaskLedger
from tests.chaos.agents import Agents
from tests.chaos.author import Author
from tests.chaos.ending import broken_invariants, completed
from tests.chaos.loops import Pace
from tests.chaos.mortal import crash
from tests.chaos.orchestrators import Orchestrators
from tests.chaos.watching import attempts, until, until_running
from tests.chaos.workloads import DIAMOND, shaped
from tests.ledger_world import World, plan_of, planned

_TASKS = 8
_KILLS = 3
_LOOK_SECONDS = 0.02
_RESULTS = "SELECT subtask_id, attempt, summary, created_at FROM subtask_results WHERE current"
# An agent stops what it could not renew for three quarters of a lease, and takes it up again within
# two seconds of the database's return: that must fit into the rescuer's grace, which is a lease.
_LONG_LEASE = Pace(lease=3.0, step_lease=2.0)


@pytest.fixture
async def postgres() -> AsyncIterator[LocalPostgres]:
    """A server of this test's own that keeps what it acknowledges."""
    with throwaway_folder() as folder:
        async with LocalPostgres(folder / "postgres") as server:
            await migrate(server.url)
            yield server


@pytest.fixture
def database_url(postgres: LocalPostgres) -> str:
    """The ledger on that server."""
    return postgres.url


@pytest.fixture
def pace() -> Pace:
    """A step that an outage interrupts is taken up again when its lease has run out."""
    return Pace(step_lease=2.0)


async def _remember(pool: Pool, seen: set[tuple[object, ...]]) -> None:
    """Take down every result that the ledger shows to others."""
    while True:
        seen |= {tuple(row) for row in await pool.fetch(_RESULTS)}
        await asyncio.sleep(_LOOK_SECONDS)


async def _storm(
    postgres: LocalPostgres, agents: Agents, pool: Pool, dice: random.Random
) -> set[tuple[object, ...]]:
    """Kill the server a few times; the results that were there before one of its deaths.

    The first death takes an agent along, as that of a machine would.
    """
    seen: set[tuple[object, ...]] = set()
    for number in range(_KILLS):
        async with running(_remember(pool, seen)):
            await asyncio.sleep(dice.uniform(0.3, 0.8))
        if number == 0:
            await until_running(pool)
            agents.kill(await agents.busy(pool))
        await crash(postgres)
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        await postgres.start()
    return seen


async def test_a_database_that_is_killed_loses_nothing_that_it_acknowledged(
    world: World,
    pool: Pool,
    orchestrator: Author,
    agents: Agents,
    postgres: LocalPostgres,
    dice: random.Random,
) -> None:
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await pool.fetchval("SELECT current_setting($1)", setting) == "on"
    tasks = [await orchestrator.submit(shaped(DIAMOND, dice, 50, 300)) for _ in range(_TASKS)]
    for _ in range(3):
        agents.start()
    await until_running(pool)
    seen = await _storm(postgres, agents, pool, dice)
    await completed(world, *tasks, within=30)
    outcomes = Counter(outcome for _, _, outcome in await attempts(pool))
    print(f"{len(seen)} results seen before a kill, attempts {dict(outcomes)}")
    assert 0 < len(seen) < _TASKS * len(DIAMOND), "the kills must come in the middle"
    assert outcomes["lost"] > 0, "an agent that died was missed although the rescuer had been away"
    assert seen <= {tuple(row) for row in await pool.fetch(_RESULTS)}
    assert postgres.log_file.read_text().count("was not properly shut down") == _KILLS
    assert await broken_invariants(pool) == {}
    agents.assert_alive()


async def _lost_without_a_grace(pool: Pool, url: str) -> list[UUID]:
    """What a rescuer would take at once if it asked for no grace; nothing is changed."""
    connection = await connect(url)
    try:
        question = connection.transaction()
        await question.start()
        lost = await SubtaskLedger(pool, connection).rescue(max_losses=100, grace_seconds=0)
        await question.rollback()
    finally:
        await connection.close()
    return lost


@pytest.mark.parametrize("pace", [_LONG_LEASE], ids=["long lease"])
async def test_an_outage_longer_than_a_lease_loses_no_attempt_of_a_living_agent(
    world: World,
    pool: Pool,
    orchestrator: Author,
    agents: Agents,
    postgres: LocalPostgres,
    pace: Pace,
) -> None:
    agent = agents.start()
    ends_meanwhile = planned("ends", estimated_duration=1200)
    goes_on = planned("goes", estimated_duration=3200)
    task_id = await orchestrator.submit(plan_of(ends_meanwhile, goes_on))
    await until_running(pool, 2)
    await crash(postgres)
    await asyncio.sleep(pace.lease + 0.3)
    agents.send(agent, signal.SIGSTOP)  # so that it renews nothing before we have looked
    await postgres.start()
    lapsed = await _lost_without_a_grace(pool, postgres.url)
    agents.send(agent, signal.SIGCONT)
    assert len(lapsed) == 2, "an outage that lets no lease run out proves nothing"
    another = await orchestrator.submit(plan_of(planned("later")))
    await completed(world, task_id, another, within=30)
    assert await attempts(pool) == [
        ("ends", 1, "completed"),
        ("goes", 1, "completed"),
        ("later", 1, "completed"),
    ]
    assert agents.signs.times("ends", 1) == 1, "what had ended was done again, not written down"
    assert await broken_invariants(pool) == {}
    agents.assert_alive()


@pytest.mark.parametrize("step", ["planning", "aggregating"])
async def test_what_was_thought_during_an_outage_is_kept(
    pool: Pool, orchestrators: Orchestrators, agents: Agents, postgres: LocalPostgres, step: str
) -> None:
    pid = orchestrators.start(Pace(step_lease=30), thinking=1.0)
    agents.start()
    await Author(pool).submit(plan_of(planned("only", estimated_duration=1)))
    await orchestrators.signs.seen(step, pid)
    await crash(postgres)
    await asyncio.sleep(1.5)
    await postgres.start()
    written = {"planning": "plan_version", "aggregating": "answer"}[step]
    await until(pool, f"SELECT {written} FROM tasks", within=5)
    assert orchestrators.signs.times(step, pid) == 1
