"""One client's way through the events: what it missed from the table, then what happens."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from orchestrator.event_stream import PAGE, EventHub, Subscription, Told
from shared.errors import Busy, DependencyUnavailable, InvalidRequest
from shared.models import BEGINNING, Cursor, Notice

ALIVE_SECONDS = 15.0
Telling: TypeAlias = Notice | Sequence[Told]

_PRUNED = "events after this cursor are no longer kept: look at the task anew"
_FOREIGN = "this cursor is of another database: look at everything anew"
_BEHIND = "you were too slow, or the orchestrator stops: come back with this cursor"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client follows: one task or all, after a place or from where it makes sense."""

    task_id: UUID | None = None
    after: Cursor | None = None
    until_end: bool = False


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor that a client sent, if it did; raises InvalidRequest."""
    if not text:
        return None
    try:
        return Cursor.parse(text)
    except ValueError as error:
        raise InvalidRequest(
            "this is not a cursor of ours",
            slug="bad-cursor",
            remedy="send the id of the last event that you received, unchanged",
        ) from error


class Feed:
    """Tells one client, each event once and in order. Open it, then iterate over `tell()`."""

    def __init__(self, hub: EventHub, wish: Wish, *, alive_seconds: float = ALIVE_SECONDS) -> None:
        self._hub = hub
        self._ledger = hub.ledger
        self._wish = wish
        self._alive_seconds = alive_seconds
        self._cursor = BEGINNING
        self._gap = ""

    async def open(self) -> None:
        """Find the place to begin at: a task's beginning, for all tasks now, or the cursor."""
        wish = self._wish
        if wish.after is not None:
            standing = await self._ledger.standing(wish.after)
            if standing.foreign:
                self._gap = _FOREIGN
            elif standing.pruned and wish.after != BEGINNING:  # from there it is "what is kept"
                self._gap = _PRUNED
            if not standing.foreign:
                self._cursor = wish.after
                return
        if wish.task_id is None:
            self._cursor = await self._ledger.end()

    async def tell(self) -> AsyncGenerator[Telling, None]:
        """Events as they come, and notices; ends after `reconnect`, or with the task if wished."""
        yield self._notice("gap", self._gap) if self._gap else self._notice("alive")
        try:
            async for page in self._missed():
                yield page
            if await self._done():
                return
            async with self._hub.subscribe(self._wish.task_id) as subscription:
                async for page in self._missed():  # what came before the subscription
                    yield page
                async for telling in self._live(subscription):
                    yield telling
            if subscription.lost:
                yield self._notice("reconnect", _BEHIND)
        except (DependencyUnavailable, Busy) as error:
            yield self._notice("reconnect", error.detail)

    async def _missed(self) -> AsyncIterator[Sequence[Told]]:
        full = True
        while full:
            async with self._hub.backfills:
                page = await self._ledger.after(
                    self._cursor, task_id=self._wish.task_id, limit=PAGE
                )
            full = len(page) == PAGE
            if page:
                self._cursor = page[-1][0]
                yield [Told(cursor, event) for cursor, event in page]

    async def _live(self, subscription: Subscription) -> AsyncIterator[Telling]:
        while not (subscription.lost or await self._done()):
            taken = await subscription.take(self._alive_seconds)
            fresh = [told for told in taken if told.cursor > self._cursor]
            if fresh:
                self._cursor = fresh[-1].cursor
                yield fresh
            elif not taken and not subscription.lost:
                self._cursor = max(self._cursor, self._hub.position or self._cursor)
                yield self._notice("alive")

    async def _done(self) -> bool:
        wish = self._wish
        if not wish.until_end or wish.task_id is None:
            return False
        return await self._ledger.told_to_the_end(wish.task_id, self._cursor)

    def _notice(self, kind: Literal["gap", "reconnect", "alive"], detail: str = "") -> Notice:
        return Notice(type=kind, cursor=str(self._cursor), detail=detail)
