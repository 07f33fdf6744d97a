"""Finds the checks that prove nothing, because they pass without the work that they are about."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from agent.checks.foreign import OUTPUT, write_foreign
from agent.checks.runner import CheckContext, judge
from agent.checks.sure import surely_passes
from shared.models import CommandCheck, HttpStatusCheck, PlannedCheck, SqlCountCheck

SECONDS = 20.0


async def probe(checks: Sequence[PlannedCheck], context: CheckContext) -> tuple[PlannedCheck, ...]:
    """The same checks, each marked as vacuous or not; those that are marked are not run again.

    A check is vacuous when it passes in an empty workspace or in one that holds the work of
    somebody else. One that is not done in time is not vacuous.
    """
    brief = replace(context, seconds=min(context.seconds, SECONDS))
    return tuple([await _probed(planned, brief) for planned in checks])


async def _probed(planned: PlannedCheck, context: CheckContext) -> PlannedCheck:
    if planned.vacuous is not None:
        return planned
    return planned.model_copy(update={"vacuous": await _is_vacuous(planned, context)})


async def _is_vacuous(planned: PlannedCheck, context: CheckContext) -> bool:
    match planned.check:
        case CommandCheck(command=command) if surely_passes(command):
            return True
        case SqlCountCheck() | HttpStatusCheck():  # they do not look at the workspace
            return await _passes(planned, context)
    async with _workspaces(context.shell.scratch) as (empty, foreign):
        async with asyncio.TaskGroup() as both:
            tried = [
                both.create_task(_passes(planned, replace(context, folder=empty, output={}))),
                both.create_task(_passes(planned, replace(context, folder=foreign, output=OUTPUT))),
            ]
        return any(task.result() for task in tried)


async def _passes(planned: PlannedCheck, context: CheckContext) -> bool:
    return (await judge(planned, context)).outcome == "passed"


@asynccontextmanager
async def _workspaces(scratch: Path) -> AsyncIterator[tuple[Path, Path]]:
    """Fresh for each check: what one leaves behind must not help the next."""
    folder = await asyncio.to_thread(_prepare, scratch)
    try:
        yield folder / "empty", folder / "foreign"
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _prepare(scratch: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="probe-", dir=scratch))
    (folder / "empty").mkdir()
    (folder / "foreign").mkdir()
    write_foreign(folder / "foreign")
    return folder
