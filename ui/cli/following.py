"""A task as it stands, looked at again whenever it may have changed.

The stream of events is only a bell: what is shown is always read anew. Where it is not there, or
silent, looking every second does the same. A restart of the orchestrator is waited for.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from shared.errors import NotFound, QuintetError
from shared.models import LogEntry, LogPage, PlanVersion, TaskDetail, TaskView
from shared.states import TaskStatus
from ui.client import AsyncQuintetClient
from ui.event_reader import NOW, Told
from ui.refusals import may_pass
from ui.subtask_names import find_subtask
from ui.views import is_over

POLL_SECONDS = 1.0
HEARD_SECONDS = 5.0  # how often it is looked at all the same while events come
AWAY_SECONDS = 60.0  # a restart of the orchestrator does not end a watch
TICK_SECONDS = 0.5
BREATH_SECONDS = 0.2
LOG_PAGE = 1_000
_LINES = ("log", "tool.", "check.", "correction.", "review.")


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known now; `fresh` are the log lines that came since it was last shown."""

    detail: TaskDetail
    plan: PlanVersion | None = None  # while it waits for approval
    fresh: tuple[LogEntry, ...] = ()
    heard: bool = False  # events come
    away_seconds: float = 0.0  # since when the service does not answer


@dataclass(frozen=True, slots=True)
class Lines:
    """Which log lines to bring along: of one subtask, by its key or id, or all of them.

    With `last` the first look brings no more than so many of the newest.
    """

    subtask: str | None = None
    last: int | None = None


class Following:
    """One look after the other until the task is over; `paint` shows each, and each tick."""

    def __init__(
        self,
        client: AsyncQuintetClient,
        task_id: UUID,
        paint: Callable[[Standing], None],
        *,
        lines: Lines | None = None,
    ) -> None:
        self._client = client
        self._task_id = task_id
        self._paint = paint
        self._lines = lines
        self._log_place: int | None = None
        self._seen = 0.0
        self._stale = False
        self._bell = asyncio.Event()
        self._now: Standing

    async def run(self) -> TaskDetail:
        """Follow to the end; raises at once when the first look fails, later when all do."""
        self._now = Standing(await self._client.task(self._task_id))
        await self._take(self._now.detail)
        async with _beside(self._listen()):
            while not is_over(self._now.detail.task):
                self._show()
                await self._news()
                await self._look_if_it_answers()
        self._show()
        return self._now.detail

    def _show(self) -> None:
        self._paint(self._now)
        self._now = replace(self._now, fresh=())

    async def _look_if_it_answers(self) -> None:
        try:
            await self._look()
        except QuintetError as error:
            self._stale = True
            away = time.monotonic() - self._seen
            if not may_pass(error) or away > AWAY_SECONDS:
                raise
            self._now = replace(self._now, away_seconds=away, heard=False)

    async def _look(self) -> None:
        """Read what may have changed: the log lines always, the task when it was said so."""
        stale, self._stale = self._stale, False  # before the look: what is heard during it counts
        await self._take(await self._client.task(self._task_id) if stale else self._now.detail)

    async def _take(self, detail: TaskDetail) -> None:
        plan = await self._waiting_plan(detail.task)
        await self._read_lines(detail)
        self._now = replace(self._now, detail=detail, plan=plan, away_seconds=0.0)
        self._seen = time.monotonic()

    async def _waiting_plan(self, task: TaskView) -> PlanVersion | None:
        if task.status is not TaskStatus.AWAITING_APPROVAL:
            return None
        if self._now.plan and self._now.plan.hash == task.plan_hash:
            return self._now.plan
        try:
            return await self._client.plan(self._task_id)
        except NotFound:
            return None  # sent back just now

    async def _read_lines(self, detail: TaskDetail) -> None:
        """Bring what is new, page by page: a page that was read is kept whatever comes after it."""
        if self._lines is None or (self._lines.subtask and not detail.task.subtasks):
            return
        wanted = find_subtask(detail, self._lines.subtask).id if self._lines.subtask else None
        full = True
        while full:
            page = await self._page(wanted, self._lines.last)
            self._log_place = page.next_after
            self._now = replace(self._now, fresh=self._now.fresh + page.entries)
            full = len(page.entries) == LOG_PAGE

    async def _page(self, subtask_id: UUID | None, last: int | None) -> LogPage:
        if self._log_place is None and last is not None:
            return await self._client.logs(self._task_id, last=last, subtask_id=subtask_id)
        after = self._log_place or 0
        return await self._client.logs(
            self._task_id, after=after, limit=LOG_PAGE, subtask_id=subtask_id
        )

    async def _news(self) -> None:
        """Wait for the bell, or until it is time to look without it; go on painting meanwhile."""
        await asyncio.sleep(min(BREATH_SECONDS, POLL_SECONDS))
        until = time.monotonic() + (HEARD_SECONDS if self._now.heard else POLL_SECONDS)
        while not self._bell.is_set() and (left := until - time.monotonic()) > 0:
            try:
                async with asyncio.timeout(min(TICK_SECONDS, left)):
                    await self._bell.wait()
            except TimeoutError:
                self._show()
        self._stale = self._stale or not self._bell.is_set()
        self._bell.clear()

    async def _listen(self) -> None:
        cursor = NOW  # the first that is told then says from where on, and has the task read anew
        while True:
            events = self._client.events(self._task_id, after=cursor, away_seconds=0)
            try:
                async with aclosing(events):
                    async for told in events:
                        cursor = told.cursor
                        self._hear(told)
            except QuintetError:  # the looks go on without a bell, and tell who is away
                if self._now.heard:
                    self._stale, self._now = True, replace(self._now, heard=False)
                    self._bell.set()
            await asyncio.sleep(POLL_SECONDS)

    def _hear(self, told: Told) -> None:
        self._now = replace(self._now, heard=True)
        changes_the_task = not told.type.startswith(_LINES)
        self._stale = self._stale or changes_the_task
        if changes_the_task or self._lines is not None:
            self._bell.set()


@asynccontextmanager
async def _beside(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run it while the block runs; what it dies of is told when the block ends."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.result()
