"""Has a result reviewed that is to be reviewed, and says what follows from it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from agent.attempt import Note, Notify
from agent.review_material import Call, Material, excerpts
from agent.reviewer import Reviewed, Reviewer
from agent.tool_log import ToolCall
from shared.models import (
    AgentResult,
    Assignment,
    Doubt,
    FileEntry,
    ModelUsage,
    Review,
    Round,
)


class ReviewStep:
    """The last look at results of one attempt. With `must`, none is accepted without a review."""

    def __init__(
        self,
        assignment: Assignment,
        folder: Path,
        reviewer: Reviewer | None,
        note: Notify,
        *,
        must: bool,
    ) -> None:
        self._assignment = assignment
        self._folder = folder
        self._reviewer = reviewer
        self._note = note
        self._must = must
        self.usage: tuple[ModelUsage, ...] = ()

    async def of(
        self,
        look: Round,
        result: AgentResult,
        files: Sequence[FileEntry],
        calls: Sequence[ToolCall],
    ) -> Round:
        """The same round with its review, or with why there is none."""
        material = await self._material(look, result, files, calls)
        reviewed = Reviewed(None, "this agent has no reviewer")
        async for reviewed in self._reviews(material):
            self.usage += reviewed.usage
            self._tell(reviewed)
        if reviewed.review is not None:
            return _with(look, reviewed.review)
        why = reviewed.problem
        if not self._must:
            return _changed(look, unreviewed=why)
        problem = f"it may not be accepted without a review, and there is none: {why}"
        return _changed(look, unreviewed=why, doubt=Doubt.REVIEW, problems=(problem,))

    async def _reviews(self, material: Material) -> AsyncIterator[Reviewed]:
        if self._reviewer is None:
            return
        if not self._must:
            yield await self._reviewer.review(material)
            return
        async for reviewed in self._reviewer.insist(material):
            yield reviewed

    async def _material(
        self,
        look: Round,
        result: AgentResult,
        files: Sequence[FileEntry],
        calls: Sequence[ToolCall],
    ) -> Material:
        task = self._assignment
        return Material(
            subtask_key=task.key,
            title=task.title,
            description=task.description,
            expected_output=task.expected_output,
            task_description=task.task_description,
            round=look.number,
            output=result.output,
            files=await excerpts(self._folder, files, task.expected_output),
            checks=look.checks,
            calls=tuple(_call(each) for each in calls),
            statement=result.summary,
        )

    def _tell(self, reviewed: Reviewed) -> None:
        review = reviewed.review
        if review is None:
            told = f"no review: {reviewed.problem}"
            self._note(Note("review.verdict", told, level="warning"))
            return
        scores = ", ".join(f"{name} {score}" for name, score in review.scores.items())
        data = review.model_dump(mode="json")
        self._note(Note("review.verdict", f"{review.verdict}: {scores}", data=data))


def _with(look: Round, review: Review) -> Round:
    if review.verdict == "approve":
        return _changed(look, review=review)
    return _changed(look, review=review, doubt=Doubt.REVIEW, problems=_reasons(review))


def _changed(look: Round, **changes: Any) -> Round:
    return Round.model_validate({**dict(look), **changes})


def _reasons(review: Review) -> tuple[str, ...]:
    return tuple(
        f"reviewer, {each.criterion}: {each.comment} (about: {each.quote!r})"
        for each in review.reasons
    )


def _call(call: ToolCall) -> Call:
    told = " ".join(str(value) for value in call.input.values())
    return Call(call.name, " ".join(told.split()), bool(call.ok), call.excerpt)
