"""What the simulated reviewer says: a scenario's scores for the round, else that all is well."""

import re
from collections.abc import Sequence

from scripts.claude_simulator.conduct import Judgement, Remark
from scripts.claude_simulator.markers import without_markers
from scripts.claude_simulator.prompt import ReviewerPrompt
from scripts.claude_simulator.scenario import Scenario

BY = "Simulated reviewer"
_QUOTE = 80


def judgement_of(prompt: ReviewerPrompt, scenarios: Sequence[Scenario]) -> Judgement:
    """Scores and reasons, each of which says that nobody judged."""
    wish = without_markers(prompt.request)
    fitting = (each for each in scenarios if each.match.fits(wish, None))
    scripted = next(
        (each.reviews[prompt.key] for each in fitting if prompt.key in each.reviews), ()
    )
    if not scripted:
        return Judgement(reasons=_nothing_judged(prompt.shown))
    judgement = scripted[: prompt.round + 1][-1]
    reasons = [
        reason.model_copy(update={"comment": f"{BY}: {reason.comment}"})
        for reason in judgement.reasons
    ]
    return judgement.model_copy(update={"reasons": tuple(reasons)})


def _nothing_judged(shown: Sequence[str]) -> tuple[Remark, ...]:
    quote = next(filter(None, map(_beginning, shown)), "")
    comment = f"{BY}: nothing was judged."
    return (Remark(criterion="correct", quote=quote, comment=comment),) if quote else ()


def _beginning(text: str) -> str:
    """The first words of a text, as far as they read the same in an escaped prompt."""
    pieces = (re.split(r"[&<>]", line)[0][:_QUOTE].strip() for line in text.splitlines())
    return next((piece for piece in pieces if re.search(r"\w", piece) and len(piece) > 2), "")
