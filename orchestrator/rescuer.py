"""Takes back what silent agents held, and rings again for what has been queued too long.

It judges only after its own connection has lived for one lease: otherwise a database outage
longer than the lease would declare every healthy agent dead.
"""

import asyncio

import structlog

from shared import metrics
from shared.background import leave_if_cancelled
from shared.database.connection import Connection, Pool, connect
from shared.database.subtasks import SubtaskLedger
from shared.errors import DependencyUnavailable
from shared.queue import Doorbell

_log = structlog.get_logger(__name__)


class Rescuer:
    """A loop on one connection of its own; any number may run at once."""

    def __init__(
        self,
        pool: Pool,
        doorbell: Doorbell,
        *,
        url: str,
        lease_seconds: float,
        interval: float,
        max_losses: int,
    ) -> None:
        self._pool = pool
        self._doorbell = doorbell
        self._url = url
        self._lease_seconds = lease_seconds
        self._interval = interval
        self._max_losses = max_losses
        self._connection: Connection | None = None

    async def run(self) -> None:
        """Rescue until cancelled."""
        try:
            while True:
                try:
                    await self.sweep()
                except DependencyUnavailable as error:
                    _log.warning("cannot rescue", error=error.detail)
                leave_if_cancelled()
                await asyncio.sleep(self._interval)
        finally:
            if self._connection is not None:
                await self._connection.close(timeout=2)

    async def sweep(self) -> int:
        """One round; returns how many attempts were lost."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await connect(self._url, application="quintet rescuer")
        ledger = SubtaskLedger(self._pool, self._connection)
        grace = self._lease_seconds
        poisoned = await ledger.poison(max_losses=self._max_losses, grace_seconds=grace)
        rescued = await ledger.rescue(max_losses=self._max_losses, grace_seconds=grace)
        abandoned = await ledger.abandon(grace_seconds=grace)
        lost = poisoned + rescued + abandoned
        metrics.LOST.labels("requeued").inc(len(rescued))
        metrics.LOST.labels("poisoned").inc(len(poisoned))
        metrics.LOST.labels("abandoned").inc(len(abandoned))
        if lost:
            _log.warning(
                "attempts lost",
                requeued=len(rescued),
                poisoned=len(poisoned),
                abandoned=len(abandoned),
            )
            await self._doorbell.ring_results(dict.fromkeys(lost))
        late = await ledger.ring_again()
        metrics.RUNG_AGAIN.inc(len(late))
        await self._doorbell.ring(late)
        return len(lost)
