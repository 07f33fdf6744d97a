"""Is it alive, and can it do its work?"""

from fastapi import APIRouter

from orchestrator.services import ServicesDep
from shared.errors import DependencyUnavailable
from shared.models import Readiness, Record
from shared.problems import documented

router = APIRouter(tags=["health"])


class Health(Record):
    """The process answers; `simulated` says whose words the model's are."""

    status: str
    simulated: bool


@router.get("/health")
async def health(services: ServicesDep) -> Health:
    """Alive."""
    return Health(status="ok", simulated=services.simulated)


@router.get("/ready", responses=documented(503))
async def ready(services: ServicesDep) -> Readiness:
    """Ready when PostgreSQL answers."""
    if not await services.views.answers():
        raise DependencyUnavailable("PostgreSQL does not answer")
    queue = await services.doorbell.ping()
    accepting = services.submissions
    return Readiness(
        status="ready" if queue else "ready, without Redis",
        simulated=services.simulated,
        database=True,
        queue=queue,
        require_approval=accepting.require_approval,
        max_files=accepting.limits.files,
        max_upload_bytes=accepting.limits.upload_bytes,
    )
