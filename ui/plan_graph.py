"""What the plan's drawing needs to know: pure data, made from a task."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.models import SubtaskView, TaskView
from shared.states import SubtaskStatus
from ui.evidence import EVIDENCE_BADGES, MEANINGS, corrections, short_failure, times
from ui.graph_layout import Edge, Layout, Sizes, lay_out
from ui.views import SUBTASK_BADGES, duration, elapsed, one_line, why_waiting

WIDE = Sizes()
TALL = Sizes(width=198, layer_gap=34)


def drawing(task: TaskView, selected: str | None, at: datetime) -> dict[str, Any]:
    """Cards, edges and their places in a wide layout and in one for narrow screens."""
    nodes = [subtask.key for subtask in task.subtasks]
    by_key = {subtask.key: subtask for subtask in task.subtasks}
    edges = [(end, node) for node in nodes for end in by_key[node].dependencies if end in by_key]
    return {
        "selected": selected,
        "nodes": [_card(subtask, at) for subtask in task.subtasks],
        "edges": [
            {"id": _name(edge), "flow": flow(by_key[edge[0]], by_key[edge[1]])} for edge in edges
        ],
        "layouts": {
            "wide": _places(lay_out(nodes, edges, WIDE), WIDE),
            "tall": _places(lay_out(nodes, edges, TALL, downwards=True), TALL),
        },
    }


def flow(source: SubtaskView, target: SubtaskView) -> str:
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
        return f"{subtask.agent_id} · {spent}"
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


def _card(subtask: SubtaskView, at: datetime) -> dict[str, str]:
    return {
        "key": subtask.key,
        "status": subtask.status.value,
        "title": one_line(subtask.title, 90),
        "note": note(subtask, at),
        "evidence": subtask.evidence or "",
        "hint": _hint(subtask),
    }


def _name(edge: Edge) -> str:
    return f"{edge[0]}>{edge[1]}"


def _places(layout: Layout, sizes: Sizes) -> Mapping[str, Any]:
    return {
        "width": layout.width,
        "height": layout.height,
        "box": [sizes.width, sizes.height],
        "boxes": {node: list(point) for node, point in layout.boxes.items()},
        "paths": {_name(edge): path for edge, path in layout.paths.items()},
    }
