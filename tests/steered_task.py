"""An orchestrator with one task, scripted: it answers every verb over HTTP, and can refuse it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from shared.models import (
    Artifact,
    BlockedPart,
    Capability,
    LogEntry,
    LogPage,
    Plan,
    PlanHistory,
    PlannedSubtask,
    PlanVersion,
    RerunPart,
    RerunPreview,
    SubtaskResult,
    SubtaskView,
    TaskDetail,
    TaskView,
)
from shared.states import TaskStatus
from tests import ui_records as records
from tests.scripted_service import Reply, Request
from ui.plan_words import compared


def planned(name: str, *after: str, **changes: Any) -> PlannedSubtask:
    """A subtask of a proposed plan."""
    given = {
        "id": name,
        "title": f"Title of {name}",
        "description": f"Do {name}",
        "required_capabilities": (Capability.DATA_ANALYSIS,),
        "dependencies": after,
        "priority": 5,
        "estimated_duration": 60,
        "expected_output": "a file",
        **changes,
    }
    return PlannedSubtask.model_validate(given)


def version(number: int, plan: Plan, **changes: Any) -> PlanVersion:
    """One version of a plan, by the planner unless it says otherwise."""
    return PlanVersion.model_validate(
        {
            "version": number,
            "hash": hashlib.sha256(plan.model_dump_json().encode()).hexdigest(),
            "author": "planner",
            "feedback": None,
            "created_at": records.later(number * 60),
            "current": True,
            "plan": plan,
            **changes,
        }
    )


def waiting(first: PlanVersion) -> TaskView:
    """A task whose plan waits for a person's word."""
    return records.task(
        "awaiting_approval",
        plan_version=first.version,
        plan_hash=first.hash,
        plan_summary=first.plan.summary,
        require_approval=True,
        started_at=None,
        simulated=True,
    )


@dataclass
class SteeredTask:
    """The task and everything about it; `refusals` answers a path's last part with a refusal."""

    task: TaskView
    versions: list[PlanVersion] = field(default_factory=list)
    entries: list[LogEntry] = field(default_factory=list)
    attempts: list[Mapping[str, Any]] = field(default_factory=list)
    results: list[SubtaskResult] = field(default_factory=list)
    contents: dict[str, bytes] = field(default_factory=dict)
    refusals: dict[str, Reply] = field(default_factory=dict)
    done: list[tuple[str, Any]] = field(default_factory=list)
    stays_blocked: tuple[BlockedPart, ...] = ()
    away: bool = False

    def __call__(self, request: Request) -> Reply:
        if self.away:
            return Reply(hang_up=True)
        path, _, query = request.path.partition("?")
        parts = path.strip("/").split("/")
        if request.method == "GET":
            return self._told(parts, query)
        body = json.loads(request.body) if request.body else None
        if isinstance(body, dict) and body.get("preview"):
            return Reply(200, self._preview(str(body["from"])).model_dump_json())
        verb = parts[-1] if len(parts) > 2 else "priority"
        if verb in self.refusals:
            return self.refusals[verb]
        self.done.append((verb, body))
        return self._do(verb, body)

    def _told(self, parts: list[str], query: str) -> Reply:
        if parts == ["ready"]:
            return Reply(200, '{"status": "ready", "simulated": true}')
        if parts == ["agents"]:
            return Reply(200, '{"agents": []}')
        if "artifacts" in parts:
            return Reply(200, self.contents["/".join(parts[3:])], "application/octet-stream")
        if parts[-1] == "comparison":
            numbers = dict(pair.split("=") for pair in query.split("&"))
            before, after = (self.versions[int(numbers[one]) - 1] for one in ("before", "after"))
            told = compared(before, after.plan).model_copy(update={"after": after.version})
            return Reply(200, told.model_dump_json())
        answers: dict[str, Callable[[], str]] = {
            "plan": self._current,
            "versions": lambda: PlanHistory(versions=tuple(self.versions)).model_dump_json(),
            "attempts": lambda: json.dumps({"attempts": self.attempts}, default=str),
            "logs": lambda: self._log(query),
        }
        tell = answers.get(parts[-1])
        return Reply(200, tell() if tell else self._detail())

    def _current(self) -> str:
        return self.versions[-1].model_dump_json()

    def _detail(self) -> str:
        return TaskDetail(task=self.task, subtask_results=tuple(self.results)).model_dump_json()

    def _log(self, query: str) -> str:
        asked = dict(parse_qsl(query))
        after = int(asked.get("after", 0))
        found = [one for one in self.entries if one.id > after]
        if "subtask_id" in asked:
            found = [one for one in found if str(one.subtask_id) == asked["subtask_id"]]
        found = found[-int(asked["last"]) :] if "last" in asked else found
        found = found[: int(asked.get("limit", 1000))]
        told = LogPage(entries=tuple(found), next_after=found[-1].id if found else after)
        return told.model_dump_json()

    def _do(self, verb: str, body: Any) -> Reply:
        if verb == "plan":
            return Reply(200, self.revise(Plan.model_validate(body["plan"])).model_dump_json())
        changes: dict[str, dict[str, Any]] = {
            "approve": {"status": TaskStatus.IN_PROGRESS},
            "reject": {"status": TaskStatus.PENDING},
            "pause": {"paused_reason": "user"},
            "resume": {"paused_reason": None},
            "priority": {"priority": (body or {}).get("priority", 5)},
        }
        self.task = self.task.model_copy(update=changes.get(verb, {"cancel_requested": True}))
        return Reply(202, self.task.model_dump_json())

    def revise(self, plan: Plan, **changes: Any) -> PlanVersion:
        """Make a newer version of the plan, by a person."""
        made = version(len(self.versions) + 1, plan, author="person", **changes)
        old = [one.model_copy(update={"current": False}) for one in self.versions]
        self.versions = [*old, made]
        told = {"plan_version": made.version, "plan_hash": made.hash}
        self.task = self.task.model_copy(update=told)
        return made

    def _preview(self, start: str) -> RerunPreview:
        runs = [one for one in self.task.subtasks if str(one.id) == start]
        runs += [one for one in self.task.subtasks if runs[0].key in one.dependencies]
        kept = [one for one in self.task.subtasks if one not in runs]
        parts = [tuple(map(part, ones)) for ones in (runs, kept)]
        return RerunPreview(
            seen=f"state-{len(self.done)}",
            runs=parts[0],
            reuses=parts[1],
            stays_blocked=self.stays_blocked,
        )


def part(subtask: SubtaskView) -> RerunPart:
    """A subtask in a preview."""
    return RerunPart(
        id=subtask.id,
        key=subtask.key,
        title=subtask.title,
        status=subtask.status,
        attempt=subtask.attempt,
        cost_usd=Decimal("0.02"),
    )


def refusal(slug: str, detail: str, status: int = 409, **extra: Any) -> Reply:
    """A refusal as the API words it."""
    problem = {"type": f"/problems/{slug}", "detail": detail, "status": status, **extra}
    return Reply(status, json.dumps(problem))


def artifact(path: str, content: bytes, media_type: str, key: str = "load") -> Artifact:
    """A file that a subtask left."""
    return Artifact(
        path=path,
        name=path.rpartition("/")[2],
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        media_type=media_type,
        subtask_id=records.subtask_id(key),
        subtask_key=key,
        attempt=1,
    )
