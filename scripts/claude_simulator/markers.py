"""Marker words that ask for a fault from within a request.

`[[simulate: [CALLER] KIND [xN] [SECONDS]]]` befalls the first call of each conversation N times;
`[[simulate: slow SECONDS]]` delays each turn of each agent;
`[[simulate: fail [KEY] [xN]]]` lets a subtask (all, without a key) fail, on its first N attempts.
"""

import re
from dataclasses import dataclass, field

from scripts.claude_simulator.faults import Fault, FaultKind
from scripts.claude_simulator.messages import Caller, InvalidRequestError

_MARKER = re.compile(r"\[\[\s*simulate:([^\]]*)\]\]")
_TIMES = re.compile(r"x(\d+)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class Failing:
    """Subtasks that are to fail: of this key or all, on the first attempts or on every one."""

    key: str | None
    attempts: int | None


@dataclass(slots=True)
class Markers:
    """Everything that a request's markers ask for."""

    faults: list[Fault] = field(default_factory=list)
    failing: list[Failing] = field(default_factory=list)
    slow: float = 0.0

    def fails(self, key: str, attempt: int) -> bool:
        """Whether this attempt at the subtask is to fail."""
        return any(
            each.key in (None, key) and (each.attempts is None or attempt <= each.attempts)
            for each in self.failing
        )


def without_markers(text: str) -> str:
    """The request as it would read without its markers."""
    return _MARKER.sub("", text).strip()


def read_markers(text: str) -> Markers:
    """Read the request's markers; one that means nothing is refused with what is known."""
    markers = Markers()
    for marker in _MARKER.findall(text):
        _read(marker.split(), markers)
    return markers


def _read(words: list[str], markers: Markers) -> None:
    caller = Caller(words.pop(0)) if words and words[0] in set(Caller) else None
    kind = words.pop(0) if words else ""
    times = [int(match[1]) for word in words if (match := _TIMES.fullmatch(word))]
    numbers = [float(word) for word in words if _NUMBER.fullmatch(word)]
    if kind == "slow":
        markers.slow = numbers[0] if numbers else 1.0
    elif kind == "fail":
        keys = [word for word in words if not _TIMES.fullmatch(word) and word != "any"]
        markers.failing.append(Failing(next(iter(keys), None), next(iter(times), None)))
    elif kind in set(FaultKind):
        markers.faults.append(_fault(FaultKind(kind), caller, times, numbers))
    else:
        known = ", ".join(["slow", "fail", *FaultKind])
        raise InvalidRequestError(f"unknown marker [[simulate: {kind}]]; known: {known}")


def _fault(kind: FaultKind, caller: Caller | None, times: list[int], numbers: list[float]) -> Fault:
    fault = Fault(kind=kind, caller=caller, times=max([1, *times]))
    if not numbers:
        return fault
    return fault.model_copy(update={"seconds": numbers[0], "retry_after": numbers[0]})
