"""Figures as the API would send them, for tests of what shows them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from shared.models import (
    Activity,
    AgentAttempt,
    AgentHistory,
    AgentSample,
    AgentView,
    AgentWork,
    DatabaseNow,
    LaneNow,
    Period,
    Stretch,
    SystemSample,
    SystemView,
    WorkNow,
)
from shared.states import SubtaskStatus, TaskStatus
from tests.ui_records import subtask_id

BEGAN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MOST = 60


def activity(*stretches: dict[str, Any], **changes: Any) -> Activity:
    """An hour of which the last minutes are given; nothing else happened."""
    empty = MOST - len(stretches)
    given: list[dict[str, Any]] = [{}] * empty + list(stretches)
    fields: dict[str, Any] = {
        "period": Period.HOUR,
        "stretch_seconds": 60,
        "stretches": [
            Stretch(start=BEGAN + timedelta(minutes=number), **each)
            for number, each in enumerate(given)
        ],
        "tasks": None,
        "attempts": None,
        "by_capability": (),
        "failures": (),
        "models": (),
    }
    return Activity.model_validate(fields | changes)


def busy_hour() -> Activity:
    """An hour in which everything happened that can be drawn."""
    return activity(
        {"accepted": 3, "attempts": {"completed": 5, "released": 1, "cancelled": 2}},
        {
            "accepted": 1,
            "tasks": {"completed": 2, "failed": 1},
            "attempts": {"completed": 4, "failed": 2, "lost": 1},
            "tokens": 1_200_000,
            "cost_usd": "0.5",
        },
        tasks={"count": 3, "mean_seconds": 74.2, "p95_seconds": 200},
        attempts={"count": 11, "mean_seconds": 12, "p95_seconds": 30},
        by_capability=(
            {"capability": "web_scraping", "count": 4, "mean_seconds": 8, "p95_seconds": 11},
            {"capability": "data_analysis", "count": 7, "mean_seconds": 14, "p95_seconds": 31},
        ),
        failures=(
            {"kind": "checks", "tasks": 0, "attempts": 2},
            {"kind": "plan_invalid", "tasks": 1, "attempts": 0},
        ),
        models=(
            {
                "purpose": "agent",
                "model": "a-model",
                "calls": 1_204,
                "tokens": {"input": 1_000_000, "output": 200_000},
                "cost_usd": "0.5",
                "simulated": True,
            },
        ),
    )


def sample(at: float, **changes: Any) -> SystemSample:
    """One look at the orchestrator."""
    fields: dict[str, Any] = {
        "at": at,
        "cpu_percent": 3.0,
        "memory_mb": 120.0,
        "lag_ms": 2.0,
        "pool_used": 1,
        "transactions_per_second": 21.0,
        "connections": 9,
    }
    return SystemSample.model_validate(fields | changes)


def lane(*capabilities: str, band: str = "normal", **numbers: Any) -> LaneNow:
    """A queue; nothing is in it unless the test says so."""
    fields: dict[str, Any] = {"queued": 0, "running": 0, "oldest_seconds": None}
    return LaneNow.model_validate({"capabilities": capabilities, "band": band, **fields, **numbers})


def system(hour: Activity | None = None, **changes: Any) -> SystemView:
    """A system in good order."""
    database = DatabaseNow(
        bytes=12_000_000,
        connections=9,
        most_connections=100,
        cache_hit_ratio=0.998,
        deadlocks=0,
        pool_used=1,
        pool_idle=2,
        pool_most=20,
    )
    work = WorkNow(
        tasks={TaskStatus.IN_PROGRESS: 2, TaskStatus.PLANNING: 1, TaskStatus.COMPLETED: 9},
        subtasks={SubtaskStatus.RUNNING: 3, SubtaskStatus.QUEUED: 4},
        lanes=(
            lane("data_analysis", running=3, queued=1, oldest_seconds=4),
            lane("web_scraping", band="low", queued=3, oldest_seconds=61),
        ),
    )
    fields: dict[str, Any] = {
        "uptime_seconds": 3725,
        "age_seconds": 0.4,
        "postgresql": True,
        "redis": True,
        "work": work,
        "activity": hour or busy_hour(),
        "violations": {"two_open_attempts": 0, "a_task_that_ended_twice": 0},
        "database": database,
        "samples": (sample(10), sample(15), sample(20)),
    }
    return SystemView.model_validate(fields | changes)


def agent(name: str = "agent-1", **changes: Any) -> AgentView:
    """An agent that works on one thing of two that it could."""
    fields: dict[str, Any] = {
        "agent_id": name,
        "profile": "analyst",
        "url": "http://127.0.0.1:1",
        "capabilities": ("data_analysis",),
        "slots": 2,
        "running": (str(subtask_id("chart")),),
        "available": True,
        "state": "working",
        "completed": 7,
        "failed": 1,
        "cpu_percent": 41.6,
        "memory_mb": 512.2,
        "simulated": True,
        "seconds_since_beat": 1.0,
        "started_at": BEGAN,
        "samples": tuple(agent_sample(at) for at in (5.0, 15.0, 35.0)),
    }
    return AgentView.model_validate(fields | changes)


def agent_sample(at: float) -> AgentSample:
    """What an agent told of itself."""
    return AgentSample(at=at, cpu_percent=at, memory_mb=100 + at, running=1)


def work(name: str = "agent-1", **changes: Any) -> AgentWork:
    """What an agent does now."""
    fields: dict[str, Any] = {
        "agent_id": name,
        "task_id": subtask_id("task"),
        "task_title": "Sales by region",
        "subtask_id": subtask_id("chart"),
        "subtask_title": "Draw the chart",
        "attempt": 2,
        "running_seconds": 65,
        "latest": "Write chart.py",
    }
    return AgentWork.model_validate(fields | changes)


def attempt(outcome: str | None = "completed", **changes: Any) -> AgentAttempt:
    """One attempt of an agent."""
    fields: dict[str, Any] = {
        "task_id": subtask_id("task"),
        "task_title": "Sales by region",
        "subtask_id": subtask_id("chart"),
        "subtask_title": "Draw the chart",
        "attempt": 1,
        "claimed_at": BEGAN,
        "seconds": 12,
        "outcome": outcome,
        "failure_kind": None,
        "error": None,
        "cost_usd": "0.0213",
        "simulated": True,
    }
    return AgentAttempt.model_validate(fields | changes)


def history(name: str = "agent-1", *attempts: AgentAttempt) -> AgentHistory:
    """How an agent fared."""
    return AgentHistory.model_validate(
        {
            "agent_id": name,
            "samples": tuple(agent_sample(at) for at in (5.0, 15.0)),
            "last_day": {
                "attempts": 12,
                "outcomes": {"completed": 9, "failed": 1, "lost": 1},
                "mean_seconds": 20,
                "cost_usd": "1.25",
            },
            "attempts": attempts,
        }
    )
