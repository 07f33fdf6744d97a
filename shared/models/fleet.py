"""What the agents do and did, as the ledger knows it."""

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from pydantic import Field

from shared.models.views import AgentSample
from shared.models.words import Record
from shared.states import AttemptOutcome, FailureKind


class AgentWork(Record):
    """An attempt that an agent holds now; `latest` is the last line that it logged."""

    agent_id: str
    task_id: UUID
    task_title: str
    subtask_id: UUID
    subtask_title: str
    attempt: int
    running_seconds: float
    latest: str | None


class AgentAttempt(Record):
    """One attempt of an agent; what is still open has no outcome, and lasts until now."""

    task_id: UUID
    task_title: str
    subtask_id: UUID
    subtask_title: str
    attempt: int
    claimed_at: datetime
    seconds: float
    outcome: AttemptOutcome | None
    failure_kind: FailureKind | None
    error: str | None
    cost_usd: Decimal
    simulated: bool


class AgentTotals(Record):
    """What an agent's attempts of the last 24 hours came to."""

    attempts: int = 0
    outcomes: dict[AttemptOutcome, int] = Field(default_factory=dict)
    mean_seconds: float | None = None
    cost_usd: Decimal = Decimal(0)


class AgentHistory(Record):
    """How one agent fared: measured by itself in the last minutes, and in the ledger."""

    agent_id: str
    samples: tuple[AgentSample, ...]
    last_day: AgentTotals
    attempts: tuple[AgentAttempt, ...]
