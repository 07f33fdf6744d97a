"""Steering a task: pause, resume, change its priority, run a part of it again."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Body, Response
from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from orchestrator.routes.subtasks import ONE_EDIT, Edited
from orchestrator.routes.tasks import task_after
from orchestrator.services import ServicesDep
from orchestrator.task_fields import Priority
from shared.models import Record, RerunPreview, Running, TaskView
from shared.problems import SmallBody, documented

router = APIRouter(prefix="/tasks/{task_id}", tags=["steering"], route_class=SmallBody)


class Pause(Record):
    """Whether running attempts may finish, or are given back and begin anew after the pause."""

    running: Running = "finish"


_FINISH = Pause()


class Changes(Record):
    """What can be changed of a task while it is worked; `seen` is the priority that was seen."""

    priority: Priority
    seen: Priority | None = None


class Rerun(Edited):
    """From which subtask on; `seen` of the preview confirms what was looked at."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["seen"], "properties": {"seen": {"type": "string"}}},
                {"required": ["preview"], "properties": {"preview": {"const": True}}},
            ],
            **ONE_EDIT,
        }
    )

    from_: UUID = Field(alias="from")
    preview: bool = False
    seen: Annotated[str, Field(pattern="^[0-9a-f]{32}$")] | None = None

    @model_validator(mode="after")
    def _confirmed(self) -> "Rerun":
        if not self.preview and self.seen is None:
            raise PydanticCustomError(
                "not_previewed", "give `seen` of a preview, or ask for one with `preview`: true"
            )
        return self


_PREVIEWED: dict[int | str, dict[str, object]] = {
    200: {"model": RerunPreview, "description": "What it would do"}
}


@router.post("/pause", status_code=202, responses=documented(400, 404, 409, 413, 422, 503))
async def pause(
    task_id: UUID, services: ServicesDep, wish: Annotated[Pause, Body()] = _FINISH
) -> TaskView:
    """Start nothing more of the task until it is resumed."""
    await services.steering.pause(task_id, releases=wish.running == "release")
    return await task_after(services, task_id)


@router.post("/resume", status_code=202, responses=documented(404, 409, 422, 503))
async def resume(task_id: UUID, services: ServicesDep) -> TaskView:
    """Let a paused task go on."""
    await services.steering.resume(task_id)
    return await task_after(services, task_id)


@router.patch("", responses=documented(400, 404, 409, 413, 422, 503))
async def change(
    task_id: UUID, wish: Annotated[Changes, Body()], services: ServicesDep
) -> TaskView:
    """Change the task's priority; what waits of it moves in the order at once."""
    await services.steering.prioritise(task_id, wish.priority, seen=wish.seen)
    return await task_after(services, task_id)


@router.post(
    "/rerun",
    status_code=202,
    response_model=TaskView,
    responses=_PREVIEWED | documented(400, 404, 409, 413, 422, 503),
)
async def rerun(
    task_id: UUID, wish: Annotated[Rerun, Body()], services: ServicesDep
) -> TaskView | Response:
    """Run a subtask and what depends on it again, or tell what that would mean."""
    if wish.preview:
        preview = await services.reruns.preview(task_id, wish.from_)
        return Response(preview.model_dump_json(), media_type="application/json")
    await services.reruns.rerun(task_id, wish.from_, seen=wish.seen or "", edit=wish.wanted_edit())
    return await task_after(services, task_id)
