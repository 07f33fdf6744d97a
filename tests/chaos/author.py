"""Plans that tests bring, handed out where a model would have been asked."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from orchestrator.analysis import Analysis, Answer
from shared.database.connection import Pool
from shared.database.tasks import Request, TaskLedger
from shared.models import Plan, TaskDetail


@dataclass
class Author:
    """Planner and aggregator of the orchestrator under test, and the door to submit by."""

    pool: Pool
    plans: dict[UUID, Plan] = field(default_factory=dict)

    async def submit(self, plan: Plan, *, user: str = "ann") -> UUID:
        """Accept a task that will be planned so."""
        task_id = uuid4()
        self.plans[task_id] = plan
        await TaskLedger(self.pool).insert(
            task_id,
            user_id=user,
            title="A task",
            description="a task for a storm",
            priority=5,
            files=(),
        )
        return task_id

    async def analyse(self, request: Request) -> Analysis:
        """The plan that came with the task."""
        return Analysis(self.plans[request.task_id])

    async def aggregate(self, request: Request, detail: TaskDetail) -> Answer:
        """How many parts there are."""
        return Answer(f"{len(detail.task.subtasks)} parts")
