"""An agent's loop on a real ledger and Valkey, with a body that the test plays."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from uuid import uuid4

from agent.attempt import Executor, Notify
from agent.heartbeat import Leases
from agent.notes import NoteWriter
from agent.outcome import Completed, Outcome, Spent
from agent.settle import Settler
from agent.worker import Pace, Worker
from shared.background import running
from shared.database.connection import Pool
from shared.database.subtasks import SubtaskLedger
from shared.models import AgentResult, Assignment
from shared.queue import Calls, Doorbell, Ear, lists_for, routes_for
from tests.ledger_world import World

CAPABILITIES = ("data_analysis",)
DONE = Completed(AgentResult(summary="done"))

Body = Callable[[Assignment], Awaitable[Outcome]]


@dataclass
class Played:
    """An executor whose body the test gives; tells what began, what was stopped and its cost."""

    body: Body
    spent: Spent = field(default_factory=Spent)
    began: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """Play the body."""
        self.began.set()
        try:
            return await self.body(assignment)
        except BaseException as error:
            note(self.spent)
            if isinstance(error, asyncio.CancelledError):
                self.stopped.set()
            raise


@dataclass
class Agent:
    """A working agent and what it is made of."""

    worker: Worker
    executor: Played
    doorbell: Doorbell


async def at_once(_: Assignment) -> Outcome:
    """Done already."""
    return DONE


async def for_ever(_: Assignment) -> Outcome:
    """Until it is stopped."""
    await asyncio.Event().wait()
    return DONE


@asynccontextmanager
async def working_agent(
    pool: Pool,
    redis_url: str,
    body: Body,
    *,
    lease: float = 60,
    drain: float = 1,
    slots: int = 2,
    executor: Executor | None = None,
) -> AsyncIterator[Agent]:
    """An agent at work for the time of the block, as `agent.assembly` puts it together.

    An `executor` works instead of the body.
    """
    ledger, owner = SubtaskLedger(pool), uuid4()
    ear, calls = Ear(redis_url, lists_for(CAPABILITIES)), Calls(redis_url)
    async with Doorbell(redis_url) as doorbell, AsyncExitStack() as stack:
        stack.push_async_callback(calls.close)
        stack.push_async_callback(ear.close)
        leases = Leases(ledger, owner=owner, lease_seconds=lease, interval=lease / 6)
        settler = Settler(ledger, doorbell, owner=owner, simulated=True)
        played = Played(body)
        worker = Worker(
            ledger=ledger,
            ear=ear,
            executor=executor or played,
            leases=leases,
            settler=settler,
            notes=NoteWriter(ledger, agent_id="agent-1"),
            claimant=World(pool).claimant(
                owner=owner, routes=tuple(routes_for(CAPABILITIES)), lease_seconds=lease
            ),
            pace=Pace(slots=slots, drain_seconds=drain, idle_seconds=0.2),
        )
        async with running(leases.run(), settler.run(), _listen(calls, leases)):
            working = asyncio.create_task(worker.run())
            try:
                yield Agent(worker, played, doorbell)
            finally:
                worker.stop()
                await asyncio.wait([working], timeout=10)
            await working


async def _listen(calls: Calls, leases: Leases) -> None:
    while True:
        if await calls.wait(5.0):
            leases.nudge()
