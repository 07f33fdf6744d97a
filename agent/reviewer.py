"""Judges a result against its expected output: asks the model, and believes only what it quotes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import structlog
from pydantic import Field

from agent.outcome import sentence
from agent.review_bands import verdict_of
from agent.review_material import Material
from agent.review_prompt import REVIEWER, errors_turn, sheet
from agent.review_quotes import Quotable
from shared.claude import Claude, Prompt, Reply, usage_of
from shared.errors import ModelCutOff, ModelError, ModelMisconfigured
from shared.models import Criterion, ModelUsage, Record, Review, ReviewReason

_MAX_TOKENS = 16_000
_TOLD, _QUOTED_BACK = 10, 200  # quotes found nowhere, and characters of each
_log = structlog.get_logger(__name__)

Score = Annotated[int, Field(strict=True, ge=0, le=100)]


class Scores(Record):
    """One whole number from 0 to 100 for each criterion."""

    correct: Score
    complete: Score
    evidence: Score
    quality: Score
    safe: Score


class Judgement(Record):
    """What the model returns: what it found, then its scores; the verdict is not its to give."""

    reasons: tuple[ReviewReason, ...]
    scores: Scores


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A review, or why there is none; its cost either way.

    `lasting`: asking again would be no use.
    """

    review: Review | None
    problem: str = ""
    usage: tuple[ModelUsage, ...] = ()
    lasting: bool = False


class Reviewer:
    """Asks once, and once more when the answer cannot be used."""

    def __init__(
        self, claude: Claude, *, model: str, pauses: Sequence[float] = (15.0, 60.0)
    ) -> None:
        self._claude = claude
        self._model = model
        self._pauses = tuple(pauses)

    async def review(self, material: Material) -> Reviewed:
        """A review of the result; a model that is away or malformed is told, never raised."""
        shown = sheet(material)
        quotable = Quotable(shown.quotable)
        prompt = Prompt(REVIEWER, "", (("user", shown.turn),))
        usage: tuple[ModelUsage, ...] = ()
        try:
            reply = await self._ask(prompt)
            usage += _reviewers(reply.usage)
            review, errors = _judged(reply, quotable)
            if review is None:
                _log.warning("review asked for again", errors=list(errors))
                again = prompt.followed_by(reply.text.strip() or "(nothing)", errors_turn(errors))
                reply = await self._ask(again)
                usage += _reviewers(reply.usage)
                review, errors = _judged(reply, quotable)
        except ModelError as error:
            lasting = isinstance(error, ModelMisconfigured)
            usage += _reviewers(*usage_of(error))
            return Reviewed(None, sentence(error), usage, lasting)
        problem = "" if review else f"the reviewer gave no usable answer: {'; '.join(errors)}"
        return Reviewed(review, problem, usage)

    async def insist(self, material: Material) -> AsyncIterator[Reviewed]:
        """Reviews, with a pause between them, until there is one; the last counts."""
        for pause in (*self._pauses, None):
            reviewed = await self.review(material)
            yield reviewed
            if reviewed.review is not None or reviewed.lasting or pause is None:
                return
            await asyncio.sleep(pause)

    async def _ask(self, prompt: Prompt) -> Reply[Judgement]:
        try:
            return await self._claude.ask(
                prompt, Judgement, model=self._model, max_tokens=_MAX_TOKENS
            )
        except ModelCutOff as error:
            text = str(error.extra.get("text", ""))
            (usage,) = usage_of(error)
            return Reply(None, text, ("it was too long and was cut off; be shorter",), usage)


def _judged(reply: Reply[Judgement], quotable: Quotable) -> tuple[Review | None, tuple[str, ...]]:
    """The review that an answer means, or what is wrong with the answer."""
    if reply.value is None:
        return None, reply.errors
    scores = {Criterion(name): score for name, score in reply.value.scores.model_dump().items()}
    verdict = verdict_of(scores)
    reasons = tuple(reason for reason in reply.value.reasons if quotable.holds(reason.quote))
    if verdict != "approve" and not reasons:
        return None, _unquoted(reply.value.reasons)
    model = reply.usage.model
    return Review(verdict=verdict, scores=scores, reasons=reasons, model=model), ()


def _unquoted(reasons: tuple[ReviewReason, ...]) -> tuple[str, ...]:
    if not reasons:
        return ("scores below an approval need a reason that quotes the result word for word",)
    return tuple(
        f"reasons.{place}.quote: {reason.quote[:_QUOTED_BACK]!r} is found nowhere in the result; "
        "copy a passage of it word for word"
        for place, reason in enumerate(reasons[:_TOLD])
    )


def _reviewers(*usage: ModelUsage) -> tuple[ModelUsage, ...]:
    return tuple(each.model_copy(update={"purpose": "reviewer"}) for each in usage)
