"""How the whole system does: work, time, money, failures, and what it all rests on.

Samples of a process carry `at`, seconds on a clock of that process's own, because only PostgreSQL's
clock tells the time of day.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from pydantic import Field

from shared.models.views import Tokens
from shared.models.words import Band, Capability, Record
from shared.states import AttemptOutcome, FailureKind, SubtaskStatus, TaskStatus


class Readiness(Record):
    """What the service depends on, and how it is set; without Redis it only grows slower."""

    status: str
    simulated: bool
    database: bool = True
    queue: bool = True
    require_approval: bool = False  # of a task that does not say
    max_files: int = 20
    max_upload_bytes: int = 50 * 1024 * 1024


class Period(StrEnum):
    """How far back figures reach."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"


class LaneNow(Record):
    """Subtasks that need the same capabilities, in one band of urgency."""

    capabilities: tuple[Capability, ...]
    band: Band
    queued: int
    running: int
    oldest_seconds: float | None  # how long the first of those queued has waited


class WorkNow(Record):
    """What there is at this moment; `subtasks` are those of tasks that have not ended."""

    tasks: dict[TaskStatus, int]
    subtasks: dict[SubtaskStatus, int]
    lanes: tuple[LaneNow, ...]


class Stretch(Record):
    """What happened from `start` on, for `Activity.stretch_seconds`; the last one is not over."""

    start: datetime
    accepted: int = 0
    tasks: dict[TaskStatus, int] = Field(default_factory=dict)
    attempts: dict[AttemptOutcome, int] = Field(default_factory=dict)
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)


class Durations(Record):
    """How long something took, in seconds: on average, and at most in 95 of 100 cases."""

    count: int
    mean_seconds: float
    p95_seconds: float


class CapabilityDurations(Durations):
    """How long attempts took that needed a capability."""

    capability: Capability


class FailureCount(Record):
    """How often something failed for one kind of reason."""

    kind: FailureKind | None
    tasks: int
    attempts: int


class ModelUse(Record):
    """What one model did for one purpose; a whole attempt of an agent is one call."""

    purpose: str
    model: str
    calls: int
    tokens: Tokens
    cost_usd: Decimal
    simulated: bool


class Activity(Record):
    """What happened in a period, oldest stretch first.

    Durations of tasks are from submission to an answer or a failure; those of attempts, from
    claim to settlement, of what completed or failed.
    """

    period: Period
    stretch_seconds: int
    stretches: tuple[Stretch, ...]
    tasks: Durations | None
    attempts: Durations | None
    by_capability: tuple[CapabilityDurations, ...]
    failures: tuple[FailureCount, ...]
    models: tuple[ModelUse, ...]


class DatabaseNow(Record):
    """The ledger's database, and this process's connections to it."""

    bytes: int
    connections: int
    most_connections: int
    cache_hit_ratio: float | None
    deadlocks: int
    pool_used: int
    pool_idle: int
    pool_most: int


class SystemSample(Record):
    """One look at the orchestrator; without the database's figures while that was away."""

    at: float
    cpu_percent: float
    memory_mb: float
    lag_ms: float  # the latest that its event loop woke anything since the sample before
    pool_used: int
    transactions_per_second: float | None
    connections: int | None


class SystemView(Record):
    """The answer of `GET /system`; a part that could not be read yet is missing."""

    uptime_seconds: float
    age_seconds: float | None  # of `work`
    postgresql: bool
    redis: bool
    work: WorkNow | None
    activity: Activity | None
    violations: dict[str, int] | None
    database: DatabaseNow | None
    samples: tuple[SystemSample, ...]
