"""The ledger of tasks: submit, the leased steps of planning and aggregating, cancel, reopen."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

from shared import states
from shared.database.connection import Connection, Ledger, Row
from shared.database.statements import edge
from shared.database.subtasks import TAINTING, TERMINAL, usage_rows
from shared.models import (
    ContextFile,
    ModelUsage,
    PausedReason,
    Plan,
    PlannedCheck,
    ReviewPolicy,
)
from shared.states import (
    TASK_TERMINAL,
    FailureKind,
    SubtaskStatus,
    TaskStatus,
)

STEPS = (TaskStatus.PLANNING, TaskStatus.AGGREGATING)
"""In these a task is leased by an orchestrator."""
PAUSABLE = (
    TaskStatus.PENDING,
    TaskStatus.PLANNING,
    TaskStatus.AWAITING_APPROVAL,
    TaskStatus.IN_PROGRESS,
)


@dataclass(frozen=True, slots=True)
class Step:
    """A leased step of a task; `attempt` is its fence."""

    task_id: UUID
    status: TaskStatus
    attempt: int


@dataclass(frozen=True, slots=True)
class SentBack:
    """The plan that a person sent back, and what they want different."""

    plan: Plan
    version: int
    feedback: str


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for, as the planner and the aggregator read it."""

    task_id: UUID
    user_id: str
    title: str
    description: str
    priority: int
    context_files: tuple[ContextFile, ...]
    require_approval: bool = False
    sent_back: SentBack | None = None


@dataclass(frozen=True, slots=True)
class TaskNow:
    """Where a locked task stands."""

    status: TaskStatus
    cancelled: bool
    paused: PausedReason | None
    pause_releases: bool
    plan_version: int | None
    priority: int
    parts_cancelled: bool


@dataclass(frozen=True, slots=True)
class Failure:
    """How a task ended badly, with whatever answer there is."""

    kind: FailureKind
    error: str
    plan_errors: Sequence[Sequence[str]] = ()
    answer: str | None = None
    result: Mapping[str, Any] | None = None
    partial: bool = False


class TaskLedger(Ledger):
    """Moves of tasks; every write of a step is fenced by its attempt and owner."""

    topics = ("tasks",)

    async def remember_key(self, user: str, key: str, fingerprint: str, task_id: UUID) -> bool:
        """Bind an idempotency key to a task; False when it is taken."""
        row = await self.fetchrow("remember_key", user, key, fingerprint, task_id)
        return row is not None

    async def recall_key(self, user: str, key: str) -> tuple[str, UUID] | None:
        """The fingerprint and task that a key is bound to."""
        row = await self.fetchrow("recall_key", user, key)
        return None if row is None else (row["fingerprint"], row["task_id"])

    async def insert(
        self,
        task_id: UUID,
        *,
        user_id: str,
        title: str,
        description: str,
        priority: int,
        files: Sequence[ContextFile],
        review: ReviewPolicy | None = None,
        require_approval: bool = False,
    ) -> None:
        """Accept a task."""
        rows = [file.model_dump() for file in files]
        await self.fetch(
            "insert_task",
            task_id,
            user_id,
            title,
            description,
            priority,
            rows,
            review,
            require_approval,
        )

    async def plan(self, *, owner: UUID, lease_seconds: float, limit: int) -> list[Step]:
        """Take up to `limit` pending tasks to plan."""
        rows = await self.fetch("plan_tasks", *edge(states.PLAN_TASKS), owner, lease_seconds, limit)
        return [_step(row) for row in rows]

    async def take_over(
        self,
        *,
        owner: UUID,
        lease_seconds: float,
        limit: int,
        held: Collection[UUID] = (),
        grace_seconds: float = 0,
    ) -> list[Step]:
        """Take steps whose lease ran out, except of tasks held; one must be connected so long."""
        rows = await self.fetch(
            "take_over_steps", STEPS, owner, lease_seconds, limit, list(held), grace_seconds
        )
        return [_step(row) for row in rows]

    async def renew_steps(
        self, steps: Sequence[Step], *, owner: UUID, lease_seconds: float
    ) -> set[Step]:
        """Renew; what is missing from the answer is fenced."""
        rows = await self.fetch(
            "renew_steps",
            [step.task_id for step in steps],
            [step.attempt for step in steps],
            owner,
            lease_seconds,
        )
        return {_step(row) for row in rows}

    async def read(self, task_id: UUID) -> Request | None:
        """The request of a task."""
        row = await self.fetchrow("read_step", task_id)
        if row is None:
            return None
        files = tuple(ContextFile.model_validate(item) for item in row["context_files"])
        return Request(
            row["id"],
            row["user_id"],
            row["title"],
            row["description"],
            row["priority"],
            files,
            row["require_approval"],
            _sent_back(row),
        )

    async def start(
        self,
        step: Step,
        *,
        owner: UUID,
        version: int,
        rejected: Sequence[Sequence[str]] = (),
    ) -> bool:
        """Accept the plan, and why earlier ones went back; False when the step is not ours."""
        row = await self.fetchrow(
            "start_task",
            *edge(states.START_TASK),
            step.task_id,
            step.attempt,
            owner,
            version,
            rejected,
        )
        return row is not None

    async def insert_subtasks(
        self, task_id: UUID, user_id: str, rows: Sequence[Mapping[str, Any]]
    ) -> None:
        """The plan's nodes, all pending."""
        await self.fetch("insert_subtasks", task_id, user_id, rows)

    async def insert_dependencies(self, task_id: UUID, edges: Sequence[tuple[UUID, UUID]]) -> None:
        """The plan's edges as (subtask, what it depends on)."""
        await self.fetch(
            "insert_dependencies", task_id, [edge[0] for edge in edges], [edge[1] for edge in edges]
        )

    async def fail(self, step: Step, failure: Failure, *, owner: UUID) -> bool:
        """End a task badly; False when the step is no longer ours."""
        row = await self.fetchrow(
            "fail_task",
            *edge(states.FAIL_TASK),
            step.task_id,
            step.attempt,
            owner,
            failure.kind,
            failure.error,
            failure.plan_errors,
            failure.answer,
            failure.result,
            failure.partial,
        )
        return row is not None

    async def complete(
        self, step: Step, *, owner: UUID, answer: str, result: Mapping[str, Any]
    ) -> bool:
        """End a task well; False when the step is no longer ours."""
        row = await self.fetchrow(
            "complete_task",
            *edge(states.COMPLETE_TASK),
            step.task_id,
            step.attempt,
            owner,
            answer,
            result,
        )
        return row is not None

    async def lock(self, tasks: Sequence[UUID]) -> dict[UUID, TaskNow]:
        """Lock task rows in order; where each stands."""
        rows = await self.fetch("lock_tasks", tasks)
        return {
            row["id"]: TaskNow(
                TaskStatus(row["status"]),
                row["cancel_requested"],
                row["paused_reason"],
                row["pause_releases"],
                row["plan_version"],
                row["priority"],
                row["parts_cancelled"],
            )
            for row in rows
        }

    async def aggregate(
        self, tasks: Sequence[UUID], *, owner: UUID, lease_seconds: float
    ) -> list[Step]:
        """Take those of the tasks in which nothing is open any more."""
        rows = await self.fetch(
            "aggregate_tasks", *edge(states.AGGREGATE_TASKS), tasks, owner, lease_seconds, TERMINAL
        )
        return [_step(row) for row in rows]

    async def request_cancel(self, task_id: UUID) -> bool:
        """Note that a person wants the task stopped; False when it has ended."""
        _, sources = edge(states.CANCEL_TASKS)
        return await self.fetchrow("request_cancel", task_id, sources) is not None

    async def cancel(self, tasks: Sequence[UUID]) -> list[UUID]:
        """Close those of the tasks whose cancel was asked for and of which nothing runs."""
        rows = await self.fetch(
            "cancel_tasks", *edge(states.CANCEL_TASKS), tasks, [SubtaskStatus.RUNNING]
        )
        return [row["id"] for row in rows]

    async def reopen(self, task_id: UUID) -> bool:
        """Set an ended task going again."""
        return await self.fetchrow("reopen_task", *edge(states.REOPEN_TASK), task_id) is not None

    async def pause(self, task_id: UUID, reason: PausedReason, *, releases: bool) -> bool:
        """Start nothing more of a task; `releases` has agents give back what runs."""
        row = await self.fetchrow("pause_task", task_id, reason, releases, PAUSABLE)
        return row is not None

    async def resume(self, task_id: UUID) -> bool:
        """Let a paused task go on; False when it is not paused."""
        return await self.fetchrow("resume_task", task_id, sorted(TASK_TERMINAL)) is not None

    async def set_priority(self, task_id: UUID, priority: int) -> None:
        """How urgent the person says the task is."""
        await self.fetch("set_priority", task_id, priority)

    async def to_advance(self, *, limit: int = 200) -> list[UUID]:
        """Tasks that wait for a step which a lost bell left undone."""
        rows = await self.fetch(
            "tasks_to_advance",
            TaskStatus.IN_PROGRESS,
            SubtaskStatus.PENDING,
            SubtaskStatus.COMPLETED,
            [*TAINTING, SubtaskStatus.BLOCKED],
            TERMINAL,
            limit,
            SubtaskStatus.QUEUED,
        )
        return [row["id"] for row in rows]

    async def insert_probe(
        self, probe_id: UUID, task_id: UUID, checks: Sequence[PlannedCheck]
    ) -> None:
        """Write down checks for an agent to try on workspaces without work in them."""
        rows = [check.model_dump(mode="json") for check in checks]
        await self.fetch("insert_probe", probe_id, task_id, rows)

    async def read_probe(self, probe_id: UUID) -> tuple[UUID, tuple[PlannedCheck, ...]] | None:
        """The task and the checks of a probe."""
        row = await self.fetchrow("read_probe", probe_id)
        if row is None:
            return None
        return row["task_id"], tuple(PlannedCheck.model_validate(item) for item in row["checks"])

    async def delete_probe(self, probe_id: UUID) -> None:
        """Forget a probe."""
        await self.fetch("delete_probe", probe_id)

    async def record_calls(
        self,
        task_id: UUID,
        purpose: str,
        usage: Sequence[ModelUsage],
        *,
        batch: UUID,
        simulated: bool,
    ) -> None:
        """What planning or aggregating spent; a batch that is written again counts once."""
        rows = [
            {"call_id": uuid5(batch, str(number)), **row}
            for number, row in enumerate(usage_rows(usage))
        ]
        await self.fetch("record_model_calls", task_id, purpose, simulated, rows)

    def within(self, connection: Connection) -> "TaskLedger":
        """The same ledger inside a transaction."""
        return TaskLedger(self._pool, connection)


def _sent_back(row: Row) -> SentBack | None:
    if row["plan_feedback"] is None or row["plan"] is None:
        return None
    return SentBack(Plan.model_validate(row["plan"]), row["plan_version"], row["plan_feedback"])


def _step(row: Row) -> Step:
    return Step(row["id"], TaskStatus(row["status"]), row["step_attempt"])
