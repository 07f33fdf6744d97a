"""Moves tasks on: plan, release, ring, advance, aggregate. Any number may run at once.

What it hears only tells it where to look; a sweep looks everywhere once a second, so a lost bell
costs that second at most.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import structlog

from orchestrator.advance import Advancer
from orchestrator.steps import Steps
from shared import metrics
from shared.background import leave_if_cancelled
from shared.database.tasks import Step, TaskLedger
from shared.errors import DependencyUnavailable
from shared.queue import Ear

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Ears:
    """One for ended subtasks, one for submitted tasks; each has a connection of its own."""

    results: Ear
    submissions: Ear


class Dispatcher:
    """The orchestrator's loops around the ledger."""

    def __init__(
        self,
        ledger: TaskLedger,
        advancer: Advancer,
        steps: Steps,
        ears: Ears,
        *,
        owner: UUID,
        lease_seconds: float,
        sweep_seconds: float,
    ) -> None:
        self._ledger = ledger
        self._advancer = advancer
        self._steps = steps
        self._ears = ears
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._sweep_seconds = sweep_seconds
        self._missed: set[UUID] = set()
        self._submitted = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None

    def submitted(self) -> None:
        """A task was accepted in this very process: no need to wait for the bell."""
        self._submitted.set()

    async def run(self) -> None:
        """Dispatch until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            group.create_task(self._advance_loop())
            group.create_task(self._plan_loop())
            group.create_task(self._hear_submissions())
            group.create_task(self._steps.renew())

    async def advance(self, tasks: Sequence[UUID]) -> None:
        """Move the tasks on, and begin the steps that are now ours."""
        for step in await self._advancer.advance(tasks):
            self._begin(step)

    async def _advance_loop(self) -> None:
        clock = asyncio.get_running_loop().time
        swept = -self._sweep_seconds
        while True:
            leave_if_cancelled()
            heard = set(_ids(await self._ears.results.wait(self._sweep_seconds, most=256)))
            leave_if_cancelled()
            heard |= self._missed
            self._missed -= heard
            try:
                if clock() - swept >= self._sweep_seconds:
                    heard |= set(await self._ledger.to_advance())
                    swept = clock()
                await self.advance(sorted(heard))
            except DependencyUnavailable as error:
                self._missed |= heard
                _log.warning("cannot advance", error=error.detail)
                await asyncio.sleep(self._sweep_seconds)

    async def _plan_loop(self) -> None:
        while True:
            self._submitted.clear()
            try:
                for step in await self._next_steps():
                    self._begin(step)
            except DependencyUnavailable as error:
                _log.warning("cannot plan", error=error.detail)
            leave_if_cancelled()
            try:
                async with asyncio.timeout(self._sweep_seconds):
                    await self._submitted.wait()
            except TimeoutError:
                pass  # time to sweep
            if self._steps.free == 0:
                self._steps.freed.clear()
                await self._steps.freed.wait()

    async def _next_steps(self) -> list[Step]:
        free = self._steps.free
        if free == 0:
            return []
        owner, lease = self._owner, self._lease_seconds
        taken = await self._ledger.take_over(
            owner=owner,
            lease_seconds=lease,
            limit=free,
            held=self._steps.held,
            grace_seconds=lease,
        )
        for step in taken:
            metrics.TAKEN_OVER.labels(step.status).inc()
        if len(taken) < free:
            left = free - len(taken)
            taken += await self._ledger.plan(owner=owner, lease_seconds=lease, limit=left)
        return taken

    async def _hear_submissions(self) -> None:
        while True:
            leave_if_cancelled()
            if await self._ears.submissions.wait(self._sweep_seconds):
                self._submitted.set()

    def _begin(self, step: Step) -> None:
        async def move_on(task_id: UUID) -> None:
            await self.advance([task_id])

        assert self._group is not None  # only called while run() is under way  # noqa: S101
        self._steps.begin(self._group, step, move_on)


def _ids(elements: Iterable[str]) -> list[UUID]:
    """Elements that are ids; anything else on a list is noise and is dropped."""
    ids = []
    for element in elements:
        try:
            ids.append(UUID(element))
        except ValueError:
            _log.warning("noise on a list", element=element[:80])
    return ids
