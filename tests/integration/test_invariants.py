"""What must not be in the ledger: what production looks for is what the chaos tests look for."""

import re
from pathlib import Path

import pytest

from shared.database.connection import Pool
from shared.database.metrics import INVARIANTS, LedgerFigures
from shared.database.statements import load
from shared.database.tasks import Failure
from shared.states import FailureKind
from tests.api_world import open_api
from tests.chaos.ending import broken_invariants
from tests.ledger_world import World, planned

CHAOS = Path(__file__).parents[1] / "chaos" / "invariants.sql"


async def test_every_statement_prepares_on_the_migrated_schema(pool: Pool) -> None:
    async with pool.acquire() as connection:
        for statement in [*load("metrics").values(), *load(INVARIANTS).values()]:
            await connection.prepare(statement)


@pytest.mark.parametrize("status", ["running", "blocked", "completed"])
async def test_chaos_and_production_judge_alike(world: World, pool: Pool, status: str) -> None:
    names = re.findall(r"^-- name: (\w+)$", CHAOS.read_text(), flags=re.MULTILINE)
    assert names == list(load(INVARIANTS))
    await world.ready(planned("a"), planned("b", "a"))
    other = await world.ready(planned("c"))
    for assignment in await world.claim_next(world.claimant(), limit=2):
        await world.complete(assignment)
    figures = LedgerFigures(pool)
    assert await broken_invariants(pool) == {}
    assert not any((await figures.violations(None)).values())
    for key in ("b", "c"):
        subtask = await pool.fetchval("SELECT id FROM subtasks WHERE key = $1", key)
        await world.force(subtask, status)
    everything = await figures.violations(None)
    assert {name: n for name, n in everything.items() if n} == await broken_invariants(pool) != {}
    assert await figures.violations(await figures.changed()) == everything
    await pool.execute("DELETE FROM events WHERE task_id <> $1", other)
    recent = await figures.violations(await figures.changed())
    assert sum(recent.values()) < sum(everything.values()), "it looks at what changed, no further"


async def test_an_end_after_a_reopening_by_hand_is_not_one_too_many(
    world: World, pool: Pool, redis_url: str, tmp_path: Path
) -> None:
    task_id = await world.ready(planned("only"))
    async with open_api(pool, redis_url, tmp_path) as api:
        for _ in range(2):
            (assignment,) = await world.claim_next(world.claimant())
            assert await world.fail(assignment)
            (step,) = await api.advancer.advance([task_id])
            owner = await pool.fetchval("SELECT step_owner FROM tasks")
            failure = Failure(FailureKind.BUSINESS, "a part failed")
            assert await world.tasks.fail(step, failure, owner=owner)
            answer = await api.retry(task_id, assignment.subtask_id, attempt=assignment.attempt)
            assert answer.status_code < 300, answer.text
            await api.advancer.advance([task_id])
    figures = LedgerFigures(pool)
    violations = await figures.violations(await figures.changed())
    assert {name: n for name, n in violations.items() if n} == {}


async def test_events_that_were_forgotten_are_not_missed(world: World, pool: Pool) -> None:
    await world.ready(planned("old"), planned("new"))
    for assignment in await world.claim_next(world.claimant(), limit=2):
        await world.complete(assignment)
    await pool.execute("DELETE FROM events WHERE id < (SELECT max(id) FROM events)")
    figures = LedgerFigures(pool)
    assert not any((await figures.violations(await figures.changed())).values())
