"""Runs the checks of a subtask on what its agent left, and says what became of each."""

import asyncio
import json
import shlex
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, assert_never

from agent.checks.shell import Ran, Shell, run
from agent.checks.wording import describe, one_line
from shared.errors import QuintetError
from shared.models import (
    CheckResult,
    CommandCheck,
    FileExistsCheck,
    HttpStatusCheck,
    JsonSchemaCheck,
    PlannedCheck,
    SqlCountCheck,
    TextMatchesCheck,
)

PROGRAMS = Path(__file__).parent
_FILES = (sys.executable, "-IS", str(PROGRAMS / "evaluate.py"))
_SCHEMA = (sys.executable, "-I", str(PROGRAMS / "evaluate_schema.py"))
_BASH = Path("/bin/bash")
_SHELL = str(_BASH) if _BASH.exists() else "/bin/sh"


class CheckError(QuintetError):
    """A check could not be carried out, which says nothing about the result."""

    title = "A check could not be carried out"


@dataclass(frozen=True, slots=True)
class CheckContext:
    """What the checks of one result are about; `seconds` is the deadline of each.

    `output` is the structured output. `count` answers a query with one number and `http_get` a
    URL with a status, or raise CheckError; without them such checks cannot be carried out.
    """

    shell: Shell
    folder: Path
    output: Mapping[str, Any]
    seconds: float
    count: Callable[[str], Awaitable[float]] | None = None
    http: bool = False
    http_get: Callable[[str], Awaitable[int]] | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of one check, and why."""

    outcome: Literal["passed", "failed", "error", "skipped"]
    detail: str = ""
    output: str = ""


def ignore(_: CheckResult) -> None:
    """For those who wait for all results."""


async def run_checks(
    checks: Sequence[PlannedCheck],
    context: CheckContext,
    tell: Callable[[CheckResult], None] = ignore,
) -> tuple[CheckResult, ...]:
    """One after the other, in their order; `tell` hears of each as soon as it is decided."""
    loop = asyncio.get_running_loop()
    results = []
    for position, planned in enumerate(checks):
        started = loop.time()
        judgement = await judge(planned, context)
        result = CheckResult(
            position=position,
            source=planned.source,
            kind=planned.check.kind,
            what=describe(planned.check),
            outcome=judgement.outcome,
            vacuous=bool(planned.vacuous),
            detail=judgement.detail,
            output=judgement.output,
            seconds=round(loop.time() - started, 3),
        )
        tell(result)
        results.append(result)
    return tuple(results)


async def judge(planned: PlannedCheck, context: CheckContext) -> Judgement:
    """Carry one check out where it applies; raises only CancelledError."""
    try:
        if planned.when is not None:
            applies = await _evaluated(_FILES, _condition(planned.when), context)
            if applies.outcome == "failed":
                return Judgement("skipped", f"it is for {planned.when}, and there is none")
            if applies.outcome == "error":
                return applies
        return await _judge(planned, context)
    except QuintetError as error:
        return Judgement("error", one_line(f"{error.detail} {error.remedy}"))
    except (OSError, ValueError) as error:  # no such folder, a null byte, too long a command
        return Judgement("error", one_line(f"it cannot be carried out: {error}"))


def _condition(when: str) -> dict[str, Any]:
    """What asks for a file that matches, or for what lies in it at a JSON pointer."""
    path, mark, pointer = when.partition("#/")
    if not mark:
        return {"kind": "file_exists", "path": when, "min_bytes": 0}
    return {"kind": "json_holds", "path": path, "pointer": f"/{pointer}"}


async def _judge(planned: PlannedCheck, context: CheckContext) -> Judgement:
    match planned.check:
        case CommandCheck(command=command):
            ours = planned.source == "profile"
            return await _command(_filled(command, context) if ours else command, context)
        case FileExistsCheck() | TextMatchesCheck():
            return await _evaluated(_FILES, planned.check.model_dump(), context)
        case JsonSchemaCheck(json_schema=schema):
            request = {"schema": schema, "output": dict(context.output)}
            return await _evaluated(_SCHEMA, request, context)
        case SqlCountCheck() as check:
            return await _counted(check, context)
        case HttpStatusCheck() as check:
            return await _fetched(check, context)
        case other:
            assert_never(other)


def _filled(command: str, context: CheckContext) -> str:
    """A profile's command, with what only this installation knows."""
    filled = command.replace("{checks}", shlex.quote(str(PROGRAMS)))
    filled = filled.replace("{seconds}", f"{context.seconds:g}")
    return filled.replace("{python}", shlex.quote(sys.executable))


async def _command(command: str, context: CheckContext) -> Judgement:
    ran = await run(
        context.shell, [_SHELL, "-c", command], folder=context.folder, seconds=context.seconds
    )
    if ran.exit_code is None:
        return Judgement("failed", _late(context), ran.output)
    _demand_sandbox(ran, context)
    outcome: Literal["passed", "failed"] = "failed" if ran.exit_code else "passed"
    return Judgement(outcome, f"exit status {ran.exit_code}", ran.output)


async def _evaluated(
    program: Sequence[str], request: Mapping[str, Any], context: CheckContext
) -> Judgement:
    ran = await run(
        context.shell,
        program,
        folder=context.folder,
        seconds=context.seconds,
        stdin=json.dumps(request).encode(),
    )
    if ran.exit_code is None:
        return Judgement("failed", _late(context))
    _demand_sandbox(ran, context)
    try:
        answer = json.loads(ran.output.rpartition("\n")[2])
        passed, detail = bool(answer["passed"]), one_line(str(answer["detail"]))
    except (ValueError, KeyError, TypeError) as error:
        raise CheckError("it ended without an answer:", remedy=ran.output[-500:]) from error
    if ran.exit_code:
        return Judgement("error", detail)
    return Judgement("passed" if passed else "failed", detail)


def _demand_sandbox(ran: Ran, context: CheckContext) -> None:
    # A command that imitates this only turns its own failure into an error.
    if context.shell.sandbox and ran.exit_code == 1 and ran.output.startswith("bwrap: "):
        raise CheckError("the sandbox could not be made:", remedy=ran.output[:500])


async def _counted(check: SqlCountCheck, context: CheckContext) -> Judgement:
    if context.count is None:
        raise CheckError("this task has no data that could be counted")
    try:
        async with asyncio.timeout(context.seconds):
            number = await context.count(check.query)
    except TimeoutError:
        return Judgement("failed", _late(context))
    enough = number >= check.minimum
    return Judgement("passed" if enough else "failed", f"the query returned {number:g}")


async def _fetched(check: HttpStatusCheck, context: CheckContext) -> Judgement:
    if not context.http or context.http_get is None:
        return Judgement("skipped", "checks of URLs are switched off in this installation")
    try:
        async with asyncio.timeout(context.seconds):
            status = await context.http_get(check.url)
    except TimeoutError:
        return Judgement("failed", _late(context))
    matches = status == check.status
    return Judgement("passed" if matches else "failed", f"it answered with {status}")


def _late(context: CheckContext) -> str:
    return f"not done after {context.seconds:g} s"
