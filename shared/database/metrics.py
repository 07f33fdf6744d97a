"""What the ledger holds, counted, and what must not be in it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database.connection import Ledger
from shared.database.statements import load
from shared.models import Band
from shared.states import TASK_TERMINAL, SubtaskStatus, TaskStatus

INVARIANTS = "invariants"

_BANDS = tuple(Band)
_OPEN = [status for status in TaskStatus if status not in TASK_TERMINAL]
_STEPS = [TaskStatus.PLANNING, TaskStatus.AGGREGATING]


@dataclass(frozen=True, slots=True)
class Lane:
    """What waits for agents with these capabilities (a route) in one band."""

    capabilities: str
    band: Band
    depth: int
    oldest_seconds: float


@dataclass(frozen=True, slots=True)
class Leased:
    """How many leases of one kind there are, and how many of them ran out."""

    kind: str
    held: int
    expired: int


@dataclass(frozen=True, slots=True)
class Counts:
    """The ledger at one moment; `subtasks` are those of tasks that have not ended."""

    tasks: Mapping[TaskStatus, int]
    subtasks: Mapping[SubtaskStatus, int]
    queue: Sequence[Lane]
    leases: Sequence[Leased]


class LedgerFigures(Ledger):
    """Reads for metrics, bounded by open work or by the number of events looked at."""

    topics = ("metrics", INVARIANTS)

    async def clock(self) -> float:
        """PostgreSQL's clock, in seconds since 1970."""
        row = await self.fetchrow("clock")
        assert row is not None  # it has no WHERE  # noqa: S101
        return float(row["seconds"])

    async def counts(self) -> Counts:
        """How much of everything there is."""
        tasks = await self.fetch("tasks_by_status")
        subtasks = await self.fetch("subtasks_by_status", _OPEN)
        queue = await self.fetch("queue", SubtaskStatus.QUEUED)
        leases = await self.fetch("leases", SubtaskStatus.RUNNING, _STEPS)
        return Counts(
            tasks={status: 0 for status in TaskStatus}
            | {TaskStatus(row["status"]): row["n"] for row in tasks},
            subtasks={status: 0 for status in SubtaskStatus}
            | {SubtaskStatus(row["status"]): row["n"] for row in subtasks},
            queue=[
                Lane(row["route"], _BANDS[row["band"]], row["n"], row["oldest_seconds"])
                for row in queue
            ],
            leases=[Leased(row["kind"], row["held"], row["expired"]) for row in leases],
        )

    async def durations(self, tasks: Sequence[UUID]) -> list[tuple[TaskStatus, float]]:
        """How these tasks ended, and how many seconds after their submission."""
        rows = await self.fetch("ended_tasks", tasks) if tasks else []
        return [(TaskStatus(row["status"]), row["seconds"]) for row in rows]

    async def changed(self, *, tasks: int = 500, events: int = 50_000) -> list[UUID]:
        """The tasks that changed last, as many as the latest events tell of."""
        return [row["task_id"] for row in await self.fetch("changed_tasks", tasks, events)]

    async def violations(self, tasks: Sequence[UUID] | None) -> dict[str, int]:
        """How often each invariant is broken in these tasks, or in the whole ledger."""
        found = {}
        for name in load(INVARIANTS):
            row = await self.fetchrow(name, tasks)
            found[name] = int(row["count"]) if row is not None else 0
        return found
