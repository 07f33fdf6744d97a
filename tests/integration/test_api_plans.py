"""A plan in hand: it waits, is edited, sent back, compared, and approved by its hash."""

import asyncio
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx

from shared.database.connection import Pool
from shared.models import Plan
from tests.api_world import Api, open_api, problem
from tests.ledger_world import World, plan_of, planned
from tests.planned_by_hand import PlannedByHand

FIRST = plan_of(planned("a"), planned("b", "a"))
SECOND = plan_of(planned("a", title="A, better"), planned("c", "a"))


async def proposed(api: Api, *plans: Plan | None) -> tuple[UUID, PlannedByHand]:
    """A task whose first plan waits for approval."""
    planner = PlannedByHand(api.world, list(plans or (FIRST,)))
    task_id = UUID((await api.submit(require_approval=True))["id"])
    await planner.plan(task_id)
    return task_id, planner


async def verb(api: Api, task_id: UUID, name: str, **body: Any) -> httpx.Response:
    return await api.client.post(f"/tasks/{task_id}/{name}", json=body)


async def current(api: Api, task_id: UUID) -> dict[str, Any]:
    answer = await api.client.get(f"/tasks/{task_id}/plan")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def edit(api: Api, task_id: UUID, seen: str, plan: Plan) -> httpx.Response:
    body = {"hash": seen, "plan": plan.model_dump(mode="json")}
    return await api.client.put(f"/tasks/{task_id}/plan", json=body)


async def test_nothing_runs_before_the_plan_is_approved(api: Api, world: World) -> None:
    task_id, _ = await proposed(api)
    shown = await api.task(task_id)
    assert (shown["status"], shown["plan_version"]) == ("awaiting_approval", 1)
    assert shown["waiting"]["reason"] == "version 1 of the plan waits for approval"
    assert shown["subtasks"] == []
    plan = await current(api, task_id)
    assert (plan["hash"], plan["author"], plan["current"]) == (shown["plan_hash"], "planner", True)
    assert Plan.model_validate(plan["plan"]) == FIRST
    await api.advancer.advance([task_id])
    assert await world.claim_next(world.claimant()) == []
    answer = await verb(api, task_id, "approve", hash=plan["hash"])
    assert (answer.status_code, answer.json()["status"]) == (202, "in_progress")
    assert await world.statuses(task_id) == {"a": "queued", "b": "pending"}
    again = problem(
        await verb(api, task_id, "approve", hash=plan["hash"]), 409, "not-awaiting-approval"
    )
    assert again["status_now"] == "in_progress"


async def test_a_task_that_does_not_ask_starts_at_once(api: Api, world: World) -> None:
    task_id = UUID((await api.submit())["id"])
    await PlannedByHand(world, [FIRST]).plan(task_id)
    assert (await api.task(task_id))["status"] == "in_progress"
    assert (await current(api, task_id))["version"] == 1


async def test_the_setting_decides_when_the_request_does_not_say(
    pool: Pool, redis_url: str, tmp_path: Path
) -> None:
    async with open_api(pool, redis_url, tmp_path, require_approval=True) as api:
        assert (await api.submit())["require_approval"] is True
        assert (await api.submit(require_approval=False))["require_approval"] is False


async def test_an_edit_is_a_version_that_the_old_hash_does_not_approve(
    api: Api, world: World
) -> None:
    task_id, _ = await proposed(api)
    seen = (await current(api, task_id))["hash"]
    answer = await edit(api, task_id, seen, SECOND)
    assert answer.status_code == 200, answer.text
    mine = answer.json()
    assert (mine["version"], mine["author"], mine["current"]) == (2, "person", True)
    for late in (
        await verb(api, task_id, "approve", hash=seen),
        await verb(api, task_id, "reject", hash=seen, feedback="not this"),
        await edit(api, task_id, seen, FIRST),
    ):
        body = problem(late, 409, "plan-changed")
        assert (body["version_now"], body["hash_now"]) == (2, mine["hash"])
    assert (await verb(api, task_id, "approve", hash=mine["hash"])).status_code == 202
    assert set(await world.statuses(task_id)) == {"a", "c"}


async def test_an_edit_follows_the_rules_of_plans(api: Api) -> None:
    task_id, _ = await proposed(api)
    seen = (await current(api, task_id))["hash"]
    cyclic = plan_of(planned("a", "b"), planned("b", "a"))
    body = problem(await edit(api, task_id, seen, cyclic), 422, "plan-invalid")
    assert body["detail"] == "the plan is not valid: 1 fault"
    assert body["errors"] == [
        {"field": "plan", "message": "the dependencies form a cycle: a -> b -> a"}
    ]
    role = plan_of(planned("a", profile="wizard"))
    problem(await edit(api, task_id, seen, role), 422, "plan-invalid")
    known = plan_of(planned("a", profile="backend"))
    assert (await edit(api, task_id, seen, known)).status_code == 200


async def test_a_plan_sent_back_is_made_anew_with_what_was_said(api: Api, world: World) -> None:
    task_id, planner = await proposed(api, FIRST, SECOND)
    seen = (await current(api, task_id))["hash"]
    answer = await verb(api, task_id, "reject", hash=seen, feedback="c instead of b")
    assert (answer.status_code, answer.json()["status"]) == (202, "pending")
    await planner.plan(task_id)
    rows = await world.pool.fetch("SELECT data FROM events WHERE type = 'task.plan' ORDER BY id")
    assert [row["data"].get("feedback") for row in rows] == [None, "c instead of b"]
    sent_back = planner.requests[-1].sent_back
    assert sent_back is not None
    assert (sent_back.plan, sent_back.feedback) == (FIRST, "c instead of b")
    history = (await api.client.get(f"/tasks/{task_id}/plan/versions")).json()["versions"]
    assert [(item["version"], item["feedback"], item["current"]) for item in history] == [
        (1, None, False),
        (2, "c instead of b", True),
    ]
    path = f"/tasks/{task_id}/plan/comparison"
    compared = (await api.client.get(path, params={"before": 1, "after": 2})).json()
    kinds = {item["id"]: item["kind"] for item in compared["subtasks"]}
    assert kinds == {"a": "changed", "c": "added", "b": "removed"}
    missing = await api.client.get(path, params={"before": 1, "after": 3})
    problem(missing, 404, "no-such-version")


async def test_when_no_better_plan_comes_the_one_before_still_stands(
    api: Api, world: World
) -> None:
    task_id, planner = await proposed(api, FIRST, None)
    seen = (await current(api, task_id))["hash"]
    await verb(api, task_id, "reject", hash=seen, feedback="something else")
    await planner.plan(task_id)
    shown = await api.task(task_id)
    assert (shown["status"], shown["plan_version"]) == ("awaiting_approval", 1)
    assert shown["error"].endswith("version 1 still stands")
    answer = (await verb(api, task_id, "approve", hash=seen)).json()
    assert (answer["status"], answer["error"]) == ("in_progress", None)


async def test_of_many_words_on_a_plan_one_counts(api: Api, world: World) -> None:
    task_id, _ = await proposed(api)
    seen = (await current(api, task_id))["hash"]
    answers = await asyncio.gather(
        *(verb(api, task_id, "approve", hash=seen) for _ in range(5)),
        *(verb(api, task_id, "reject", hash=seen, feedback="no, not so") for _ in range(5)),
        *(edit(api, task_id, seen, SECOND) for _ in range(5)),
    )
    assert sum(answer.is_success for answer in answers) == 1
    assert {answer.status_code for answer in answers} <= {200, 202, 409}


async def test_a_waiting_plan_can_be_cancelled(api: Api) -> None:
    task_id, _ = await proposed(api)
    assert (await verb(api, task_id, "cancel")).json()["status"] == "cancelled"
    seen = (await current(api, task_id))["hash"]
    problem(await verb(api, task_id, "approve", hash=seen), 409, "not-awaiting-approval")


async def test_there_is_no_plan_before_there_is_one(api: Api) -> None:
    task_id = (await api.submit())["id"]
    problem(await api.client.get(f"/tasks/{task_id}/plan"), 404, "no-plan")


async def test_every_version_is_told(api: Api, world: World) -> None:
    task_id, _ = await proposed(api)
    seen = (await current(api, task_id))["hash"]
    await edit(api, task_id, seen, SECOND)
    rows = await world.pool.fetch(
        "SELECT data FROM events WHERE task_id = $1 AND type = 'task.plan' ORDER BY id", task_id
    )
    told = [(row["data"]["version"], row["data"]["author"]) for row in rows]
    assert told == [(1, "planner"), (2, "person")]
