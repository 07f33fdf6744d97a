"""The loop of an agent: wait for a bell, claim, attempt, settle; and how it stops.

A bell only wakes. What is claimed, and in which order, the ledger decides; so a lost bell costs
one wait and a doubled one an empty claim.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog

from agent.attempt import Executor, Note, NoteSink
from agent.heartbeat import Lease, Leases
from agent.metrics import attempt_ended
from agent.outcome import Failed, Outcome, Spent
from agent.settle import Settlement, Settler
from shared.database.subtasks import Claimant, Held, SubtaskLedger
from shared.errors import Busy, Conflict, DependencyUnavailable, RequestError
from shared.models import Assignment
from shared.queue import Ear
from shared.states import AttemptOutcome, FailureKind

_log = structlog.get_logger(__name__)
_PAUSE = 1.0  # seconds, when the ledger is away


@dataclass(frozen=True, slots=True)
class Pace:
    """How much at once, and how long to wait (seconds) when idle and when stopping."""

    slots: int
    drain_seconds: float = 45.0
    settle_seconds: float = 10.0
    idle_seconds: float = 2.0


class Worker:
    """Runs up to `slots` attempts at once until it is told to stop, then drains."""

    def __init__(
        self,
        *,
        ledger: SubtaskLedger,
        ear: Ear,
        executor: Executor,
        leases: Leases,
        settler: Settler,
        notes: NoteSink,
        claimant: Claimant,
        pace: Pace,
    ) -> None:
        self._ledger = ledger
        self._ear = ear
        self._executor = executor
        self._leases = leases
        self._settler = settler
        self._notes = notes
        self._claimant = claimant
        self._pace = pace
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._uncertain = False
        self._claiming = 0
        self._attempts: set[asyncio.Task[None]] = set()
        self._group: asyncio.TaskGroup | None = None
        self.running: dict[Held, Assignment] = {}
        self.completed = 0
        self.failed = 0

    @property
    def draining(self) -> bool:
        """Whether it takes nothing new any more."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """Take nothing new, finish what runs within the drain time, give back the rest."""
        self._stopping.set()
        self._changed.set()

    async def run(self) -> None:
        """Work until stopped; returns when every attempt is settled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            while not self._stopping.is_set():
                if not await self._claim_some():
                    await self._rest()
            await self._drain()

    async def accept(self, subtask_id: UUID) -> Assignment:
        """Claim one subtask by name; Busy without a free slot, Conflict if it cannot be claimed."""
        if self._group is None or self.draining or self._free() < 1:
            raise Busy(
                "this agent has no free slot" if not self.draining else "this agent is stopping",
                remedy="try another agent, or again later",
            )
        with self._reserved(1):
            claimed = await self._ledger.claim([subtask_id], limit=1, claimant=self._claimant)
            for assignment in claimed:
                self._start(assignment)
        if not claimed:
            raise Conflict(
                "this subtask cannot be claimed here now",
                slug="not-claimable",
                remedy="look at its status and at this agent's capabilities",
            )
        return claimed[0]

    async def once(self, subtask_id: UUID) -> bool:
        """Run one subtask by name, then return; True when it completed."""
        refused: RequestError | None = None
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                await self.accept(subtask_id)
            except RequestError as error:  # raised outside, where the group does not wrap it
                refused = error
        if refused is not None:
            raise refused
        return self.completed > 0

    def _free(self) -> int:
        return self._pace.slots - len(self.running) - self._claiming

    @contextmanager
    def _reserved(self, slots: int) -> Iterator[None]:
        """Keep slots for a claim under way: two claims must not count on the same ones."""
        self._claiming += slots
        try:
            yield
        finally:
            self._claiming -= slots
            self._changed.set()

    async def _claim_some(self) -> int:
        """Start what can be claimed now; how much that was."""
        free = self._free()
        if free < 1:
            return 0
        with self._reserved(free):
            try:
                claimed = await (self._adopt() if self._uncertain else self._claim_best(free))
            except DependencyUnavailable as error:
                self._uncertain = True
                _log.warning("cannot claim", error=error.detail)
                await asyncio.sleep(_PAUSE)
                return 0
            for assignment in claimed:
                self._start(assignment)
        return len(claimed)

    async def _claim_best(self, free: int) -> list[Assignment]:
        wanted = await self._ledger.pick(self._claimant.routes, limit=4 * free + 16)
        return await self._ledger.claim(wanted, limit=free, claimant=self._claimant)

    async def _adopt(self) -> list[Assignment]:
        """What a claim took although its acknowledgement was lost."""
        held = await self._ledger.open_attempts(self._claimant.owner)
        lost = [item.subtask_id for item in held if item not in self.running]
        self._uncertain = False
        return await self._ledger.read_assignments(lost)

    async def _rest(self) -> None:
        """Until a bell rings or, when every slot is taken, until one is free."""
        if self._free() > 0:
            await self._ear.wait(self._pace.idle_seconds, most=max(1, self._free()))
            return
        self._changed.clear()
        if self._free() < 1 and not self._stopping.is_set():
            await self._changed.wait()

    def _start(self, assignment: Assignment) -> None:
        assert self._group is not None  # only called while run() is under way  # noqa: S101
        self.running[Held(assignment.subtask_id, assignment.attempt)] = assignment
        task = self._group.create_task(self._attempt(assignment), name=str(assignment.subtask_id))
        self._attempts.add(task)
        task.add_done_callback(self._attempts.discard)

    async def _attempt(self, assignment: Assignment) -> None:
        held = Held(assignment.subtask_id, assignment.attempt)
        clock = asyncio.get_running_loop().time
        began = clock()
        with (
            structlog.contextvars.bound_contextvars(
                task_id=str(assignment.task_id),
                subtask_id=str(assignment.subtask_id),
                attempt=assignment.attempt,
            ),
            self._leases.hold(held) as lease,
        ):
            outcome = await lease.run(self._execute(assignment, lease))
            accepted = await self._settler.settle(Settlement(held, assignment.task_id, outcome))
        del self.running[held]
        self._count(outcome, accepted=accepted)
        role, seconds = self._claimant.role, clock() - began
        attempt_ended(assignment, outcome, role=role, accepted=accepted, seconds=seconds)
        self._changed.set()

    async def _execute(self, assignment: Assignment, lease: Lease) -> Outcome:
        spent = Spent()

        def note(item: Note | Spent) -> None:
            nonlocal spent
            if isinstance(item, Spent):
                spent = item
                lease.account(item)
            else:
                self._notes.add(assignment, item)

        note(Note("attempt", f"attempt {assignment.attempt} began"))
        try:
            outcome = await self._executor.execute(assignment, note)
        except Exception as error:  # noqa: BLE001 - an executor's bug must not take the others down
            _log.exception("executor failed")
            told = f"internal error: {type(error).__name__}"
            outcome = Failed(FailureKind.BUSINESS, told, spent.usage, spent.verification)
        if isinstance(outcome, Failed):
            note(Note("attempt", outcome.error, level="error", data={"kind": outcome.kind}))
        return outcome

    def _count(self, outcome: Outcome, *, accepted: bool) -> None:
        recorded = type(outcome).__name__.lower()
        if accepted and recorded == AttemptOutcome.COMPLETED:
            self.completed += 1
        if accepted and recorded == AttemptOutcome.FAILED:
            self.failed += 1

    async def _drain(self) -> None:
        """Finish what runs if it can, then have it stopped and given back."""
        deadline = asyncio.get_running_loop().time() + self._pace.drain_seconds
        while self.running and asyncio.get_running_loop().time() < deadline:
            self._changed.clear()
            left = deadline - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(max(0.0, left)):
                    await self._changed.wait()
            except TimeoutError:
                break
        self._leases.release_all()
        await self._settle_last()

    async def _settle_last(self) -> None:
        """A ledger that stays away must not keep the process: the leases will lapse."""
        if not self._attempts:
            return
        _, left = await asyncio.wait(self._attempts, timeout=self._pace.settle_seconds)
        for attempt in left:
            _log.error("given up: not recorded before the end", attempt=attempt.get_name())
            attempt.cancel()
