"""The ledger's events: what is told, in which order, how long it is kept, and that it is once."""

import asyncio
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import asyncpg
import pytest
import redis.asyncio as redis

from orchestrator.attendance import Attendance
from orchestrator.event_keeper import EventKeeper
from orchestrator.roster import Roster
from shared.database.connection import Pool, transaction
from shared.database.events import EventLedger, Standing
from shared.models import BEGINNING, Assignment, Capability, Cursor, Event, ModelUsage, Presence
from shared.queue import Doorbell
from tests.event_clients import AGE, line
from tests.ledger_world import World, held, planned

KINDS = ("tool.called", "tool.returned", "tool.denied", "check.result", "correction.attempt")


@pytest.fixture
def ledger(pool: Pool) -> EventLedger:
    """The events."""
    return EventLedger(pool)


async def told(
    ledger: EventLedger, after: Cursor = BEGINNING, *, task_id: UUID | None = None
) -> list[Event]:
    """All that can be read now."""
    return [event for _, event in await ledger.after(after, task_id=task_id, limit=10_000)]


async def types(ledger: EventLedger) -> list[str]:
    """The types of all that can be read now."""
    return [event.type for event in await told(ledger)]


async def claimed(world: World) -> Assignment:
    """An attempt that runs."""
    await world.ready(planned("a"))
    (assignment,) = await world.claim_next(world.claimant())
    return assignment


async def test_the_way_of_a_task_is_told(world: World, ledger: EventLedger) -> None:
    assignment = await claimed(world)
    await world.complete(assignment)
    events = await told(ledger, task_id=assignment.task_id)
    assert [event.type for event in events] == [
        *("task.pending", "task.planning", "task.in_progress", "task.plan"),
        *("subtask.pending", "subtask.queued", "subtask.running"),
        *("subtask.completed", "attempt.completed"),
    ]
    running = events[6]
    assert (running.subtask_id, running.attempt) == (assignment.subtask_id, 1)
    assert running.agent_id == "agent-1"


async def test_a_log_line_is_told_by_its_kind(world: World, ledger: EventLedger) -> None:
    assignment = await claimed(world)
    task_id, subtask_id = assignment.task_id, assignment.subtask_id
    before = await ledger.end()
    kinds = (*KINDS, "review.verdict", "text")
    await world.subtasks.append_logs(
        [line(task_id, kind, kind, subtask_id=subtask_id, attempt=1) for kind in kinds]
    )
    events = await told(ledger, before)
    assert [event.type for event in events] == [*KINDS, "review.verdict", "log"]
    for event, kind in zip(events, kinds, strict=True):
        assert (event.task_id, event.subtask_id) == (task_id, subtask_id)
        assert (event.attempt, event.agent_id) == (1, "agent-1")
        assert event.data["kind"] == event.data["message"] == kind
        assert event.data["level"] == "info"
        assert not event.data["cut"]


async def test_what_is_long_is_cut_and_says_where_the_whole_is(
    world: World, ledger: EventLedger
) -> None:
    task_id = await world.submit()
    before = await ledger.end()
    lines = [
        line(task_id, message="m" * 8_192, data={"call": "1"}),
        line(task_id, data={"excerpt": "e" * 8_192}),
    ]
    await world.subtasks.append_logs(lines)
    message, excerpt = (event.data for event in await told(ledger, before))
    logs = (await world.views.logs(task_id, subtask_id=None, after=0, limit=9)).entries
    assert (len(message["message"]), message["data"], message["cut"]) == (4_096, {"call": "1"}, 1)
    assert (excerpt["message"], excerpt["data"], excerpt["cut"]) == ("hm", {}, True)
    assert [message["log_id"], excerpt["log_id"]] == [entry.id for entry in logs]


async def test_a_cost_is_told(world: World, ledger: EventLedger) -> None:
    assignment = await claimed(world)
    before = await ledger.end()
    usage = ModelUsage(model="m", input_tokens=3, output_tokens=4, cost_usd=Decimal("0.000120"))
    for _ in range(2):  # the first time its acknowledgement was lost
        await world.tasks.record_calls(
            assignment.task_id, "planner", [usage], batch=UUID(int=7), simulated=True
        )
    await world.subtasks.record_usage(
        assignment.task_id, held(assignment), [usage], simulated=False
    )
    planner, agent = await told(ledger, before)
    assert {planner.type, agent.type} == {"cost"}
    assert planner.data["purpose"] == "planner"
    assert planner.data["simulated"]
    assert agent.data == {
        "purpose": "agent",
        "model": "m",
        "input_tokens": 3,
        "output_tokens": 4,
        "cache_read_tokens": 0,
        "cache_write_tokens": 0,
        "cost_usd": "0.000120",
        "simulated": False,
    }
    assert (agent.subtask_id, agent.attempt) == (assignment.subtask_id, 1)
    assert agent.agent_id == "agent-1"


async def test_what_did_not_happen_is_not_told(world: World, ledger: EventLedger) -> None:
    task_id = await world.submit()
    before = await ledger.end()
    with pytest.raises(ZeroDivisionError):
        async with transaction(world.pool) as connection:
            await world.subtasks.within(connection).append_logs([line(task_id)])
            raise ZeroDivisionError
    assert await told(ledger, before) == []


async def test_what_commits_late_is_not_missed(world: World, ledger: EventLedger) -> None:
    """The one that got the lower number commits after one with a higher number was there."""
    task_id = await world.submit()
    place = await ledger.end()
    async with transaction(world.pool) as connection:
        await world.subtasks.within(connection).append_logs([line(task_id, message="late")])
        await world.subtasks.append_logs([line(task_id, message="early")])
        assert await told(ledger, place) == []
        assert await ledger.end() == place
    events = await told(ledger, place)
    assert [event.data["message"] for event in events] == ["late", "early"]
    assert [event.id for event in events] == sorted(event.id for event in events)


async def test_one_that_began_first_and_wrote_last_is_told_first(
    world: World, ledger: EventLedger
) -> None:
    """The order is not that of the ids: a reader that remembered the last id would miss this."""
    task_id = await world.submit()
    place = await ledger.end()
    async with transaction(world.pool) as connection:
        await connection.fetchval("SELECT pg_current_xact_id()")
        await world.subtasks.append_logs([line(task_id, message="second")])
        await world.subtasks.within(connection).append_logs([line(task_id, message="first")])
        assert await told(ledger, place) == []
    events = await told(ledger, place)
    assert [event.data["message"] for event in events] == ["first", "second"]
    assert events[0].id > events[1].id


async def test_another_database_holds_nothing_back(
    world: World, ledger: EventLedger, postgres_url: str
) -> None:
    """Agents run SQL of their own, for seconds, on the same server."""
    elsewhere = await asyncpg.connect(postgres_url)
    try:
        async with elsewhere.transaction():
            await elsewhere.execute("CREATE TEMPORARY TABLE of_an_agent ()")
            await world.submit()
            assert await types(ledger) == ["task.pending"]
    finally:
        await elsewhere.close()


async def test_events_older_than_they_are_kept_are_forgotten(
    world: World, ledger: EventLedger
) -> None:
    old = [await world.submit() for _ in range(3)]
    young = await world.submit()
    (first, _), *_, (third, _), (fourth, _) = await ledger.after(BEGINNING, task_id=None, limit=9)
    await world.pool.execute(AGE, third.id)
    assert await EventKeeper(ledger, days=0).sweep() == 0
    assert await EventKeeper(ledger, days=41).sweep() == 0
    assert await EventKeeper(ledger, days=30).sweep() == 3
    assert [event.task_id for event in await told(ledger)] == [young]
    assert await world.status(old[0]) == "pending"
    assert await ledger.standing(first) == Standing(pruned=True, foreign=False)
    assert await ledger.standing(third) == Standing(pruned=False, foreign=False)
    assert await ledger.standing(fourth) == Standing(pruned=False, foreign=False)


async def test_only_what_is_before_all_that_is_kept_is_forgotten(
    world: World, ledger: EventLedger
) -> None:
    """A reader of what is kept finds no hole in it."""
    for _ in range(3):
        await world.submit()
    ids = [event.id for event in await told(ledger)]
    await world.pool.execute(AGE.replace("<=", "<>"), ids[1])
    assert await EventKeeper(ledger, days=30).sweep() == 1
    assert [event.id for event in await told(ledger)] == ids[1:]


async def test_two_keepers_do_not_disturb_each_other(world: World, ledger: EventLedger) -> None:
    for _ in range(5):
        await world.submit()
    await world.pool.execute(AGE, 10_000)
    keepers = [EventKeeper(ledger, days=30).sweep() for _ in range(4)]
    assert max(await asyncio.gather(*keepers)) == 5
    assert await told(ledger) == []


async def test_a_restored_backup_comes_before_what_follows(
    world: World, ledger: EventLedger
) -> None:
    """Its transaction numbers are of another server, which may have been further on."""
    tasks = [await world.submit() for _ in range(5)]
    await world.pool.execute("UPDATE events SET xact = (1000000000 + id % 3)::text::xid8")
    strange = Cursor(1_000_000_001, 1)
    assert await told(ledger) == []
    tasks.append(await world.submit())
    await EventKeeper(ledger, days=30).sweep()
    assert [event.task_id for event in await told(ledger)] == tasks
    assert (await ledger.standing(strange)).foreign
    await EventKeeper(ledger, days=30).sweep()
    assert [event.task_id for event in await told(ledger)] == tasks


def presence(name: str, **changes: Any) -> Presence:
    """An agent as it tells of itself."""
    told_of = Presence(
        agent_id=name,
        profile="tester",
        url="http://127.0.0.1:1",
        capabilities=(Capability.DATA_ANALYSIS,),
        slots=1,
        started_at=datetime.now(UTC),
    )
    return told_of.model_copy(update=changes)


async def test_agents_come_and_go_once_however_many_look(
    pool: Pool, ledger: EventLedger, redis_url: str
) -> None:
    async with Doorbell(redis_url) as doorbell, redis.Redis.from_url(redis_url) as raw:
        rosters = [Roster(doorbell) for _ in range(3)]
        watchers = [Attendance(EventLedger(pool), roster) for roster in rosters]

        async def all_look() -> list[str]:
            for roster in rosters:
                await roster.refresh()
            await asyncio.gather(*(watcher.look() for watcher in watchers))
            return [f"{event.agent_id} {event.type}" for event in await told(ledger)]

        await doorbell.appear(presence("ann"))
        await doorbell.appear(presence("bob"))
        expected = ["ann agent.appeared", "bob agent.appeared"]
        assert await all_look() == expected
        assert await all_look() == expected
        await raw.expire("agent:ann", 25)  # of 60 s: it has been silent for 35
        expected += ["ann agent.silent"]
        assert await all_look() == expected
        await doorbell.disappear("bob")
        await doorbell.appear(presence("ann"))
        assert await all_look() == [*expected, "ann agent.appeared", "bob agent.left"]
        late = Attendance(EventLedger(pool), rosters[0])
        await late.look()
        assert len(await told(ledger)) == 5


async def test_an_agent_that_went_while_nobody_looked_is_told_of(
    pool: Pool, ledger: EventLedger, redis_url: str
) -> None:
    await ledger.tell_of_agents({"ann": "appeared", "bob": "left"})
    async with Doorbell(redis_url) as doorbell:
        watcher = Attendance(EventLedger(pool), Roster(doorbell), patience=0)
        for _ in range(3):
            await watcher.look()
    assert await types(ledger) == ["agent.appeared", "agent.left", "agent.silent"]


async def test_of_agents_that_cannot_be_heard_nothing_is_told(
    pool: Pool, ledger: EventLedger
) -> None:
    await ledger.tell_of_agents({"ann": "appeared"})
    async with Doorbell("redis://127.0.0.1:1/0") as doorbell:
        watcher = Attendance(EventLedger(pool), roster := Roster(doorbell), patience=0)
        for _ in range(3):
            await roster.refresh()
            await watcher.look()
    assert await types(ledger) == ["agent.appeared"]


async def test_an_agents_event_is_of_no_task(ledger: EventLedger) -> None:
    assert await ledger.tell_of_agents({"ann": "appeared"}) == ["ann"]
    assert await ledger.tell_of_agents({"ann": "appeared"}) == []
    (event,) = await told(ledger)
    assert (event.type, event.agent_id, event.task_id) == ("agent.appeared", "ann", None)


@pytest.mark.parametrize(
    "text", ["", "1", "1-", "-1", "1-2-3", "a-b", "1-2 ", "-1-2", "1.0-2", "9" * 20 + "-1", "²-1"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two numbers"):
        Cursor.parse(text)


def test_a_cursor_is_read_as_it_was_written() -> None:
    cursor = Cursor(2**63 - 1, 17)
    assert Cursor.parse(str(cursor)) == cursor
