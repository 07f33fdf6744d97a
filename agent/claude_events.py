"""What a session says while it works, as values; the SDK's messages go no further."""

import hashlib
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from claude_agent_sdk import (
    AssistantMessage,
    ContentBlock,
    Message,
    StreamEvent,
    SystemMessage,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

EXCERPT = 2000
SUMMARY = 200
CHARACTERS_PER_TOKEN = 4
_PASSING = re.compile(
    r"0x[0-9a-f]{4,}"  # addresses in memory
    r"|\d{4}-\d\d-\d\d(?=[T ]\d\d:)|\d\d?:\d\d:\d\d(?:[.,]\d+)?"  # clocks
    r"|(?:\d+m)?\d+[.,]\d+ ?(?:m?s|µs|sec|secs|seconds)\b"  # how long it took
    r"|\d+ ?ms\b",
    re.IGNORECASE,
)
_TELLING = ("command", "file_path", "notebook_path", "pattern", "url", "query", "description")


@dataclass(frozen=True, slots=True)
class TextSaid:
    """Words of the agent; `parent` is the tool call that started a subagent."""

    text: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """The agent calls a tool; `summary` is one line of its input."""

    id: str
    name: str
    input: Mapping[str, Any]
    summary: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class ToolReturned:
    """A tool answered; `seconds` since the call was seen, `digest` of the whole answer."""

    id: str
    name: str
    is_error: bool
    seconds: float
    excerpt: str
    digest: str = ""


@dataclass(frozen=True, slots=True)
class ToolDenied:
    """A call that was not allowed; the agent is told why."""

    id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class ApiRetried:
    """The model did not answer; it is asked again after `delay` seconds."""

    attempt: int
    most: int
    delay: float
    status: int | None


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """One answer of the model is complete; a subagent's tokens (with `parent`) are an estimate."""

    output_tokens: int
    parent: str | None = None


SessionEvent: TypeAlias = TextSaid | ToolCalled | ToolReturned | ToolDenied | ApiRetried | TurnEnded
OnEvent: TypeAlias = Callable[[SessionEvent], None]


class Narrator:
    """Turns messages into events, and remembers what a final error is judged by."""

    def __init__(self, on_event: OnEvent) -> None:
        self.last_error: str | None = None
        self.last_stop: str | None = None
        self._tell = on_event
        self._calls: dict[str, tuple[str, float]] = {}
        self._denied: set[str] = set()
        self._turns = _Turns()

    def observe(self, message: Message) -> None:
        """Tell what this message means."""
        match message:
            case StreamEvent(event=event, parent_tool_use_id=parent):
                self._ended(self._turns.streamed(event, parent))
            case AssistantMessage():
                self._ended(self._turns.said(message))
                if message.parent_tool_use_id is None:
                    self.last_error = message.error
                    self.last_stop = message.stop_reason or self.last_stop
                for block in message.content:
                    self._said(block, message.parent_tool_use_id)
            case UserMessage(content=list() as blocks):
                for block in blocks:
                    self._returned(block)
            case SystemMessage(subtype="api_retry", data=data):
                self._tell(_retried(data))
            case SystemMessage(subtype="permission_denied", data=data):
                self.denied(data["tool_use_id"], data["tool_name"], "not allowed in this session")
            case _:
                return

    def denied(self, id: str, name: str, reason: str) -> None:
        """Tell of a refusal, once."""
        if id not in self._denied:
            self._denied.add(id)
            self._tell(ToolDenied(id, name, reason))

    def _said(self, block: object, parent: str | None) -> None:
        match block:
            case TextBlock(text=text) if text:
                self._tell(TextSaid(text, parent))
            case ToolUseBlock(id=id, name=name, input=arguments):
                self._calls[id] = (name, time.monotonic())
                self._tell(ToolCalled(id, name, arguments, summary_of(arguments), parent))

    def _returned(self, block: object) -> None:
        if isinstance(block, ToolResultBlock):
            name, since = self._calls.pop(block.tool_use_id, ("", time.monotonic()))
            seconds = time.monotonic() - since
            excerpt = _words(block.content)[:EXCERPT]
            digest = digest_of(block.content)
            failed = bool(block.is_error)
            self._ended(self._turns.closed(block.tool_use_id))
            self._tell(ToolReturned(block.tool_use_id, name, failed, seconds, excerpt, digest))

    def _ended(self, turn: TurnEnded | None) -> None:
        if turn is not None:
            self._tell(turn)


class _Turns:
    """Tells when the model has finished an answer, and how many tokens it took.

    A message's own usage was counted when it began; the final count comes only with the stream,
    and the stream holds only the agent's own messages. A subagent's are estimated.
    """

    def __init__(self) -> None:
        self._tokens = 0
        self._open: dict[str, tuple[str, int]] = {}  # subagent: message, estimated tokens

    def streamed(self, event: Mapping[str, Any], parent: str | None) -> TurnEnded | None:
        """A piece of an answer; its usage counts from the answer's beginning."""
        if event.get("type") == "message_delta":
            self._tokens = int((event.get("usage") or {}).get("output_tokens") or 0)
        if event.get("type") != "message_stop" or parent is not None:
            return None
        tokens, self._tokens = self._tokens, 0
        return TurnEnded(tokens)

    def said(self, message: AssistantMessage) -> TurnEnded | None:
        """A block of a subagent's answer, which ends when the next one begins."""
        if (parent := message.parent_tool_use_id) is None:
            return None
        before = self._open.get(parent)
        answer = message.message_id or ""
        known = before[1] if before and before[0] == answer else 0
        self._open[parent] = (answer, known + _estimate(message.content))
        return TurnEnded(before[1], parent) if before and before[0] != answer else None

    def closed(self, call: str) -> TurnEnded | None:
        """The tool call that may have started a subagent has returned."""
        last = self._open.pop(call, None)
        return TurnEnded(last[1], call) if last else None


def summary_of(arguments: Mapping[str, Any]) -> str:
    """One line that tells most about a call."""
    telling = (arguments[name] for name in _TELLING if arguments.get(name))
    line = str(next(telling, None) or json.dumps(arguments, ensure_ascii=False, default=str))
    return " ".join(line.split())[:SUMMARY]


def digest_of(content: str | list[dict[str, Any]] | None) -> str:
    """The same for answers that differ in nothing but clocks, durations and addresses."""
    text = content if isinstance(content, str) else json.dumps(content, default=str)
    return hashlib.sha256(_PASSING.sub("", text).encode("utf-8", "replace")).hexdigest()[:16]


def _estimate(blocks: Sequence[ContentBlock]) -> int:
    return sum(len(_written(block)) for block in blocks) // CHARACTERS_PER_TOKEN


def _written(block: ContentBlock) -> str:
    match block:
        case TextBlock(text=text) | ThinkingBlock(thinking=text):
            return text
        case ToolUseBlock(input=arguments):
            return json.dumps(arguments, default=str)
        case _:
            return ""


def _words(content: str | list[dict[str, Any]] | None) -> str:
    if isinstance(content, list):
        return "\n".join(block.get("text") or f"[{block.get('type')}]" for block in content)
    return content or ""


def _retried(data: Mapping[str, Any]) -> ApiRetried:
    return ApiRetried(
        attempt=int(data.get("attempt") or 0),
        most=int(data.get("max_retries") or 0),
        delay=float(data.get("retry_delay_ms") or 0) / 1000,
        status=data.get("error_status"),
    )
