"""What was tried in one attempt: each look at the result, each correction, what failed before."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from shared.models import Correction, Evidence, ModelUsage, Round, Verification

REPEATED = "the correction changed nothing, or went back to a state that had failed already"
_FAILURE = 2_000  # characters kept of why a result was sent back
_CHANGED = 40
_VARYING = re.compile(r"0x[0-9a-f]+|\d+(?:\.\d+)?|/\S*/|\s+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Tried:
    """One correction as its agent made it, before it was looked at."""

    changed: tuple[str, ...]
    usage: tuple[ModelUsage, ...]
    repeated: bool


class Corrections:
    """Keeps the fingerprint of every state that failed, so that none is accepted twice."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._rounds: list[Round] = []
        self._made: list[Correction] = []
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

    def looked(self, look: Round, state: str) -> None:
        """Remember a look at the result; a state that was not accepted has failed."""
        self._rounds.append(look)
        if look.doubt is not None:
            self._failed_states.add(state)
            mark = failure_mark(look.problems)
            self._failures[mark] = self._failures.get(mark, 0) + 1

    def has_failed(self, state: str) -> bool:
        """Whether this very state was looked at and not accepted."""
        return state in self._failed_states

    def times_failed(self, problems: Sequence[str]) -> int:
        """How often these problems came up, whatever numbers and paths they held."""
        return self._failures.get(failure_mark(problems), 0)

    def corrected(self, failed: Round, tried: Tried, look: Round) -> None:
        """Remember a correction of `failed`, and what the look after it found."""
        if failed.doubt is None:
            raise ValueError("a result that was accepted needs no correction")
        passed = look.doubt is None
        tokens = sum(each.input_tokens + each.output_tokens for each in tried.usage)
        self._made.append(
            Correction(
                number=len(self._made) + 1,
                doubt=failed.doubt,
                failure="\n".join(failed.problems)[:_FAILURE],
                changed=tried.changed[:_CHANGED],
                tokens=tokens,
                cost_usd=sum((each.cost_usd for each in tried.usage), Decimal(0)),
                outcome="repeated" if tried.repeated else "passed" if passed else "failed",
            )
        )

    def record(self, evidence: Evidence | None) -> Verification:
        """All of it, as the ledger keeps it."""
        return Verification(
            evidence=evidence, rounds=tuple(self._rounds), corrections=tuple(self._made)
        )


def state_of(files: Mapping[str, str], output: Mapping[str, Any]) -> str:
    """The fingerprint of a result: the files it stands on, and all that it says."""
    said = json.dumps(output, sort_keys=True, default=str)
    return hashlib.sha256(f"{sorted(files.items())}{said}".encode()).hexdigest()


def failure_mark(problems: Sequence[str]) -> str:
    """The fingerprint of a failure, without what varies by itself: numbers, paths, spaces."""
    text = _VARYING.sub(" ", "\n".join(problems)).strip().lower()
    return hashlib.sha256(text.encode()).hexdigest()
