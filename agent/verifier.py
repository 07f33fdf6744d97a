"""Looks at one result: its shape, its claims, the machine checks, and perhaps a reviewer."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from pydantic import ValidationError

from agent.attempt import Note, Notify
from agent.checks.runner import CheckContext, run_checks
from agent.evidence import match_claims, needs_tools
from agent.review_step import ReviewStep
from agent.tool_log import ToolCall
from shared.errors import WorkspaceError
from shared.models import (
    AgentResult,
    Assignment,
    CheckResult,
    ClaimEvidence,
    Doubt,
    Evidence,
    FileEntry,
    PlannedCheck,
    Round,
)
from shared.workspace import manifest, open_inside

_NOT_PASSED = ("failed", "error")
_MATCHES = 20
_OUTPUT = 4_000  # characters of a check's output that its agent is told


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found; if `steady`, it would be found again in the same state."""

    round: Round
    result: AgentResult | None = None
    files: tuple[FileEntry, ...] = ()
    steady: bool = True

    @property
    def gave_up(self) -> bool:
        """Whether the agent says that it cannot be done."""
        return self.result is not None and self.result.failed

    @property
    def final(self) -> bool:
        """Whether sending it back is no use: only a result that can be mended goes back."""
        review = self.round.review
        if self.round.doubt is Doubt.REVIEW and review is None:
            return True
        return self.gave_up or (review is not None and review.verdict == "reject")


class Verifier:
    """The judge of one attempt. Nothing that the agent says of itself is taken for a fact."""

    def __init__(
        self,
        assignment: Assignment,
        folder: Path,
        checks: Sequence[PlannedCheck],
        context: Callable[[Mapping[str, Any]], CheckContext],
        review: ReviewStep | None,
        note: Notify,
    ) -> None:
        self._assignment = assignment
        self._folder = folder
        self._checks = tuple(checks)
        self._context = context
        self._review = review
        self._note = note

    async def look(self, number: int, output: Mapping[str, Any], calls: Sequence[ToolCall]) -> Look:
        """Look at a result; the reviewer is asked only when nothing else stands against it."""
        try:
            result = AgentResult.model_validate(output)
            if result.failed:
                return Look(Round(number=number), result)
            named = await manifest(self._folder, result.files)
        except ValidationError as error:
            return _misshapen(number, f"the result is malformed: {_places(error)}")
        except WorkspaceError as error:
            return _misshapen(number, f"the result names a file that is not there: {error.detail}")
        if empty := [each.path for each in named if each.size == 0 and _should_hold(each.path)]:
            return _misshapen(number, f"the result names files that are empty: {', '.join(empty)}")
        claims = match_claims(result.claims, calls, named, self._exists)
        context = self._context(result.output)
        ran = await run_checks(self._checks, context, self._tell)
        files, gone = await self._left_by_checks(named) if ran else (named, ())
        doubt, problems = self._problems(claims, ran, calls, gone)
        found = Round(number=number, doubt=doubt, problems=problems, checks=ran, claims=claims)
        steady = not any(_may_pass_later(each, context.seconds) for each in ran)
        if doubt is None and self._review is not None:
            found = await self._review.of(found, result, files, calls)
        return Look(found, result, files, steady)

    async def _left_by_checks(
        self, named: Sequence[FileEntry]
    ) -> tuple[tuple[FileEntry, ...], tuple[str, ...]]:
        """The result's files hashed again, as a check may write to one, and what became of others.

        A file that is not there any more was there before the checks.
        """
        files: list[FileEntry] = []
        gone: list[str] = []
        for each in named:
            try:
                files += await manifest(self._folder, (each.path,))
            except WorkspaceError:
                gone.append(f"a check removed {each.path!r}, which the result names")
        return tuple(files), tuple(gone)

    def _problems(
        self,
        claims: Sequence[ClaimEvidence],
        ran: Sequence[CheckResult],
        calls: Sequence[ToolCall],
        gone: Sequence[str],
    ) -> tuple[Doubt | None, tuple[str, ...]]:
        unsupported = [
            f"you claim {each.claim.kind} {each.claim.what!r}, but {each.by}"
            for each in claims
            if not each.supported
        ]
        if needs_tools(self._assignment) and not any(call.ok for call in calls):
            which = "no tool call succeeded" if calls else "no tool was called at all"
            unsupported.insert(0, f"{which}: nothing shows that work was done")
        failed = [_failure(each) for each in ran if each.outcome in _NOT_PASSED]
        problems = (*gone, *unsupported, *failed)
        if not problems:
            return None, ()
        return Doubt.EVIDENCE if unsupported else Doubt.CHECKS, problems

    def _exists(self, path: str) -> bool:
        inside = path.removeprefix(f"{self._folder}/")
        if set(inside) & set("*?["):
            return any(self._exists(match) for match in _matches(self._folder, inside))
        try:
            os.close(open_inside(self._folder, inside))
        except (WorkspaceError, OSError):
            return False
        return True

    def _tell(self, check: CheckResult) -> None:
        fine = check.outcome in ("passed", "skipped")
        told = f"{check.what}: {check.outcome}{f' ({check.detail})' if check.detail else ''}"
        data = check.brief().model_dump(mode="json")
        self._note(Note("check.result", told, level="info" if fine else "warning", data=data))


def evidence_of(look: Round) -> Evidence:
    """How far an accepted result was looked at."""
    if any(check.outcome == "passed" and not check.vacuous for check in look.checks):
        return Evidence.VERIFIED
    return Evidence.REVIEWED if look.review is not None else Evidence.SELF_REPORTED


def _misshapen(number: int, problem: str) -> Look:
    return Look(Round(number=number, doubt=Doubt.SHAPE, problems=(problem,)))


def _should_hold(path: str) -> bool:
    """Whether an empty file of this name is no result; `__init__.py` and `.gitkeep` may be."""
    return not PurePosixPath(path).name.startswith((".", "__")) and not path.endswith("py.typed")


def _matches(folder: Path, pattern: str) -> Iterator[str]:
    """The first files that match, by relative path."""
    try:
        found = folder.glob(pattern)
        yield from (str(path.relative_to(folder)) for path in islice(found, _MATCHES))
    except (ValueError, NotImplementedError, OSError):  # no pattern of ours
        return


def _may_pass_later(check: CheckResult, seconds: float) -> bool:
    """Whether a failure says more of the moment, or of something outside, than of the result."""
    if check.outcome not in _NOT_PASSED:
        return False
    outside = check.kind in ("sql_count", "http_status")
    return outside or check.outcome == "error" or check.seconds >= seconds


def _places(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:5]
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)


def _failure(check: CheckResult) -> str:
    verb = "could not be carried out" if check.outcome == "error" else "failed"
    told = f"the check {check.what!r} {verb}: {check.detail}"
    return f"{told}\n{check.output[-_OUTPUT:]}".strip()
