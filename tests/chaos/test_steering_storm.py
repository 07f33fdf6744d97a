"""Many hands on the wheel at once: whatever they do, the ledger stays right and everything ends."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

from agent.outcome import Failed, Outcome
from orchestrator.approval import Approvals
from orchestrator.plan_rules import PlanRules
from orchestrator.reruns import Reruns
from orchestrator.steering import Mover, Steering
from shared.database.connection import Pool
from shared.database.metrics import LedgerFigures
from shared.errors import Conflict, NotFound
from shared.models import Assignment, SubtaskEdit, TaskView
from shared.queue import Doorbell
from shared.states import TASK_TERMINAL, FailureKind
from tests.api_world import dispatching
from tests.chaos.author import Author
from tests.ledger_world import World, plan_of, planned
from tests.planning_world import Team
from tests.ticks import ticks
from tests.worker_world import DONE, working_agent

TASKS = 4
ACTS = 80  # of each hand
PLAN = plan_of(
    planned("a"), planned("b"), planned("c", "a"), planned("d", "a", "b"),
    planned("e", "c", "d"), planned("f", "b"),
)  # fmt: skip


class Hands:
    """Somebody who does at random whatever can be done to a task."""

    def __init__(self, pool: Pool, mover: Mover, doorbell: Doorbell, seed: int) -> None:
        self.world = World(pool)
        rules = PlanRules(Team())
        self.steering = Steering(pool, mover, doorbell, rules)
        self.approvals = Approvals(pool, mover, doorbell, rules)
        self.reruns = Reruns(pool, mover, rules)
        self.random = random.Random(seed)
        self.done: Counter[str] = Counter()

    async def act(self, task_id: UUID) -> None:
        """One verb, which may well be refused."""
        verbs: list[Callable[[TaskView], Awaitable[None]]] = [
            self.pause, self.resume, self.prioritise, self.rerun, self.retry,
            self.cancel_part, self.approve, self.edit,
        ]  # fmt: skip
        detail = await self.world.views.task(task_id)
        assert detail is not None
        verb = self.random.choice(verbs)
        try:
            await verb(detail.task)
        except (Conflict, NotFound, IndexError):
            return  # another was first, or there is nothing to choose from
        self.done[verb.__name__] += 1

    async def pause(self, task: TaskView) -> None:
        await self.steering.pause(task.id, releases=self.random.random() < 0.5)

    async def resume(self, task: TaskView) -> None:
        await self.steering.resume(task.id)

    async def prioritise(self, task: TaskView) -> None:
        await self.steering.prioritise(task.id, self.random.randint(0, 10))

    async def rerun(self, task: TaskView) -> None:
        chosen = self.random.choice(task.subtasks).id
        preview = await self.reruns.preview(task.id, chosen)
        await self.reruns.rerun(task.id, chosen, seen=preview.seen)

    async def retry(self, task: TaskView) -> None:
        chosen = self.random.choice(task.subtasks)
        await self.steering.retry(
            task.id, chosen.id, attempt=chosen.attempt, edit=SubtaskEdit(description="once more")
        )

    async def cancel_part(self, task: TaskView) -> None:
        await self.steering.cancel_subtask(task.id, self.random.choice(task.subtasks).id)

    async def approve(self, task: TaskView) -> None:
        await self.approvals.approve(task.id, seen=task.plan_hash or "")

    async def edit(self, task: TaskView) -> None:
        await self.approvals.edit(task.id, PLAN, seen=task.plan_hash or "")


async def test_the_ledger_survives_many_hands(pool: Pool, redis_url: str, tmp_path: Path) -> None:
    chance = random.Random(7)

    async def body(_: Assignment) -> Outcome:
        await asyncio.sleep(chance.uniform(0.0, 0.05))
        return Failed(FailureKind.BUSINESS, "bad luck") if chance.random() < 0.15 else DONE

    async with (
        Doorbell(redis_url) as doorbell,
        dispatching(pool, redis_url, tmp_path) as dispatcher,
        working_agent(pool, redis_url, body, lease=60, slots=3),
        working_agent(pool, redis_url, body, lease=60, slots=3),
    ):
        author = Author(pool)
        tasks = [await author.submit(PLAN) for _ in range(TASKS)]
        await pool.execute("UPDATE tasks SET require_approval = (random() < 0.5)")
        dispatcher.submitted()
        hands = [Hands(pool, dispatcher, doorbell, seed) for seed in range(4)]
        await asyncio.gather(*(_play(each, tasks) for each in hands))
        await _let_end(hands[0], tasks)
    done = sum((each.done for each in hands), Counter[str]())
    assert set(done) >= {"pause", "resume", "rerun", "retry", "cancel_part", "prioritise"}, done
    assert not any((await LedgerFigures(pool).violations(None)).values())
    assert await pool.fetchval("SELECT count(*) FROM attempts WHERE outcome IS NULL") == 0


async def _play(hands: Hands, tasks: list[UUID]) -> None:
    for _ in range(ACTS):
        await hands.act(hands.random.choice(tasks))
        await asyncio.sleep(hands.random.uniform(0.0, 0.02))


async def _let_end(hands: Hands, tasks: list[UUID]) -> None:
    """Take every hand off the wheel; each task must come to an end by itself."""
    async with asyncio.timeout(60):
        async for _ in ticks():
            details = [await hands.world.views.task(task_id) for task_id in tasks]
            views = [detail.task for detail in details if detail is not None]
            for task in views:
                if task.paused_reason and task.status not in TASK_TERMINAL:
                    await hands.steering.resume(task.id)
                if task.status == "awaiting_approval":
                    await hands.approve(task)
            if all(task.status in TASK_TERMINAL for task in views):
                return
