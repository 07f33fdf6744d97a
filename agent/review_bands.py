"""When a result is reviewed, and which verdict its scores mean. Pure."""

import hashlib
from collections.abc import Mapping
from typing import Literal, TypeAlias
from uuid import UUID

from shared.models import Criterion, ReviewPolicy

Verdict: TypeAlias = Literal["approve", "rework", "reject"]

# A score stands from here on; below it, the result goes back to its worker.
STANDS_FROM = 70
# Below these nothing is left to mend. Harm is past mending earlier than the rest.
MENDABLE_FROM: Mapping[Criterion, int] = {
    Criterion.CORRECT: 30,
    Criterion.COMPLETE: 30,
    Criterion.EVIDENCE: 30,
    Criterion.QUALITY: 30,
    Criterion.SAFE: 50,
}

_SHARES = 1 << 48  # small enough for a float to tell every one from 1.0


def verdict_of(scores: Mapping[Criterion, int]) -> Verdict:
    """The verdict of the worst score; raises KeyError when a criterion was not scored."""
    if any(scores[criterion] < floor for criterion, floor in MENDABLE_FROM.items()):
        return "reject"
    if all(scores[criterion] >= STANDS_FROM for criterion in Criterion):
        return "approve"
    return "rework"


def review_wanted(policy: ReviewPolicy, share: float, subtask_id: UUID) -> bool:
    """Whether this subtask's results are reviewed; `share` (0 to 1) is for "sampled".

    The id alone decides, so every attempt, round and process comes to the same answer.
    """
    if policy == "sampled":
        digest = hashlib.sha256(subtask_id.bytes).digest()
        return int.from_bytes(digest[:6]) / _SHARES < share
    return policy == "always"
