"""The agent's own API: is it alive, what does it do, and do this one subtask now."""

from typing import TypeVar
from uuid import UUID

from fastapi import FastAPI

from agent.check_probes import CheckProbes
from agent.presence import PresenceBeat
from agent.worker import Worker
from shared import http_metrics
from shared.errors import NotFound
from shared.models import PlannedCheck, Presence, Record
from shared.problems import SmallBody, documented, install

VERSION = "0.1.0"
TITLE = "Quintet agent"

T = TypeVar("T")


class Health(Record):
    """The process answers."""

    status: str
    agent_id: str
    simulated: bool


class Execution(Record):
    """Which subtask to execute."""

    subtask_id: UUID


class Started(Record):
    """What was claimed."""

    subtask_id: UUID
    attempt: int


class Probe(Record):
    """Which checks to try; the orchestrator wrote them into the ledger."""

    probe_id: UUID


class Probed(Record):
    """The checks, each marked vacuous or not, in their order."""

    checks: tuple[PlannedCheck, ...]


def create_app(
    worker: Worker | None, beat: PresenceBeat | None, probes: CheckProbes | None = None
) -> FastAPI:
    """The app; without a worker it can only describe itself."""
    app = FastAPI(title=TITLE, version=VERSION, separate_input_output_schemas=False)
    app.router.route_class = SmallBody

    @app.get("/health")
    async def health() -> Health:
        """Alive."""
        present = _there(beat).present()
        status = "draining" if present.draining else "ok"
        return Health(status=status, agent_id=present.agent_id, simulated=present.simulated)

    @app.get("/status")
    async def status() -> Presence:
        """What it does, and how it is."""
        return _there(beat).present()

    @app.post("/execute", status_code=202, responses=documented(400, 409, 413, 422, 503))
    async def execute(wish: Execution) -> Started:
        """Claim one subtask and start on it: 409 when it is not claimable, 503 when busy."""
        assignment = await _there(worker).accept(wish.subtask_id)
        return Started(subtask_id=assignment.subtask_id, attempt=assignment.attempt)

    @app.post("/probe", responses=documented(400, 404, 413, 422, 503))
    async def probe(wish: Probe) -> Probed:
        """Try checks where no work was done: what passes there is vacuous."""
        if probes is None:
            raise NotFound(
                "this agent's executor tries no checks",
                slug="no-probes",
                remedy="ask an agent that runs on the Claude Agent SDK",
            )
        return Probed(checks=await probes.probe(wish.probe_id))

    install(app)
    http_metrics.install(app)
    return app


def _there(part: T | None) -> T:
    assert part is not None  # only the description of the API is made without parts  # noqa: S101
    return part
