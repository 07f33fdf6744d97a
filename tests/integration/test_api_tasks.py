"""Looking: lists and pages, a task whole, logs, and asking for what is not there."""

import json
from base64 import urlsafe_b64encode
from uuid import uuid4

import structlog

from shared.database.connection import Pool
from tests.api_world import DESCRIPTION, PROBLEM, Api, problem
from tests.ledger_world import planned


async def listed(api: Api, **query: str | int | list[str]) -> list[str]:
    """The ids of a list's first page."""
    answer = await api.client.get("/tasks", params=query)
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json()["tasks"]]


async def test_filters_narrow_and_combine(api: Api) -> None:
    ann = (await api.submit(user_id="ann", title="Sales of May"))["id"]
    bob = (await api.submit(user_id="bob", title="Costs", description="Look at MAY once more"))[
        "id"
    ]
    odd = (await api.submit(user_id="bob", title="100 % _ \\ 'quoted'"))["id"]
    assert (await api.client.post(f"/tasks/{bob}/cancel")).status_code == 202
    assert await listed(api) == [odd, bob, ann]
    assert await listed(api, user_id="bob") == [odd, bob]
    assert await listed(api, text="may") == [bob, ann]
    assert await listed(api, status="cancelled") == [bob]
    assert await listed(api, status=["cancelled", "pending"], user_id="bob") == [odd, bob]
    assert await listed(api, status=["failed", "awaiting_approval"]) == []
    assert await listed(api, status="pending", user_id="bob", text="costs") == []
    assert await listed(api, text="% _ \\ 'q") == [odd]
    assert await listed(api, text="%may%") == []
    assert await listed(api, user_id="nobody") == []
    assert await listed(api, text="") == [odd, bob, ann]


async def test_pages_hold_every_task_once_while_new_ones_come(api: Api) -> None:
    before = [(await api.submit())["id"] for _ in range(11)]
    # Rows of one instant are told apart by their id.
    await api.world.pool.execute("UPDATE tasks SET created_at = '2026-05-04T03:02:01Z'")
    before.sort(reverse=True)
    seen: list[str] = []
    after = ""
    for size in (4, 4, 3):
        query = {"limit": "4"} | ({"cursor": after} if after else {})
        page = (await api.client.get("/tasks", params=query)).json()
        assert len(page["tasks"]) == size
        seen += [task["id"] for task in page["tasks"]]
        after = page["next_cursor"]
        await api.submit()
    assert after is None
    assert seen == before
    assert len(await listed(api)) == 14


async def test_the_last_full_page_says_that_it_is_the_last(api: Api) -> None:
    for _ in range(2):
        await api.submit()
    assert (await api.client.get("/tasks", params={"limit": 2})).json()["next_cursor"] is None
    assert (await api.client.get("/tasks", params={"limit": 1})).json()["next_cursor"]


def cursor(*parts: object) -> str:
    """A cursor of these parts."""
    return urlsafe_b64encode(json.dumps(parts).encode()).decode()


CURSORS = {
    "noise": "!!!",
    "no JSON": urlsafe_b64encode(b"abc").decode(),
    "no UTF-8": urlsafe_b64encode(b"\xff\xff").decode(),
    "object": urlsafe_b64encode(b'{"a":1,"b":2}').decode(),
    "one part": cursor("2026-05-04T03:02:01Z"),
    "numbers": cursor(1, 2),
    "no zone": cursor("2026-05-04T03:02:01", str(uuid4())),
    "before time": cursor("0001-01-01T00:00:00+23:59", str(uuid4())),
    "after time": cursor("9999-12-31T23:59:59-23:59", str(uuid4())),
    "no uuid": cursor("2026-05-04T03:02:01Z", "x"),
}


async def test_a_cursor_that_is_not_ours_is_refused(api: Api) -> None:
    for name, strange in CURSORS.items():
        answer = await api.client.get("/tasks", params={"cursor": strange})
        assert problem(answer, 422, "bad-cursor", name)["remedy"]


async def test_a_question_that_cannot_be_is_named(api: Api) -> None:
    for query, field in (
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=ten", "limit"),
        ("status=done", "status.0"),
        ("status=failed&status=done", "status.1"),
        ("user_id=a%00b", "user_id"),
        ("text=a%00b", "text"),
        (f"text={'x' * 201}", "text"),
        (f"user_id={'x' * 129}", "user_id"),
        (f"cursor={'x' * 201}", "cursor"),
    ):
        answer = await api.client.get(f"/tasks?{query}")
        body = problem(answer, 422, "invalid-request", query)
        assert [item["field"] for item in body["errors"]] == [field]


async def test_what_is_not_there_is_a_problem_everywhere(api: Api) -> None:
    gone, odd = uuid4(), "not-a-uuid"
    for method, path in (
        ("GET", "/tasks/{}"),
        ("GET", "/tasks/{}/logs"),
        ("GET", "/tasks/{}/attempts"),
        ("GET", "/tasks/{}/artifacts"),
        ("GET", "/tasks/{}/artifacts/a/b.txt"),
        ("POST", "/tasks/{}/cancel"),
        ("POST", f"/tasks/{{}}/subtasks/{uuid4()}/retry"),
    ):
        wish = {"attempt": 1} if path.endswith("retry") else None
        answer = await api.client.request(method, path.format(gone), json=wish)
        assert str(gone) in problem(answer, 404, "not-found", path)["detail"]
        answer = await api.client.request(method, path.format(odd), json=wish)
        found = problem(answer, 422, "invalid-request", path)["errors"]
        assert [item["field"] for item in found] == ["task_id"]


async def test_an_address_or_method_that_is_not_there_says_what_is(api: Api) -> None:
    problem(await api.client.get("/nowhere"), 404, "not-found")
    for method, path, allowed in (
        ("PUT", "/tasks", "GET, POST"),
        ("DELETE", f"/tasks/{uuid4()}", "GET, PATCH"),
        ("GET", f"/tasks/{uuid4()}/cancel", "POST"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ):
        answer = await api.client.request(method, path)
        body = problem(answer, 405, "method-not-allowed", path)
        assert answer.headers["allow"] == allowed
        assert body["remedy"] == f"use {allowed}"


async def test_a_failure_of_ours_is_logged_not_told(api: Api, pool: Pool) -> None:
    await pool.execute("ALTER TABLE agent_logs RENAME TO gone")
    task_id = (await api.submit())["id"]
    api.client._transport.raise_app_exceptions = False  # type: ignore[attr-defined]
    with structlog.testing.capture_logs() as logged:
        answer = await api.client.get(f"/tasks/{task_id}/logs")
    assert problem(answer, 500, "internal")["remedy"]
    assert "agent_logs" not in answer.text
    assert [(line["event"], line["log_level"]) for line in logged] == [
        ("unexpected error", "error")
    ]
    assert "agent_logs" in str(logged[0]["exc_info"])


async def test_a_task_is_shown_whole(api: Api) -> None:
    world = api.world
    task_id = await world.ready(planned("a", priority=7), planned("b", "a"))
    (assignment,) = await world.claim_next(world.claimant())
    shown = await api.task(task_id)
    assert shown["progress"] | {} == {
        "total": 2, "pending": 1, "queued": 0, "running": 1, "blocked": 0,
        "completed": 0, "failed": 0, "cancelled": 0, "fraction": 0.0,
    }  # fmt: skip
    first, second = shown["subtasks"]
    assert (first["key"], first["status"], first["attempt"]) == ("a", "running", 1)
    assert (first["agent_id"], first["priority"]) == ("agent-1", 7)
    assert second["dependencies"] == ["a"]
    await api.leave(assignment, {"out.txt": b"done"})
    answer = (await api.client.get(f"/tasks/{task_id}")).json()
    assert answer["task"]["progress"]["fraction"] == 0.5
    (result,) = answer["subtask_results"]
    assert (result["key"], result["summary"]) == ("a", "a done")
    assert answer["task"]["subtasks"][0]["evidence"] == "self-reported"
    attempts = (await api.client.get(f"/tasks/{task_id}/attempts")).json()["attempts"]
    assert [(a["attempt"], a["outcome"]) for a in attempts] == [(1, "completed")]


async def test_logs_are_read_on_from_where_one_stopped(api: Api) -> None:
    world = api.world
    task_id = await world.ready(planned("a"), planned("b"))
    first, second = await world.claim_next(world.claimant(), limit=2)
    lines = [
        {
            "task_id": str(task_id),
            "subtask_id": str(item.subtask_id),
            "attempt": 1,
            "agent_id": "agent-1",
            "level": "info",
            "kind": "said",
            "message": f"line {number}",
            "data": {"number": number},
        }
        for number, item in enumerate((first, second, first, second, first))
    ]
    await world.subtasks.fetch("append_logs", lines)
    address = f"/tasks/{task_id}/logs"
    seen: list[int] = []
    after, pages = 0, 0
    while True:
        page = (await api.client.get(address, params={"limit": 2, "after": after})).json()
        if not page["entries"]:
            break
        seen += [entry["data"]["number"] for entry in page["entries"]]
        after, pages = page["next_after"], pages + 1
    assert (seen, pages) == ([0, 1, 2, 3, 4], 3)
    assert page["next_after"] == after
    of_one = (await api.client.get(address, params={"subtask_id": str(first.subtask_id)})).json()
    assert [entry["subtask_key"] for entry in of_one["entries"]] == [first.key] * 3
    newest = (await api.client.get(address, params={"last": 2})).json()
    assert [entry["data"]["number"] for entry in newest["entries"]] == [3, 4]
    assert newest["next_after"] == after
    its = {"last": 1, "subtask_id": str(second.subtask_id)}
    (line,) = (await api.client.get(address, params=its)).json()["entries"]
    assert line["data"]["number"] == 3
    nobody = {"last": 9, "subtask_id": str(uuid4())}
    assert (await api.client.get(address, params=nobody)).json() == {"entries": [], "next_after": 0}
    left = (
        await api.client.get(address, params={"last": 9, "after": newest["entries"][0]["id"]})
    ).json()
    assert [entry["data"]["number"] for entry in left["entries"]] == [4]
    wrong = ("after=-1", "limit=0", "limit=1001", "subtask_id=x", "last=0")
    for query in (*wrong, f"after={2**63}"):
        problem(await api.client.get(f"{address}?{query}"), 422, "invalid-request", query)


async def test_another_tasks_logs_are_not_shown(api: Api) -> None:
    one, other = (await api.submit())["id"], (await api.submit())["id"]
    line = {"task_id": one, "level": "info", "kind": "k", "message": "m", "data": {}}
    await api.world.subtasks.fetch("append_logs", [line])
    assert len((await api.client.get(f"/tasks/{one}/logs")).json()["entries"]) == 1
    assert (await api.client.get(f"/tasks/{other}/logs")).json()["entries"] == []


async def test_the_description_of_the_api_is_served(api: Api) -> None:
    described = (await api.client.get("/openapi.json")).json()
    content = described["paths"]["/tasks/{task_id}"]["get"]["responses"]["404"]["content"]
    assert list(content) == [PROBLEM]
    assert (await api.submit(description=DESCRIPTION))["simulated"] is True
