"""The chain of subtasks that decides when a task ends: by estimates, by what happened, or by both.

Each subtask is given the moment at which it ended or is expected to end. The chain is found from
the last of these moments, walking back over the prerequisite that ended last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from shared.models import Plan, SubtaskView, TaskView
from shared.states import SubtaskStatus
from ui.views import duration

ARROW = " → "
_NAMED_WHOLE = 7  # links of a chain that are all named
_HEAD, _TAIL = 3, 2  # links of a longer one that are
_WORTH_SAYING = 1.0  # seconds of waiting

Tense = Literal["planned", "underway", "happened"]
Span = tuple[datetime, datetime]  # when it began or could begin, and when it ended or should


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The chain's keys in order, how long it takes or took, and what of that is still to come."""

    keys: tuple[str, ...] = ()
    tense: Tense = "planned"
    seconds: float = 0.0
    remaining: float = 0.0
    waiting: float = 0.0

    @property
    def edges(self) -> frozenset[tuple[str, str]]:
        """The chain's links."""
        return frozenset(pairwise(self.keys))

    def sentence(self) -> str:
        """The chain and its time in one sentence, or nothing when there is no chain."""
        if not self.keys:
            return ""
        return f"The longest chain: {_named(self.keys)}, {self._time()}; {_CONSEQUENCE[self.tense]}"

    def _time(self) -> str:
        if self.tense == "planned":
            return f"about {duration(self.seconds)} by the estimates"
        if self.tense == "underway":
            so_far = f"{duration(self.seconds - self.remaining)} so far"
            return f"{so_far} and about {duration(self.remaining)} to go"
        if self.waiting < _WORTH_SAYING:
            return duration(self.seconds)
        return f"{duration(self.seconds)}, {duration(self.waiting)} of it waiting for an agent"


_CONSEQUENCE: dict[Tense, str] = {
    "planned": "nothing finishes sooner unless these do.",
    "underway": "nothing finishes sooner unless these do.",
    "happened": "nothing would have finished sooner unless these had.",
}


def _named(keys: Sequence[str]) -> str:
    if len(keys) <= _NAMED_WHOLE:
        return ARROW.join(keys)
    between = f"… {len(keys) - _HEAD - _TAIL} more …"
    return ARROW.join((*keys[:_HEAD], between, *keys[-_TAIL:]))


def planned_path(plan: Plan) -> CriticalPath:
    """The chain of a plan that nobody has begun: estimates alone decide."""
    needs = {one.id: one.dependencies for one in plan.subtasks}
    lasts = {one.id: timedelta(seconds=one.estimated_duration) for one in plan.subtasks}
    start = datetime.min
    spans: dict[str, Span] = {}
    for key in _in_order(needs):
        begin = max((spans[end][1] for end in needs[key] if end in spans), default=start)
        spans[key] = (begin, begin + lasts[key])
    keys = _chain(spans, needs)
    total = (spans[keys[-1]][1] - start).total_seconds() if keys else 0.0
    return CriticalPath(keys, "planned", total, total)


def path_of(task: TaskView, at: datetime) -> CriticalPath:
    """The chain of a task: what happened, and estimates for what is running or still to come."""
    subtasks = {one.key: one for one in task.subtasks}
    needs = {key: one.dependencies for key, one in subtasks.items()}
    spans: dict[str, Span] = {}
    for key in _in_order(needs):
        ready = max((spans[end][1] for end in needs[key] if end in spans), default=at)
        if span := _span(subtasks[key], ready, at):
            spans[key] = span
    keys = _chain(spans, needs)
    if not keys:
        return CriticalPath()
    chain = [subtasks[key] for key in keys]
    begin, end = spans[keys[0]][0], spans[keys[-1]][1]
    return CriticalPath(
        keys,
        _tense(chain),
        (end - begin).total_seconds(),
        max(0.0, (end - at).total_seconds()) if _is_open(chain[-1]) else 0.0,
        _waiting([spans[key] for key in keys]),
    )


def _span(subtask: SubtaskView, ready: datetime, at: datetime) -> Span | None:
    """When it began and ended, or should; nothing for what will not run."""
    lasts = timedelta(seconds=subtask.estimated_duration)
    if subtask.finished_at and subtask.started_at:
        return subtask.started_at, subtask.finished_at
    if subtask.status is SubtaskStatus.RUNNING and subtask.started_at:
        return subtask.started_at, max(at, subtask.started_at + lasts)
    if _is_open(subtask):
        begin = max(ready, at)
        return begin, begin + lasts
    return None


def _is_open(subtask: SubtaskView) -> bool:
    return subtask.status in (SubtaskStatus.PENDING, SubtaskStatus.QUEUED, SubtaskStatus.RUNNING)


def _tense(chain: Sequence[SubtaskView]) -> Tense:
    if not _is_open(chain[-1]):
        return "happened"
    return "underway" if any(one.started_at for one in chain) else "planned"


def _waiting(spans: Sequence[Span]) -> float:
    """Seconds between one link's end and the next one's begin."""
    gaps = ((later[0] - earlier[1]).total_seconds() for earlier, later in pairwise(spans))
    return sum(gap for gap in gaps if gap > 0)


def _chain(spans: Mapping[str, Span], needs: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """From what ends last, back over the prerequisite that ended last."""
    ends = list(spans)
    keys: list[str] = []
    while ends:
        keys.append(max(ends, key=lambda key: spans[key][1]))
        ends = [key for key in needs[keys[-1]] if key in spans]
    return tuple(reversed(keys))


def _in_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Each key after what it needs; what a cycle holds up, which no plan has, is left out."""
    left = {key: sum(end in needs for end in set(ends)) for key, ends in needs.items()}
    after: dict[str, list[str]] = {}
    for key, ends in needs.items():
        for end in dict.fromkeys(ends):
            after.setdefault(end, []).append(key)
    order = [key for key, count in left.items() if not count]
    for key in order:
        for later in after.get(key, ()):
            left[later] -= 1
            if not left[later]:
                order.append(later)
    return order
