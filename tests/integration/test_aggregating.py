"""From ended subtasks to one honest answer, with the model or without it."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from orchestrator.aggregator import Aggregator
from orchestrator.plan_notes import PlanNotes
from orchestrator.steps import Steps
from orchestrator.task_analyzer import TaskAnalyzer
from scripts.local_servers import free_port
from shared.claude import Claude
from shared.database.tasks import Step
from shared.models import PlannedSubtask, TaskView
from tests.ledger_world import LEASE, World, planned
from tests.messages_server import messages_server, structured
from tests.planning_world import NobodyTries, Team

MODEL = "claude-opus-5-5"
PLAIN = "The model could not write the answer"


@dataclass
class Aggregating:
    """The aggregator on a ledger, with the model at `url`."""

    world: World
    url: str

    async def settled(self, *subtasks: PlannedSubtask, **output: Any) -> UUID:
        """A task of which each subtask ended; those whose key begins with `bad` failed."""
        task_id = await self.world.ready(*subtasks)
        while claimed := await self.world.claim_next(self.world.claimant(), limit=10):
            for each in claimed:
                if each.key.startswith("bad"):
                    assert await self.world.fail(each, "the page was <gone>")
                else:
                    file = {"path": "note.md", "size": 3, "sha256": "0" * 64}
                    assert await self.world.complete(each, output=output, files=[file])
            await self.world.subtasks.block([task_id])
            await self.world.release(task_id)
        return task_id

    async def take(self, task_id: UUID) -> Step:
        """The aggregating step of a task."""
        (step,) = await self.world.tasks.aggregate(
            [task_id], owner=self.world.owner, lease_seconds=LEASE
        )
        return step

    async def run(self, step: Step, *, url: str = "") -> TaskView:
        """Run the step to its end; the task after it."""

        async def done(_: UUID) -> None:
            await asyncio.sleep(0)

        async with self.claude(url or self.url) as claude, asyncio.TaskGroup() as group:
            steps = Steps(
                self.world.pool,
                TaskAnalyzer(
                    claude,
                    model=MODEL,
                    files=Path("/nowhere"),
                    team=Team(),
                    prober=NobodyTries(),
                    notes=PlanNotes(self.world.pool),
                ),
                Aggregator(claude, model=MODEL),
                owner=self.world.owner,
                lease_seconds=LEASE,
                slots=1,
                simulated=True,
            )
            steps.begin(group, step, done)
        detail = await self.world.views.task(step.task_id)
        assert detail is not None
        return detail.task

    async def aggregate(self, task_id: UUID, *, url: str = "") -> TaskView:
        """Take and run."""
        return await self.run(await self.take(task_id), url=url)

    def claude(self, url: str) -> Claude:
        """A door that does not wait long."""
        return Claude(
            api_key="a-secret-key",
            base_url=url,
            timeout_seconds=5,
            max_retries=0,
            pauses=(0.01, 0.01),
        )

    async def fault(self, kind: str, times: int = 1) -> None:
        """Let the model fail."""
        async with httpx.AsyncClient(base_url=f"{self.url}/control", timeout=5) as control:
            fault = {"kind": kind, "times": times, "caller": "aggregator"}
            assert (await control.post("/faults", json=fault)).status_code == 201

    async def asked(self) -> list[dict[str, Any]]:
        """The bodies of all requests to the simulator."""
        async with httpx.AsyncClient(base_url=f"{self.url}/control", timeout=5) as control:
            lines = (await control.get("/requests")).json()
            return [(await control.get(f"/requests/{line['number']}")).json() for line in lines]

    async def purposes(self, task_id: UUID) -> list[str]:
        """What the calls that the ledger knows of were for; each has its price."""
        rows = await self.world.pool.fetch(
            "SELECT purpose FROM model_calls WHERE task_id = $1 AND simulated AND cost_usd > 0",
            task_id,
        )
        return [row["purpose"] for row in rows]


@pytest.fixture
def aggregating(world: World, simulator_url: str) -> Aggregating:
    """The aggregator with the simulator as its model."""
    return Aggregating(world, simulator_url)


async def test_a_task_whose_subtasks_completed_is_completed(aggregating: Aggregating) -> None:
    task_id = await aggregating.settled(planned("a"), planned("b", "a"), words=7)
    task = await aggregating.aggregate(task_id)
    assert (task.status, task.partial, task.failure_kind, task.error) == (
        "completed", False, None, None
    )  # fmt: skip
    assert task.answer is not None
    assert "2 of 2 steps were completed" in task.answer
    assert task.result is not None
    assert set(task.result) == {"a", "b"}
    assert json.loads(task.result["a"]) == {"words": 7}
    assert [artifact.path for artifact in task.artifacts] == ["a/note.md", "b/note.md"]
    assert await aggregating.purposes(task_id) == ["aggregator"]


async def test_a_failed_and_a_blocked_subtask_make_the_answer_partial(
    aggregating: Aggregating,
) -> None:
    task_id = await aggregating.settled(planned("good"), planned("bad"), planned("next", "bad"))
    task = await aggregating.aggregate(task_id)
    assert (task.status, task.partial, task.failure_kind) == ("failed", True, "business")
    assert task.error == "2 of 3 subtasks not completed: bad (failed), next (blocked)"
    assert task.answer is not None
    assert "1 of 3 steps were completed" in task.answer
    assert "**Bad** (failed): the page was <gone>" in task.answer
    assert "**Next** (blocked)" in task.answer
    assert task.answer.endswith("- reported by the agent alone: Good")
    (body,) = await aggregating.asked()
    turn = body["messages"][0]["content"]
    assert '<result key="next" title="Next" status="blocked" evidence="none">' in turn
    assert "the page was &lt;gone&gt;" in turn


async def test_when_nothing_was_completed_the_model_is_not_asked(
    aggregating: Aggregating,
) -> None:
    task_id = await aggregating.settled(planned("bad"), planned("next", "bad"))
    task = await aggregating.aggregate(task_id)
    assert (task.status, task.partial, task.failure_kind) == ("failed", False, "business")
    assert task.answer is not None
    assert task.answer.startswith("No subtask was completed.")
    assert "- **Bad** (failed)\n  the page was <gone>\n- **Next** (blocked)" in task.answer
    assert await aggregating.asked() == []
    assert await aggregating.purposes(task_id) == []


async def test_without_the_model_the_results_are_listed_plainly(
    aggregating: Aggregating,
) -> None:
    task_id = await aggregating.settled(planned("a"))
    task = await aggregating.aggregate(task_id, url=f"http://127.0.0.1:{free_port()}")
    assert (task.status, task.partial, task.failure_kind) == ("failed", True, "transport")
    assert task.error is not None
    assert task.error.startswith("the answer could not be written by the model: no connection")
    assert task.answer is not None
    assert task.answer.startswith(PLAIN)
    assert "- **A** (completed)\n  a done\n  file: `note.md`" in task.answer


@pytest.mark.parametrize(
    ("fault", "times", "kind", "calls"),
    [
        ("malformed", 1, "business", 1),
        ("refusal", 1, "business", 1),
        ("max_tokens", 1, "business", 1),
        ("overloaded", 3, "transport", 0),
        ("invalid_key", 1, "config", 0),
    ],
)
async def test_a_model_that_gives_no_answer_is_replaced_by_a_plain_list(
    aggregating: Aggregating, fault: str, times: int, kind: str, calls: int
) -> None:
    task_id = await aggregating.settled(planned("a"))
    await aggregating.fault(fault, times)
    task = await aggregating.aggregate(task_id)
    assert (task.status, task.partial, task.failure_kind) == ("failed", True, kind)
    assert task.answer is not None
    assert task.answer.startswith(PLAIN)
    assert await aggregating.purposes(task_id) == ["aggregator"] * calls


async def test_a_failed_subtask_is_what_the_task_failed_of_even_without_the_model(
    aggregating: Aggregating,
) -> None:
    task_id = await aggregating.settled(planned("good"), planned("bad"))
    await aggregating.fault("invalid_key")
    task = await aggregating.aggregate(task_id)
    assert (task.status, task.partial, task.failure_kind) == ("failed", True, "business")
    assert task.answer is not None
    assert task.answer.startswith(PLAIN)


async def test_a_passing_fault_is_got_over(aggregating: Aggregating) -> None:
    task_id = await aggregating.settled(planned("a"))
    await aggregating.fault("server_error", 2)
    assert (await aggregating.aggregate(task_id)).status == "completed"


async def test_large_outputs_are_cut_before_they_are_sent(aggregating: Aggregating) -> None:
    task_id = await aggregating.settled(planned("a"), planned("b"), rows="x" * 100_000)
    assert (await aggregating.aggregate(task_id)).status == "completed"
    (body,) = await aggregating.asked()
    assert body["messages"][0]["content"].count("x" * 10_000) == 2
    assert len(body["messages"][0]["content"]) < 34_000


async def test_an_answer_that_the_ledger_cannot_hold_is_kept_without_that(world: World) -> None:
    answer = {"answer": "four\x00ty-two", "result": [{"name": "n\x00", "value": "4\x002"}]}
    with messages_server([structured(answer)]) as server:
        aggregating = Aggregating(world, server.url)
        task = await aggregating.aggregate(await aggregating.settled(planned("a")))
    assert (task.status, task.result) == ("completed", {"n": "42"})
    assert (task.answer or "").startswith("fourty-two\n\n")


async def test_a_late_answer_is_dropped(aggregating: Aggregating) -> None:
    task_id = await aggregating.settled(planned("a"))
    step = await aggregating.take(task_id)
    mine, aggregating.world.owner = aggregating.world.owner, uuid4()
    task = await aggregating.run(step)
    assert (task.status, task.answer) == ("aggregating", None)
    aggregating.world.owner = mine
    assert (await aggregating.run(step)).status == "completed"
