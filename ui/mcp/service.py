"""The MCP server's process: over standard input and output, or over HTTP."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from mcp.server.transport_security import TransportSecuritySettings

from shared.errors import ConfigurationError
from ui.client import AsyncQuintetClient
from ui.mcp.server import QuintetServer, build_server
from ui.whoami import whoami

PATH = "/mcp"
MAX_BODY_BYTES = 8 << 20  # what may be sent inline, as JSON
GRACE_SECONDS = 2
_HERE = ("127.0.0.1", "localhost", "[::1]")
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - to be told apart, not to listen on


def serve_stdio() -> None:
    """Speak MCP over standard input and output until the input ends."""
    # A read of the input cannot be cancelled, and nothing needs saving: a signal ends it at once.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    asyncio.run(_stdio())


def serve_http(host: str, port: int, names: Sequence[str]) -> None:
    """Speak MCP over HTTP until SIGTERM or SIGINT; `names` are other names for this machine."""
    with _listening(host, port) as listener:
        asyncio.run(_http(listener, host, names))


async def _stdio() -> None:
    async with AsyncQuintetClient() as quintet:
        await build_server(quintet, whoami()).run_stdio_async()


async def _http(listener: socket.socket, host: str, names: Sequence[str]) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    async with AsyncQuintetClient() as quintet, asyncio.TaskGroup() as group:
        mcp = build_server(quintet, whoami())
        http = _HttpServer(_configured(mcp, host, names))
        async with mcp.session_manager.run():
            group.create_task(http.serve([listener]))
            _announce(listener, host)
            await stopping.wait()
            http.finish()
        # The streams of all sessions have ended here; Uvicorn would have waited for them.


class _HttpServer(uvicorn.Server):
    """Uvicorn without its own signal handlers, which would end the process by the signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def finish(self) -> None:
        self.should_exit = True
        # A call that is cut off after the grace is not worth a traceback.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)


def _configured(server: QuintetServer, host: str, names: Sequence[str]) -> uvicorn.Config:
    app = server.streamable_http_app(
        streamable_http_path=PATH,
        max_request_body_size=MAX_BODY_BYTES,
        transport_security=_security(host, names),
    )
    return uvicorn.Config(
        app,
        log_config=None,  # ours goes to standard error
        access_log=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        server_header=False,
        lifespan="off",
        ws="none",
    )


def _security(host: str, names: Sequence[str]) -> TransportSecuritySettings:
    """Only requests that name this machine: a web page must not reach us by a name of its own."""
    own = () if host in _EVERYWHERE else (_bracketed(host),)
    hosts = dict.fromkeys((*_HERE, *own, *names))
    return TransportSecuritySettings(
        enable_dns_rebinding_protection=True,
        allowed_hosts=[form for name in hosts for form in (name, f"{name}:*")],
        allowed_origins=[
            form
            for name in hosts
            for scheme in ("http", "https")
            for form in (f"{scheme}://{name}", f"{scheme}://{name}:*")
        ],
    )


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        raise ConfigurationError(
            f"The MCP server cannot listen on {host} port {port}: {error}.",
            remedy="Choose another with --host and --port.",
        ) from error


def _announce(listener: socket.socket, host: str) -> None:
    port = listener.getsockname()[1]
    said = [f"Quintet speaks MCP at http://{_bracketed(host)}:{port}{PATH}"]
    if _bracketed(host) not in _HERE:
        said.append("Whoever reaches this port can use it: put a proxy with a login in front.")
    sys.stderr.write("\n".join(said) + "\n")
    sys.stderr.flush()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
