"""Each task's schema, its shared values and its embeddings, on a real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest

from shared.database.data import DataLimits, DataStore, TaskData, Text, role_of
from shared.errors import Busy, DependencyUnavailable, InvalidRequest, TooLarge
from tests.data_world import SECRET, data_database, fetch, owned_database


@pytest.fixture(scope="module")
def data_url(postgres_url: str) -> Iterator[str]:
    with data_database(postgres_url) as url:
        yield url


@pytest.fixture
async def store(data_url: str) -> AsyncIterator[DataStore]:
    async with DataStore.open(data_url, SECRET) as store:
        yield store


@pytest.fixture
def task_id() -> UUID:
    return uuid4()


@pytest.fixture
async def data(store: DataStore, task_id: UUID) -> AsyncIterator[TaskData]:
    async with store.task(task_id) as data:
        yield data


# --- query ----------------------------------------------------------------------------------


async def test_a_task_creates_writes_and_reads_its_own_tables(data: TaskData) -> None:
    await data.query("CREATE TABLE sales (region text, amount numeric, sold date)")
    inserted = await data.query(
        "INSERT INTO sales VALUES ($1, $2, $3), ('east', 2, NULL)", ["north", "10.5", "2025-01-31"]
    )
    assert (inserted.status, inserted.rowcount) == ("INSERT 0 2", 2)

    answer = await data.query("SELECT * FROM sales ORDER BY region DESC")

    assert answer.columns == ("region", "amount", "sold")
    assert answer.rows == (
        {"region": "north", "amount": 10.5, "sold": "2025-01-31"},
        {"region": "east", "amount": 2, "sold": None},
    )
    assert (answer.status, answer.rowcount, answer.truncated) == ("SELECT", 2, False)


@pytest.mark.parametrize(
    ("expression", "value", "expected"),
    [
        ("$1::integer", "5", 5),
        ("$1::integer", 5, 5),
        ("$1::integer", None, None),
        ("$1::text", 5, "5"),
        ("$1::boolean", True, True),
        ("$1::boolean", "off", False),
        ("$1::numeric", 1.25, 1.25),
        ("$1::numeric", "0.10000000000000000001", "0.10000000000000000001"),
        ("$1::float8", "NaN", "NaN"),
        ("$1::date", "2025-01-31", "2025-01-31"),
        ("$1::timestamptz", "2025-01-31 10:00+02", "2025-01-31 08:00:00+00"),
        ("$1::timestamptz", "infinity", "infinity"),
        ("$1::interval", "3 days", "3 days"),
        (
            "$1::uuid",
            "00000000-0000-0000-0000-000000000001",
            "00000000-0000-0000-0000-000000000001",
        ),
        ("$1::jsonb", {"a": [1, None]}, {"a": [1, None]}),
        ("$1::jsonb", "plain", "plain"),
        ("$1::integer[]", [1, "2", None], [1, 2, None]),
        ("$1::text[]", ["a", None], ["a", None]),
        ("$1::bytea", "\\xff00", "\\xff00"),
    ],
)
async def test_json_values_become_what_the_statement_wants(
    data: TaskData, expression: str, value: object, expected: object
) -> None:
    answer = await data.query(f"SELECT {expression} AS it", [value])
    assert answer.rows == ({"it": expected},)


async def test_columns_of_the_same_name_are_all_shown(data: TaskData) -> None:
    answer = await data.query("SELECT 1 AS a, 2 AS a, 3 AS a")
    assert answer.rows == ({"a": 1, "a_2": 2, "a_3": 3},)


@pytest.mark.parametrize(
    ("sql", "params", "message"),
    [
        ("SELECT 1; SELECT 2", [], "one statement per call"),
        ("SELECT 1; COMMIT; DROP TABLE x", [], "one statement per call"),
        ("COMMIT", [], "COMMIT is not available"),
        ("-- a\n/* b */ begin", [], "BEGIN is not available"),
        ("COPY t FROM STDIN", [], "write with INSERT"),
        ("  -- nothing", [], "there is no statement"),
        ("SELECT 1\x00", [], "NUL"),
        ("SELECT * FROM nowhere", [], 'relation "nowhere" does not exist'),
        ("SELECT $1::int", ["abc"], "invalid input syntax for type integer"),
        ("SELECT $1::int", [], "1 parameters"),
        ("SELECT $1::int[]", ["{1}"], "sized iterable"),
        ("SELECT int4range(1, 2)", [], "cast such columns to text"),
        ("SELECT ROW(1, 2)", [], "to_json()"),
        ("SELECT 1 / 0", [], "division by zero"),
    ],
)
async def test_what_is_wrong_is_said(
    data: TaskData, sql: str, params: list[object], message: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await data.query(sql, params)
    assert message in f"{refused.value.detail} {refused.value.remedy}"
    assert (await data.query("SELECT 1 AS alive")).rows == ({"alive": 1},)


async def test_a_statement_that_fails_leaves_nothing(data: TaskData) -> None:
    await data.query("CREATE TABLE once (id int)")
    with pytest.raises(InvalidRequest):
        await data.query("INSERT INTO once SELECT 1 / (2 - n) FROM generate_series(1, 2) AS n")
    assert (await data.query("SELECT count(*) FROM once")).rows == ({"count": 0},)


async def test_rows_beyond_the_limit_are_cut(data: TaskData) -> None:
    answer = await data.query("SELECT n FROM generate_series(1, 1500) AS n", row_limit=1000)
    assert (len(answer.rows), answer.truncated) == (1000, True)
    exactly = await data.query("SELECT n FROM generate_series(1, 1000) AS n", row_limit=1000)
    assert (len(exactly.rows), exactly.truncated) == (1000, False)


async def test_bytes_beyond_the_limit_are_cut(data: TaskData) -> None:
    answer = await data.query(
        "SELECT repeat('x', 1000) FROM generate_series(1, 100)", byte_limit=10_000
    )
    assert (len(answer.rows), answer.truncated) == (9, True)
    with pytest.raises(TooLarge, match="first row alone"):
        await data.query("SELECT repeat('x', 20000)", byte_limit=10_000)


async def test_an_endless_answer_is_cut_off_on_the_wire(data: TaskData) -> None:
    with pytest.raises(TooLarge, match="16 MiB"):
        await data.query("SELECT repeat('x', 40000000)")
    assert (await data.query("SELECT 1 AS alive")).rows == ({"alive": 1},)


async def test_the_deadline_ends_a_statement_that_catches_its_own_cancellation(
    data: TaskData, data_url: str, task_id: UUID
) -> None:
    await data.query("SET statement_timeout = 0")
    started = time.perf_counter()
    with pytest.raises(InvalidRequest, match=r"longer than 0\.2 s"):
        await data.query(
            "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60);"
            " EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$",
            seconds=0.2,
        )
    assert time.perf_counter() - started < 10
    assert await _sessions(data_url, task_id) == 0
    assert (await data.query("SELECT 1 AS alive")).rows == ({"alive": 1},)


async def test_a_cancelled_attempt_leaves_nothing_running(
    store: DataStore, data_url: str, task_id: UUID
) -> None:
    async def attempt() -> None:
        async with store.task(task_id) as data:
            await data.query("SELECT pg_sleep(60)", seconds=30)

    running = asyncio.create_task(attempt())
    for _ in range(200):
        if await _sessions(data_url, task_id, "active"):
            break
        await asyncio.sleep(0.02)
    assert await _sessions(data_url, task_id, "active") == 1
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await _sessions(data_url, task_id) == 0


async def test_statements_of_one_attempt_wait_for_each_other(data: TaskData) -> None:
    answers = await asyncio.gather(*(data.query("SELECT $1::int AS n", [n]) for n in range(20)))
    assert [answer.rows[0]["n"] for answer in answers] == list(range(20))


async def test_temporary_tables_live_as_long_as_the_attempt(
    store: DataStore, task_id: UUID
) -> None:
    async with store.task(task_id) as data:
        await data.query("CREATE TEMPORARY TABLE mine AS SELECT 1 AS n")
        assert (await data.query("SELECT * FROM mine")).rows == ({"n": 1},)
    with pytest.raises(InvalidRequest, match="does not exist"):
        await store.query(task_id, "SELECT * FROM mine")


async def test_vectors_are_there_for_tables_of_their_own(data: TaskData) -> None:
    answer = await data.query("SELECT '[1,0]'::vector <=> '[0,1]'::vector AS distance")
    assert answer.rows == ({"distance": 1.0},)


# --- roles and schemas ------------------------------------------------------------------------


async def test_many_processes_open_a_task_at_once(data_url: str, task_id: UUID) -> None:
    async def process() -> None:
        async with DataStore.open(data_url, SECRET) as store:
            await store.query(task_id, "SELECT 1")

    await asyncio.gather(*(process() for _ in range(8)))
    assert await fetch(data_url, "SELECT 1 FROM pg_roles WHERE rolname = $1", role_of(task_id))


async def test_a_role_has_no_attribute_and_no_membership(
    data: TaskData, data_url: str, task_id: UUID
) -> None:
    await data.query("SELECT 1")
    (attributes,) = await fetch(
        data_url,
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls, rolconnlimit,"
        " (SELECT count(*) FROM pg_auth_members WHERE member = pg_roles.oid)"
        " FROM pg_roles WHERE rolname = $1",
        role_of(task_id),
    )
    assert attributes == (False, False, False, False, False, DataLimits().sessions, 0)


async def test_another_secret_logs_in_again_and_the_old_password_ends(
    data_url: str, task_id: UUID, store: DataStore
) -> None:
    await store.query(task_id, "CREATE TABLE kept AS SELECT 1 AS n")
    async with DataStore.open(data_url, "rotated") as rotated:
        assert (await rotated.query(task_id, "SELECT n FROM kept")).rows == ({"n": 1},)


async def test_sessions_of_a_task_are_limited(data_url: str, task_id: UUID) -> None:
    async with DataStore.open(data_url, SECRET, limits=DataLimits(sessions=1)) as store:
        async with store.task(task_id) as first:
            await first.query("SELECT 1")
            with pytest.raises(Busy, match="too many sessions"):
                await store.query(task_id, "SELECT 1")
        await store.query(task_id, "SELECT 1")


async def test_dropping_a_task_leaves_nothing_of_it(
    store: DataStore, data_url: str, task_id: UUID
) -> None:
    other = uuid4()
    for task in (task_id, other):
        async with store.task(task) as data:
            await data.query("CREATE TABLE t (id int)")
            await data.share("key", 1, None, "a#1")
            await data.remember([Text("x", (1.0,))], provider="p", author="a#1")
    async with store.task(task_id) as data:
        await data.query("SELECT 1")
        await store.drop_task(task_id)
        await store.drop_task(task_id)

    assert await _traces(data_url, task_id) == (0, 0, 0, 0, 0)
    assert await _traces(data_url, other) == (1, 1, 1, 1, 1)


async def test_a_service_without_superuser_rights_is_enough(
    postgres_url: str, task_id: UUID
) -> None:
    async with owned_database(postgres_url) as url, DataStore.open(url, SECRET) as store:
        await store.query(task_id, "CREATE TABLE t (id int)")
        with pytest.raises(InvalidRequest, match="longer than"):
            await store.query(task_id, "SELECT pg_sleep(60)", seconds=0.1)
        assert await _sessions(url, task_id) == 0
        assert await _traces(url, task_id) == (1, 1, 1, 0, 0)
        await store.drop_task(task_id)
        assert await _traces(url, task_id) == (0, 0, 0, 0, 0)


async def test_an_absent_server_is_named_without_its_password(data_url: str) -> None:
    gone = data_url.rsplit(":", 1)[0] + ":1/quintet_data"
    with pytest.raises(DependencyUnavailable) as away:
        async with DataStore.open(gone, SECRET) as store:
            await store.query(uuid4(), "SELECT 1")
    assert "postgres:" not in f"{away.value.detail}{away.value.remedy}"


# --- shared values ------------------------------------------------------------------------------


async def test_a_value_is_created_once_and_replaced_by_who_has_seen_it(data: TaskData) -> None:
    created = await data.share("plan/v", {"a": 1}, None, "one#1")
    again = await data.share("plan/v", {"a": 2}, None, "two#1")
    stale = await data.share("plan/v", {"a": 3}, 7, "two#1")
    replaced = await data.share("plan/v", {"a": 4}, 1, "two#1")

    assert (created.saved, created.version) == (True, 1)
    assert (again.saved, again.version) == (False, 1)
    assert again.present is not None
    assert (again.present.value, again.present.author) == ({"a": 1}, "one#1")
    assert not stale.saved
    assert (replaced.saved, replaced.version) == (True, 2)
    value = await data.shared("plan/v")
    assert value is not None
    assert (value.value, value.version, value.author) == ({"a": 4}, 2, "two#1")


async def test_of_many_writers_none_overwrites_another_unseen(data: TaskData) -> None:
    await data.share("count", 0, None, "a#1")

    async def add_one() -> None:
        while True:
            seen = await data.shared("count")
            assert seen is not None
            if (await data.share("count", seen.value + 1, seen.version, "a#1")).saved:
                return

    await asyncio.gather(*(add_one() for _ in range(20)))
    total = await data.shared("count")
    assert total is not None
    assert (total.value, total.version) == (20, 21)


async def test_values_of_another_task_are_not_there(store: DataStore, data: TaskData) -> None:
    await data.share("mine", "x", None, "a#1")
    async with store.task(uuid4()) as other:
        assert await other.shared("mine") is None
        assert await other.shared_keys() == ()
        assert (await other.share("mine", "y", 1, "b#1")).saved is False
    assert [value.key for value in await data.shared_keys()] == ["mine"]


async def test_keys_of_a_task_are_limited(data_url: str, task_id: UUID) -> None:
    async with (
        DataStore.open(data_url, SECRET, limits=DataLimits(shared_keys=1)) as store,
        store.task(task_id) as data,
    ):
        await data.share("a", None, None, "x#1")
        with pytest.raises(TooLarge, match="1 shared keys"):
            await data.share("b", 1, None, "x#1")
        assert (await data.share("a", 2, 1, "x#1")).saved


# --- embeddings -----------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[True, False], ids=["pgvector", "scan"])
def embedding_store_url(request: pytest.FixtureRequest, postgres_url: str) -> Iterator[str]:
    with data_database(postgres_url, vector=request.param) as url:
        yield url


async def test_the_nearest_texts_of_the_task_come_first(
    embedding_store_url: str, request: pytest.FixtureRequest
) -> None:
    async with DataStore.open(embedding_store_url, SECRET) as store:
        async with store.task(uuid4()) as other:
            await other.remember([Text("foreign", (1.0, 0.0))], provider="p", author="z#1")
        async with store.task(uuid4()) as data:
            await data.remember(
                [
                    Text("north", (0.0, 2.0), "n", {"k": 1}),
                    Text("north-east", (1.0, 1.0)),
                    Text("south", (0.0, -1.0)),
                    Text("nowhere", (0.0, 0.0)),
                ],
                provider="p",
                author="a#1",
            )
            await data.remember([Text("three", (0.0, 1.0, 0.0))], provider="p", author="a#1")
            await data.remember([Text("other model", (0.0, 1.0))], provider="q", author="a#1")

            matches = await data.nearest((0.0, 1.0), provider="p", limit=3)

    assert [match.content for match in matches.found] == ["north", "north-east", "nowhere"]
    assert [match.similarity for match in matches.found] == pytest.approx([1, 0.7071067, 0])
    assert matches.found[0].metadata == {"k": 1}
    expected = "scan" if "scan" in request.node.name else "pgvector"
    assert (matches.index, matches.searched, matches.other_provider) == (expected, 5, 1)


async def test_a_text_with_the_same_key_is_replaced(embedding_store_url: str) -> None:
    async with DataStore.open(embedding_store_url, SECRET) as store, store.task(uuid4()) as data:
        first = await data.remember([Text("old", (1.0, 0.0), "k")], provider="p", author="a#1")
        second = await data.remember([Text("new", (0.0, 1.0), "k")], provider="p", author="a#2")
        matches = await data.nearest((0.0, 1.0), provider="p", limit=5)
    assert first == second
    assert [(match.content, match.author) for match in matches.found] == [("new", "a#2")]


async def test_texts_of_a_task_are_limited(data_url: str, task_id: UUID) -> None:
    async with (
        DataStore.open(data_url, SECRET, limits=DataLimits(texts=1)) as store,
        store.task(task_id) as data,
    ):
        with pytest.raises(TooLarge, match="1 embedded texts"):
            await data.remember([Text("a", (1.0,)), Text("b", (1.0,))], provider="p", author="x")


async def _sessions(url: str, task_id: UUID, state: str | None = None) -> int:
    ((count,),) = await fetch(
        url,
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE usename = $1 AND ($2::text IS NULL OR state = $2)",
        role_of(task_id),
        state,
    )
    assert isinstance(count, int)
    return count


async def _traces(url: str, task_id: UUID) -> tuple[object, ...]:
    (counts,) = await fetch(
        url,
        "SELECT (SELECT count(*) FROM pg_roles WHERE rolname = $2),"
        " (SELECT count(*) FROM pg_namespace WHERE nspname = $2),"
        " (SELECT count(*) FROM quintet.tasks WHERE id = $1),"
        " (SELECT count(*) FROM quintet.shared_values WHERE task_id = $1),"
        " (SELECT count(*) FROM quintet.embeddings WHERE task_id = $1)",
        task_id,
        role_of(task_id),
    )
    return counts
