"""The one place that writes what became of attempts: fenced, batched, safe to repeat."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import structlog

from agent.outcome import (
    Cancelled,
    Completed,
    Failed,
    Fenced,
    Outcome,
    Released,
    spent_on,
)
from shared.background import NaturalBatch
from shared.database.subtasks import Held, SubtaskLedger, usage_rows
from shared.errors import QuintetError, Unstorable
from shared.models import Verification
from shared.queue import Doorbell
from shared.states import AttemptOutcome, FailureKind

_log = structlog.get_logger(__name__)
_ERROR_LIMIT = 8_192

_RECORDED = {
    Completed: AttemptOutcome.COMPLETED,
    Failed: AttemptOutcome.FAILED,
    Cancelled: AttemptOutcome.CANCELLED,
    Released: AttemptOutcome.RELEASED,
}


@dataclass(frozen=True, slots=True)
class Settlement:
    """An attempt of ours and what became of it."""

    held: Held
    task_id: UUID
    outcome: Outcome


class Settler:
    """Writes outcomes in natural batches, then rings for the orchestrators."""

    def __init__(
        self, ledger: SubtaskLedger, doorbell: Doorbell, *, owner: UUID, simulated: bool
    ) -> None:
        self._ledger = ledger
        self._doorbell = doorbell
        self._owner = owner
        self._simulated = simulated
        self._batch: NaturalBatch[Settlement, bool] = NaturalBatch(self._write)

    async def run(self) -> None:
        """Write until cancelled."""
        await self._batch.run()

    async def settle(self, settlement: Settlement) -> bool:
        """Record an outcome; waits for PostgreSQL as long as it takes. False: we were fenced."""
        if isinstance(settlement.outcome, Fenced):
            return False
        pause = 0.2
        while True:
            try:
                return await self._batch.submit(settlement)
            except QuintetError as error:
                _log.warning("result not yet recorded", error=error.detail)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)

    async def _write(self, batch: list[Settlement]) -> list[bool]:
        written: dict[UUID, Settlement] = {}
        for kind in _RECORDED:
            group = [item for item in batch if isinstance(item.outcome, kind)]
            if group:
                written |= _by_subtask(await self._write_alike(kind, group))
        left = [item for item in batch if item.held.subtask_id not in written]
        written |= _by_subtask(await self._already_written(left))
        await self._write_usage(written.values())
        await self._doorbell.ring_results(dict.fromkeys(i.task_id for i in written.values()))
        return [item.held.subtask_id in written for item in batch]

    async def _write_alike(
        self, kind: type[Outcome], group: Sequence[Settlement]
    ) -> list[Settlement]:
        """One statement for outcomes of one kind; one bad value must not take the others along.

        Returns what the ledger took, as it took it: what it cannot hold is written as failed.
        """
        writers: dict[type[Outcome], Callable[[Sequence[Settlement]], Any]] = {
            Completed: self._complete,
            Failed: self._fail,
            Cancelled: lambda items: self._ledger.stop(
                _held(items), owner=self._owner, verified=_verified(items)
            ),
            Released: lambda items: self._ledger.give_back(
                _held(items), owner=self._owner, verified=_verified(items)
            ),
        }
        try:
            taken: dict[UUID, UUID] = await writers[kind](group)
        except Unstorable as error:
            if len(group) == 1:
                return await self._write_refused(group[0], error)
            parts = [await self._write_alike(kind, [item]) for item in group]
            return [item for part in parts for item in part]
        return [item for item in group if item.held.subtask_id in taken]

    async def _write_refused(self, item: Settlement, error: Unstorable) -> list[Settlement]:
        """What PostgreSQL refuses fails; if it refuses even that, the lease will lapse."""
        outcome = item.outcome
        if isinstance(outcome, Failed | Cancelled | Released) and outcome.verification is not None:
            bare = replace(item, outcome=replace(outcome, verification=None))
            return await self._write_alike(type(outcome), [bare])
        if isinstance(item.outcome, Failed):
            _log.error("failure cannot be stored", error=error.detail)
            return []
        return await self._write_alike(Failed, [_unstorable(item, error)])

    async def _complete(self, group: Sequence[Settlement]) -> dict[UUID, UUID]:
        rows = [
            {
                "id": item.held.subtask_id,
                "attempt": item.held.attempt,
                "summary": item.outcome.result.summary,
                "output": item.outcome.result.output,
                "claims": [claim.model_dump() for claim in item.outcome.result.claims],
                "files": [file.model_dump() for file in item.outcome.files],
                "calls": usage_rows(item.outcome.usage),
                "simulated": self._simulated,
                "evidence": item.outcome.verification.evidence,
                "verification": item.outcome.verification.model_dump(mode="json"),
            }
            for item in group
            if isinstance(item.outcome, Completed)
        ]
        return await self._ledger.complete(rows, owner=self._owner)

    async def _fail(self, group: Sequence[Settlement]) -> dict[UUID, UUID]:
        rows = [
            {
                "id": item.held.subtask_id,
                "attempt": item.held.attempt,
                "kind": item.outcome.kind,
                "error": item.outcome.error[:_ERROR_LIMIT],
                "verification": _dumped(item.outcome.verification),
            }
            for item in group
            if isinstance(item.outcome, Failed)
        ]
        return await self._ledger.fail(rows, owner=self._owner)

    async def _already_written(self, missing: Sequence[Settlement]) -> list[Settlement]:
        """Those whose earlier commit landed although its acknowledgement was lost."""
        if not missing:
            return []
        known = await self._ledger.outcomes(_held(missing), owner=self._owner)
        found = []
        for item in missing:
            _, outcome = known.get(item.held.subtask_id, (item.task_id, None))
            if outcome is _RECORDED[type(item.outcome)]:
                found.append(item)
            else:
                _log.warning("result refused: fenced", subtask_id=str(item.held.subtask_id))
        return found

    async def _write_usage(self, accepted: Iterable[Settlement]) -> None:
        """What unfinished attempts spent; completed ones wrote theirs with the result."""
        for item in accepted:
            usage = spent_on(item.outcome).usage
            if not usage or isinstance(item.outcome, Completed):
                continue
            try:
                await self._ledger.record_usage(
                    item.task_id, item.held, usage, simulated=self._simulated
                )
            except QuintetError as error:
                _log.error("cost of an attempt not recorded", error=error.detail)


def _dumped(verification: Verification | None) -> dict[str, Any] | None:
    return None if verification is None else verification.model_dump(mode="json")


def _by_subtask(items: Iterable[Settlement]) -> dict[UUID, Settlement]:
    return {item.held.subtask_id: item for item in items}


def _held(items: Sequence[Settlement]) -> list[Held]:
    return [item.held for item in items]


def _verified(items: Sequence[Settlement]) -> list[dict[str, Any] | None]:
    return [_dumped(spent_on(item.outcome).verification) for item in items]


def _unstorable(item: Settlement, error: Unstorable) -> Settlement:
    spent = spent_on(item.outcome)
    told = f"the result could not be stored: {error.detail}"
    failed = Failed(FailureKind.BUSINESS, told, spent.usage, spent.verification)
    return replace(item, outcome=failed)
