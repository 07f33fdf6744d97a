"""Forgets events that are older than they are kept, and gives those of a backup their place."""

import asyncio

import structlog

from shared.background import leave_if_cancelled
from shared.database.events import EventLedger
from shared.errors import DependencyUnavailable

_BATCH = 2_000
_log = structlog.get_logger(__name__)


class EventKeeper:
    """A loop; any number may run at once. With `days` 0 nothing is forgotten."""

    def __init__(self, ledger: EventLedger, *, days: int, interval: float = 600) -> None:
        self._ledger = ledger
        self._days = days
        self._interval = interval

    async def run(self) -> None:
        """Keep until cancelled."""
        while True:
            try:
                await self.sweep()
            except DependencyUnavailable as error:
                _log.warning("cannot forget old events", error=error.detail)
            leave_if_cancelled()
            await asyncio.sleep(self._interval)

    async def sweep(self) -> int:
        """One round, in batches that hold nobody up; returns how many were forgotten."""
        while adopted := await self._ledger.adopt(limit=_BATCH):
            _log.warning("events of a backup were put before all others", events=adopted)
        forgotten = 0
        while self._days:
            batch = await self._ledger.prune(days=self._days, limit=_BATCH)
            forgotten += batch
            if batch < _BATCH:
                break
        if forgotten:
            _log.info("old events forgotten", events=forgotten, days=self._days)
        return forgotten
