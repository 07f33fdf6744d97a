"""Subtasks: retry, cancel."""

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter, Body
from pydantic import ConfigDict, Field, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from orchestrator.routes.tasks import task_after
from orchestrator.services import ServicesDep
from orchestrator.task_fields import Prose, Whole
from shared.models import Record, SubtaskEdit, TaskView
from shared.problems import SmallBody, documented

router = APIRouter(
    prefix="/tasks/{task_id}/subtasks/{subtask_id}", tags=["subtasks"], route_class=SmallBody
)


ONE_EDIT: JsonDict = {
    "not": {
        "required": ["description", "edit"],
        "properties": {"description": {"type": "string"}, "edit": {"type": "object"}},
    }
}


class Edited(Record):
    """What should be different this time: an `edit`, or in short only a better `description`."""

    model_config = ConfigDict(json_schema_extra=ONE_EDIT)

    description: Annotated[str, Prose(1, 8_192)] | None = None
    edit: SubtaskEdit | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if self.description is not None and self.edit is not None:
            raise PydanticCustomError(
                "two_edits", "give either `edit` or `description`, which is short for it"
            )
        return self

    def wanted_edit(self) -> SubtaskEdit | None:
        """The edit, if there is one."""
        if self.description is not None:
            return SubtaskEdit(description=self.description)
        return self.edit


class Retry(Edited):
    """The last attempt that was seen, and what should be different this time."""

    attempt: Whole = Field(ge=0, le=2**31 - 1, strict=True)


@router.post("/retry", status_code=202, responses=documented(400, 404, 409, 413, 422, 503))
async def retry(
    task_id: UUID, subtask_id: UUID, wish: Annotated[Retry, Body()], services: ServicesDep
) -> TaskView:
    """Run a failed or cancelled subtask again; what it blocked is freed."""
    await services.steering.retry(
        task_id, subtask_id, attempt=wish.attempt, edit=wish.wanted_edit()
    )
    return await task_after(services, task_id)


@router.post("/cancel", status_code=202, responses=documented(404, 409, 422, 503))
async def cancel(task_id: UUID, subtask_id: UUID, services: ServicesDep) -> TaskView:
    """Stop one subtask; what depends on it is blocked, the rest of the task goes on."""
    await services.steering.cancel_subtask(task_id, subtask_id)
    return await task_after(services, task_id)
