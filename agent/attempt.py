"""The words between the worker and whoever does an attempt's work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

from agent.outcome import Outcome, Spent
from shared.models import Assignment


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth telling about an attempt while it runs."""

    kind: str
    message: str
    level: Literal["debug", "info", "warning", "error"] = "info"
    data: dict[str, Any] | None = None


Notify: TypeAlias = Callable[[Note | Spent], None]


class Executor(Protocol):
    """Does one attempt's work. Touches no store; raises only CancelledError.

    Before it raises, it tells what it has `Spent`; else that is in its outcome.
    """

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """The outcome, whatever happened."""
        ...


class NoteSink(Protocol):
    """Where notes go; must not block and must not fail."""

    def add(self, assignment: Assignment, note: Note) -> None:
        """Take one note."""
        ...
