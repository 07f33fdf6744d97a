"""Events as they happen: one long request, made again from its cursor whenever it is lost."""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

import httpx
from httpx_sse import EventSource, ServerSentEvent, aconnect_sse, connect_sse
from pydantic import ValidationError

from shared.errors import QuintetError
from shared.models import Event, Notice
from ui.refusals import ServiceFailed, may_pass, refusal, unreachable

CONNECT_SECONDS = 2.0
SILENCE_SECONDS = 45.0  # a sign of life comes every 15 s
NOW = "now"  # as `after`: from now on
AWAY_SECONDS = 60.0  # a restart of the orchestrator takes a few


class FollowedEvent(Event):
    """An event and its place: `after=cursor` goes on behind it, in another process too."""

    cursor: str


Told: TypeAlias = FollowedEvent | Notice


@dataclass(frozen=True, slots=True)
class Wish:
    """What to follow: one task or all, after a cursor; `away_seconds` bounds every absence.

    After `NOW` the first that is told is a notice `alive` with the place where it begins.
    """

    task_id: UUID | None = None
    after: str | None = None
    until_end: bool = False
    away_seconds: float = AWAY_SECONDS


def read_events(http: httpx.Client, url: str, wish: Wish) -> Generator[Told, None, None]:
    """Events in order, each once; a `gap` notice where some are no longer kept."""
    reader = _Reader(url, wish)
    while not reader.ended:
        try:
            with connect_sse(http, "GET", reader.path, **reader.arguments()) as source:
                if not source.response.is_success:
                    source.response.read()
                reader.connected(source)
                for frame in source.iter_sse():
                    if (told := reader.take(frame)) is not None:
                        yield told
            reader.closed()
        except (httpx.TransportError, QuintetError) as error:
            reader.lost(error)
        if not reader.ended:
            time.sleep(reader.pause)


async def aread_events(http: httpx.AsyncClient, url: str, wish: Wish) -> AsyncGenerator[Told, None]:
    """The same for asyncio; close it, or leave its `aclosing` block, to hang up."""
    reader = _Reader(url, wish)
    while not reader.ended:
        try:
            async with aconnect_sse(http, "GET", reader.path, **reader.arguments()) as source:
                if not source.response.is_success:
                    await source.response.aread()
                reader.connected(source)
                async with aclosing(source.aiter_sse()) as frames:
                    async for frame in frames:
                        if (told := reader.take(frame)) is not None:
                            yield told
            reader.closed()
        except (httpx.TransportError, QuintetError) as error:
            reader.lost(error)
        if not reader.ended:
            await asyncio.sleep(reader.pause)


class _Reader:
    """The place among the events and the state of the connection, whoever does the waiting."""

    def __init__(self, url: str, wish: Wish) -> None:
        self.path = f"/tasks/{wish.task_id}/events" if wish.task_id else "/events"
        self.ended = False
        self.pause = 0.0
        self._url = url
        self._wish = wish
        self._cursor = None if wish.after == NOW else wish.after
        self._retry = 1.0
        self._heard = -math.inf  # who was never there is not away
        self._task_ended = False

    def arguments(self) -> dict[str, Any]:
        """How to ask for what comes next."""
        timeout = httpx.Timeout(CONNECT_SECONDS, read=SILENCE_SECONDS)
        headers = {"Last-Event-ID": self._cursor} if self._cursor else {}
        params = {"until_end": "true"} if self._wish.until_end else {}
        params |= {"after": NOW} if self._begins_now else {}
        return {"headers": headers, "params": params, "timeout": timeout}

    def connected(self, source: EventSource) -> None:
        """Whether it is a stream of events; raises what else it is."""
        response = source.response
        if not response.is_success:
            raise refusal(response)
        kind = response.headers.get("content-type", "").partition(";")[0]
        if kind != "text/event-stream":
            raise _not_ours(response.status_code, f"{self._url} has no events to follow")
        self._heard = time.monotonic()

    def take(self, frame: ServerSentEvent) -> Told | None:
        """What a frame tells the one who follows, if it does."""
        begins, self._heard = self._begins_now, time.monotonic()
        self._cursor = frame.id or self._cursor
        if frame.retry is not None:
            self._retry = min(max(frame.retry / 1000, 0.01), 30.0)
        if not frame.data:
            return Notice(type="alive", cursor=frame.id) if begins and frame.id else None
        try:
            if frame.event == "message":
                return FollowedEvent.model_validate_json(_with_cursor(frame))
            notice = Notice.model_validate_json(frame.data)
        except ValidationError as error:
            raise _not_ours(200, "an event is not one that this client understands") from error
        self._task_ended = notice.type == "ended"
        return notice if notice.type == "gap" else None

    def closed(self) -> None:
        """The answer has ended: with the task if the service said so, or else we come back."""
        self.ended = self._wish.until_end and self._task_ended
        self.pause = self._retry

    def lost(self, error: httpx.TransportError | QuintetError) -> None:
        """The connection broke or was refused; raises once that lasts too long."""
        away = time.monotonic() - self._heard
        if not may_pass(error) or away >= self._wish.away_seconds:
            raise error if isinstance(error, QuintetError) else unreachable(error, self._url)
        self.pause = self._retry

    @property
    def _begins_now(self) -> bool:
        return self._cursor is None and self._wish.after == NOW


def _with_cursor(frame: ServerSentEvent) -> str:
    return f'{{"cursor":"{frame.id}",{frame.data[1:]}'


def _not_ours(status: int, detail: str) -> ServiceFailed:
    return ServiceFailed(
        detail,
        status=status,
        remedy="Is QUINTET_API_URL the orchestrator, and of this client's version?",
    )
