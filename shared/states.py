"""Every status, every way from one to another, written once.

A transition is a value: it names its sources, its target and the SQL statement that
makes it (the statement has the transition's name). Terminal statuses are derived.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar


class TaskStatus(StrEnum):
    """What has become of a person's request."""

    PENDING = "pending"  # accepted, not yet planned
    PLANNING = "planning"  # an orchestrator holds its lease and asks for a plan
    AWAITING_APPROVAL = "awaiting_approval"  # its plan waits for a person's word
    IN_PROGRESS = "in_progress"  # its subtasks are being worked
    AGGREGATING = "aggregating"  # nothing is open; the answer is being written
    COMPLETED = "completed"  # every subtask completed, the answer is there
    FAILED = "failed"  # no plan, or a part failed; may carry a partial answer
    CANCELLED = "cancelled"  # a person stopped it and nothing of it runs


class SubtaskStatus(StrEnum):
    """Where one node of a plan stands."""

    PENDING = "pending"  # waits for its prerequisites
    QUEUED = "queued"  # may be claimed
    RUNNING = "running"  # an agent holds its lease
    BLOCKED = "blocked"  # something it depends on failed
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptOutcome(StrEnum):
    """How one try at a subtask ended; an open attempt has none."""

    COMPLETED = "completed"
    FAILED = "failed"
    LOST = "lost"  # its lease ran out: the agent died or was cut off
    RELEASED = "released"  # the agent gave it back, uncounted, to shut down
    CANCELLED = "cancelled"


class FailureKind(StrEnum):
    """Why something failed, for programs to branch on."""

    TRANSPORT = "transport"  # the model could not be reached, retries spent
    CONFIG = "config"  # key, money or permission: nothing will work until mended
    BUSINESS = "business"  # the work itself could not be done
    TIMEOUT = "timeout"
    CHECKS = "checks"
    REVIEW = "review"
    LOOP = "loop"
    BUDGET = "budget"
    RESOURCE = "resource"  # disk, memory
    POISON = "poison"  # took its agent down too often
    PLAN_INVALID = "plan_invalid"


S = TypeVar("S", TaskStatus, SubtaskStatus)


@dataclass(frozen=True, slots=True)
class Transition(Generic[S]):
    """One edge, or a bundle of edges with one target; `name` is also its statement's name.

    `by_hand`: a person stepped in; the ordinary course of a task, approval included, is without.
    """

    name: str
    sources: frozenset[S]
    target: S
    by_hand: bool = False


def _task(name: str, *sources: TaskStatus, to: TaskStatus) -> Transition[TaskStatus]:
    return Transition(name, frozenset(sources), to)


def _subtask(name: str, *sources: SubtaskStatus, to: SubtaskStatus) -> Transition[SubtaskStatus]:
    return Transition(name, frozenset(sources), to)


def _by_hand(transition: Transition[S]) -> Transition[S]:
    return Transition(transition.name, transition.sources, transition.target, by_hand=True)


_T, _S = TaskStatus, SubtaskStatus

PLAN_TASKS = _task("plan_tasks", _T.PENDING, to=_T.PLANNING)
START_TASK = _task("start_task", _T.PLANNING, to=_T.IN_PROGRESS)
PROPOSE_PLAN = _task("propose_plan", _T.PLANNING, to=_T.AWAITING_APPROVAL)
APPROVE_PLAN = _task("approve_plan", _T.AWAITING_APPROVAL, to=_T.IN_PROGRESS)
REJECT_PLAN = _by_hand(_task("reject_plan", _T.AWAITING_APPROVAL, to=_T.PENDING))
AGGREGATE_TASKS = _task("aggregate_tasks", _T.IN_PROGRESS, to=_T.AGGREGATING)
COMPLETE_TASK = _task("complete_task", _T.AGGREGATING, to=_T.COMPLETED)
FAIL_TASK = _task("fail_task", _T.PLANNING, _T.AGGREGATING, to=_T.FAILED)
CANCEL_TASKS = _by_hand(
    _task(
        "cancel_tasks",
        _T.PENDING,
        _T.PLANNING,
        _T.AWAITING_APPROVAL,
        _T.IN_PROGRESS,
        _T.AGGREGATING,
        to=_T.CANCELLED,
    )
)
REOPEN_TASK = _by_hand(_task("reopen_task", _T.FAILED, _T.COMPLETED, to=_T.IN_PROGRESS))

RELEASE = _subtask("release", _S.PENDING, to=_S.QUEUED)
CLAIM = _subtask("claim", _S.QUEUED, to=_S.RUNNING)
COMPLETE = _subtask("complete", _S.RUNNING, to=_S.COMPLETED)
FAIL = _subtask("fail", _S.RUNNING, to=_S.FAILED)
GIVE_BACK = _subtask("give_back", _S.RUNNING, to=_S.QUEUED)
STOP = _subtask("stop", _S.RUNNING, to=_S.CANCELLED)
RESCUE = _subtask("rescue", _S.RUNNING, to=_S.QUEUED)
POISON = _subtask("poison", _S.RUNNING, to=_S.FAILED)
ABANDON = _subtask("abandon", _S.RUNNING, to=_S.CANCELLED)
BLOCK = _subtask("block", _S.PENDING, _S.QUEUED, to=_S.BLOCKED)
WITHDRAW = _by_hand(_subtask("withdraw", _S.PENDING, _S.QUEUED, _S.BLOCKED, to=_S.CANCELLED))
RETRY = _by_hand(_subtask("retry", _S.FAILED, _S.CANCELLED, to=_S.PENDING))
UNBLOCK = _by_hand(_subtask("unblock", _S.BLOCKED, to=_S.PENDING))
HOLD = _by_hand(_subtask("hold", _S.QUEUED, to=_S.PENDING))
RERUN = _by_hand(
    _subtask("rerun", _S.COMPLETED, _S.FAILED, _S.BLOCKED, _S.CANCELLED, _S.QUEUED, to=_S.PENDING)
)

TASK_TRANSITIONS: tuple[Transition[TaskStatus], ...] = (
    PLAN_TASKS,
    START_TASK,
    PROPOSE_PLAN,
    APPROVE_PLAN,
    REJECT_PLAN,
    AGGREGATE_TASKS,
    COMPLETE_TASK,
    FAIL_TASK,
    CANCEL_TASKS,
    REOPEN_TASK,
)
SUBTASK_TRANSITIONS: tuple[Transition[SubtaskStatus], ...] = (
    RELEASE,
    CLAIM,
    COMPLETE,
    FAIL,
    GIVE_BACK,
    STOP,
    RESCUE,
    POISON,
    ABANDON,
    BLOCK,
    WITHDRAW,
    RETRY,
    UNBLOCK,
    HOLD,
    RERUN,
)


def _terminal(statuses: Iterable[S], transitions: Iterable[Transition[S]]) -> frozenset[S]:
    left = {source for edge in transitions if not edge.by_hand for source in edge.sources}
    return frozenset(status for status in statuses if status not in left)


TASK_TERMINAL: frozenset[TaskStatus] = _terminal(TaskStatus, TASK_TRANSITIONS)
SUBTASK_TERMINAL: frozenset[SubtaskStatus] = _terminal(SubtaskStatus, SUBTASK_TRANSITIONS)
