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
from agent.review_material import Call, Material, excerpts
from agent.reviewer import Reviewer
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
    ModelUsage,
    PlannedCheck,
    Review,
    Round,
)
from shared.workspace import manifest, open_inside

_MATCHES = 20
_OUTPUT = 4_000  # characters of a check's output that its agent is told


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found; `usage` is the reviewer's."""

    round: Round
    result: AgentResult | None = None
    files: tuple[FileEntry, ...] = ()
    usage: tuple[ModelUsage, ...] = ()

    @property
    def final(self) -> bool:
        """Whether sending it back is no use: the agent gave up, or the reviewer rejects it."""
        gave_up = self.result is not None and self.result.failed
        review = self.round.review
        return gave_up or (review is not None and review.verdict == "reject")


class Verifier:
    """The judge of one attempt. Nothing that the agent says of itself is taken for a fact."""

    def __init__(
        self,
        assignment: Assignment,
        folder: Path,
        checks: Sequence[PlannedCheck],
        context: Callable[[Mapping[str, Any]], CheckContext],
        reviewer: Reviewer | None,
        note: Notify,
    ) -> None:
        self._assignment = assignment
        self._folder = folder
        self._checks = tuple(checks)
        self._context = context
        self._reviewer = reviewer
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
        ran = await run_checks(self._checks, self._context(result.output), self._tell)
        doubt, problems = self._problems(claims, ran, calls)
        review: Review | None = None
        usage: tuple[ModelUsage, ...] = ()
        if doubt is None and self._reviewer is not None:
            review, usage = await self._reviewed(number, result, named, ran, calls)
            if review is not None and review.verdict != "approve":
                doubt, problems = Doubt.REVIEW, _reasons(review)
        found = Round(
            number=number, doubt=doubt, problems=problems, checks=ran, claims=claims, review=review
        )
        # hashed again: a check may have written to a file that the result names
        files = await manifest(self._folder, result.files) if ran else named
        return Look(found, result, files, usage)

    def _problems(
        self,
        claims: Sequence[ClaimEvidence],
        ran: Sequence[CheckResult],
        calls: Sequence[ToolCall],
    ) -> tuple[Doubt | None, tuple[str, ...]]:
        unsupported = [
            f"you claim {each.claim.kind} {each.claim.what!r}, but {each.by}"
            for each in claims
            if not each.supported
        ]
        if not calls and needs_tools(self._assignment):
            unsupported.insert(0, "no tool was called at all: nothing shows that work was done")
        failed = [_failure(each) for each in ran if each.outcome in ("failed", "error")]
        if not unsupported and not failed:
            return None, ()
        return Doubt.EVIDENCE if unsupported else Doubt.CHECKS, (*unsupported, *failed)

    async def _reviewed(
        self,
        number: int,
        result: AgentResult,
        files: Sequence[FileEntry],
        ran: tuple[CheckResult, ...],
        calls: Sequence[ToolCall],
    ) -> tuple[Review | None, tuple[ModelUsage, ...]]:
        assert self._reviewer is not None  # only asked for when there is one  # noqa: S101
        task = self._assignment
        reviewed = await self._reviewer.review(
            Material(
                subtask_key=task.key,
                title=task.title,
                description=task.description,
                expected_output=task.expected_output,
                task_description=task.task_description,
                round=number,
                output=result.output,
                files=await excerpts(self._folder, files, task.expected_output),
                checks=ran,
                calls=tuple(_call(each) for each in calls),
                statement=result.summary,
            )
        )
        self._tell_review(reviewed.review, reviewed.problem)
        return reviewed.review, reviewed.usage

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

    def _tell_review(self, review: Review | None, problem: str) -> None:
        if review is None:
            self._note(Note("review.verdict", f"no review: {problem}", level="warning"))
            return
        scores = ", ".join(f"{name} {score}" for name, score in review.scores.items())
        data = review.model_dump(mode="json")
        self._note(Note("review.verdict", f"{review.verdict}: {scores}", data=data))


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


def _places(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_context=False, include_input=False)[:5]
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)


def _failure(check: CheckResult) -> str:
    verb = "could not be carried out" if check.outcome == "error" else "failed"
    told = f"the check {check.what!r} {verb}: {check.detail}"
    return f"{told}\n{check.output[-_OUTPUT:]}".strip()


def _reasons(review: Review) -> tuple[str, ...]:
    return tuple(
        f"reviewer, {each.criterion}: {each.comment} (about: {each.quote!r})"
        for each in review.reasons
    )


def _call(call: ToolCall) -> Call:
    told = " ".join(str(value) for value in call.input.values())
    return Call(call.name, " ".join(told.split()), bool(call.ok), call.excerpt)
