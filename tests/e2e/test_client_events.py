"""Both clients follow events: each once and in order, over connections that break."""

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Iterator
from contextlib import aclosing
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.database.connection import Pool
from shared.errors import InvalidRequest, NotFound
from tests import ui_records as records
from tests.api_world import Api, listening
from tests.cli_world import problem
from tests.event_clients import line
from tests.ledger_world import planned
from tests.scripted_service import Reply, ScriptedService, scripted_service
from ui.client import AsyncQuintetClient, QuintetClient, ServiceFailed, ServiceUnreachable
from ui.event_reader import Told

Follow = Callable[..., Coroutine[Any, Any, list[Told]]]
TASK = records.subtask_id("task")
QUICK = "retry: 10\n\n"


async def with_sync(url: str, *, most: int = 1_000, **wish: Any) -> list[Told]:
    def follow() -> list[Told]:
        with QuintetClient(url) as client:
            return list(islice(client.events(**wish), most))

    return await asyncio.to_thread(follow)


async def with_async(url: str, *, most: int = 1_000, **wish: Any) -> list[Told]:
    found: list[Told] = []
    async with AsyncQuintetClient(url) as client, aclosing(client.events(**wish)) as events:
        async for told in events:
            found.append(told)
            if len(found) == most:
                break
    return found


@pytest.fixture(params=[with_sync, with_async])
def follow(request: pytest.FixtureRequest) -> Follow:
    chosen: Follow = request.param
    return chosen


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with scripted_service() as service:
        yield service


def event(number: int, kind: str = "log") -> str:
    fields = ("task_id", "subtask_id", "attempt", "agent_id")
    body = dict.fromkeys(fields) | {"id": number, "type": kind, "at": records.START.isoformat()}
    return f"data: {json.dumps(body)}\nid: {number}-{number}\n\n"


def notice(kind: str, cursor: str) -> str:
    body = json.dumps({"type": kind, "cursor": cursor, "detail": "why"})
    return f"event: {kind}\ndata: {body}\nid: {cursor}\n\n"


def stream(*frames: str) -> Reply:
    return Reply(200, QUICK + "".join(frames), "text/event-stream")


async def test_it_goes_on_from_its_cursor(service: ScriptedService, follow: Follow) -> None:
    service.script(
        stream(event(1), ": alive\nid: 5-5\n\n"),
        Reply(hang_up=True),
        problem(503, "busy"),
        Reply(502, "bad gateway", "text/plain"),
        stream(event(7), notice("reconnect", "7-7")),
        stream(notice("gap", "9-9"), event(10)),
    )
    told = await follow(service.url, task_id=TASK, most=4)
    assert [(each.type, each.cursor) for each in told] == [
        ("log", "1-1"),
        ("log", "7-7"),
        ("gap", "9-9"),
        ("log", "10-10"),
    ]
    asked = [request.headers.get("last-event-id") for request in service.seen]
    assert asked == [None, "5-5", "5-5", "5-5", "5-5", "7-7"]
    assert {request.path for request in service.seen} == {f"/tasks/{TASK}/events"}


async def test_until_end_ends_only_when_the_service_says_so(
    service: ScriptedService, follow: Follow
) -> None:
    service.script(
        stream(event(1), notice("reconnect", "1-1")),
        stream(event(2)),  # cut off by somebody in between
        stream(event(3), notice("ended", "3-3")),
    )
    told = await follow(service.url, task_id=TASK, until_end=True, after="0-0")
    assert [each.cursor for each in told] == ["1-1", "2-2", "3-3"]
    assert service.seen[0].path.endswith("?until_end=true")
    assert service.seen[0].headers["last-event-id"] == "0-0"


async def test_from_now_on_it_first_tells_the_place(
    service: ScriptedService, follow: Follow
) -> None:
    service.script(
        Reply(hang_up=True),
        stream(": alive\nid: 5-5\n\n", ": alive\nid: 6-6\n\n"),
        stream(": alive\nid: 6-6\n\n", event(7)),
    )
    with pytest.raises(ServiceUnreachable):
        await follow(service.url, task_id=TASK, after="now", away_seconds=0)
    told = await follow(service.url, task_id=TASK, after="now", most=2)
    assert [(each.type, each.cursor) for each in told] == [("alive", "5-5"), ("log", "7-7")]
    asked = [(one.path.partition("?")[2], one.headers.get("last-event-id")) for one in service.seen]
    assert asked == [("after=now", None), ("after=now", None), ("", "6-6")]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (problem(404, "not-found"), NotFound),
        (problem(422, "bad-cursor"), InvalidRequest),
        (Reply(200, "{}"), ServiceFailed),
        (stream('data: {"id": "what"}\n\n'), ServiceFailed),
        (stream("data: nonsense\n\n"), ServiceFailed),
        (Reply(hang_up=True), ServiceUnreachable),
    ],
)
async def test_what_cannot_be_followed_is_told_at_once(
    service: ScriptedService, follow: Follow, answer: Reply, error: type[Exception]
) -> None:
    service.script(answer)
    with pytest.raises(error):
        await follow(service.url, task_id=TASK)
    assert len(service.seen) == 1


async def test_an_absence_ends_at_its_bound(service: ScriptedService, follow: Follow) -> None:
    service.script(stream(event(1)), Reply(hang_up=True))
    with pytest.raises(ServiceUnreachable):
        await follow(service.url, task_id=TASK, away_seconds=0.1)
    assert 2 < len(service.seen) < 30


async def test_a_real_task_is_followed_to_its_end_though_connections_break(
    api: Api, pool: Pool, follow: Follow
) -> None:
    task_id = await api.world.ready(planned("a"), planned("b", "a"))
    async with listening(api.app) as port, asyncio.TaskGroup() as group:
        url = f"http://127.0.0.1:{port}"
        following = group.create_task(follow(url, task_id=task_id, until_end=True, away_seconds=5))
        breaking = group.create_task(break_connections(api))
        await work_with_words(api, task_id)
        told = await following
        breaking.cancel()
    rows = await pool.fetch("SELECT id FROM events WHERE task_id = $1 ORDER BY xact, id", task_id)
    assert [getattr(each, "id", None) for each in told] == [row["id"] for row in rows]
    assert told[-1].type == "task.completed"


async def break_connections(api: Api) -> None:
    """Let whoever follows go, again and again, as a hub does with one that is too slow."""
    dice = random.Random(7)
    while True:
        await asyncio.sleep(dice.uniform(0.05, 0.2))
        for subscription in list(api.services.events._subscriptions):
            subscription.lose()


async def work_with_words(api: Api, task_id: UUID) -> None:
    while claimed := await api.world.claim_next(api.world.claimant()):
        for item in claimed:
            for n in range(5):
                said = line(task_id, message=f"{n}", subtask_id=item.subtask_id, attempt=1)
                await api.world.subtasks.append_logs([said])
                await asyncio.sleep(0.05)
            assert await api.world.complete(item)
        (step, *_) = [*await api.advancer.advance([task_id]), None]
    assert step is not None
    owner = api.advancer._owner
    assert await api.world.tasks.complete(step, owner=owner, answer="done", result={})


async def test_of_all_tasks_it_tells_what_happens_from_now_on(api: Api, follow: Follow) -> None:
    before = await api.world.submit()
    async with listening(api.app) as port:
        url = f"http://127.0.0.1:{port}"
        following = asyncio.ensure_future(follow(url, most=1))
        async with asyncio.timeout(10):
            while not api.services.events.position:  # noqa: ASYNC110 - the hub has no event for it
                await asyncio.sleep(0.01)
            after = await api.world.submit()
            (told,) = await following
    assert before != after
    assert (told.type, getattr(told, "task_id", None)) == ("task.pending", after)


async def test_a_task_that_is_not_there_is_not_found(api: Api, follow: Follow) -> None:
    async with listening(api.app) as port:
        with pytest.raises(NotFound):
            await follow(f"http://127.0.0.1:{port}", task_id=uuid4())
