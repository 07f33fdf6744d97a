"""The system's figures as a person reads them: words with units, and rows for charts; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from shared.models import Activity, DatabaseNow, LaneNow, ModelUse, Period, SystemSample, SystemView
from shared.states import TASK_TERMINAL, AttemptOutcome, FailureKind, SubtaskStatus, TaskStatus
from ui.views import capability_words, compact, duration, money, size, token_count

STALE_SECONDS = 10.0

PERIODS: dict[Period, str] = {
    Period.HOUR: "Last hour",
    Period.DAY: "Last 24 hours",
    Period.WEEK: "Last 7 days",
}
FAILURE_WORDS: dict[FailureKind, str] = {
    FailureKind.TRANSPORT: "Model out of reach",
    FailureKind.CONFIG: "Key, money or permission",
    FailureKind.BUSINESS: "The work could not be done",
    FailureKind.TIMEOUT: "Took too long",
    FailureKind.CHECKS: "Checks failed",
    FailureKind.REVIEW: "Refused by the reviewer",
    FailureKind.LOOP: "Went round in circles",
    FailureKind.BUDGET: "Budget used up",
    FailureKind.RESOURCE: "Disk or memory",
    FailureKind.POISON: "Took its agents down",
    FailureKind.PLAN_INVALID: "No valid plan",
}
PURPOSES = {
    "planner": "Planning",
    "agent": "Agents' work",
    "reviewer": "Reviews",
    "aggregator": "Final answers",
}
# What an axis shows at least, so that next to nothing does not look like much.
LEAST: dict[str, float] = {
    "cpu_percent": 50,
    "memory_mb": 100,
    "lag_ms": 100,
    "transactions_per_second": 10,
    "connections": 5,
    "pool_used": 5,
}
# Signs stand beside colours; the colours are those of `graph/tones.css`, which are measured.
GREEN, RED, BLUE = "#067a5b", "#c81e3a", "#4a8df8"
AMBER, VIOLET, GREY = "#b98100", "#9a3fb8", "#868c9c"
COMPLETED, FAILED, LOST, STOPPED = "✓ Completed", "✗ Failed", "⚠ Lost", "⊘ Stopped"
RUNNING, WAITING = "▶ Running", "◔ Waiting"
ENDINGS: dict[str, str] = {COMPLETED: GREEN, FAILED: RED, LOST: AMBER, STOPPED: GREY}
HANDED_IN = "⊕ Handed in"
STANDINGS: dict[str, str] = {RUNNING: BLUE, WAITING: AMBER}
_TASK_ENDINGS = {
    TaskStatus.COMPLETED: COMPLETED,
    TaskStatus.FAILED: FAILED,
    TaskStatus.CANCELLED: STOPPED,
}
_ATTEMPT_ENDINGS = {
    AttemptOutcome.COMPLETED: COMPLETED,
    AttemptOutcome.FAILED: FAILED,
    AttemptOutcome.LOST: LOST,
    AttemptOutcome.CANCELLED: STOPPED,
    AttemptOutcome.RELEASED: STOPPED,
}

Rows = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit, and what puts it into proportion."""

    label: str
    value: str
    note: str
    help: str


def since(period: Period) -> str:
    """`in the last hour`."""
    return f"in the {PERIODS[period].lower()}"


def stretch_words(seconds: int) -> str:
    """`minute`, `30 min`: what a bar of a chart stands for."""
    return "minute" if seconds == 60 else duration(seconds)


def rate(count: float, seconds: float) -> str:
    """How often, in the unit that gives a number a person can picture."""
    if count <= 0 or seconds <= 0:
        return "none"
    for unit, name in ((1, "second"), (60, "minute"), (3600, "hour")):
        often = count * unit / seconds
        if often >= 1 or unit == 3600:
            digits = 0 if often >= 10 else 1 if often >= 1 else 2
            return f"{often:.{digits}f} per {name}"
    raise AssertionError("the last unit always answers")


def headline(view: SystemView, activity: Activity) -> list[Figure]:
    """What a person looks at first."""
    return [*(_work(view)), *_ended(activity), _spent(activity)]


def _work(view: SystemView) -> list[Figure]:
    if view.work is None:
        return []
    tasks, subtasks = view.work.tasks, view.work.subtasks
    still = {status: n for status, n in tasks.items() if status not in TASK_TERMINAL and n}
    waits = [lane.oldest_seconds for lane in view.work.lanes if lane.oldest_seconds is not None]
    queued = subtasks.get(SubtaskStatus.QUEUED, 0)
    return [
        Figure(
            "Tasks in work",
            str(sum(still.values())),
            ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in still.items()) or "none",
            "Tasks that were handed in and have not ended.",
        ),
        Figure(
            "Running at once",
            str(subtasks.get(SubtaskStatus.RUNNING, 0)),
            "subtasks",
            "Subtasks that agents hold at this moment.",
        ),
        Figure(
            "Waiting for an agent",
            str(queued),
            f"longest {duration(max(waits))}" if waits else "none",
            "Subtasks that an agent may take, and how long the first of them has waited.",
        ),
    ]


def _ended(activity: Activity) -> list[Figure]:
    ended = sum(sum(stretch.tasks.values()) for stretch in activity.stretches)
    covered = activity.stretch_seconds * len(activity.stretches)
    took = activity.tasks
    return [
        Figure(
            "Tasks ended",
            compact(ended),
            rate(ended, covered),
            f"Tasks that completed, failed or were cancelled {since(activity.period)}.",
        ),
        Figure(
            "A task takes",
            duration(took.mean_seconds) if took else "-",
            f"95 % within {duration(took.p95_seconds)}" if took else "none ended",
            "From handing it in to its answer or its failure, on average.",
        ),
    ]


def _spent(activity: Activity) -> Figure:
    cost = sum((model.cost_usd for model in activity.models), Decimal(0))
    simulated = any(model.simulated for model in activity.models)
    tokens = sum(token_count(model.tokens) for model in activity.models)
    note = f"{compact(tokens)} tokens" + (", simulated" if simulated else "")
    return Figure("Spent", money(cost), note, f"List price of all tokens {since(activity.period)}.")


def task_rows(activity: Activity) -> Rows:
    """Tasks that were handed in and that ended in each stretch, by how."""
    counted = [
        {_TASK_ENDINGS[status]: number for status, number in stretch.tasks.items()}
        for stretch in activity.stretches
    ]
    handed_in = [
        {**_span(activity, one.start), "kind": HANDED_IN, "order": 9, "count": one.accepted}
        for one in activity.stretches
    ]
    return [*_ending_rows(activity, counted), *handed_in]


def attempt_rows(activity: Activity) -> Rows:
    """Attempts that ended in each stretch, by how; at least one row a stretch."""
    counted = []
    for stretch in activity.stretches:
        endings: dict[str, int] = {}
        for outcome, number in stretch.attempts.items():
            ending = _ATTEMPT_ENDINGS[outcome]
            endings[ending] = endings.get(ending, 0) + number
        counted.append(endings)
    return _ending_rows(activity, counted)


def _ending_rows(activity: Activity, counted: Sequence[dict[str, int]]) -> Rows:
    rows = []
    for stretch, endings in zip(activity.stretches, counted, strict=True):
        span = _span(activity, stretch.start)
        for order, ending in enumerate(ENDINGS):
            if endings.get(ending) or ending == COMPLETED:
                number = endings.get(ending, 0)
                rows.append({**span, "kind": ending, "order": order, "count": number})
    return rows


def cost_rows(activity: Activity) -> Rows:
    """Dollars and tokens of each stretch."""
    return [
        {
            **_span(activity, stretch.start),
            "dollars": float(stretch.cost_usd),
            "tokens": compact(stretch.tokens),
        }
        for stretch in activity.stretches
    ]


def _span(activity: Activity, start: datetime) -> dict[str, str]:
    end = start + timedelta(seconds=activity.stretch_seconds)
    return {"start": start.isoformat(), "end": end.isoformat()}


def lane_rows(lanes: Sequence[LaneNow]) -> Rows:
    """Running and waiting subtasks by the capabilities they need, the busiest first."""
    counts: dict[str, list[int]] = {}
    for lane in lanes:
        running, waiting = counts.setdefault(capability_words(lane.capabilities), [0, 0])
        counts[capability_words(lane.capabilities)] = [
            running + lane.running,
            waiting + lane.queued,
        ]
    busiest = sorted(counts.items(), key=lambda item: (-sum(item[1]), item[0]))
    return [
        {"needs": needs, "standing": standing, "order": order, "count": number}
        for needs, numbers in busiest
        for order, (standing, number) in enumerate(zip(STANDINGS, numbers, strict=True))
    ]


def lane_table(lanes: Sequence[LaneNow]) -> Rows:
    """Every queue as a row of a table, the most urgent first."""
    order = {"high": 0, "normal": 1, "low": 2}
    return [
        {
            "Needs (urgency)": f"{capability_words(lane.capabilities)} ({lane.band.value})",
            "Running": lane.running,
            "Waiting": lane.queued,
            "Longest wait": duration(lane.oldest_seconds) if lane.queued else "none",
        }
        for lane in sorted(lanes, key=lambda one: (order[one.band.value], one.capabilities))
    ]


def duration_rows(activity: Activity) -> Rows:
    """Mean and p95 of attempts by capability, the slowest first."""
    slowest = sorted(activity.by_capability, key=lambda one: -one.p95_seconds)
    return [
        {
            "capability": capability_words((took.capability,)),
            "mean": took.mean_seconds,
            "p95": took.p95_seconds,
            "on average": duration(took.mean_seconds),
            "95 of 100": duration(took.p95_seconds),
            "attempts": took.count,
        }
        for took in slowest
    ]


def failure_rows(activity: Activity) -> Rows:
    """How often what failed, the most frequent first; planning and whole tasks included."""
    rows = [
        {
            "kind": FAILURE_WORDS[failure.kind] if failure.kind else "A part failed",
            "attempts": failure.attempts,
            "tasks": failure.tasks,
            "count": max(failure.attempts, failure.tasks),
        }
        for failure in activity.failures
    ]
    return sorted(rows, key=lambda row: (-row["count"], row["kind"]))


def outcome_total(activity: Activity, outcome: AttemptOutcome) -> int:
    """How many attempts ended so in the period."""
    return sum(stretch.attempts.get(outcome, 0) for stretch in activity.stretches)


def losses(activity: Activity) -> str:
    """What agents lost, in a sentence."""
    lost = outcome_total(activity, AttemptOutcome.LOST)
    poisoned = sum(f.attempts for f in activity.failures if f.kind is FailureKind.POISON)
    if not lost and not poisoned:
        return f"No attempt was lost with an agent {since(activity.period)}."
    attempts = f"{lost} attempt{'s were' if lost != 1 else ' was'} lost with an agent"
    return f"{attempts} {since(activity.period)}, {poisoned or 'none'} given up."


def model_table(models: Sequence[ModelUse]) -> Rows:
    """What each model did and cost, the dearest first."""
    return [
        {
            "For, by": f"{PURPOSES.get(use.purpose, use.purpose)}, {use.model}"
            + (" (simulated)" if use.simulated else ""),
            "Calls": f"{use.calls:,}",
            "Tokens": compact(token_count(use.tokens)),
            "Cost": money(use.cost_usd),
        }
        for use in models
    ]


def database_figures(database: DatabaseNow, samples: Sequence[SystemSample]) -> list[Figure]:
    """Size, load and connections of the ledger's database."""
    rates = [one.transactions_per_second for one in samples]
    latest = next((one for one in reversed(rates) if one is not None), None)
    cached = database.cache_hit_ratio
    return [
        Figure("Size", size(database.bytes), "on disk", "Tables and indexes of the ledger."),
        Figure(
            "Transactions",
            "-" if latest is None else f"{latest:.0f} per second",
            "-" if cached is None else f"{cached * 100:.1f} % from memory",
            "Of all services together; and how many pages were found in memory.",
        ),
        Figure(
            "Connections",
            f"{database.connections} of {database.most_connections}",
            f"here {database.pool_used} busy, {database.pool_idle} idle",
            f"To this database; the orchestrator itself opens {database.pool_most} at most.",
        ),
    ]


def process_figures(view: SystemView) -> list[Figure]:
    """The orchestrator itself, as it was last sampled."""
    if not view.samples:
        return []
    last = view.samples[-1]
    worst = max(one.lag_ms for one in view.samples)
    return [
        Figure("Memory", f"{last.memory_mb:,.0f} MB", f"CPU {last.cpu_percent:.0f} %", ""),
        Figure(
            "Event loop delay",
            f"{last.lag_ms:.0f} ms",
            f"at worst {worst:.0f} ms",
            "The longest that anything had to wait for its turn in the last seconds.",
        ),
        Figure("Up for", duration(view.uptime_seconds), "", "Since this orchestrator started."),
    ]


def sample_rows(samples: Sequence[SystemSample], field: str) -> Rows:
    """One figure over time, in minutes before the last sample; gaps are left out."""
    if not samples:
        return []
    latest = samples[-1].at
    return [
        {"minutes": round((one.at - latest) / 60, 2), "value": value}
        for one in samples
        if (value := getattr(one, field)) is not None
    ]


def broken_rules(violations: dict[str, int]) -> list[str]:
    """The rules of the ledger that do not hold, with how often."""
    return [f"{rule_words(name)}: {count}" for name, count in violations.items() if count]


def rule_words(name: str) -> str:
    """The name of a rule as words."""
    return name.replace("_", " ").capitalize()


def age_words(view: SystemView) -> str:
    """How old the figures are, when that matters."""
    if view.age_seconds is None or view.age_seconds < STALE_SECONDS:
        return ""
    return f"These figures are {duration(view.age_seconds)} old."
