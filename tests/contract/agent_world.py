"""One agent over a real ledger and Valkey, whose work lasts until the test lets it end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from agent.attempt import Note, Notify
from agent.heartbeat import Leases
from agent.notes import NoteWriter
from agent.outcome import Completed, Outcome
from agent.presence import PresenceBeat
from agent.profiles import profile_named
from agent.service import create_app
from agent.settle import Settler
from agent.worker import Pace, Worker
from shared.background import running
from shared.database.connection import Pool
from shared.database.subtasks import Delivery, SubtaskLedger
from shared.models import AgentResult, Assignment, Band, Presence
from shared.queue import Doorbell, Ear, lists_for, routes_for
from tests.ledger_world import LEASE, World

SLOTS = 2
ROUTE = "data_analysis"
_IDLE = 30.0  # longer than a test: it runs what it was told to by name, nothing else


@dataclass
class Patient:
    """An executor that completes every attempt once it may."""

    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """Wait, then be done."""
        note(Note("said", "waiting"))
        await self.may_end.wait()
        return Completed(AgentResult(summary=f"{assignment.key} is done"))


class WatchedEar(Ear):
    """Tells when the worker has nothing to do but listen."""

    def __init__(self, url: str, keys: list[str]) -> None:
        super().__init__(url, keys)
        self.listening = asyncio.Event()

    async def wait(self, seconds: float, *, most: int = 64) -> list[str]:
        """Listen."""
        self.listening.set()
        return await super().wait(seconds, most=most)


@dataclass
class AgentApi:
    """An agent as its callers meet it."""

    app: FastAPI
    client: httpx.AsyncClient
    worker: Worker
    executor: Patient
    world: World

    async def execute(self, subtask_id: UUID | str) -> httpx.Response:
        """Ask for one subtask by name."""
        return await self.client.post("/execute", json={"subtask_id": str(subtask_id)})


@asynccontextmanager
async def open_agent(pool: Pool, redis_url: str) -> AsyncIterator[AgentApi]:
    """An agent put together as `agent.assembly` does, but for its executor."""
    ledger, owner, executor = SubtaskLedger(pool), uuid4(), Patient()
    profile = profile_named("analyst")
    ear = WatchedEar(redis_url, lists_for(profile.capabilities))
    async with Doorbell(redis_url) as doorbell:
        leases = Leases(ledger, owner=owner, lease_seconds=LEASE, interval=10)
        settler = Settler(ledger, doorbell, owner=owner, simulated=True)
        notes = NoteWriter(ledger, agent_id="agent-1")
        world = World(pool, owner)
        claimant = world.claimant(owner=owner, routes=tuple(routes_for(profile.capabilities)))
        worker = Worker(
            ledger=ledger,
            ear=ear,
            executor=executor,
            leases=leases,
            settler=settler,
            notes=notes,
            claimant=claimant,
            pace=Pace(slots=SLOTS, idle_seconds=_IDLE),
        )
        fixed = Presence(
            agent_id="agent-1",
            profile=profile.name,
            url="http://127.0.0.1:1",
            capabilities=profile.capabilities,
            slots=SLOTS,
            simulated=True,
            started_at=datetime.now(UTC),
        )
        beat = PresenceBeat(worker, doorbell, fixed, interval=10)
        app = create_app(worker, beat)
        transport = httpx.ASGITransport(app)
        async with (
            running(leases.run(), settler.run(), notes.run()),
            httpx.AsyncClient(transport=transport, base_url="http://agent") as client,
        ):
            working = asyncio.create_task(worker.run())
            await ear.listening.wait()
            yield AgentApi(app, client, worker, executor, world)
            executor.may_end.set()
            worker.stop()
            await doorbell.ring([Delivery(uuid4(), ROUTE, Band.NORMAL)])
            await working
    await ear.close()
