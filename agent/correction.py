"""What was tried in one attempt: each look at the result, each correction, what failed before."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from agent.result_state import ResultState
from shared.models import (
    Correction,
    CorrectionOutcome,
    Doubt,
    Evidence,
    ModelUsage,
    Round,
    Verification,
)

REPEATED = "the correction changed nothing, or went back to a state that had failed already"
_FAILURE = 2_000  # characters kept of why a result was sent back
_CHANGED = 40
_VARYING = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?|/\S*/|\s+", re.IGNORECASE)


@dataclass(slots=True)
class _Open:
    """A correction under way: why, what its session had spent before it, what it changed."""

    doubt: Doubt
    failure: str
    before: tuple[ModelUsage, ...]
    changed: tuple[str, ...] = ()


class Corrections:
    """Keeps the mark of every state that failed, so that none is accepted twice.

    `spent` is always all that the session has spent so far.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._rounds: list[Round] = []
        self._made: list[Correction] = []
        self._open: _Open | None = None
        self._failed_states: set[str] = set()
        self._failures: dict[str, int] = {}

    @property
    def exhausted(self) -> bool:
        """Whether no correction is left."""
        return len(self._made) >= self.most

    @property
    def number(self) -> int:
        """Corrections made so far, which is also the number of the latest look."""
        return len(self._made)

    @property
    def made(self) -> Sequence[Correction]:
        """The corrections so far, oldest first."""
        return tuple(self._made)

    def looked(self, look: Round, state: ResultState | None = None) -> None:
        """Remember a look at the result; a `state` that was not accepted always fails."""
        self._rounds.append(look)
        if look.doubt is not None:
            if state is not None:
                self._failed_states.add(state.mark(look.doubt))
            mark = failure_mark(look.problems)
            self._failures[mark] = self._failures.get(mark, 0) + 1

    def has_failed(self, state: ResultState) -> bool:
        """Whether what this state stands on was looked at and not accepted."""
        return any(state.mark(doubt) in self._failed_states for doubt in Doubt)

    def times_failed(self, problems: Sequence[str]) -> int:
        """How often these problems came up, whatever numbers and paths they held."""
        return self._failures.get(failure_mark(problems), 0)

    def began(self, failed: Round, spent: tuple[ModelUsage, ...]) -> None:
        """A result goes back to its agent."""
        if failed.doubt is None:
            raise ValueError("a result that was accepted needs no correction")
        self._open = _Open(failed.doubt, "\n".join(failed.problems)[:_FAILURE], spent)

    def answered(self, changed: tuple[str, ...]) -> None:
        """The agent has corrected it; what that is worth is yet to be seen."""
        assert self._open is not None  # only said after `began`  # noqa: S101
        self._open.changed = changed

    def ended(self, outcome: CorrectionOutcome, spent: tuple[ModelUsage, ...]) -> None:
        """Remember what came of the correction; nothing to do when none is under way."""
        if self._open is None:
            return
        tried, self._open = self._open, None
        self._made.append(
            Correction(
                number=len(self._made) + 1,
                doubt=tried.doubt,
                failure=tried.failure,
                changed=tried.changed[:_CHANGED],
                tokens=_tokens(spent) - _tokens(tried.before),
                cost_usd=_cost(spent) - _cost(tried.before),
                outcome=outcome,
            )
        )

    def record(self, evidence: Evidence | None) -> Verification:
        """All of it, as the ledger keeps it."""
        return Verification(
            evidence=evidence, rounds=tuple(self._rounds), corrections=tuple(self._made)
        )


def failure_mark(problems: Sequence[str]) -> str:
    """The fingerprint of a failure, without what varies by itself: numbers, paths, spaces."""
    text = _VARYING.sub(" ", "\n".join(problems)).strip().lower()
    return hashlib.sha256(text.encode()).hexdigest()


def _tokens(usage: Sequence[ModelUsage]) -> int:
    return sum(each.input_tokens + each.output_tokens for each in usage)


def _cost(usage: Sequence[ModelUsage]) -> Decimal:
    return sum((each.cost_usd for each in usage), Decimal(0))
