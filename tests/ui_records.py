"""Records as the API would send them, for tests of what shows them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.models import (
    Capability,
    CheckResult,
    Claim,
    ClaimEvidence,
    Correction,
    Criterion,
    LogEntry,
    Progress,
    Review,
    Round,
    SubtaskView,
    TaskDetail,
    TaskSummary,
    TaskView,
    Verification,
    Waiting,
)
from shared.states import SubtaskStatus, TaskStatus

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def subtask_id(key: str) -> UUID:
    """A stable id for a subtask's key."""
    return uuid5(NAMESPACE_URL, key)


def later(seconds: float) -> datetime:
    """A moment after the task was handed in."""
    return START + timedelta(seconds=seconds)


def subtask(
    key: str, status: str = "pending", *depends_on: str, waiting: str = "", **changes: Any
) -> SubtaskView:
    """A subtask in some status; what is running or over has an agent and its times."""
    started = status in ("running", "completed", "failed")
    record = SubtaskView(
        id=subtask_id(key),
        key=key,
        title=f"Title of {key}",
        description=f"Do {key}",
        expected_output="a file",
        required_capabilities=(Capability.DATA_ANALYSIS,),
        dependencies=depends_on,
        priority=5,
        estimated_duration=60,
        profile=None,
        status=SubtaskStatus(status),
        agent_id="agent-1" if started else None,
        attempt=1 if started else 0,
        losses=0,
        retries=0,
        queued_at=None,
        started_at=later(10) if started else None,
        finished_at=later(22) if status in ("completed", "failed") else None,
        waiting=Waiting(reason=waiting, on=depends_on) if waiting else None,
    )
    return SubtaskView.model_validate({**dict(record), **changes})


def task(status: str = "in_progress", *subtasks: SubtaskView, **changes: Any) -> TaskView:
    """A task of these subtasks, with the progress that follows from them."""
    counts = {name: sum(one.status == name for one in subtasks) for name in SubtaskStatus}
    done = counts[SubtaskStatus.COMPLETED] / len(subtasks) if subtasks else 0.0
    record = TaskView(
        id=subtask_id("task"),
        user_id="anna",
        title="Sales by region",
        status=TaskStatus(status),
        priority=5,
        progress=Progress(
            total=len(subtasks), fraction=done, **{str(k): v for k, v in counts.items()}
        ),
        cost_usd=Decimal("0.0213"),
        created_at=START,
        finished_at=later(60) if status in ("completed", "failed", "cancelled") else None,
        description="Which region sold most?",
        cancel_requested=False,
        plan_version=1,
        plan_summary="Load, compare, report.",
        started_at=later(1),
        subtasks=subtasks,
    )
    return record.model_copy(update=changes)


def detail(view: TaskView) -> TaskDetail:
    """The answer of `GET /tasks/{id}` without results."""
    return TaskDetail(task=view)


def check_result(what: str, outcome: str = "passed", **changes: Any) -> CheckResult:
    """What became of a command of the plan."""
    given = {"position": 0, "source": "plan", "kind": "command", "vacuous": False, **changes}
    return CheckResult.model_validate({"what": what, "outcome": outcome, **given})


def claim(what: str, missing: str = "") -> ClaimEvidence:
    """A claim to have written a file, and what is missing of it."""
    made = Claim(kind="wrote_file", what=what)
    return ClaimEvidence(claim=made, supported=not missing, by=missing or f"{what} is there")


def review(verdict: str = "approve", score: int = 90, *reasons: tuple[str, str, str]) -> Review:
    """A judgement with the same score for all; reasons are criterion, quote, comment."""
    fields = ("criterion", "quote", "comment")
    return Review.model_validate(
        {
            "verdict": verdict,
            "scores": dict.fromkeys(reversed(Criterion), score),
            "reasons": [dict(zip(fields, each, strict=True)) for each in reasons],
            "model": "reviewer-model",
        }
    )


def correction(number: int, doubt: str, outcome: str = "failed", **changes: Any) -> Correction:
    """One return of a result."""
    given = {"failure": "exit 1", "changed": ("changed a.py",), "tokens": 1200, **changes}
    record = {"number": number, "doubt": doubt, "outcome": outcome, "cost_usd": "0.0127"}
    return Correction.model_validate({**record, **given})


def verification(
    evidence: str | None, *looks: dict[str, Any], corrections: Sequence[Correction] = ()
) -> Verification:
    """Rounds in their order, each given by what was looked at in it."""
    rounds = [Round.model_validate({"number": at, **look}) for at, look in enumerate(looks)]
    return Verification.model_validate(
        {"evidence": evidence, "rounds": tuple(rounds), "corrections": tuple(corrections)}
    )


def log_entry(
    number: int, message: str, level: str = "info", key: str | None = "load", **changes: Any
) -> LogEntry:
    """One log line of a subtask, or of the task."""
    return LogEntry.model_validate(
        {
            "id": number,
            "at": later(number),
            "subtask_id": subtask_id(key) if key else None,
            "subtask_key": key,
            "attempt": 1,
            "agent_id": "agent-1",
            "level": level,
            "kind": "text",
            "message": message,
            **changes,
        }
    )


def summary_fields() -> set[str]:
    """The fields of a task that a list of tasks carries."""
    return set(TaskSummary.model_fields)
