"""When what waited and ran: one row a subtask, as shares of the time from the task's start."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.models import AttemptView, SubtaskView, TaskView
from shared.states import AttemptOutcome, SubtaskStatus
from ui.evidence import corrections
from ui.plan.critical_path import path_of
from ui.plan.sketch import CRITICAL, LABELS
from ui.views import duration, one_line

MOST_TICKS = 6
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400)
_WAITING = "waiting"
_STATUSES: dict[AttemptOutcome | None, str] = {
    None: SubtaskStatus.RUNNING.value,
    AttemptOutcome.COMPLETED: SubtaskStatus.COMPLETED.value,
    AttemptOutcome.FAILED: SubtaskStatus.FAILED.value,
    AttemptOutcome.LOST: "lost",
    AttemptOutcome.RELEASED: "lost",
    AttemptOutcome.CANCELLED: SubtaskStatus.CANCELLED.value,
}
_GIVEN_BACK = (AttemptOutcome.LOST, AttemptOutcome.RELEASED)
LEGEND = {
    _WAITING: "Waiting for an agent",
    "lost": "Lost or given back",
    **{one: LABELS[one] for one in ("running", "completed", "failed", "cancelled")},
}


@dataclass(frozen=True, slots=True)
class _Bar:
    kind: str
    begin: datetime
    end: datetime
    words: str

    @property
    def seconds(self) -> float:
        return (self.end - self.begin).total_seconds()


def timeline_of(
    task: TaskView, at: datetime, attempts: Sequence[AttemptView] = ()
) -> dict[str, Any]:
    """JSON for `ui.drawings.timeline`; `attempts` shows every try of the subtasks it knows."""
    path = path_of(task, at)
    bars = {one.key: _bars(one, at, attempts) for one in task.subtasks}
    begun = sorted(
        (one for one in task.subtasks if bars[one.key]), key=lambda one: bars[one.key][0].begin
    )
    everything = [bar for found in bars.values() for bar in found]
    start = min((bar.begin for bar in everything), default=task.created_at)
    start = min(start, task.created_at)
    span = max(((bar.end - start).total_seconds() for bar in everything), default=0.0) or 1.0
    kinds = {bar.kind for bar in everything}
    return {
        "sentence": path.sentence() if begun else "",
        "ticks": _ticks(span),
        "legend": [
            {"kind": one, "label": name, "shown": one in kinds} for one, name in LEGEND.items()
        ],
        "critical": bool(begun and path.keys),
        "rows": [
            _row(one, bars[one.key], critical=one.key in path.keys, start=start, span=span)
            for one in begun
        ],
        "rest": _rest(len(task.subtasks) - len(begun)) if begun else "Nothing has been queued yet.",
    }


def _bars(subtask: SubtaskView, at: datetime, attempts: Iterable[AttemptView]) -> list[_Bar]:
    tries = sorted(
        (one for one in attempts if one.subtask_id == subtask.id), key=lambda one: one.attempt
    )
    tries = [one for one in tries if one.outcome or _is_under_way(one, subtask)]
    ran = [_attempt_bar(one, at) for one in tries]
    if all(one.attempt != subtask.attempt for one in tries):
        ran += _last_run(subtask, at)
    waits = list(_waits(subtask, ran, at))
    waits += [
        _waiting(before.end, after.begin)
        for one, before, after in zip(tries, ran, ran[1:], strict=False)
        if one.outcome in _GIVEN_BACK
    ]
    kept = {(bar.begin, bar.end): bar for bar in (*waits, *ran) if bar.end >= bar.begin}
    return sorted(kept.values(), key=lambda bar: bar.begin)


def _is_under_way(one: AttemptView, subtask: SubtaskView) -> bool:
    """Whether an attempt without an end runs still: it may have been heard of earlier."""
    return subtask.status is SubtaskStatus.RUNNING and subtask.attempt == one.attempt


def _attempt_bar(one: AttemptView, at: datetime) -> _Bar:
    end = one.finished_at or at
    kind = _STATUSES[one.outcome]
    outcome = one.outcome.value if one.outcome else "running"
    spent = duration((end - one.claimed_at).total_seconds())
    facts = (f"Attempt {one.attempt}", outcome, one.agent_id or "", spent)
    return _Bar(kind, one.claimed_at, max(end, one.claimed_at), " · ".join(filter(None, facts)))


def _last_run(subtask: SubtaskView, at: datetime) -> Iterator[_Bar]:
    begin = subtask.started_at
    if begin is None:
        return
    end = max(begin, subtask.finished_at or at)
    spent = duration((end - begin).total_seconds())
    facts = (LABELS[subtask.status.value], subtask.agent_id or "", spent)
    # What was given back and waits again has ended nowhere that is known.
    if subtask.finished_at or subtask.status is SubtaskStatus.RUNNING:
        yield _Bar(subtask.status.value, begin, end, " · ".join(filter(None, facts)))


def _waits(subtask: SubtaskView, ran: Sequence[_Bar], at: datetime) -> Iterator[_Bar]:
    """The wait that began when it was last queued: until it was claimed, or until now."""
    queued = subtask.queued_at
    if queued is None:
        return
    claimed = min((bar.begin for bar in ran if bar.begin >= queued), default=None)
    if claimed:
        yield _waiting(queued, claimed)
    elif subtask.status is SubtaskStatus.QUEUED:
        yield _waiting(queued, max(at, queued))


def _waiting(begin: datetime, end: datetime) -> _Bar:
    return _Bar(_WAITING, begin, end, f"Waited {duration((end - begin).total_seconds())}")


def _row(
    subtask: SubtaskView, bars: Sequence[_Bar], *, critical: bool, start: datetime, span: float
) -> dict[str, Any]:
    title = one_line(subtask.title, 80)
    status = subtask.status.value
    waited = sum(bar.seconds for bar in bars if bar.kind == _WAITING)
    ran = sum(bar.seconds for bar in bars if bar.kind != _WAITING)
    facts = [f"ran {duration(ran)}"] if ran else []
    facts += [f"waited {duration(waited)}"] if waited >= 1 else []
    facts += [f"attempt {subtask.attempt}"] if subtask.attempt > 1 else []
    fixed = corrections(subtask)
    facts += [f"{fixed} correction{'s' * (fixed > 1)}"] if fixed else []
    more = [CRITICAL] if critical else []
    return {
        "key": subtask.key,
        "status": status,
        "title": title,
        "note": " · ".join(facts),
        "critical": critical,
        "label": ", ".join((title, LABELS[status].lower(), *facts, *more)),
        "bars": [_share(bar, start, span) for bar in bars],
    }


def _share(bar: _Bar, start: datetime, span: float) -> dict[str, Any]:
    begin = (bar.begin - start).total_seconds()
    return {
        "kind": bar.kind,
        "left": round(100 * begin / span, 2),
        "width": round(100 * bar.seconds / span, 2),
        "words": bar.words,
    }


def _ticks(span: float) -> list[dict[str, Any]]:
    """A few round moments on an axis of so many seconds."""
    step = next((one for one in _STEPS if span / one <= MOST_TICKS), 0)
    while not step or span / step > MOST_TICKS:
        step = max(_STEPS[-1], 2 * step)
    count = int(span // step) + 1
    return [
        {"at": round(100 * n * step / span, 2), "label": duration(n * step)} for n in range(count)
    ]


def _rest(count: int) -> str:
    return f"{count} more {'have' if count > 1 else 'has'} not been queued yet." if count else ""
