"""Puts together what runs attempts on the Claude Agent SDK, from the settings of one process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog

from agent.check_probes import CheckProbes
from agent.claude_sandbox import sandbox_available
from agent.executor import ClaudeExecutor
from agent.profiles import Profile
from agent.reviewer import Reviewer
from agent.runtime import Runtime
from agent.scrutiny import Scrutiny
from agent.toolbox import Toolboxes
from shared import config
from shared.claude import Claude
from shared.database.connection import Pool
from shared.database.tasks import TaskLedger
from shared.errors import ConfigurationError

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ClaudeParts:
    """The executor, and what tries checks for the orchestrator."""

    executor: ClaudeExecutor
    probes: CheckProbes


class ClaudeSettings:
    """The settings that attempts on the SDK depend on."""

    def __init__(self, agent: config.AgentSettings, profile: Profile) -> None:
        self.agent = agent
        self.profile = profile
        self.model = config.ModelSettings()
        self.database = config.DatabaseSettings()
        self.embedding = config.EmbeddingSettings()
        self.verification = config.VerificationSettings()
        self.files = config.WorkspaceSettings().root.resolve()

    def claude(self, *, max_retries: int) -> Claude:
        """A door to the Messages API."""
        return Claude(
            api_key=self.model.api_key.get_secret_value(),
            base_url=self.model.base_url,
            timeout_seconds=self.model.timeout_seconds,
            max_retries=max_retries,
        )

    @asynccontextmanager
    async def open(
        self, pool: Pool, *, owner: UUID, agent_id: str, marker: str
    ) -> AsyncIterator[ClaudeParts]:
        """The parts, for as long as the process works."""
        runtime = self._runtime(owner, marker)
        scrutiny = self._scrutiny(runtime)
        async with (
            Toolboxes.open(self.database, self.embedding, self.agent, agent_id) as toolboxes,
            self.claude(max_retries=self.model.max_retries) as claude,
        ):
            reviewer = Reviewer(claude, model=self.model.reviewer)
            yield ClaudeParts(
                ClaudeExecutor(runtime, toolboxes.for_attempt, scrutiny, reviewer),
                CheckProbes(scrutiny, toolboxes, TaskLedger(pool)),
            )

    def _runtime(self, owner: UUID, marker: str) -> Runtime:
        environment = {"ANTHROPIC_API_KEY": self.model.api_key.get_secret_value()}
        if self.model.base_url:
            environment["ANTHROPIC_BASE_URL"] = self.model.base_url
        scratch = self.agent.local_scratch.resolve() / f"quintet-{owner.hex[:12]}"
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Runtime(
            profile=self.profile,
            model=self.model.agent,
            fallback_model=self.model.fallback,
            files=self.files,
            scratch=scratch,
            environment=environment,
            sandbox=_sandboxed(self.agent.sandbox),
            hidden=(self.files, *(path.resolve() for path in self.agent.hidden)),
            attempt_seconds=self.agent.attempt_seconds,
            marker=marker,
        )

    def _scrutiny(self, runtime: Runtime) -> Scrutiny:
        wish = self.verification
        return Scrutiny(
            runtime=runtime,
            max_corrections=wish.max_corrections,
            check_seconds=wish.check_seconds,
            check_http=wish.check_http,
            review=wish.review,
            review_share=wish.review_share,
        )


def _sandboxed(wish: str) -> bool:
    possible = wish != "off" and sandbox_available()
    if wish == "on" and not possible:
        raise ConfigurationError(
            "AGENT_SANDBOX is on, but bubblewrap cannot work here",
            remedy="install bubblewrap and socat and allow user namespaces, or set it to auto",
        )
    if not possible:
        _log.warning("Bash runs without a sandbox: tasks are not isolated from each other")
    return possible
