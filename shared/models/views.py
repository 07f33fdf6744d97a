"""What the API shows."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from shared.models.claims import Claim
from shared.models.steering import PausedReason
from shared.models.verification import Evidence, PlannedCheck, Verification
from shared.models.words import Capability, Record, ReviewPolicy
from shared.models.work import ContextFile, FileEntry
from shared.states import AttemptOutcome, FailureKind, SubtaskStatus, TaskStatus


class Waiting(Record):
    """Why a subtask is not running, in one sentence, and the ids or names it waits on."""

    reason: str
    on: tuple[str, ...] = ()


class Tokens(Record):
    """Tokens by kind."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class Artifact(Record):
    """A file that a completed attempt left, and who made it."""

    path: str
    name: str
    size: int
    sha256: str
    media_type: str
    subtask_id: UUID
    subtask_key: str
    attempt: int


class SubtaskView(Record):
    """One subtask as people and programs see it."""

    id: UUID
    key: str
    title: str
    description: str
    expected_output: str
    required_capabilities: tuple[Capability, ...]
    dependencies: tuple[str, ...]
    priority: int
    estimated_duration: int
    profile: str | None
    status: SubtaskStatus
    cancel_requested: bool = False
    agent_id: str | None
    attempt: int
    losses: int
    retries: int
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    waiting: Waiting | None = None
    evidence: Evidence | None = None
    checks: tuple[PlannedCheck, ...] = ()
    verification: Verification | None = None
    cost_usd: Decimal = Decimal(0)
    tokens: Tokens = Tokens()
    failure_kind: FailureKind | None = None
    error: str | None = None


class Progress(Record):
    """How many subtasks stand where; `fraction` counts those that completed."""

    total: int = 0
    pending: int = 0
    queued: int = 0
    running: int = 0
    blocked: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    fraction: float = 0.0


class TaskSummary(Record):
    """A task in a list."""

    id: UUID
    user_id: str
    title: str
    status: TaskStatus
    paused_reason: PausedReason | None = None
    priority: int
    progress: Progress
    cost_usd: Decimal = Decimal(0)
    simulated: bool = False
    partial: bool = False
    created_at: datetime
    finished_at: datetime | None


class TaskView(TaskSummary):
    """A task, whole."""

    description: str
    cancel_requested: bool
    pause_releases: bool = False  # what runs is given back instead of running to its end
    require_approval: bool = False
    review: ReviewPolicy | None = None
    plan_version: int | None
    plan_hash: str | None = None
    plan_summary: str | None
    started_at: datetime | None
    tokens: Tokens = Tokens()
    answer: str | None = None
    answer_outdated: bool = False  # it is of before a retry or rerun
    result: dict[str, Any] | None = None
    failure_kind: FailureKind | None = None
    error: str | None = None
    plan_errors: tuple[tuple[str, ...], ...] = ()
    context_files: tuple[ContextFile, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    waiting: Waiting | None = None
    subtasks: tuple[SubtaskView, ...] = ()


class SubtaskResult(Record):
    """The current result of one subtask."""

    subtask_id: UUID
    key: str
    attempt: int
    agent_id: str | None
    evidence: Evidence = Evidence.SELF_REPORTED
    summary: str
    output: dict[str, Any]
    claims: tuple[Claim, ...]
    files: tuple[FileEntry, ...]
    created_at: datetime


class TaskDetail(Record):
    """The answer of `GET /tasks/{id}`."""

    task: TaskView
    subtask_results: tuple[SubtaskResult, ...] = ()


class TaskPage(Record):
    """One page of tasks, newest first; `next_cursor` asks for the page after."""

    tasks: tuple[TaskSummary, ...]
    next_cursor: str | None


class AgentSample(Record):
    """What an agent told of itself once; `at` counts seconds on the orchestrator's own clock."""

    at: float
    cpu_percent: float
    memory_mb: float
    running: int


class AgentView(Record):
    """One agent as it last told, or as it was last known when it fell silent."""

    agent_id: str
    profile: str
    url: str
    capabilities: tuple[Capability, ...]
    slots: int
    max_running: int = 0  # of all agents together, that it keeps to; 0: none
    max_running_in_role: int = 0  # of all agents of its profile
    running: tuple[str, ...]
    available: bool
    state: Literal["idle", "working", "full", "draining", "silent"]
    completed: int
    failed: int
    cpu_percent: float
    memory_mb: float
    simulated: bool
    seconds_since_beat: float | None
    started_at: datetime | None
    samples: tuple[AgentSample, ...] = ()  # of the last minutes, if they were asked for


class LogEntry(Record):
    """One line of what an attempt did."""

    id: int
    at: datetime
    subtask_id: UUID | None
    subtask_key: str | None
    attempt: int | None
    agent_id: str | None
    level: Literal["debug", "info", "warning", "error"]
    kind: str
    message: str
    data: dict[str, Any] = Field(default_factory=dict)


class LogPage(Record):
    """Log lines in order; ask again with `after=next_after`."""

    entries: tuple[LogEntry, ...]
    next_after: int


class AttemptView(Record):
    """One try at a subtask."""

    subtask_id: UUID
    attempt: int
    agent_id: str | None
    claimed_at: datetime
    finished_at: datetime | None
    outcome: AttemptOutcome | None
    verification: Verification | None = None
    failure_kind: FailureKind | None
    error: str | None
