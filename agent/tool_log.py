"""What tools did in an attempt, as the runtime saw it; the agent has no say in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent.claude_events import SessionEvent, ToolCalled, ToolDenied, ToolReturned
from agent.tool_names import ANSWER, plain_name


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call; `ok` is None when it never returned, `parent` the call that began a subagent."""

    name: str
    input: Mapping[str, Any]
    ok: bool | None
    excerpt: str
    parent: str | None


class ToolLog:
    """Collects the calls of one attempt, its subagents' too, over all of its questions."""

    def __init__(self) -> None:
        self._calls: list[ToolCall] = []
        self._open: dict[str, int] = {}
        self._denied: dict[str, str] = {}

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """Every call in order, except the one that gives the result."""
        return tuple(self._calls)

    def observe(self, event: SessionEvent) -> None:
        """Take one event of the session."""
        match event:
            case ToolCalled(name=name) if name != ANSWER:
                self._open[event.id] = len(self._calls)
                self._calls.append(ToolCall(plain_name(name), event.input, None, "", event.parent))
                # the guard and the stream are two ways: its refusal may come before the call
                if event.id in self._denied:
                    self._end(event.id, ok=False, excerpt=self._denied[event.id])
            case ToolDenied(id=id, reason=reason):
                self._denied[id] = reason
                self._end(id, ok=False, excerpt=reason)
            case ToolReturned(id=id, is_error=failed, excerpt=excerpt):
                denied = self._denied.pop(id, None)
                self._end(id, ok=not failed and denied is None, excerpt=denied or excerpt)
                self._open.pop(id, None)

    def _end(self, id: str, *, ok: bool, excerpt: str) -> None:
        if (at := self._open.get(id)) is not None:
            self._calls[at] = replace(self._calls[at], ok=ok, excerpt=excerpt)
