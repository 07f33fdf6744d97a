"""How hard results are looked at here, and the walls within which their checks run."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.checks.probe import ALL_SECONDS, probe
from agent.checks.runner import CheckContext
from agent.checks.shell import Shell
from agent.environment import session_environment
from agent.runtime import Runtime
from agent.toolbox import Toolbox
from shared.models import PlannedCheck, ReviewPolicy


@dataclass(frozen=True, slots=True)
class Inspection:
    """The checks' surroundings for one attempt."""

    shell: Shell
    folder: Path
    toolbox: Toolbox
    seconds: float
    http: bool
    known: dict[str, bool]

    def context(self, output: Mapping[str, Any]) -> CheckContext:
        """What checks of this structured output are about."""
        return CheckContext(
            shell=self.shell,
            folder=self.folder,
            output=output,
            seconds=self.seconds,
            count=self.toolbox.count,
            http=self.http,
            http_get=self.toolbox.http_status,
        )

    async def probed(
        self, checks: Sequence[PlannedCheck], seconds: float = ALL_SECONDS
    ) -> tuple[PlannedCheck, ...]:
        """The same checks, those that prove nothing marked; a profile's are tried only once."""
        remembered = [self._remembered(check) for check in checks]
        tried = await probe(remembered, self.context({}), seconds)
        for check in tried:
            if check.source == "profile" and check.vacuous is not None:
                self.known[check.check.model_dump_json()] = check.vacuous
        return tried

    def _remembered(self, check: PlannedCheck) -> PlannedCheck:
        if check.source != "profile":
            return check
        return check.model_copy(update={"vacuous": self.known.get(check.check.model_dump_json())})


@dataclass(frozen=True, slots=True)
class Scrutiny:
    """The installation's wishes; `check_seconds` is the deadline of each check."""

    runtime: Runtime
    max_corrections: int = 3
    check_seconds: float = 120.0
    check_http: bool = False
    review: ReviewPolicy = "off"
    review_share: float = 0.2
    known: dict[str, bool] = field(default_factory=dict)

    @asynccontextmanager
    async def of(
        self, name: str, folder: Path, readable: tuple[Path, ...], toolbox: Toolbox
    ) -> AsyncIterator[Inspection]:
        """Surroundings for the checks of an attempt; what they leave outside `folder` goes."""
        scratch = self.runtime.scratch / f"checks-{name}"
        scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
        shell = Shell(
            environment=session_environment(os.environ, {}, scratch=scratch),
            scratch=scratch,
            readable=readable,
            hidden=self.runtime.hidden,
            # elsewhere the CLI shuts Bash in by other means, which checks do not have
            sandbox=self.runtime.sandbox and sys.platform == "linux",
            marker=f"{self.runtime.marker}/{name}",
        )
        try:
            yield Inspection(
                shell, folder, toolbox, self.check_seconds, self.check_http, self.known
            )
        finally:
            await asyncio.to_thread(shutil.rmtree, scratch, ignore_errors=True)
