"""The embedded servers start, keep their data, isolate tests and leave nothing behind."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import psutil
import pytest

from scripts.local_servers import LocalPostgres, LocalValkey, free_port, throwaway_folder
from scripts.stack.process import StartError


async def _value(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close(timeout=10)


async def _valkey(port: int, line: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(line + b"\r\n")
    answer = await asyncio.wait_for(reader.readline(), 5)
    writer.close()
    await writer.wait_closed()
    return answer


def _alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_postgres_keeps_its_data_and_its_password() -> None:
    with throwaway_folder() as folder:
        async with LocalPostgres(folder / "postgres", durable=False) as first:
            password = first.url.split("@")[0]
            await _value(first.url, "CREATE TABLE kept AS SELECT 7 AS number")
        async with LocalPostgres(folder / "postgres", durable=False) as second:
            assert second.url.split("@")[0] == password
            assert await _value(second.url, "SELECT number FROM kept") == 7
        assert (folder / "postgres" / "password").stat().st_mode & 0o777 == 0o600


async def test_postgres_has_vectors_and_refuses_a_wrong_password(postgres_url: str) -> None:
    assert await _value(
        postgres_url, "SELECT true FROM pg_available_extensions WHERE name = 'vector'"
    )
    user, address = postgres_url.rsplit("@", 1)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await _value(f"{user}x@{address}", "SELECT 1")


async def test_stop_leaves_no_process() -> None:
    with throwaway_folder() as folder:
        postgres = LocalPostgres(folder / "postgres", durable=False)
        await postgres.start()
        assert postgres.child is not None
        assert postgres.child.pid is not None
        server = psutil.Process(postgres.child.pid)
        family = [server, *server.children(recursive=True)]
        assert len(family) > 3
        await postgres.stop()
        assert not any(_alive(member) for member in family)


async def test_valkey_keeps_its_data_when_durable(tmp_path: Path) -> None:
    async with LocalValkey(tmp_path) as valkey:
        assert await _valkey(valkey.port, b"RPUSH bells 1") == b":1\r\n"
    async with LocalValkey(tmp_path) as valkey:
        assert await _valkey(valkey.port, b"LLEN bells") == b":1\r\n"


async def test_a_taken_port_is_explained_with_the_servers_own_words(tmp_path: Path) -> None:
    port = free_port()
    async with LocalValkey(tmp_path / "first", port=port, durable=False) as first:
        second = LocalValkey(tmp_path / "second", port=port, durable=False)
        with pytest.raises(StartError, match="Address already in use"):
            await second.start()
        assert first.child is not None
        assert first.child.running


async def test_a_cluster_of_another_version_is_refused() -> None:
    with throwaway_folder() as folder:
        cluster = folder / "cluster"
        cluster.mkdir()
        (cluster / "PG_VERSION").write_text("9\n")
        with pytest.raises(StartError, match="made by PostgreSQL 9"):
            await LocalPostgres(folder).start()


def test_servers_end_with_whoever_started_them() -> None:
    with (
        throwaway_folder() as folder,
        subprocess.Popen(
            (sys.executable, "-m", "scripts.local_servers", str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as program,
    ):
        assert program.stdout is not None
        assert program.stdout.readline()
        family = psutil.Process(program.pid).children(recursive=True)
        assert len(family) > 4
        os.kill(program.pid, signal.SIGKILL)
        deadline = time.monotonic() + 10
        while any(_alive(member) for member in family):
            assert time.monotonic() < deadline, "the servers outlived their parent"
            time.sleep(0.02)


@pytest.mark.parametrize("round_", [1, 2])
async def test_each_test_gets_its_own_databases(
    database_url: str, data_database_url: str, redis_url: str, round_: int
) -> None:
    assert await _value(database_url, "SELECT count(*) FROM tasks") == 0
    await _value(database_url, "CREATE TABLE leftover (a int)")
    assert await _value(data_database_url, "SELECT to_regclass('tasks') IS NULL")
    await _value(data_database_url, "CREATE TABLE leftover (a int)")
    port = int(redis_url.rsplit(":", 1)[1].split("/", maxsplit=1)[0])
    assert await _valkey(port, b"RPUSH bells 1") == b":1\r\n"
