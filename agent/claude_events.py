"""What a session says while it works, as values; the SDK's messages go no further."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from claude_agent_sdk import (
    AssistantMessage,
    Message,
    SystemMessage,
    TextBlock,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
)

EXCERPT = 2000
SUMMARY = 200
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
    """A tool answered; `seconds` since the call was seen."""

    id: str
    name: str
    is_error: bool
    seconds: float
    excerpt: str


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


SessionEvent: TypeAlias = TextSaid | ToolCalled | ToolReturned | ToolDenied | ApiRetried
OnEvent: TypeAlias = Callable[[SessionEvent], None]


class Narrator:
    """Turns messages into events, and remembers what a final error is judged by."""

    def __init__(self, on_event: OnEvent) -> None:
        self.last_error: str | None = None
        self.last_stop: str | None = None
        self._tell = on_event
        self._calls: dict[str, tuple[str, float]] = {}
        self._denied: set[str] = set()

    def observe(self, message: Message) -> None:
        """Tell what this message means."""
        match message:
            case AssistantMessage():
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
            failed = bool(block.is_error)
            self._tell(ToolReturned(block.tool_use_id, name, failed, seconds, excerpt))


def summary_of(arguments: Mapping[str, Any]) -> str:
    """One line that tells most about a call."""
    telling = (arguments[name] for name in _TELLING if arguments.get(name))
    line = str(next(telling, None) or json.dumps(arguments, ensure_ascii=False, default=str))
    return " ".join(line.split())[:SUMMARY]


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
