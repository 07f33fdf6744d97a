"""The clients: what goes over the wire, what comes back as records and as errors."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pytest

from shared.errors import (
    Busy,
    ConfigurationError,
    Conflict,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    QuintetError,
    RequestError,
    TooLarge,
)
from shared.models import Capability, LogPage, SubtaskEdit, TaskPage
from shared.states import TaskStatus
from tests import ui_records as records
from tests.api_world import DESCRIPTION, LIMITS, Api, listening
from tests.scripted_service import Reply, ScriptedService, scripted_service
from ui.client import (
    AsyncQuintetClient,
    QuintetClient,
    ServiceFailed,
    ServiceUnreachable,
    Upload,
)
from ui.refusals import AlreadyDone, faults, unsaid_faults

VIEW = Reply(202, records.task("pending").model_dump_json())
PROBLEM = "application/problem+json"


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with scripted_service() as running:
        yield running


@pytest.fixture
def client(service: ScriptedService) -> Iterator[QuintetClient]:
    with QuintetClient(service.url) as made:
        yield made


def problem(status: int, slug: str, **more: object) -> Reply:
    body = {"type": f"/problems/{slug}", "title": slug, "status": status, "detail": "Why.", **more}
    return Reply(status, json.dumps(body), PROBLEM)


def test_a_task_without_files_is_sent_as_json(
    service: ScriptedService, client: QuintetClient
) -> None:
    service.script(VIEW)
    view = client.submit("Which region sold most?", user_id="anna", priority=7, review="always")
    assert view.status is TaskStatus.PENDING
    (request,) = service.seen
    assert (request.method, request.path) == ("POST", "/tasks")
    assert json.loads(request.body) == {
        "description": "Which region sold most?",
        "user_id": "anna",
        "priority": 7,
        "review": "always",
    }


def test_files_are_sent_as_multipart_with_the_same_fields(
    service: ScriptedService, client: QuintetClient
) -> None:
    service.script(VIEW)
    client.submit("Which region?", title="Sales", files=[Upload("s.csv", b"a,b\n", "text/csv")])
    (request,) = service.seen
    assert request.headers["content-type"].startswith("multipart/form-data")
    for part in (b'name="description"', b'name="title"', b'name="files"; filename="s.csv"', b"a,b"):
        assert part in request.body


def test_a_lost_connection_is_tried_once_more_with_the_same_key(
    service: ScriptedService, client: QuintetClient
) -> None:
    service.script(Reply(hang_up=True), VIEW)
    client.submit("Which region sold most?")
    first, second = (request.headers["idempotency-key"] for request in service.seen)
    assert first == second


def test_a_given_idempotency_key_is_used(service: ScriptedService, client: QuintetClient) -> None:
    service.script(VIEW)
    client.submit("Which region sold most?", idempotency_key="mine")
    assert service.seen[0].headers["idempotency-key"] == "mine"


def test_two_lost_connections_are_enough(service: ScriptedService, client: QuintetClient) -> None:
    service.script(Reply(hang_up=True))
    with pytest.raises(ServiceUnreachable, match="was lost"):
        client.ready()
    assert len(service.seen) == 2


def test_what_is_not_repeatable_is_sent_once(
    service: ScriptedService, client: QuintetClient
) -> None:
    service.script(Reply(hang_up=True))
    with pytest.raises(ServiceUnreachable):
        client.cancel(uuid4())
    with pytest.raises(ServiceUnreachable):
        client.retry(uuid4(), uuid4(), attempt=1)
    assert len(service.seen) == 2


def test_an_edit_sends_what_was_given_and_nothing_else(
    service: ScriptedService, client: QuintetClient
) -> None:
    service.script(VIEW)
    client.retry(uuid4(), uuid4(), attempt=1, edit=SubtaskEdit(profile=None, checks=()))
    client.rerun(uuid4(), uuid4(), seen="x", edit=SubtaskEdit(priority=9))
    client.prioritise(uuid4(), 7, seen=5)
    bodies = [json.loads(request.body) for request in service.seen]
    assert bodies[0] == {"attempt": 1, "edit": {"profile": None, "checks": []}}
    assert bodies[1]["edit"] == {"priority": 9}
    assert bodies[2] == {"priority": 7, "seen": 5}


def test_faults_are_told_with_the_field_they_are_about() -> None:
    told = [
        {"field": "plan", "message": "the dependencies form a cycle"},
        {"field": "edit", "message": "subtask 'a' has a wrong check"},
        {"field": "attempt", "message": "Input should be a valid integer"},
        "in words",
    ]
    detail = "attempt: Input should be a valid integer"
    error = InvalidRequest(detail, errors=told)
    assert faults(error) == [
        "the dependencies form a cycle",
        "subtask 'a' has a wrong check",
        detail,
        "in words",
    ]
    assert unsaid_faults(error) == [fault for fault in faults(error) if fault != detail]
    assert faults(InvalidRequest("no list")) == []


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (problem(400, "malformed"), InvalidRequest),
        (problem(422, "invalid-request"), InvalidRequest),
        (problem(404, "not-found"), NotFound),
        (problem(409, "already-retried"), Conflict),
        (problem(409, "already-cancelling"), AlreadyDone),
        (problem(413, "too-large"), TooLarge),
        (problem(503, "busy"), Busy),
        (problem(503, "dependency-unavailable"), DependencyUnavailable),
        (problem(429, "slow-down"), RequestError),
        (problem(500, "internal"), ServiceFailed),
        (Reply(502, "<html>bad gateway</html>", "text/html"), ServiceFailed),
    ],
)
def test_refusals_become_errors_of_the_tree(
    service: ScriptedService, client: QuintetClient, reply: Reply, expected: type[QuintetError]
) -> None:
    service.script(reply)
    with pytest.raises(expected) as caught:
        client.task(uuid4())
    assert type(caught.value) is expected


def test_an_error_carries_what_the_service_said(
    service: ScriptedService, client: QuintetClient
) -> None:
    service.script(problem(409, "stale-attempt", remedy="Look again.", current_attempt=3))
    with pytest.raises(Conflict) as caught:
        client.retry(uuid4(), uuid4(), attempt=2)
    error = caught.value
    assert (error.detail, error.remedy, error.problem_slug, error.extra) == (
        "Why.",
        "Look again.",
        "stale-attempt",
        {"current_attempt": 3},
    )


@pytest.mark.parametrize("body", ["not json", "[]", '{"status": 1}'])
def test_an_answer_that_is_not_the_api_says_so(
    service: ScriptedService, client: QuintetClient, body: str
) -> None:
    service.script(Reply(200, body))
    with pytest.raises(ServiceFailed, match="not one that this client understands"):
        client.task(uuid4())
    with pytest.raises(ServiceFailed):
        client.agents()


def refused_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_nobody_there_names_the_address_and_what_to_do() -> None:
    url = refused_address()
    with QuintetClient(url) as client, pytest.raises(ServiceUnreachable) as caught:
        client.ready()
    assert url in caught.value.detail
    assert "QUINTET_API_URL" in caught.value.remedy


async def test_a_silent_service_ends_within_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with QuintetClient(url, patience=0.05) as client, pytest.raises(ServiceUnreachable):
            client.ready()
        async with AsyncQuintetClient(url, patience=0.05) as patient:
            with pytest.raises(ServiceUnreachable, match="in time"):
                await patient.ready()


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ConfigurationError, match="localhost:8000"):
        QuintetClient("localhost:8000")


def test_the_address_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUINTET_API_URL", "http://quintet.example:1234/")
    with QuintetClient() as client:
        assert client.url == "http://quintet.example:1234"


CALLS: list[tuple[Callable[[Any], Any], str, Reply]] = [
    (
        lambda c: c.tasks(status=TaskStatus.FAILED, text="a b", limit=5),
        "/tasks?status=failed&text=a+b&limit=5",
        Reply(200, TaskPage(tasks=(), next_cursor=None).model_dump_json()),
    ),
    (
        lambda c: c.tasks(status=[TaskStatus.FAILED, TaskStatus.AWAITING_APPROVAL]),
        "/tasks?status=failed&status=awaiting_approval",
        Reply(200, TaskPage(tasks=(), next_cursor=None).model_dump_json()),
    ),
    (
        lambda c: c.logs(records.subtask_id("t"), after=7, subtask_id=records.subtask_id("s")),
        f"/tasks/{records.subtask_id('t')}/logs?after=7&subtask_id={records.subtask_id('s')}",
        Reply(200, LogPage(entries=(), next_after=7).model_dump_json()),
    ),
    (
        lambda c: c.artifact(records.subtask_id("t"), "load/1/a b#c.csv"),
        f"/tasks/{records.subtask_id('t')}/artifacts/load/1/a%20b%23c.csv",
        Reply(200, b"bytes", "text/csv"),
    ),
    (
        lambda c: c.artifacts(records.subtask_id("t")),
        f"/tasks/{records.subtask_id('t')}/artifacts",
        Reply(200, '{"artifacts": []}'),
    ),
    (lambda c: c.agents(), "/agents", Reply(200, '{"agents": []}')),
    (
        lambda c: c.agents(available_for=Capability.WEB_SCRAPING),
        "/agents/available?capability=web_scraping",
        Reply(200, '{"agents": []}'),
    ),
    (lambda c: c.ready(), "/ready", Reply(200, '{"status": "ready", "simulated": true}')),
]


@pytest.mark.parametrize(("call", "path", "reply"), CALLS)
async def test_both_clients_ask_and_read_alike(
    service: ScriptedService, call: Callable[[Any], Any], path: str, reply: Reply
) -> None:
    service.script(reply)
    with QuintetClient(service.url) as client:
        waited = call(client)
    async with AsyncQuintetClient(service.url) as other:
        assert await call(other) == waited
    assert [request.path for request in service.seen] == [path, path]


async def test_the_async_client_also_tries_once_more(service: ScriptedService) -> None:
    service.script(Reply(hang_up=True), VIEW, Reply(hang_up=True))
    async with AsyncQuintetClient(service.url) as client:
        await client.submit("Which region sold most?")
        with pytest.raises(ServiceUnreachable):
            await client.cancel(uuid4())
    assert len(service.seen) == 3


@pytest.mark.parametrize("url", ["http://anna:hidden@127.0.0.1:1", "ftp://anna:hidden@host"])
def test_a_login_in_the_address_is_never_told(url: str) -> None:
    with pytest.raises(QuintetError) as refused, QuintetClient(url) as client:
        client.tasks()
    assert "hidden" not in f"{refused.value} {refused.value.detail} {refused.value.remedy}"


@pytest.mark.parametrize("size", [LIMITS.upload_bytes + 1, 40 << 20])
async def test_files_that_are_too_large_are_refused_in_words(api: Api, size: int) -> None:
    """Whoever sends them is told, though the service reads no more of them than it must."""
    async with (
        listening(api.app) as port,
        AsyncQuintetClient(f"http://127.0.0.1:{port}") as client,
    ):
        with pytest.raises(TooLarge) as raised:
            await client.submit(DESCRIPTION, files=[Upload("big.bin", bytes(size))])
    assert raised.value.detail == "the files hold more than 0.0625 MB"
    assert raised.value.remedy == "send at most 0.0625 MB in all"
