"""Agents as a person reads them: load, what each does now, and how it fared; pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from shared.models import AgentAttempt, AgentSample, AgentTotals, AgentView, AgentWork
from shared.states import AttemptOutcome
from ui.figures.system_figures import FAILURE_WORDS, Figure
from ui.views import Badge, ago, duration, elapsed, money, one_line

LATE_SECONDS = 15.0  # a beat and a half

ATTEMPT_BADGES: dict[AttemptOutcome | None, Badge] = {
    None: Badge("Running", "autorenew", "▶", "blue"),
    AttemptOutcome.COMPLETED: Badge("Completed", "check_circle", "✓", "green"),
    AttemptOutcome.FAILED: Badge("Failed", "error", "✗", "red"),
    AttemptOutcome.LOST: Badge("Lost", "signal_disconnected", "⚠", "orange"),
    AttemptOutcome.RELEASED: Badge("Given back", "undo", "↺", "gray"),
    AttemptOutcome.CANCELLED: Badge("Cancelled", "block", "⊘", "gray"),
}


def by_agent(work: Iterable[AgentWork]) -> dict[str, list[AgentWork]]:
    """What each agent holds, the longest running first."""
    held: dict[str, list[AgentWork]] = {}
    for each in sorted(work, key=lambda one: -one.running_seconds):
        held.setdefault(each.agent_id, []).append(each)
    return held


def fleet_figures(agents: Sequence[AgentView]) -> list[Figure]:
    """All agents together."""
    here = [agent for agent in agents if agent.state != "silent"]
    slots = sum(agent.slots for agent in here if agent.available)
    used = sum(len(agent.running) for agent in here)
    memory = sum(agent.memory_mb for agent in here)
    silent = len(agents) - len(here)
    return [
        Figure(
            "Agents here",
            f"{len(here)} of {len(agents)}",
            f"{silent} silent" if silent else "all heard of",
            "An agent that was not heard of for 30 seconds is silent.",
        ),
        Figure(
            "Slots in use",
            f"{used} of {slots}",
            f"{max(0, slots - used)} free",
            "How many subtasks all agents can work on at once.",
        ),
        Figure(
            "CPU",
            f"{sum(agent.cpu_percent for agent in here):.0f} %",
            "100 % is one core",
            "Of all agents and everything they started.",
        ),
        Figure(
            "Memory",
            f"{memory / 1024:.1f} GB" if memory >= 1024 else f"{memory:.0f} MB",
            "all agents",
            "Of all agents and everything they started.",
        ),
    ]


def beat_words(agent: AgentView) -> str:
    """Whether it tells of itself as it should."""
    age = agent.seconds_since_beat
    if agent.state == "silent":
        return f"Last heard of {duration(age)} ago. Its work moves to another agent."
    if age is not None and age > LATE_SECONDS:
        return f"Late: last heard of {duration(age)} ago."
    return ""


def load_words(agent: AgentView) -> str:
    """`1 of 2 slots in use`."""
    return f"{len(agent.running)} of {agent.slots} slots in use"


def load(agent: AgentView) -> float:
    """The part of its slots that is in use, 0 to 1."""
    return min(1.0, len(agent.running) / agent.slots) if agent.slots else 0.0


def work_facts(work: AgentWork) -> str:
    """Whose it is, how long it runs, and which attempt it is."""
    facts = [one_line(work.task_title, 50), f"for {duration(work.running_seconds)}"]
    if work.attempt > 1:
        facts.append(f"attempt {work.attempt}")
    return " · ".join(facts)


def since_start(agent: AgentView, at: datetime) -> str:
    """What it did since its process started."""
    facts = f"{agent.completed} completed · {agent.failed} failed"
    up = elapsed(agent.started_at, None, at)
    if up is None:
        return facts
    return f"{facts} · up for {duration(up).split(' ')[0]} {duration(up).split(' ')[1]}"


def spark_rows(samples: Sequence[AgentSample], field: str) -> list[dict[str, Any]]:
    """One figure over the last minutes, in minutes before the last sample."""
    if not samples:
        return []
    latest = samples[-1].at
    return [
        {"minutes": round((one.at - latest) / 60, 2), "value": getattr(one, field)}
        for one in samples
    ]


def day_figures(totals: AgentTotals) -> list[Figure]:
    """What its attempts of the last 24 hours came to."""
    outcomes = totals.outcomes
    completed = outcomes.get(AttemptOutcome.COMPLETED, 0)
    failed = outcomes.get(AttemptOutcome.FAILED, 0)
    lost = outcomes.get(AttemptOutcome.LOST, 0)
    judged = completed + failed
    return [
        Figure("Attempts", str(totals.attempts), "last 24 hours", "That it took up."),
        Figure(
            "Completed",
            str(completed),
            f"{completed / judged * 100:.0f} % of those judged" if judged else "none yet",
            "Of those that completed or failed.",
        ),
        Figure("Failed", str(failed), f"{lost} lost", "Lost: it died or was cut off meanwhile."),
        Figure("An attempt takes", duration(totals.mean_seconds), "on average", ""),
        Figure("Spent", money(totals.cost_usd), "last 24 hours", "List price of its tokens."),
    ]


def attempt_facts(attempt: AgentAttempt, at: datetime) -> str:
    """When it began, how long it took, what it cost, and whose it was."""
    facts = [ago(attempt.claimed_at, at), duration(attempt.seconds)]
    if attempt.outcome:  # the price comes with the end
        facts.append(money(attempt.cost_usd) + (" simulated" if attempt.simulated else ""))
    return " · ".join([*facts, f"attempt {attempt.attempt}"])


def failure_words(attempt: AgentAttempt) -> str:
    """Why it failed, on one line; empty when it did not."""
    kind = FAILURE_WORDS[attempt.failure_kind] if attempt.failure_kind else ""
    parts = [kind, one_line((attempt.error or "").split("\n", 1)[0], 160)]
    return ": ".join(part for part in parts if part)
