"""Cancel and retry: one of two that collide wins, and only what depends on it moves."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from orchestrator.advance import Advancer
from orchestrator.dispatcher import Dispatcher
from orchestrator.routes.tasks import task_after
from orchestrator.steering import Steering
from shared.database.connection import Pool, open_pool
from shared.database.subtasks import Demand
from shared.database.views import Views
from shared.errors import DependencyUnavailable
from shared.models import Assignment
from shared.queue import Doorbell
from tests.api_world import RULES, Api, dispatching, problem
from tests.ledger_world import LEASE, World, held, planned
from tests.ticks import ticks


async def failed(api: Api) -> tuple[UUID, Assignment]:
    """A failed task: a failed, b and c wait for it, d completed."""
    world = api.world
    task_id = await world.ready(planned("a"), planned("b", "a"), planned("c", "b"), planned("d"))
    for assignment in await world.claim_next(world.claimant(), limit=2):
        if assignment.key == "a":
            broken = assignment
            assert await world.fail(assignment, "no such column")
        else:
            assert await world.complete(assignment)
    (step,) = await api.advancer.advance([task_id])
    await world.pool.execute(
        "UPDATE tasks SET status = 'failed', finished_at = now(), step_owner = NULL,"
        " step_lease_until = NULL, answer = 'half an answer', partial = true WHERE id = $1",
        step.task_id,
    )
    return task_id, broken


async def test_what_waits_is_cancelled_at_once(api: Api) -> None:
    task_id = (await api.submit())["id"]
    answer = await api.client.post(f"/tasks/{task_id}/cancel")
    assert answer.status_code == 202
    assert (answer.json()["status"], answer.json()["waiting"]) == ("cancelled", None)
    assert answer.json()["finished_at"]
    again = problem(await api.client.post(f"/tasks/{task_id}/cancel"), 409, "already-ended")
    assert again["status_now"] == "cancelled"


async def test_queued_subtasks_are_withdrawn(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"))
    answer = await api.client.post(f"/tasks/{task_id}/cancel")
    assert answer.json()["status"] == "cancelled"
    assert await world.statuses(task_id) == {"a": "cancelled", "b": "cancelled"}
    assert await world.claim_next(world.claimant()) == []


async def test_what_runs_is_stopped_first(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"))
    (assignment,) = await world.claim_next(world.claimant())
    shown = (await api.client.post(f"/tasks/{task_id}/cancel")).json()
    assert (shown["status"], shown["cancel_requested"]) == ("in_progress", True)
    assert shown["waiting"]["reason"] == "being cancelled: what runs is being stopped"
    second = problem(await api.client.post(f"/tasks/{task_id}/cancel"), 409, "already-cancelling")
    assert second["detail"] == "the task is already being cancelled"
    assert second["status_now"] == "in_progress"
    assert await world.statuses(task_id) == {"a": "running", "b": "cancelled"}
    renewed = await world.subtasks.renew(
        [held(assignment)], owner=assignment.owner, lease_seconds=60
    )
    assert renewed == {assignment.subtask_id: Demand.CANCEL}
    problem(await api.retry(task_id, assignment.subtask_id, attempt=1), 409, "not-retryable")
    assert await world.subtasks.stop([held(assignment)], owner=assignment.owner)
    await api.advancer.advance([task_id])
    assert (await api.task(task_id))["status"] == "cancelled"
    problem(await api.client.post(f"/tasks/{task_id}/cancel"), 409, "already-ended")


async def test_twenty_cancels_at_once_are_one(api: Api) -> None:
    task_id = (await api.submit())["id"]
    answers = await asyncio.gather(
        *(api.client.post(f"/tasks/{task_id}/cancel") for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 19


async def test_a_retry_frees_what_waited_and_nothing_else(api: Api, world: World) -> None:
    task_id, broken = await failed(api)
    before = await api.subtasks(task_id)
    assert before["c"]["waiting"] == {"reason": "blocked: a failed", "on": ["a"]}
    answer = await api.retry(
        task_id, broken.subtask_id, attempt=1, description="  use the column `amount` "
    )
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["status"], shown["partial"]) == ("in_progress", False)
    assert (shown["answer"], shown["answer_outdated"]) == ("half an answer", True)
    assert shown["finished_at"] is None
    after = {item["key"]: item for item in shown["subtasks"]}
    assert {key: item["status"] for key, item in after.items()} == {
        "a": "queued",
        "b": "pending",
        "c": "pending",
        "d": "completed",
    }
    assert (after["a"]["retries"], after["a"]["error"]) == (1, None)
    assert after["d"] == before["d"]
    assert await api.services.doorbell.depth("agent_tasks:data_analysis:normal") == 1
    (again,) = await world.claim_next(world.claimant())
    assert (again.key, again.attempt) == ("a", 2)
    assert again.description == "use the column `amount`"
    assert await world.complete(again)
    await api.advancer.advance([task_id])
    assert (await world.statuses(task_id))["b"] == "queued"


async def test_a_retry_may_change_what_made_it_fail(api: Api, world: World) -> None:
    task_id, broken = await failed(api)
    edit = {
        "expected_output": "a table",
        "checks": [{"kind": "file_exists", "path": "sums.csv"}],
        "required_capabilities": ["code_generation", "data_analysis"],
        "profile": "backend",
        "priority": 8,
    }
    answer = await api.retry(task_id, broken.subtask_id, attempt=1, edit=edit)
    assert answer.status_code == 202, answer.text
    who = replace(world.claimant(), routes=("code_generation+data_analysis",))
    (again,) = await world.claim_next(who)
    assert (again.key, again.attempt, again.description) == ("a", 2, broken.description)
    assert (again.expected_output, again.profile) == ("a table", "backend")
    assert [planned.check.kind for planned in again.checks] == ["file_exists"]
    assert [str(word) for word in again.required_capabilities] == edit["required_capabilities"]
    (row,) = await world.pool.fetch(
        "SELECT band, urgency, priority FROM subtasks WHERE id = $1", broken.subtask_id
    )
    assert tuple(row) == (0, 8, 8)


async def test_an_edit_is_told_with_what_was_there_before(api: Api, world: World) -> None:
    task_id, broken = await failed(api)
    better = {"description": "Count them all", "priority": 8, "profile": None}
    assert (await api.retry(task_id, broken.subtask_id, attempt=1, edit=better)).status_code == 202
    (event,) = await world.pool.fetch(
        "SELECT * FROM events WHERE task_id = $1 AND type = 'subtask.edited'", task_id
    )
    assert (event["subtask_id"], event["attempt"]) == (broken.subtask_id, 1)
    assert event["data"]["message"] == "a person changed its description, priority"
    assert event["data"]["data"] == {
        "before": {"description": broken.description, "priority": 5},
        "after": {"description": "Count them all", "priority": 8},
    }
    (line,) = (await api.client.get(f"/tasks/{task_id}/logs")).json()["entries"]
    assert (line["kind"], line["data"]) == ("subtask.edited", event["data"]["data"])


async def test_an_edit_follows_the_rules_of_plans(api: Api, world: World) -> None:
    task_id, broken = await failed(api)
    wrong = {
        "description": "a\x00b",
        "profile": "wizard",
        "checks": [{"kind": "command", "command": " "}],
    }
    answer = await api.retry(task_id, broken.subtask_id, attempt=1, edit=wrong)
    body = problem(answer, 422, "edit-invalid")
    assert body["detail"] == "the edit is not valid: 3 faults"
    assert {fault["field"] for fault in body["errors"]} == {"edit"}
    said = " ".join(fault["message"] for fault in body["errors"])
    for words in ("names the profile 'wizard'", "control characters", "the command is empty"):
        assert words in said
    assert (await world.statuses(task_id))["a"] == "failed", "a refused edit is no retry"
    for wish, field in (
        ({"edit": {"title": "x"}}, "edit.title"),
        ({"edit": {"required_capabilities": []}}, "edit.required_capabilities"),
        ({"edit": {"priority": 11}}, "edit.priority"),
    ):
        answer = await api.retry(task_id, broken.subtask_id, attempt=1, **wish)
        body = problem(answer, 422, "invalid-request", str(wish))
        assert [item["field"] for item in body["errors"]] == [field]
    both = {"edit": {"priority": 1}, "description": "x"}
    answer = await api.retry(task_id, broken.subtask_id, attempt=1, **both)
    assert "either `edit` or `description`" in problem(answer, 422, "invalid-request")["detail"]


async def test_a_role_that_nobody_has_just_now_does_not_stand_in_the_way(
    api: Api, world: World
) -> None:
    task_id, broken = await failed(api)
    await world.pool.execute("UPDATE subtasks SET profile = 'wizard'")
    edit = {"description": "again"}
    assert (await api.retry(task_id, broken.subtask_id, attempt=1, edit=edit)).status_code == 202
    assert (await api.subtasks(task_id))["a"]["profile"] == "wizard"


async def test_without_a_new_description_the_old_one_stands(api: Api, world: World) -> None:
    task_id, broken = await failed(api)
    assert (await api.retry(task_id, broken.subtask_id, attempt=1)).status_code == 202
    (again,) = await world.claim_next(world.claimant())
    assert again.description == broken.description


async def test_a_double_click_is_one_retry(api: Api, world: World) -> None:
    task_id, broken = await failed(api)
    answers = await asyncio.gather(
        *(api.retry(task_id, broken.subtask_id, attempt=1) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 19
    refused = next(answer for answer in answers if answer.status_code == 409)
    problem(refused, 409, "not-retryable")
    assert await world.pool.fetchval("SELECT sum(retries) FROM subtasks") == 1
    assert len(await world.claim_next(world.claimant(), limit=5)) == 1


async def test_a_retry_names_the_attempt_that_was_seen(api: Api, world: World) -> None:
    task_id, broken = await failed(api)
    for attempt in (0, 2):
        body = problem(
            await api.retry(task_id, broken.subtask_id, attempt=attempt), 409, "not-retryable"
        )
        assert (body["attempt_now"], body["status_now"]) == (1, "failed")
        assert body["detail"] == f"attempt 1 has ended since you looked at attempt {attempt}"
    assert (await world.statuses(task_id))["a"] == "failed"
    assert await world.status(task_id) == "failed"


async def test_only_what_failed_can_be_retried(api: Api) -> None:
    task_id, _ = await failed(api)
    subtasks = await api.subtasks(task_id)
    for key, status in (("b", "blocked"), ("d", "completed")):
        answer = await api.retry(task_id, subtasks[key]["id"], attempt=subtasks[key]["attempt"])
        body = problem(answer, 409, "not-retryable", key)
        assert (
            body["detail"]
            == f"the subtask is {status}; only one that failed or was cancelled can be retried"
        )


async def test_a_subtask_of_another_task_is_not_found(api: Api) -> None:
    task_id, broken = await failed(api)
    other, _ = await failed(api)
    problem(await api.retry(other, broken.subtask_id, attempt=1), 404, "not-found")
    problem(await api.retry(task_id, uuid4(), attempt=1), 404, "not-found")
    pending = UUID((await api.submit())["id"])
    problem(await api.retry(pending, broken.subtask_id, attempt=1), 409, "not-retryable")


async def test_a_failed_branch_can_be_retried_while_others_run(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"), planned("c"))
    assignments = await world.claim_next(world.claimant(), limit=2)
    broken = next(item for item in assignments if item.key == "a")
    assert await world.fail(broken)
    await api.advancer.advance([task_id])
    assert await world.statuses(task_id) == {"a": "failed", "b": "blocked", "c": "running"}
    assert (await api.retry(task_id, broken.subtask_id, attempt=1)).status_code == 202
    assert await world.statuses(task_id) == {"a": "queued", "b": "pending", "c": "running"}
    assert await world.status(task_id) == "in_progress"


async def until(world: World, task_id: UUID, status: str) -> None:
    """Wait for a task's status, far less than the lease of a step that nobody runs."""
    async for _ in ticks(within=5):
        if await world.status(task_id) == status:
            break


@dataclass
class Late:
    """Gets to move a task on only when somebody else has, and an agent has done the rest."""

    world: World
    dispatcher: Dispatcher

    async def advance(self, tasks: Sequence[UUID]) -> None:
        """Let the others be quicker, then move the tasks on."""
        await self.world.release(*tasks)
        (again,) = await self.world.claim_next(self.world.claimant())
        assert await self.world.complete(again)
        await self.dispatcher.advance(tasks)


async def test_an_answer_that_is_due_when_a_retry_moves_on_is_written(
    world: World, pool: Pool, redis_url: str, tmp_path: Path
) -> None:
    task_id = await world.ready(planned("a"))
    (broken,) = await world.claim_next(world.claimant())
    assert await world.fail(broken)
    async with dispatching(pool, redis_url, tmp_path) as dispatcher, Doorbell(redis_url) as bell:
        await dispatcher.advance([task_id])
        await until(world, task_id, "failed")
        steering = Steering(pool, Late(world, dispatcher), bell, RULES)
        await steering.retry(task_id, broken.subtask_id, attempt=1)
        await until(world, task_id, "completed")


async def test_a_verb_counts_although_nothing_can_be_moved_on_after_it(
    api: Api, world: World, pool: Pool, database_url: str, tmp_path: Path
) -> None:
    task_id, broken = await failed(api)
    gone = await open_pool(database_url, minimum=1, maximum=1)
    await gone.close()
    bell = api.services.doorbell
    cut_off = Advancer(gone, bell, files=tmp_path, owner=uuid4(), lease_seconds=LEASE)
    with pytest.raises(DependencyUnavailable):
        await cut_off.advance([task_id])
    await Steering(pool, cut_off, bell, RULES).retry(task_id, broken.subtask_id, attempt=1)
    assert (await world.statuses(task_id))["a"] == "pending"
    assert await world.tasks.to_advance() == [task_id], "the sweep takes it from here"
    blind = replace(api.services, views=Views(gone))
    with pytest.raises(DependencyUnavailable, match="it was done, but the task cannot be shown"):
        await task_after(blind, task_id)


async def test_what_another_failure_stands_before_stays_blocked(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b"), planned("c", "a", "b"))
    first, second = await world.claim_next(world.claimant(), limit=2)
    assert await world.fail(first)
    assert await world.fail(second)
    await api.advancer.advance([task_id])
    await world.pool.execute(
        "UPDATE tasks SET status = 'failed', finished_at = now(), step_owner = NULL,"
        " step_lease_until = NULL WHERE id = $1",
        task_id,
    )
    assert (await api.retry(task_id, first.subtask_id, attempt=1)).status_code == 202
    shown = await api.subtasks(task_id)
    assert (shown["c"]["status"], shown["c"]["waiting"]["on"]) == ("blocked", [second.key])
    assert (await api.retry(task_id, second.subtask_id, attempt=1)).status_code == 202
    assert (await world.statuses(task_id))["c"] == "pending"


async def test_a_wish_that_cannot_be_is_named(api: Api) -> None:
    task_id, broken = await failed(api)
    for wish, field in (
        ({}, "attempt"),
        ({"attempt": -1}, "attempt"),
        ({"attempt": 2**31}, "attempt"),
        ({"attempt": True}, "attempt"),
        ({"attempt": "1"}, "attempt"),
        ({"attempt": 1, "description": " "}, "description"),
        ({"attempt": 1, "description": "x" * 8_193}, "description"),
        ({"attempt": 1, "description": "a\x00b"}, "description"),
        ({"attempt": 1, "why": "?"}, "why"),
    ):
        body = problem(
            await api.retry(task_id, broken.subtask_id, **wish), 422, "invalid-request", str(wish)
        )
        assert [item["field"] for item in body["errors"]] == [field]
    address = f"/tasks/{task_id}/subtasks/{broken.subtask_id}/retry"
    json = {"content-type": "application/json"}
    answer = await api.client.post(address, content=b"{", headers=json)
    problem(answer, 400, "malformed-json")
    answer = await api.client.post(address, content=b" " * (1 << 18), headers=json)
    problem(answer, 413, "body-too-large")
    answer = await api.retry(task_id, broken.subtask_id, attempt=1, description="漢" * 8_192)
    assert answer.status_code == 202
