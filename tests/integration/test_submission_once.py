"""A submission is accepted once and wholly, or not at all."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from shared.database.connection import open_pool
from tests.api_world import DESCRIPTION, Api, open_api, problem

BODY = {"description": DESCRIPTION}
FORM: dict[str, Any] = {"data": BODY, "files": [("files", ("a.csv", b"a,b\n1,2\n"))]}


async def post(api: Api, key: str, **body: Any) -> httpx.Response:
    """A submission with an idempotency key."""
    return await api.client.post("/tasks", headers={"Idempotency-Key": key}, **body)


async def count(api: Api) -> int:
    """How many tasks there are."""
    return int(await api.world.pool.fetchval("SELECT count(*) FROM tasks"))


def folders(api: Api) -> set[str]:
    """The tasks that have files."""
    return {path.name for path in api.files.iterdir()}


async def test_the_same_key_and_body_are_the_same_task(api: Api) -> None:
    first = await post(api, "key-1", json=BODY)
    again = await post(api, "key-1", json=BODY | {"priority": 5, "description": f" {DESCRIPTION}"})
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["location"] == first.headers["location"]
    assert await count(api) == 1


async def test_files_are_part_of_what_is_the_same(api: Api) -> None:
    first = await post(api, "key-1", **FORM)
    again = await post(api, "key-1", **FORM)
    assert first.json()["id"] == again.json()["id"]
    assert folders(api) == {first.json()["id"]}
    for name, content in (("a.csv", b"other"), ("b.csv", b"a,b\n1,2\n")):
        other = await post(api, "key-1", data=BODY, files=[("files", (name, content))])
        problem(other, 422, "idempotency-key-reused")
    assert folders(api) == {first.json()["id"]}
    assert await count(api) == 1


async def test_a_key_is_one_users_and_one_bodys(api: Api) -> None:
    first = await post(api, "key-1", json=BODY)
    problem(await post(api, "key-1", json=BODY | {"priority": 6}), 422, "idempotency-key-reused")
    other = await post(api, "key-1", json=BODY | {"user_id": "ann"})
    assert other.status_code == 202
    assert other.json()["id"] != first.json()["id"]


async def test_a_key_is_forgotten_after_a_day(api: Api) -> None:
    first = await post(api, "key-1", json=BODY)
    await api.world.pool.execute(
        "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second'"
    )
    again = await post(api, "key-1", json=BODY)
    assert again.json()["id"] != first.json()["id"]
    assert "idempotent-replayed" not in again.headers


async def test_a_key_that_cannot_be_is_refused(api: Api) -> None:
    for key in ("", "x" * 256, "two words", "tab\t", "ümlaut", "\x7f"):
        answer = await api.client.post(
            "/tasks", json=BODY, headers={b"Idempotency-Key": key.encode("latin-1")}
        )
        problem(answer, 400, "bad-idempotency-key", repr(key))
    assert (await post(api, "!" * 255, json=BODY)).status_code == 202
    assert await count(api) == 1


async def test_a_refused_body_does_not_use_the_key_up(api: Api) -> None:
    problem(await post(api, "key-1", json={"description": "short"}), 422, "description-too-short")
    assert (await post(api, "key-1", json=BODY)).status_code == 202


async def test_fifty_at_once_make_one_task(api: Api) -> None:
    answers = await asyncio.gather(*(post(api, "key-1", **FORM) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    (task_id,) = {answer.json()["id"] for answer in answers}
    assert [a.headers.get("idempotent-replayed") for a in answers].count(None) == 1
    assert await count(api) == 1
    assert folders(api) == {task_id}
    assert await api.services.doorbell.depth("task_submissions") == 1


async def test_a_transaction_that_fails_leaves_no_files(api: Api) -> None:
    await api.world.pool.execute("ALTER TABLE context_files ADD CHECK (size > 1000)")
    answer = await post(api, "key-1", **FORM)
    assert answer.status_code == 500
    assert folders(api) == set()
    await api.world.pool.execute(
        "ALTER TABLE context_files DROP CONSTRAINT context_files_size_check1"
    )
    assert (await post(api, "key-1", **FORM)).status_code == 202


async def test_without_the_ledger_nothing_is_accepted(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    async with relayed(database_url) as relay:
        pool = await open_pool(relay.url, minimum=1, maximum=2)
        async with open_api(pool, redis_url, tmp_path) as api:
            assert (await api.client.get("/ready")).json()["status"] == "ready"
            await relay.cut()
            for body in ({"json": BODY}, FORM):
                answer = await api.client.post("/tasks", **body)
                problem(answer, 503, "dependency-unavailable")
                assert answer.headers["retry-after"]
            for path in ("/tasks", "/ready"):
                problem(await api.client.get(path), 503, "dependency-unavailable")
            assert (await api.client.get("/health")).status_code == 200
            assert folders(api) == set()
            assert await api.services.doorbell.depth("task_submissions") == 0
        pool.terminate()


async def test_a_commit_whose_answer_is_lost_keeps_its_files(
    database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """The caller hears 503 and asks again with its key: the task is there, and so are its files."""
    async with relayed(database_url) as relay:
        pool = await open_pool(relay.url, minimum=1, maximum=2)
        async with open_api(pool, redis_url, tmp_path) as api:
            relay.swallow = b"COMMIT"
            problem(await post(api, "key-1", **FORM), 503, "dependency-unavailable")
            relay.swallow = b""
            again = await post(api, "key-1", **FORM)
            assert again.headers["idempotent-replayed"] == "true"
            assert folders(api) == {again.json()["id"]}
            assert (tmp_path / again.json()["id"] / "context" / "a.csv").exists()
        pool.terminate()


class Relay:
    """A line to PostgreSQL that can be cut, at once or when an answer is on its way."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._writers: set[asyncio.StreamWriter] = set()
        self.url = ""
        self.swallow = b""
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        user = self._target.netloc.rpartition("@")[0]
        self.url = self._target._replace(netloc=f"{user}@127.0.0.1:{port}").geturl()

    async def cut(self) -> None:
        """End every connection and accept no more."""
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._writers |= {writer, forth}
        swallowed = asyncio.Event()
        with suppress(OSError):
            async with asyncio.TaskGroup() as group:
                group.create_task(self._copy(reader, forth, asked=swallowed))
                group.create_task(self._copy(back, writer, lost=swallowed))
        for end in (writer, forth):
            end.transport.abort()
        self._writers -= {writer, forth}

    async def _copy(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        *,
        asked: asyncio.Event | None = None,
        lost: asyncio.Event | None = None,
    ) -> None:
        while data := await source.read(1 << 16):
            if asked is not None and self.swallow and self.swallow in data:
                asked.set()
            if lost is not None and lost.is_set():
                break
            target.write(data)
            await target.drain()
        target.transport.abort()


@asynccontextmanager
async def relayed(url: str) -> AsyncIterator[Relay]:
    """A relay in front of PostgreSQL."""
    relay = Relay(url)
    await relay.open()
    try:
        yield relay
    finally:
        await relay.cut()
