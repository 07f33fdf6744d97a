"""A planner whose plans the test has written; everything around it is real."""

import asyncio
from dataclasses import dataclass, field
from uuid import UUID

from orchestrator.analysis import Analysis, Answer
from orchestrator.steps import Steps
from shared.database.tasks import Request
from shared.models import Plan, TaskDetail
from tests.ledger_world import LEASE, World


@dataclass
class PlannedByHand:
    """Gives the plans in order; None stands for a request that led to none."""

    world: World
    plans: list[Plan | None]
    requests: list[Request] = field(default_factory=list)

    async def analyse(self, request: Request) -> Analysis:
        """The next plan."""
        self.requests.append(request)
        plan = self.plans.pop(0)
        return Analysis(plan, rejected=() if plan else (("it was empty",),))

    async def aggregate(self, request: Request, detail: TaskDetail) -> Answer:
        """An answer."""
        return Answer(f"{len(detail.task.subtasks)} parts")

    async def plan(self, task_id: UUID) -> None:
        """Have the task planned by a real step under its lease."""
        steps = Steps(
            self.world.pool,
            self,
            self,
            owner=self.world.owner,
            lease_seconds=LEASE,
            slots=1,
            simulated=True,
        )
        step = await self.world.take(task_id)

        async def moved(_: UUID) -> None:
            return None

        async with asyncio.timeout(10), asyncio.TaskGroup() as group:
            steps.begin(group, step, moved)
