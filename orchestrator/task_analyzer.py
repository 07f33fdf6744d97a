"""Turns a request into a valid plan: ask, validate, send back with the errors at most twice."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import structlog

from orchestrator.analysis import Analysis
from orchestrator.plan import validate
from orchestrator.prompts import HEAD_BYTES, PLANNER, errors_turn, planner_turn, roster
from shared.claude import Claude, Prompt, Reply, usage_of
from shared.database.tasks import Request
from shared.errors import ModelCutOff, ModelError, WorkspaceError
from shared.models import Capability, ContextFile, ModelUsage, Plan
from shared.workspace import Workspace, open_inside

_log = structlog.get_logger(__name__)
_REPAIRS = 2

Team = Callable[[], list[tuple[Capability, ...]]]


class TaskAnalyzer:
    """The planner. `team` tells which capability sets are there now."""

    def __init__(self, claude: Claude, *, model: str, files: Path, team: Team) -> None:
        self._claude = claude
        self._model = model
        self._files = files
        self._team = team

    async def analyse(self, request: Request) -> Analysis:
        """A valid plan, or the reasons of every round."""
        turn = planner_turn(request, await self._heads(request))
        prompt = Prompt(PLANNER, roster(self._team()), (("user", turn),))
        rejected: list[tuple[str, ...]] = []
        usage: list[ModelUsage] = []
        for _ in range(1 + _REPAIRS):
            try:
                reply = await self._claude.ask(prompt, Plan, model=self._model)
                text, errors = reply.text, _errors_of(reply)
                usage.append(reply.usage)
            except ModelCutOff as error:
                usage += usage_of(error)
                text = str(error.extra.get("text") or "(cut off)")
                errors = ("the plan was too long and was cut off; use fewer, shorter subtasks",)
                reply = None
            except ModelError as error:
                return Analysis(None, tuple(rejected), error, (*usage, *usage_of(error)))
            if reply is not None and reply.value is not None and not errors:
                return Analysis(reply.value, tuple(rejected), None, tuple(usage))
            _log.warning("plan rejected", errors=list(errors))
            rejected.append(errors)
            prompt = prompt.followed_by(text.strip() or "(nothing)", errors_turn(errors))
        return Analysis(None, tuple(rejected), None, tuple(usage))

    async def _heads(self, request: Request) -> dict[str, str]:
        """The first lines of the uploaded files that are text."""
        folder = Workspace(self._files, request.task_id).context
        heads = {}
        for file in request.context_files:
            heads[file.name] = _head(folder, file)
            await asyncio.sleep(0)
        return heads


def _errors_of(reply: Reply[Plan]) -> tuple[str, ...]:
    if reply.value is None:
        return reply.errors or ("the answer is empty",)
    return tuple(validate(reply.value))


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
