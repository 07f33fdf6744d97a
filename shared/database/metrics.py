"""What the ledger holds, counted, and what must not be in it."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from shared.database.connection import Connection, Ledger, Pool
from shared.database.statements import load
from shared.database.subtasks import BANDS
from shared.database.tasks import STEPS
from shared.models import LaneNow
from shared.states import TASK_TERMINAL, SubtaskStatus, TaskStatus

INVARIANTS = "invariants"

_OPEN = [status for status in TaskStatus if status not in TASK_TERMINAL]


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
    lanes: tuple[LaneNow, ...]


class LedgerFigures(Ledger):
    """Reads for metrics, bounded by open work or by the number of events looked at."""

    topics = ("metrics", INVARIANTS)

    def __init__(self, pool: Pool, connection: Connection | None = None) -> None:
        super().__init__(pool, connection)
        self._reading = asyncio.Lock()  # whoever comes meanwhile shares the answer
        self._latest: dict[str, int] | None = None
        self._latest_at = 0.0

    async def clock(self) -> float:
        """PostgreSQL's clock, in seconds since 1970."""
        row = await self.fetchrow("clock")
        assert row is not None  # it has no WHERE  # noqa: S101
        return float(row["seconds"])

    async def counts(self) -> Counts:
        """How much of everything there is."""
        tasks = await self.fetch("tasks_by_status")
        subtasks = await self.fetch("subtasks_by_status", _OPEN)
        lanes = await self.fetch("lanes", SubtaskStatus.QUEUED, SubtaskStatus.RUNNING)
        return Counts(
            tasks={status: 0 for status in TaskStatus}
            | {TaskStatus(row["status"]): row["n"] for row in tasks},
            subtasks={status: 0 for status in SubtaskStatus}
            | {SubtaskStatus(row["status"]): row["n"] for row in subtasks},
            lanes=tuple(
                LaneNow(
                    capabilities=row["route"].split("+"),
                    band=BANDS[row["band"]],
                    queued=row["queued"],
                    running=row["running"],
                    oldest_seconds=row["oldest_seconds"],
                )
                for row in lanes
            ),
        )

    async def leases(self) -> list[Leased]:
        """Leases of attempts and of steps."""
        rows = await self.fetch("leases", SubtaskStatus.RUNNING, STEPS)
        return [Leased(row["kind"], row["held"], row["expired"]) for row in rows]

    async def durations(self, tasks: Sequence[UUID]) -> dict[UUID, tuple[TaskStatus, float]]:
        """How these tasks ended, and how many seconds after their submission."""
        rows = await self.fetch("ended_tasks", tasks) if tasks else []
        return {row["id"]: (TaskStatus(row["status"]), row["seconds"]) for row in rows}

    async def latest_violations(self, *, within: float = 0) -> dict[str, int]:
        """How often each is broken in what changed last; read anew if older than so many s."""
        async with self._reading:
            now = asyncio.get_running_loop().time()
            if self._latest is None or now - self._latest_at > within:
                self._latest = await self.violations(await self.changed())
                self._latest_at = now
            return self._latest

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
