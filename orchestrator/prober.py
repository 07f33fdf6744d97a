"""Has an agent try a plan's checks on workspaces without work: what passes there proves nothing.

The orchestrator runs no command that a model wrote. It writes the checks down and gives an agent
their id, so that nobody on the network can have a command of their own run.
"""

import asyncio
from collections.abc import Mapping, Sequence
from uuid import UUID, uuid4

import httpx2
import structlog
from pydantic import ValidationError

from orchestrator.plan import planned_checks
from orchestrator.roster import Roster
from shared.database.tasks import TaskLedger
from shared.errors import DependencyUnavailable
from shared.models import AgentView, Plan, PlannedCheck, Record

_log = structlog.get_logger(__name__)
_MOST_AGENTS = 2
_CONNECT_SECONDS = 5.0
_BUSY = {"idle": 0, "working": 1, "full": 2}

Probed = Mapping[str, Sequence[PlannedCheck]]


class _Answer(Record):
    """What `POST /probe` of an agent answers."""

    checks: tuple[PlannedCheck, ...]


class Prober:
    """Asks agents over HTTP; when none answers, the checks stay untried until the attempt.

    `seconds` is for all of them together: who answers rubbish is followed by another, who takes
    too long is not. An agent answers in less, with what it has by then.
    """

    def __init__(self, ledger: TaskLedger, roster: Roster, *, seconds: float = 60.0) -> None:
        self._ledger = ledger
        self._roster = roster
        self._seconds = seconds

    async def probe(self, task_id: UUID, plan: Plan) -> Probed:
        """A plan's checks by subtask, each marked vacuous or not where an agent could tell."""
        mine = {each.id: planned_checks(each) for each in plan.subtasks if each.checks}
        flat = [check for checks in mine.values() for check in checks]
        tried = await self._tried(task_id, flat) if flat else None
        if tried is None:
            return mine
        answers = iter(tried)
        return {key: tuple(next(answers) for _ in checks) for key, checks in mine.items()}

    async def _tried(
        self, task_id: UUID, checks: Sequence[PlannedCheck]
    ) -> Sequence[PlannedCheck] | None:
        agents = sorted(
            (agent for agent in self._roster.agents() if agent.available),
            key=lambda agent: _BUSY.get(agent.state, 3),
        )
        if not agents:
            return None
        try:
            return await self._tried_by(agents[:_MOST_AGENTS], task_id, checks)
        except DependencyUnavailable as error:
            _log.warning("checks not tried", error=error.detail)
            return None

    async def _tried_by(
        self, agents: Sequence[AgentView], task_id: UUID, checks: Sequence[PlannedCheck]
    ) -> Sequence[PlannedCheck] | None:
        probe_id = uuid4()
        until = asyncio.get_running_loop().time() + self._seconds
        await self._ledger.insert_probe(probe_id, task_id, checks)
        try:
            for agent in agents:
                tried = await self._ask(agent, probe_id, until)
                if [each.check for each in tried] == [each.check for each in checks]:
                    return tried
            return None
        finally:
            await self._ledger.delete_probe(probe_id)

    async def _ask(self, agent: AgentView, probe_id: UUID, until: float) -> Sequence[PlannedCheck]:
        """What the agent found; nothing when it does not answer as it should."""
        patience = httpx2.Timeout(self._seconds, connect=_CONNECT_SECONDS)
        try:
            async with (
                asyncio.timeout_at(until),
                httpx2.AsyncClient(base_url=agent.url, timeout=patience) as http,
            ):
                answer = await http.post("/probe", json={"probe_id": str(probe_id)})
                answer.raise_for_status()
                return _Answer.model_validate_json(answer.content).checks
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, ValidationError) as error:
            _log.warning("checks not tried", agent=agent.agent_id, error=type(error).__name__)
            return ()
