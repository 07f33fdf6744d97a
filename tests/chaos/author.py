"""Plans that tests bring, handed out where a model would have been asked."""

import asyncio
import time
from dataclasses import dataclass, replace
from uuid import UUID, uuid4

from orchestrator.analysis import Analysis, Answer
from shared.database.connection import Pool
from shared.database.tasks import Request, TaskLedger
from shared.models import Plan, TaskDetail
from tests.chaos.signs import Signs


@dataclass
class Author:
    """Planner and aggregator of an orchestrator under test, and the door to submit by.

    The plan travels as the task's description: whichever orchestrator plans it, in whichever
    process, makes the same one.
    """

    pool: Pool

    async def submit(self, plan: Plan, *, user: str = "ann") -> UUID:
        """Accept a task that will be planned so."""
        task_id = uuid4()
        await TaskLedger(self.pool).insert(
            task_id,
            user_id=user,
            title="A task",
            description=plan.model_dump_json(),
            priority=5,
            files=(),
        )
        return task_id

    async def analyse(self, request: Request) -> Analysis:
        """The plan that came with the task."""
        return Analysis(Plan.model_validate_json(request.description))

    async def aggregate(self, request: Request, detail: TaskDetail) -> Answer:
        """How many parts there are."""
        return Answer(f"{len(detail.task.subtasks)} parts")


@dataclass
class Thinker(Author):
    """An author that takes its time, as a model would, and signs what it makes."""

    name: str
    seconds: float
    signs: Signs
    stubborn: bool = False  # thinks without letting anything else of its process run

    async def analyse(self, request: Request) -> Analysis:
        """The plan, with the author's name as its summary."""
        await self._think("planning")
        plan = Plan.model_validate_json(request.description)
        return Analysis(plan.model_copy(update={"summary": self.name}))

    async def aggregate(self, request: Request, detail: TaskDetail) -> Answer:
        """The answer, with the author's name as its only fact."""
        await self._think("aggregating")
        return replace(await super().aggregate(request, detail), result={"by": self.name})

    async def _think(self, what: str) -> None:
        self.signs.leave(what, self.name)
        if self.stubborn:
            time.sleep(self.seconds)  # noqa: ASYNC251 - that is the point
        await asyncio.sleep(0 if self.stubborn else self.seconds)
