"""What was looked at before a result was believed, round by round."""

from decimal import Decimal
from enum import StrEnum
from typing import Literal, TypeAlias

from shared.models.claims import Claim
from shared.models.plan import Check
from shared.models.words import Record, Storable

_BRIEF = 1_000  # characters


class Evidence(StrEnum):
    """How far a result was looked at; every result carries exactly one."""

    VERIFIED = "verified"  # every check that applied passed, and one of them means something
    REVIEWED = "reviewed"  # a reviewer approved it; no check that means something
    SELF_REPORTED = "self-reported"  # its shape and its claims hold; nothing else was looked at


class Doubt(StrEnum):
    """Why a result was not accepted."""

    SHAPE = "shape"  # not the structure that was asked for, or a named file is missing
    EVIDENCE = "evidence"  # it claims what no tool call and no file supports
    CHECKS = "checks"
    REVIEW = "review"


class PlannedCheck(Record):
    """A check of a subtask; `vacuous` when it passes without any work, None when not yet tried.

    `when` says that it applies only where some file matches this glob, or holds something at the
    JSON pointer behind it (`package.json#/scripts/build`); profiles use it.
    """

    check: Check
    source: Literal["plan", "profile"] = "plan"
    vacuous: bool | None = None
    when: str | None = None


class CheckResult(Record):
    """What became of one check; `position` is its place in the subtask's list.

    `error`: it could not be carried out, which counts as not passed. `skipped`: its `when` does
    not apply. `detail` is one sentence, `output` the end of what it printed.
    """

    position: int
    source: Literal["plan", "profile"]
    kind: str
    what: Storable
    outcome: Literal["passed", "failed", "error", "skipped"]
    vacuous: bool
    detail: Storable = ""
    output: Storable = ""
    seconds: float = 0.0

    def brief(self) -> "CheckResult":
        """The same with the last lines of its output."""
        return self.model_copy(update={"output": self.output[-_BRIEF:]})


class ClaimEvidence(Record):
    """A claim, and the tool call or file that supports it, or what is missing."""

    claim: Claim
    supported: bool
    by: Storable


class Criterion(StrEnum):
    """What a reviewer scores, each from 0 to 100."""

    CORRECT = "correct"
    COMPLETE = "complete"
    EVIDENCE = "evidence"
    QUALITY = "quality"
    SAFE = "safe"


class ReviewReason(Record):
    """A remark that quotes the result word for word."""

    criterion: Criterion
    quote: Storable
    comment: Storable


class Review(Record):
    """A reviewer's judgement; the verdict follows from the scores alone."""

    verdict: Literal["approve", "rework", "reject"]
    scores: dict[Criterion, int]
    reasons: tuple[ReviewReason, ...] = ()
    model: str = ""


class Round(Record):
    """One look at a result: number 0 at the first, n at the one after correction n.

    `unreviewed`: why there is no review, although one was wanted.
    """

    number: int
    doubt: Doubt | None = None
    problems: tuple[Storable, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    claims: tuple[ClaimEvidence, ...] = ()
    review: Review | None = None
    unreviewed: Storable = ""


CorrectionOutcome: TypeAlias = Literal["passed", "failed", "repeated", "gave_up", "interrupted"]


class Correction(Record):
    """One return of a result to its agent: why, what it changed, what that cost, what came of it.

    `repeated`: it changed nothing, or went back to a state that had failed already. `gave_up`: its
    agent said that it cannot be done. `interrupted`: the attempt ended before it was looked at.
    """

    number: int
    doubt: Doubt
    failure: Storable
    changed: tuple[Storable, ...] = ()
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    outcome: CorrectionOutcome


class Verification(Record):
    """All that was looked at in one attempt; `evidence` is None when it was not accepted."""

    evidence: Evidence | None = None
    rounds: tuple[Round, ...] = ()
    corrections: tuple[Correction, ...] = ()

    def brief(self) -> "Verification":
        """The same with only the end of what checks printed: a task may have 200 of these."""
        rounds = [
            each.model_copy(update={"checks": tuple(check.brief() for check in each.checks)})
            for each in self.rounds
        ]
        return self.model_copy(update={"rounds": tuple(rounds)})
