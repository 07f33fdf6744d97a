"""An HTTP server that answers what a test says: bytes on the wire, none of our code behind it."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass(frozen=True)
class Request:
    """What the client sent."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to send back; `hang_up` closes the connection without a word instead."""

    status: int = 200
    body: bytes | str = b"{}"
    media_type: str = "application/json"
    hang_up: bool = False


@dataclass
class ScriptedService:
    """Answers come from `answer`; `seen` holds every request in order."""

    url: str
    answer: Callable[[Request], Reply]
    seen: list[Request] = field(default_factory=list)

    def script(self, *replies: Reply) -> None:
        """Answer with these in turn, the last one for ever."""
        left = list(replies)
        self.answer = lambda _: left.pop(0) if len(left) > 1 else left[0]


def _handler(service: ScriptedService) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, self.path, headers, self.rfile.read(length))
            service.seen.append(request)
            reply = service.answer(request)
            if reply.hang_up:
                self.close_connection = True
                return
            body = reply.body.encode() if isinstance(reply.body, str) else reply.body
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = respond  # noqa: N815
        do_POST = respond  # noqa: N815
        do_PUT = respond  # noqa: N815
        do_PATCH = respond  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Tests read `seen` instead."""

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no error of ours; anything else is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def scripted_service() -> Iterator[ScriptedService]:
    """Serve on a free port of the loopback until the block ends."""
    service = ScriptedService("", lambda _: Reply())
    with _Server(("127.0.0.1", 0), _handler(service)) as server:
        server.daemon_threads = True
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
