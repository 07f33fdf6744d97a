"""Keeps the leases of everything this process runs, and stops what it may no longer run.

One statement renews all attempts. An attempt that the answer leaves out is fenced; one that a
person cancelled, or whose task they paused, is told so. When PostgreSQL has been silent for most of
a lease, everything is stopped, because by then another agent may have been given the work.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import structlog

from agent.outcome import Cancelled, Fenced, Outcome, Released, Spent, spent_on, stopped
from shared.database.subtasks import Demand, Held, SubtaskLedger
from shared.errors import DependencyUnavailable

_log = structlog.get_logger(__name__)
_SILENCE = 0.75  # of a lease


class Lease:
    """One attempt's right to run: its body ends when the lease is taken away."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self._body: asyncio.Task[Outcome] | None = None
        self._verdict: Outcome | None = None
        self._spent = Spent()

    @property
    def ended(self) -> bool:
        """Whether the body is over and only its record is left to write."""
        return self._body is not None and self._body.done()

    async def run(self, body: Coroutine[Any, Any, Outcome]) -> Outcome:
        """The body's outcome, or why it was stopped and what it had cost until then."""
        self._body = asyncio.create_task(body)
        if self._verdict is not None:
            self._body.cancel()
        try:
            outcome = await self._body
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if self._verdict is None or (current is not None and current.cancelling()):
                await self._end_body()
                raise
            return stopped(self._verdict, self._spent)
        return stopped(self._verdict, spent_on(outcome)) if self._verdict else outcome

    def account(self, spent: Spent) -> None:
        """The body tells what it has cost, as it has no outcome to tell it in."""
        self._spent = spent

    def stop(self, verdict: Outcome) -> None:
        """End the body, once; the first verdict stands."""
        if self._verdict is None:
            self._verdict = verdict
            if self._body is not None:
                self._body.cancel()

    async def _end_body(self) -> None:
        if self._body is not None and not self._body.done():
            self._body.cancel()
            await asyncio.wait([self._body])


class Leases:
    """All leases of one process."""

    def __init__(
        self, ledger: SubtaskLedger, *, owner: UUID, lease_seconds: float, interval: float
    ) -> None:
        self._ledger = ledger
        self._owner = owner
        self._lease_seconds = lease_seconds
        self._interval = min(interval, lease_seconds / 3)
        self._leases: dict[UUID, Lease] = {}
        self._nudge = asyncio.Event()
        self._renewed_at = 0.0

    @contextmanager
    def hold(self, held: Held) -> Iterator[Lease]:
        """Keep an attempt's lease while the block runs."""
        lease = Lease(held)
        if older := self._leases.get(held.subtask_id):
            older.stop(Fenced())  # we were taken for dead, and then given the same work again
        if not self._leases:
            self._renewed_at = asyncio.get_running_loop().time()  # the claim was the renewal
        self._leases[held.subtask_id] = lease
        try:
            yield lease
        finally:
            if self._leases.get(held.subtask_id) is lease:
                del self._leases[held.subtask_id]

    def nudge(self) -> None:
        """Renew now: a person may have stopped something."""
        self._nudge.set()

    def release_all(self) -> None:
        """Stop everything so that it can be given back."""
        for lease in list(self._leases.values()):
            lease.stop(Released())

    async def run(self) -> None:
        """Renew until cancelled."""
        while True:
            try:
                async with asyncio.timeout(self._interval):
                    await self._nudge.wait()
            except TimeoutError:
                pass  # the usual interval
            self._nudge.clear()
            if self._leases:
                await self._renew()

    async def _renew(self) -> None:
        leases = list(self._leases.values())
        try:
            async with asyncio.timeout(max(1.0, self._lease_seconds / 3)):
                answer = await self._ledger.renew(
                    [lease.held for lease in leases],
                    owner=self._owner,
                    lease_seconds=self._lease_seconds,
                )
        except (DependencyUnavailable, TimeoutError) as error:
            self._endure(error)
            return
        self._renewed_at = asyncio.get_running_loop().time()
        for lease in leases:
            if lease.ended:
                continue
            match answer.get(lease.held.subtask_id):
                case None:
                    _log.warning("fenced", subtask_id=str(lease.held.subtask_id))
                    lease.stop(Fenced())
                case Demand.CANCEL:
                    lease.stop(Cancelled())
                case Demand.RELEASE:
                    lease.stop(Released())

    def _endure(self, error: BaseException) -> None:
        silent = asyncio.get_running_loop().time() - self._renewed_at
        _log.warning("leases not renewed", error=type(error).__name__, silent_seconds=round(silent))
        if silent > self._lease_seconds * _SILENCE:
            for lease in list(self._leases.values()):
                lease.stop(Fenced())
