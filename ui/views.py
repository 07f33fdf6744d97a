"""What a record looks like to a person: words, badges, rows; pure, for CLI and dashboard."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal
from uuid import UUID

from shared.models import (
    Artifact,
    AttemptView,
    Progress,
    SubtaskView,
    TaskSummary,
    TaskView,
    Tokens,
)
from shared.states import TASK_TERMINAL, SubtaskStatus, TaskStatus

PICTURE_TYPES = ("image/png", "image/jpeg")
PICTURE_BYTES = 4 * 1024 * 1024
MOST_PICTURES = 6

Colour = Literal["red", "orange", "yellow", "blue", "green", "violet", "gray"]

# C0 and C1 controls, and the marks that turn the direction of text around.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_TERMINAL_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")


@dataclass(frozen=True, slots=True)
class Badge:
    """A status as a word, an icon's name, a sign for terminals and a colour."""

    label: str
    icon: str
    sign: str
    colour: Colour


TASK_BADGES: dict[TaskStatus, Badge] = {
    TaskStatus.PENDING: Badge("Accepted", "schedule", "◌", "gray"),
    TaskStatus.PLANNING: Badge("Planning", "psychology", "✎", "violet"),
    TaskStatus.AWAITING_APPROVAL: Badge("Waits for your approval", "approval", "?", "orange"),
    TaskStatus.IN_PROGRESS: Badge("In progress", "autorenew", "▶", "blue"),
    TaskStatus.AGGREGATING: Badge("Writing the answer", "edit_note", "✎", "violet"),
    TaskStatus.COMPLETED: Badge("Completed", "check_circle", "✓", "green"),
    TaskStatus.FAILED: Badge("Failed", "error", "✗", "red"),
    TaskStatus.CANCELLED: Badge("Cancelled", "block", "⊘", "gray"),
}
SUBTASK_BADGES: dict[SubtaskStatus, Badge] = {
    SubtaskStatus.PENDING: Badge("Waiting", "schedule", "◌", "gray"),
    SubtaskStatus.QUEUED: Badge("Queued", "hourglass_top", "◔", "yellow"),
    SubtaskStatus.RUNNING: Badge("Running", "autorenew", "▶", "blue"),
    SubtaskStatus.BLOCKED: Badge("Blocked", "lock", "▣", "violet"),
    SubtaskStatus.COMPLETED: Badge("Completed", "check_circle", "✓", "green"),
    SubtaskStatus.FAILED: Badge("Failed", "error", "✗", "red"),
    SubtaskStatus.CANCELLED: Badge("Cancelled", "block", "⊘", "gray"),
}
AGENT_BADGES: dict[str, Badge] = {
    "idle": Badge("Idle", "bedtime", "◌", "gray"),
    "working": Badge("Working", "autorenew", "▶", "blue"),
    "full": Badge("All slots busy", "bolt", "●", "violet"),
    "draining": Badge("Shutting down", "logout", "◔", "orange"),
    "silent": Badge("Silent", "signal_disconnected", "✗", "red"),
}
SIMULATED = Badge("Simulated model", "science", "⚗", "orange")


def task_badge(task: TaskSummary) -> Badge:
    """The badge of a task; a failed task that still answers says so."""
    if task.status is TaskStatus.FAILED and task.partial:
        return Badge("Partly done", "error", "✗", "orange")
    return TASK_BADGES[task.status]


def plain(text: str) -> str:
    """Text from elsewhere without what would steer a terminal or turn a line around."""
    return _UNPRINTABLE.sub("", _TERMINAL_SEQUENCE.sub("", text))


def one_line(text: str, width: int = 160) -> str:
    """The text on one line, cut with an ellipsis when it is longer than `width`."""
    line = " ".join(plain(text).split())
    return line if len(line) <= width else line[: width - 1].rstrip() + "…"


def sentence(text: str) -> str:
    """Words of the service as a sentence: a capital in front, a full stop at the end."""
    words = plain(text).strip()
    ended = words if not words or words[-1] in ".!?…" else f"{words}."
    return ended[:1].upper() + ended[1:]


def duration(seconds: float | None) -> str:
    """`8 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`."""
    if seconds is None:
        return "-"
    whole = max(0, round(seconds))
    for unit, below, name, smaller in (
        (86_400, 3600, "d", "h"),
        (3600, 60, "h", "min"),
        (60, 1, "min", "s"),
    ):
        if whole >= unit:
            rest = whole % unit // below
            return f"{whole // unit} {name}" + (f" {rest} {smaller}" if rest else "")
    return f"{whole} s"


def money(dollars: Decimal) -> str:
    """Cents where they say enough, four digits where the sum is small."""
    return f"${dollars:,.2f}" if dollars >= 1 or not dollars else f"${dollars:.4f}"


def size(count: int) -> str:
    """Bytes in the unit a person would choose."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GB"


def compact(count: int) -> str:
    """A count in at most four signs: 950, 12.4k, 3.1M."""
    if count < 1000:
        return str(count)
    return f"{count / 1000:.1f}k" if count < 1_000_000 else f"{count / 1_000_000:.1f}M"


def token_count(tokens: Tokens) -> int:
    """All tokens, whatever their kind."""
    return tokens.input + tokens.output + tokens.cache_read + tokens.cache_write


def now() -> datetime:
    """This machine's clock: for showing how long ago something was, never for deciding."""
    return datetime.now(UTC)


def ago(moment: datetime, at: datetime) -> str:
    """How long ago something was, in one unit."""
    seconds = (at - moment).total_seconds()
    return "just now" if seconds < 10 else f"{_first_unit(seconds)} ago"


def _first_unit(seconds: float) -> str:
    number, unit = duration(seconds).split(" ")[:2]
    return f"{number} {unit}"


def elapsed(start: datetime | None, end: datetime | None, at: datetime) -> float | None:
    """Seconds from start to end, or until now while it has not ended."""
    return None if start is None else max(0.0, ((end or at) - start).total_seconds())


def is_over(task: TaskSummary) -> bool:
    """Whether nothing moves any more unless somebody asks for it."""
    return task.status in TASK_TERMINAL


def tally(progress: Progress) -> str:
    """`3 of 8 done · 2 running · 1 failed`."""
    if not progress.total:
        return "No plan yet"
    parts = [f"{progress.completed} of {progress.total} done"]
    others = ("running", "queued", "blocked", "failed", "cancelled")
    parts += [f"{getattr(progress, name)} {name}" for name in others if getattr(progress, name)]
    return " · ".join(parts)


def headline(task: TaskView) -> str:
    """What is going on, in one sentence."""
    if task.cancel_requested and not is_over(task):
        return "Stopping: what runs is being told to stop."
    if task.waiting:
        return plain(task.waiting.reason)
    if task.status is TaskStatus.IN_PROGRESS:
        return _in_progress(task)
    return _HEADLINES[task.status]


_HEADLINES: dict[TaskStatus, str] = {
    TaskStatus.PENDING: "Accepted. Planning starts in a moment.",
    TaskStatus.PLANNING: "The planner is turning the request into subtasks.",
    TaskStatus.AWAITING_APPROVAL: "The plan is ready. Nothing runs until you approve it.",
    TaskStatus.AGGREGATING: "All subtasks have ended. The answer is being written.",
    TaskStatus.COMPLETED: "Every subtask completed.",
    TaskStatus.FAILED: "Not everything could be done.",
    TaskStatus.CANCELLED: "Cancelled by hand.",
}


def _in_progress(task: TaskView) -> str:
    busy = {s.agent_id for s in task.subtasks if s.status is SubtaskStatus.RUNNING}
    if busy:
        return f"{len(busy)} agent{'s' if len(busy) > 1 else ''} at work."
    queued = [s for s in task.subtasks if s.status is SubtaskStatus.QUEUED]
    if queued:
        return why_waiting(queued[0]) or "Ready, and waiting for an agent."
    return "Waiting for the next subtask to be released."


def why_waiting(subtask: SubtaskView) -> str:
    """One sentence on why it does not run, or nothing when it runs or has ended."""
    return plain(subtask.waiting.reason) if subtask.waiting else ""


def running(task: TaskView) -> list[SubtaskView]:
    """The subtasks that agents hold now, longest running first."""
    held = [s for s in task.subtasks if s.status is SubtaskStatus.RUNNING]
    return sorted(held, key=lambda subtask: subtask.started_at or task.created_at)


def worth_a_look(task: TaskView) -> SubtaskView | None:
    """The subtask that a person would want to see first."""
    order = (
        SubtaskStatus.FAILED,
        SubtaskStatus.RUNNING,
        SubtaskStatus.QUEUED,
        SubtaskStatus.BLOCKED,
    )
    for status in order:
        for subtask in task.subtasks:
            if subtask.status is status:
                return subtask
    return task.subtasks[-1] if task.subtasks else None


def earlier(attempts: tuple[AttemptView, ...], subtask: SubtaskView) -> list[str]:
    """One line for each try that ended, newest first."""
    lines = []
    for tried in reversed(attempts):
        if tried.subtask_id == subtask.id and tried.outcome:
            spent = elapsed(tried.claimed_at, tried.finished_at, tried.claimed_at)
            facts = [f"Attempt {tried.attempt}", tried.agent_id or "", tried.outcome.value]
            facts += [duration(spent), one_line((tried.error or "").split("\n", 1)[0], 200)]
            lines.append(" · ".join(fact for fact in facts if fact))
    return lines


def tries(subtask: SubtaskView) -> str:
    """How often it was tried, and what became of the tries before."""
    if not subtask.attempt:
        return "Not tried yet"
    parts = [f"Attempt {subtask.attempt}"]
    if subtask.losses:
        parts.append(f"{subtask.losses} lost with an agent")
    if subtask.retries:
        parts.append(f"{subtask.retries} by hand")
    return " · ".join(parts)


def short_id(task_id: UUID) -> str:
    """As much of an id as names a task to the command line."""
    return str(task_id)[:8]


def capability_words(names: tuple[str, ...]) -> str:
    """`data analysis, web scraping`."""
    return ", ".join(name.replace("_", " ") for name in names)


def distinct_files(artifacts: tuple[Artifact, ...]) -> list[Artifact]:
    """Each content once, the last that was made first: what a person came for is at the top."""
    kept: dict[str, Artifact] = {}
    for artifact in reversed(artifacts):
        kept.setdefault(f"{artifact.sha256} {artifact.name}", artifact)
    return list(kept.values())


def pictures(artifacts: tuple[Artifact, ...]) -> list[Artifact]:
    """The images that a browser may show, small enough to be fetched for a look."""
    return [
        artifact
        for artifact in distinct_files(artifacts)
        if artifact.media_type in PICTURE_TYPES and artifact.size <= PICTURE_BYTES
    ][:MOST_PICTURES]
