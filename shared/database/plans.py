"""The ledger of plans: their versions, and what a person says of the one that waits."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared import states
from shared.database.connection import Connection, Ledger, Row
from shared.database.statements import edge
from shared.database.tasks import Step
from shared.models import Plan, PlanAuthor, PlannedCheck, PlanVersion

_CURRENT = 0  # versions begin with 1
TriedChecks = Mapping[str, Sequence[PlannedCheck]]


@dataclass(frozen=True, slots=True)
class NewPlan:
    """A version to keep; `checks` are those tried on workspaces without work, by subtask."""

    plan: Plan
    version: int
    author: PlanAuthor
    feedback: str | None = None
    checks: TriedChecks = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A version as it was kept."""

    view: PlanVersion
    checks: TriedChecks


def plan_hash(plan: Plan) -> str:
    """The SHA-256 of a plan's content, in hex: the same content has the same hash."""
    text = json.dumps(plan.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


class PlanLedger(Ledger):
    """Versions are added, never changed."""

    topics = ("plans",)

    async def insert(self, task_id: UUID, new: NewPlan) -> None:
        """Keep a version of a plan."""
        checks = {
            key: [check.model_dump(mode="json") for check in tried]
            for key, tried in new.checks.items()
        }
        await self.fetch(
            "insert_plan",
            task_id,
            new.version,
            new.plan.model_dump(mode="json"),
            plan_hash(new.plan),
            new.author,
            new.feedback,
            checks,
        )

    async def versions(self, task_id: UUID) -> list[KeptPlan]:
        """Every version, oldest first."""
        return [_kept(row) for row in await self.fetch("plan_versions", task_id, None)]

    async def version(self, task_id: UUID, version: int) -> KeptPlan | None:
        """One version."""
        row = await self.fetchrow("plan_versions", task_id, version)
        return None if row is None else _kept(row)

    async def current(self, task_id: UUID) -> KeptPlan | None:
        """The version that counts."""
        return await self.version(task_id, _CURRENT)

    async def set_version(self, task_id: UUID, version: int) -> None:
        """Make a version the current one, under the task's lock."""
        await self.fetch("set_plan_version", task_id, version)

    async def propose(
        self,
        step: Step,
        *,
        owner: UUID,
        version: int,
        rejected: Sequence[Sequence[str]] = (),
        error: str | None = None,
    ) -> bool:
        """Lay a version before a person; False when the step is no longer ours."""
        row = await self.fetchrow(
            "propose_plan",
            *edge(states.PROPOSE_PLAN),
            step.task_id,
            step.attempt,
            owner,
            version,
            rejected,
            error,
        )
        return row is not None

    async def approve(self, task_id: UUID, version: int) -> tuple[str, int] | None:
        """Let a version be worked; the task's user and priority, or None when it cannot be."""
        row = await self.fetchrow("approve_plan", *edge(states.APPROVE_PLAN), task_id, version)
        return None if row is None else (row["user_id"], row["priority"])

    async def reject(self, task_id: UUID, version: int, feedback: str) -> bool:
        """Send a version back to be planned anew."""
        row = await self.fetchrow(
            "reject_plan", *edge(states.REJECT_PLAN), task_id, version, feedback
        )
        return row is not None

    def within(self, connection: Connection) -> "PlanLedger":
        """The same ledger inside a transaction."""
        return PlanLedger(self._pool, connection)


def _kept(row: Row) -> KeptPlan:
    fields: dict[str, Any] = dict(row)
    checks = {
        key: tuple(PlannedCheck.model_validate(item) for item in items)
        for key, items in fields.pop("checks").items()
    }
    return KeptPlan(PlanVersion.model_validate(fields), checks)
