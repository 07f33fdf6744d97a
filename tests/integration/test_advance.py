"""What follows when something ends: joins, blocks, retries, closing, cancelling, rescuing."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from orchestrator.advance import Advancer
from orchestrator.rescuer import Rescuer
from orchestrator.steering import Steering
from shared.background import running
from shared.database.connection import Pool
from shared.models import Assignment, Band, ContextFile
from shared.queue import Doorbell, list_of
from shared.workspace import Workspace
from tests.api_world import RULES
from tests.ledger_world import LEASE, World, held, planned
from tests.ticks import ticks

_SHORT = 0.2  # seconds of lease, so that a rescue need not be waited for


@pytest.fixture
async def doorbell(redis_url: str) -> AsyncIterator[Doorbell]:
    """The bells of this test."""
    async with Doorbell(redis_url) as doorbell:
        yield doorbell


@pytest.fixture
def advancer(pool: Pool, doorbell: Doorbell, tmp_path: Path) -> Advancer:
    """One orchestrator's advancer."""
    return _advancer(pool, doorbell, tmp_path)


def _advancer(pool: Pool, doorbell: Doorbell, files: Path) -> Advancer:
    return Advancer(pool, doorbell, files=files, owner=uuid4(), lease_seconds=LEASE)


def _rescuer(pool: Pool, doorbell: Doorbell, url: str, *, max_losses: int = 3) -> Rescuer:
    return Rescuer(
        pool, doorbell, url=url, lease_seconds=_SHORT, interval=0.05, max_losses=max_losses
    )


async def _claim_all(world: World) -> dict[str, Assignment]:
    claimed = await world.claim_next(world.claimant(), limit=200)
    return {assignment.key: assignment for assignment in claimed}


async def test_two_ends_at_one_instant_release_their_join(
    world: World, pool: Pool, doorbell: Doorbell, tmp_path: Path
) -> None:
    orchestrators = [_advancer(pool, doorbell, tmp_path) for _ in range(2)]

    async def end(assignment: Assignment, orchestrator: Advancer) -> None:
        assert await world.complete(assignment)
        await orchestrator.advance([assignment.task_id])

    for _ in range(50):
        task_id = await world.ready(planned("a"), planned("b"), planned("join", "a", "b"))
        claimed = await _claim_all(world)
        await asyncio.gather(*map(end, claimed.values(), orchestrators))
        assert (await world.statuses(task_id))["join"] == "queued"
        await _claim_all(world)


async def test_a_failure_blocks_what_descends_from_it_and_nothing_else(
    world: World, advancer: Advancer
) -> None:
    task_id = await world.ready(
        planned("bad"),
        planned("good"),
        planned("child", "bad"),
        planned("grandchild", "child"),
        planned("mixed", "bad", "good"),
        planned("other", "good"),
    )
    claimed = await _claim_all(world)
    assert await world.fail(claimed["bad"])
    assert await world.complete(claimed["good"])
    assert await advancer.advance([task_id]) == []
    statuses = await world.statuses(task_id)
    blocked = {key for key, status in statuses.items() if status == "blocked"}
    assert blocked == {"child", "grandchild", "mixed"}
    assert statuses["other"] == "queued"


async def test_a_second_word_of_a_result_moves_nothing(
    world: World, pool: Pool, advancer: Advancer, doorbell: Doorbell
) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"), planned("c", "a"))
    assert await world.complete((await _claim_all(world))["a"])
    await advancer.advance([task_id])
    [runs] = await world.claim_next(world.claimant())
    events = "SELECT count(*) FROM events"
    before = await pool.fetchval(events)
    rung = await doorbell.depth(list_of("data_analysis", Band.NORMAL))
    for _ in range(3):
        assert await advancer.advance([task_id, task_id]) == []
    assert await pool.fetchval(events) == before
    assert await doorbell.depth(list_of("data_analysis", Band.NORMAL)) == rung == 2
    assert (await world.statuses(task_id))[runs.key] == "running"


async def test_a_retry_unblocks_only_what_no_other_failure_stands_before(
    world: World, pool: Pool, advancer: Advancer, doorbell: Doorbell
) -> None:
    task_id = await world.ready(
        planned("one"), planned("two"), planned("after-one", "one"), planned("after", "one", "two")
    )
    claimed = await _claim_all(world)
    for assignment in claimed.values():
        assert await world.fail(assignment)
    assert len(await advancer.advance([task_id])) == 1
    await pool.execute(
        "UPDATE tasks SET status = 'failed', step_owner = NULL, step_lease_until = NULL,"
        " finished_at = now()"
    )
    steering = Steering(pool, advancer, doorbell, RULES)
    await steering.retry(task_id, claimed["one"].subtask_id, attempt=1)
    assert await world.status(task_id) == "in_progress"
    assert await world.statuses(task_id) == {
        "one": "queued",
        "two": "failed",
        "after-one": "pending",
        "after": "blocked",
    }


async def test_ten_orchestrators_close_a_task_once(
    world: World, pool: Pool, doorbell: Doorbell, tmp_path: Path
) -> None:
    for _ in range(10):
        task_id = await world.ready(planned("only"))
        assert await world.complete((await _claim_all(world))["only"])
        steps = await asyncio.gather(
            *(_advancer(pool, doorbell, tmp_path).advance([task_id]) for _ in range(10))
        )
        assert [step.task_id for found in steps for step in found] == [task_id]
        assert await world.status(task_id) == "aggregating"


async def test_a_cancel_waits_for_what_runs(
    world: World, pool: Pool, advancer: Advancer, doorbell: Doorbell
) -> None:
    task_id = await world.ready(planned("runs"), planned("waits", "runs"))
    [mine] = (await _claim_all(world)).values()
    await Steering(pool, advancer, doorbell, RULES).cancel(task_id)
    await advancer.advance([task_id])
    assert await world.status(task_id) == "in_progress"
    assert await world.statuses(task_id) == {"runs": "running", "waits": "cancelled"}
    assert await world.subtasks.stop([held(mine)], owner=mine.owner)
    assert await advancer.advance([task_id]) == []
    assert await world.status(task_id) == "cancelled"


async def test_what_a_drained_agent_gives_back_of_a_cancelled_task_never_starts(
    world: World, pool: Pool, advancer: Advancer, doorbell: Doorbell
) -> None:
    task_id = await world.ready(planned("only"))
    [mine] = (await _claim_all(world)).values()
    await Steering(pool, advancer, doorbell, RULES).cancel(task_id)
    assert await world.subtasks.give_back([held(mine)], owner=mine.owner)
    await advancer.advance([task_id])
    assert await world.status(task_id) == "cancelled"
    assert await world.statuses(task_id) == {"only": "cancelled"}
    assert not await world.claim_next(world.claimant())


def _leave_file(files: Path, assignment: Assignment, text: str) -> None:
    folder = Workspace(files, assignment.task_id).attempt(assignment.subtask_id, assignment.attempt)
    folder.mkdir(parents=True)
    (folder / "report.txt").write_text(text)


async def test_files_are_published_before_dependents_may_start(
    world: World, pool: Pool, advancer: Advancer, tmp_path: Path
) -> None:
    task_id = await world.ready(planned("makes"), planned("reads", "makes"))
    [mine] = (await _claim_all(world)).values()
    _leave_file(tmp_path, mine, "42")
    files = [{"path": "report.txt", "size": 2, "sha256": "f" * 64}]
    assert await world.complete(mine, files=files, output={"z": 1, "a": 42}, summary="counted")
    published = Workspace(tmp_path, task_id).published(mine.subtask_id, 1) / "report.txt"

    async def watch() -> None:
        async for _ in ticks():
            if (await world.statuses(task_id))["reads"] != "pending":
                break
        assert await asyncio.to_thread(published.read_text) == "42"

    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        group.create_task(watch())
        group.create_task(advancer.advance([task_id]))
    assert await pool.fetchval("SELECT published FROM subtask_results")
    assert await advancer.advance([task_id]) == []  # what was moved is not looked for again
    [result] = await world.views.results(task_id)
    assert list(result.output) == ["z", "a"]  # in the order that its maker chose


async def test_an_assignment_brings_results_and_files_of_all_before_it(
    world: World, pool: Pool, advancer: Advancer
) -> None:
    task_id = await world.ready(planned("a"), planned("b"), planned("last", "a", "b"))
    await pool.execute(
        "INSERT INTO context_files (task_id, name, size, sha256) VALUES ($1, 'in.csv', 3, 'aa')",
        task_id,
    )
    for key, mine in (await _claim_all(world)).items():
        files = [{"path": f"{key}.txt", "size": 1, "sha256": "bb"}]
        assert await world.complete(mine, summary=f"did {key}", output={"n": key}, files=files)
    await advancer.advance([task_id])
    last = (await _claim_all(world))["last"]
    assert last.context_files == (ContextFile(name="in.csv", size=3, sha256="aa"),)
    told = [(p.key, p.summary, p.output, p.files[0].path) for p in last.prerequisites]
    assert told == [
        ("a", "did a", {"n": "a"}, "a.txt"),
        ("b", "did b", {"n": "b"}, "b.txt"),
    ]


async def test_a_sweep_finds_what_every_bell_missed(world: World) -> None:
    join = await world.ready(planned("a"), planned("b", "a"))
    closing = await world.ready(planned("x"))
    blocking = await world.ready(planned("f"), planned("g", "f"))
    busy = await world.ready(planned("z"))
    claimed = await _claim_all(world)
    for key in ("a", "x"):
        assert await world.complete(claimed[key])
    assert await world.fail(claimed["f"])
    found = await world.tasks.to_advance()
    assert set(found) == {join, closing, blocking}
    assert busy not in found


async def _lose(world: World, task_id: UUID, *, cancelled: bool = False) -> None:
    """Claimed by an agent that is never heard of again."""
    assert await world.claim_next(world.claimant(lease_seconds=_SHORT))
    if cancelled:
        await world.pool.execute("UPDATE tasks SET cancel_requested = true WHERE id = $1", task_id)


async def test_a_silent_agents_work_is_queued_again_and_rung_for(
    world: World, pool: Pool, doorbell: Doorbell, database_url: str
) -> None:
    task_id = await world.ready(planned("only"))
    await _lose(world, task_id)
    async with running(_rescuer(pool, doorbell, database_url).run()), asyncio.timeout(3):
        async for _ in ticks():
            if await world.statuses(task_id) == {"only": "queued"}:
                break
        async for _ in ticks():
            if await doorbell.depth(list_of("data_analysis", Band.NORMAL)):
                break
    row = await pool.fetchrow("SELECT outcome::text, losses FROM attempts, subtasks")
    assert tuple(row or ()) == ("lost", 1)


@pytest.mark.parametrize(
    ("cancelled", "ends", "outcome"), [(False, "failed", "lost"), (True, "cancelled", "cancelled")]
)
async def test_a_poisonous_or_cancelled_attempt_is_not_run_again(
    world: World,
    pool: Pool,
    doorbell: Doorbell,
    database_url: str,
    *,
    cancelled: bool,
    ends: str,
    outcome: str,
) -> None:
    task_id = await world.ready(planned("only"))
    await _lose(world, task_id, cancelled=cancelled)
    rescuer = _rescuer(pool, doorbell, database_url, max_losses=1)
    async with running(rescuer.run()), asyncio.timeout(3):
        async for _ in ticks():
            if await world.statuses(task_id) == {"only": ends}:
                break
    assert await pool.fetchval("SELECT outcome::text FROM attempts") == outcome


async def test_a_rescuer_outlives_its_connection(
    world: World, pool: Pool, doorbell: Doorbell, database_url: str
) -> None:
    task_id = await world.ready(planned("only"))
    kill = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
        " WHERE application_name = 'quintet rescuer' AND datname = current_database()"
    )
    async with running(_rescuer(pool, doorbell, database_url).run()), asyncio.timeout(5):
        async for _ in ticks():
            if await pool.fetchval(kill):
                break
        await _lose(world, task_id)
        async for _ in ticks():
            if await world.statuses(task_id) == {"only": "queued"}:
                break
