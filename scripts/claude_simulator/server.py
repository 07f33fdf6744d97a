"""Run the simulator: by itself, or inside a test's event loop on a free port."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence

import uvicorn

from scripts.claude_simulator.app import create_app
from scripts.claude_simulator.scenario import Scenario, load_scenarios

START_SECONDS = 10.0


class _HostedServer(uvicorn.Server):
    """A server inside another program: says when it is up, stops at once, leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()
        self.stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def main_loop(self) -> None:
        await self.stopping.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 lets the system choose."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    # asyncio turns Nagle's delay off only for sockets that name their protocol: 40 ms an answer.
    listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(256)
    except OSError as error:
        listener.close()
        raise OSError(error.errno, f"{error.strerror}: {host} port {port}") from error
    listener.setblocking(False)
    return listener


def configuration(scenarios: Sequence[Scenario], delay: float) -> uvicorn.Config:
    """How uvicorn serves the simulator."""
    return uvicorn.Config(
        create_app(scenarios, delay),
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=1,
    )


@contextlib.asynccontextmanager
async def simulated_model(
    scenarios: Sequence[Scenario] | None = None, *, delay: float = 0.0
) -> AsyncIterator[str]:
    """A running simulator's base URL, for the time of the block."""
    known = load_scenarios() if scenarios is None else scenarios
    server = _HostedServer(configuration(known, delay))
    with listen("127.0.0.1", 0) as listener:
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            try:
                async with asyncio.timeout(START_SECONDS):
                    await server.up.wait()
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.stopping.set()
