"""What can become of an attempt, as values; one place writes them to the ledger."""

from dataclasses import dataclass, replace
from typing import TypeAlias

from shared.errors import QuintetError
from shared.models import AgentResult, Evidence, FileEntry, ModelUsage, Verification
from shared.states import FailureKind

UNCHECKED = Verification(evidence=Evidence.SELF_REPORTED)


@dataclass(frozen=True, slots=True)
class Spent:
    """What an attempt cost and what was looked at in it, whatever becomes of it."""

    usage: tuple[ModelUsage, ...] = ()
    verification: Verification | None = None


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
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """The agent shuts down and gives the work back, uncounted."""

    usage: tuple[ModelUsage, ...] = ()
    verification: Verification | None = None


@dataclass(frozen=True, slots=True)
class Fenced:
    """The attempt is no longer ours: nothing may be written about it."""


Outcome: TypeAlias = Completed | Failed | Cancelled | Released | Fenced


def spent_on(outcome: Outcome) -> Spent:
    """What an outcome says of its attempt's cost; of a fenced one nothing may be told."""
    if isinstance(outcome, Fenced):
        return Spent()
    return Spent(outcome.usage, outcome.verification)


def stopped(verdict: Outcome, spent: Spent) -> Outcome:
    """Why an attempt was stopped, with what it had cost until then."""
    if not isinstance(verdict, Cancelled | Released):
        return verdict
    return replace(verdict, usage=spent.usage, verification=spent.verification)


def sentence(error: QuintetError) -> str:
    """What is wrong and, where it is known, what to do."""
    return f"{error.detail} ({error.remedy})" if error.remedy else error.detail
