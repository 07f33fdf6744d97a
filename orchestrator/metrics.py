"""Shows what the ledger holds as gauges, so that no scrape asks PostgreSQL anything."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from shared import metrics
from shared.background import leave_if_cancelled
from shared.database.metrics import Counts, Leased, LedgerFigures
from shared.database.subtasks import route_of
from shared.errors import DependencyUnavailable
from shared.queue import Doorbell

_log = structlog.get_logger(__name__)


class LedgerGauges:
    """Reads the ledger every so often (seconds); while it is away the last figures stand."""

    def __init__(
        self,
        figures: LedgerFigures,
        *,
        counted_every: float = 15.0,
        checked_every: float = 60.0,
    ) -> None:
        self._figures = figures
        self._counted_every = counted_every
        self._checked_every = checked_every
        self._broken: dict[str, int] = {}

    async def run(self) -> None:
        """Count and check until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self.count, self._counted_every))
            group.create_task(self._repeat(self.check, self._checked_every))

    async def count(self) -> None:
        """Show how much of everything there is."""
        with metrics.LEDGER_READ_SECONDS.labels("counts").time():
            await self._observe_endings()
            counts, leases = await self._figures.counts(), await self._figures.leases()
            clock = await self._figures.clock()
        _show(counts, leases)
        metrics.LEDGER_READ_AT.labels("counts").set(clock)

    async def check(self) -> None:
        """Show how often each invariant is broken among what changed last."""
        with metrics.LEDGER_READ_SECONDS.labels("invariants").time():
            violations = await self._figures.latest_violations()
            clock = await self._figures.clock()
        for name, count in violations.items():
            metrics.VIOLATIONS.labels(name).set(count)
        metrics.LEDGER_READ_AT.labels("invariants").set(clock)
        broken = {name: count for name, count in violations.items() if count}
        if broken and broken != self._broken:
            _log.error("the ledger holds what must not be", broken=broken)
        self._broken = broken

    async def _observe_endings(self) -> None:
        """How long tasks took; those that no answer came for are asked for again."""
        ended = metrics.MOVES.ended_tasks()
        found = await self._figures.durations(ended)
        for status, seconds in found.values():
            metrics.TASK_SECONDS.labels(status).observe(seconds)
        metrics.MOVES.answered(ended, found)

    async def _repeat(self, read: Callable[[], Awaitable[None]], every: float) -> None:
        while True:
            try:
                await read()
            except DependencyUnavailable as error:
                _log.warning("figures not read", error=error.detail)
            leave_if_cancelled()
            await asyncio.sleep(every)


def show_process(doorbell: Doorbell, *, simulated: bool) -> None:
    """Show what this process knows of itself without asking anybody."""
    metrics.REDIS.set_function(lambda: float(doorbell.connected))
    metrics.SIMULATED.set(simulated)


def _show(counts: Counts, leases: Sequence[Leased]) -> None:
    for task_status, number in counts.tasks.items():
        metrics.TASKS.labels(task_status).set(number)
    for subtask_status, number in counts.subtasks.items():
        metrics.SUBTASKS.labels(subtask_status).set(number)
    metrics.QUEUED.clear()  # a lane that is empty now has no row
    metrics.OLDEST.clear()
    for lane in counts.lanes:
        if lane.queued:
            needed = route_of(lane.capabilities)
            metrics.QUEUED.labels(needed, lane.band).set(lane.queued)
            metrics.OLDEST.labels(needed, lane.band).set(lane.oldest_seconds or 0.0)
    for leased in leases:
        metrics.LEASES.labels(leased.kind, "live").set(leased.held - leased.expired)
        metrics.LEASES.labels(leased.kind, "expired").set(leased.expired)
