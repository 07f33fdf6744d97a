"""Plans, what changed in them, and what a rerun would do, for the terminal."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from shared.models import (
    BlockedPart,
    FieldChange,
    PlanComparison,
    PlannedSubtask,
    PlanVersion,
    RerunPart,
    RerunPreview,
    SubtaskChange,
)
from ui.cli.console_tree import PlanTree, badge_text
from ui.plan_words import (
    CHANGE_BADGES,
    FIELD_NAMES,
    check_words,
    needs,
    tally_of,
    time_words,
    value_words,
    version_words,
)
from ui.steering_words import held_words
from ui.views import SUBTASK_BADGES, ago, money, one_line, plain

_FAINT = "bright_black"


def version(found: PlanVersion, at: datetime) -> RenderableType:
    """A plan: who made it, the tree, then each subtask in full."""
    first = Text(version_words(found), style="bold")
    current = "" if found.current else " · not the current one"
    first.append(f"  {ago(found.created_at, at)} · hash {found.hash[:12]}{current}", style=_FAINT)
    parts: list[RenderableType] = [first]
    if found.feedback:
        parts.append(Text(f"After the feedback: {plain(found.feedback)}", style="italic"))
    parts += [Text(plain(found.plan.summary)), Text(time_words(found.plan), style=_FAINT), Text()]
    parts += [PlanTree.of_plan(found.plan), Text()]
    parts += [_whole(subtask) for subtask in found.plan.subtasks]
    return Group(*parts)


def _whole(subtask: PlannedSubtask) -> RenderableType:
    name = Text(one_line(subtask.title, 80), style="bold").append(f"  {subtask.id}", style=_FAINT)
    below: list[RenderableType] = [
        Text(needs(subtask), style=_FAINT),
        Text(plain(subtask.description)),
        Text(f"Expected: {plain(subtask.expected_output)}"),
    ]
    below += [Text(f"Check: {check_words(check)}") for check in subtask.checks]
    return Group(name, Padding(Group(*below), (0, 0, 1, 2)))


def comparison(found: PlanComparison) -> RenderableType:
    """What two versions say differently."""
    changed = tally_of(found)
    title = f"From version {found.before} to version {found.after}: {changed[:1].lower()}"
    parts: list[RenderableType] = [Text(f"{title}{changed[1:]}", style="bold")]
    if found.summary:
        parts.append(_field(found.summary))
    parts += [_change(change) for change in found.subtasks]
    return Group(*parts)


def _change(change: SubtaskChange) -> RenderableType:
    name = Text.assemble(badge_text(CHANGE_BADGES[change.kind]), f"  {one_line(change.title, 80)}")
    name.append(f"  {change.id}", style=_FAINT)
    return Group(name, *(_field(field) for field in change.fields))


def _field(change: FieldChange) -> RenderableType:
    lines = [Text(FIELD_NAMES.get(change.field, change.field), style=_FAINT)]
    for sign, value, style in (("-", change.before, "red"), ("+", change.after, "green")):
        words = plain(value_words(change.field, value)).splitlines() or [""]
        lines += [Text(f"{sign} {line}", style=style) for line in words]
    return Padding(Group(*lines), (0, 0, 0, 4))


def preview(found: RerunPreview, description: str | None = None) -> RenderableType:
    """What runs again, and what is kept with what it cost."""
    parts: list[RenderableType] = [
        Text(f"Runs again: {_spent(found.runs)}", style="bold"),
        _parts(found.runs),
    ]
    if description is not None:
        parts.append(Text(f"with the description: {plain(description)}", style="italic"))
    if found.reuses:
        parts += [Text(f"Is reused: {_spent(found.reuses)}", style="bold"), _parts(found.reuses)]
    else:
        parts.append(Text("Nothing is reused.", style="bold"))
    if found.stays_blocked:
        parts += [Text("Stays blocked:", style="bold"), _held(found.stays_blocked)]
    return Group(*parts)


def _spent(parts: Sequence[RerunPart]) -> str:
    paid = sum((part.cost_usd for part in parts), Decimal(0))
    return f"{len(parts)} subtask{'s' if len(parts) != 1 else ''}, cost {money(paid)} so far"


def _held(parts: Sequence[BlockedPart]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for part in parts:
        name = Text(f"  {one_line(part.title, 60)}").append(f"  {part.key}", style=_FAINT)
        table.add_row(name, badge_text(SUBTASK_BADGES[part.status]), Text(held_words(part)))
    return table


def _parts(parts: Sequence[RerunPart]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for part in parts:
        name = Text(f"  {one_line(part.title, 60)}").append(f"  {part.key}", style=_FAINT)
        table.add_row(name, badge_text(SUBTASK_BADGES[part.status]), Text(money(part.cost_usd)))
    return table
