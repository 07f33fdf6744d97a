"""Looks at this process and its database every few seconds, and keeps the last minutes."""

import asyncio
from collections import deque

from shared import metrics
from shared.background import WORST_LAG, leave_if_cancelled
from shared.database.system import Server, SystemLedger, Transactions
from shared.errors import DependencyUnavailable
from shared.models import SystemSample

_PATIENCE = 1.0
_KEPT_SECONDS = 600.0


class SystemSampler:
    """Samples of one orchestrator; a database that is away leaves gaps in its own figures."""

    def __init__(self, ledger: SystemLedger, *, interval: float = 5.0) -> None:
        self._ledger = ledger
        self._interval = interval
        self._samples: deque[SystemSample] = deque(maxlen=max(1, round(_KEPT_SECONDS / interval)))
        self._began = asyncio.get_running_loop().time()
        self._transactions: Transactions | None = None
        self._cpu: tuple[float, float] | None = None  # uptime, CPU seconds until then
        self.server: Server | None = None
        self.answers = True

    @property
    def uptime(self) -> float:
        """Seconds since this process began to look at itself."""
        return asyncio.get_running_loop().time() - self._began

    def samples(self) -> tuple[SystemSample, ...]:
        """The last ten minutes, oldest first."""
        return tuple(self._samples)

    async def run(self) -> None:
        """Look every so often, until cancelled."""
        while True:
            await self.look()
            leave_if_cancelled()
            await asyncio.sleep(self._interval)

    async def look(self) -> None:
        """Look once."""
        rate = await self._ask_database()
        self._samples.append(
            SystemSample(
                at=round(self.uptime, 2),
                cpu_percent=self._cpu_percent(),
                memory_mb=round(_figure("process_resident_memory_bytes") / 2**20, 1),
                lag_ms=round(WORST_LAG.take() * 1000, 1),
                pool_used=self._ledger.pool_used(),
                transactions_per_second=None if rate is None else round(rate, 2),
                connections=self.server.connections if self.server else None,
            )
        )

    async def _ask_database(self) -> float | None:
        before = self._transactions
        try:
            async with asyncio.timeout(_PATIENCE):
                self._transactions, self.server = await self._ledger.server()
        except (DependencyUnavailable, TimeoutError):  # the page says so; the loops log it
            self._transactions, self.server, self.answers = None, None, False
            return None
        self.answers = True
        return self._transactions.rate_since(before)

    def _cpu_percent(self) -> float:
        now, spent = self.uptime, _figure("process_cpu_seconds_total")
        before, self._cpu = self._cpu, (now, spent)
        if before is None or now <= before[0]:
            return 0.0
        return round(max(0.0, spent - before[1]) / (now - before[0]) * 100, 1)


def _figure(name: str) -> float:
    """What this process tells Prometheus of itself; 0 where the platform does not say."""
    return metrics.REGISTRY.get_sample_value(f"quintet_{name}") or 0.0
