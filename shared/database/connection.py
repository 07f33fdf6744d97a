"""Connections to PostgreSQL as every service opens them, and named statements run on them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import asyncpg

from shared import metrics
from shared.background import leave_if_cancelled
from shared.database.statements import find
from shared.errors import DependencyUnavailable, TookTooLong, Unstorable

if TYPE_CHECKING:
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record]
    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's classes are generic in their stubs only
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool
Row: TypeAlias = asyncpg.Record

# A paused process must not hold a lock, a bad plan must not be cached, and the partial
# indexes are only used when the planner sees the statuses that are bound.
_SESSION = {
    "lock_timeout": "3s",
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "10s",
    "plan_cache_mode": "force_custom_plan",
    "timezone": "UTC",
}
# What passes: the server is gone, is going, is full, or somebody holds a row too long.
_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_GOODBYE = 5.0  # seconds for a rollback; PostgreSQL rolls back by itself what is hung up on
_TOO_LONG = (asyncpg.QueryCanceledError, asyncpg.LockNotAvailableError)  # it answers all the same


class PooledConnection(Connection):
    """Goes back to its pool as it is: nothing of ours leaves a session changed.

    No SET, LISTEN, cursor or session lock is used on pooled connections, so the round trip
    that would undo them is saved on every single statement.
    """

    def get_reset_query(self) -> str:
        """Nothing to undo; an open transaction is rolled back all the same."""
        return ""


_pools: list[Pool] = []  # of this process, for its metrics


def _connections(count: Callable[[Pool], int]) -> float:
    return float(sum(count(pool) for pool in _pools if not pool.is_closing()))


metrics.POOL.labels("idle").set_function(lambda: _connections(Pool.get_idle_size))
metrics.POOL.labels("used").set_function(
    lambda: _connections(lambda pool: pool.get_size() - pool.get_idle_size())
)
metrics.POOL.labels("most").set_function(lambda: _connections(Pool.get_max_size))


def _clean(value: Any) -> Any:
    """Text that PostgreSQL can store: no NUL, no lone surrogate."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {_clean(key): _clean(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean(item) for item in value]
    return value


def _encode(value: Any) -> str:
    text = json.dumps(value, default=str)
    if "\\u0000" in text or "\\ud" in text:
        return json.dumps(_clean(value), default=str)
    return text


async def _prepare(connection: Connection) -> None:
    for kind in ("json", "jsonb"):
        await connection.set_type_codec(
            kind, encoder=_encode, decoder=json.loads, schema="pg_catalog"
        )


async def connect(url: str, *, application: str = "quintet", patient: bool = False) -> Connection:
    """One connection with the services' session settings and JSON as Python values.

    A `patient` one waits for its statements as long as they take: migrations.
    """
    limits = {"statement_timeout": "0", "lock_timeout": "0"} if patient else {}
    try:
        connection: Connection = await asyncpg.connect(
            url,
            timeout=10,
            command_timeout=None if patient else 60,
            server_settings=_SESSION | limits | {"application_name": application},
        )
    except _AWAY as error:
        raise away(error) from error
    await _prepare(connection)
    return connection


async def open_pool(
    url: str, *, minimum: int = 2, maximum: int = 20, application: str = "quintet"
) -> Pool:
    """A pool of such connections; the caller closes it."""
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=min(minimum, maximum),
            max_size=maximum,
            timeout=10,
            command_timeout=20,
            init=_prepare,
            connection_class=PooledConnection,
            server_settings=_SESSION | {"application_name": application},
        )
    except _AWAY as error:
        raise away(error) from error
    _pools[:] = [*(each for each in _pools if not each.is_closing()), pool]
    return pool


@asynccontextmanager
async def _borrowed(pool: Pool, *, timeout: float | None = None) -> AsyncIterator[Connection]:
    """A connection of the pool for the block; tells how long it had to be waited for."""
    with metrics.POOL_WAITING.track_inprogress(), metrics.POOL_WAIT.time():
        connection = await pool.acquire(timeout=timeout)
    try:
        yield connection  # type: ignore[misc]
    finally:
        await pool.release(connection, timeout=_GOODBYE)


def away(error: BaseException) -> DependencyUnavailable:
    """PostgreSQL did not answer: what a caller is told, without the URL."""
    if isinstance(error, _TOO_LONG):
        return TookTooLong(
            f"PostgreSQL took too long ({type(error).__name__})",
            remedy="try again later; if it stays so, look at what PostgreSQL is busy with",
        )
    return DependencyUnavailable(
        f"PostgreSQL cannot be reached ({type(error).__name__})",
        remedy="check that it runs and that DATABASE_URL is right, then try again",
    )


class Ledger:
    """Runs named statements on a pool, or on one connection inside a transaction."""

    topics: tuple[str, ...]

    def __init__(self, pool: Pool, connection: Connection | None = None) -> None:
        self._pool = pool
        self._connection = connection

    async def fetch(self, name: str, *values: Any) -> Sequence[Row]:
        """All rows of the statement `name` of this ledger's topics."""
        statement = find(self.topics, name)
        try:
            if self._connection is not None:
                rows = await self._connection.fetch(statement, *values)
            else:
                async with _borrowed(self._pool) as connection:
                    rows = await connection.fetch(statement, *values)
        except _AWAY as error:
            metrics.STATEMENTS.labels("unanswered").inc()
            leave_if_cancelled()  # the client library fails otherwise when it is cancelled midway
            raise away(error) from error
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            metrics.STATEMENTS.labels("refused").inc()
            raise Unstorable(f"{name}: {type(error).__name__}") from error
        metrics.STATEMENTS.labels("answered").inc()
        metrics.MOVES.note(name, rows)
        return rows

    async def fetchrow(self, name: str, *values: Any) -> Row | None:
        """The first row of the statement, or None."""
        rows = await self.fetch(name, *values)
        return rows[0] if rows else None


@asynccontextmanager
async def transaction(pool: Pool) -> AsyncIterator[Connection]:
    """One transaction; committed at the end of the block, rolled back on an error."""
    try:
        async with _borrowed(pool, timeout=10) as connection:
            block = connection.transaction()
            await block.start()
            try:
                yield connection
            except BaseException:
                async with asyncio.timeout(_GOODBYE):
                    await block.rollback()
                raise
            await block.commit()
    except _AWAY as error:
        leave_if_cancelled()  # to roll back what was cancelled may fail in its turn
        raise away(error) from error
