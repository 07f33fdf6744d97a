"""Plans: see, compare, edit, approve, send back."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Query
from pydantic import Field

from orchestrator.routes.tasks import task_after
from orchestrator.services import ServicesDep
from orchestrator.task_fields import Prose
from shared.models import Plan, PlanComparison, PlanHistory, PlanVersion, Record, TaskView
from shared.problems import SmallBody, documented

_Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
_Version = Annotated[int, Query(ge=1, le=2**31 - 1)]


class PlanBody(SmallBody):
    """A plan of 200 subtasks with long descriptions is no small body."""

    most = 1 << 23


router = APIRouter(prefix="/tasks/{task_id}", tags=["plans"], route_class=PlanBody)


class PlanEdit(Record):
    """A whole plan, and the hash of the version that it was made from."""

    hash: _Hash
    plan: Plan


class Approval(Record):
    """The version that may be worked, by its hash."""

    hash: _Hash


class Rejection(Record):
    """The version that is sent back, by its hash, and what should be different."""

    hash: _Hash
    feedback: Annotated[str, Prose(3, 5_000)]


@router.get("/plan", responses=documented(404, 422, 503))
async def show(task_id: UUID, services: ServicesDep) -> PlanVersion:
    """The version of the plan that counts."""
    return await services.approvals.current(task_id)


@router.get("/plan/versions", responses=documented(404, 422, 503))
async def versions(task_id: UUID, services: ServicesDep) -> PlanHistory:
    """Every version of the plan, oldest first."""
    return await services.approvals.history(task_id)


@router.get("/plan/comparison", responses=documented(404, 422, 503))
async def comparison(
    task_id: UUID, before: _Version, after: _Version, services: ServicesDep
) -> PlanComparison:
    """What changed from one version to another."""
    return await services.approvals.comparison(task_id, before, after)


@router.put("/plan", responses=documented(400, 404, 409, 413, 422, 503))
async def edit(
    task_id: UUID, wish: Annotated[PlanEdit, Body()], services: ServicesDep
) -> PlanVersion:
    """Replace a plan that waits for approval; the earlier versions are kept."""
    return await services.approvals.edit(task_id, wish.plan, seen=wish.hash)


@router.post("/approve", status_code=202, responses=documented(400, 404, 409, 413, 422, 503))
async def approve(
    task_id: UUID, wish: Annotated[Approval, Body()], services: ServicesDep
) -> TaskView:
    """Let a plan be worked."""
    await services.approvals.approve(task_id, seen=wish.hash)
    return await task_after(services, task_id)


@router.post("/reject", status_code=202, responses=documented(400, 404, 409, 413, 422, 503))
async def reject(
    task_id: UUID, wish: Annotated[Rejection, Body()], services: ServicesDep
) -> TaskView:
    """Send a plan back to the planner; a new version will wait for approval."""
    await services.approvals.reject(task_id, seen=wish.hash, feedback=wish.feedback)
    return await task_after(services, task_id)
