"""What every service tells of its HTTP side, and the address where Prometheus reads it all."""

import time

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import metrics

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class RequestCounter:
    """ASGI middleware that counts by the route's template, so that no id becomes a label.

    The time is that until the answer begins: a stream of events may never end.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on, and count what was answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _answered(scope, status, time.perf_counter() - began)
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            if not status:  # the error handler outside of this answers
                _answered(scope, 500, time.perf_counter() - began)
            raise


def install(app: FastAPI) -> None:
    """Count the app's requests and serve `/metrics`, which is no part of its contract."""
    app.add_middleware(RequestCounter)

    @app.get("/metrics", include_in_schema=False)
    async def read_metrics() -> Response:
        return Response(metrics.render(), headers={"Content-Type": metrics.CONTENT_TYPE})


def _answered(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", "unmatched")
    method = scope["method"] if scope["method"] in _METHODS else "other"
    metrics.REQUESTS.labels(method, route, status).inc()
    metrics.REQUEST_SECONDS.labels(method, route).observe(seconds)
