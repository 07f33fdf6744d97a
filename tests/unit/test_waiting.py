"""Why something is not running, in one sentence."""

from datetime import UTC, datetime
from typing import Any, Literal
from uuid import uuid4

import pytest

from orchestrator.waiting import explain
from shared.models import AgentView, Capability, Progress, SubtaskView, TaskView, Waiting
from shared.states import SubtaskStatus, TaskStatus

NOW = datetime(2026, 5, 4, tzinfo=UTC)
DATA, WEB = Capability.DATA_ANALYSIS, Capability.WEB_SCRAPING
S = SubtaskStatus


def subtask(key: str, status: SubtaskStatus, *after: str, **changes: Any) -> SubtaskView:
    """One subtask in a state."""
    fields: dict[str, Any] = {
        "id": uuid4(),
        "key": key,
        "title": key,
        "description": key,
        "expected_output": "",
        "required_capabilities": (DATA,),
        "dependencies": after,
        "priority": 5,
        "estimated_duration": 1,
        "profile": None,
        "status": status,
        "agent_id": None,
        "attempt": 0,
        "losses": 0,
        "retries": 0,
        "queued_at": None,
        "started_at": None,
        "finished_at": None,
    }
    return SubtaskView.model_validate(fields | changes)


def task(*subtasks: SubtaskView, **changes: Any) -> TaskView:
    """A task of these subtasks."""
    fields: dict[str, Any] = {
        "id": uuid4(),
        "user_id": "ann",
        "title": "t",
        "status": TaskStatus.IN_PROGRESS,
        "priority": 5,
        "progress": Progress(),
        "created_at": NOW,
        "finished_at": None,
        "description": "d",
        "cancel_requested": False,
        "plan_version": 1,
        "plan_summary": None,
        "started_at": None,
        "subtasks": subtasks,
    }
    return TaskView.model_validate(fields | changes)


def agent(
    name: str,
    state: Literal["idle", "working", "full", "draining", "silent"] = "idle",
    *capabilities: Capability,
) -> AgentView:
    """An agent in a state."""
    return AgentView(
        agent_id=name,
        profile="p",
        url="",
        capabilities=capabilities or (DATA,),
        slots=1,
        running=(),
        available=state in ("idle", "working", "full"),
        state=state,
        completed=0,
        failed=0,
        cpu_percent=0,
        memory_mb=0,
        simulated=False,
        seconds_since_beat=1,
        started_at=None,
    )


def limited(*, most: int = 0, in_role: int = 0, running: int) -> AgentView:
    """One with a free slot that keeps to limits."""
    held = {"slots": 9, "running": tuple(f"s{number}" for number in range(running))}
    limits = {"max_running": most, "max_running_in_role": in_role}
    return agent("limited", "working").model_copy(update=held | limits)


def why(key: str, *subtasks: SubtaskView, agents: tuple[AgentView, ...] = ()) -> Waiting | None:
    """The reason that `key` waits."""
    shown = explain(task(*subtasks), agents)
    return next(item for item in shown.subtasks if item.key == key).waiting


@pytest.mark.parametrize(
    ("agents", "reason", "on"),
    [
        ((), "waiting: no agent offers data_analysis", ["data_analysis"]),
        ((agent("w", "idle", WEB),), "waiting: no agent offers data_analysis", ["data_analysis"]),
        (
            (agent("a", "silent"),),
            "waiting: every agent that offers data_analysis is away (a)",
            ["a"],
        ),
        (
            (agent("a", "silent"), agent("b", "draining")),
            "waiting: every agent that offers data_analysis is away (a and b)",
            ["a", "b"],
        ),
        (
            (agent("a", "full"), agent("b", "silent")),
            "waiting: the agent that can do data_analysis is busy",
            ["a"],
        ),
        (
            (agent("a", "full"), agent("b", "full")),
            "waiting: all 2 agents that can do data_analysis are busy",
            ["a", "b"],
        ),
        (
            (agent("a", "full"), agent("b", "working")),
            "queued: an agent is about to take it",
            ["a", "b"],
        ),
        (
            (limited(most=2, running=2), agent("b", "full")),
            "waiting: no more than 2 may run at once (MAX_RUNNING)",
            ["limited", "b"],
        ),
        (
            (limited(most=3, in_role=2, running=2), agent("b", "silent")),
            "waiting: no more than 2 of p may run at once (MAX_RUNNING_PER_ROLE)",
            ["limited"],
        ),
        (
            (limited(most=2, running=2), agent("b", "idle")),
            "queued: an agent is about to take it",
            ["limited", "b"],
        ),
    ],
)
def test_a_queued_subtask_waits_for_an_agent(
    agents: tuple[AgentView, ...], reason: str, on: list[str]
) -> None:
    found = why("x", subtask("x", S.QUEUED), agents=agents)
    assert found == Waiting(reason=reason, on=tuple(on))


def test_without_redis_nothing_is_said_of_agents() -> None:
    shown = explain(task(subtask("x", S.QUEUED)), (agent("a", "silent"),), heard=False)
    assert shown.subtasks[0].waiting == Waiting(
        reason="queued: agents look for work by themselves while Redis is away"
    )


def test_an_agent_must_hold_every_capability() -> None:
    both = subtask("x", S.QUEUED, required_capabilities=(WEB, DATA))
    halves = (agent("d", "idle", DATA), agent("w", "idle", WEB))
    found = why("x", both, agents=halves)
    assert found is not None
    assert found.reason == "waiting: no agent offers data_analysis+web_scraping"
    assert found.on == ("data_analysis+web_scraping",)
    found = why("x", both, agents=(*halves, agent("both", "full", DATA, WEB)))
    assert found is not None
    assert found.on == ("both",)


def test_a_pending_subtask_waits_for_others() -> None:
    others = [subtask(name, S.RUNNING) for name in "abcdefg"]
    done = subtask("z", S.COMPLETED)
    for after, reason in (
        ("a", "waiting for a to finish"),
        ("az", "waiting for a to finish"),
        ("ab", "waiting for a and b to finish"),
        ("abc", "waiting for a, b and c to finish"),
        ("abcdefg", "waiting for a, b, c, d, e and 2 more to finish"),
        ("z", "ready: about to be queued"),
    ):
        found = why("x", *others, done, subtask("x", S.PENDING, *after))
        assert found is not None
        assert found.reason == reason
        assert found.on == tuple(name for name in after if name != "z")


def test_a_blocked_subtask_names_what_failed_however_far_away() -> None:
    plan = (
        subtask("a", S.FAILED),
        subtask("b", S.BLOCKED, "a"),
        subtask("c", S.FAILED),
        subtask("d", S.BLOCKED, "b", "c", "e"),
        subtask("e", S.COMPLETED),
    )
    assert why("b", *plan) == Waiting(reason="blocked: a failed", on=("a",))
    assert why("d", *plan) == Waiting(reason="blocked: a and c failed", on=("a", "c"))


def test_a_blocked_subtask_whose_failure_is_retried_says_so() -> None:
    plan = (subtask("a", S.QUEUED), subtask("b", S.BLOCKED, "a"))
    found = why("b", *plan)
    assert found == Waiting(reason="blocked: about to be looked at again")


@pytest.mark.parametrize("status", [S.RUNNING, S.COMPLETED, S.FAILED, S.CANCELLED])
def test_what_runs_or_has_ended_waits_for_nothing(status: SubtaskStatus) -> None:
    assert why("x", subtask("x", status)) is None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (TaskStatus.PENDING, "waiting for a free planner"),
        (TaskStatus.PLANNING, "the plan is being made"),
        (TaskStatus.AWAITING_APPROVAL, "version 1 of the plan waits for approval"),
        (TaskStatus.IN_PROGRESS, None),
        (TaskStatus.AGGREGATING, "the answer is being written"),
        (TaskStatus.COMPLETED, None),
        (TaskStatus.FAILED, None),
        (TaskStatus.CANCELLED, None),
    ],
)
def test_a_task_says_what_it_waits_for(status: TaskStatus, reason: str | None) -> None:
    found = explain(task(status=status), ()).waiting
    assert (found.reason if found else None) == reason


def test_a_task_that_is_being_cancelled_says_so_until_it_has_ended() -> None:
    found = explain(task(cancel_requested=True), ()).waiting
    assert found is not None
    assert found.reason == "being cancelled: what runs is being stopped"
    ended = task(cancel_requested=True, status=TaskStatus.CANCELLED, finished_at=NOW)
    assert explain(ended, ()).waiting is None


@pytest.mark.parametrize(
    ("running", "reason"),
    [
        (0, "paused: nothing runs until it is resumed"),
        (1, "paused: nothing new starts; 1 runs to the end"),
        (3, "paused: nothing new starts; 3 run to the end"),
    ],
)
def test_a_paused_task_says_what_still_runs(running: int, reason: str) -> None:
    paused = task(paused_reason="user", progress=Progress(total=4, running=running))
    found = explain(paused, ()).waiting
    assert found is not None
    assert found.reason == reason
    releasing = explain(paused.model_copy(update={"pause_releases": True}), ()).waiting
    assert releasing is not None
    assert ("being given back" in releasing.reason) == bool(running)
    assert "to the end" not in releasing.reason
    ended = paused.model_copy(update={"finished_at": NOW, "status": TaskStatus.CANCELLED})
    assert explain(ended, ()).waiting is None


def test_a_task_paused_while_it_is_planned_says_that_the_planner_goes_on() -> None:
    found = explain(task(paused_reason="user", status=TaskStatus.PLANNING), ()).waiting
    assert found is not None
    assert found.reason == "paused: the plan is still being made; nothing runs until it is resumed"


def test_what_could_start_says_that_its_task_is_paused() -> None:
    shown = explain(
        task(subtask("a", S.PENDING), subtask("b", S.PENDING, "a"), paused_reason="user"), ()
    )
    reasons = [item.waiting.reason for item in shown.subtasks if item.waiting]
    assert reasons == ["ready, but the task is paused", "waiting for a to finish"]


def test_what_depends_on_something_cancelled_says_so() -> None:
    stopped = subtask("a", S.CANCELLED)
    found = why("b", stopped, subtask("b", S.BLOCKED, "a"))
    assert found == Waiting(reason="blocked: a was cancelled", on=("a",))


def test_a_running_subtask_says_that_it_is_being_cancelled() -> None:
    found = why("a", subtask("a", S.RUNNING, cancel_requested=True))
    assert found is not None
    assert found.reason == "being cancelled: its agent is being told to stop"
