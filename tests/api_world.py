"""The orchestrator over a real ledger and Valkey: its API, and apart from it its dispatcher."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from orchestrator.advance import Advancer
from orchestrator.app import create_app
from orchestrator.approval import Approvals
from orchestrator.dispatcher import Dispatcher, Ears
from orchestrator.event_stream import EventHub
from orchestrator.plan_rules import PlanRules
from orchestrator.request_body import Limits
from orchestrator.reruns import Reruns
from orchestrator.roster import Roster
from orchestrator.services import Services
from orchestrator.steering import Steering
from orchestrator.steps import Steps
from orchestrator.submission import Submissions
from orchestrator.system_monitor import SystemMonitor
from shared.background import running
from shared.database.agents import AgentLedger
from shared.database.connection import Pool
from shared.database.events import EventLedger
from shared.database.tasks import TaskLedger
from shared.database.views import Views
from shared.http_server import server_for
from shared.models import Assignment, Capability, Presence
from shared.queue import EVENTS, RESULTS, SUBMISSIONS, Calls, Doorbell, Ear
from shared.workspace import Workspace, manifest
from tests.chaos.author import Author
from tests.ledger_world import LEASE, World
from tests.planning_world import Team

LIMITS = Limits(files=5, upload_bytes=64 * 1024)
DESCRIPTION = "Compare the sales of both years"
ROLES = {"backend": "writes services"}
RULES = PlanRules(Team(offered=ROLES))
PROBLEM = "application/problem+json"


@dataclass
class Api:
    """One orchestrator process, as its callers and its agents meet it."""

    services: Services
    app: FastAPI
    world: World
    advancer: Advancer
    client: httpx.AsyncClient
    woken: list[None] = field(default_factory=list)

    @property
    def files(self) -> Path:
        """Where the tasks' files are."""
        return self.services.files

    async def submit(self, **fields: Any) -> dict[str, Any]:
        """An accepted task as the API shows it."""
        answer = await self.client.post("/tasks", json={"description": DESCRIPTION} | fields)
        assert answer.status_code == 202, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def task(self, task_id: UUID | str) -> dict[str, Any]:
        """A task as the API shows it."""
        answer = await self.client.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()["task"]
        return shown

    async def subtasks(self, task_id: UUID | str) -> dict[str, dict[str, Any]]:
        """A task's subtasks by key."""
        return {item["key"]: item for item in (await self.task(task_id))["subtasks"]}

    async def retry(self, task_id: UUID, subtask_id: UUID, **wish: Any) -> httpx.Response:
        """Ask for a subtask to be run again."""
        return await self.client.post(f"/tasks/{task_id}/subtasks/{subtask_id}/retry", json=wish)

    async def leave(self, assignment: Assignment, files: dict[str, bytes]) -> None:
        """Complete an attempt that leaves these files."""
        workspace = Workspace(self.files, assignment.task_id)
        workspace.prepare()
        folder = workspace.attempt(assignment.subtask_id, assignment.attempt)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
        entries = [entry.model_dump() for entry in await manifest(folder, list(files))]
        assert await self.world.complete(assignment, files=entries)
        await self.advancer.advance([assignment.task_id])

    async def appear(self, name: str, *capabilities: Capability, **changes: Any) -> None:
        """An agent tells that it is there."""
        presence = Presence(
            agent_id=name,
            profile="tester",
            url="http://127.0.0.1:1",
            capabilities=capabilities,
            slots=1,
            started_at=datetime.now(UTC),
        )
        await self.services.doorbell.appear(presence.model_copy(update=changes))
        await self.services.roster.refresh()


def digest(content: bytes) -> str:
    """SHA-256 in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def problem(answer: httpx.Response, status: int, slug: str, case: str = "") -> dict[str, Any]:
    """The answer's problem details, if they are the ones expected."""
    assert answer.status_code == status, f"{case}: {answer.text}"
    assert answer.headers["content-type"] == PROBLEM, case
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:quintet:problem:{slug}", f"{case}: {body}"
    assert body["status"] == status
    assert body["title"]
    assert body["detail"]
    return body


@asynccontextmanager
async def open_api(
    pool: Pool,
    redis_url: str,
    files: Path,
    *,
    limits: Limits = LIMITS,
    room: int = 1_000,
    sample_seconds: float = 5.0,
    require_approval: bool = False,
) -> AsyncIterator[Api]:
    """The app, called in process; no model, and no loop of its own."""
    woken: list[None] = []
    async with (
        Doorbell(redis_url) as doorbell,
        following(pool, redis_url, room=room, poll_seconds=0.1) as events,
        monitoring(pool, doorbell, sample_seconds=sample_seconds) as system,
    ):
        advancer = Advancer(pool, doorbell, files=files, owner=uuid4(), lease_seconds=LEASE)
        services = Services(
            views=Views(pool),
            doorbell=doorbell,
            roster=Roster(doorbell),
            submissions=Submissions(
                pool, doorbell, files=files, limits=limits, require_approval=require_approval
            ),
            steering=Steering(pool, advancer, doorbell, RULES),
            approvals=Approvals(pool, advancer, doorbell, RULES),
            reruns=Reruns(pool, advancer, RULES),
            files=files,
            simulated=True,
            wake=lambda: woken.append(None),
            events=events,
            agents=AgentLedger(pool),
            system=system,
        )
        app = create_app(services)
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://quintet") as client:
            yield Api(services, app, World(pool), advancer, client, woken)


@asynccontextmanager
async def monitoring(
    pool: Pool, doorbell: Doorbell, **limits: float
) -> AsyncIterator[SystemMonitor]:
    """The system's figures, read when they are asked for."""
    monitor = SystemMonitor(pool, doorbell, **limits)
    async with running(monitor.run()):
        yield monitor


@asynccontextmanager
async def following(pool: Pool, redis_url: str, **limits: Any) -> AsyncIterator[EventHub]:
    """A hub of events at work."""
    calls = Calls(redis_url, EVENTS)
    hub = EventHub(EventLedger(pool), calls, **limits)
    try:
        async with running(hub.run()):
            yield hub
    finally:
        await calls.close()


@asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[int]:
    """The app behind a real socket; yields its port."""
    server = server_for(app, host="127.0.0.1", port=0, grace_seconds=1, websockets=True)
    serving = asyncio.create_task(server.serve())
    try:
        async with asyncio.timeout(10):
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.finish()
        await serving


@asynccontextmanager
async def dispatching(pool: Pool, redis_url: str, files: Path) -> AsyncIterator[Dispatcher]:
    """A dispatcher at work; it hears and is told, but does not sweep. An author is its model."""
    author, owner = Author(pool), uuid4()
    ears = Ears(Ear(redis_url, [RESULTS]), Ear(redis_url, [SUBMISSIONS]))
    steps = Steps(pool, author, author, owner=owner, lease_seconds=LEASE, slots=4, simulated=True)
    async with Doorbell(redis_url) as doorbell:
        advancer = Advancer(pool, doorbell, files=files, owner=owner, lease_seconds=LEASE)
        dispatcher = Dispatcher(
            TaskLedger(pool),
            advancer,
            steps,
            ears,
            owner=owner,
            lease_seconds=LEASE,
            sweep_seconds=LEASE,
        )
        try:
            async with running(dispatcher.run()):
                yield dispatcher
        finally:
            await ears.results.close()
            await ears.submissions.close()
