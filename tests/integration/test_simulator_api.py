"""The real anthropic client against the simulator over HTTP."""

from collections.abc import AsyncIterator
from typing import Any, Literal

import anthropic
import httpx
import httpx2
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import UserMessageParam
from pydantic import BaseModel, ValidationError

from shared.models import CommandCheck
from shared.models import plan as planning

ASK: UserMessageParam = {
    "role": "user",
    "content": "<request>Fetch the page. Then clean it. Report.</request>",
}


class Subtask(BaseModel):
    id: str
    title: str
    required_capabilities: list[str]
    dependencies: list[str]
    profile: str | None
    checks: list[dict[str, str]]


class Plan(BaseModel):
    summary: str
    subtasks: list[Subtask]


class Scores(BaseModel):
    correct: int
    complete: int
    evidence: int
    quality: int
    safe: int


class Reason(BaseModel):
    criterion: Literal["correct", "complete", "evidence", "quality", "safe"]
    quote: str
    comment: str


class Review(BaseModel):
    scores: Scores
    reasons: list[Reason]


class Fact(BaseModel):
    name: str
    value: str | float | bool


class Answer(BaseModel):
    answer: str
    result: list[Fact]


@pytest.fixture
async def client(simulator_url: str) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=simulator_url, api_key="any", max_retries=0, timeout=5
    ) as each:
        yield each


@pytest.fixture
async def control(simulator_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"{simulator_url}/control", timeout=5) as each:
        yield each


async def plan(client: AsyncAnthropic, *messages: Any, max_tokens: int = 8000) -> Plan:
    answer = await client.messages.parse(
        model="claude-opus-5-5",
        max_tokens=max_tokens,
        messages=messages or [ASK],
        output_format=Plan,
    )
    assert answer.parsed_output is not None
    return answer.parsed_output


def is_acyclic(made: Plan) -> bool:
    earlier: set[str] = set()
    for subtask in made.subtasks:
        if not set(subtask.dependencies) <= earlier:
            return False
        earlier.add(subtask.id)
    return True


async def test_every_answer_says_that_it_is_simulated(simulator_url: str) -> None:
    async with httpx.AsyncClient(base_url=simulator_url) as http:
        health = await http.get("/health")
        unkeyed = await http.post("/v1/messages", json={})
        empty = await http.post("/v1/messages", json={}, headers={"x-api-key": "k"})
        broken = await http.post("/v1/messages", content="{", headers={"x-api-key": "k"})
        absent = await http.get("/nowhere")
    assert health.json() == {"status": "ok", "simulated": True}
    answers = [health, unkeyed, empty, broken, absent]
    assert [each.headers["x-quintet-simulated"] for each in answers] == ["true"] * 5
    assert (unkeyed.status_code, unkeyed.json()["error"]["type"]) == (401, "authentication_error")
    assert (empty.status_code, empty.json()["error"]["message"]) == (400, "model: Field required")
    assert "not valid JSON" in broken.json()["error"]["message"]


async def test_plan_is_parsed_and_the_model_echoed(client: AsyncAnthropic) -> None:
    answer = await client.messages.parse(
        model="claude-opus-5-5", max_tokens=8000, messages=[ASK], output_format=Plan
    )
    assert answer.model == "claude-opus-5-5"
    assert answer.stop_reason == "end_turn"
    assert answer.usage.input_tokens > 0
    assert answer.parsed_output is not None
    assert len(answer.parsed_output.subtasks) == 3
    assert is_acyclic(answer.parsed_output)


async def test_aggregated_answer_is_labelled(client: AsyncAnthropic) -> None:
    content = (
        "<request>x</request><results>"
        '<result key="a" title="A" status="completed">'
        '{"summary": "5 &lt; 6", "output": {"n": 1}}</result>'
        '<result key="b" title="B" status="failed">{"error": "no file"}</result></results>'
    )
    answer = await client.messages.parse(
        model="m",
        max_tokens=900,
        messages=[{"role": "user", "content": content}],
        output_format=Answer,
    )
    assert answer.parsed_output is not None
    text = answer.parsed_output.answer
    assert answer.parsed_output.result == [
        Fact(name="a", value='{"n": 1}'),
        Fact(name="b", value="{}"),
    ]
    assert text.startswith("> Simulated model: ")
    assert "- **A** (completed): 5 < 6" in text
    assert "- **B** (failed): no file" in text


async def test_stream_comes_in_pieces_and_adds_up(client: AsyncAnthropic) -> None:
    async with client.messages.stream(
        model="m", max_tokens=900, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        pieces = [piece async for piece in stream.text_stream]
        whole = await stream.get_final_message()
    assert len(pieces) > 1
    assert whole.content[0].type == "text"
    assert "".join(pieces) == whole.content[0].text
    assert whole.usage.output_tokens > 1


async def test_tokens_are_counted(client: AsyncAnthropic) -> None:
    counted = await client.messages.count_tokens(
        model="m", messages=[{"role": "user", "content": "x" * 4000}]
    )
    assert 1000 <= counted.input_tokens <= 1020


@pytest.mark.parametrize(
    ("fault", "error", "retry_after"),
    [
        ({"kind": "rate_limit", "retry_after": 7}, anthropic.RateLimitError, "7"),
        ({"kind": "rate_limit_no_header"}, anthropic.RateLimitError, None),
        ({"kind": "overloaded"}, anthropic.OverloadedError, None),
        ({"kind": "server_error"}, anthropic.InternalServerError, None),
        ({"kind": "invalid_key"}, anthropic.AuthenticationError, None),
    ],
)
async def test_error_is_made_once(
    client: AsyncAnthropic,
    control: httpx.AsyncClient,
    fault: dict[str, Any],
    error: type[anthropic.APIStatusError],
    retry_after: str | None,
) -> None:
    assert (await control.post("/faults", json=fault)).status_code == 201
    with pytest.raises(error) as raised:
        await plan(client)
    assert raised.value.response.headers.get("retry-after") == retry_after
    assert raised.value.request_id
    assert (await control.get("/faults")).json() == []
    assert is_acyclic(await plan(client))


async def test_cut_answer_is_a_connection_error(
    client: AsyncAnthropic, control: httpx.AsyncClient
) -> None:
    await control.post("/faults", json={"kind": "cut_stream", "times": 2})
    with pytest.raises(anthropic.APIConnectionError):
        await plan(client)
    with pytest.raises(httpx2.RemoteProtocolError):
        async with client.messages.stream(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hello"}]
        ) as stream:
            await stream.get_final_message()


@pytest.mark.parametrize("kind", ["refusal", "max_tokens", "malformed"])
async def test_unusable_answer_does_not_parse(
    client: AsyncAnthropic, control: httpx.AsyncClient, kind: str
) -> None:
    await control.post("/faults", json={"kind": kind, "caller": "planner"})
    with pytest.raises((ValidationError, AssertionError)):
        await plan(client)
    assert is_acyclic(await plan(client))


async def test_answer_is_cut_at_the_requests_own_limit(client: AsyncAnthropic) -> None:
    answer = await client.messages.create(
        model="m", max_tokens=2, messages=[{"role": "user", "content": "hello"}]
    )
    assert answer.stop_reason == "max_tokens"
    assert answer.usage.output_tokens == 2


async def test_stalled_answer_times_out(client: AsyncAnthropic, control: httpx.AsyncClient) -> None:
    await control.post("/faults", json={"kind": "stall", "seconds": 0.2})
    with pytest.raises(anthropic.APITimeoutError):
        await plan(client.with_options(timeout=0.05))


async def test_plan_is_cyclic_until_repaired(client: AsyncAnthropic) -> None:
    ask = {"role": "user", "content": "<request>One. Two. [[simulate: cyclic_plan]]</request>"}
    wrong = await plan(client, ask)
    assert not is_acyclic(wrong)
    repair = {"role": "user", "content": "<errors><error>a cycle</error></errors>"}
    right = await plan(
        client, ask, {"role": "assistant", "content": wrong.model_dump_json()}, repair
    )
    assert is_acyclic(right)
    assert [each.id for each in right.subtasks] == ["one", "two"]


async def test_marked_fault_befalls_the_marked_caller(client: AsyncAnthropic) -> None:
    ask = {"role": "user", "content": "<request>One. [[simulate: planner overloaded]]</request>"}
    with pytest.raises(anthropic.OverloadedError):
        await plan(client, ask)
    assert (await plan(client, ask)).subtasks


async def test_requests_are_kept_without_keys(
    client: AsyncAnthropic, control: httpx.AsyncClient
) -> None:
    await plan(client)
    (line,) = (await control.get("/requests")).json()
    assert line == {
        "number": line["number"],
        "caller": "planner",
        "model": "claude-opus-5-5",
        "stream": False,
        "fault": None,
    }
    kept = (await control.get(f"/requests/{line['number']}")).json()
    assert kept["messages"][0]["content"] == ASK["content"]
    assert "any" not in kept.values()
    assert (await control.get(f"/requests/{line['number'] + 1}")).status_code == 404
    assert (await control.post("/faults", json={"kind": "flood"})).status_code == 422


async def test_stalled_stream_goes_on_after_the_stall(
    client: AsyncAnthropic, control: httpx.AsyncClient
) -> None:
    await control.post("/faults", json={"kind": "stall", "seconds": 0.1})
    async with client.messages.stream(
        model="m", max_tokens=900, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        kinds = [event.type async for event in stream]
        whole = await stream.get_final_message()
    assert kinds[0] == "message_start"
    assert kinds[-1] == "message_stop"
    assert whole.stop_reason == "end_turn"


async def test_malformed_event_breaks_an_agents_stream(
    client: AsyncAnthropic, control: httpx.AsyncClient
) -> None:
    await control.post("/faults", json={"kind": "malformed", "caller": "agent"})
    with pytest.raises(ValueError, match="Unterminated string"):
        async with client.messages.stream(
            model="m",
            max_tokens=900,
            messages=[{"role": "user", "content": "hello"}],
            tools=[{"name": "Bash", "input_schema": {"type": "object"}}],
        ) as stream:
            await stream.get_final_message()


async def test_reviewer_gets_scores_that_say_what_they_are(client: AsyncAnthropic) -> None:
    answer = await client.messages.parse(
        model="m",
        max_tokens=900,
        messages=[
            {
                "role": "user",
                "content": "<task>x</task><subtask key='k'>d</subtask><output>All well</output>",
            }
        ],
        output_format=Review,
    )
    assert answer.parsed_output is not None
    assert set(answer.parsed_output.scores.model_dump().values()) == {85}
    (reason,) = answer.parsed_output.reasons
    assert (reason.quote, reason.comment.startswith("Simulated")) == ("All well", True)


async def test_marked_fault_befalls_each_look_of_a_reviewer(client: AsyncAnthropic) -> None:
    for number in (0, 1):
        words = (
            "<task>x [[simulate: reviewer overloaded]]</task>"
            f'<subtask key="k" round="{number}" title="t">d</subtask><output>All well</output>'
        )
        ask: UserMessageParam = {"role": "user", "content": words}
        with pytest.raises(anthropic.OverloadedError):
            await client.messages.parse(
                model="m", max_tokens=900, messages=[ask], output_format=Review
            )


@pytest.mark.parametrize(
    ("request_text", "checks"),
    [
        ("Greet us, with a vacuous check.", ["file_exists", "text_matches"]),
        ("Say farewell, with a vacuous plan.", ["command"]),
    ],
)
async def test_plan_with_vacuous_checks_is_made_again_once_it_is_told(
    client: AsyncAnthropic, request_text: str, checks: list[str]
) -> None:
    ask = {"role": "user", "content": f"<request>{request_text}</request>"}
    before = await real_plan(client, ask)
    said = {"role": "assistant", "content": before.model_dump_json()}
    unlike = {"role": "user", "content": "<errors><error>a cycle</error></errors>"}
    assert await real_plan(client, ask, said, unlike) == before
    told = "<error>check 1 (command) of subtask 'greet' is vacuous: it already passes</error>"
    again = {"role": "user", "content": f"<errors>\n{told}\n</errors>"}
    (after,) = (await real_plan(client, ask, said, again)).subtasks
    assert [check.kind for check in after.checks] == checks
    assert before.subtasks[0].checks[0] == CommandCheck(kind="command", command="true")
    assert before.subtasks[0].id == after.id


async def real_plan(client: AsyncAnthropic, *messages: Any) -> planning.Plan:
    """A plan as the product asks for it."""
    answer = await client.messages.parse(
        model="m", max_tokens=8000, messages=messages, output_format=planning.Plan
    )
    assert answer.parsed_output is not None
    return answer.parsed_output


async def test_faults_can_be_taken_back(client: AsyncAnthropic, control: httpx.AsyncClient) -> None:
    await control.post("/faults", json={"kind": "overloaded", "times": 3})
    with pytest.raises(anthropic.OverloadedError):
        await plan(client)
    (left,) = (await control.get("/faults")).json()
    assert left["times"] == 2
    assert (await control.delete("/faults")).status_code == 204
    assert is_acyclic(await plan(client))


async def test_count_of_tokens_has_faults_of_its_own(
    client: AsyncAnthropic, control: httpx.AsyncClient
) -> None:
    await control.post("/faults", json={"kind": "invalid_key", "caller": "count_tokens"})
    assert (await plan(client)).subtasks
    with pytest.raises(anthropic.AuthenticationError):
        await client.messages.count_tokens(model="m", messages=[ASK])
