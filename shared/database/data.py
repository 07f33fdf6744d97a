"""The door to the agents' own data: each task's schema, its shared values and its embeddings.

The task is bound by the runtime, never named by an agent. SQL of an agent runs as the task's own
role (`data_session`); shared values and embeddings are the service's tables, read and written by
named statements that all begin with the task.
"""

import hashlib
import hmac
import math
import os
from base64 import b64encode
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg

from shared.database.connection import Ledger, Pool, away, open_pool
from shared.database.data_session import QueryResult, TaskSession
from shared.database.data_wire import LimitedConnection
from shared.errors import Busy, TooLarge

MEBIBYTE = 1024 * 1024
# Iterations slow down the guessing of what people choose; these passwords are 256 random bits.
SCRAM_ITERATIONS = 1
CONNECT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DataLimits:
    """How much of everything one task may have."""

    sessions: int = 32
    shared_keys: int = 500
    texts: int = 20_000


@dataclass(frozen=True, slots=True)
class SharedValue:
    """A value of the task as it stands, or without `value` when it was only listed."""

    key: str
    version: int
    author: str
    updated_at: datetime
    value: Any = None
    characters: int | None = None


@dataclass(frozen=True, slots=True)
class ShareOutcome:
    """Whether a value was written; `present` is what stands there when it was not."""

    saved: bool
    version: int
    present: SharedValue | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A text with its vector, as it is to be kept; a second text with a key replaces the first."""

    content: str
    vector: tuple[float, ...]
    key: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """A kept text and how alike it is, from -1 to 1."""

    id: int
    key: str | None
    content: str
    metadata: dict[str, Any]
    author: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Matches:
    """What a search found, how it searched, and how many texts of another model it left out."""

    found: tuple[Match, ...]
    index: Literal["pgvector", "scan"]
    searched: int
    other_provider: int


class TaskData(Ledger):
    """The data of one task, for the length of an attempt; there is no way to name another task."""

    topics = ("data",)

    def __init__(self, pool: Pool, task_id: UUID, session: TaskSession, limits: DataLimits) -> None:
        super().__init__(pool)
        self._task_id = task_id
        self._session = session
        self._limits = limits

    async def query(
        self,
        sql: str,
        params: Sequence[Any] = (),
        *,
        row_limit: int = 1000,
        byte_limit: int = MEBIBYTE,
        seconds: float = 10,
    ) -> QueryResult:
        """One statement as the task's role; temporary tables live as long as the attempt."""
        return await self._session.run(
            sql, params, row_limit=row_limit, byte_limit=byte_limit, seconds=seconds
        )

    async def share(
        self, key: str, value: Any, expected_version: int | None, author: str
    ) -> ShareOutcome:
        """Write if `expected_version` still stands; None: only if there is no value yet."""
        if expected_version is None:
            written = await self.fetchrow(
                "create_shared", self._task_id, key, value, author, self._limits.shared_keys
            )
        else:
            written = await self.fetchrow(
                "replace_shared", self._task_id, key, value, author, expected_version
            )
        if written:
            return ShareOutcome(saved=True, version=written["version"])
        present = await self.shared(key)
        if present is None and expected_version is None:
            raise TooLarge(
                f"the task has its {self._limits.shared_keys} shared keys already",
                remedy="put several values into one object under a key that exists",
            )
        return ShareOutcome(saved=False, version=present.version if present else 0, present=present)

    async def shared(self, key: str) -> SharedValue | None:
        """The value of one key."""
        row = await self.fetchrow("read_shared", self._task_id, key)
        return SharedValue(**dict(row)) if row else None

    async def shared_keys(self) -> tuple[SharedValue, ...]:
        """All keys with their versions, without their values."""
        return tuple(
            SharedValue(**dict(row)) for row in await self.fetch("list_shared", self._task_id)
        )

    async def remember(
        self, texts: Sequence[Text], *, provider: str, author: str
    ) -> tuple[int, ...]:
        """Keep texts with their vectors; their ids in the same order."""
        ids = []
        for text in texts:
            _check_vector(text.vector)
            row = await self.fetchrow(
                "add_embedding",
                *(self._task_id, text.key, text.content, text.metadata, author),
                *(provider, list(text.vector), self._limits.texts),
            )
            if row is None:
                raise TooLarge(
                    f"the task has its {self._limits.texts} embedded texts already",
                    remedy="replace old ones by giving their key",
                )
            ids.append(int(row["id"]))
        return tuple(ids)

    async def nearest(self, vector: Sequence[float], *, provider: str, limit: int) -> Matches:
        """The texts of this task and this provider that are most like `vector`."""
        _check_vector(vector)
        rows = await self.fetch("nearest_embeddings", self._task_id, provider, list(vector), limit)
        about = await self.fetchrow("describe_embeddings", self._task_id, provider)
        found = tuple(Match(**dict(row)) for row in rows)
        return Matches(found, **dict(about or {}))


class DataStore(Ledger):
    """All tasks' data on one server; `secret` is the same in every process of an installation."""

    topics = ("data",)

    def __init__(
        self, pool: Pool, url: str, secret: str, *, limits: DataLimits | None = None
    ) -> None:
        super().__init__(pool)
        self._url = url
        self._secret = secret.encode()
        self._limits = limits or DataLimits()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, url: str, secret: str, *, limits: DataLimits | None = None
    ) -> AsyncIterator["DataStore"]:
        """A store with a small pool for the service's own statements."""
        pool = await open_pool(url, minimum=0, maximum=4, application="quintet-data")
        try:
            yield cls(pool, url, secret, limits=limits)
        finally:
            await pool.close()

    @asynccontextmanager
    async def task(self, task_id: UUID) -> AsyncIterator[TaskData]:
        """The data of one task for the length of an attempt."""
        session = TaskSession(
            lambda: self._connect(task_id), lambda pid: self._end_session(task_id, pid)
        )
        try:
            yield TaskData(self._pool, task_id, session, self._limits)
        finally:
            await session.close()

    async def query(
        self,
        task_id: UUID,
        sql: str,
        params: Sequence[Any] = (),
        *,
        row_limit: int = 1000,
        seconds: float = 10,
    ) -> QueryResult:
        """One statement in a session of its own."""
        async with self.task(task_id) as data:
            return await data.query(sql, params, row_limit=row_limit, seconds=seconds)

    async def drop_task(self, task_id: UUID) -> None:
        """Remove the task's role, its schema and all that is kept for it."""
        await self.fetch("end_sessions", role_of(task_id), None)
        await self.fetch("drop_task", task_id)

    async def _connect(self, task_id: UUID) -> LimitedConnection:
        verifier = scram_verifier(self._password(task_id))
        await self.fetch("open_task", task_id, verifier, self._limits.sessions)
        try:
            return await self._login(task_id)
        except asyncpg.TooManyConnectionsError:
            raise Busy(
                "too many sessions of this task are open", remedy="try again in a few seconds"
            ) from None
        except asyncpg.InvalidAuthorizationSpecificationError as error:
            raise away(error) from None

    async def _login(self, task_id: UUID) -> LimitedConnection:
        return await asyncpg.connect(
            self._url,
            user=role_of(task_id),
            password=self._password(task_id),
            timeout=CONNECT_SECONDS,
            statement_cache_size=0,
            connection_class=LimitedConnection,
            server_settings={"application_name": "quintet-agent"},
        )

    async def _end_session(self, task_id: UUID, pid: int) -> None:
        await self.fetch("end_sessions", role_of(task_id), pid)

    def _password(self, task_id: UUID) -> str:
        return hmac.new(self._secret, b"task role " + task_id.bytes, hashlib.sha256).hexdigest()


def role_of(task_id: UUID) -> str:
    """The name of the task's role and of its schema."""
    return f"task_{task_id.hex}"


def scram_verifier(password: str) -> str:
    """What PostgreSQL keeps of a password (RFC 5803): enough to check it, useless to log in."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, SCRAM_ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    stored = hashlib.sha256(client).digest()
    salt64, stored64, server64 = (b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${SCRAM_ITERATIONS}:{salt64}${stored64}:{server64}"


def _check_vector(vector: Sequence[float]) -> None:
    if not vector or not all(map(math.isfinite, vector)):
        raise ValueError("a vector needs at least one number, all of them finite")
