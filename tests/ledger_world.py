"""A ledger to test on: real statements on a real database, with the shortest words for them."""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from orchestrator.plan_rows import ledger_rows
from shared.database.connection import Pool, transaction
from shared.database.plans import NewPlan, PlanLedger
from shared.database.subtasks import Claimant, Held, SubtaskLedger, route_of
from shared.database.tasks import Step, TaskLedger
from shared.database.views import Views
from shared.models import Assignment, Plan, PlannedSubtask
from shared.queue import routes_for

LEASE = 60.0


def planned(key: str, *after: str, **changes: Any) -> PlannedSubtask:
    """A subtask of a plan, with sensible words where the test has none."""
    fields: dict[str, Any] = {
        "id": key,
        "title": key.title(),
        "description": f"do {key}",
        "required_capabilities": ("data_analysis",),
        "dependencies": after,
        "priority": 5,
        "estimated_duration": 10,
        "expected_output": f"{key} is done",
    }
    return PlannedSubtask.model_validate(fields | changes)


def plan_of(*subtasks: PlannedSubtask) -> Plan:
    """A plan of these subtasks."""
    return Plan(summary="a plan for a test", subtasks=subtasks)


@dataclass
class World:
    """One orchestrator and any number of agents, played by the test."""

    pool: Pool
    owner: UUID = field(default_factory=uuid4)

    def __post_init__(self) -> None:
        self.tasks = TaskLedger(self.pool)
        self.subtasks = SubtaskLedger(self.pool)
        self.plans = PlanLedger(self.pool)
        self.views = Views(self.pool)

    def claimant(self, *capabilities: str, **changes: Any) -> Claimant:
        """An agent of its own process boot."""
        fields: dict[str, Any] = {
            "owner": uuid4(),
            "agent_id": "agent-1",
            "role": "tester",
            "routes": tuple(routes_for(capabilities or ("data_analysis",))),
            "lease_seconds": LEASE,
        }
        return Claimant(**(fields | changes))

    async def submit(
        self, task_id: UUID | None = None, *, user: str = "ann", priority: int = 5
    ) -> UUID:
        """An accepted task."""
        task_id = task_id or uuid4()
        await self.tasks.insert(
            task_id,
            user_id=user,
            title="A task",
            description="a task for a test",
            priority=priority,
            files=(),
        )
        return task_id

    async def take(self, task_id: UUID) -> Step:
        """The planning step of a task."""
        steps = await self.tasks.plan(owner=self.owner, lease_seconds=LEASE, limit=100)
        return next(step for step in steps if step.task_id == task_id)

    async def start(self, plan: Plan, *, user: str = "ann", priority: int = 5) -> UUID:
        """A task in progress with this plan, nothing released yet."""
        task_id = await self.submit(user=user, priority=priority)
        step = await self.take(task_id)
        rows, edges = ledger_rows(plan, task_priority=priority)
        async with transaction(self.pool) as connection:
            ledger = self.tasks.within(connection)
            assert await ledger.start(step, owner=self.owner, version=1)
            await self.plans.within(connection).insert(task_id, NewPlan(plan, 1, "planner"))
            await ledger.insert_subtasks(task_id, user, rows)
            await ledger.insert_dependencies(task_id, edges)
        return task_id

    async def release(self, *tasks: UUID) -> int:
        """Release what waits for nothing."""
        return len(await self.subtasks.release(tasks, ring_after=5))

    async def ready(self, *subtasks: PlannedSubtask, **changes: Any) -> UUID:
        """A task of which everything that can be claimed is queued."""
        task_id = await self.start(plan_of(*subtasks), **changes)
        await self.release(task_id)
        return task_id

    async def claim_next(self, claimant: Claimant, *, limit: int = 1) -> list[Assignment]:
        """What an agent would claim now."""
        wanted = await self.subtasks.pick(claimant.routes, limit=4 * limit + 16)
        return await self.subtasks.claim(wanted, limit=limit, claimant=claimant)

    async def complete(self, assignment: Assignment, **changes: Any) -> bool:
        """Settle an assignment as completed; False when fenced."""
        row: dict[str, Any] = {
            "id": assignment.subtask_id,
            "attempt": assignment.attempt,
            "summary": f"{assignment.key} done",
            "output": {},
            "claims": [],
            "evidence": "self-reported",
            "verification": None,
            "files": [],
            "calls": [],
            "simulated": True,
        }
        owner = changes.pop("owner", assignment.owner)
        return bool(await self.subtasks.complete([row | changes], owner=owner))

    async def fail(self, assignment: Assignment, error: str = "it broke") -> bool:
        """Settle an assignment as failed; False when fenced."""
        row = {
            "id": assignment.subtask_id,
            "attempt": assignment.attempt,
            "kind": "business",
            "error": error,
        }
        return bool(await self.subtasks.fail([row], owner=assignment.owner))

    async def statuses(self, task_id: UUID) -> dict[str, str]:
        """Status by key."""
        rows = await self.pool.fetch(
            "SELECT key, status::text FROM subtasks WHERE task_id = $1", task_id
        )
        return {row["key"]: row["status"] for row in rows}

    async def status(self, task_id: UUID) -> str:
        """Status of a task."""
        return str(await self.pool.fetchval("SELECT status FROM tasks WHERE id = $1", task_id))

    async def expire(self) -> None:
        """Let every lease have run out a second ago."""
        await self.pool.execute(
            "UPDATE subtasks SET lease_until = now() - interval '1 second' WHERE owner IS NOT NULL"
        )

    async def force(self, subtask_id: UUID, status: str) -> None:
        """Put a subtask into any status behind the ledger's back."""
        async with self.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(
                "UPDATE subtasks SET status = $2::subtask_status, attempt = 1,"
                " owner = CASE WHEN $2 = 'running' THEN $3::uuid END,"
                " lease_until = CASE WHEN $2 = 'running' THEN now() - interval '1 minute' END,"
                " finished_at = CASE WHEN $2 IN ('blocked', 'completed', 'failed', 'cancelled')"
                " THEN now() END WHERE id = $1",
                subtask_id,
                status,
                self.owner,
            )


def held(assignment: Assignment) -> Held:
    """The fence of an assignment."""
    return Held(assignment.subtask_id, assignment.attempt)


__all__ = ["LEASE", "World", "held", "plan_of", "planned", "route_of"]
