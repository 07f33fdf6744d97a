"""Faults on demand: asked for at the control endpoint or by marker words in a request."""

from collections import OrderedDict
from collections.abc import Iterable
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from scripts.claude_simulator.messages import Caller


class FaultKind(StrEnum):
    """What may go wrong."""

    RATE_LIMIT = "rate_limit"
    RATE_LIMIT_NO_HEADER = "rate_limit_no_header"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    INVALID_KEY = "invalid_key"
    CUT_STREAM = "cut_stream"
    STALL = "stall"
    MALFORMED = "malformed"
    CYCLIC_PLAN = "cyclic_plan"
    REFUSAL = "refusal"
    MAX_TOKENS = "max_tokens"


class Fault(BaseModel):
    """A fault for the next `times` calls of a caller; times in seconds.

    Without a caller it befalls any message, but no count of tokens.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: FaultKind
    times: int = Field(default=1, ge=1)
    caller: Caller | None = None
    retry_after: float = Field(default=1.0, ge=0)
    seconds: float = Field(default=60.0, ge=0)

    def concerns(self, caller: Caller) -> bool:
        """Whether it may befall this caller; only a planner can return a cyclic plan."""
        if caller is Caller.COUNT_TOKENS:
            return self.caller is caller
        if self.kind is FaultKind.CYCLIC_PLAN and caller is not Caller.PLANNER:
            return False
        return self.caller in (None, caller)


class FaultBoard:
    """The faults still to come, and how often each marked conversation has had its own."""

    def __init__(self, capacity: int = 1024) -> None:
        self._left: list[Fault] = []
        self._marked: OrderedDict[str, int] = OrderedDict()
        self._capacity = capacity

    def add(self, fault: Fault) -> None:
        """Let it happen on the next calls that it concerns, after those added before."""
        self._left.append(fault)

    def clear(self) -> None:
        """Forget every fault."""
        self._left.clear()
        self._marked.clear()

    def left(self) -> list[Fault]:
        """What is still to come, `times` counted down."""
        return list(self._left)

    def take(self, caller: Caller) -> Fault | None:
        """The fault of this call, counted down."""
        for index, fault in enumerate(self._left):
            if fault.concerns(caller):
                rest = fault.model_copy(update={"times": fault.times - 1})
                self._left[index : index + 1] = [rest] if rest.times else []
                return fault
        return None

    def take_marked(self, key: str, faults: Iterable[Fault]) -> Fault | None:
        """The marked fault of this call; once all have been had, the same text begins anew."""
        queue = [fault for fault in faults for _ in range(fault.times)]
        had = self._marked.pop(key, 0)
        if had >= len(queue):
            return None
        self._marked[key] = had + 1
        while len(self._marked) > self._capacity:
            self._marked.popitem(last=False)
        return queue[had]
