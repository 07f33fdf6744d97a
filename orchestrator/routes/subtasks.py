"""Subtasks: retry, cancel."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import Field

from orchestrator.routes.tasks import read_task
from orchestrator.services import ServicesDep
from orchestrator.task_fields import Prose, Whole
from shared.models import Record, TaskView
from shared.problems import SmallBody, documented

router = APIRouter(
    prefix="/tasks/{task_id}/subtasks/{subtask_id}", tags=["subtasks"], route_class=SmallBody
)


class Retry(Record):
    """The last attempt that was seen, and a better description if there is one."""

    attempt: Whole = Field(ge=0, le=2**31 - 1, strict=True)
    description: Annotated[str, Prose(1, 8_192)] | None = None


@router.post("/retry", status_code=202, responses=documented(400, 404, 409, 413, 422, 503))
async def retry(
    task_id: UUID, subtask_id: UUID, wish: Annotated[Retry, Body()], services: ServicesDep
) -> TaskView:
    """Run a failed or cancelled subtask again; what it blocked is freed."""
    await services.steering.retry(
        task_id, subtask_id, attempt=wish.attempt, description=wish.description
    )
    return (await read_task(services, task_id)).task


@router.post("/cancel", status_code=202, responses=documented(404, 409, 422, 503))
async def cancel(task_id: UUID, subtask_id: UUID, services: ServicesDep) -> TaskView:
    """Stop one subtask; what depends on it is blocked, the rest of the task goes on."""
    await services.steering.cancel_subtask(task_id, subtask_id)
    return (await read_task(services, task_id)).task
