"""What the orchestrator can be asked: one function a request, with how to read its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel, TypeAdapter

from shared.models import (
    AgentView,
    Artifact,
    AttemptView,
    Capability,
    LogPage,
    ReviewPolicy,
    TaskDetail,
    TaskPage,
    TaskView,
)
from shared.states import TaskStatus

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Query = dict[str, str | int]

QUICK_SECONDS = 10.0
TRANSFER_SECONDS = 120.0

_STATE = TypeAdapter(dict[str, Any])


class _Agents(BaseModel):
    agents: tuple[AgentView, ...]


class _Artifacts(BaseModel):
    artifacts: tuple[Artifact, ...]


class _Attempts(BaseModel):
    attempts: tuple[AttemptView, ...]


@dataclass(frozen=True, slots=True)
class Upload:
    """A context file: its name, its bytes, its media type."""

    name: str
    content: bytes
    media_type: str = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request; `repeatable` when sending it twice does no more than sending it once."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Query = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Mapping[str, Any] | None = None
    form: Mapping[str, str] | None = None
    files: Sequence[Upload] = ()
    seconds: float = QUICK_SECONDS
    repeatable: bool = True


def _record(model: type[M]) -> Callable[[httpx.Response], M]:
    return lambda response: model.model_validate_json(response.content)


def _agents(response: httpx.Response) -> tuple[AgentView, ...]:
    return _record(_Agents)(response).agents


def _artifacts(response: httpx.Response) -> tuple[Artifact, ...]:
    return _record(_Artifacts)(response).artifacts


def _attempts(response: httpx.Response) -> tuple[AttemptView, ...]:
    return _record(_Attempts)(response).attempts


def _content(response: httpx.Response) -> bytes:
    return response.content


def _state(response: httpx.Response) -> dict[str, Any]:
    return _STATE.validate_json(response.content)


def _given(**values: str | int | None) -> Query:
    return {name: value for name, value in values.items() if value is not None}


def submit(
    description: str,
    *,
    user_id: str | None = None,
    title: str | None = None,
    priority: int | None = None,
    review: ReviewPolicy | None = None,
    files: Sequence[Upload] = (),
    idempotency_key: str | None = None,
) -> Call[TaskView]:
    """Hand in a task; the same `idempotency_key` never makes a second one."""
    body = _given(
        description=description, user_id=user_id, title=title, priority=priority, review=review
    )
    form = {name: str(value) for name, value in body.items()}
    return Call(
        "POST",
        "/tasks",
        _record(TaskView),
        headers={"Idempotency-Key": idempotency_key or str(uuid4())},
        json=None if files else body,
        form=form if files else None,
        files=files,
        seconds=TRANSFER_SECONDS if files else QUICK_SECONDS,
    )


def tasks(
    *,
    status: TaskStatus | None = None,
    user_id: str | None = None,
    text: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[TaskPage]:
    """One page of tasks, newest first."""
    query = _given(status=status, user_id=user_id, text=text, limit=limit, cursor=cursor)
    return Call("GET", "/tasks", _record(TaskPage), query=query)


def task(task_id: UUID) -> Call[TaskDetail]:
    """One task with its subtasks and their results."""
    return Call("GET", f"/tasks/{task_id}", _record(TaskDetail))


def cancel(task_id: UUID) -> Call[TaskView]:
    """Ask for a task to be stopped; it ends `cancelled` once nothing of it runs."""
    return Call("POST", f"/tasks/{task_id}/cancel", _record(TaskView), repeatable=False)


def retry(
    task_id: UUID, subtask_id: UUID, *, attempt: int, description: str | None = None
) -> Call[TaskView]:
    """Run a failed subtask again; `attempt` is the one that was seen to fail."""
    return Call(
        "POST",
        f"/tasks/{task_id}/subtasks/{subtask_id}/retry",
        _record(TaskView),
        json=_given(attempt=attempt, description=description),
        repeatable=False,
    )


def logs(
    task_id: UUID,
    *,
    after: int | None = None,
    limit: int | None = None,
    subtask_id: UUID | None = None,
) -> Call[LogPage]:
    """Log lines after the one with id `after`, oldest first."""
    subtask = str(subtask_id) if subtask_id else None
    query = _given(after=after, limit=limit, subtask_id=subtask)
    return Call("GET", f"/tasks/{task_id}/logs", _record(LogPage), query=query)


def attempts(task_id: UUID) -> Call[tuple[AttemptView, ...]]:
    """Every try at every subtask, with its outcome."""
    return Call("GET", f"/tasks/{task_id}/attempts", _attempts)


def artifacts(task_id: UUID) -> Call[tuple[Artifact, ...]]:
    """The files that the task's completed subtasks left."""
    return Call("GET", f"/tasks/{task_id}/artifacts", _artifacts)


def artifact(task_id: UUID, path: str) -> Call[bytes]:
    """The bytes of one artifact; `path` as in `Artifact.path`."""
    address = f"/tasks/{task_id}/artifacts/{quote(path, safe='/')}"
    return Call("GET", address, _content, seconds=TRANSFER_SECONDS)


def agents(*, available_for: Capability | None = None) -> Call[tuple[AgentView, ...]]:
    """Every agent, or those that could now take work of one capability."""
    path = "/agents/available" if available_for else "/agents"
    return Call("GET", path, _agents, query=_given(capability=available_for))


def ready() -> Call[dict[str, Any]]:
    """`status` and `simulated`: whether the service can work, and with a real model."""
    return Call("GET", "/ready", _state)
