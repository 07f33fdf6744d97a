"""The planner on a real ledger, and who it may count on."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx

from orchestrator.aggregator import Aggregator
from orchestrator.plan import planned_checks
from orchestrator.plan_notes import PlanNotes
from orchestrator.steps import Steps
from orchestrator.task_analyzer import TaskAnalyzer
from shared.claude import Claude
from shared.database.tasks import Step
from shared.models import Capability, ContextFile, Plan, PlannedCheck, TaskView
from shared.workspace import Workspace
from tests.ledger_world import World


@dataclass(frozen=True)
class Team:
    """Agents and roles that are said to be there."""

    members: tuple[tuple[Capability, ...], ...] = ()
    offered: Mapping[str, str] = field(default_factory=dict)

    def teams(self) -> list[tuple[Capability, ...]]:
        """What each agent can do at once."""
        return list(self.members)

    def roles(self) -> dict[str, str]:
        """What they can take on."""
        return dict(self.offered)


@dataclass(frozen=True)
class NobodyTries:
    """No agent is there to try checks; `vacuous` names the commands that are said to be so."""

    vacuous: tuple[str, ...] = ()

    async def probe(self, task_id: UUID, plan: Plan) -> Mapping[str, Sequence[PlannedCheck]]:
        """The checks by subtask; untried where no command was named."""
        return {each.id: tuple(map(self._tried, planned_checks(each))) for each in plan.subtasks}

    def _tried(self, check: PlannedCheck) -> PlannedCheck:
        if not self.vacuous:
            return check
        command = getattr(check.check, "command", "")
        return check.model_copy(update={"vacuous": command in self.vacuous})


MODEL = "claude-opus-5-5"
TEAM = Team(((Capability.DATA_ANALYSIS, Capability.CODE_GENERATION),))
SIMPLE = "Count the words of the text."


@dataclass
class Planning:
    """The planner on a ledger, with the model at `url`."""

    world: World
    url: str
    files: Path
    moved: list[UUID] = field(default_factory=list)
    prober: NobodyTries = field(default_factory=NobodyTries)

    async def submit(self, description: str, **files: bytes) -> UUID:
        """An accepted task with uploaded files; a dot in a name is spelt `__`."""
        task_id = uuid4()
        workspace = Workspace(self.files, task_id)
        workspace.prepare()
        rows = []
        for name, content in files.items():
            path = workspace.context / name.replace("__", ".")
            path.write_bytes(content)
            rows.append(ContextFile(name=path.name, size=len(content), sha256="0" * 64))
        await self.world.tasks.insert(
            task_id, user_id="ann", title="t", description=description, priority=5, files=rows
        )
        return task_id

    def steps(self, claude: Claude, **changes: Any) -> Steps:
        """The steps of one orchestrator."""
        settings: dict[str, Any] = {
            "owner": self.world.owner,
            "lease_seconds": 60.0,
            "slots": 4,
            "simulated": True,
        }
        return Steps(
            self.world.pool,
            TaskAnalyzer(
                claude,
                model=MODEL,
                files=self.files,
                team=TEAM,
                prober=self.prober,
                notes=PlanNotes(self.world.pool),
            ),
            Aggregator(claude, model=MODEL),
            **(settings | changes),
        )

    def claude(self, url: str = "") -> Claude:
        """A door that does not wait long."""
        return Claude(
            api_key="a-secret-key",
            base_url=url or self.url,
            timeout_seconds=5,
            max_retries=0,
            pauses=(0.01, 0.01),
        )

    async def done(self, task_id: UUID) -> None:
        """What a dispatcher would do once a step has ended."""
        self.moved.append(task_id)

    async def run(self, step: Step, *, url: str = "") -> TaskView:
        """Run a step to its end; the task after it."""
        async with self.claude(url) as claude, asyncio.TaskGroup() as group:
            self.steps(claude).begin(group, step, self.done)
        return await self.task(step.task_id)

    async def plan(self, description: str, *, url: str = "", **files: bytes) -> TaskView:
        """Submit, take and plan."""
        task_id = await self.submit(description, **files)
        return await self.run(await self.world.take(task_id), url=url)

    async def task(self, task_id: UUID) -> TaskView:
        """The task as people see it."""
        detail = await self.world.views.task(task_id)
        assert detail is not None
        return detail.task

    async def asked(self) -> list[dict[str, Any]]:
        """The bodies of all requests to the simulator."""
        async with httpx.AsyncClient(base_url=f"{self.url}/control", timeout=5) as control:
            lines = (await control.get("/requests")).json()
            return [(await control.get(f"/requests/{line['number']}")).json() for line in lines]

    async def calls(self, task_id: UUID) -> Sequence[Any]:
        """What the ledger says was spent."""
        return await self.world.pool.fetch(
            "SELECT purpose, model, simulated, input_tokens, output_tokens, cost_usd"
            " FROM model_calls WHERE task_id = $1 ORDER BY id",
            task_id,
        )

    async def left(self, task_id: UUID) -> int:
        """Rows of plans, subtasks and dependencies."""
        count: int = await self.world.pool.fetchval(
            "SELECT (SELECT count(*) FROM plan_versions WHERE task_id = $1)"
            " + (SELECT count(*) FROM subtasks WHERE task_id = $1)"
            " + (SELECT count(*) FROM subtask_dependencies WHERE task_id = $1)",
            task_id,
        )
        return count
