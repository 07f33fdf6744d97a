"""Servers of one's own, named by DATABASE_URL and REDIS_URL: looked at before anything starts."""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import redis.asyncio
import redis.exceptions

from scripts.stack.process import StartError
from scripts.stack.service import Unit

CONNECT_SECONDS = 10.0
OLDEST_POSTGRES = 15
RIGHTS = "SELECT rolsuper OR rolcreatedb, rolsuper OR rolcreaterole FROM pg_roles"


class OwnPostgres(Unit):
    """A PostgreSQL that somebody else runs: checked, never started or stopped."""

    def __init__(self, url: str, log_file: Path) -> None:
        self.name = "postgresql"
        self.log_file = log_file
        self._url = url

    @property
    def address(self) -> str:
        return place(self._url)

    @property
    def lasting(self) -> bool:
        return False

    async def start(self) -> None:
        try:
            connection = await self._connect()
        except (OSError, TimeoutError, ValueError, asyncpg.PostgresError) as error:
            raise StartError(
                f"DATABASE_URL: PostgreSQL at {self.address} cannot be reached"
                f" ({type(error).__name__}). Check that it runs and that address, user and"
                " password are right; or unset DATABASE_URL to use the one that comes along."
            ) from None
        try:
            await self._check(connection)
        finally:
            await connection.close(timeout=CONNECT_SECONDS)

    async def _connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        try:
            return await asyncpg.connect(self._url, timeout=CONNECT_SECONDS)
        except asyncpg.InvalidCatalogNameError:  # the migration makes the database
            server = urlunsplit(urlsplit(self._url)._replace(path="/postgres"))
            return await asyncpg.connect(server, timeout=CONNECT_SECONDS)

    async def _check(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        major = connection.get_server_version().major
        if major < OLDEST_POSTGRES:
            raise StartError(
                f"DATABASE_URL: PostgreSQL {major} is too old, {OLDEST_POSTGRES} is the oldest"
                " that works. Upgrade it, or unset DATABASE_URL to use the one that comes along."
            )
        row = await connection.fetchrow(f"{RIGHTS} WHERE rolname = current_user")
        missing = [
            right
            for right, granted in zip(
                ("CREATEDB", "CREATEROLE"), row or (False, False), strict=True
            )
            if not granted
        ]
        if missing:
            user = urlsplit(self._url).username or "(default)"
            raise StartError(
                f"DATABASE_URL: the user {user} lacks {' and '.join(missing)}. As a superuser run:"
                f' ALTER ROLE "{user}" {" ".join(missing)};'
            )


class OwnRedis(Unit):
    """A Redis or Valkey that somebody else runs: checked, never started or stopped."""

    def __init__(self, url: str, log_file: Path) -> None:
        self.name = "redis"
        self.log_file = log_file
        self._url = url

    @property
    def address(self) -> str:
        return place(self._url)

    @property
    def lasting(self) -> bool:
        return False

    async def start(self) -> None:
        try:
            client = redis.asyncio.Redis.from_url(
                self._url,
                socket_connect_timeout=CONNECT_SECONDS,
                socket_timeout=CONNECT_SECONDS,
            )
            async with client:
                await client.ping()
        except (OSError, ValueError, redis.exceptions.RedisError) as error:
            raise StartError(
                f"REDIS_URL: Redis at {self.address} cannot be reached ({type(error).__name__})."
                " Check that it runs and that address and password are right; or unset REDIS_URL"
                " to use the Valkey that comes along."
            ) from None


def place(url: str) -> str:
    """Host and port of a URL, without user and password."""
    return urlsplit(url).netloc.rpartition("@")[2] or "(no host)"
