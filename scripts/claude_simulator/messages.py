"""A request to the Messages API, read far enough to know who asks and how far they are."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from typing import Any

from scripts.claude_simulator.conduct import Scores
from scripts.claude_simulator.schema import resolve

STRUCTURED_OUTPUT = "StructuredOutput"
CRITERIA = frozenset(Scores.model_fields)

_CORRECTION = re.compile(r'\s*<correction\s[^>]*\bnumber="(\d+)"')


class Caller(StrEnum):
    """Who is asking, as far as the protocol alone tells."""

    PLANNER = "planner"
    AGENT = "agent"
    AGGREGATOR = "aggregator"
    REVIEWER = "reviewer"
    COUNT_TOKENS = "count_tokens"
    OTHER = "other"


class InvalidRequestError(ValueError):
    """The body is not a Messages API request; the text says which field and why."""


@dataclass(slots=True)
class Call:
    """A tool call of the conversation and, once it has one, its result."""

    name: str
    answered: bool = False
    failed: bool = False
    text: str = ""


@dataclass(slots=True)
class Round:
    """One thing asked of an agent: the first prompt (number 0), or a correction (from 1)."""

    number: int = 0
    calls: list[Call] = field(default_factory=list)

    @property
    def finished(self) -> bool:
        """Whether the structured result was given and accepted."""
        return any(call.answered and not call.failed for call in self.calls if _is_result(call))

    @property
    def work(self) -> list[Call]:
        """The calls that are not the structured result."""
        return [call for call in self.calls if not _is_result(call)]


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request as the simulator sees it; `schema` is of the structured answer it must give."""

    body: Mapping[str, Any]
    model: str
    stream: bool
    caller: Caller
    schema: Mapping[str, Any] | None
    tools: frozenset[str]

    def user_texts(self) -> list[str]:
        """The text of each user message, oldest first."""
        return [_text(m["content"]) for m in self.body["messages"] if m["role"] == "user"]

    def last_text_with(self, mark: str) -> str:
        """The newest user message that holds the mark, or the newest of all."""
        texts = self.user_texts()
        return next((text for text in reversed(texts) if mark in text), texts[-1] if texts else "")

    def exchanges(self) -> list[tuple[str, str]]:
        """What the model said, each time with what the user answered."""
        messages = self.body["messages"]
        return [
            (_text(said["content"]), _text(answered["content"]))
            for said, answered in pairwise(messages)
            if said["role"] == "assistant" and answered["role"] == "user"
        ]

    def answers_so_far(self) -> int:
        """How many times the model has spoken in this conversation."""
        return sum(message["role"] == "assistant" for message in self.body["messages"])

    def rounds(self) -> list[Round]:
        """The conversation as rounds of tool calls with their results."""
        rounds = [Round()]
        calls: dict[str, Call] = {}
        for message in self.body["messages"]:
            for block in _blocks(message["content"]):
                if message["role"] == "user" and _is_words(block):
                    rounds += _begun_by(block, rounds[-1])
                _record(block, calls, rounds[-1])
        return rounds


def read_request(body: Any) -> ModelRequest:
    """Check the body's required fields and find out who is asking."""
    if not isinstance(body, dict):
        raise InvalidRequestError("the body must be a JSON object")
    for name, kind in (("model", str), ("messages", list), ("max_tokens", int)):
        if not isinstance(body.get(name), kind):
            raise InvalidRequestError(f"{name}: Field required")
    if not body["messages"]:
        raise InvalidRequestError("messages: at least one message is required")
    for index, message in enumerate(body["messages"]):
        _check_message(index, message)
    tools = {tool.get("name", ""): tool for tool in body.get("tools") or []}
    schema = (body.get("output_config") or {}).get("format", {}).get("schema")
    caller = _caller(schema, bool(tools))
    if schema is None and STRUCTURED_OUTPUT in tools:
        schema = tools[STRUCTURED_OUTPUT].get("input_schema")
    return ModelRequest(
        body=body,
        model=body["model"],
        stream=bool(body.get("stream")),
        caller=caller,
        schema=schema,
        tools=frozenset(tools),
    )


def _caller(schema: Mapping[str, Any] | None, has_tools: bool) -> Caller:
    properties = (schema or {}).get("properties", {})
    if "subtasks" in properties:
        return Caller.PLANNER
    if "answer" in properties:
        return Caller.AGGREGATOR
    if schema and CRITERIA.issubset(_fields(properties.get("scores", {}), schema)):
        return Caller.REVIEWER
    return Caller.AGENT if has_tools else Caller.OTHER


def _fields(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = resolve(part, schema).get("properties", {})
    return fields


def _check_message(index: int, message: Any) -> None:
    if not isinstance(message, dict) or not isinstance(message.get("content"), str | list):
        raise InvalidRequestError(f"messages.{index}.content: Field required")
    if message.get("role") not in ("user", "assistant", "system"):
        raise InvalidRequestError(
            f"messages.{index}.role: Input should be 'user', 'assistant' or 'system'"
        )


def _is_words(block: Mapping[str, Any]) -> bool:
    """Whether somebody said something; the CLI puts notes of its own beside tool results."""
    return block.get("type") == "text" and not str(block.get("text")).startswith(
        "<system-reminder>"
    )


def _begun_by(words: Mapping[str, Any], current: Round) -> list[Round]:
    """The round that these words of the user begin, if they do."""
    correction = _CORRECTION.match(str(words.get("text")))
    if correction:
        return [Round(int(correction[1]))]
    return [Round(current.number + 1)] if current.finished else []


def _record(block: Mapping[str, Any], calls: dict[str, Call], current: Round) -> None:
    if block.get("type") == "tool_use":
        call = calls[block.get("id", "")] = Call(block.get("name", ""))
        current.calls.append(call)
    elif block.get("type") == "tool_result" and block.get("tool_use_id") in calls:
        call = calls[block["tool_use_id"]]
        call.answered = True
        call.failed = bool(block.get("is_error"))
        call.text = _text(block.get("content") or "")


def _is_result(call: Call) -> bool:
    return call.name == STRUCTURED_OUTPUT


def _blocks(content: str | list[Any]) -> Iterator[dict[str, Any]]:
    if isinstance(content, str):
        yield {"type": "text", "text": content}
    else:
        yield from (block for block in content if isinstance(block, dict))


def _text(content: str | list[Any]) -> str:
    return "\n".join(b.get("text", "") for b in _blocks(content) if b.get("type") == "text")
