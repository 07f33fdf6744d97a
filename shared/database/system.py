"""How the whole system does, read from the ledger and from PostgreSQL's own statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from shared.database.connection import Ledger, Row
from shared.models import (
    Activity,
    CapabilityDurations,
    DatabaseNow,
    Durations,
    FailureCount,
    ModelUse,
    Period,
    Stretch,
)
from shared.states import AttemptOutcome, TaskStatus

# Seconds of a stretch, and how many of them make the period.
STRETCHES: Mapping[Period, tuple[int, int]] = {
    Period.HOUR: (60, 60),
    Period.DAY: (1_800, 48),
    Period.WEEK: (7_200, 84),
}
_ANSWERED = [TaskStatus.COMPLETED, TaskStatus.FAILED]
_SETTLED = [AttemptOutcome.COMPLETED, AttemptOutcome.FAILED]


@dataclass(frozen=True, slots=True)
class Transactions:
    """PostgreSQL's count of transactions, and its clock when it was read."""

    seconds: float
    count: int

    def rate_since(self, before: "Transactions | None") -> float | None:
        """Transactions per second since an earlier count; None when it began anew since."""
        if before is None or self.seconds <= before.seconds or self.count < before.count:
            return None
        return (self.count - before.count) / (self.seconds - before.seconds)


@dataclass(frozen=True, slots=True)
class Server:
    """What PostgreSQL says of this database, all of it cheap to ask."""

    connections: int
    most_connections: int
    cache_hit_ratio: float | None
    deadlocks: int


class SystemLedger(Ledger):
    """Reads for the dashboard; each is bounded by a period or by open work."""

    topics = ("system",)

    def pool_used(self) -> int:
        """Connections of this process that are at work."""
        return self._pool.get_size() - self._pool.get_idle_size()

    async def server(self) -> tuple[Transactions, Server]:
        """The database, without what is dear to ask."""
        row = await self.fetchrow("server")
        assert row is not None  # one is connected to it  # noqa: S101
        fields = dict(row)
        transactions = Transactions(fields.pop("seconds"), fields.pop("transactions"))
        return transactions, Server(**fields)

    async def size(self) -> int:
        """Bytes on disk: PostgreSQL looks at every file for it."""
        row = await self.fetchrow("size")
        assert row is not None  # it reads no table  # noqa: S101
        return int(row["bytes"])

    def database(self, server: Server, size: int) -> DatabaseNow:
        """The database and this process's connections to it."""
        pool = self._pool
        return DatabaseNow(
            **asdict(server),
            bytes=size,
            pool_used=self.pool_used(),
            pool_idle=pool.get_idle_size(),
            pool_most=pool.get_max_size(),
        )

    async def activity(self, period: Period) -> Activity:
        """What happened in a period."""
        seconds, count = STRETCHES[period]
        row = await self.fetchrow("beginning", seconds, count)
        assert row is not None  # it reads no table  # noqa: S101
        since: datetime = row["since"]
        overall, by_capability = _durations(await self.fetch("attempt_durations", since, _SETTLED))
        tasks, _ = _durations(await self.fetch("task_durations", since, _ANSWERED))
        failures = await self.fetch("failures", since, AttemptOutcome.FAILED, TaskStatus.FAILED)
        models = await self.fetch("models_used", since)
        return Activity(
            period=period,
            stretch_seconds=seconds,
            stretches=await self._stretches(since, seconds, count),
            tasks=tasks,
            attempts=overall,
            by_capability=by_capability,
            failures=tuple(FailureCount.model_validate(dict(row)) for row in failures),
            models=tuple(ModelUse.model_validate(dict(row)) for row in models),
        )

    async def _stretches(self, since: datetime, seconds: int, count: int) -> tuple[Stretch, ...]:
        return stretches(
            since,
            seconds,
            count,
            accepted=await self.fetch("tasks_accepted", seconds, since),
            tasks=await self.fetch("tasks_ended", seconds, since),
            attempts=await self.fetch("attempts_ended", seconds, since),
            spent=await self.fetch("spent", seconds, since),
        )


Rows = Sequence[Mapping[str, Any]] | Sequence[Row]


def stretches(
    since: datetime,
    seconds: int,
    count: int,
    *,
    accepted: Rows,
    tasks: Rows,
    attempts: Rows,
    spent: Rows,
) -> tuple[Stretch, ...]:
    """Every stretch in order, the empty ones too; what a later moment added is left for later."""
    starts = [since + timedelta(seconds=seconds * number) for number in range(count)]
    fields: dict[datetime, dict[str, Any]] = {
        start: {"start": start, "tasks": {}, "attempts": {}} for start in starts
    }
    for row in accepted:
        fields.get(row["start"], {})["accepted"] = row["n"]
    for row in tasks:
        fields.get(row["start"], {}).setdefault("tasks", {})[row["status"]] = row["n"]
    for row in attempts:
        fields.get(row["start"], {}).setdefault("attempts", {})[row["outcome"]] = row["n"]
    for row in spent:
        fields.get(row["start"], {}).update(tokens=row["tokens"], cost_usd=row["cost_usd"])
    return tuple(Stretch.model_validate(fields[start]) for start in starts)


def _durations(rows: Sequence[Row]) -> tuple[Durations | None, tuple[CapabilityDurations, ...]]:
    """Of all, and by capability where the rows name one."""
    overall, by_capability = None, []
    for row in rows:
        if not row["n"]:
            continue
        took = {
            "count": row["n"],
            "mean_seconds": row["mean_seconds"],
            "p95_seconds": row["p95_seconds"],
        }
        capability = row.get("capability")
        if capability is None:
            overall = Durations.model_validate(took)
        else:
            by_capability.append(CapabilityDurations(**took, capability=capability))
    return overall, tuple(by_capability)
