"""Runs attempts on the Claude Agent SDK."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

from agent.attempt import Notify
from agent.attempt_run import AttemptRun
from agent.context import write_context
from agent.outcome import Failed, Outcome, sentence
from agent.profiles import Profile, profile_named
from agent.reviewer import Reviewer
from agent.runtime import Runtime
from agent.scrutiny import Scrutiny
from agent.toolbox import Toolbox
from shared.errors import ConfigurationError, WorkspaceError
from shared.models import Assignment
from shared.states import FailureKind
from shared.workspace import Workspace

OpenToolbox: TypeAlias = Callable[[Assignment, Profile], AbstractAsyncContextManager[Toolbox]]


class ClaudeExecutor:
    """An `Executor`: one fresh session an attempt. Without a reviewer no result is reviewed."""

    def __init__(
        self,
        runtime: Runtime,
        toolbox: OpenToolbox,
        scrutiny: Scrutiny,
        reviewer: Reviewer | None = None,
    ) -> None:
        self._runtime = runtime
        self._toolbox = toolbox
        self._scrutiny = scrutiny
        self._reviewer = reviewer

    async def execute(self, assignment: Assignment, note: Notify) -> Outcome:
        """Prepare the workspace, then work until the result is accepted or cannot be."""
        workspace = Workspace(self._runtime.files, assignment.task_id)
        folder = workspace.attempt(assignment.subtask_id, assignment.attempt)
        try:
            named = assignment.profile
            profile = profile_named(named) if named else self._runtime.profile
            workspace.prepare()
            folder.mkdir(parents=True, exist_ok=True)
            write_context(assignment, workspace)
            run = AttemptRun(self._runtime, profile, self._scrutiny, assignment, note)
            return await self._run(run, assignment, profile, note)
        except ConfigurationError as error:
            return Failed(FailureKind.CONFIG, sentence(error))
        except WorkspaceError as error:
            return Failed(error.kind, sentence(error))
        except OSError as error:
            return Failed(FailureKind.RESOURCE, f"the workspace failed: {error.strerror}")

    async def _run(
        self, run: AttemptRun, assignment: Assignment, profile: Profile, note: Notify
    ) -> Outcome:
        try:
            async with self._toolbox(assignment, profile) as toolbox:
                return await run.outcome(toolbox, self._reviewer)
        except BaseException:
            note(run.spent())
            raise
