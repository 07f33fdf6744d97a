"""What an agent gets, says of itself and returns."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import Field

from shared.models.claims import Claim
from shared.models.verification import PlannedCheck
from shared.models.words import Capability, Record, ReviewPolicy


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
    """Tokens and price (US dollars) of calls to one model; no purpose: whoever records it knows."""

    model: str
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    purpose: Literal["planner", "agent", "aggregator", "reviewer"] | None = None


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
    checks: tuple[PlannedCheck, ...]
    review: ReviewPolicy | None = None
    estimated_seconds: int
    task_title: str
    task_description: str
    user_id: str
    context_files: tuple[ContextFile, ...]
    prerequisites: tuple[Prerequisite, ...]


class Presence(Record):
    """What an agent says of itself every few seconds; `roles` are those it can take on."""

    agent_id: str
    profile: str
    url: str
    capabilities: tuple[Capability, ...]
    slots: int
    max_running: int = 0  # of all agents together, that it keeps to; 0: none
    max_running_in_role: int = 0  # of all agents of its profile
    running: tuple[str, ...] = ()
    draining: bool = False
    roles: dict[str, str] = Field(default_factory=dict)
    completed: int = 0
    failed: int = 0
    cpu_percent: float = 0.0
    memory_mb: float = 0.0
    simulated: bool = False
    started_at: datetime
