"""A database of the agents' own data, migrated, for the tests of one module."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from shared.database.migrate import migrate_data

SECRET = "tests' own secret"


@contextmanager
def data_database(server_url: str, *, vector: bool = True) -> Iterator[str]:
    """Its URL; without `vector` the extension is not made, as on a server that lacks it."""
    name = f"data_{uuid4().hex}"
    url = urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))
    asyncio.run(execute(server_url, f"CREATE DATABASE {name} STRATEGY FILE_COPY"))
    try:
        if not vector:
            asyncio.run(execute(server_url, f"ALTER DATABASE {name} SET quintet.vector = off"))
        asyncio.run(migrate_data(url))
        yield url
    finally:
        asyncio.run(execute(server_url, f"DROP DATABASE {name} WITH (FORCE)"))


@asynccontextmanager
async def owned_database(server_url: str) -> AsyncIterator[str]:
    """A data database whose service may create roles and owns it, and is no superuser."""
    owner = f"service_{uuid4().hex}"
    address = urlsplit(server_url)
    url = urlunsplit(
        address._replace(netloc=f"{owner}:p@{address.netloc.rpartition('@')[2]}", path=f"/{owner}")
    )
    await execute(server_url, f"CREATE ROLE {owner} LOGIN CREATEROLE PASSWORD 'p'")
    await execute(server_url, f"CREATE DATABASE {owner} OWNER {owner} STRATEGY FILE_COPY")
    try:
        await migrate_data(url)
        yield url
    finally:
        await execute(server_url, f"DROP DATABASE {owner} WITH (FORCE)")
        await execute(server_url, f"DROP ROLE {owner}")


async def execute(url: str, statement: str) -> None:
    """One statement on a connection of its own."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute(statement)
    finally:
        await connection.close(timeout=10)


async def fetch(url: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    """The rows of one statement as the superuser."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *values)]
    finally:
        await connection.close(timeout=10)
