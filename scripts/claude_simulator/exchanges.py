"""The latest requests, kept for tests to look at; the oldest go when there are too many."""

import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from scripts.claude_simulator.faults import FaultKind
from scripts.claude_simulator.messages import Caller


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to the Messages API; headers, and so keys, are never kept."""

    number: int
    caller: Caller
    model: str
    stream: bool
    fault: FaultKind | None
    raw: bytes

    def line(self) -> dict[str, Any]:
        """What the list of requests shows of it."""
        return {
            "number": self.number,
            "caller": self.caller,
            "model": self.model,
            "stream": self.stream,
            "fault": self.fault,
        }


class ExchangeLog:
    """A log bounded by count and by bytes; numbers go on rising."""

    def __init__(self, max_count: int = 500, max_bytes: int = 32 * 2**20) -> None:
        self._kept: deque[Exchange] = deque(maxlen=max_count)
        self._max_bytes = max_bytes
        self._next = 1

    def add(
        self, caller: Caller, model: str, stream: bool, fault: FaultKind | None, raw: bytes
    ) -> None:
        """Remember a request."""
        self._kept.append(Exchange(self._next, caller, model, stream, fault, raw))
        self._next += 1
        while sum(len(each.raw) for each in self._kept) > self._max_bytes:
            self._kept.popleft()

    def clear(self) -> None:
        """Forget every request."""
        self._kept.clear()

    def lines(self) -> list[dict[str, Any]]:
        """The requests still kept, oldest first."""
        return [each.line() for each in self._kept]

    def body(self, number: int) -> Any | None:
        """A request's body, unless it is no longer kept."""
        found = next((each for each in self._kept if each.number == number), None)
        return None if found is None else json.loads(found.raw)
