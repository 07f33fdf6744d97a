"""Rerun: what was previewed runs again, the rest is reused, and a changed state is refused."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx

from shared.database.metrics import LedgerFigures
from shared.database.tasks import Failure
from shared.states import FailureKind
from tests.api_world import Api, problem
from tests.ledger_world import World, planned


async def work(api: Api, task_id: UUID, *, failing: str = "") -> None:
    """Work the task to its answer; the subtask named `failing` fails."""
    world = api.world
    while claimed := await world.claim_next(world.claimant(), limit=9):
        for item in claimed:
            assert await (world.fail(item) if item.key == failing else world.complete(item))
        steps = await api.advancer.advance([task_id])
    (step,) = steps
    owner = api.advancer._owner
    if failing:
        failure = Failure(FailureKind.BUSINESS, "a part failed", answer="half", partial=True)
        assert await world.tasks.fail(step, failure, owner=owner)
    else:
        assert await world.tasks.complete(step, owner=owner, answer="the answer", result={})


async def diamond(api: Api, **how: str) -> UUID:
    """a, then b and c, then d; e on its own."""
    world = api.world
    parts = (planned("a"), planned("b", "a"), planned("c", "a"), planned("d", "b", "c"))
    task_id = await world.ready(*parts, planned("e"))
    await work(api, task_id, **how)
    return task_id


async def ask(api: Api, task_id: UUID, key: str, **wish: Any) -> httpx.Response:
    subtask_id = (await api.subtasks(task_id))[key]["id"]
    return await api.client.post(f"/tasks/{task_id}/rerun", json={"from": subtask_id} | wish)


def keys(parts: list[dict[str, Any]]) -> list[str]:
    return sorted(part["key"] for part in parts)


async def test_a_completed_task_runs_again_from_a_subtask_on(api: Api, world: World) -> None:
    task_id = await diamond(api)
    preview = (await ask(api, task_id, "b", preview=True)).json()
    assert (keys(preview["runs"]), keys(preview["reuses"])) == (["b", "d"], ["a", "c", "e"])
    assert (await api.task(task_id))["status"] == "completed", "a preview does nothing"
    answer = await ask(api, task_id, "b", seen=preview["seen"], description="do b better")
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["status"], shown["answer_outdated"]) == ("in_progress", True)
    assert await world.statuses(task_id) == {
        "a": "completed", "b": "queued", "c": "completed", "d": "pending", "e": "completed",
    }  # fmt: skip
    (again,) = await world.claim_next(world.claimant(), limit=9)
    assert (again.key, again.attempt, again.description) == ("b", 2, "do b better")
    assert await world.complete(again, summary="b, done better")
    await api.advancer.advance([task_id])
    await work(api, task_id)
    shown = await api.task(task_id)
    assert (shown["status"], shown["answer_outdated"]) == ("completed", False)
    results = await world.pool.fetch(
        "SELECT s.key, r.attempt, r.current FROM subtask_results r JOIN subtasks s"
        " ON s.id = r.subtask_id WHERE s.key IN ('a', 'b') ORDER BY s.key, r.attempt"
    )
    assert [tuple(row) for row in results] == [("a", 1, True), ("b", 1, False), ("b", 2, True)]
    assert not any((await LedgerFigures(world.pool).violations(None)).values())


async def test_a_failed_task_runs_again_from_its_failure_on(api: Api, world: World) -> None:
    task_id = await diamond(api, failing="c")
    problem(await ask(api, task_id, "d", preview=True), 409, "not-rerunnable")
    preview = (await ask(api, task_id, "c", preview=True)).json()
    assert (keys(preview["runs"]), keys(preview["reuses"])) == (["c", "d"], ["a", "b", "e"])
    assert (await ask(api, task_id, "c", seen=preview["seen"])).status_code == 202
    await work(api, task_id)
    assert (await api.task(task_id))["status"] == "completed"
    assert not any((await LedgerFigures(world.pool).violations(None)).values())


async def test_what_another_failure_holds_is_not_promised(api: Api, world: World) -> None:
    task_id = await diamond(api, failing="c")
    preview = (await ask(api, task_id, "b", preview=True)).json()
    assert (keys(preview["runs"]), keys(preview["reuses"])) == (["b"], ["a", "e"])
    (held,) = preview["stays_blocked"]
    assert (held["key"], held["status"], held["held_by"]) == ("d", "blocked", ["c"])
    before = (await api.subtasks(task_id))["d"]
    assert (await ask(api, task_id, "b", seen=preview["seen"])).status_code == 202
    assert (await api.subtasks(task_id))["d"] == before, "it was not touched"
    statuses = await world.statuses(task_id)
    assert (statuses["b"], statuses["c"], statuses["d"]) == ("queued", "failed", "blocked")
    assert not any((await LedgerFigures(world.pool).violations(None)).values())


async def test_what_an_own_failure_holds_is_part_of_the_rerun(api: Api) -> None:
    task_id = await diamond(api, failing="c")
    preview = (await ask(api, task_id, "a", preview=True)).json()
    assert (keys(preview["runs"]), preview["stays_blocked"]) == (["a", "b", "c", "d"], [])


async def test_a_rerun_may_change_the_part_it_begins_with(api: Api, world: World) -> None:
    task_id = await diamond(api)
    seen = (await ask(api, task_id, "b", preview=True)).json()["seen"]
    wrong = {"profile": "wizard"}
    problem(await ask(api, task_id, "b", seen=seen, edit=wrong), 422, "edit-invalid")
    assert (await api.task(task_id))["status"] == "completed", "a refused edit changes nothing"
    edit = {"expected_output": "sums by quarter", "checks": [], "profile": "backend"}
    assert (await ask(api, task_id, "b", seen=seen, edit=edit)).status_code == 202
    (again,) = await world.claim_next(world.claimant(), limit=9)
    assert (again.key, again.expected_output) == ("b", "sums by quarter")
    assert (again.profile, again.checks) == ("backend", ())
    rows = await world.pool.fetch("SELECT subtask_id FROM events WHERE type = 'subtask.edited'")
    assert [row["subtask_id"] for row in rows] == [again.subtask_id]


async def test_of_many_confirmations_one_wins(api: Api) -> None:
    task_id = await diamond(api)
    seen = (await ask(api, task_id, "a", preview=True)).json()["seen"]
    answers = await asyncio.gather(*(ask(api, task_id, "a", seen=seen) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [202] + [409] * 7


async def test_a_confirmation_loses_to_what_happened_since(api: Api, world: World) -> None:
    task_id = await diamond(api)
    seen = (await ask(api, task_id, "b", preview=True)).json()["seen"]
    other = (await ask(api, task_id, "d", preview=True)).json()["seen"]
    await ask(api, task_id, "d", seen=other)
    assert problem(await ask(api, task_id, "b", seen=seen), 409, "rerun-changed")["status_now"]
    (running,) = await world.claim_next(world.claimant())
    assert running.key == "d"
    body = problem(await ask(api, task_id, "b", preview=True), 409, "not-rerunnable")
    assert body["detail"] == "what would run again is running now: d"


async def test_a_rerun_takes_queued_parts_back(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"))
    (first,) = await world.claim_next(world.claimant())
    await world.complete(first)
    await api.advancer.advance([task_id])
    assert await world.statuses(task_id) == {"a": "completed", "b": "queued"}
    seen = (await ask(api, task_id, "a", preview=True)).json()["seen"]
    assert (await ask(api, task_id, "a", seen=seen)).status_code == 202
    assert await world.statuses(task_id) == {"a": "queued", "b": "pending"}


async def test_what_cannot_be_rerun_says_why(api: Api, world: World) -> None:
    task_id = await world.ready(planned("a"), planned("b", "a"))
    body = problem(await ask(api, task_id, "a", preview=True), 409, "not-rerunnable")
    assert body["detail"] == "a is queued: it has not ended"
    path = f"/tasks/{task_id}/rerun"
    unknown = await api.client.post(path, json={"from": str(uuid4()), "preview": True})
    problem(unknown, 404, "not-found")
    unseen = await api.client.post(path, json={"from": str(uuid4())})
    assert "preview" in problem(unseen, 422, "invalid-request")["detail"]
