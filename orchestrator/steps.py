"""The steps of a task that ask the model: planning and aggregating, each under a lease."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar
from uuid import UUID, uuid4

import structlog

from orchestrator.analysis import Analysis, Answer
from orchestrator.locked import lock
from orchestrator.plan_rows import write_subtasks
from shared.background import leave_if_cancelled
from shared.database.connection import Pool, transaction
from shared.database.plans import NewPlan, PlanLedger
from shared.database.tasks import Failure, Request, SentBack, Step, TaskLedger
from shared.database.views import Views
from shared.errors import DependencyUnavailable, QuintetError
from shared.models import ModelUsage, Plan, TaskDetail
from shared.states import FailureKind, SubtaskStatus, TaskStatus

_log = structlog.get_logger(__name__)
_LONGEST_PAUSE = 2.0
T = TypeVar("T")


class Planner(Protocol):
    """Turns a request into a plan."""

    async def analyse(self, request: Request) -> Analysis:
        """The plan or the reasons; raises nothing of the model's."""
        ...


class Summariser(Protocol):
    """Turns results into an answer."""

    async def aggregate(self, request: Request, detail: TaskDetail) -> Answer:
        """The answer, made without the model when the model fails."""
        ...


class Steps:
    """Runs leased steps at most `slots` at a time, and records what came of each.

    More may be held: a task whose parts have all ended is leased at once, and waits its turn.
    """

    def __init__(
        self,
        pool: Pool,
        planner: Planner,
        summariser: Summariser,
        *,
        owner: UUID,
        lease_seconds: float,
        slots: int,
        simulated: bool,
    ) -> None:
        self._pool = pool
        self._ledger = TaskLedger(pool)
        self._plans = PlanLedger(pool)
        self._views = Views(pool)
        self._planner = planner
        self._summariser = summariser
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._simulated = simulated
        self._slots = slots
        self._turns = asyncio.Semaphore(slots)
        self._running: dict[Step, asyncio.Task[None]] = {}
        self.freed = asyncio.Event()

    @property
    def free(self) -> int:
        """How many more steps may begin."""
        return max(0, self._slots - len(self._running))

    @property
    def held(self) -> set[UUID]:
        """The tasks whose steps run here or wait for their turn."""
        return {step.task_id for step in self._running}

    def begin(
        self, group: asyncio.TaskGroup, step: Step, done: Callable[[UUID], Awaitable[None]]
    ) -> None:
        """Run a step in the group; `done` hears of its task when it has moved on."""
        task = group.create_task(self._run(step, done))
        self._running[step] = task
        task.add_done_callback(lambda _: self._forget(step))

    def _forget(self, step: Step) -> None:
        self._running.pop(step, None)
        self.freed.set()

    async def renew(self) -> None:
        """Keep the leases of running steps, until cancelled; stop those that are fenced."""
        while True:
            leave_if_cancelled()
            await asyncio.sleep(self._lease_seconds / 4)
            if not self._running:
                continue
            steps = list(self._running)
            try:
                renewed = await self._ledger.renew_steps(
                    steps, owner=self._owner, lease_seconds=self._lease_seconds
                )
            except DependencyUnavailable as error:
                _log.warning("steps not renewed", error=error.detail)
                continue
            for step in steps:
                if step not in renewed and step in self._running:
                    self._running[step].cancel()

    async def _run(self, step: Step, done: Callable[[UUID], Awaitable[None]]) -> None:
        steps: dict[TaskStatus, Callable[[Step, Request], Awaitable[None]]] = {
            TaskStatus.PLANNING: self._plan,
            TaskStatus.AGGREGATING: self._aggregate,
        }
        with structlog.contextvars.bound_contextvars(task_id=str(step.task_id)):
            try:
                async with self._turns:
                    request = await _insist(partial(self._ledger.read, step.task_id))
                    if request is not None:
                        await steps[step.status](step, request)
                        await done(step.task_id)
            except DependencyUnavailable as error:
                _log.warning("step given up; its lease will lapse", error=error.detail)
            except Exception as error:  # noqa: BLE001 - one task must not end the others
                _log.exception("step failed")
                await self._fail_unexpectedly(step, error)

    async def _fail_unexpectedly(self, step: Step, error: Exception) -> None:
        """End the task honestly; trying again would only fail again."""
        failure = Failure(FailureKind.BUSINESS, f"internal error: {type(error).__name__}")
        try:
            await self._ledger.fail(step, failure, owner=self._owner)
        except QuintetError as away:
            _log.warning("failure not recorded; the lease will lapse", error=away.detail)

    async def _plan(self, step: Step, request: Request) -> None:
        analysis = await self._planner.analyse(request)
        await self._record_calls(step, "planner", analysis.usage)
        if analysis.plan is not None:
            await _insist(partial(self._keep, step, request, analysis.plan, analysis))
        elif request.sent_back is not None:
            await _insist(partial(self._stand_by, step, request.sent_back, analysis))
        else:
            await self._fail(step, _planning_failure(analysis))

    async def _keep(self, step: Step, request: Request, plan: Plan, analysis: Analysis) -> None:
        """The guarded flip first: a late plan of a lost lease leaves nothing behind."""
        sent_back = request.sent_back
        version = sent_back.version + 1 if sent_back else 1
        feedback = sent_back.feedback if sent_back else None
        async with transaction(self._pool) as connection:
            plans, ledger = self._plans.within(connection), self._ledger.within(connection)
            priority = (await lock(ledger, step.task_id)).priority  # changed meanwhile, perhaps
            begin = plans.propose if request.require_approval else ledger.start
            if not await begin(
                step, owner=self._owner, version=version, rejected=analysis.rejected
            ):
                _log.warning("plan dropped: fenced or cancelled")
                return
            new = NewPlan(plan, version, "planner", feedback, analysis.checks)
            await plans.insert(step.task_id, new)
            if not request.require_approval:
                await write_subtasks(
                    ledger,
                    step.task_id,
                    plan,
                    user_id=request.user_id,
                    priority=priority,
                    checks=analysis.checks,
                )

    async def _stand_by(self, step: Step, sent_back: SentBack, analysis: Analysis) -> None:
        """No better plan came: the one that was sent back waits for a person again."""
        failure = _planning_failure(analysis)
        await self._plans.propose(
            step,
            owner=self._owner,
            version=sent_back.version,
            rejected=analysis.rejected,
            error=f"{failure.error}; version {sent_back.version} still stands",
        )

    async def _aggregate(self, step: Step, request: Request) -> None:
        detail = await _insist(partial(self._views.task, step.task_id))
        if detail is None:
            return
        answer = await self._summariser.aggregate(request, detail)
        await self._record_calls(step, "aggregator", answer.usage)
        failure = _aggregate_failure(detail, answer)
        if failure is not None:
            await self._fail(step, failure)
            return
        text, result = _storable(answer.text), answer.result
        complete = partial(self._ledger.complete, step, answer=text, result=result)
        await _insist(partial(complete, owner=self._owner))

    async def _fail(self, step: Step, failure: Failure) -> None:
        await _insist(partial(self._ledger.fail, step, failure, owner=self._owner))

    async def _record_calls(self, step: Step, purpose: str, usage: Sequence[ModelUsage]) -> None:
        if usage:
            record = partial(self._ledger.record_calls, step.task_id, purpose, usage)
            await _insist(partial(record, batch=uuid4(), simulated=self._simulated))


async def _insist(call: Callable[[], Awaitable[T]]) -> T:
    """What was thought is not thrown away because the ledger is away; a fence cancels this."""
    pause = 0.2
    while True:
        try:
            return await call()
        except DependencyUnavailable as error:
            _log.warning("the ledger is away; trying again", error=error.detail)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)


def _planning_failure(analysis: Analysis) -> Failure:
    if analysis.failure is not None:
        return Failure(
            analysis.failure.kind,
            _storable(f"the plan could not be made: {analysis.failure.detail}"),
            plan_errors=analysis.rejected,
        )
    reasons: Sequence[str] = analysis.rejected[-1] if analysis.rejected else ()
    return Failure(
        FailureKind.PLAN_INVALID,
        _storable(f"no valid plan after {len(analysis.rejected)} rounds: {'; '.join(reasons)}"),
        plan_errors=analysis.rejected,
    )


def _aggregate_failure(detail: TaskDetail, answer: Answer) -> Failure | None:
    """Why the task cannot be called completed, if so."""
    unfinished = [s for s in detail.task.subtasks if s.status is not SubtaskStatus.COMPLETED]
    partial = len(unfinished) < len(detail.task.subtasks)
    if unfinished:
        kinds = [s.failure_kind for s in unfinished if s.failure_kind is not None]
        names = ", ".join(f"{s.key} ({s.status})" for s in unfinished)
        kind = kinds[0] if kinds else FailureKind.BUSINESS
        error = f"{len(unfinished)} of {len(detail.task.subtasks)} subtasks not completed: {names}"
    elif answer.failure is not None:
        kind = answer.failure.kind
        error = f"the answer could not be written by the model: {answer.failure.detail}"
    else:
        return None
    text = _storable(answer.text)
    return Failure(kind, _storable(error), answer=text, result=answer.result, partial=partial)


def _storable(text: str) -> str:
    """The text without what PostgreSQL refuses; a model may well write it."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
