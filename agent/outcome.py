"""What can become of an attempt, as values; one place writes them to the ledger."""

from dataclasses import dataclass
from typing import TypeAlias

from shared.models import AgentResult, Evidence, FileEntry, ModelUsage, Verification
from shared.states import FailureKind

UNCHECKED = Verification(evidence=Evidence.SELF_REPORTED)


@dataclass(frozen=True, slots=True)
class Completed:
    """The work is done; `files` is the manifest of what it left."""

    result: AgentResult
    files: tuple[FileEntry, ...] = ()
    usage: tuple[ModelUsage, ...] = ()
    verification: Verification = UNCHECKED


@dataclass(frozen=True, slots=True)
class Failed:
    """The work could not be done; never re-run automatically."""

    kind: FailureKind
    error: str
    usage: tuple[ModelUsage, ...] = ()
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class Cancelled:
    """A person stopped it."""

    usage: tuple[ModelUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class Released:
    """The agent shuts down and gives the work back, uncounted."""

    usage: tuple[ModelUsage, ...] = ()


@dataclass(frozen=True, slots=True)
class Fenced:
    """The attempt is no longer ours: nothing may be written about it."""


Outcome: TypeAlias = Completed | Failed | Cancelled | Released | Fenced
