"""Whatever SQL a hijacked agent sends: nothing of another task, nothing outside its schema, and
an end in time."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest

from shared.database.data import DataStore, Text, role_of
from shared.errors import QuintetError
from tests.data_world import SECRET, data_database, fetch

MARK = "another task's secret"
SECONDS = 0.2
GRACE = 2.0
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class World:
    """A task with something to steal, and one that wants it."""

    url: str
    victim: UUID
    attacker: UUID


async def _furnish(url: str) -> World:
    world = World(url, uuid4(), uuid4())
    async with DataStore.open(url, SECRET) as store:
        async with store.task(world.victim) as data:
            await data.query("CREATE TABLE secrets (content text)")
            await data.query("INSERT INTO secrets VALUES ($1)", [MARK])
            await data.share("secret", MARK, None, "v#1")
            await data.remember([Text(MARK, (1.0,))], provider="p", author="v#1")
        await store.query(world.attacker, "CREATE TABLE own AS SELECT 1 AS n")
    return world


@pytest.fixture(scope="module")
def world(postgres_url: str) -> Iterator[World]:
    with data_database(postgres_url) as url:
        yield asyncio.run(_furnish(url))


@pytest.fixture
async def store(world: World) -> AsyncIterator[DataStore]:
    async with DataStore.open(world.url, SECRET) as store:
        yield store


READS = (
    "SELECT * FROM {victim}.secrets",
    "SELECT * FROM quintet.shared_values",
    "SELECT * FROM quintet.embeddings",
    "SELECT * FROM quintet.tasks",
    "TABLE public.schema_migrations",
    "SET search_path = {victim}; SELECT * FROM secrets",
    "SELECT set_config('search_path', '{victim}', false), (SELECT content FROM secrets)",
    "SELECT query_to_xml('SELECT * FROM {victim}.secrets', true, true, '')",
    "DO $$ BEGIN EXECUTE 'RESET ROLE'; EXECUTE 'SELECT * FROM {victim}.secrets'; END $$",
    "CREATE FUNCTION peek() RETURNS SETOF text SECURITY DEFINER LANGUAGE sql"
    " AS 'SELECT content FROM {victim}.secrets'",
    "CREATE VIEW peek AS SELECT * FROM {victim}.secrets",
    "CREATE TABLE heir () INHERITS ({victim}.secrets)",
    "CREATE TABLE copy (LIKE {victim}.secrets INCLUDING ALL)",
    "SELECT 1 FROM own WHERE n IN (SELECT length(content) FROM {victim}.secrets)",
    "EXPLAIN ANALYZE SELECT * FROM {victim}.secrets",
    "SELECT * FROM pg_stats WHERE most_common_vals::text LIKE '%secret%'",
    "SELECT most_common_vals FROM pg_statistic_ext_data",
    "SELECT query FROM pg_stat_activity WHERE usename <> current_user AND query LIKE '%secret%'",
    "SELECT rolpassword FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT pg_read_file('PG_VERSION')",
    "SELECT pg_read_binary_file('global/pg_control')",
    "SELECT pg_ls_dir('.')",
    "SELECT * FROM pg_hba_file_rules",
    "SELECT lo_import('/etc/passwd')",
    "CREATE TABLE files (line text) PARTITION BY LIST (pg_read_file('PG_VERSION'))",
    "SELECT * FROM dblink('dbname=postgres', 'SELECT 1') AS t (n int)",
    "DO $$ DECLARE found text; BEGIN CREATE TEMPORARY TABLE f (l text); COPY f FROM '/etc/passwd';"
    " SELECT string_agg(l, ',') INTO found FROM f; RAISE EXCEPTION '%', found; END $$",
    "DO $$ DECLARE found text; BEGIN CREATE TEMPORARY TABLE f (l text);"
    " COPY f FROM PROGRAM 'cat /etc/passwd';"
    " SELECT string_agg(l, ',') INTO found FROM f; RAISE EXCEPTION '%', found; END $$",
    "SELECT pg_export_snapshot(), * FROM {victim}.secrets",
)
RIGHTS = (
    "SET ROLE postgres",
    "SET ROLE {victim}",
    "RESET ROLE",
    "SET SESSION AUTHORIZATION postgres",
    "RESET SESSION AUTHORIZATION",
    "SELECT set_config('role', 'postgres', false)",
    "SELECT set_config('session_authorization', '{victim}', false)",
    "DO $$ BEGIN RESET ROLE; SET ROLE postgres; END $$",
    "ALTER ROLE CURRENT_USER SUPERUSER",
    "ALTER ROLE CURRENT_USER CREATEROLE",
    "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1",
    "ALTER ROLE {victim} PASSWORD 'x'",
    "ALTER ROLE {attacker} RENAME TO postgres2",
    "CREATE ROLE friend SUPERUSER LOGIN",
    "CREATE ROLE friend",
    "GRANT postgres TO CURRENT_USER",
    "GRANT pg_read_server_files TO CURRENT_USER",
    "GRANT ALL ON SCHEMA {victim} TO CURRENT_USER",
    "GRANT ALL ON SCHEMA {attacker} TO PUBLIC",
    "ALTER SCHEMA {attacker} RENAME TO taken",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {victim} GRANT ALL ON TABLES TO PUBLIC",
    "SET SESSION session_preload_libraries = 'x'",
    "LOAD 'auto_explain'",
)
WRITES = (
    "INSERT INTO {victim}.secrets VALUES ('x')",
    "DROP TABLE {victim}.secrets",
    "DROP SCHEMA {victim} CASCADE",
    "DROP SCHEMA {attacker} CASCADE",
    "DROP OWNED BY {victim}",
    "UPDATE quintet.shared_values SET value = '1'",
    "DELETE FROM quintet.tasks",
    "SELECT quintet.drop_task('{victim_id}')",
    "SELECT quintet.open_task('{victim_id}', 'x', 1)",
    "CREATE TABLE public.outside (id int)",
    "CREATE TABLE extensions.outside (id int)",
    "CREATE TABLE pg_catalog.outside (id int)",
    "CREATE SCHEMA outside",
    "CREATE DATABASE outside",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION plpgsql",
    "DROP EXTENSION vector CASCADE",
    "CREATE FUNCTION c() RETURNS int LANGUAGE c AS 'libc', 'system'",
    "CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION quintet.drop_task()",
    "CREATE PUBLICATION outside FOR ALL TABLES",
    "CREATE TABLESPACE outside LOCATION '/var'",
    "COPY own TO PROGRAM 'id'",
    "COPY own FROM '/etc/passwd'",
    "DO $$ BEGIN COPY own TO '/var/outside'; END $$",
    "DO $$ BEGIN EXECUTE 'COPY own FROM PROGRAM ''id'''; END $$",
    "SELECT lo_create(4711)",
    "SELECT lo_from_bytea(4711, 'x')",
    "SELECT pg_logical_emit_message(false, 'p', repeat('x', 1000))",
    "ALTER SYSTEM SET work_mem = '1GB'",
    "ALTER DATABASE postgres SET work_mem = '1GB'",
    "SELECT pg_reload_conf()",
    "SELECT pg_rotate_logfile()",
    "SELECT pg_create_restore_point('x')",
    "SELECT 1; DROP SCHEMA {victim} CASCADE",
    "COMMIT; DROP SCHEMA {victim} CASCADE",
    "/* /* */ */ COMMIT",
    "SELECT 1; COMMIT; BEGIN READ WRITE; DELETE FROM quintet.tasks",
)
STALLS = (
    "SELECT pg_sleep(60)",
    "SELECT set_config('statement_timeout', '0', false), pg_sleep(60)",
    "DO $$ BEGIN SET statement_timeout = 0; PERFORM pg_sleep(60); END $$",
    "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60);"
    " EXCEPTION WHEN OTHERS OR query_canceled THEN NULL; END; END LOOP; END $$",
    "SELECT count(*) FROM generate_series(1, 1000000000000)",
    "SELECT g, repeat('x', 1000) FROM generate_series(1, 1000000000) AS g",
    "SELECT repeat('x', 1000000000)",
    "WITH RECURSIVE t AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t",
    "SELECT regexp_count(repeat('a', 5000), '((a*)*)*b')",
    "CREATE TABLE bomb AS SELECT repeat('x', 1000) FROM generate_series(1, 1000000000)",
    "COPY own FROM STDIN",
    "/* /* */ */ COPY own FROM STDIN",
    "/* /* */ */ COPY (SELECT generate_series(1, 1000000000)) TO STDOUT",
    "COPY (SELECT generate_series(1, 1000000000)) TO STDOUT",
    "SELECT pg_advisory_lock(7105117110)",
    "SELECT pg_cancel_backend(pid), pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE usename <> current_user AND backend_type = 'client backend'",
    "LOCK TABLE pg_catalog.pg_authid IN ACCESS EXCLUSIVE MODE",
    "LOCK TABLE quintet.tasks",
)


@pytest.mark.parametrize(
    "attacks", [READS, RIGHTS, WRITES, STALLS], ids=["reads", "rights", "writes", "stalls"]
)
async def test_no_attack_gains_anything(
    attacks: tuple[str, ...], world: World, store: DataStore
) -> None:
    before = await _outside(world)
    for batch in (attacks[at : at + AT_ONCE] for at in range(0, len(attacks), AT_ONCE)):
        for answer, seconds in await asyncio.gather(*(_attack(sql, world, store) for sql in batch)):
            assert MARK not in answer, batch
            assert SECRET not in answer, batch
            assert "root:" not in answer, batch
            assert seconds < SECONDS + GRACE, batch
        assert await _outside(world) == before, batch


async def _attack(attack: str, world: World, store: DataStore) -> tuple[str, float]:
    """All that the agent gets to see, and how long it had to wait for a statement at most."""
    victim = role_of(world.victim)
    sql = attack.format(victim=victim, attacker=role_of(world.attacker), victim_id=world.victim)
    answer, slowest = "", 0.0
    async with store.task(world.attacker) as data:
        # What a statement set may help the next one of the same session.
        for statement in (sql, f"SELECT current_user, * FROM {victim}.secrets"):
            started = time.perf_counter()
            try:
                result = await data.query(statement, seconds=SECONDS)
                answer += json.dumps(result.rows)
            except QuintetError as refused:
                answer += f"{refused.detail} {refused.remedy}"
            slowest = max(slowest, time.perf_counter() - started)
    return answer, slowest


async def test_the_attackers_own_data_are_still_there(world: World, store: DataStore) -> None:
    assert (await store.query(world.attacker, "SELECT n FROM own")).rows == ({"n": 1},)
    assert (await store.query(world.victim, "SELECT content FROM secrets")).rows == (
        {"content": MARK},
    )


async def _outside(world: World) -> list[tuple[object, ...]]:
    """All that the attacker must not change, in one picture."""
    return await fetch(
        world.url,
        f"""
        SELECT
            (SELECT array_agg(content) FROM {role_of(world.victim)}.secrets),
            (SELECT array_agg(t::text ORDER BY t::text) FROM quintet.shared_values AS t),
            (SELECT array_agg(t::text ORDER BY t::text) FROM quintet.embeddings AS t),
            (SELECT array_agg(id ORDER BY id) FROM quintet.tasks),
            (SELECT array_agg(n::text ORDER BY oid) FROM pg_namespace AS n
             WHERE nspname !~ '^pg_(toast_)?temp'),
            (SELECT array_agg(relname ORDER BY oid) FROM pg_class
             WHERE relnamespace::regnamespace::text IN ('public', 'quintet', 'extensions', $1)),
            (SELECT count(*) FROM pg_class WHERE relnamespace = 'pg_catalog'::regnamespace),
            (SELECT array_agg(d.datname::text ORDER BY oid) FROM pg_database AS d),
            (SELECT array_agg((rolname, rolsuper, rolcreaterole, rolcreatedb, rolconnlimit)::text
                              ORDER BY oid) FROM pg_roles),
            (SELECT array_agg(rolpassword ORDER BY oid) FROM pg_authid
             WHERE rolname <> $2),
            (SELECT array_agg(m::text ORDER BY m::text) FROM pg_auth_members AS m),
            (SELECT array_agg(extname ORDER BY oid) FROM pg_extension),
            (SELECT count(*) FROM pg_largeobject_metadata),
            (SELECT count(*) FROM pg_default_acl),
            (SELECT array_agg(s::text ORDER BY s::text) FROM pg_db_role_setting AS s
             WHERE setrole <> (SELECT oid FROM pg_roles WHERE rolname = $2)),
            pg_postmaster_start_time(), pg_conf_load_time()
        """,
        role_of(world.victim),
        role_of(world.attacker),
    )
