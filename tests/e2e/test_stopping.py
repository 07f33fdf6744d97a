"""What runs for ever ends when it is cancelled, even while PostgreSQL does not say a word."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import uuid4

import pytest

from orchestrator.attendance import Attendance
from orchestrator.event_keeper import EventKeeper
from orchestrator.metrics import LedgerGauges
from orchestrator.roster import Roster
from orchestrator.steps import Steps
from orchestrator.system_sampler import SystemSampler
from shared.database.connection import Pool, open_pool, transaction
from shared.database.events import EventLedger
from shared.database.metrics import LedgerFigures
from shared.database.system import SystemLedger
from shared.database.tasks import Step, TaskLedger
from shared.errors import DependencyUnavailable
from shared.queue import Doorbell
from shared.states import TaskStatus
from tests.chaos.author import Author
from tests.database_line import Line


@pytest.fixture
async def line(database_url: str) -> AsyncIterator[Line]:
    """A way to the ledger."""
    async with Line(database_url).open() as line:
        yield line


@pytest.fixture
async def far(line: Line, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pool]:
    """A pool whose connections go that way; they are given up after half a second."""
    monkeypatch.setattr("shared.database.connection._GOODBYE", 0.5)
    pool = await open_pool(line.url, minimum=2, maximum=4)
    yield pool
    pool.terminate()


async def stopped(loop: Awaitable[None], line: Line, *, after: float = 0.1) -> None:
    """Run until everything stands still, then cancel; it must end soon."""
    task = asyncio.ensure_future(loop)
    await asyncio.sleep(after)
    line.freeze()
    await asyncio.sleep(after)
    task.cancel()
    done, _ = await asyncio.wait([task], timeout=5)
    assert done, "it goes on"
    assert task.cancelled()


async def test_a_transaction_that_is_cancelled_midway_says_so(far: Pool, line: Line) -> None:
    async def forever() -> None:
        while True:
            try:
                async with transaction(far) as connection:
                    await TaskLedger(far, connection).to_advance()
            except DependencyUnavailable:
                await asyncio.sleep(0.01)

    await stopped(forever(), line)


async def test_loops_end(far: Pool, line: Line, redis_url: str) -> None:
    events = EventLedger(far)
    loops: list[Callable[[Doorbell], Awaitable[None]]] = [
        lambda _: EventKeeper(events, days=1, interval=0.01).run(),
        lambda doorbell: Attendance(events, Roster(doorbell), interval=0.01).run(),
        lambda _: SystemSampler(SystemLedger(far), interval=0.01).run(),
        lambda _: LedgerGauges(LedgerFigures(far), counted_every=0.01, checked_every=0.01).run(),
    ]
    async with Doorbell(redis_url) as doorbell, asyncio.TaskGroup() as group:
        for loop in loops:
            group.create_task(stopped(loop(doorbell), line))


async def test_a_step_that_insists_ends(far: Pool, line: Line) -> None:
    author, owner = Author(far), uuid4()
    steps = Steps(far, author, author, owner=owner, lease_seconds=60, slots=4, simulated=True)

    async def insist() -> None:
        async with asyncio.TaskGroup() as group:
            steps.begin(group, Step(uuid4(), TaskStatus.PLANNING, 1), _nothing)

    line.freeze()
    await stopped(insist(), line)


async def _nothing(task_id: object) -> None:
    """Nobody needs to hear of it."""
