"""Events as they happen: over HTTP as server-sent events, and over a WebSocket."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Annotated, Any
from urllib.parse import urlsplit
from uuid import UUID

from fastapi import APIRouter, Header, Query, WebSocket, WebSocketDisconnect
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import ValidationError
from starlette.types import Send

from orchestrator.event_feed import Feed, Telling, Wish, read_cursor
from orchestrator.routes.tasks import require
from orchestrator.services import Services, ServicesDep
from shared.errors import InvalidRequest, RequestError
from shared.models import Cursor, Notice, Record
from shared.problems import documented, field_errors, problem

router = APIRouter(tags=["events"])
_GREETING_SECONDS = 10.0
_LATER, _REFUSED, _ENDED = 1013, 1008, 1000  # codes to close a WebSocket with
_RETRY_MS = 1_000
_TOLD = """Each `data` is an event as JSON, each `id` a cursor: send it as `Last-Event-ID`, or as
`after`, to go on from there. `event: gap` says that events after your cursor are no longer kept,
`event: reconnect` that the connection ends here and you go on from its `id`, `event: ended` that
the task has ended and you need not come back. Any other end of the stream is a lost connection."""
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": _TOLD,
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}
_NOW = "now"
_PLACE = {"pattern": f"^([0-9]{{1,19}}-[0-9]{{1,19}}|{_NOW})$"}
LastEventId = Annotated[str | None, Header(alias="Last-Event-ID", json_schema_extra=_PLACE)]
After = Annotated[str | None, Query(json_schema_extra=_PLACE)]


class Greeting(Record):
    """What a client says first over a WebSocket: which task, and from where."""

    task_id: UUID | None = None
    after: str | None = None
    until_end: bool = False


class EventStream(StreamingResponse):
    """Server-sent events; what they come from is closed together with the connection."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncGenerator[bytes, None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(content, headers=headers)
        self._content = content

    async def stream_response(self, send: Send) -> None:
        """Send what comes until it ends or the client goes."""
        async with aclosing(self._content):
            await super().stream_response(send)


@router.get(
    "/tasks/{task_id}/events",
    response_class=StreamingResponse,
    responses=_STREAM | documented(404, 422, 503),
)
async def follow_task(
    task_id: UUID,
    services: ServicesDep,
    last_event_id: LastEventId = None,
    after: After = None,
    until_end: bool = False,
) -> EventStream:
    """What happened to a task, from its beginning or a cursor on, and then what happens.

    With `after=now` it begins with what happens from now on. The stream stays open after the
    task's end, as a retry may set it going again, except with `until_end`.
    """
    place = await _place(services, last_event_id or after)
    return await _stream(services, Wish(task_id, place, until_end=until_end))


@router.get("/events", response_class=StreamingResponse, responses=_STREAM | documented(422, 503))
async def follow_all(
    services: ServicesDep, last_event_id: LastEventId = None, after: After = None
) -> EventStream:
    """What happens to all tasks and agents, from now or a cursor on; `after=0-0` is from the first
    event that is kept."""
    return await _stream(services, Wish(after=await _place(services, last_event_id or after)))


@router.websocket("/ws")
async def converse(socket: WebSocket, services: ServicesDep) -> None:
    """The same over a WebSocket: the first message is a greeting, all others are ours."""
    if not _same_origin(socket):
        await socket.close()  # before it is accepted: HTTP 403
        return
    with suppress(WebSocketDisconnect):
        await socket.accept()
        try:
            feed = await _open(services, await _greeting(socket, services))
        except RequestError as error:
            await socket.send_text(_told(error))
            await socket.close(_LATER if error.status == 503 else _REFUSED, error.problem_slug)
        else:
            await _tell_until_gone(socket, feed)


async def _place(services: Services, given: str | None) -> Cursor | None:
    """Where to begin, if it was said."""
    return await services.events.ledger.end() if given == _NOW else read_cursor(given)


async def _open(services: Services, wish: Wish) -> Feed:
    if wish.task_id is not None:
        await require(services, wish.task_id)
    feed = Feed(services.events, wish)
    await feed.open()
    return feed


async def _stream(services: Services, wish: Wish) -> EventStream:
    feed = await _open(services, wish)
    return EventStream(_as_sse(feed.tell()))


async def _as_sse(tellings: AsyncGenerator[Telling, None]) -> AsyncGenerator[bytes, None]:
    yield format_sse_event(retry=_RETRY_MS)
    cursor, come_back = "", False
    async with aclosing(tellings):
        async for telling in tellings:
            yield _sse(telling)
            place = telling if isinstance(telling, Notice) else telling[-1]
            cursor = str(place.cursor)
            come_back = isinstance(place, Notice) and place.type == "reconnect"
    if not come_back:
        yield _sse(Notice(type="ended", cursor=cursor, detail="the task has ended"))


def _sse(telling: Telling) -> bytes:
    if not isinstance(telling, Notice):
        return b"".join(
            format_sse_event(data_str=told.json, id=str(told.cursor)) for told in telling
        )
    if telling.type == "alive":  # no data: nothing is dispatched, but the cursor is remembered
        return format_sse_event(comment="alive", id=telling.cursor)
    return format_sse_event(
        event=telling.type, data_str=telling.model_dump_json(), id=telling.cursor
    )


def _same_origin(socket: WebSocket) -> bool:
    """A page of somebody else in a person's browser must not read along; programs may."""
    origin = socket.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == socket.headers.get("host")


async def _greeting(socket: WebSocket, services: Services) -> Wish:
    remedy = 'send {"task_id": ..., "after": ...} first, both of them optional'
    try:
        async with asyncio.timeout(_GREETING_SECONDS):
            message = await socket.receive()
    except TimeoutError as error:
        detail = f"no greeting came within {_GREETING_SECONDS:.0f} s"
        raise InvalidRequest(detail, slug="no-greeting", remedy=remedy) from error
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message["code"])
    try:
        said = Greeting.model_validate_json(message.get("text") or message.get("bytes") or "")
    except ValidationError as error:
        found = field_errors(error.errors(include_url=False, include_context=False))
        detail = "; ".join(f"{item['field']}: {item['message']}" for item in found)
        raise InvalidRequest(detail, remedy=remedy, errors=found) from error
    return Wish(said.task_id, await _place(services, said.after), said.until_end)


def _told(error: RequestError) -> str:
    answer = problem(
        error.status,
        error.problem_slug,
        error.title,
        error.detail,
        remedy=error.remedy,
        **error.extra,
    )
    return bytes(answer.body).decode()


async def _tell_until_gone(socket: WebSocket, feed: Feed) -> None:
    """Tell until the feed ends or the client goes, whichever is first."""
    async with asyncio.TaskGroup() as group:
        sides = [group.create_task(_tell(socket, feed)), group.create_task(_until_gone(socket))]
        await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        for side in sides:
            side.cancel()


async def _tell(socket: WebSocket, feed: Feed) -> None:
    ended, reason = _ENDED, "the task has ended"
    with suppress(WebSocketDisconnect):
        async with aclosing(feed.tell()) as tellings:
            async for telling in tellings:
                for text in _messages(telling):
                    await socket.send_text(text)
                if isinstance(telling, Notice) and telling.type == "reconnect":
                    ended, reason = _LATER, f"come back with the cursor {telling.cursor}"
        await socket.close(ended, reason)


def _messages(telling: Telling) -> list[str]:
    if isinstance(telling, Notice):
        return [telling.model_dump_json()]
    return [f'{{"cursor":"{told.cursor}",{told.json[1:]}' for told in telling]


async def _until_gone(socket: WebSocket) -> None:
    """Whatever else a client says is not listened to."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue
