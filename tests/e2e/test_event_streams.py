"""Following events over HTTP and WebSocket: complete, in order, whatever becomes of the client."""

import asyncio
import json
import random
import socket as sockets
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from orchestrator.event_stream import PAGE
from shared.database.connection import Pool, transaction
from shared.database.subtasks import SubtaskLedger
from shared.errors import Busy
from shared.queue import EVENTS, Doorbell
from tests.api_world import Api, dispatching, following, listening, open_api, problem
from tests.callers import subscribed
from tests.chaos.author import Author
from tests.event_clients import (
    AGE,
    Follower,
    SseFollower,
    WebSocketFollower,
    conversation,
    frames,
    line,
)
from tests.ledger_world import plan_of, planned
from tests.ticks import ticks
from tests.worker_world import at_once, working_agent

NOWHERE = "redis://127.0.0.1:1/0"
KINDS = (SseFollower, WebSocketFollower)


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """An orchestrator."""
    async with open_api(pool, redis_url, tmp_path) as api:
        yield api


@pytest.fixture
async def port(api: Api) -> AsyncIterator[int]:
    """Where it listens."""
    async with listening(api.app) as port:
        yield port


async def table(pool: Pool, task_id: UUID | None = None) -> list[int]:
    """The ids of all events, or of a task's, in their order."""
    rows = await pool.fetch(
        "SELECT id FROM events WHERE $1::uuid IS NULL OR task_id = $1 ORDER BY xact, id", task_id
    )
    return [row["id"] for row in rows]


async def flood(pool: Pool, task_id: UUID, events: int) -> None:
    """Many long log lines at once."""
    await pool.execute(
        "INSERT INTO agent_logs (task_id, level, kind, message)"
        " SELECT $1, 'info', 'text', repeat('x', 4000) FROM generate_series(1, $2)",
        task_id,
        events,
    )


async def until_complete(follower: Follower, pool: Pool, *, within: float = 60) -> None:
    """Follow until everything of the table has been told."""
    async with asyncio.timeout(within):
        while len(follower.seen) < len(await table(pool, follower.task_id)):
            await follower.follow(most=10_000, within=0.2)


async def stumble(follower: Follower, pool: Pool, over: asyncio.Event, dice: random.Random) -> None:
    """Follow with connections that break, now and again, until all is over and was told."""
    while follower.connections < 4 or not over.is_set():
        await follower.follow(most=dice.randint(1, 60), within=dice.uniform(0.1, 0.5))
        await asyncio.sleep(dice.uniform(0, 0.4))
    await until_complete(follower, pool)


async def chatter(pool: Pool, tasks: list[UUID], over: asyncio.Event, dice: random.Random) -> None:
    """Log lines in transactions that overlap, and commit in any order."""
    while not over.is_set():
        async with transaction(pool) as connection:
            ledger = SubtaskLedger(pool).within(connection)
            await ledger.append_logs([line(dice.choice(tasks))])
            await asyncio.sleep(dice.uniform(0, 0.03))
            await ledger.append_logs([line(dice.choice(tasks)), line(dice.choice(tasks))])
        await asyncio.sleep(dice.uniform(0, 0.05))


async def test_clients_that_break_off_at_random_miss_nothing(
    api: Api, port: int, pool: Pool, redis_url: str, tmp_path: Path
) -> None:
    dice, author, over = random.Random(20_260_504), Author(pool), asyncio.Event()
    plan = plan_of(planned("a"), *(planned(f"n{n}", "a") for n in range(6)))
    tasks = [await author.submit(plan) for _ in range(3)]
    http = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=20)
    followers: list[Follower] = []
    for number in range(50):
        task_id = tasks[number % 3] if number % 4 else None
        start = None if task_id else "0-0"
        if number % 8 < 4:
            followers.append(SseFollower(port, task_id, start, http=http))
        else:
            followers.append(WebSocketFollower(port, task_id, start))
    async with (
        http,
        dispatching(pool, redis_url, tmp_path) as dispatcher,
        working_agent(pool, redis_url, at_once, slots=4),
        asyncio.TaskGroup() as group,
    ):
        for follower in followers:
            group.create_task(stumble(follower, pool, over, random.Random(dice.random())))
        for _ in range(3):
            group.create_task(chatter(pool, tasks, over, dice))
        open_ones = "SELECT count(*) FROM tasks WHERE finished_at IS NULL"
        async for _ in ticks(every=0.05):
            dispatcher.submitted()
            if not await pool.fetchval(open_ones):
                break
        over.set()
    expected = {task_id: await table(pool, task_id) for task_id in (None, *tasks)}
    assert len(expected[None]) > 3 * 7 * 4
    assert min(follower.connections for follower in followers) >= 4
    assert [follower.seen for follower in followers] == [
        expected[follower.task_id] for follower in followers
    ]


async def test_ids_alone_would_have_been_out_of_order(pool: Pool, api: Api) -> None:
    """What makes the test above worth its name."""
    task_id = await api.world.submit()
    async with transaction(pool) as first, transaction(pool) as second:
        # Both have begun: the one that began last writes first.
        for connection in (first, second):
            await connection.fetch("SELECT pg_current_xact_id()")
        for connection in (second, first):
            await SubtaskLedger(pool).within(connection).append_logs([line(task_id)])
    ids = await table(pool)
    assert ids != sorted(ids)


@pytest.mark.parametrize("kind", KINDS)
async def test_what_comes_is_told_at_once(api: Api, port: int, kind: type[Follower]) -> None:
    task = UUID((await api.submit())["id"])
    other = await api.world.submit()
    follower = kind(port, task)
    assert [event["type"] for event in await follower.follow(1, within=5)] == ["task.pending"]
    waiting = asyncio.create_task(follower.follow(1, within=5))
    await asyncio.sleep(0.1)
    await api.world.subtasks.append_logs([line(other, message="other"), line(task)])
    (event,) = await waiting
    assert set(event) == {
        *("cursor", "id", "type", "at", "task_id", "subtask_id", "attempt", "agent_id", "data")
    }
    assert (event["type"], event["task_id"]) == ("log", str(task))


@pytest.mark.parametrize("kind", KINDS)
async def test_without_a_cursor_all_tasks_are_followed_from_now_on(
    api: Api, port: int, kind: type[Follower]
) -> None:
    await api.world.submit()
    follower = kind(port)
    assert await follower.follow(1, within=0.1) == []
    assert follower.cursor is not None, "a client that breaks off now can come back"
    task_id = await api.world.submit()
    (event,) = await follower.follow(1, within=5)
    assert event["task_id"] == str(task_id)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_task_can_be_followed_from_now_on(
    api: Api, port: int, kind: type[Follower]
) -> None:
    task = await api.world.submit()
    follower = kind(port, task, "now")
    assert await follower.follow(1, within=0.1) == []
    assert follower.cursor not in (None, "now"), "a client that breaks off now can come back"
    await api.world.subtasks.append_logs([line(task)])
    assert [event["type"] for event in await follower.follow(2, within=0.5)] == ["log"]


async def test_a_call_over_redis_is_quicker_than_the_next_look(
    api: Api, pool: Pool, redis_url: str
) -> None:
    async with (
        Doorbell(redis_url) as doorbell,
        following(pool, redis_url, poll_seconds=10) as hub,
        hub.subscribe(None) as subscription,
    ):
        await subscribed(redis_url, EVENTS)
        task_id = await api.world.submit()
        await doorbell.ring_submission(task_id)
        (told,) = await subscription.take(within=5)
        assert told.event.task_id == task_id


async def test_without_redis_events_only_come_later(pool: Pool, tmp_path: Path) -> None:
    async with open_api(pool, NOWHERE, tmp_path) as api, listening(api.app) as port:
        follower = SseFollower(port)
        waiting = asyncio.create_task(follower.follow(1, within=8))
        async for _ in ticks():
            if follower.cursor:
                break
        await api.world.submit()
        assert [event["type"] for event in await waiting] == ["task.pending"]


async def test_nobody_reads_while_nobody_follows(pool: Pool, redis_url: str) -> None:
    async with following(pool, redis_url) as hub:
        await asyncio.sleep(0.1)
        assert hub.position is None
        async with hub.subscribe(None):
            assert hub.position is not None
        async for _ in ticks():
            if hub.position is None:
                break


async def deaf(port: int, path: str) -> sockets.socket:
    """Asks for a stream over HTTP and reads none of it."""
    client = sockets.socket()
    client.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4_096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, ("127.0.0.1", port))
    await loop.sock_sendall(client, f"GET {path} HTTP/1.0\r\nHost: here\r\n\r\n".encode())
    return client


async def test_a_client_that_is_too_slow_is_let_go_and_holds_nobody_up(
    pool: Pool, redis_url: str, tmp_path: Path
) -> None:
    async with (
        open_api(pool, redis_url, tmp_path, room=PAGE) as api,
        listening(api.app) as port,
    ):
        task_id = await api.world.submit()
        with await deaf(port, f"/tasks/{task_id}/events") as client:
            async with conversation(port, max_queue=1) as socket:
                await socket.send(json.dumps({"after": "0-0"}))
                quick = SseFollower(port, task_id)
                following_it = asyncio.create_task(quick.follow(2_001, within=40))
                await asyncio.sleep(0.2)
                await flood(pool, task_id, 2_000)
                await following_it
                assert quick.seen == await table(pool, task_id)
                await _is_told_to_come_back(socket, await table(pool))
            last = await _last_frame(client)
            assert last["event"] == "reconnect"
            notice = json.loads(last["data"])
            assert notice["cursor"] == last["id"]
            slow = SseFollower(port, task_id, last["id"])
            await slow.follow(1, within=5)
            assert 0 < (await table(pool)).index(slow.seen[0]) < 2_000


async def _is_told_to_come_back(socket: Any, expected: list[int]) -> None:
    messages = []
    with pytest.raises(ConnectionClosed) as closed:
        while True:
            messages.append(json.loads(await socket.recv()))
    *_, last, notice = messages
    assert notice["type"] == "reconnect"
    assert notice["cursor"] == last["cursor"]
    told = [message["id"] for message in messages if "id" in message]
    assert told == expected[: len(told)]
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1013
    assert notice["cursor"] in closed.value.rcvd.reason


async def _last_frame(client: sockets.socket) -> dict[str, str]:
    """The last frame of a stream that has ended."""
    reader, writer = await asyncio.open_connection(sock=client.dup())

    async def lines() -> AsyncIterator[str]:
        async for raw in reader:
            yield raw.decode().rstrip("\r\n")

    last: dict[str, str] = {}
    async for frame in frames(lines()):
        last = frame
    writer.close()
    return last


async def test_a_stream_ends_with_its_task_if_wished(
    api: Api, port: int, pool: Pool, redis_url: str, tmp_path: Path
) -> None:
    task_id = await Author(pool).submit(plan_of(planned("a"), planned("b", "a")))
    url = f"http://127.0.0.1:{port}/tasks/{task_id}/events?until_end=true"
    async with httpx.AsyncClient(timeout=10) as http:
        following_it = asyncio.create_task(http.get(url))
        async with (
            dispatching(pool, redis_url, tmp_path) as dispatcher,
            working_agent(pool, redis_url, at_once),
        ):
            dispatcher.submitted()
            text = (await following_it).text
        told = [json.loads(row[6:]) for row in text.splitlines() if row.startswith("data: ")]
        *events, notice = told
        assert (notice["type"], notice["cursor"]) == ("ended", text.rsplit("id: ")[-1].strip())
        assert [event["id"] for event in events] == await table(pool, task_id)
        assert events[-1]["type"] == "task.completed"
        assert (await http.get(url)).text == text
        async with conversation(port) as socket:
            await socket.send(json.dumps({"task_id": str(task_id), "until_end": True}))
            told = [json.loads(message) async for message in socket]
            assert [event["id"] for event in told[1:]] == [event["id"] for event in events]
            assert socket.close_code == 1000
    follower = SseFollower(port, task_id)
    assert len(await follower.follow(10_000, within=0.3)) == len(events)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cursor_older_than_what_is_kept_is_told_of_the_gap(
    api: Api, port: int, pool: Pool, kind: type[Follower]
) -> None:
    task_id = await api.world.submit()
    await api.world.submit()
    follower = kind(port, task_id)
    await follower.follow(1, within=5)
    old = follower.cursor
    await pool.execute(AGE, 1_000)
    ledger = api.services.events.ledger
    assert await ledger.prune(days=30, limit=100) == 2
    await api.world.subtasks.append_logs([line(task_id)])
    for cursor, told in ((old, "gap"), ("9000000000000000-1", "gap"), ("0-0", "alive")):
        late = kind(port, task_id, cursor)
        async with aclosing(late.messages()) as messages:
            assert (await anext(messages))["type"] == told
        late.cursor = cursor
        assert [event["type"] for event in await late.follow(1, within=5)] == ["log"]


async def test_what_cannot_be_followed_is_refused(api: Api) -> None:
    unknown = await api.client.get(f"/tasks/{uuid4()}/events")
    problem(unknown, 404, "not-found")
    task_id = (await api.submit())["id"]
    for path in ("/events", f"/tasks/{task_id}/events"):
        for cursor in ("17", "1-2-3", "x" * 1_000):
            problem(await api.client.get(path, params={"after": cursor}), 422, "bad-cursor")
            headers = {"Last-Event-ID": cursor}
            problem(await api.client.get(path, headers=headers), 422, "bad-cursor")
    answer = await api.client.get(f"/tasks/{task_id}/events", params={"until_end": "perhaps"})
    problem(answer, 422, "invalid-request")


async def test_a_bad_greeting_is_answered_with_its_problem(port: int) -> None:
    cases: dict[str | bytes, str] = {
        "hello": "invalid-request",
        "[]": "invalid-request",
        b"\xff": "invalid-request",
        '{"tasks": 1}': "invalid-request",
        '{"after": "17"}': "bad-cursor",
        json.dumps({"task_id": str(uuid4())}): "not-found",
    }
    for greeting, slug in cases.items():
        async with conversation(port) as socket:
            await socket.send(greeting)
            told = json.loads(await socket.recv())
            assert told["type"] == f"urn:quintet:problem:{slug}", greeting
            assert told["detail"]
            with pytest.raises(ConnectionClosed):
                await socket.recv()
            assert (socket.close_code, socket.close_reason) == (1008, slug)


async def test_pages_of_others_cannot_follow(port: int) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with conversation(port, origin="http://evil.example"):
            pytest.fail("it was let in")
    async with conversation(port, origin=f"http://127.0.0.1:{port}") as socket:
        await socket.send("{}")
        assert json.loads(await socket.recv())["type"] == "alive"


async def test_an_orchestrator_that_stops_sends_its_clients_to_another(api: Api, port: int) -> None:
    async with httpx.AsyncClient(timeout=10) as http:
        streaming = asyncio.create_task(http.get(f"http://127.0.0.1:{port}/events"))
        async for _ in ticks():
            if api.services.events.position:
                break
        api.services.events.close()
        assert "event: reconnect" in (await streaming).text
        late = await http.get(f"http://127.0.0.1:{port}/events")
        assert "event: reconnect" in late.text


async def test_there_is_room_for_so_many_and_no_more(pool: Pool, redis_url: str) -> None:
    async with following(pool, redis_url, most=1) as hub, hub.subscribe(None):
        with pytest.raises(Busy):
            async with hub.subscribe(None):
                pytest.fail("it was let in")


async def test_a_client_that_goes_leaves_nothing_behind(api: Api, port: int, pool: Pool) -> None:
    for kind in KINDS:
        await kind(port).follow(1, within=0.2)
    async for _ in ticks():
        if api.services.events.position is None:
            break
