"""What the orchestrator can be asked: one function a request, with how to read its answer."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel

from shared.models import (
    AgentHistory,
    AgentView,
    AgentWork,
    Artifact,
    AttemptView,
    Capability,
    LogPage,
    Period,
    Plan,
    PlanComparison,
    PlanHistory,
    PlanVersion,
    Readiness,
    RerunPreview,
    ReviewPolicy,
    Running,
    SubtaskEdit,
    SystemView,
    TaskDetail,
    TaskPage,
    TaskView,
)
from shared.states import TaskStatus

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Query = dict[str, str | int | list[str]]

QUICK_SECONDS = 10.0
TRANSFER_SECONDS = 120.0


class _Agents(BaseModel):
    agents: tuple[AgentView, ...]


class _Work(BaseModel):
    work: tuple[AgentWork, ...]


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


def _work(response: httpx.Response) -> tuple[AgentWork, ...]:
    return _record(_Work)(response).work


def _artifacts(response: httpx.Response) -> tuple[Artifact, ...]:
    return _record(_Artifacts)(response).artifacts


def _attempts(response: httpx.Response) -> tuple[AttemptView, ...]:
    return _record(_Attempts)(response).attempts


def _content(response: httpx.Response) -> bytes:
    return response.content


def _given(**values: str | int | None) -> Query:
    return {name: value for name, value in values.items() if value is not None}


def submit(
    description: str,
    *,
    user_id: str | None = None,
    title: str | None = None,
    priority: int | None = None,
    review: ReviewPolicy | None = None,
    require_approval: bool | None = None,
    files: Sequence[Upload] = (),
    idempotency_key: str | None = None,
) -> Call[TaskView]:
    """Hand in a task; the same `idempotency_key` never makes a second one.

    With `require_approval` its plan waits for `approve`; None leaves that to the service.
    """
    body: dict[str, Any] = _given(
        description=description, user_id=user_id, title=title, priority=priority, review=review
    )
    if require_approval is not None:
        body["require_approval"] = require_approval
    form = {
        name: str(value).lower() if value is require_approval else str(value)
        for name, value in body.items()
    }
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
    status: TaskStatus | Sequence[TaskStatus] | None = None,
    user_id: str | None = None,
    text: str | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Call[TaskPage]:
    """One page of tasks, newest first, of one status, of several or of all."""
    query = _given(user_id=user_id, text=text, limit=limit, cursor=cursor)
    statuses = [status] if isinstance(status, TaskStatus) else list(status or ())
    if statuses:
        query = {"status": [str(one) for one in statuses], **query}
    return Call("GET", "/tasks", _record(TaskPage), query=query)


def task(task_id: UUID) -> Call[TaskDetail]:
    """One task with its subtasks and their results."""
    return Call("GET", f"/tasks/{task_id}", _record(TaskDetail))


def cancel(task_id: UUID) -> Call[TaskView]:
    """Ask for a task to be stopped; it ends `cancelled` once nothing of it runs."""
    return Call("POST", f"/tasks/{task_id}/cancel", _record(TaskView), repeatable=False)


def retry(
    task_id: UUID,
    subtask_id: UUID,
    *,
    attempt: int,
    description: str | None = None,
    edit: SubtaskEdit | None = None,
) -> Call[TaskView]:
    """Run a failed subtask again; `attempt` is the one that was seen to fail.

    `edit` changes what it is told and held against; `description` is short for an edit of it.
    """
    return Call(
        "POST",
        f"/tasks/{task_id}/subtasks/{subtask_id}/retry",
        _record(TaskView),
        json={"attempt": attempt} | _changes(description, edit),
        repeatable=False,
    )


def plan(task_id: UUID) -> Call[PlanVersion]:
    """The current version of a task's plan."""
    return Call("GET", f"/tasks/{task_id}/plan", _record(PlanVersion))


def plan_versions(task_id: UUID) -> Call[PlanHistory]:
    """Every version of a task's plan, oldest first."""
    return Call("GET", f"/tasks/{task_id}/plan/versions", _record(PlanHistory))


def compare_plans(task_id: UUID, *, before: int, after: int) -> Call[PlanComparison]:
    """What changed from one version of a plan to another."""
    query = _given(before=before, after=after)
    return Call("GET", f"/tasks/{task_id}/plan/comparison", _record(PlanComparison), query=query)


def edit_plan(task_id: UUID, plan: Plan, *, hash: str) -> Call[PlanVersion]:
    """Replace a plan that waits for approval; `hash` names the version that was edited."""
    body = {"hash": hash, "plan": plan.model_dump(mode="json")}
    return Call("PUT", f"/tasks/{task_id}/plan", _record(PlanVersion), json=body, repeatable=False)


def approve(task_id: UUID, *, hash: str) -> Call[TaskView]:
    """Let the plan version with this hash be worked; Conflict when a newer one is there."""
    return _verb(task_id, "approve", hash=hash)


def reject(task_id: UUID, *, hash: str, feedback: str) -> Call[TaskView]:
    """Send a plan back to the planner with what should be different."""
    return _verb(task_id, "reject", hash=hash, feedback=feedback)


def pause(task_id: UUID, *, running: Running = "finish") -> Call[TaskView]:
    """Start nothing more of a task; what runs may finish, or is given back."""
    return _verb(task_id, "pause", running=running)


def resume(task_id: UUID) -> Call[TaskView]:
    """Let a paused task go on."""
    return _verb(task_id, "resume")


def prioritise(task_id: UUID, priority: int, *, seen: int | None = None) -> Call[TaskView]:
    """Change how urgent a task is, 0 to 10; Conflict when it is no longer as urgent as `seen`."""
    return Call(
        "PATCH",
        f"/tasks/{task_id}",
        _record(TaskView),
        json=_given(priority=priority, seen=seen),
        repeatable=seen is None,
    )


def cancel_subtask(task_id: UUID, subtask_id: UUID) -> Call[TaskView]:
    """Stop one subtask; what depends on it is blocked, the rest goes on."""
    path = f"/tasks/{task_id}/subtasks/{subtask_id}/cancel"
    return Call("POST", path, _record(TaskView), repeatable=False)


def preview_rerun(task_id: UUID, subtask_id: UUID) -> Call[RerunPreview]:
    """What would run again from a subtask on, and what would be reused."""
    body = {"from": str(subtask_id), "preview": True}
    return Call("POST", f"/tasks/{task_id}/rerun", _record(RerunPreview), json=body)


def rerun(
    task_id: UUID,
    subtask_id: UUID,
    *,
    seen: str,
    description: str | None = None,
    edit: SubtaskEdit | None = None,
) -> Call[TaskView]:
    """Do what the preview said, perhaps with an edit as of `retry`; `seen` is the preview's."""
    wish = {"from": str(subtask_id), "seen": seen} | _changes(description, edit)
    return _verb(task_id, "rerun", **wish)


def _changes(description: str | None, edit: SubtaskEdit | None) -> dict[str, Any]:
    """What should be different this time; both at once is for the service to refuse."""
    wish: dict[str, Any] = {}
    if description is not None:
        wish["description"] = description
    if edit is not None:
        wish["edit"] = edit.model_dump(mode="json", exclude_unset=True)
    return wish


def _verb(task_id: UUID, name: str, **body: Any) -> Call[TaskView]:
    path = f"/tasks/{task_id}/{name}"
    return Call("POST", path, _record(TaskView), json=body or None, repeatable=False)


def logs(
    task_id: UUID,
    *,
    after: int | None = None,
    limit: int | None = None,
    subtask_id: UUID | None = None,
    last: int | None = None,
) -> Call[LogPage]:
    """Log lines after the one with id `after`, or the newest `last` ones; oldest first."""
    subtask = str(subtask_id) if subtask_id else None
    query = _given(after=after, limit=limit, subtask_id=subtask, last=last)
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


def agents(
    *, available_for: Capability | None = None, samples: int | None = None
) -> Call[tuple[AgentView, ...]]:
    """Every agent, or those that could now take work of one capability.

    With `samples` every agent comes with up to so many of its last CPU and memory figures.
    """
    if available_for:
        return Call("GET", "/agents/available", _agents, query={"capability": available_for})
    return Call("GET", "/agents", _agents, query=_given(samples=samples))


def agents_at_work() -> Call[tuple[AgentWork, ...]]:
    """What every agent does now."""
    return Call("GET", "/agents/work", _work)


def agent_history(agent_id: str, *, limit: int | None = None) -> Call[AgentHistory]:
    """What one agent told of itself in the last minutes, and its last attempts."""
    path = f"/agents/{quote(agent_id, safe='')}/history"
    return Call("GET", path, _record(AgentHistory), query=_given(limit=limit))


def system(period: Period = Period.HOUR) -> Call[SystemView]:
    """How the whole system does, and what happened in the period."""
    return Call("GET", "/system", _record(SystemView), query={"period": period})


def ready() -> Call[Readiness]:
    """Whether the service can work, with whose model, and what it takes."""
    return Call("GET", "/ready", _record(Readiness))
