"""Notices that an agent goes in circles: warns it once of each kind, then stops the attempt."""

import json
import os
import re
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any, Literal, TypeAlias

from agent.claude_events import (
    SessionEvent,
    ToolCalled,
    ToolDenied,
    ToolReturned,
    TurnEnded,
    digest_of,
)
from agent.guard import WRITING
from agent.loop_limits import LoopLimits
from agent.tool_names import ANSWER, plain_name
from agent.workspace_state import is_kept_by_programs
from shared.errors import LoopDetected
from shared.log import redact

LONGEST_ROUND = 4
REMEDY = "Say more exactly what the subtask needs, or raise the loop limits of its profile."
_LOOKING = frozenset(("Read", "Glob", "Grep", "LS", "fetch_url", "get_shared_data"))
_WRITING = frozenset((*WRITING, "share_data"))
_READS_SQL = re.compile(r"\s*(?:select|show|explain|values|table)\b", re.IGNORECASE)
_READS_HTTP = frozenset(("GET", "HEAD", "OPTIONS"))

Kind: TypeAlias = Literal["repeats", "alternates", "stands still", "talks"]


@dataclass(slots=True)
class _Step:
    """A call and, once it has returned, a digest of what came of it."""

    id: str
    tool: str
    input: Mapping[str, Any]
    summary: str
    asked: str
    answer: str | None = None

    @property
    def mark(self) -> tuple[str, str, str | None]:
        """Equal for steps that repeat each other."""
        return (self.tool, self.asked, self.answer)


@dataclass(slots=True)
class _Course:
    """The steps of the agent, or of one subagent, in the order in which they were called."""

    waiting: deque[_Step] = field(default_factory=deque)
    done: deque[_Step] = field(default_factory=deque)

    def step(self, id: str) -> _Step | None:
        """The step that still waits for this answer."""
        return next((s for s in self.waiting if s.id == id and s.answer is None), None)

    def advance(self, most: int) -> bool:
        """Move what has returned, in order; parallel calls may return in any."""
        moved = False
        while self.waiting and self.waiting[0].answer is not None:
            self.done.append(self.waiting.popleft())
            moved = True
        while len(self.done) > most:
            self.done.popleft()
        return moved


@dataclass(frozen=True, slots=True)
class _Warning:
    """What an agent was told; `steps` are those it repeated, none when it only stood still."""

    kind: Kind
    text: str
    steps: frozenset[tuple[str, str]]
    reading_helps: bool


class LoopBreaker:
    """Observes one attempt. `fingerprint` tells the state of its directory, cheaply.

    When a rule trips, the next tool call is refused with the reason: that is the warning.
    Progress other than by what was warned of lifts it. When a rule trips under a warning, or for
    the second time in the attempt, `observe` raises LoopDetected.
    """

    def __init__(self, limits: LoopLimits, fingerprint: Callable[[], object]) -> None:
        self._usual = self._limits = limits
        self._fingerprint = fingerprint
        self._files = fingerprint()
        self._touched = False
        self._courses: dict[str | None, _Course] = {}
        self._seen: set[str] = set()
        self._kinds: set[str] = set()
        self._still_turns = 0
        self._still_tokens = 0
        self._warning: _Warning | None = None
        self._warned: set[Kind] = set()
        self._to_say: str | None = None
        self._heard = True
        self._refused: set[str] = set()
        self._answering = False

    def objection(self, tool: str, arguments: Mapping[str, Any]) -> str | None:
        """Why this call is refused: the warning, once. A result may always be given."""
        if tool == ANSWER:
            return None
        said, self._to_say = self._to_say, None
        if said is not None and self._warning is not None:
            self._warned.add(self._warning.kind)
        return said

    def observe(self, event: SessionEvent) -> None:
        """Take one event; raises LoopDetected when a tool has returned or a turn has ended."""
        match event:
            case ToolCalled(name=name) if name == ANSWER:
                self._answering = True
            case ToolCalled():
                self._called(event)
            case ToolDenied(id=id, reason=reason) if self._warning and reason == self._warning.text:
                self._refused.add(id)
            case ToolReturned(id=id) if id in self._refused:
                self._heard = True
                self._count_anew()
            case ToolReturned(name=name, is_error=False) if name == ANSWER:
                self._lift()  # whatever is asked next is another question
                self._count_anew()
            case ToolReturned(name=name) if name != ANSWER:
                self._returned(event)
            case TurnEnded(output_tokens=tokens):
                self._turned(tokens)

    def _called(self, call: ToolCalled) -> None:
        told = dict(call.input, description=None)
        asked = json.dumps(told, sort_keys=True, default=str, ensure_ascii=False)
        course = self._courses.setdefault(call.parent, _Course())
        step = _Step(call.id, plain_name(call.name), call.input, call.summary, asked)
        course.waiting.append(step)

    def _returned(self, back: ToolReturned) -> None:
        self._courses.pop(back.id, None)  # it was a subagent, and has ended
        for course in self._courses.values():
            if (step := course.step(back.id)) is None:
                continue
            step.answer = back.digest or digest_of(back.excerpt)
            self._weigh(step, back)
            if course.advance(LONGEST_ROUND * self._usual.alternating + self._usual.identical):
                self._judge(list(course.done))
            return

    def _weigh(self, step: _Step, back: ToolReturned) -> None:
        """What this step was good for."""
        self._touched = self._touched or step.tool not in _LOOKING
        new = step.answer not in self._seen and not _echoes(step, back.excerpt)
        self._seen.add(step.answer or "")
        another = (kind := _kind(step)) not in self._kinds
        self._kinds.add(kind)
        changed = not back.is_error and _changes_state(step)
        if changed or another:
            self._still_tokens = 0
        if changed or new:
            self._still_turns = 0
        if (warning := self._warning) is None or not self._heard:
            return
        news = new and warning.reading_helps
        progress = self._files_changed() or changed or another or news
        if progress and not back.is_error and (step.tool, step.asked) not in warning.steps:
            self._lift()

    def _files_changed(self) -> bool:
        if not self._touched:
            return False
        self._touched = False
        before, self._files = self._files, self._fingerprint()
        if before == self._files:
            return False
        self._still_turns = self._still_tokens = 0
        return True

    def _turned(self, tokens: int) -> None:
        """The answer's own calls have yet to return: what was still is all before it."""
        self._files_changed()
        self._still_tokens += tokens
        if self._answering:  # an agent that gives its result is not stopped for it
            self._answering = False
        elif self._still_turns >= self._limits.still_turns:
            self._trip(
                "stands still",
                f"{self._still_turns} turns in which no file and no shared data changed and "
                "no tool said anything new",
            )
        elif self._still_tokens >= self._limits.still_output_tokens:
            self._trip(
                "talks",
                f"{self._still_tokens} tokens written since a file or shared data changed or "
                "another tool was used",
                reading_helps=False,
            )
        self._still_turns += 1

    def _judge(self, steps: list[_Step]) -> None:
        times = self._limits.identical
        if _rounds(steps, 1) >= times:
            last = steps[-1]
            self._trip(
                "repeats",
                f"the same {last.tool} call {times} times in a row with the same result: "
                f"{last.summary}",
                steps[-1:],
            )
            return
        times = self._limits.alternating
        for length in range(2, LONGEST_ROUND + 1):
            if _rounds(steps, length) >= times:
                again = steps[-length:]
                calls = ", then ".join(f"{step.tool} {step.summary}" for step in again)
                self._trip(
                    "alternates",
                    f"the same {length} calls in turn, {times} times over, with the same "
                    f"results: {calls}",
                    again,
                )
                return

    def _trip(
        self, kind: Kind, what: str, steps: Sequence[_Step] = (), *, reading_helps: bool = True
    ) -> None:
        if not self._heard:
            return
        reason = redact(what)
        if self._warning is not None or kind in self._warned:
            raise LoopDetected(f"After a warning: {reason}.", remedy=REMEDY)
        self._limits = self._usual.halved()
        self._to_say = (
            f"You are going in circles: {reason}. This call was not made. Do something else, or "
            "return your result with `failed` set to true and the reason."
        )
        repeated = frozenset((step.tool, step.asked) for step in steps)
        self._warning = _Warning(kind, self._to_say, repeated, reading_helps)
        self._heard = False

    def _lift(self) -> None:
        self._warning, self._to_say, self._heard = None, None, True
        self._limits = self._usual

    def _count_anew(self) -> None:
        self._courses.clear()
        self._still_turns = self._still_tokens = 0


def directory_fingerprint(folder: Path, most: int = 2000) -> tuple[int, int]:
    """Sizes and times of the first `most` files, top levels first; equal when nothing changed.

    What programs keep for themselves is left out, and so is when a folder was last touched: both
    change with every run of the tests. Looks at the disk for a few milliseconds.
    """
    entries: list[tuple[str, int, int]] = []
    folders = deque([str(folder)])
    while folders and len(entries) < most:
        with suppress(OSError), os.scandir(folders.popleft()) as scan:
            for entry in scan:
                if not entry.is_dir(follow_symlinks=False):
                    status = entry.stat(follow_symlinks=False)
                    entries.append((entry.path, status.st_size, status.st_mtime_ns))
                elif not is_kept_by_programs(entry.name):
                    entries.append((entry.path, 0, 0))
                    folders.append(entry.path)
                if len(entries) >= most:
                    break
    return len(entries), hash(frozenset(entries))


def _rounds(steps: Sequence[_Step], length: int) -> int:
    """How often the last `length` steps have come in a row; 0 when they are all the same."""
    marks = [step.mark for step in reversed(steps)]
    last = marks[:length]
    if length > 1 and len(set(last)) == 1:
        return 0
    starts = range(0, len(marks) - length + 1, length)
    return len(list(takewhile(lambda at: marks[at : at + length] == last, starts)))


def _kind(step: _Step) -> str:
    """What sort of step this is: the tool, for Bash the program."""
    words = str(step.input.get("command", "")).split() if step.tool == "Bash" else []
    return " ".join([step.tool, *words[:1]])


def _changes_state(step: _Step) -> bool:
    match step.tool:
        case "query_database":
            return _READS_SQL.match(str(step.input.get("sql", ""))) is None
        case "http_request":
            return str(step.input.get("method", "GET")).upper() not in _READS_HTTP
        case tool:
            return tool in _WRITING


def _echoes(step: _Step, answer: str) -> bool:
    """The answer says only what the call had said."""
    return "".join(answer.split()) in "".join(step.asked.split())
