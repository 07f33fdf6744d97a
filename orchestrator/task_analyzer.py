"""Turns a request into a valid plan: ask, validate, send back with the errors at most twice."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from uuid import UUID

import structlog

from orchestrator.analysis import Analysis
from orchestrator.plan import validate
from orchestrator.plan_checks import vacuous_errors
from orchestrator.prompts import (
    HEAD_BYTES,
    PLANNER,
    errors_turn,
    feedback_turn,
    planner_turn,
    roster,
)
from shared.claude import Claude, Prompt, Reply, usage_of
from shared.database.tasks import Request
from shared.errors import ModelCutOff, ModelError, WorkspaceError
from shared.models import Capability, ContextFile, ModelUsage, Plan, PlannedCheck
from shared.workspace import Workspace, open_inside

_log = structlog.get_logger(__name__)
_REPAIRS = 2


class Team(Protocol):
    """Who is there now."""

    def teams(self) -> list[tuple[Capability, ...]]:
        """What each live agent can do at once."""
        ...

    def roles(self) -> dict[str, str]:
        """The roles that an agent can take on for one subtask, and what each is for."""
        ...


class CheckProber(Protocol):
    """Tries checks on workspaces without work."""

    async def probe(self, task_id: UUID, plan: Plan) -> Mapping[str, Sequence[PlannedCheck]]:
        """The plan's checks by subtask, marked vacuous or not where that could be told."""
        ...


class Notes(Protocol):
    """Tells those who follow the task what becomes of its plan."""

    async def rejected(self, task_id: UUID, faults: Sequence[str]) -> None:
        """A plan was not taken, and why."""
        ...


class TaskAnalyzer:
    """The planner. `check_http` tells whether checks may ask web servers."""

    def __init__(
        self,
        claude: Claude,
        *,
        model: str,
        files: Path,
        team: Team,
        prober: CheckProber,
        notes: Notes,
        check_http: bool = False,
    ) -> None:
        self._claude = claude
        self._model = model
        self._files = files
        self._team = team
        self._prober = prober
        self._notes = notes
        self._check_http = check_http

    async def analyse(self, request: Request) -> Analysis:
        """A valid plan, or the reasons of every round.

        A plan whose checks prove nothing is valid, but goes back once; the better one is taken,
        and if none comes, the first.
        """
        turn = planner_turn(request, await self._heads(request))
        team = roster(self._team.teams(), self._team.roles())
        prompt = Prompt(PLANNER, team, (("user", turn),), cache_repairs=True)
        if request.sent_back is not None:
            text = request.sent_back.plan.model_dump_json()
            prompt = prompt.followed_by(text, feedback_turn(request.sent_back.feedback))
        planned = await self._rounds(request.task_id, prompt, 1 + _REPAIRS)
        if planned.analysis.plan is None:
            return planned.analysis
        checks = await self._prober.probe(request.task_id, planned.analysis.plan)
        vacuous = vacuous_errors(planned.analysis.plan, checks)
        if not vacuous:
            return replace(planned.analysis, checks=checks)
        await self._notes.rejected(request.task_id, vacuous)
        prompt = planned.prompt.followed_by(planned.text, errors_turn(vacuous))
        return await self._mended(request, planned.analysis, checks, prompt, vacuous)

    async def _mended(
        self,
        request: Request,
        first: Analysis,
        checks: Mapping[str, Sequence[PlannedCheck]],
        prompt: Prompt,
        vacuous: tuple[str, ...],
    ) -> Analysis:
        again = (await self._rounds(request.task_id, prompt, 1)).analysis
        usage = (*first.usage, *again.usage)
        rejected = (*first.rejected, vacuous, *again.rejected)
        if again.plan is None:
            _log.warning("the plan was not mended: its vacuous checks will not count")
            return replace(first, checks=checks, usage=usage, rejected=rejected)
        tried = await self._prober.probe(request.task_id, again.plan)
        if len(vacuous_errors(again.plan, tried)) >= len(vacuous):
            return replace(first, checks=checks, usage=usage, rejected=rejected)
        return replace(again, checks=tried, usage=usage, rejected=rejected)

    async def _rounds(self, task_id: UUID, prompt: Prompt, most: int) -> "_Planned":
        """Ask until a plan is valid, `most` times."""
        rejected: list[tuple[str, ...]] = []
        usage: list[ModelUsage] = []
        text = ""
        for _ in range(most):
            try:
                reply = await self._claude.ask(prompt, Plan, model=self._model)
                text, errors = reply.text, self._errors_of(reply)
                usage.append(reply.usage)
            except ModelCutOff as error:
                usage += usage_of(error)
                text = str(error.extra.get("text") or "(cut off)")
                errors = ("the plan was too long and was cut off; use fewer, shorter subtasks",)
                reply = None
            except ModelError as error:
                failed = Analysis(None, tuple(rejected), error, (*usage, *usage_of(error)))
                return _Planned(failed, prompt, text)
            if reply is not None and reply.value is not None and not errors:
                found = Analysis(reply.value, tuple(rejected), None, tuple(usage))
                return _Planned(found, prompt, text)
            await self._notes.rejected(task_id, errors)
            rejected.append(errors)
            prompt = prompt.followed_by(text.strip() or "(nothing)", errors_turn(errors))
        return _Planned(Analysis(None, tuple(rejected), None, tuple(usage)), prompt, text)

    def _errors_of(self, reply: Reply[Plan]) -> tuple[str, ...]:
        if reply.value is None:
            return reply.errors or ("the answer is empty",)
        return tuple(validate(reply.value, profiles=self._team.roles(), http=self._check_http))

    async def _heads(self, request: Request) -> dict[str, str]:
        """The first lines of the uploaded files that are text."""
        folder = Workspace(self._files, request.task_id).context
        heads = {}
        for file in request.context_files:
            heads[file.name] = _head(folder, file)
            await asyncio.sleep(0)
        return heads


@dataclass(frozen=True, slots=True)
class _Planned:
    """What rounds of asking led to, and the conversation it can go on from."""

    analysis: Analysis
    prompt: Prompt
    text: str


def _head(folder: Path, file: ContextFile) -> str:
    try:
        with os.fdopen(open_inside(folder, file.name), "rb") as stream:
            start = stream.read(HEAD_BYTES)
    except (WorkspaceError, OSError) as error:
        _log.warning("context file not read", name=file.name, error=str(error))
        return "(not readable)"
    if b"\x00" in start:
        return "(binary)"
    return start.decode("utf-8", errors="replace")
