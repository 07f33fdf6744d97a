"""How much faster a fleet is than one slot, and how many empty subtasks it moves a second.

    python -m tests.benchmarks.dispatch

Real PostgreSQL (durable) and Valkey, the real dispatcher, rescuer and workers in one process;
only the work itself is a sleep, and the answer is written without a model.
"""

import asyncio
import tempfile
import time
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from agent.attempt import Note
from agent.heartbeat import Leases
from agent.settle import Settler
from agent.worker import Pace, Worker
from orchestrator.advance import Advancer
from orchestrator.aggregator import plain_answer
from orchestrator.analysis import Analysis, Answer
from orchestrator.dispatcher import Dispatcher, Ears
from orchestrator.steps import Steps
from scripts.local_servers import LocalPostgres, LocalValkey
from shared.background import running
from shared.database.connection import Pool, open_pool
from shared.database.migrate import migrate
from shared.database.tasks import Request, TaskLedger
from shared.models import Assignment, Plan, TaskDetail
from shared.queue import RESULTS, SUBMISSIONS, Doorbell, Ear, lists_for
from tests.benchmarks.sleeper import Sleeper
from tests.ledger_world import World, plan_of, planned

LEASE = 60.0
CAPABILITIES = ("data_analysis",)
TASKS_AT_ONCE = 50


class NoNotes:
    """Drops notes: they are not what is measured."""

    def add(self, assignment: Assignment, note: Note) -> None:
        """Drop it."""


class NoModel:
    """Stands in the model's place: plans come from the benchmark, answers are plain lists."""

    def __init__(self, plans: Mapping[UUID, Plan]) -> None:
        self._plans = plans

    async def analyse(self, request: Request) -> Analysis:
        """The plan that the benchmark made for this task."""
        return Analysis(self._plans[request.task_id])

    async def aggregate(self, request: Request, detail: TaskDetail) -> Answer:
        """A plain list of results."""
        return Answer(plain_answer(detail, "done"))


def fan(width: int) -> Plan:
    """root -> width -> join."""
    middle = [planned(f"n{number}", "root") for number in range(width)]
    return plan_of(planned("root"), *middle, planned("join", *(node.id for node in middle)))


def layered(layers: int, width: int) -> Plan:
    """Each node needs two of the layer before."""
    nodes = [
        planned(
            f"l{layer}n{place}",
            *((f"l{layer - 1}n{place}", f"l{layer - 1}n{(place + 1) % width}") if layer else ()),
        )
        for layer in range(layers)
        for place in range(width)
    ]
    return plan_of(*nodes)


class Fleet:
    """Dispatcher and workers on one database."""

    def __init__(self, stack: AsyncExitStack, pool: Pool, redis_url: str) -> None:
        self.stack, self.pool, self.redis_url = stack, pool, redis_url
        self.owner = uuid4()
        self.plans: dict[UUID, Plan] = {}

    async def start(self, *, agents: int, slots: int, executor: Sleeper) -> None:
        """Bring everything up; it ends with the stack."""
        doorbell = await self.stack.enter_async_context(Doorbell(self.redis_url))
        files = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        advancer = Advancer(self.pool, doorbell, files=files, owner=self.owner, lease_seconds=LEASE)
        model = NoModel(self.plans)
        steps = Steps(
            self.pool,
            model,
            model,
            owner=self.owner,
            lease_seconds=LEASE,
            slots=16,
            simulated=True,
        )
        ears = Ears(self.ear([RESULTS]), self.ear([SUBMISSIONS]))
        dispatcher = Dispatcher(
            TaskLedger(self.pool),
            advancer,
            steps,
            ears,
            owner=self.owner,
            lease_seconds=LEASE,
            sweep_seconds=1,
        )
        loops = [dispatcher.run()]
        for number in range(agents):
            loops += self.agent(number, slots, executor, doorbell)
        await self.stack.enter_async_context(running(*loops))

    def ear(self, keys: list[str]) -> Ear:
        """An ear that is closed with the stack."""
        ear = Ear(self.redis_url, keys)
        self.stack.push_async_callback(ear.close)
        return ear

    def agent(
        self, number: int, slots: int, executor: Sleeper, doorbell: Doorbell
    ) -> list[Coroutine[Any, Any, None]]:
        """The loops of one agent."""
        world = World(self.pool)
        claimant = world.claimant(*CAPABILITIES, agent_id=f"agent-{number}")
        ledger = world.subtasks
        leases = Leases(ledger, owner=claimant.owner, lease_seconds=LEASE, interval=10)
        settler = Settler(ledger, doorbell, owner=claimant.owner, simulated=True)
        worker = Worker(
            ledger=ledger,
            ear=self.ear(lists_for(CAPABILITIES)),
            executor=executor,
            leases=leases,
            settler=settler,
            notes=NoNotes(),
            claimant=claimant,
            pace=Pace(slots),
        )
        return [leases.run(), settler.run(), worker.run()]


async def makespan(fleet: Fleet, plans: list[Plan]) -> float:
    """Seconds from submitting the plans to the last answer."""
    pool, tasks = fleet.pool, [uuid4() for _ in plans]
    fleet.plans |= dict(zip(tasks, plans, strict=True))
    async with Doorbell(fleet.redis_url) as doorbell:
        began = time.perf_counter()
        for task_id in tasks:
            await World(pool).submit(task_id)
            await doorbell.ring_submission(task_id)
    open_ones = "SELECT count(*) FROM tasks WHERE finished_at IS NULL AND id = any($1)"
    while await pool.fetchval(open_ones, tasks):  # noqa: ASYNC110 - the ledger has no event
        await asyncio.sleep(0.005)
    return time.perf_counter() - began


async def measure(
    url: str, redis_url: str, plans: list[Plan], *, agents: int, slots: int, executor: Sleeper
) -> float:
    """The makespan of the plans on a fleet of its own."""
    async with AsyncExitStack() as stack:
        pool = await open_pool(url, minimum=4, maximum=20)
        stack.push_async_callback(pool.close)
        fleet = Fleet(stack, pool, redis_url)
        await fleet.start(agents=agents, slots=slots, executor=executor)
        return await makespan(fleet, plans)


async def main() -> None:
    """Measure and print; ratios are of runs within this one process."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        async with LocalPostgres(root / "postgres") as postgres, LocalValkey(root / "v") as valkey:
            url = postgres.database_url("bench")
            await migrate(url)
            work = Sleeper(0.05)
            one = await measure(url, valkey.url, [fan(40)], agents=1, slots=1, executor=work)
            many = await measure(url, valkey.url, [fan(40)], agents=5, slots=4, executor=work)
            bound = 0.05 * (1 + 40 / 20 + 1)
            print(f"42 subtasks of 50 ms, one slot        {one:6.2f} s")
            print(f"42 subtasks of 50 ms, 5 x 4 slots     {many:6.2f} s")
            print(f"faster than one after another         {one / many:6.1f} x")
            print(f"of the bound ({bound:.2f} s)                {many / bound:6.2f} x")
            tasks = [fan(3)] * TASKS_AT_ONCE
            seconds = await measure(url, valkey.url, tasks, agents=5, slots=4, executor=work)
            bound = 0.05 * sum(len(plan.subtasks) for plan in tasks) / 20
            print(f"{TASKS_AT_ONCE} tasks of 5 such subtasks at once    {seconds:6.2f} s")
            print(f"of the bound ({bound:.2f} s)                {seconds / bound:6.2f} x")
            for name, plans in (
                ("fan 1-100-1 x 10", [fan(100)] * 10),
                ("layered 10 x 10 x 10", [layered(10, 10)] * 10),
            ):
                seconds = await measure(
                    url, valkey.url, plans, agents=5, slots=4, executor=Sleeper(0)
                )
                count = sum(len(plan.subtasks) for plan in plans)
                print(f"empty subtasks, {name:<22}{count / seconds:6.0f} /s")


if __name__ == "__main__":
    asyncio.run(main())
