"""How far results were looked at, in words and badges; pure, for CLI and dashboard."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.models import CheckResult, Doubt, Evidence, Round, SubtaskView, Verification
from shared.states import FailureKind, SubtaskStatus
from ui.views import Badge, one_line

EVIDENCE_BADGES: dict[Evidence, Badge] = {
    Evidence.VERIFIED: Badge("Verified", "check", "✓", "green"),
    Evidence.REVIEWED: Badge("Reviewed", "radio_button_checked", "◉", "blue"),
    Evidence.SELF_REPORTED: Badge("Self-reported", "radio_button_unchecked", "○", "gray"),
}
MEANINGS: dict[Evidence, str] = {
    Evidence.VERIFIED: "every machine check passed, and at least one fails without the work",
    Evidence.REVIEWED: "a second model read it and approved it; no machine check proves it",
    Evidence.SELF_REPORTED: "nobody looked at it but its agent",
}
NOBODY = "Nobody looked at this result but its agent."
DOUBTS: dict[Doubt, str] = {
    Doubt.SHAPE: "it did not have the form that was asked for",
    Doubt.EVIDENCE: "it claimed what no tool call and no file shows",
    Doubt.CHECKS: "its checks failed",
    Doubt.REVIEW: "the reviewer was not satisfied",
}
FAILURES: dict[FailureKind, str] = {
    FailureKind.TRANSPORT: "The model could not be reached",
    FailureKind.CONFIG: "A key, a budget or a permission is missing",
    FailureKind.BUSINESS: "The work could not be done",
    FailureKind.TIMEOUT: "It took too long",
    FailureKind.CHECKS: "Its result was not accepted",
    FailureKind.REVIEW: "It did not pass its review",
    FailureKind.LOOP: "It went in circles and was stopped",
    FailureKind.BUDGET: "Its budget is spent",
    FailureKind.RESOURCE: "Disk or memory ran out",
    FailureKind.POISON: "It took its agents down too often",
    FailureKind.PLAN_INVALID: "The plan is not valid",
}
_SHORT_FAILURES = {
    FailureKind.CHECKS: "Failed its checks",
    FailureKind.REVIEW: "Failed its review",
    FailureKind.LOOP: "Went in circles",
    FailureKind.TIMEOUT: "Took too long",
}
CLAIMED = {
    "wrote_file": "wrote",
    "ran_command": "ran",
    "fetched_url": "fetched",
    "queried_database": "asked the database",
}
_ENDED = {"failed": "failed", "error": "could not be carried out"}
_OUTPUT_LINES = 12
BRIEF = 1_000  # characters, as `CheckResult.brief` cuts


@dataclass(frozen=True, slots=True)
class Count:
    """How many results carry a label, and what it means."""

    badge: Badge
    label: str
    meaning: str


def counts(subtasks: Iterable[SubtaskView]) -> list[Count]:
    """`5 verified`, `1 reviewed`, `1 self-reported`: only what there is, the best first."""
    found = [subtask.evidence for subtask in subtasks]
    return [
        Count(badge, f"{found.count(evidence)} {badge.label.lower()}", MEANINGS[evidence])
        for evidence, badge in EVIDENCE_BADGES.items()
        if evidence in found
    ]


def corrections(subtask: SubtaskView) -> int:
    """How often its result was sent back in the last attempt."""
    return len(subtask.verification.corrections) if subtask.verification else 0


def times(count: int) -> str:
    """`once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def last_doubt(subtask: SubtaskView) -> Doubt | None:
    """What stood against the last result that was looked at."""
    rounds = subtask.verification.rounds if subtask.verification else ()
    return rounds[-1].doubt if rounds else None


def last_look(verification: Verification | None) -> Round | None:
    """The last round in which something was looked at; a repeated state is not looked at again."""
    rounds = verification.rounds if verification else ()
    looked = (each for each in reversed(rounds) if each.checks or each.claims or each.review)
    return next(looked, rounds[-1] if rounds else None)


def failing(look: Round | None) -> list[CheckResult]:
    """The checks that speak against a result."""
    return [each for each in look.checks if each.outcome in ("failed", "error")] if look else []


def spoken(words: str) -> str:
    """A check as a person would type it: without the places that an installation fills in."""
    return words.replace("{python}", "python").replace("{checks}/", "")


def gist(problem: str) -> str:
    """The first line of a problem; what a check printed stands below it."""
    return spoken(one_line(problem.strip().split("\n", 1)[0], 300))


def objections(look: Round) -> list[str]:
    """What stands against a result, a line each; of a repeated state, only that it is one."""
    found = [
        f"it says that it {CLAIMED[each.claim.kind]} {one_line(each.claim.what)}: "
        f"{one_line(each.by, 200)}"
        for each in look.claims
        if not each.supported
    ]
    found += [
        f"{spoken(one_line(each.what))}: {_ENDED[each.outcome]}, {one_line(each.detail, 200)}"
        for each in failing(look)
    ]
    if look.review and look.doubt is Doubt.REVIEW:
        found += [
            f"{each.criterion}: {one_line(each.comment, 300)} (“{one_line(each.quote, 120)}”)"
            for each in look.review.reasons
        ]
    others = look.problems[: max(0, len(look.problems) - len(found))]
    if not found and look.doubt is not Doubt.SHAPE:
        others = others[:1]
    return list(dict.fromkeys((*map(gist, others), *found)))


def last_lines(output: str) -> str:
    """The end of what a check printed, for a terminal."""
    return "\n".join(output.rstrip().splitlines()[-_OUTPUT_LINES:])


def short_failure(subtask: SubtaskView) -> str:
    """Why it failed, in three words."""
    if last_doubt(subtask) is Doubt.EVIDENCE and subtask.failure_kind is FailureKind.CHECKS:
        return "Claims not found"
    kind = subtask.failure_kind
    return _SHORT_FAILURES.get(kind, "Failed") if kind else "Failed"


def problems(subtask: SubtaskView) -> list[str]:
    """Why it failed, a line each: of a result that was refused, what stood against it."""
    look = last_look(subtask.verification)
    if look and subtask.failure_kind in (FailureKind.CHECKS, FailureKind.REVIEW):
        return objections(look)
    return [one_line(subtask.error, 600)] if subtask.error else []


def verdict(subtask: SubtaskView, so_far: Verification | None = None) -> str:
    """How far its result was looked at, in a sentence or two; `so_far` while it still runs."""
    if subtask.evidence:
        return " ".join(part for part in (*_accepted(subtask), _sent_back(subtask)) if part)
    if subtask.status is SubtaskStatus.FAILED:
        return _refused(subtask)
    if subtask.status is SubtaskStatus.RUNNING:
        return _under_way(subtask, so_far)
    if subtask.status in (SubtaskStatus.COMPLETED, SubtaskStatus.CANCELLED):
        return NOBODY if subtask.status is SubtaskStatus.COMPLETED else "It left no result."
    return "What will be looked at once there is a result:" if subtask.checks else _UNPLANNED


_UNPLANNED = "No machine check is planned for it."


def _under_way(subtask: SubtaskView, so_far: Verification | None) -> str:
    rounds = so_far.rounds if so_far else ()
    if rounds and rounds[-1].doubt:
        return f"It was sent back: correction {rounds[-1].number + 1} is under way."
    if rounds and rounds[-1].checks:
        return "Its result is being looked at."
    will = " What will be looked at:" if subtask.checks else f" {_UNPLANNED}"
    return f"It is being worked on.{will}"


def _accepted(subtask: SubtaskView) -> Sequence[str]:
    look = last_look(subtask.verification)
    checks = [each for each in look.checks if each.outcome == "passed"] if look else []
    hollow = _proving_nothing(sum(each.vacuous for each in checks), len(checks))
    if subtask.evidence == Evidence.VERIFIED:
        return _passed(len(checks)), hollow, _unreviewed(subtask)
    if subtask.evidence == Evidence.REVIEWED:
        return "A reviewer approved it.", hollow
    found = "What it claims was found among its tool calls and files."
    claimed = found if look and look.claims else ""
    return NOBODY, claimed, hollow, _unreviewed(subtask)


def _unreviewed(subtask: SubtaskView) -> str:
    """Why there is no review of a result that was to be reviewed."""
    rounds = subtask.verification.rounds if subtask.verification else ()
    why = one_line(rounds[-1].unreviewed, 300).rstrip(".") if rounds else ""
    return f"It was to be reviewed, and there is no review: {why}." if why else ""


def _passed(count: int) -> str:
    if not count:
        return "Its machine checks passed."
    return "Its check passed." if count == 1 else f"All {count} checks passed."


def _proving_nothing(vacuous: int, count: int) -> str:
    if not vacuous:
        return ""
    if vacuous == count:
        which = "Its only check proves" if count == 1 else f"Its {count} checks prove"
    else:
        which = f"{vacuous} of them prove{'s' if vacuous == 1 else ''}"
    passes = "it passes" if vacuous == 1 else "they pass"
    return f"{which} nothing: {passes} without any work."


def _sent_back(subtask: SubtaskView) -> str:
    count = corrections(subtask)
    return f"Before that it was sent back {times(count)}." if count else ""


def _refused(subtask: SubtaskView) -> str:
    made = subtask.verification.corrections if subtask.verification else ()
    count = sum(each.outcome != "interrupted" for each in made)
    after = f" after {count} correction{'s' if count > 1 else ''}" if count else ""
    broken = f" Correction {count + 1} was broken off." if len(made) > count else ""
    doubt = last_doubt(subtask)
    if subtask.failure_kind is FailureKind.LOOP:
        said = f"It went in circles{after} and was stopped before its result could be looked at."
    elif why := _unreviewed(subtask):
        said = f"Not accepted{after}: {why[0].lower()}{why[1:]}"
    elif doubt:
        said = f"Not accepted{after}: {DOUBTS[doubt]}."
    else:
        said = f"It ended{after} without a result that could be looked at."
    return said + broken
