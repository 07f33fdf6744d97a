"""What `GET /system` shows, read at most once every few seconds however many ask."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from orchestrator.system_sampler import SystemSampler
from shared.database.connection import Pool
from shared.database.metrics import LedgerFigures
from shared.database.system import STRETCHES, SystemLedger
from shared.errors import DependencyUnavailable, TookTooLong
from shared.models import Activity, Period, SystemView, WorkNow
from shared.queue import Doorbell

_log = structlog.get_logger(__name__)
_NEVER = float("-inf")
_FRESH = 2.0
_MOST_LOAD = 0.05  # of a core, for one part
_FRESH_RULES = 60.0  # the invariants cost as much as all the rest
_CHECKED = 75.0  # the gauges look at them every minute; theirs will do

T = TypeVar("T")


@dataclass(slots=True)
class _Part(Generic[T]):
    """A reading, and for how many seconds it is good: longer when it was dear."""

    name: str
    read: Callable[[], Awaitable[T]]
    fresh_seconds: float
    took: float = 0.0
    value: T | None = None
    read_at: float = _NEVER
    tried_at: float = _NEVER
    too_slow: bool = False

    def due(self, now: float) -> bool:
        failed = self.read_at < self.tried_at and not self.too_slow
        good_for = max(self.fresh_seconds, self.took / _MOST_LOAD)
        return now - self.tried_at >= (_FRESH if failed else good_for)

    async def renew(self) -> None:
        """Read anew; what PostgreSQL gave up cost as much as what it answered."""
        began = self.tried_at = _now()
        self.too_slow = False
        try:
            self.value = await self.read()
            self.read_at = _now()
        except TookTooLong as error:
            self.too_slow = True
            _log.warning("figures took too long", part=self.name, error=error.detail)
        self.tried_at = _now()
        self.took = self.tried_at - began


class SystemMonitor:
    """Reads in a task of its own, so that a slow database makes no request wait for long."""

    def __init__(
        self,
        pool: Pool,
        doorbell: Doorbell,
        *,
        patience: float = 1.5,
        sample_seconds: float = 5.0,
    ) -> None:
        self._ledger = SystemLedger(pool)
        self.figures = LedgerFigures(pool)
        self._doorbell = doorbell
        self._patience = patience
        self._sampler = SystemSampler(self._ledger, interval=sample_seconds)
        self._answers = True
        self._work = _Part("work", self._read_work, _FRESH)
        self._violations = _Part("invariants", self._read_violations, _FRESH_RULES)
        self._size = _Part("size", self._ledger.size, _FRESH_RULES)
        self._activities = {period: self._activity(period) for period in Period}
        self._asked: set[Period] = set()
        self._wanted = asyncio.Event()
        self._round = asyncio.Event()  # set when a round of reading ends; each has its own

    async def run(self) -> None:
        """Sample, and read what is asked for, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._sampler.run())
            group.create_task(self._read())

    async def view(self, period: Period) -> SystemView:
        """The system now, and what happened in the period."""
        try:
            async with asyncio.timeout(self._patience):
                await self._await_fresh(period)
        except TimeoutError:
            _log.debug("figures are late; the last ones are shown", period=period)
        server, size = self._sampler.server, self._size.value
        age = None if self._work.value is None else round(_now() - self._work.read_at, 1)
        return SystemView(
            uptime_seconds=round(self._sampler.uptime, 1),
            age_seconds=age,
            postgresql=self._answers and self._sampler.answers,
            redis=self._doorbell.connected,
            work=self._work.value,
            activity=self._activities[period].value,
            violations=self._violations.value,
            database=self._ledger.database(server, size) if server and size else None,
            samples=self._sampler.samples(),
        )

    async def _await_fresh(self, period: Period) -> None:
        while any(part.due(_now()) for part in self._parts({period})):
            self._asked.add(period)
            self._wanted.set()
            await self._round.wait()

    def _parts(self, periods: set[Period]) -> list[_Part[Any]]:
        activities = (self._activities[one] for one in sorted(periods))
        return [self._work, self._size, *activities, self._violations]

    async def _read(self) -> None:
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            asked, self._asked = self._asked, set()
            self._answers = await self._read_all(asked)
            ended, self._round = self._round, asyncio.Event()
            ended.set()

    async def _read_all(self, periods: set[Period]) -> bool:
        """Whether PostgreSQL answered; after the first silence it is not asked on."""
        for part in self._parts(periods):
            if part.due(_now()):
                try:
                    await part.renew()
                except DependencyUnavailable as error:
                    if self._answers:
                        _log.warning("figures not read", error=error.detail)
                    return False
        return True

    async def _read_work(self) -> WorkNow:
        counts = await self.figures.counts()
        return WorkNow(tasks=dict(counts.tasks), subtasks=dict(counts.subtasks), lanes=counts.lanes)

    async def _read_violations(self) -> dict[str, int]:
        return await self.figures.latest_violations(within=_CHECKED)

    def _activity(self, period: Period) -> _Part[Activity]:
        seconds, _ = STRETCHES[period]
        fresh = max(_FRESH, seconds / 60)
        return _Part(f"activity of the {period}", lambda: self._ledger.activity(period), fresh)


def _now() -> float:
    return asyncio.get_running_loop().time()
