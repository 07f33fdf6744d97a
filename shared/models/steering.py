"""A person's hand on the wheel: plans to look at, and previews of what a verb would do."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from shared.models.plan import Plan
from shared.models.words import Record
from shared.states import SubtaskStatus

PlanAuthor = Literal["planner", "person"]
PausedReason = Literal["user", "budget", "approval"]
Running = Literal["finish", "release"]
"""What becomes of running attempts at a pause: they end by themselves, or are given back."""


class PlanVersion(Record):
    """One version of a task's plan; `hash` is the SHA-256 of its content, in hex."""

    version: int
    hash: str
    author: PlanAuthor
    feedback: str | None  # what the version before was sent back with
    created_at: datetime
    current: bool
    plan: Plan


class PlanHistory(Record):
    """Every version of a task's plan, oldest first."""

    versions: tuple[PlanVersion, ...]


class FieldChange(Record):
    """One field of a subtask in two versions of a plan."""

    field: str
    before: Any
    after: Any


class SubtaskChange(Record):
    """What two versions of a plan say differently of one subtask; `id` is its slug."""

    id: str
    kind: Literal["added", "removed", "changed"]
    title: str
    fields: tuple[FieldChange, ...] = ()


class PlanComparison(Record):
    """What changed between two versions of a plan, in the order of the later one."""

    before: int
    after: int
    summary: FieldChange | None
    subtasks: tuple[SubtaskChange, ...]


class RerunPart(Record):
    """A subtask that a rerun would run again or reuse, with what it cost so far."""

    id: UUID
    key: str
    title: str
    status: SubtaskStatus
    attempt: int
    cost_usd: Decimal


class BlockedPart(Record):
    """A subtask that builds on what runs again, but is held by failed or cancelled ones as well."""

    id: UUID
    key: str
    title: str
    status: SubtaskStatus
    held_by: tuple[str, ...]


class RerunPreview(Record):
    """What a rerun would do; `seen` names the state it was computed from, to confirm it with."""

    seen: str
    runs: tuple[RerunPart, ...]
    reuses: tuple[RerunPart, ...]
    stays_blocked: tuple[BlockedPart, ...] = ()
