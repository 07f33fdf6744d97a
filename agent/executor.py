"""One attempt as a straight pipe: prepare, ask, check what was left, return an outcome."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from pydantic import ValidationError

from agent.attempt import Notify
from agent.claude import ClaudeSession
from agent.claude_events import OnEvent, SessionEvent
from agent.claude_settings import SessionSettings, Subagent
from agent.context import write_context
from agent.narration import note_of
from agent.outcome import Completed, Failed, Outcome
from agent.profiles import Profile
from agent.prompt import result_schema, system_prompt, task_prompt
from agent.toolbox import Tools
from shared.errors import ModelError, WorkspaceError
from shared.models import AgentResult, Assignment, ModelUsage
from shared.states import FailureKind
from shared.workspace import Workspace, manifest

Toolbox: TypeAlias = Callable[[Assignment], AbstractAsyncContextManager[Tools]]

_LONGEST = 3_600.0
_HELPER = Subagent(
    description="Does one well-defined part of the work and reports back.",
    prompt="Do the part you are given, with the tools you have, and report what you found.",
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """What every attempt of an agent process shares."""

    profile: Profile
    model: str
    fallback_model: str | None
    files: Path
    scratch: Path
    environment: Mapping[str, str]
    sandbox: bool
    hidden: tuple[Path, ...]
    attempt_seconds: float
    marker: str  # in the environment of every process of every attempt


class ClaudeExecutor:
    """Runs attempts on the Claude Agent SDK."""

    def __init__(self, runtime: Runtime, toolbox: Toolbox) -> None:
        self._runtime = runtime
        self._toolbox = toolbox

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """Prepare the workspace, run the session within its deadline, judge what it returned."""
        workspace = Workspace(self._runtime.files, assignment.task_id)
        folder = workspace.attempt(assignment.subtask_id, assignment.attempt)
        seconds = self._deadline(assignment)
        spent: tuple[ModelUsage, ...] = ()
        tell = _teller(note, folder, workspace)
        try:
            workspace.prepare()
            folder.mkdir(parents=True, exist_ok=True)
            write_context(assignment, workspace)
            async with self._toolbox(assignment) as tools:
                session = ClaudeSession(self._settings(assignment, workspace, folder, tools))
                try:
                    output = await self._ask(
                        session, task_prompt(assignment, workspace, folder), seconds, tell
                    )
                finally:
                    spent = session.spent
            return await self._judged(output, folder, spent)
        except TimeoutError:
            return Failed(FailureKind.TIMEOUT, f"not done after {seconds:.0f} seconds", spent)
        except (ModelError, WorkspaceError) as error:
            return Failed(error.kind, _sentence(error), spent)
        except OSError as error:
            return Failed(FailureKind.RESOURCE, f"the workspace failed: {error.strerror}", spent)

    async def _ask(
        self, session: ClaudeSession, prompt: str, seconds: float, tell: OnEvent
    ) -> Mapping[str, Any]:
        async with asyncio.timeout(seconds), session:
            reply = await session.ask(prompt, tell)
        return reply.output

    async def _judged(
        self, output: Mapping[str, Any], folder: Path, spent: tuple[ModelUsage, ...]
    ) -> Outcome:
        """A result counts only if it has the right shape and every file it names exists."""
        try:
            result = AgentResult.model_validate(output)
        except ValidationError as error:
            return Failed(FailureKind.BUSINESS, f"the result is malformed: {error}", spent)
        if result.failed:
            return Failed(FailureKind.BUSINESS, result.reason or result.summary, spent)
        try:
            files = await manifest(folder, result.files)
        except WorkspaceError as error:
            reason = f"the result names a file that is not there: {error.detail}"
            return Failed(FailureKind.BUSINESS, reason, spent)
        return Completed(result, files, spent)

    def _deadline(self, assignment: Assignment) -> float:
        usual = self._runtime.profile.deadline_seconds or self._runtime.attempt_seconds
        return max(usual, min(3.0 * assignment.estimated_seconds, _LONGEST))

    def _settings(
        self,
        assignment: Assignment,
        workspace: Workspace,
        folder: Path,
        tools: Tools,
    ) -> SessionSettings:
        runtime = self._runtime
        name = f"{assignment.subtask_id}-{assignment.attempt}"
        return SessionSettings(
            marker=f"{runtime.marker}/{name}",
            system_prompt=system_prompt(runtime.profile),
            model=runtime.profile.model or runtime.model,
            fallback_model=runtime.fallback_model,
            working_directory=folder,
            config_directory=runtime.scratch / f"session-{name}",
            output_schema=result_schema(),
            environment=runtime.environment,
            tools=runtime.profile.tools,
            mcp_tools=tools,
            readable=(workspace.path,),
            hidden=runtime.hidden,
            subagents={"helper": _HELPER},
            max_turns=runtime.profile.max_turns,
            sandbox=runtime.sandbox,
        )


def _teller(note: Notify, folder: Path, workspace: Workspace) -> OnEvent:
    """Tells what happens with paths as people know them: inside the attempt, inside the task."""

    def tell(event: SessionEvent) -> None:
        told = note_of(event)
        if told is not None:
            plain = told.message.replace(f"{folder}/", "").replace(f"{workspace.path}/", "")
            note(replace(told, message=plain))

    return tell


def _sentence(error: ModelError | WorkspaceError) -> str:
    return f"{error.detail} ({error.remedy})" if error.remedy else error.detail
