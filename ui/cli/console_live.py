"""A task that is followed: one picture to repaint, or the lines of what has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Group, RenderableType
from rich.rule import Rule
from rich.text import Text

from shared.models import LogEntry, SubtaskView, TaskView
from ui.cli.console import header
from ui.cli.console_tree import PlanTree, badge_text, row_of
from ui.cli.following import Standing
from ui.log_lines import log_sign, log_words
from ui.views import (
    SIMULATED,
    duration,
    headline,
    is_over,
    now,
    one_line,
    short_id,
    tally,
    task_badge,
)

HEADER_LINES = 8
TAIL_SHARE = 0.4  # of the terminal's height
_FAINT = "bright_black"
_LOG_STYLES = {"debug": _FAINT, "info": "", "warning": "yellow", "error": "red"}


@dataclass(frozen=True, slots=True)
class Tail:
    """The last lines of one subtask."""

    key: str
    lines: Sequence[LogEntry]


def picture(standing: Standing, at: datetime, height: int, tail: Tail | None) -> RenderableType:
    """All of it, at most as high as the terminal."""
    task = standing.detail.task
    tail_lines = max(3, int(height * TAIL_SHARE)) if tail else 0
    room = max(3, height - HEADER_LINES - tail_lines)
    parts: list[RenderableType] = [header(task, at), Text()]
    if standing.plan:
        told = Text("\n".join(_approval_lines(standing)), style="dark_orange")
        parts += [PlanTree.of_plan(standing.plan.plan, max(3, room - 4)), Text(), told]
    elif task.subtasks:
        parts += [PlanTree([row_of(each, at) for each in task.subtasks], room), Text()]
    if tail:
        parts += _tail(tail, tail_lines - 1)
    if not is_over(task):
        parts.append(Text(_connection(standing), style=_FAINT))
    return Group(*parts)


def approval_words(standing: Standing) -> str:
    """That a plan waits, and what to type so that it is worked."""
    return "  ".join(_approval_lines(standing))


def changes(before: Standing | None, after: Standing) -> list[Text]:
    """What is different, a line each; everything that counts when nothing was told before."""
    old = before.detail.task if before else None
    new = after.detail.task
    found: list[Text] = []
    if old is None or _signs(old) != _signs(new):
        found.append(_told(_task_line(new)))
    known = {each.id: each for each in old.subtasks} if old else {}
    for each in new.subtasks:
        was = known.get(each.id)
        if was is None or (was.status, was.attempt) != (each.status, each.attempt):
            found.append(_told(_subtask_line(each)))
    if after.plan and (before is None or before.plan != after.plan):
        found.append(_told(Text(approval_words(after), style="dark_orange")))
    if bool(after.away_seconds) != bool(before and before.away_seconds):
        words = (
            "The service does not answer; trying again." if after.away_seconds else "It is back."
        )
        found.append(_told(Text(words, style="yellow")))
    return found


def log_line(entry: LogEntry, *, named: bool = True) -> Text:
    """One log line: when, whose, what."""
    sign = log_sign(entry)
    line = Text(f"{entry.at.astimezone():%H:%M:%S}  ", style=_FAINT)
    if named:
        line.append(f"{entry.subtask_key or 'task'}  ", style=_FAINT)
    words = f"{sign} {log_words(entry)}" if sign else log_words(entry)
    return line.append(words, style=_LOG_STYLES[entry.level] or "default")


def _signs(task: TaskView) -> tuple[object, ...]:
    return task.status, task.paused_reason, task.cancel_requested, task.priority


def _task_line(task: TaskView) -> Text:
    line = Text.assemble(badge_text(task_badge(task)), f"  {one_line(task.title, 80)}")
    if task.simulated:
        line.append("  ").append_text(badge_text(SIMULATED))
    paused = "paused · " if task.paused_reason else ""
    return line.append(f"  {paused}{tally(task.progress)} · {headline(task)}", style=_FAINT)


def _subtask_line(subtask: SubtaskView) -> Text:
    row = row_of(subtask, now())
    line = Text.assemble(badge_text(row.badge), f"  {one_line(row.title, 80)}")
    line.append(f"  {row.part.key}", style=_FAINT)
    return line.append(f"  {row.facts}" if row.facts else "", style=_FAINT)


def _told(line: Text) -> Text:
    return Text(f"{now().astimezone():%H:%M:%S}  ", style=_FAINT).append_text(line)


def _approval_lines(standing: Standing) -> list[str]:
    if standing.plan is None:
        return []
    name, version = short_id(standing.detail.task.id), standing.plan.version
    return [
        f"The plan (version {version}) waits for your approval.",
        f"Look: quintet plan {name}",
        f"Change: quintet edit {name}",
        f"Approve: quintet approve {name} --hash {standing.plan.hash[:12]}",
    ]


def _tail(tail: Tail, most: int) -> list[RenderableType]:
    lines = list(tail.lines)[-most:]
    shown = [log_line(entry, named=False) for entry in lines]
    for line in shown:
        line.no_wrap, line.overflow = True, "ellipsis"
    nothing = Text("Nothing yet.", style=_FAINT)
    return [Rule(Text(tail.key), align="left", style=_FAINT), *(shown or [nothing])]


def _connection(standing: Standing) -> str:
    if standing.away_seconds:
        away = duration(standing.away_seconds)
        return f"The service has not answered for {away}; trying again. Ctrl-C stops watching only."
    if standing.heard:
        return "Live. Ctrl-C stops watching, not the task."
    return "Looking every second. Ctrl-C stops watching, not the task."
