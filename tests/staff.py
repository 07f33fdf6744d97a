"""Planner and agents in one, without a model: tasks of a test are planned, worked and answered."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

from shared.background import running
from shared.database.tasks import Failure
from shared.models import Assignment
from shared.states import FailureKind
from shared.workspace import Workspace, manifest
from tests.api_world import Api
from tests.event_clients import line
from tests.ledger_world import plan_of, planned
from tests.planned_by_hand import PlannedByHand

FIRST = plan_of(planned("load"), planned("compare", "load"), planned("report", "compare"))
NEXT = plan_of(planned("load"), planned("compare", "load"))


@dataclass
class Staff:
    """Does with a task what the test says, or with `at_work` whatever there is to do."""

    api: Api

    async def plan(self, task_id: UUID) -> None:
        """Plan it once; a second time the plan is another one."""
        versions = (await self.api.client.get(f"/tasks/{task_id}/plan/versions")).json()
        plan = NEXT if versions.get("versions") else FIRST
        await PlannedByHand(self.api.world, [plan]).plan(task_id)
        await self.api.advancer.advance([task_id])

    async def work(self, *, failing: str = "") -> None:
        """Work everything that can be, to the answers; the subtask `failing` fails."""
        world, owner = self.api.world, self.api.advancer._owner
        while claimed := await world.claim_next(world.claimant(), limit=9):
            for item in claimed:
                if item.key == failing:
                    assert await world.fail(item)
                else:
                    await self._complete(item)
            for step in await self.api.advancer.advance([item.task_id for item in claimed]):
                if failing:
                    failure = Failure(FailureKind.BUSINESS, "broke", answer="half", partial=True)
                    assert await world.tasks.fail(step, failure, owner=owner)
                else:
                    assert await world.tasks.complete(
                        step, owner=owner, answer="North: 42 of 100.", result={}
                    )

    async def _complete(self, item: Assignment) -> None:
        workspace = Workspace(self.api.files, item.task_id)
        workspace.prepare()
        folder = workspace.attempt(item.subtask_id, item.attempt)
        name = f"{item.key}.md"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"done")
        entries = [entry.model_dump() for entry in await manifest(folder, [name])]
        said = line(item.task_id, message="done", subtask_id=item.subtask_id, attempt=item.attempt)
        await self.api.world.subtasks.append_logs([said])
        assert await self.api.world.complete(item, files=entries)

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Plan and work all that comes while the block runs."""
        async with running(self._forever()):
            yield

    async def _forever(self) -> None:
        while True:
            rows = await self.api.world.pool.fetch("SELECT id FROM tasks WHERE status = 'pending'")
            for row in rows:
                await self.plan(row["id"])
            await self.work()
            await asyncio.sleep(0.02)
