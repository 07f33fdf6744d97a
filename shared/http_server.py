"""Serving an app inside an event loop that somebody else owns."""

import contextlib
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

_LONGEST_MESSAGE = 1 << 16  # of a client over a WebSocket


class Server(uvicorn.Server):
    """Uvicorn without its own signal handlers: the process's `__main__` decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to `__main__`."""
        yield

    def finish(self) -> None:
        """Answer what is under way, then return from `serve()`."""
        self.should_exit = True


def server_for(
    app: FastAPI, *, host: str, port: int, grace_seconds: int = 5, websockets: bool = False
) -> Server:
    """A server for the app; run its `serve()` as a task of yours."""
    return Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=grace_seconds,
            server_header=False,
            lifespan="off",
            ws="websockets-sansio" if websockets else "none",
            ws_max_size=_LONGEST_MESSAGE,
            ws_per_message_deflate=False,  # a compressor for each client costs more than it saves
        )
    )
