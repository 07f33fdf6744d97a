"""The one door to the Messages API, against two servers that share no code."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import httpx
import pytest
import structlog

from orchestrator.aggregator import FinalAnswer
from scripts.local_servers import free_port
from shared.claude import SIMULATED_HEADER, Claude, Prompt, Reply, error_for, usage_of
from shared.errors import (
    MalformedOutput,
    ModelCutOff,
    ModelError,
    ModelMisconfigured,
    ModelRateLimited,
    ModelRefused,
    ModelUnreachable,
)
from shared.models import ModelUsage, Plan
from shared.states import FailureKind
from tests.messages_server import (
    Answer,
    Failure,
    MessagesServer,
    Request,
    Stall,
    Text,
    messages_server,
    say,
    structured,
)
from tests.messages_server import Reply as Outcome

MODEL = "claude-opus-5-5"
KEY = "a-very-secret-key"
PROMPT = Prompt("the rules", "the team", (("user", "<request>Fetch the page.</request>"),))
FINE = {"answer": "42", "result": [{"name": "n", "value": 42}]}
USAGE = ModelUsage(
    model=MODEL,
    input_tokens=11,
    output_tokens=5,
    cache_read_tokens=3,
    cache_write_tokens=2,
    cost_usd=Decimal("0.000155"),
)
SSE = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
HTML = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html>"
START = (
    'event: message_start\ndata: {"type": "message_start", "message": {"id": "1", "model": "m", '
    '"role": "assistant", "content": [], "usage": {"input_tokens": 1, "output_tokens": 1}}}\n\n'
)
BLOCK = (
    'event: content_block_start\ndata: {"type": "content_block_start", "index": 0, '
    '"content_block": {"type": "text", "text": "{}"}}\n\n'
)
DELTA = (
    'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, '
    '"delta": {"type": "text_delta", "text": "x"}}\n\n'
)
OVERLOADED = (
    'event: error\ndata: {"type": "error", "error": {"type": "overloaded_error", '
    '"message": "Overloaded"}}\n\n'
)


def door(url: str, **changes: Any) -> Claude:
    """A door that does not wait long; `api_key`, `timeout_seconds` and so on may be changed."""
    settings: dict[str, Any] = {
        "api_key": KEY,
        "base_url": url,
        "timeout_seconds": 5,
        "max_retries": 0,
        "pauses": (0.01, 0.01),
    }
    return Claude(**(settings | changes))


class ScriptedModel:
    """One scripted server for all tests of this file, with a script for each."""

    def __init__(self) -> None:
        self.replies: list[Outcome] = []
        self.server: MessagesServer

    def next(self, _: Request) -> Outcome:
        """The next reply; a request too many is refused for good."""
        spent = Failure(400, "invalid_request_error", "the script has no more replies")
        return self.replies.pop(0) if self.replies else spent

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What was asked so far."""
        return [request.body for request in self.server.requests]

    async def ask(self, *replies: Outcome, **changes: Any) -> Reply[FinalAnswer]:
        """One question, with these replies to come."""
        self.replies = list(replies)
        self.server.requests.clear()
        async with door(self.server.url, **changes) as claude:
            return await claude.ask(PROMPT, FinalAnswer, model=MODEL)

    async def failure(self, *replies: Outcome, **changes: Any) -> tuple[ModelError, int]:
        """How a question ends, and how many requests it took."""
        with pytest.raises(ModelError) as caught:
            await self.ask(*replies, **changes)
        return caught.value, len(self.server.requests)


@pytest.fixture(scope="module")
def model() -> Iterator[ScriptedModel]:
    """The scripted server; each question brings its own script."""
    scripted = ScriptedModel()
    with messages_server(scripted.next) as scripted.server:
        yield scripted


@asynccontextmanager
async def raw_server(response: str) -> AsyncIterator[str]:
    """A server that answers every request with these bytes and hangs up."""

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


# --- the scripted server -------------------------------------------------------------------


async def test_an_answer_comes_with_its_usage_and_price(model: ScriptedModel) -> None:
    reply = await model.ask(structured(FINE))
    assert reply.value == FinalAnswer.model_validate(FINE)
    assert (reply.errors, reply.usage) == ((), USAGE)


async def test_the_stable_part_and_what_may_be_repaired_again_are_cached(
    model: ScriptedModel,
) -> None:
    await model.ask(structured(FINE))
    model.replies = [structured(FINE)] * 2
    async with door(model.server.url) as claude:
        asked = replace(PROMPT, cache_repairs=True)
        await claude.ask(asked.followed_by("no", "again"), FinalAnswer, model=MODEL)
        await claude.ask(Prompt("rules", "", PROMPT.turns), FinalAnswer, model=MODEL)
    _, first, second = model.bodies
    assert first["system"] == [
        {"type": "text", "text": "the rules", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "the team"},
    ]
    assert [message["role"] for message in first["messages"]] == ["user", "assistant", "user"]
    marked = {"type": "text", "text": "again", "cache_control": {"type": "ephemeral"}}
    assert [message["content"] for message in first["messages"]][1:] == ["no", [marked]]
    assert first["output_config"]["format"]["type"] == "json_schema"
    assert "cache_control" not in str(second["messages"])
    assert len(second["system"]) == 1  # an empty one is left out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("plainly no", "the answer: Invalid JSON"),
        ("", "the answer: Invalid JSON"),
        ('{"answer": "a"}', "result: Field required"),
        ('{"answer": "", "result": []}', "answer: String should have at least 1 character"),
        (f'{{"answer": "a", "result": [], "{"x" * 999}": 1}}', "xxx: Extra inputs"),
    ],
)
async def test_an_answer_of_another_shape_is_told_with_reasons(
    model: ScriptedModel, text: str, reason: str
) -> None:
    reply = await model.ask(say(text))
    assert reply.value is None
    assert (reply.text, reply.usage) == (text, USAGE)
    assert reason in reply.errors[0]
    assert len(reply.errors[0]) < 250


async def test_a_refusal_costs_and_is_not_asked_again(model: ScriptedModel) -> None:
    error, requests = await model.failure(Answer((), stop_reason="refusal"))
    assert isinstance(error, ModelRefused)
    assert (error.kind, usage_of(error), requests) == (FailureKind.BUSINESS, (USAGE,), 1)


async def test_an_answer_cut_off_costs_and_keeps_its_text(model: ScriptedModel) -> None:
    error, requests = await model.failure(Answer((Text('{"ans'),), stop_reason="max_tokens"))
    assert isinstance(error, ModelCutOff)
    assert error.extra["text"] == '{"ans'
    assert (usage_of(error), requests) == ((USAGE,), 1)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
async def test_a_cut_stream_is_asked_again_and_never_taken_for_an_answer(
    model: ScriptedModel, share: float
) -> None:
    cut = structured(FINE, cut_after=share)
    assert (await model.ask(cut, cut, structured(FINE))).value is not None
    error, requests = await model.failure(cut, cut, cut)
    assert isinstance(error, ModelUnreachable)
    assert (error.kind, requests) == (FailureKind.TRANSPORT, 3)


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (Failure(429, "rate_limit_error", headers={"retry-after": "30"}), ModelRateLimited),
        (Failure(429, "rate_limit_error"), ModelRateLimited),
        (Failure(529, "overloaded_error"), ModelRateLimited),
        (Failure(500), ModelUnreachable),
    ],
)
async def test_what_may_pass_is_tried_once_for_each_pause_more(
    model: ScriptedModel, failure: Failure, kind: type[ModelError]
) -> None:
    assert (await model.ask(failure, failure, structured(FINE))).value is not None
    error, requests = await model.failure(failure, failure, failure)
    assert type(error) is kind
    assert (error.kind, error.extra["status"], requests) == ("transport", failure.status, 3)


async def test_the_client_itself_waits_as_long_as_it_is_told(model: ScriptedModel) -> None:
    limited = Failure(429, "rate_limit_error", headers={"retry-after": "0.2"})
    clock = asyncio.get_running_loop().time
    started = clock()
    await model.ask(limited, structured(FINE), max_retries=1, pauses=())
    assert 0.2 <= clock() - started < 2


async def test_the_pauses_are_kept(model: ScriptedModel) -> None:
    clock = asyncio.get_running_loop().time
    started = clock()
    _, requests = await model.failure(*[Failure(500)] * 3, pauses=(0.05, 0.1))
    assert clock() - started >= 0.15
    assert requests == 3


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_what_no_retry_mends_is_not_tried_again(model: ScriptedModel, status: int) -> None:
    error, requests = await model.failure(Failure(status))
    assert isinstance(error, ModelMisconfigured)
    assert (error.kind, requests) == (FailureKind.CONFIG, 1)
    assert "check the key" in error.remedy


async def test_no_error_text_and_no_log_line_holds_the_key(
    model: ScriptedModel, caplog: pytest.LogCaptureFixture
) -> None:
    told = f"key {KEY} and sk-ant-{'x' * 90} at x-api-key: {KEY}"
    error, _ = await model.failure(Failure(401, message=told))
    assert "[redacted]" in error.detail
    with structlog.testing.capture_logs() as logs:
        limited, _ = await model.failure(*[Failure(429, message=told)] * 3)
    assert len(logs) == 2
    for text in (error.detail, error.remedy, limited.detail, str(logs), caplog.text):
        assert KEY not in text
        assert "sk-ant-" not in text


async def test_a_stall_ends_at_the_timeout(model: ScriptedModel) -> None:
    clock = asyncio.get_running_loop().time
    started = clock()
    error, requests = await model.failure(Stall(), timeout_seconds=0.2, pauses=())
    assert isinstance(error, ModelUnreachable)
    assert requests == 1
    assert clock() - started < 2


async def test_nobody_listens() -> None:
    async with door(f"http://127.0.0.1:{free_port()}") as claude:
        with pytest.raises(ModelUnreachable, match="no connection to the model") as caught:
            await claude.ask(PROMPT, FinalAnswer, model=MODEL)
        assert "ANTHROPIC_BASE_URL" in caught.value.remedy
        assert await claude.preflight(MODEL) is False


@pytest.mark.parametrize(
    "response",
    [
        HTML,
        SSE,
        f"{SSE}event: message_start\ndata: {{nonsense\n\n",
        f"{SSE}event: message_start\ndata: [1]\n\n",
        f'{SSE}event: message_start\ndata: {{"type": "message_start", "message": {{}}}}\n\n',
        f"{SSE}{DELTA}",
        f"{SSE}{START}{DELTA}",
    ],
)
async def test_what_is_no_messages_api_is_said_to_be_none(response: str) -> None:
    async with raw_server(response) as url, door(url) as claude:
        with pytest.raises(MalformedOutput, match="did not speak the Messages API"):
            await claude.ask(PROMPT, FinalAnswer, model=MODEL)


@pytest.mark.parametrize("response", [f"{SSE}{START}{BLOCK}", f"{SSE}{START}{OVERLOADED}"])
async def test_a_stream_without_its_end_is_no_answer(response: str) -> None:
    async with raw_server(response) as url, door(url) as claude:
        with pytest.raises(ModelUnreachable):
            await claude.ask(PROMPT, FinalAnswer, model=MODEL)


def test_every_status_has_its_error() -> None:
    assert type(error_for(None, "")) is ModelUnreachable
    assert {type(error_for(status, "")) for status in (408, 409, 500, 503)} == {ModelUnreachable}
    assert {type(error_for(status, "")) for status in (429, 529)} == {ModelRateLimited}
    assert {type(error_for(status, "")) for status in (402, 403, 413)} == {ModelMisconfigured}


async def test_an_endpoint_that_does_not_say_so_is_not_simulated(model: ScriptedModel) -> None:
    async with door(model.server.url) as claude:
        assert await claude.preflight(MODEL) is False


@pytest.mark.parametrize("said", ["false", "1", ""])
async def test_only_the_word_true_means_simulated(said: str) -> None:
    response = (
        f"HTTP/1.1 200 OK\r\n{SIMULATED_HEADER}: {said}\r\ncontent-type: application/json\r\n"
        'content-length: 19\r\nconnection: close\r\n\r\n{"input_tokens": 1}\n'
    )
    async with raw_server(response) as url, door(url) as claude:
        assert await claude.preflight(MODEL) is False


# --- the simulator ---------------------------------------------------------------------------


async def fault(simulator_url: str, kind: str, **fields: Any) -> None:
    """Let something go wrong at the simulator."""
    async with httpx.AsyncClient(base_url=f"{simulator_url}/control", timeout=5) as control:
        answer = await control.post("/faults", json={"kind": kind, **fields})
        assert answer.status_code == 201


async def plan(simulator_url: str, **changes: Any) -> Reply[Plan]:
    """One plan of the simulator."""
    async with door(simulator_url, **changes) as claude:
        return await claude.ask(PROMPT, Plan, model=MODEL)


async def test_the_simulator_plans_and_the_second_call_reads_the_cache(simulator_url: str) -> None:
    long = Prompt("the rules " * 2_000, "the team", PROMPT.turns)
    async with door(simulator_url) as claude:
        first = await claude.ask(long, Plan, model=MODEL)
        second = await claude.ask(long, Plan, model=MODEL)
    assert first.value is not None
    assert first.value == second.value
    assert first.usage.cache_write_tokens == second.usage.cache_read_tokens > 0
    assert 0 < second.usage.cost_usd < first.usage.cost_usd


async def test_preflight_knows_the_simulator_and_the_key(simulator_url: str) -> None:
    async with door(simulator_url) as claude:
        assert await claude.preflight(MODEL) is True
        await fault(simulator_url, "invalid_key", caller="count_tokens")
        with pytest.raises(ModelMisconfigured) as caught:
            await claude.preflight(MODEL)
    assert "check the key" in caught.value.remedy
    assert KEY not in caught.value.detail
    async with door(simulator_url) as claude:
        await fault(simulator_url, "overloaded", caller="count_tokens")
        assert await claude.preflight(MODEL) is False


async def test_without_a_key_nothing_is_asked(simulator_url: str) -> None:
    async with door(simulator_url, api_key="") as claude:
        with pytest.raises(ModelMisconfigured, match="there is no key") as caught:
            await claude.preflight(MODEL)
    assert "ANTHROPIC_API_KEY" in caught.value.remedy


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("rate_limit", ModelRateLimited),
        ("rate_limit_no_header", ModelRateLimited),
        ("overloaded", ModelRateLimited),
        ("server_error", ModelUnreachable),
        ("cut_stream", ModelUnreachable),
        ("invalid_key", ModelMisconfigured),
        ("refusal", ModelRefused),
        ("max_tokens", ModelCutOff),
    ],
)
async def test_each_fault_of_the_simulator_has_its_error(
    simulator_url: str, kind: str, expected: type[ModelError]
) -> None:
    await fault(simulator_url, kind, times=3)
    with pytest.raises(ModelError) as caught:
        await plan(simulator_url)
    assert type(caught.value) is expected


@pytest.mark.parametrize("kind", ["rate_limit", "cut_stream"])
async def test_two_passing_faults_of_the_simulator_are_got_over(
    simulator_url: str, kind: str
) -> None:
    await fault(simulator_url, kind, times=2)
    assert (await plan(simulator_url)).value is not None


async def test_a_second_repair_reads_the_first_ones_turns_from_the_cache(
    simulator_url: str,
) -> None:
    files = ("user", f"<request>Fetch the page.</request>{'a file ' * 2_000}")
    asked = Prompt("short rules", "the team", (files,), cache_repairs=True)
    async with door(simulator_url) as claude:
        first = asked.followed_by("no", "again")
        wrote = (await claude.ask(first, Plan, model=MODEL)).usage
        read = (await claude.ask(first.followed_by("no", "again"), Plan, model=MODEL)).usage
    assert read.cache_read_tokens == wrote.cache_write_tokens > 2_000
    assert read.input_tokens < 500


async def test_the_simulator_stalls_or_says_something_malformed(simulator_url: str) -> None:
    await fault(simulator_url, "malformed")
    reply = await plan(simulator_url)
    assert reply.value is None
    assert reply.errors[0].startswith("the answer: Invalid JSON")
    await fault(simulator_url, "stall", seconds=2)
    with pytest.raises(ModelUnreachable):
        await plan(simulator_url, timeout_seconds=0.2, pauses=())
