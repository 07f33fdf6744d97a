"""Frozen records that cross a process, and the words they are made of."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.states import AttemptOutcome, FailureKind, SubtaskStatus, TaskStatus


class Capability(StrEnum):
    """What an agent can be asked for."""

    DATA_ANALYSIS = "data_analysis"
    WEB_SCRAPING = "web_scraping"
    CODE_GENERATION = "code_generation"
    FILE_PROCESSING = "file_processing"
    DATABASE_OPERATIONS = "database_operations"
    API_INTEGRATION = "api_integration"


class Band(StrEnum):
    """How urgent a list is; priorities 7-10, 4-6 and 0-3."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"

    @classmethod
    def of(cls, priority: int) -> "Band":
        """The band of a priority from 0 to 10."""
        if priority >= 7:
            return cls.HIGH
        return cls.NORMAL if priority >= 4 else cls.LOW


Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]


class Record(BaseModel):
    """Immutable, and strict about what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


# --- the plan, as the model returns it and the API shows it -------------------------------


class FileExistsCheck(Record):
    """Some file that matches `path` (a glob in the attempt's directory) has `min_bytes`."""

    kind: Literal["file_exists"]
    path: str
    min_bytes: int = 1


class CommandCheck(Record):
    """`command` exits with 0 in the attempt's directory."""

    kind: Literal["command"]
    command: str


class JsonSchemaCheck(Record):
    """The structured output satisfies `json_schema`, a JSON Schema written as JSON text."""

    kind: Literal["json_schema"]
    json_schema: str


class TextMatchesCheck(Record):
    """The file at `path` contains a match of the regular expression `pattern`."""

    kind: Literal["text_matches"]
    path: str
    pattern: str


class SqlCountCheck(Record):
    """`query` on the task's data returns one number of at least `minimum`."""

    kind: Literal["sql_count"]
    query: str
    minimum: int = 1


Check = Annotated[
    FileExistsCheck | CommandCheck | JsonSchemaCheck | TextMatchesCheck | SqlCountCheck,
    Field(discriminator="kind"),
]


class PlannedSubtask(Record):
    """One node of a plan; `id` is unique within the plan, durations are seconds."""

    id: Slug
    title: str = Field(min_length=1, max_length=200)
    description: str = Field(min_length=1, max_length=8192)
    required_capabilities: tuple[Capability, ...] = Field(min_length=1)
    dependencies: tuple[str, ...]
    priority: int = Field(ge=0, le=10)
    estimated_duration: int = Field(ge=1, le=86_400)
    expected_output: str = Field(max_length=8192)
    profile: str | None = None
    checks: tuple[Check, ...] = ()


class Plan(Record):
    """What is to be done, in which order."""

    summary: str = Field(max_length=8192)
    subtasks: tuple[PlannedSubtask, ...]


# --- what an agent returns ------------------------------------------------------------------


class Claim(Record):
    """Something an agent says it did; evidence is matched against it."""

    kind: Literal["wrote_file", "ran_command", "fetched_url", "queried_database"]
    what: str
    detail: str = ""


class AgentResult(Record):
    """The structured result of one attempt; `files` are relative to the attempt's directory."""

    summary: str = Field(min_length=1)
    output: dict[str, Any] = Field(default_factory=dict)
    files: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    failed: bool = False
    reason: str | None = None


class FileEntry(Record):
    """One file of a manifest: a relative path, its bytes and their SHA-256."""

    path: str
    size: int = Field(ge=0)
    sha256: str


class ModelUsage(Record):
    """Tokens and price (US dollars) of calls to one model."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal = Decimal(0)


# --- what travels between the ledger and the loops ------------------------------------------


class ContextFile(Record):
    """An uploaded file of a task."""

    name: str
    size: int
    sha256: str


class Prerequisite(Record):
    """A completed dependency's result; `files` are relative to its attempt's directory."""

    subtask_id: UUID
    key: str
    title: str
    summary: str
    output: dict[str, Any]
    files: tuple[FileEntry, ...]
    attempt: int


class Assignment(Record):
    """All that an attempt needs to know, read from the ledger at its claim."""

    subtask_id: UUID
    task_id: UUID
    attempt: int
    owner: UUID
    key: str
    title: str
    description: str
    expected_output: str
    required_capabilities: tuple[Capability, ...]
    profile: str | None
    checks: tuple[Check, ...]
    estimated_seconds: int
    task_title: str
    task_description: str
    user_id: str
    context_files: tuple[ContextFile, ...]
    prerequisites: tuple[Prerequisite, ...]


class Presence(Record):
    """What an agent says of itself every few seconds."""

    agent_id: str
    profile: str
    url: str
    capabilities: tuple[Capability, ...]
    slots: int
    running: tuple[str, ...] = ()
    draining: bool = False
    completed: int = 0
    failed: int = 0
    cpu_percent: float = 0.0
    memory_mb: float = 0.0
    simulated: bool = False
    started_at: datetime


# --- what the API shows ---------------------------------------------------------------------


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
    agent_id: str | None
    attempt: int
    losses: int
    retries: int
    queued_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    waiting: Waiting | None = None
    evidence: Literal["verified", "reviewed", "self-reported"] | None = None
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
    plan_version: int | None
    plan_summary: str | None
    started_at: datetime | None
    tokens: Tokens = Tokens()
    answer: str | None = None
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


class AgentView(Record):
    """One agent as it last told, or as it was last known when it fell silent."""

    agent_id: str
    profile: str
    url: str
    capabilities: tuple[Capability, ...]
    slots: int
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
    failure_kind: FailureKind | None
    error: str | None
