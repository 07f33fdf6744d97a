"""Bring both databases to the present schema; safe to run from many processes at once.

Migrations are numbered `.sql` files, applied forward only, each in one transaction, under an
advisory lock, with a checksum kept so that an edited old file is noticed.
"""

import asyncio
import hashlib
import sys
from importlib import resources
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from shared.config import DatabaseSettings
from shared.database.connection import Connection, connect
from shared.errors import ConfigurationError
from shared.states import SUBTASK_TRANSITIONS, TASK_TRANSITIONS

_LOCK = 7_105_117_110  # "quin": any number, the same in every process
_HISTORY = """
CREATE TABLE IF NOT EXISTS public.schema_migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


async def migrate(database_url: str) -> int:
    """Migrate the ledger and feed it the transition table; returns how many files were applied."""
    await _create_database(database_url)
    connection = await connect(database_url, patient=True)
    try:
        applied = await _apply(connection, "migrations")
        await _feed_transitions(connection)
        return applied
    finally:
        await connection.close()


async def migrate_data(data_database_url: str) -> int:
    """Migrate the database of the agents' own data; returns how many files were applied."""
    await _create_database(data_database_url)
    connection = await connect(data_database_url, patient=True)
    try:
        return await _apply(connection, "data_migrations")
    finally:
        await connection.close()


async def _create_database(url: str) -> None:
    """Make the database that the URL names when the server does not have it yet."""
    parts = urlsplit(url)
    name = parts.path.lstrip("/")
    if not name:
        raise ConfigurationError(
            "the database URL names no database", remedy="end it with /quintet"
        )
    server = await connect(urlunsplit(parts._replace(path="/postgres")))
    try:
        if not await server.fetchval(
            "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name
        ):
            quoted = '"' + name.replace('"', '""') + '"'
            await server.execute(f"CREATE DATABASE {quoted}")
            await server.execute(f"REVOKE CONNECT ON DATABASE {quoted} FROM PUBLIC")
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        return  # another process was first
    finally:
        await server.close()


async def _apply(connection: Connection, folder: str) -> int:
    files = sorted(
        (entry for entry in resources.files("shared.database").joinpath(folder).iterdir()),
        key=lambda entry: entry.name,
    )
    applied = 0
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        await connection.execute(_HISTORY)
        rows = await connection.fetch("SELECT name, sha256 FROM public.schema_migrations")
        known: dict[str, str] = {row["name"]: row["sha256"] for row in rows}
        for file in files:
            if not file.name.endswith(".sql"):
                continue
            text = file.read_text("utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            if file.name in known:
                _refuse_edited(file.name, known[file.name], digest)
                continue
            async with connection.transaction():
                await connection.execute(text)
                await connection.execute(
                    "INSERT INTO public.schema_migrations (name, sha256) VALUES ($1, $2)",
                    file.name,
                    digest,
                )
            applied += 1
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
    return applied


def _refuse_edited(name: str, known: str, present: str) -> None:
    if known != present:
        raise ConfigurationError(
            f"migration {name} was edited after it was applied",
            remedy="restore the file and add a new migration instead",
        )


async def _feed_transitions(connection: Connection) -> None:
    rows = [
        (entity, edge.name, source.value, edge.target.value, edge.by_hand)
        for entity, table in (("task", TASK_TRANSITIONS), ("subtask", SUBTASK_TRANSITIONS))
        for edge in table
        for source in edge.sources
    ]
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute("DELETE FROM transitions")
        await connection.executemany(
            "INSERT INTO transitions (entity, name, source, target, by_hand)"
            " VALUES ($1, $2, $3, $4, $5)",
            rows,
        )


async def _main() -> None:
    settings = DatabaseSettings()
    ledger = await migrate(settings.url)
    data = await migrate_data(settings.data_url)
    sys.stdout.write(f"ledger: {ledger} migrations applied; data: {data} applied\n")


if __name__ == "__main__":
    asyncio.run(_main())
