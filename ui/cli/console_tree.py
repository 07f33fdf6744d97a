"""The plan as a tree for the terminal: one or two lines a subtask, whatever fits."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from shared.models import Plan, PlannedSubtask, SubtaskView
from shared.states import SubtaskStatus
from ui.cli.plan_tree import Branch, Part, branches
from ui.evidence import EVIDENCE_BADGES, corrections, problems, short_failure, times
from ui.views import (
    SUBTASK_BADGES,
    Badge,
    capability_words,
    duration,
    elapsed,
    money,
    one_line,
    why_waiting,
)

STYLES = {"violet": "magenta", "orange": "dark_orange", "gray": "bright_black"}
PLANNED = Badge("Planned", "draft", "◌", "gray")
BAR_CELLS = 16
MOST_AFTER = 3
_FAINT = "bright_black"
_INTEREST = (
    SubtaskStatus.RUNNING,
    SubtaskStatus.FAILED,
    SubtaskStatus.QUEUED,
    SubtaskStatus.BLOCKED,
    SubtaskStatus.PENDING,
    SubtaskStatus.COMPLETED,
    SubtaskStatus.CANCELLED,
)


@dataclass(frozen=True, slots=True)
class Row:
    """One subtask as the tree shows it; those with a low `rank` stay when room is short."""

    part: Part
    title: str
    badge: Badge
    facts: str = ""
    bar: float | None = None
    rank: int = 0


def badge_text(badge: Badge) -> Text:
    """A badge as coloured words."""
    return Text(f"{badge.sign} {badge.label}", style=STYLES.get(badge.colour, badge.colour))


def bar_text(fraction: float) -> Text:
    """How much of the estimate has passed; full and yellow once it is exceeded."""
    full = min(BAR_CELLS, int(fraction * BAR_CELLS))
    style = "blue" if fraction <= 1 else "yellow"
    return Text.assemble(("━" * full, style), ("─" * (BAR_CELLS - full), _FAINT))


def row_of(subtask: SubtaskView, at: datetime) -> Row:
    """A subtask at work, or before or after it."""
    return Row(
        Part(subtask.key, subtask.dependencies, subtask.estimated_duration),
        subtask.title,
        SUBTASK_BADGES[subtask.status],
        " · ".join(fact for fact in _facts(subtask, at) if fact),
        _passed(subtask, at),
        _INTEREST.index(subtask.status),
    )


def planned_row(subtask: PlannedSubtask) -> Row:
    """A subtask that nobody works on yet."""
    checks = len(subtask.checks)
    facts = (
        f"about {duration(subtask.estimated_duration)}",
        capability_words(subtask.required_capabilities),
        subtask.profile or "",
        f"{checks} check{'s' if checks > 1 else ''}" if checks else "",
    )
    part = Part(subtask.id, subtask.dependencies, subtask.estimated_duration)
    return Row(part, subtask.title, PLANNED, " · ".join(fact for fact in facts if fact))


def _passed(subtask: SubtaskView, at: datetime) -> float | None:
    if subtask.status is not SubtaskStatus.RUNNING:
        return None
    spent = elapsed(subtask.started_at, None, at) or 0.0
    return spent / subtask.estimated_duration


def _facts(subtask: SubtaskView, at: datetime) -> list[str]:
    spent = duration(elapsed(subtask.started_at, subtask.finished_at, at))
    paid = money(subtask.cost_usd) if subtask.cost_usd else ""
    match subtask.status:
        case SubtaskStatus.RUNNING:
            told = "being stopped" if subtask.cancel_requested else ""
            about = f"{spent} of about {duration(subtask.estimated_duration)}"
            return [f"{subtask.agent_id}", about, told, paid]
        case SubtaskStatus.COMPLETED:
            return [f"{subtask.agent_id}", spent, *_looked_at(subtask), paid]
        case SubtaskStatus.FAILED:
            first = [one_line(problem, 120) for problem in problems(subtask)[:1]]
            return [*_looked_at(subtask), *first, paid]
        case _:
            return [why_waiting(subtask), paid]


def _looked_at(subtask: SubtaskView) -> list[str]:
    """How far the result was looked at, or why it failed, and how often it was corrected."""
    said = [short_failure(subtask).lower()] if subtask.status is SubtaskStatus.FAILED else []
    if subtask.evidence:
        badge = EVIDENCE_BADGES[subtask.evidence]
        said.append(f"{badge.sign} {badge.label.lower()}")
    if count := corrections(subtask):
        said.append(f"sent back {times(count)}")
    return said


class PlanTree:
    """Subtasks below what they wait for; within `most_lines`, those that move first."""

    def __init__(self, rows: Sequence[Row], most_lines: int | None = None) -> None:
        self._rows = rows
        self._most_lines = most_lines

    @classmethod
    def of_plan(cls, plan: Plan, most_lines: int | None = None) -> "PlanTree":
        """The tree of a plan that nobody works on yet."""
        return cls([planned_row(subtask) for subtask in plan.subtasks], most_lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines, each as long as the terminal is wide."""
        width = options.max_width
        kept = self._fitting(width)
        by_key = {row.part.key: row for row in self._rows}
        for branch in branches([row.part for row in self._rows], kept):
            for guide, line in _lines(by_key[branch.key], branch, width):
                yield _beside(guide, line, wraps=self._most_lines is None)
        if left := [row for row in self._rows if row.part.key not in kept]:
            yield Text(f"… and {_counted(left)} more", style=_FAINT)

    def _fitting(self, width: int) -> set[str]:
        keys = {row.part.key for row in self._rows}
        if self._most_lines is None:
            return keys
        by_key = {row.part.key: row for row in self._rows}
        tall = {
            branch.key: len(_lines(by_key[branch.key], branch, width))
            for branch in branches([row.part for row in self._rows])
        }
        if sum(tall.values()) <= self._most_lines:
            return keys
        kept: set[str] = set()
        left = self._most_lines - 1  # a line says how many there are besides
        for row in sorted(self._rows, key=lambda each: each.rank):
            left -= tall[row.part.key]
            if kept and left < 0:
                break
            kept.add(row.part.key)
        return kept


def _beside(guide: str, line: Text, *, wraps: bool) -> RenderableType:
    """A line behind its guide; what is too long is cut, or goes on below its own beginning."""
    if wraps and guide:
        grid = Table.grid()
        grid.add_row(Text(guide, style=_FAINT), line)
        return grid
    whole = Text.assemble((guide, _FAINT), line)
    if not wraps:
        whole.no_wrap, whole.overflow = True, "ellipsis"
    return whole


def _counted(rows: Sequence[Row]) -> str:
    labels = [row.badge.label.lower() for row in rows]
    counted = ", ".join(f"{labels.count(label)} {label}" for label in dict.fromkeys(labels))
    return f"{len(rows)}" if len(set(labels)) > 3 else counted


def _lines(row: Row, branch: Branch, width: int) -> list[tuple[str, Text]]:
    name = Text.assemble(badge_text(row.badge), f"  {one_line(row.title, 80)}")
    name.append(f"  {row.part.key}", style=_FAINT)
    if branch.after:
        more = f" and {len(branch.after) - MOST_AFTER} more"
        listed = ", ".join(branch.after[:MOST_AFTER])
        listed += more if len(branch.after) > MOST_AFTER else ""
        name.append(f"  {'after' if branch.is_root else 'also after'} {listed}", style=_FAINT)
    if row.bar is not None:
        bar = Text.assemble("  ", bar_text(row.bar), (f"  {row.facts}", _FAINT))
        return [(branch.first, name), (branch.below, bar)]
    if not row.facts:
        return [(branch.first, name)]
    if cell_len(branch.first) + name.cell_len + cell_len(row.facts) + 2 <= width:
        return [(branch.first, name.append(f"  {row.facts}", style=_FAINT))]
    return [(branch.first, name), (branch.below, Text(f"  {row.facts}", style=_FAINT))]
