"""One session of one task's own role: what an agent's SQL may do is what this role may do.

Nothing here is a matter of trust in the statement. It runs as the task's role from the first byte,
because a session that begins with more rights can go back to them (`RESET ROLE`). It is prepared
by the extended protocol, which takes one statement. Its time is kept here and ended from another
session, because a session can undo its own time limits, and its answer is counted as it arrives.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import structlog
from asyncpg.prepared_stmt import PreparedStatement

from shared.database.connection import away
from shared.database.data_codecs import column_names, json_safe, speak_text
from shared.database.data_wire import WIRE_LIMIT, LimitedConnection
from shared.errors import InvalidRequest, QuintetError, TooLarge

log = structlog.get_logger(__name__)

END_SECONDS = 2.0
BATCH_ROWS = 500
MAX_SQL = 64 * 1024

_FIRST_WORD = re.compile(r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|\()*(\w*)", re.DOTALL)
_REFUSED = {
    **dict.fromkeys(
        ("BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"),
        "every call is a transaction of its own; put what belongs together into one statement "
        "(WITH ... or DO)",
    ),
    "COPY": "read with SELECT and write with INSERT",
}
_UNSHOWN = "cast such columns to text, or wrap them in to_json()"
_TOO_MANY_COMMANDS = "multiple commands"

_Statement: TypeAlias = "PreparedStatement[asyncpg.Record]"


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What one statement answered; `rows` are JSON-safe objects keyed by `columns`."""

    status: str
    columns: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    rowcount: int | None
    truncated: bool


Connect = Callable[[], Awaitable[LimitedConnection]]
EndSession = Callable[[int], Awaitable[None]]


class TaskSession:
    """Opened at the first statement, one statement at a time, reopened after a loss."""

    def __init__(self, connect: Connect, end_session: EndSession) -> None:
        self._connect = connect
        self._end_session = end_session
        self._connection: LimitedConnection | None = None
        self._one_at_a_time = asyncio.Lock()

    async def run(
        self, sql: str, params: Sequence[Any], *, row_limit: int, byte_limit: int, seconds: float
    ) -> QueryResult:
        """Run one statement in a transaction of its own; `seconds` bound all of it."""
        _check(sql)
        async with self._one_at_a_time:
            try:
                async with asyncio.timeout(seconds):
                    connection = await self._open()
                    return await _run(connection, sql, params, row_limit, byte_limit)
            except TimeoutError:
                await self._abandon()
                raise InvalidRequest(
                    f"the statement took longer than {seconds:g} s and was stopped; "
                    "nothing of it was kept",
                    remedy="narrow it down, or do it in smaller parts",
                ) from None
            except (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError) as error:
                raise await self._lost(error) from None
            except BaseException as error:
                if not isinstance(error, QuintetError):
                    await self._abandon()
                raise

    async def close(self) -> None:
        """Leave nothing running on the server."""
        connection, self._connection = self._connection, None
        if connection is None or connection.is_closed():
            return
        try:
            await connection.close(timeout=1)
        except (TimeoutError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            self._connection = connection
            await self._abandon()

    async def _open(self) -> LimitedConnection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            await speak_text(self._connection)
        self._connection.wire.received = 0
        return self._connection

    async def _lost(self, error: Exception) -> QuintetError:
        connection = self._connection
        await self._abandon()
        if connection is not None and connection.wire.exceeded:
            return TooLarge(
                f"the answer is larger than {WIRE_LIMIT // 1024 // 1024} MiB before it is cut",
                remedy="select fewer or shorter columns, for instance with left()",
            )
        return away(error)

    async def _abandon(self) -> None:
        """A statement can catch its own cancellation, but not the end of its session."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        pid = connection.get_server_pid()
        connection.terminate()
        try:
            async with asyncio.timeout(END_SECONDS):
                await self._end_session(pid)
        except (TimeoutError, QuintetError) as error:
            # The role's own limits end it later; whoever waits for the answer must have it now.
            log.warning("session not ended", pid=pid, error=str(error))


def _check(sql: str) -> None:
    if len(sql) > MAX_SQL:
        raise TooLarge(
            f"the statement has {len(sql)} characters, at most {MAX_SQL} are taken",
            remedy="pass data as params",
        )
    if "\x00" in sql:
        raise InvalidRequest("the statement holds a NUL character", remedy="remove it")
    found = _FIRST_WORD.match(sql)
    word = found.group(1).upper() if found else ""
    if not word:
        raise InvalidRequest("there is no statement", remedy="pass one SQL statement")
    if word in _REFUSED:
        raise InvalidRequest(f"{word} is not available here", remedy=_REFUSED[word])


async def _run(
    connection: LimitedConnection,
    sql: str,
    params: Sequence[Any],
    row_limit: int,
    byte_limit: int,
) -> QueryResult:
    await connection.execute("BEGIN")
    try:
        result = await _answer(await connection.prepare(sql), params, row_limit, byte_limit)
        await connection.execute("COMMIT")
    except asyncpg.PostgresConnectionError:
        raise
    except asyncpg.PostgresError as error:
        await connection.execute("ROLLBACK")
        raise InvalidRequest(_explain(error), remedy=_remedy(error)) from None
    except asyncpg.UnsupportedClientFeatureError as error:
        await connection.execute("ROLLBACK")
        raise InvalidRequest(str(error), remedy=_UNSHOWN) from None
    except (asyncpg.InternalClientError, ValueError):
        await connection.execute("ROLLBACK")
        raise InvalidRequest("a column's type cannot be shown", remedy=_UNSHOWN) from None
    except QuintetError:
        await connection.execute("ROLLBACK")
        raise
    return result


async def _answer(
    statement: _Statement, params: Sequence[Any], row_limit: int, byte_limit: int
) -> QueryResult:
    expected = len(statement.get_parameters())
    if expected != len(params):
        raise InvalidRequest(
            f"the statement has {expected} parameters ($1 ... ) and {len(params)} were given",
            remedy="give params as a list, one value for each $n",
        )
    columns = column_names(statement.get_attributes())
    if not columns:
        await statement.fetch(*params)
        status = statement.get_statusmsg() or ""
        count = status.rpartition(" ")[2]
        return QueryResult(status, (), (), int(count) if count.isdigit() else None, False)
    rows, truncated = await _read(statement, params, columns, row_limit, byte_limit)
    first = _FIRST_WORD.match(statement.get_query())
    return QueryResult(
        first.group(1).upper() if first else "", columns, tuple(rows), len(rows), truncated
    )


async def _read(
    statement: _Statement,
    params: Sequence[Any],
    columns: tuple[str, ...],
    row_limit: int,
    byte_limit: int,
) -> tuple[list[dict[str, Any]], bool]:
    """Fetch by a cursor, first one row to see how large they are, until a limit is reached."""
    cursor = await statement.cursor(*params)
    rows: list[dict[str, Any]] = []
    size, batch = 0, 1
    while fetched := await cursor.fetch(batch):
        for record in fetched:
            row = dict(zip(columns, map(json_safe, record), strict=True))
            size += len(json.dumps(row))
            if len(rows) == row_limit:
                return rows, True
            if size > byte_limit:
                if not rows:
                    raise TooLarge(
                        f"the first row alone has {size} bytes, at most {byte_limit} are given",
                        remedy="select fewer or shorter columns, for instance with left()",
                    )
                return rows, True
            rows.append(row)
        if len(fetched) < batch:
            break
        room = (byte_limit - size) // max(1, size // len(rows))
        batch = max(1, min(BATCH_ROWS, row_limit + 1 - len(rows), room + 1))
    return rows, False


def _explain(error: asyncpg.PostgresError) -> str:
    parts = [str(getattr(error, "message", "") or error)]
    detail = getattr(error, "detail", None)
    if detail:
        parts.append(str(detail))
    position = getattr(error, "position", None)
    if position:
        parts.append(f"at character {position}")
    return f"{'; '.join(parts)} (SQLSTATE {getattr(error, 'sqlstate', '?')})"


def _remedy(error: asyncpg.PostgresError) -> str:
    if isinstance(error, asyncpg.PostgresSyntaxError) and _TOO_MANY_COMMANDS in str(error):
        return "send one statement per call"
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return "only the task's own schema can be read and written"
    return str(getattr(error, "hint", None) or "")
