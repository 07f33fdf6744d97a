"""Clients that follow events as others would: over HTTP, and over a WebSocket."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

Message = dict[str, Any]
AGE = "UPDATE events SET at = now() - interval '40 days' WHERE id <= $1"
NOTICES = ("gap", "reconnect", "alive")


@dataclass
class Follower:
    """One that remembers its cursor, and the ids of what it was told, in that order."""

    port: int
    task_id: UUID | None = None
    cursor: str | None = None
    seen: list[int] = field(default_factory=list)
    connections: int = 0

    @property
    def path(self) -> str:
        """What it follows over HTTP."""
        return f"/tasks/{self.task_id}/events" if self.task_id else "/events"

    def messages(self) -> AsyncGenerator[Message, None]:
        """What a connection brings, each with its cursor; the caller ends it."""
        raise NotImplementedError

    async def follow(self, most: int, within: float) -> list[Message]:
        """Connect, take up to so many events within the time, and vanish."""
        taken: list[Message] = []
        self.connections += 1
        async with aclosing(self.messages()) as messages:
            message = await anext(messages)  # how things stand, told at once
            try:
                async with asyncio.timeout(within):
                    while self.take(message, taken) < most:
                        message = await anext(messages)
            except (TimeoutError, StopAsyncIteration):
                return taken
        return taken

    def take(self, message: Message, taken: list[Message]) -> int:
        """Remember a message; how many events that makes."""
        self.cursor = message["cursor"]
        if message["type"] not in NOTICES:
            self.seen.append(message["id"])
            taken.append(message)
        return len(taken)


@dataclass
class SseFollower(Follower):
    """Over HTTP, with `Last-Event-ID`."""

    http: httpx.AsyncClient = field(default_factory=httpx.AsyncClient)

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Frames as messages."""
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        url = f"http://127.0.0.1:{self.port}{self.path}"
        async with self.http.stream("GET", url, headers=headers) as answer:
            assert answer.status_code == 200, await answer.aread()
            assert answer.headers["content-type"].startswith("text/event-stream")
            async for frame in frames(answer.aiter_lines()):
                if "id" in frame:
                    data = json.loads(frame["data"]) if "data" in frame else {"type": "alive"}
                    yield data | {"cursor": frame["id"]}


@dataclass
class WebSocketFollower(Follower):
    """Over a WebSocket."""

    async def messages(self) -> AsyncGenerator[Message, None]:
        """Messages as they come."""
        async with conversation(self.port) as socket:
            greeting = {"after": self.cursor}
            if self.task_id:
                greeting["task_id"] = str(self.task_id)
            await socket.send(json.dumps(greeting))
            with suppress(ConnectionClosedError):  # it was told to come back
                async for text in socket:
                    yield json.loads(text)


@asynccontextmanager
async def conversation(port: int, **options: Any) -> AsyncIterator[ClientConnection]:
    """A WebSocket; it is dropped, not closed politely."""
    url = f"ws://127.0.0.1:{port}/ws"
    async with connect(url, proxy=None, compression=None, close_timeout=0.1, **options) as socket:
        try:
            yield socket
        finally:
            socket.transport.abort()


async def frames(lines: AsyncIterator[str]) -> AsyncIterator[dict[str, str]]:
    """Server-sent events by field; the type is `event`."""
    frame: dict[str, str] = {}
    async for line in lines:
        if line:
            name, _, value = line.partition(": ")
            frame[name] = value
        else:
            yield frame
            frame = {}


def line(task_id: UUID, kind: str = "text", message: str = "hm", **changes: Any) -> dict[str, Any]:
    """A log line as agents write it."""
    fields = {"subtask_id": None, "attempt": None, "agent_id": "agent-1", "level": "info"}
    return fields | {"task_id": task_id, "kind": kind, "message": message, "data": {}} | changes
