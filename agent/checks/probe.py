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

SECONDS = 20.0  # for one check in one workspace
ALL_SECONDS = 30.0
AT_ONCE = 3


async def probe(
    checks: Sequence[PlannedCheck], context: CheckContext, seconds: float = ALL_SECONDS
) -> tuple[PlannedCheck, ...]:
    """The same checks, each marked as vacuous or not; those that are marked are not run again.

    A check is vacuous when it passes in an empty workspace or in one that holds the work of
    somebody else. One that does not apply there, or is not done in its time, is not vacuous. What
    is not decided when the `seconds` for all are over stays unmarked.
    """
    decided = [_by_words(planned) for planned in checks]
    brief = replace(context, seconds=min(context.seconds, SECONDS))
    until = asyncio.get_running_loop().time() + seconds
    slots = asyncio.Semaphore(AT_ONCE)

    async def tried(planned: PlannedCheck) -> PlannedCheck:
        if planned.vacuous is not None:
            return planned
        try:
            async with asyncio.timeout_at(until), slots:
                return planned.model_copy(update={"vacuous": await _is_vacuous(planned, brief)})
        except TimeoutError:
            return planned

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(tried(planned)) for planned in decided]
    return tuple(task.result() for task in running)


def _by_words(planned: PlannedCheck) -> PlannedCheck:
    """Marked where nothing has to be run for it."""
    match planned:
        case PlannedCheck(vacuous=None, check=CommandCheck(command=words)) if surely_passes(words):
            return planned.model_copy(update={"vacuous": True})
    return planned


async def _is_vacuous(planned: PlannedCheck, context: CheckContext) -> bool:
    if isinstance(planned.check, SqlCountCheck | HttpStatusCheck):  # not about the workspace
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
