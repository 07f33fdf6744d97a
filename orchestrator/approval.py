"""A plan in a person's hand: seen, edited, approved or sent back; every version is kept."""

from collections.abc import Sequence
from uuid import UUID

from orchestrator.locked import lock, no_task, refuse_unless
from orchestrator.plan_comparison import compare
from orchestrator.plan_rows import write_subtasks
from orchestrator.plan_rules import PlanRules, not_valid, tried
from orchestrator.steering import Mover, Nudge
from shared.database.connection import Connection, Pool, transaction
from shared.database.plans import KeptPlan, NewPlan, PlanLedger
from shared.database.tasks import TaskLedger
from shared.database.views import Views
from shared.errors import Conflict, NotFound
from shared.models import Plan, PlanComparison, PlanHistory, PlannedCheck, PlanVersion
from shared.queue import Doorbell
from shared.states import APPROVE_PLAN


class Approvals:
    """Each verb names the hash of the version it means, and loses to a newer one."""

    def __init__(self, pool: Pool, mover: Mover, doorbell: Doorbell, rules: PlanRules) -> None:
        self._pool = pool
        self._tasks = TaskLedger(pool)
        self._plans = PlanLedger(pool)
        self._views = Views(pool)
        self._nudge = Nudge(mover)
        self._doorbell = doorbell
        self._rules = rules

    async def current(self, task_id: UUID) -> PlanVersion:
        """The version that counts; raises NotFound while there is none."""
        kept = await self._plans.current(task_id)
        if kept is not None:
            return kept.view
        if not await self._views.exists(task_id):
            raise no_task(task_id)
        raise NotFound(
            "the task has no plan yet", slug="no-plan", remedy="wait until it is planned"
        )

    async def history(self, task_id: UUID) -> PlanHistory:
        """Every version, oldest first."""
        if not await self._views.exists(task_id):
            raise no_task(task_id)
        return PlanHistory(
            versions=tuple(kept.view for kept in await self._plans.versions(task_id))
        )

    async def comparison(self, task_id: UUID, before: int, after: int) -> PlanComparison:
        """What changed from one version to another."""
        return compare(await self._version(task_id, before), await self._version(task_id, after))

    async def _version(self, task_id: UUID, version: int) -> PlanVersion:
        kept = await self._plans.version(task_id, version)
        if kept is not None:
            return kept.view
        if not await self._views.exists(task_id):
            raise no_task(task_id)
        raise NotFound(
            f"the task's plan has no version {version}",
            slug="no-such-version",
            remedy="look at the versions of its plan",
        )

    async def edit(self, task_id: UUID, plan: Plan, *, seen: str) -> PlanVersion:
        """A person's own version, by the rules that hold for the planner's."""
        errors = self._rules.errors_of(plan)
        async with transaction(self._pool) as connection:
            kept = await self._waiting(connection, task_id, seen)
            if errors:
                raise not_valid("plan", errors)
            plans = self._plans.within(connection)
            version = kept.view.version + 1
            await plans.insert(task_id, NewPlan(plan, version, "person", None, _tried(plan, kept)))
            await plans.set_version(task_id, version)
        return await self.current(task_id)

    async def approve(self, task_id: UUID, *, seen: str) -> None:
        """Let the version be worked."""
        async with transaction(self._pool) as connection:
            kept = await self._waiting(connection, task_id, seen)
            approved = await self._plans.within(connection).approve(task_id, kept.view.version)
            if approved is None:  # the lock is ours and the state was looked at under it
                raise AssertionError("a waiting plan could not be approved")
            user_id, priority = approved
            await write_subtasks(
                self._tasks.within(connection),
                task_id,
                kept.view.plan,
                user_id=user_id,
                priority=priority,
                checks=kept.checks,
            )
        await self._nudge.advance(task_id)

    async def reject(self, task_id: UUID, *, seen: str, feedback: str) -> None:
        """Send the version back to the planner with what should be different."""
        async with transaction(self._pool) as connection:
            kept = await self._waiting(connection, task_id, seen)
            await self._plans.within(connection).reject(task_id, kept.view.version, feedback)
        await self._doorbell.ring_submission(task_id)

    async def _waiting(self, connection: Connection, task_id: UUID, seen: str) -> KeptPlan:
        """The version that waits for a person, under the task's lock, if it is the one seen."""
        now = await lock(self._tasks.within(connection), task_id)
        refuse_unless(
            now, APPROVE_PLAN.sources, slug="not-awaiting-approval", what="no plan waits for a word"
        )
        plans = self._plans.within(connection)
        kept = await plans.version(task_id, now.plan_version or 0)
        if kept is None or kept.view.hash != seen:
            raise Conflict(
                "a newer version of this plan is there",
                slug="plan-changed",
                remedy="look at the newer version, then decide on that one",
                status_now=now.status,
                version_now=now.plan_version,
                hash_now=kept.view.hash if kept else None,
            )
        return kept


def _tried(plan: Plan, kept: KeptPlan) -> dict[str, Sequence[PlannedCheck]]:
    """What was found out about checks that the person left as they were."""
    return {
        subtask.id: tried(subtask, kept.checks.get(subtask.id, ())) for subtask in plan.subtasks
    }
