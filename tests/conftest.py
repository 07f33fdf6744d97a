"""Real servers for the tests: one PostgreSQL and one Valkey a worker, a fresh database a test.

Starting both in memory takes a third of a second, so each xdist worker has its own and nothing
needs to be coordinated. They end with the worker, even when it is killed: their standard input
is a pipe that it holds.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from scripts.claude_simulator.server import simulated_model
from shared.database.connection import Pool, open_pool
from shared.database.migrate import migrate
from tests.ledger_world import World

# A person's own settings beside the code would hold up the tests, or make them spend money.
os.environ["QUINTET_ENV_FILE"] = ""

ROOT = Path(__file__).parent.parent
STOP_SECONDS = 30
TEMPLATE = "quintet_template"


@dataclass(frozen=True, slots=True)
class Servers:
    """Where this worker's servers are."""

    postgres_url: str
    redis_url: str


@pytest.fixture(scope="session")
def local_servers() -> Iterator[Servers]:
    """One PostgreSQL and one Valkey for the whole session of this worker."""
    with started_servers() as servers:
        yield servers


@contextmanager
def started_servers() -> Iterator[Servers]:
    """Servers in memory, for as long as the block lasts."""
    with subprocess.Popen(
        (sys.executable, "-m", "scripts.local_servers", "--ephemeral"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=ROOT,
        text=True,
        start_new_session=True,
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        line = program.stdout.readline()
        if not line:
            pytest.fail("the local servers did not start; their message is above", pytrace=False)
        yield Servers(**json.loads(line))
        program.stdin.close()
        program.wait(STOP_SECONDS)


@pytest.fixture(scope="session")
def postgres_url(local_servers: Servers) -> str:
    """The server, as its superuser, in the database `postgres`."""
    return local_servers.postgres_url


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """The name of a migrated database that tests' databases are copied from."""
    asyncio.run(migrate(_database(postgres_url, TEMPLATE)))
    return TEMPLATE


@pytest.fixture
async def database_url(postgres_url: str, template_database: str) -> AsyncIterator[str]:
    """A fresh, migrated ledger."""
    async with _fresh_database(postgres_url, template_database) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool on a fresh ledger."""
    pool = await open_pool(database_url, minimum=1, maximum=20)
    yield pool
    await pool.close()


@pytest.fixture
def world(pool: Pool) -> World:
    """A world on that ledger."""
    return World(pool)


@pytest.fixture
async def data_database_url(postgres_url: str) -> AsyncIterator[str]:
    """A fresh, empty database on the same server, for the agents' own data."""
    async with _fresh_database(postgres_url, "template0") as url:
        yield url


@pytest.fixture
def redis_url(local_servers: Servers) -> str:
    """An empty Valkey."""
    address = urlsplit(local_servers.redis_url)
    with socket.create_connection((address.hostname, address.port), timeout=5) as connection:
        connection.sendall(b"FLUSHALL SYNC\r\n")
        assert connection.recv(64) == b"+OK\r\n"
    return local_servers.redis_url


@pytest.fixture(scope="session")
def _simulator() -> Iterator[httpx.Client]:
    with (
        start_blocking_portal() as thread,
        thread.wrap_async_context_manager(simulated_model()) as url,
        httpx.Client(base_url=url, timeout=5) as client,
    ):
        yield client


@pytest.fixture
def simulator_url(_simulator: httpx.Client) -> str:
    """A simulated model in a thread of this worker's, without faults and without memories."""
    _simulator.delete("/control").raise_for_status()
    return str(_simulator.base_url).rstrip("/")


@asynccontextmanager
async def _fresh_database(server_url: str, template: str) -> AsyncIterator[str]:
    name = f"test_{uuid4().hex}"
    await _execute(server_url, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    try:
        yield _database(server_url, name)
    finally:
        await _execute(server_url, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(server_url: str, statement: str) -> None:
    connection = await asyncpg.connect(server_url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close(timeout=10)


def _database(server_url: str, name: str) -> str:
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
