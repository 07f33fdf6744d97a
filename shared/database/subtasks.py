"""The ledger of subtasks: claim, renew, settle, rescue. One short method per statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from shared import states
from shared.database.connection import Connection, Ledger, Row, transaction
from shared.database.statements import edge
from shared.models import Assignment, Band, ModelUsage
from shared.states import (
    SUBTASK_TERMINAL,
    AttemptOutcome,
    FailureKind,
    SubtaskStatus,
    TaskStatus,
    Transition,
)

BANDS = tuple(Band)
"""By their number in the ledger."""
TAINTING = (SubtaskStatus.FAILED, SubtaskStatus.CANCELLED)
"""What depends on one of these cannot run."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a bell carries: which subtask became claimable, and on which list to say so."""

    subtask_id: UUID
    route: str
    band: Band


Verified = Sequence[Mapping[str, Any] | None]  # how each attempt was verified, in their order


@dataclass(frozen=True, slots=True)
class Held:
    """One attempt of one owner: the fence that every write about it names."""

    subtask_id: UUID
    attempt: int


class Demand(StrEnum):
    """What a person wants of an attempt that runs."""

    NONE = "none"
    CANCEL = "cancel"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims: a process boot, and the limits it must respect (0: none)."""

    owner: UUID
    agent_id: str
    role: str
    routes: tuple[str, ...]
    lease_seconds: float
    max_running: int = 0
    max_running_in_role: int = 0


def route_of(capabilities: Sequence[str]) -> str:
    """The sorted set of required capabilities, joined by `+`: the name of a list."""
    return "+".join(sorted(set(capabilities)))


def usage_rows(usage: Sequence[ModelUsage]) -> list[dict[str, Any]]:
    """Model usage as the rows that statements expand."""
    return [item.model_dump(mode="json") for item in usage]


class SubtaskLedger(Ledger):
    """Moves of subtasks and attempts; every write about an attempt is fenced."""

    topics = ("subtasks", "attempts")

    async def release(self, tasks: Sequence[UUID], *, ring_after: float) -> list[Delivery]:
        """Queue what waits for nothing any more."""
        rows = await self.fetch(
            "release",
            *edge(states.RELEASE),
            tasks,
            SubtaskStatus.COMPLETED,
            TaskStatus.IN_PROGRESS,
            ring_after,
        )
        return [_delivery(row) for row in rows]

    async def block(self, tasks: Sequence[UUID]) -> int:
        """Block the descendants of what failed or was cancelled; returns how many."""
        rows = await self.fetch("block", *edge(states.BLOCK), tasks, TAINTING)
        return len(rows)

    async def pick(self, routes: Sequence[str], *, limit: int) -> list[UUID]:
        """Ids worth claiming, best first."""
        rows = await self.fetch("pick", routes, limit, SubtaskStatus.QUEUED)
        return [row["id"] for row in rows]

    async def claim(
        self, wanted: Sequence[UUID], *, limit: int, claimant: Claimant
    ) -> list[Assignment]:
        """Take up to `limit` of the wanted subtasks; those that another took are left out."""
        if not wanted or limit < 1:
            return []
        async with transaction(self._pool) as connection:
            bound = SubtaskLedger(self._pool, connection)
            room = await bound._room(limit, claimant)
            rows = await bound._claim(wanted, room, claimant) if room > 0 else []
        return await self.read_assignments([row["id"] for row in rows])

    async def _room(self, limit: int, claimant: Claimant) -> int:
        """How many more may run under the limits; exact, as claims then wait for each other."""
        if not (claimant.max_running or claimant.max_running_in_role):
            return limit
        await self.fetch("lock_claims")
        row = await self.fetchrow("count_running", SubtaskStatus.RUNNING, claimant.role)
        assert row is not None  # an aggregate always has a row  # noqa: S101
        if claimant.max_running:
            limit = min(limit, claimant.max_running - row["running"])
        if claimant.max_running_in_role:
            limit = min(limit, claimant.max_running_in_role - row["running_in_role"])
        return limit

    async def _claim(self, wanted: Sequence[UUID], limit: int, who: Claimant) -> Sequence[Row]:
        return await self.fetch(
            "claim",
            *edge(states.CLAIM),
            wanted,
            limit,
            who.owner,
            who.agent_id,
            who.role,
            who.lease_seconds,
            who.routes,
        )

    async def open_attempts(self, owner: UUID) -> list[Held]:
        """What the ledger believes this owner holds."""
        rows = await self.fetch("open_attempts", owner)
        return [Held(row["id"], row["attempt"]) for row in rows]

    async def read_assignments(self, subtasks: Sequence[UUID]) -> list[Assignment]:
        """All that the attempts at these subtasks need to know, in the order asked."""
        if not subtasks:
            return []
        rows = await self.fetch("read_assignments", subtasks)
        return [Assignment.model_validate(dict(row)) for row in rows]

    async def renew(
        self, held: Sequence[Held], *, owner: UUID, lease_seconds: float
    ) -> dict[UUID, Demand]:
        """Renew every lease; what is missing from the answer is fenced."""
        rows = await self.fetch(
            "renew",
            [item.subtask_id for item in held],
            [item.attempt for item in held],
            owner,
            lease_seconds,
            SubtaskStatus.RUNNING,
        )
        return {row["id"]: _demand(row) for row in rows}

    async def complete(
        self, settlements: Sequence[Mapping[str, Any]], *, owner: UUID
    ) -> dict[UUID, UUID]:
        """Record results; returns the task of each subtask whose write was accepted."""
        rows = await self.fetch(
            "complete",
            *edge(states.COMPLETE),
            owner,
            AttemptOutcome.COMPLETED,
            settlements,
        )
        return {row["id"]: row["task_id"] for row in rows}

    async def fail(
        self, settlements: Sequence[Mapping[str, Any]], *, owner: UUID
    ) -> dict[UUID, UUID]:
        """Record failures with their kind and error."""
        rows = await self.fetch(
            "fail", *edge(states.FAIL), owner, AttemptOutcome.FAILED, settlements
        )
        return {row["id"]: row["task_id"] for row in rows}

    async def give_back(
        self, held: Sequence[Held], *, owner: UUID, verified: Verified = ()
    ) -> dict[UUID, UUID]:
        """Return unfinished work to the queue without counting it."""
        return await self._end(
            "give_back", states.GIVE_BACK, AttemptOutcome.RELEASED, held, owner, verified
        )

    async def stop(
        self, held: Sequence[Held], *, owner: UUID, verified: Verified = ()
    ) -> dict[UUID, UUID]:
        """Record that cancelled attempts have ended."""
        return await self._end("stop", states.STOP, AttemptOutcome.CANCELLED, held, owner, verified)

    async def _end(
        self,
        name: str,
        transition: Transition[SubtaskStatus],
        outcome: AttemptOutcome,
        held: Sequence[Held],
        owner: UUID,
        verified: Verified,
    ) -> dict[UUID, UUID]:
        rows = await self.fetch(
            name,
            *edge(transition),
            owner,
            outcome,
            [item.subtask_id for item in held],
            [item.attempt for item in held],
            list(verified) or [None] * len(held),
        )
        return {row["id"]: row["task_id"] for row in rows}

    async def record_usage(
        self, task_id: UUID, held: Held, usage: Sequence[ModelUsage], *, simulated: bool
    ) -> None:
        """Record what an attempt spent that did not complete."""
        await self.fetch(
            "record_usage",
            task_id,
            held.subtask_id,
            held.attempt,
            simulated,
            usage_rows(usage),
        )

    async def outcomes(
        self, held: Sequence[Held], *, owner: UUID
    ) -> dict[UUID, tuple[UUID, AttemptOutcome | None]]:
        """Task and outcome of attempts that this owner once held."""
        rows = await self.fetch(
            "attempt_outcomes",
            [item.subtask_id for item in held],
            [item.attempt for item in held],
            owner,
        )
        return {
            row["id"]: (
                row["task_id"],
                None if row["outcome"] is None else AttemptOutcome(row["outcome"]),
            )
            for row in rows
        }

    async def rescue(self, *, max_losses: int, grace_seconds: float) -> list[UUID]:
        """Requeue what silent agents held; returns the tasks concerned."""
        rows = await self.fetch(
            "rescue", *edge(states.RESCUE), max_losses, AttemptOutcome.LOST, grace_seconds
        )
        return [row["task_id"] for row in rows]

    async def poison(self, *, max_losses: int, grace_seconds: float) -> list[UUID]:
        """Fail what took its agent down too often; returns the tasks concerned."""
        rows = await self.fetch(
            "poison",
            *edge(states.POISON),
            max_losses,
            AttemptOutcome.LOST,
            grace_seconds,
            FailureKind.POISON,
            f"its agent was lost {max_losses} times; retry it by hand when the cause is mended",
        )
        return [row["task_id"] for row in rows]

    async def abandon(self, *, grace_seconds: float) -> list[UUID]:
        """Close cancelled attempts whose agent fell silent; returns the tasks concerned."""
        rows = await self.fetch(
            "abandon", *edge(states.ABANDON), AttemptOutcome.CANCELLED, grace_seconds
        )
        return [row["task_id"] for row in rows]

    async def ring_again(self, *, limit: int = 200) -> list[Delivery]:
        """What has been queued so long that its bell may have been lost."""
        rows = await self.fetch("ring_again", SubtaskStatus.QUEUED, limit)
        return [_delivery(row) for row in rows]

    async def withdraw(self, tasks: Sequence[UUID]) -> int:
        """Cancel what does not run and whose cancel was asked for, alone or with its task."""
        return len(await self.fetch("withdraw", *edge(states.WITHDRAW), tasks))

    async def request_cancel(self, task_id: UUID, subtask_id: UUID) -> bool:
        """Note that a person wants one subtask stopped; False when there is nothing to stop."""
        row = await self.fetchrow("request_subtask_cancel", task_id, subtask_id, CANCELLABLE)
        return row is not None

    async def hold(self, tasks: Sequence[UUID]) -> int:
        """Take the paused ones' subtasks out of the queue."""
        return len(await self.fetch("hold", *edge(states.HOLD), tasks))

    async def set_urgency(self, task_id: UUID, priority: int) -> None:
        """Follow the task's priority."""
        await self.fetch("set_urgency", task_id, priority)

    async def rerun(self, task_id: UUID, parts: Sequence[UUID]) -> int:
        """Set subtasks back to be run again; their results are superseded. Returns how many."""
        rows = await self.fetch("rerun", *edge(states.RERUN), task_id, parts)
        await self.fetch("supersede_results", [row["id"] for row in rows])
        return len(rows)

    async def retry(self, task_id: UUID, subtask_id: UUID, *, attempt: int) -> bool:
        """Put a failed or cancelled subtask back, if `attempt` is still its last."""
        row = await self.fetchrow("retry", *edge(states.RETRY), task_id, subtask_id, attempt)
        return row is not None

    async def edit(self, task_id: UUID, subtask_id: UUID, row: Mapping[str, Any]) -> None:
        """Change what its next attempt is told and held against."""
        await self.fetch("edit_subtask", task_id, subtask_id, row)

    async def unblock(self, task_id: UUID) -> int:
        """Free what nothing that failed or was cancelled stands before any more."""
        rows = await self.fetch("unblock", *edge(states.UNBLOCK), task_id, TAINTING)
        return len(rows)

    async def unpublished(self, tasks: Sequence[UUID]) -> list[tuple[UUID, Held]]:
        """Completed attempts whose files still lie where they were made, with their task."""
        rows = await self.fetch("unpublished", tasks)
        return [(row["task_id"], Held(row["subtask_id"], row["attempt"])) for row in rows]

    async def mark_published(self, held: Sequence[Held]) -> None:
        """Their files lie where readers look."""
        await self.fetch(
            "mark_published",
            [item.subtask_id for item in held],
            [item.attempt for item in held],
        )

    async def append_logs(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Append log lines of attempts."""
        await self.fetch("append_logs", rows)

    def within(self, connection: Connection) -> "SubtaskLedger":
        """The same ledger inside a transaction."""
        return SubtaskLedger(self._pool, connection)


def _delivery(row: Row) -> Delivery:
    return Delivery(row["id"], row["route"], BANDS[row["band"]])


def _demand(row: Row) -> Demand:
    if row["cancelled"]:
        return Demand.CANCEL
    return Demand.RELEASE if row["released"] else Demand.NONE


CANCELLABLE = sorted((*states.WITHDRAW.sources, *states.STOP.sources))
TERMINAL = sorted(status.value for status in SUBTASK_TERMINAL)
