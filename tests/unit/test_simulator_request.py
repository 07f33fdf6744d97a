"""Reading a request: who asks, what its markers want, how its schema and its cost are met."""

from typing import Any

import pytest

from scripts.claude_simulator.faults import Fault, FaultBoard, FaultKind
from scripts.claude_simulator.markers import read_markers, without_markers
from scripts.claude_simulator.messages import (
    CRITERIA,
    Caller,
    InvalidRequestError,
    read_request,
)
from scripts.claude_simulator.prompt import (
    agent_prompt,
    aggregator_prompt,
    planner_prompt,
    reviewer_prompt,
)
from scripts.claude_simulator.schema import conform
from scripts.claude_simulator.usage import PromptCache


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}], **fields}


def schema_with(name: str) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "schema": {"properties": {name: {}}}}}


REVIEW = {
    "$defs": {"Scores": {"properties": {key: {"type": "integer"} for key in CRITERIA}}},
    "properties": {"scores": {"$ref": "#/$defs/Scores"}, "reasons": {}},
}


@pytest.mark.parametrize(
    ("fields", "caller"),
    [
        ({"output_config": schema_with("subtasks")}, Caller.PLANNER),
        ({"output_config": schema_with("answer")}, Caller.AGGREGATOR),
        ({"output_config": {"format": {"schema": REVIEW}}}, Caller.REVIEWER),
        ({"output_config": schema_with("scores")}, Caller.OTHER),
        ({"output_config": {"effort": "low"}, "tools": [{"name": "Bash"}]}, Caller.AGENT),
        ({}, Caller.OTHER),
    ],
)
def test_caller_follows_from_the_protocol(fields: dict[str, Any], caller: Caller) -> None:
    assert read_request(body(**fields)).caller is caller


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ([], "must be a JSON object"),
        ({"model": "m"}, "messages: Field required"),
        (body(messages=[]), "at least one message"),
        (body(messages=[{"role": "user"}]), "messages.0.content: Field required"),
        (body(messages=[{"role": "robot", "content": "x"}]), "messages.0.role"),
    ],
)
def test_wrong_body_is_refused(wrong: Any, says: str) -> None:
    with pytest.raises(InvalidRequestError, match=says):
        read_request(wrong)


def use(number: str, name: str) -> dict[str, Any]:
    block = {"type": "tool_use", "id": number, "name": name, "input": {}}
    return {"role": "assistant", "content": [block]}


def result(number: str, *texts: str, failed: bool = False) -> dict[str, Any]:
    block = {"type": "tool_result", "tool_use_id": number, "content": "r", "is_error": failed}
    words = [{"type": "text", "text": text} for text in texts]
    return {"role": "user", "content": [block, *words]}


def test_rounds_begin_after_each_accepted_result() -> None:
    rounds = read_request(
        body(
            messages=[
                {"role": "user", "content": "task"},
                use("1", "Bash"),
                result("1", "<system-reminder>x</system-reminder>", failed=True),
                use("2", "StructuredOutput"),
                result("2", "<system-reminder>x</system-reminder>", "a check failed"),
                use("3", "Write"),
                result("3"),
            ]
        )
    ).rounds()
    assert [[call.name for call in each.work] for each in rounds] == [["Bash"], ["Write"]]
    assert [each.finished for each in rounds] == [True, False]
    assert rounds[0].work[0].failed
    assert rounds[0].work[0].text == "r"


def test_correction_begins_a_round_of_its_own_number() -> None:
    again = '<correction number="2" of="3" reason="shape">\n<problem>p</problem>\n</correction>'
    rounds = read_request(
        body(
            messages=[
                {"role": "user", "content": "task"},
                use("1", "StructuredOutput"),
                result("1", failed=True),
                {"role": "user", "content": again},
                use("2", "StructuredOutput"),
                result("2", "what else?"),
            ]
        )
    ).rounds()
    assert [each.number for each in rounds] == [0, 2, 3]


def test_prompts_are_unescaped() -> None:
    planner = planner_prompt(
        '<request>a &lt; b</request><context_files><file name="s.csv" size="9">1,2</file>'
        "</context_files>"
    )
    assert (planner.request, planner.files) == ("a < b", ("s.csv",))
    agent = agent_prompt(
        '<task title="t">q</task>\n<subtask key="k" attempt="2" title="T">d</subtask>\n'
        "<workspace>\nworking directory: /w: x\ncontext directory: /c\n</workspace>"
        '<context_files><file name="s.csv" size="9" path="/c/s.csv"/></context_files>'
    )
    assert (agent.key, agent.attempt, agent.cwd) == ("k", 2, "/w: x")
    assert agent.context_files == {"s.csv": "/c/s.csv"}
    aggregator = aggregator_prompt(
        '<request>q</request><results><result key="k" title="T" status="failed">not json'
        "</result></results>"
    )
    assert aggregator.results == {"k": {"title": "T", "status": "failed"}}
    reviewer = reviewer_prompt(
        '<task>q</task><subtask key="k" round="1" title="T">d</subtask>'
        '<output>1 &lt; 2</output><files><file path="a">f</file></files>'
    )
    assert (reviewer.key, reviewer.round, reviewer.shown) == ("k", 1, ("1 < 2", "f", "", "a"))


def test_markers_are_read_and_taken_away() -> None:
    text = "Do [[simulate: fail clean x1]] it [[simulate: slow 3]][[simulate: agent stall x2 0.5]]"
    markers = read_markers(text)
    assert without_markers(text) == "Do  it"
    assert markers.slow == 3.0
    assert markers.fails("clean", 1)
    assert not markers.fails("clean", 2)
    assert not markers.fails("other", 1)
    (fault,) = markers.faults
    assert (fault.kind, fault.caller, fault.times, fault.seconds) == ("stall", "agent", 2, 0.5)
    assert read_markers("[[simulate: fail]]").fails("anything", 9)


@pytest.mark.parametrize("marker", ["[[simulate: explode]]", "[[simulate:]]"])
def test_unknown_marker_is_refused(marker: str) -> None:
    with pytest.raises(InvalidRequestError, match="known: slow, fail, rate_limit"):
        read_markers(marker)


def test_faults_are_counted_down_for_their_caller_only() -> None:
    board = FaultBoard()
    board.add(Fault(kind=FaultKind.OVERLOADED, caller=Caller.AGENT, times=2))
    board.add(Fault(kind=FaultKind.CYCLIC_PLAN))
    assert board.take(Caller.AGGREGATOR) is None
    assert [board.take(Caller.AGENT) is not None for _ in range(3)] == [True, True, False]
    assert board.take(Caller.COUNT_TOKENS) is None
    assert board.take(Caller.PLANNER) is not None
    assert board.left() == []


def test_marked_fault_comes_again_for_the_next_conversation() -> None:
    board = FaultBoard()
    faults = [Fault(kind=FaultKind.RATE_LIMIT, times=2)]
    taken = [board.take_marked("same text", faults) is not None for _ in range(6)]
    assert taken == [True, True, False, True, True, False]


def test_answer_is_made_to_fit_the_schema() -> None:
    schema = {
        "$defs": {
            "File": {
                "type": "object",
                "properties": {"kind": {"const": "file"}, "path": {"type": "string"}},
                "required": ["kind", "path"],
                "additionalProperties": False,
            },
            "Sql": {"type": "object", "properties": {"kind": {"const": "sql"}}},
        },
        "type": "object",
        "properties": {
            "checks": {
                "type": "array",
                "items": {"anyOf": [{"$ref": "#/$defs/Sql"}, {"$ref": "#/$defs/File"}]},
            },
            "profile": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "reason": {"type": ["string", "null"]},
            "level": {"enum": ["low", "high"]},
            "result": {"type": "string"},
            "names": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        },
        "required": ["checks", "profile", "level", "names"],
        "additionalProperties": False,
    }
    value = {
        "checks": [{"kind": "file", "path": "a", "extra": 1}],
        "profile": None,
        "reason": None,
        "result": {"n": 1},
        "unknown": 1,
    }
    assert conform(value, schema) == {
        "checks": [{"kind": "file", "path": "a"}],
        "profile": None,
        "reason": None,
        "result": '{"n": 1}',
        "level": "low",
        "names": [""],
    }


def test_cached_prefix_is_written_once_and_then_read() -> None:
    cache = PromptCache()
    marked = {"type": "text", "text": "s" * 400, "cache_control": {"type": "ephemeral"}}
    first = cache.measure(body(system=[marked]), 40)
    again = cache.measure(body(system=[marked | {"cache_control": {"type": "ephemeral"}}]), 40)
    other = cache.measure(body(system=[marked | {"text": "other"}]), 40)
    assert first.cache_creation_input_tokens == again.cache_read_input_tokens > 100
    assert (first.cache_read_input_tokens, again.cache_creation_input_tokens) == (0, 0)
    assert (first.output_tokens, first.input_tokens > 0) == (10, True)
    assert other.cache_read_input_tokens == 0
