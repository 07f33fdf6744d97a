"""Tasks: submit, list, show, cancel, logs."""

import base64
import json
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from orchestrator.locked import no_task
from orchestrator.services import Services, ServicesDep
from orchestrator.task_fields import TaskSubmission
from orchestrator.waiting import explain
from shared.database.views import TaskFilter
from shared.errors import DependencyUnavailable, InvalidRequest
from shared.models import AttemptView, LogPage, Record, TaskDetail, TaskPage, TaskView
from shared.problems import documented
from shared.states import TaskStatus

router = APIRouter(prefix="/tasks", tags=["tasks"])

_JSON = TaskSubmission.model_json_schema()
_FILES = {"type": "array", "items": {"type": "string", "format": "binary"}}
_FORM: dict[str, Any] = _JSON | {
    "description": "The same, with files; how many and how large is the operator's choice.",
    "properties": _JSON["properties"]
    | {
        name: _JSON["properties"][name]["anyOf"][0]
        for name in ("title", "review", "require_approval")
    }  # no null
    | {"files": _FILES},
}
_ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {
        "description": "Accepted, now or before with the same Idempotency-Key",
        "headers": {
            "Location": {
                "description": "Where the task is shown",
                "required": True,
                "schema": {"type": "string", "pattern": "^/tasks/[0-9a-f-]{36}$"},
            },
            "Idempotent-Replayed": {
                "description": "The key was known: this is the task it made",
                "schema": {"type": "string", "const": "true"},
            },
        },
    }
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _JSON},
            "multipart/form-data": {"schema": _FORM},
        },
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
        }
    ],
}
_NO_NUL = r"^[^\x00]*$"  # PostgreSQL's text holds no NUL
_CURSOR: dict[str, Any] = {"format": "cursor", "description": "`next_cursor` of the page before"}


class AttemptList(Record):
    """Every try at every subtask of a task."""

    attempts: tuple[AttemptView, ...]


@router.post(
    "",
    status_code=202,
    response_model=TaskView,
    openapi_extra=_BODY,
    responses=_ACCEPTED | documented(400, 413, 415, 422, 503),
)
async def submit(request: Request, response: Response, services: ServicesDep) -> TaskView:
    """Accept a task; it is planned and worked afterwards."""
    accepted = await services.submissions.accept(request)
    services.wake()
    response.headers["Location"] = f"/tasks/{accepted.task_id}"
    if accepted.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return (await read_task(services, accepted.task_id)).task


@router.get("", responses=documented(422, 503))
async def list_tasks(
    services: ServicesDep,
    status: Annotated[list[TaskStatus] | None, Query()] = None,
    user_id: Annotated[str | None, Query(max_length=128, pattern=_NO_NUL)] = None,
    text: Annotated[str | None, Query(max_length=200, pattern=_NO_NUL)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(max_length=200, json_schema_extra=_CURSOR)] = None,
) -> TaskPage:
    """A page of tasks, newest first; `status` may be repeated to ask for several."""
    wanted = TaskFilter(tuple(status or ()), user_id, text, _read_cursor(cursor))
    found = await services.views.tasks(wanted, limit=limit + 1)
    page = found[:limit]
    more = len(found) > limit
    cursor_after = _write_cursor(page[-1].created_at, page[-1].id) if more else None
    return TaskPage(tasks=tuple(page), next_cursor=cursor_after)


@router.get("/{task_id}", responses=documented(404, 422, 503))
async def show(task_id: UUID, services: ServicesDep) -> TaskDetail:
    """A task, whole: plan, progress, answer, artifacts, price, and why anything waits."""
    return await read_task(services, task_id)


@router.post("/{task_id}/cancel", status_code=202, responses=documented(404, 409, 422, 503))
async def cancel(task_id: UUID, services: ServicesDep) -> TaskView:
    """Stop a task and everything that runs for it."""
    await services.steering.cancel(task_id)
    return await task_after(services, task_id)


@router.get("/{task_id}/logs", responses=documented(404, 422, 503))
async def logs(
    task_id: UUID,
    services: ServicesDep,
    subtask_id: UUID | None = None,
    after: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 200,
    last: Annotated[int | None, Query(ge=1, le=1_000)] = None,
) -> LogPage:
    """What the agents said and did after `after`, in order: the first `limit` lines of it.

    With `last` instead of `limit` the newest lines, for who does not want to read the rest.
    """
    await require(services, task_id)
    if last is not None:
        after = await services.views.log_tail(
            task_id, subtask_id=subtask_id, after=after, last=last
        )
    return await services.views.logs(
        task_id, subtask_id=subtask_id, after=after, limit=last or limit
    )


@router.get("/{task_id}/attempts", responses=documented(404, 422, 503))
async def attempts(task_id: UUID, services: ServicesDep) -> AttemptList:
    """Every try at every subtask, with its outcome."""
    await require(services, task_id)
    return AttemptList(attempts=tuple(await services.views.attempts(task_id)))


async def read_task(services: Services, task_id: UUID) -> TaskDetail:
    """The task with its reasons for waiting; raises NotFound."""
    detail = await services.views.task(task_id)
    if detail is None:
        raise no_task(task_id)
    task = explain(detail.task, services.roster.agents(), heard=services.roster.hears)
    if services.simulated and task.finished_at is None:
        task = task.model_copy(update={"simulated": True})
    return detail.model_copy(update={"task": task})


async def task_after(services: Services, task_id: UUID) -> TaskView:
    """The task after a verb took effect; an outage now is not told as if nothing was done."""
    try:
        return (await read_task(services, task_id)).task
    except DependencyUnavailable as error:
        raise DependencyUnavailable(
            f"it was done, but the task cannot be shown now: {error.detail}",
            remedy="look at the task again; do not repeat what you asked for",
        ) from error


async def require(services: Services, task_id: UUID) -> None:
    """Raises NotFound unless there is such a task."""
    if not await services.views.exists(task_id):
        raise no_task(task_id)


def _write_cursor(created_at: datetime, task_id: UUID) -> str:
    text = json.dumps([created_at.isoformat(), str(task_id)])
    return base64.urlsafe_b64encode(text.encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[datetime, UUID] | None:
    if not cursor:
        return None
    try:
        created_at, task_id = json.loads(base64.urlsafe_b64decode(cursor))
        moment = datetime.fromisoformat(created_at)
        if moment.tzinfo is None:
            raise ValueError("a cursor has a time zone")
        return moment.astimezone(UTC), UUID(task_id)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidRequest(
            "this is not a cursor of ours",
            slug="bad-cursor",
            remedy="use next_cursor of the page before, unchanged",
        ) from error
