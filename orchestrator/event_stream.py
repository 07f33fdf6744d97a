"""The hub: reads each new event once and hands it to every client of this process that follows.

The table is the truth, a call over Redis only wakes. The hub never waits for a client: what a
client has not taken yet is bounded, and one that falls behind is let go, to come back with its
cursor.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cached_property
from uuid import UUID

import structlog

from shared.background import leave_if_cancelled
from shared.database.events import EventLedger
from shared.errors import Busy, DependencyUnavailable
from shared.models import Cursor, Event
from shared.queue import Calls

PAGE = 200
_BREATH = 0.05  # in which those who follow take a page, and calls gather into one look
_PATIENCE = 10.0
_log = structlog.get_logger(__name__)


class Told:
    """An event and its place; its JSON is made once, however many follow."""

    def __init__(self, cursor: Cursor, event: Event) -> None:
        self.cursor = cursor
        self.event = event

    @cached_property
    def json(self) -> str:
        """The event as JSON."""
        return self.event.model_dump_json()


class Subscription:
    """What one client has not taken yet: bounded, and given up when it is too much."""

    def __init__(self, task_id: UUID | None, room: int) -> None:
        self.task_id = task_id
        self.lost = False
        self._room = room
        self._waiting: deque[Told] = deque()
        self._bell = asyncio.Event()

    def offer(self, news: Sequence[Told]) -> None:
        """Hand over what is new; never waits."""
        if self.lost or not news:
            return
        if len(self._waiting) + len(news) > self._room:
            self.lose()
        else:
            self._waiting.extend(news)
            self._bell.set()

    def lose(self) -> None:
        """Let this client go."""
        self.lost = True
        self._waiting.clear()
        self._bell.set()

    async def take(self, within: float) -> list[Told]:
        """All that waits, or what comes first within the time; empty: nothing came, or lost."""
        try:
            async with asyncio.timeout(within):
                await self._bell.wait()
        except TimeoutError:
            pass  # what was offered since the timer fired is taken all the same
        if not self.lost:
            self._bell.clear()
        taken = list(self._waiting)
        self._waiting.clear()
        return taken


class EventHub:
    """One a process; own its `run()`. Reads nothing while nobody follows."""

    def __init__(
        self,
        ledger: EventLedger,
        calls: Calls,
        *,
        poll_seconds: float = 0.5,
        room: int = 1_000,
        most: int = 1_000,
    ) -> None:
        self.ledger = ledger
        self.backfills = asyncio.Semaphore(4)  # the pool is first of all for the work
        self._calls = calls
        self._poll_seconds = poll_seconds
        self._room = room
        self._most = most
        self._subscriptions: set[Subscription] = set()
        self._position: Cursor | None = None
        self._wanted = asyncio.Event()
        self._placed = asyncio.Event()
        self._closed = False

    @property
    def position(self) -> Cursor | None:
        """Everything up to here was offered to all who follow; None: nobody follows."""
        return self._position

    @asynccontextmanager
    async def subscribe(self, task_id: UUID | None) -> AsyncIterator[Subscription]:
        """Follow one task or all, from some place that lies before the end as it is now."""
        if len(self._subscriptions) >= self._most:
            raise Busy(
                f"{self._most} clients follow events already",
                remedy="try again later, or ask another orchestrator",
            )
        subscription = Subscription(task_id, self._room)
        if self._closed:
            subscription.lose()
        self._subscriptions.add(subscription)
        try:
            self._wanted.set()
            if not self._closed:
                await self._await_place()
            yield subscription
        finally:
            self._subscriptions.discard(subscription)

    async def run(self) -> None:
        """Read and hand over until cancelled."""
        try:
            while True:
                leave_if_cancelled()
                await self._until_wanted()
                try:
                    await self._look()
                except DependencyUnavailable as error:
                    _log.warning("cannot read events", error=error.detail)
                    await asyncio.sleep(self._poll_seconds)
                await asyncio.sleep(_BREATH)
                await self._calls.wait(self._poll_seconds)
        finally:
            self.close()

    def close(self) -> None:
        """Let everybody go; this process ends."""
        self._closed = True
        self._placed.set()
        for subscription in self._subscriptions:
            subscription.lose()

    async def _await_place(self) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._placed.wait()
        except TimeoutError as error:
            raise DependencyUnavailable("PostgreSQL does not answer") from error

    async def _until_wanted(self) -> None:
        if not self._subscriptions:
            self._position = None
            self._placed.clear()
            self._wanted.clear()
            await self._calls.rest()
        await self._wanted.wait()

    async def _look(self) -> None:
        """Hand over all that is new; the first look only finds the place to begin at."""
        if self._position is None:
            self._position = await self.ledger.end()
            self._placed.set()
            return
        while self._subscriptions:
            page = await self.ledger.after(self._position, task_id=None, limit=PAGE)
            if page:
                self._hand_over([Told(cursor, event) for cursor, event in page])
                self._position = page[-1][0]
            if len(page) < PAGE:
                return
            await asyncio.sleep(_BREATH)

    def _hand_over(self, news: Sequence[Told]) -> None:
        by_task: dict[UUID | None, list[Told]] = defaultdict(list)
        for told in news:
            by_task[told.event.task_id].append(told)
        for subscription in self._subscriptions:
            task_id = subscription.task_id
            subscription.offer(news if task_id is None else by_task.get(task_id, ()))
