"""How the whole system does."""

from fastapi import APIRouter

from orchestrator.services import ServicesDep
from shared.models import Period, SystemView
from shared.problems import documented

router = APIRouter(tags=["system"])


@router.get("/system", responses=documented(422))
async def system(services: ServicesDep, period: Period = Period.HOUR) -> SystemView:
    """Work, durations, failures, money and what it all rests on; also while PostgreSQL is away.

    Read at most once in two seconds however many ask.
    """
    return await services.system.view(period)
