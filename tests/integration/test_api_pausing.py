"""Pause, resume, priority, and one subtask cancelled: what goes on, what stops, what comes back."""

import asyncio
from uuid import UUID

import httpx
import pytest

from orchestrator.plan_rows import urgency
from shared.database.subtasks import Demand
from shared.models import Assignment
from tests.api_world import Api, problem
from tests.ledger_world import World, held, planned


async def pause(api: Api, task_id: UUID, **wish: str) -> httpx.Response:
    return await api.client.post(f"/tasks/{task_id}/pause", json=wish)


async def resume(api: Api, task_id: UUID) -> httpx.Response:
    return await api.client.post(f"/tasks/{task_id}/resume")


async def demands(world: World, assignment: Assignment) -> dict[UUID, Demand]:
    return await world.subtasks.renew([held(assignment)], owner=assignment.owner, lease_seconds=60)


async def told(world: World, task_id: UUID) -> list[str]:
    rows = await world.pool.fetch(
        "SELECT type FROM events WHERE task_id = $1 AND type LIKE '%.%' ORDER BY id", task_id
    )
    return [row["type"] for row in rows]


async def test_a_paused_task_starts_nothing_and_goes_on_where_it_stood(
    api: Api, world: World
) -> None:
    task_id = await world.ready(planned("a"), planned("b"), planned("c", "a"))
    (running,) = await world.claim_next(world.claimant())
    answer = await pause(api, task_id)
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["status"], shown["paused_reason"]) == ("in_progress", "user")
    assert shown["waiting"]["reason"] == "paused: nothing new starts; 1 runs to the end"
    assert await demands(world, running) == {running.subtask_id: Demand.NONE}
    assert await world.complete(running)
    await api.advancer.advance([task_id])
    assert await world.claim_next(world.claimant()) == []
    other = "b" if running.key == "a" else "a"
    waiting = (await api.subtasks(task_id))[other]["waiting"]
    assert waiting["reason"] == "ready, but the task is paused"
    assert (await resume(api, task_id)).json()["paused_reason"] is None
    assert await world.claim_next(world.claimant()) != []
    types = await told(world, task_id)
    assert types.index("task.paused") < types.index("task.resumed")


async def test_a_pause_may_take_back_what_runs_uncounted(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"))
    (running,) = await world.claim_next(world.claimant())
    assert (await pause(api, task_id)).status_code == 202
    assert (await pause(api, task_id, running="release")).status_code == 202, "said more firmly"
    assert await demands(world, running) == {running.subtask_id: Demand.RELEASE}
    assert await world.subtasks.give_back([held(running)], owner=running.owner)
    assert await world.claim_next(world.claimant()) == [], "between the giving back and its record"
    await api.advancer.advance([task_id])
    assert await world.statuses(task_id) == {"a": "pending"}
    await resume(api, task_id)
    (again,) = await world.claim_next(world.claimant())
    assert (again.attempt, (await api.subtasks(task_id))["a"]["losses"]) == (2, 0)


async def test_nothing_is_planned_or_answered_while_paused(api: Api, world: World) -> None:
    fresh = UUID((await api.submit())["id"])
    assert (await pause(api, fresh)).status_code == 202
    assert await world.tasks.plan(owner=world.owner, lease_seconds=60, limit=10) == []
    done = await world.ready(planned("a"))
    (running,) = await world.claim_next(world.claimant())
    await pause(api, done)
    assert await world.complete(running)
    assert await api.advancer.advance([done]) == []
    assert await world.tasks.to_advance() == []
    await resume(api, done)
    assert (await api.task(done))["status"] == "aggregating"
    await resume(api, fresh)
    assert len(await world.tasks.plan(owner=world.owner, lease_seconds=60, limit=10)) == 1


async def test_a_task_that_is_over_is_paused_no_more(api: Api) -> None:
    task_id = UUID((await api.submit())["id"])
    assert (await pause(api, task_id)).status_code == 202
    answer = await api.client.post(f"/tasks/{task_id}/cancel")
    assert (answer.json()["status"], answer.json()["paused_reason"]) == ("cancelled", None)
    (listed,) = (await api.client.get("/tasks")).json()["tasks"]
    assert listed["paused_reason"] is None


async def test_urgency_is_the_same_however_it_came_about(world: World) -> None:
    parts = {f"p{number}": number for number in range(11)}
    task_id = await world.ready(*(planned(key, priority=number) for key, number in parts.items()))
    for wish in range(11):
        await world.subtasks.set_urgency(task_id, wish)
        rows = await world.pool.fetch("SELECT key, urgency FROM subtasks")
        expected = {key: urgency(wish, number) for key, number in parts.items()}
        assert {row["key"]: row["urgency"] for row in rows} == expected


async def test_the_sweep_takes_a_paused_task_out_of_the_queue(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"))
    (running,) = await world.claim_next(world.claimant())
    await pause(api, task_id, running="release")
    await world.subtasks.give_back([held(running)], owner=running.owner)
    assert await world.tasks.to_advance() == [task_id]


async def test_of_many_clicks_one_wins(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"))
    for verb in (pause, resume):
        answers = await asyncio.gather(*(verb(api, task_id) for _ in range(10)))
        assert sorted(answer.status_code for answer in answers) == [202] + [409] * 9
    body = problem(await resume(api, task_id), 409, "not-paused")
    assert body["status_now"] == "in_progress"
    await pause(api, task_id)
    body = problem(await pause(api, task_id), 409, "already-paused")
    assert (body["paused_reason"], body["status_now"]) == ("user", "in_progress")


async def test_what_is_over_cannot_be_paused_or_prioritised(api: Api) -> None:
    task_id = UUID((await api.submit())["id"])
    await api.client.post(f"/tasks/{task_id}/cancel")
    problem(await pause(api, task_id), 409, "not-pausable")
    problem(await resume(api, task_id), 409, "already-ended")
    changed = await api.client.patch(f"/tasks/{task_id}", json={"priority": 7})
    assert problem(changed, 409, "already-ended")["status_now"] == "cancelled"


async def test_a_priority_moves_what_waits(api: Api, world: World) -> None:
    early, late = await world.ready(planned("a")), await world.ready(planned("b"))
    changed = await api.client.patch(f"/tasks/{late}", json={"priority": 9})
    assert (changed.status_code, changed.json()["priority"]) == (200, 9)
    first, second = await world.claim_next(world.claimant(), limit=2)
    assert (first.task_id, second.task_id) == (late, early)
    assert "task.priority" in await told(world, late)
    behind = await api.client.patch(f"/tasks/{late}", json={"priority": 2, "seen": 5})
    body = problem(behind, 409, "priority-changed")
    assert (body["priority_now"], body["status_now"]) == (9, "in_progress")
    wish = {"priority": 2, "seen": 9}
    clicks = (api.client.patch(f"/tasks/{late}", json=wish) for _ in range(10))
    answers = await asyncio.gather(*clicks)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    wrong = await api.client.patch(f"/tasks/{late}", json={"priority": 11})
    assert problem(wrong, 422, "invalid-request")["errors"][0]["field"] == "priority"


async def cancel_subtask(api: Api, task_id: UUID, key: str) -> httpx.Response:
    subtask_id = (await api.subtasks(task_id))[key]["id"]
    return await api.client.post(f"/tasks/{task_id}/subtasks/{subtask_id}/cancel")


async def test_one_subtask_is_cancelled_and_the_rest_goes_on(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"), planned("c"))
    shown = (await cancel_subtask(api, task_id, "a")).json()
    states = {item["key"]: item["status"] for item in shown["subtasks"]}
    assert states == {"a": "cancelled", "b": "blocked", "c": "queued"}
    parts = {item["key"]: item for item in shown["subtasks"]}
    assert parts["b"]["waiting"] == {"reason": "blocked: a was cancelled", "on": ["a"]}
    assert "subtask.cancelling" in await told(world, task_id)
    body = problem(await cancel_subtask(api, task_id, "a"), 409, "already-ended")
    assert body["status_now"] == "cancelled"
    again = await api.retry(task_id, UUID(parts["a"]["id"]), attempt=0)
    assert again.status_code == 202, again.text
    assert await world.statuses(task_id) == {"a": "queued", "b": "pending", "c": "queued"}


async def test_a_running_subtask_is_told_to_stop(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"), planned("c"))
    running = {item.key: item for item in await world.claim_next(world.claimant(), limit=2)}
    shown = (await cancel_subtask(api, task_id, "a")).json()
    (part,) = [item for item in shown["subtasks"] if item["key"] == "a"]
    assert (part["status"], part["cancel_requested"]) == ("running", True)
    assert part["waiting"]["reason"] == "being cancelled: its agent is being told to stop"
    problem(await cancel_subtask(api, task_id, "a"), 409, "already-cancelling")
    assert await demands(world, running["a"]) == {running["a"].subtask_id: Demand.CANCEL}
    assert await demands(world, running["c"]) == {running["c"].subtask_id: Demand.NONE}
    assert await world.subtasks.stop([held(running["a"])], owner=running["a"].owner)
    await api.advancer.advance([task_id])
    assert await world.statuses(task_id) == {"a": "cancelled", "b": "blocked", "c": "running"}


@pytest.mark.parametrize("end", ["agent dies", "agent drains"])
async def test_a_cancelled_subtask_never_runs_again_by_itself(
    api: Api, world: World, end: str
) -> None:
    task_id = await world.ready(planned("a"))
    (running,) = await world.claim_next(world.claimant())
    await cancel_subtask(api, task_id, "a")
    if end == "agent dies":
        await world.expire()
        assert await world.subtasks.rescue(max_losses=3, grace_seconds=0) == []
        assert await world.subtasks.abandon(grace_seconds=0) == [task_id]
    else:
        assert await world.subtasks.give_back([held(running)], owner=running.owner)
        assert await world.claim_next(world.claimant()) == []
        assert await world.tasks.to_advance() == [task_id]
    await api.advancer.advance([task_id])
    assert await world.statuses(task_id) == {"a": "cancelled"}
