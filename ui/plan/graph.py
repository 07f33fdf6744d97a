"""A task's plan as cards and links: pure data, made from records."""

from datetime import datetime

from shared.models import SubtaskView, TaskView
from shared.states import SubtaskStatus
from ui.evidence import EVIDENCE_BADGES, MEANINGS, corrections, short_failure, times
from ui.plan.critical_path import CriticalPath, path_of
from ui.plan.sketch import CRITICAL, Card, Flow, Link, Sketch, spoken
from ui.views import SUBTASK_BADGES, duration, elapsed, one_line, why_waiting


def drawing(task: TaskView, selected: str | None, at: datetime) -> Sketch:
    """What `ui.drawings.plan_graph` draws of a task whose plan was agreed to."""
    by_key = {subtask.key: subtask for subtask in task.subtasks}
    path = path_of(task, at)
    links = [
        Link(end, one.key, flow(by_key[end], one), (end, one.key) in path.edges)
        for one in task.subtasks
        for end in dict.fromkeys(one.dependencies)
        if end in by_key
    ]
    cards = [_card(subtask, path, at) for subtask in task.subtasks]
    return Sketch(cards, links, selected, path.sentence())


def flow(source: SubtaskView, target: SubtaskView) -> Flow:
    """How an edge is drawn: done, active, broken or idle."""
    if target.status is SubtaskStatus.BLOCKED and source.status in (
        SubtaskStatus.FAILED,
        SubtaskStatus.BLOCKED,
    ):
        return "broken"
    if source.status is not SubtaskStatus.COMPLETED:
        return "idle"
    return "active" if target.status is SubtaskStatus.RUNNING else "done"


def note(subtask: SubtaskView, at: datetime) -> str:
    """The card's second line."""
    spent = duration(elapsed(subtask.started_at, subtask.finished_at, at))
    label = SUBTASK_BADGES[subtask.status].label
    if subtask.status is SubtaskStatus.RUNNING:
        return f"{'Stopping' if subtask.cancel_requested else subtask.agent_id} · {spent}"
    if subtask.status in (SubtaskStatus.COMPLETED, SubtaskStatus.FAILED):
        return " · ".join((_ended(subtask), *_corrected(subtask), spent))
    if subtask.status is SubtaskStatus.QUEUED:
        return one_line(why_waiting(subtask), 60) or label
    count = len(subtask.waiting.on) if subtask.waiting else 0
    return f"{label} for {count} other{'s' * (count > 1)}" if _waits(subtask) and count else label


def _ended(subtask: SubtaskView) -> str:
    if subtask.status is SubtaskStatus.FAILED:
        return short_failure(subtask)
    evidence = subtask.evidence
    return EVIDENCE_BADGES[evidence].label if evidence else SUBTASK_BADGES[subtask.status].label


def _corrected(subtask: SubtaskView) -> list[str]:
    count = corrections(subtask)
    return [f"↻ {count}"] if count else []


def _hint(subtask: SubtaskView) -> str:
    """What a pointer at rest on the card is told."""
    parts = [why_waiting(subtask) or one_line(subtask.title)]
    if subtask.evidence:
        label = EVIDENCE_BADGES[subtask.evidence].label
        parts.append(f"{label}: {MEANINGS[subtask.evidence]}.")
    if count := corrections(subtask):
        parts.append(f"Sent back and corrected {times(count)}.")
    return "\n".join(parts)


def _waits(subtask: SubtaskView) -> bool:
    return subtask.status is SubtaskStatus.PENDING


def _card(subtask: SubtaskView, path: CriticalPath, at: datetime) -> Card:
    title = one_line(subtask.title, 90)
    critical = subtask.key in path.keys
    more = [EVIDENCE_BADGES[subtask.evidence].label.lower()] if subtask.evidence else []
    more += [CRITICAL] if critical else []
    return Card(
        key=subtask.key,
        status=subtask.status.value,
        title=title,
        note=note(subtask, at),
        hint=_hint(subtask),
        label=spoken(title, subtask.status.value, len(subtask.dependencies), *more),
        evidence=subtask.evidence or "",
        critical=critical,
    )
