"""How a reply, an error or a fault goes out over HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

from fastapi import Response
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scripts.claude_simulator.faults import Fault, FaultKind

SIMULATED = (b"x-quintet-simulated", b"true")

_ERRORS: dict[FaultKind, tuple[int, str, str]] = {
    FaultKind.RATE_LIMIT: (429, "rate_limit_error", "Simulated rate limit."),
    FaultKind.RATE_LIMIT_NO_HEADER: (429, "rate_limit_error", "Simulated rate limit."),
    FaultKind.OVERLOADED: (529, "overloaded_error", "Overloaded"),
    FaultKind.SERVER_ERROR: (500, "api_error", "Simulated internal server error."),
    FaultKind.INVALID_KEY: (401, "authentication_error", "invalid x-api-key"),
}


class SimulatedHeader:
    """Marks every response of an application as simulated, its defects included."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass everything on, with the header added to each response's start."""

        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), SIMULATED]
            await send(message)

        await self._app(scope, receive, marked)


class CutResponse(Response):
    """A response that promises more than it sends; the server then drops the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send half and return, which makes the server close the connection."""
        half = bytes(self.body[: max(1, len(self.body) // 2)])
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        await send({"type": "http.response.body", "body": half, "more_body": True})


def api_error(
    status: int, kind: str, text: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error in the envelope of the Messages API."""
    request_id = f"req_sim_{uuid4().hex[:20]}"
    body = {"type": "error", "error": {"type": kind, "message": text}, "request_id": request_id}
    return JSONResponse(body, status, {"request-id": request_id, **(headers or {})})


def fault_error(fault: Fault) -> JSONResponse | None:
    """The error response of a fault that is one."""
    if fault.kind not in _ERRORS:
        return None
    status, kind, text = _ERRORS[fault.kind]
    limited = fault.kind is FaultKind.RATE_LIMIT
    return api_error(
        status, kind, text, {"retry-after": f"{fault.retry_after:g}"} if limited else {}
    )


def whole(body: dict[str, Any]) -> bytes:
    """A message as the bytes of a response that does not stream."""
    return json.dumps(body, ensure_ascii=False).encode()


async def paced(
    events: Iterator[bytes], seconds: float, stall: float = 0.0
) -> AsyncIterator[bytes]:
    """The events spread over some seconds, with a stall after the first."""
    pieces = list(events)
    for index, piece in enumerate(pieces):
        yield piece
        if index == 0 and stall:
            await asyncio.sleep(stall)
        if seconds:
            await asyncio.sleep(seconds / len(pieces))
