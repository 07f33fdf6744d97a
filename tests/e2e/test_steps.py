"""The steps of tasks: how many at once, whose they are, and that what they spent counts once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from orchestrator.advance import Advancer
from orchestrator.analysis import Analysis
from orchestrator.dispatcher import Dispatcher, Ears
from orchestrator.steps import Steps
from shared import metrics
from shared.background import running
from shared.database.tasks import Request, TaskLedger
from shared.models import ModelUsage
from shared.queue import RESULTS, SUBMISSIONS, Doorbell, Ear
from tests.chaos.author import Author
from tests.ledger_world import LEASE, World, plan_of, planned
from tests.ticks import ticks

PLAN = plan_of(planned("only"))
EXPIRE = (
    "UPDATE tasks SET step_lease_until = now() - interval '1 second' WHERE step_owner IS NOT NULL"
)


@dataclass
class Patient(Author):
    """Thinks until it is told to stop, and remembers how many thought at once."""

    enough: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    at_once: int = 0
    most: int = 0

    async def analyse(self, request: Request) -> Analysis:
        """The plan that came with the task, when it is time."""
        self.asked += 1
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.enough.wait()
        finally:
            self.at_once -= 1
        return await super().analyse(request)


def steps_of(author: Author, owner: UUID, *, lease: float = LEASE, slots: int = 4) -> Steps:
    """The steps of an orchestrator with this author as its model."""
    return Steps(
        author.pool,
        author,
        author,
        owner=owner,
        lease_seconds=lease,
        slots=slots,
        simulated=True,
    )


@asynccontextmanager
async def dispatching(
    author: Author, owner: UUID, redis_url: str, files: Path, *, lease: float = 0.2
) -> AsyncIterator[None]:
    """An impatient orchestrator at work."""
    pool = author.pool
    ears = Ears(Ear(redis_url, [RESULTS]), Ear(redis_url, [SUBMISSIONS]))
    async with Doorbell(redis_url) as doorbell:
        dispatcher = Dispatcher(
            TaskLedger(pool),
            Advancer(pool, doorbell, files=files, owner=owner, lease_seconds=lease),
            steps_of(author, owner, lease=lease),
            ears,
            owner=owner,
            lease_seconds=lease,
            sweep_seconds=0.01,
        )
        try:
            async with running(dispatcher.run()):
                yield
        finally:
            await ears.results.close()
            await ears.submissions.close()


async def _nothing(task_id: UUID) -> None:
    """Nobody needs to hear of it."""


async def test_so_many_think_at_once_and_the_others_keep_their_lease(world: World) -> None:
    author = Patient(world.pool)
    tasks = {await author.submit(PLAN) for _ in range(6)}
    taken = await world.tasks.plan(owner=world.owner, lease_seconds=LEASE, limit=9)
    steps = steps_of(author, world.owner, slots=2)
    async with asyncio.TaskGroup() as group:
        for step in taken:
            steps.begin(group, step, _nothing)
        async for _ in ticks():
            if author.at_once == 2:
                break
        assert steps.held == tasks
        assert steps.free == 0
        author.enough.set()
    assert (author.asked, author.most) == (6, 2)
    assert steps.held == set()


async def test_a_step_is_taken_from_others_and_not_before_one_could_have_heard(
    world: World,
) -> None:
    task_id = await world.submit()
    step = await world.take(task_id)
    await world.pool.execute(EXPIRE)
    take_over = partial(world.tasks.take_over, owner=uuid4(), lease_seconds=LEASE, limit=5)
    assert not await take_over(held={task_id})
    assert not await take_over(grace_seconds=LEASE)
    (taken,) = await take_over(held={uuid4()})
    assert (taken.task_id, taken.attempt) == (task_id, step.attempt + 1)


async def test_an_earlier_attempt_of_the_same_owner_is_fenced(world: World) -> None:
    late = await world.take(await world.submit())
    await world.pool.execute(EXPIRE)
    owner = world.owner
    (now,) = await world.tasks.take_over(owner=owner, lease_seconds=LEASE, limit=5)
    renewed = await world.tasks.renew_steps([late, now], owner=owner, lease_seconds=LEASE)
    assert renewed == {now}


@pytest.mark.parametrize("here", [True, False], ids=["ours", "another's"])
async def test_a_lease_that_lapsed_ends_no_step_of_this_process(
    world: World, redis_url: str, tmp_path: Path, here: bool
) -> None:
    """An outage, or a laptop that slept: nobody renewed, and the model was asked all along."""
    author, owner = Patient(world.pool), uuid4()
    task_id = await author.submit(PLAN)
    if not here:
        assert await world.tasks.plan(owner=uuid4(), lease_seconds=LEASE, limit=1)
    counted = metrics.TAKEN_OVER.labels("planning")
    before = counted._value.get()
    async with dispatching(author, owner, redis_url, tmp_path):
        with suppress(TimeoutError):
            async with asyncio.timeout(0.6):
                while True:
                    await world.pool.execute(EXPIRE)
                    await asyncio.sleep(0.005)
        author.enough.set()
        async for _ in ticks():
            if await world.status(task_id) == "in_progress":
                break
    assert author.asked == 1
    assert counted._value.get() - before == (0 if here else 1)


async def test_what_a_step_spent_counts_once_however_often_it_is_written(world: World) -> None:
    task_id = await world.submit()
    usage = [ModelUsage(model="m", input_tokens=number) for number in (1, 1, 2)]
    for batch in (uuid4(), uuid4()):
        for _ in range(2):
            await world.tasks.record_calls(task_id, "planner", usage, batch=batch, simulated=True)
    spent = await world.pool.fetchval("SELECT array_agg(input_tokens ORDER BY id) FROM model_calls")
    assert spent == [1, 1, 2] * 2
