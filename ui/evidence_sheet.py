"""How a result was checked, as the page's drawing of it needs to know: pure data."""

from collections.abc import Iterable, Sequence
from typing import Any

from shared.models import (
    Check,
    CheckResult,
    Claim,
    ClaimEvidence,
    CommandCheck,
    Correction,
    Criterion,
    Doubt,
    FileExistsCheck,
    HttpStatusCheck,
    JsonSchemaCheck,
    PlannedCheck,
    Review,
    Round,
    SqlCountCheck,
    SubtaskView,
    TextMatchesCheck,
    Verification,
)
from shared.states import SUBTASK_TERMINAL, SubtaskStatus
from ui.evidence import CLAIMED, DOUBTS, gist, last_look, objections, spoken
from ui.views import compact, money, one_line, plain

PROVES_NOTHING = "Passing proves nothing: it passes without any work"
SOURCES = {"plan": "asked for by the plan", "profile": "asked for by its agent's role"}
_OUTCOMES = {
    "passed": "Passed",
    "failed": "Failed",
    "error": "Could not be carried out",
    "skipped": "Does not apply",
}
_CORRECTED = {
    "passed": "Accepted",
    "failed": "Still not accepted",
    "repeated": "Changed nothing",
    "gave_up": "Its agent gave up",
    "interrupted": "Broken off",
    "open": "Being corrected",
}
_BACK = "Back to what had failed before"
_VERDICTS = {"approve": "Approved", "rework": "Sent back for rework", "reject": "Rejected"}

Row = dict[str, Any]


def sheet(subtask: SubtaskView, record: Verification | None, claims: Sequence[Claim] = ()) -> Row:
    """Checks, claims, corrections and review of one attempt.

    `record` is the subtask's own, or the same with whole outputs, or what is known so far.
    `claims` are the result's, for results that were taken before claims were looked at.
    """
    look = last_look(record)
    rounds = record.rounds if record else ()
    live = subtask.status is SubtaskStatus.RUNNING
    return {
        "id": f"{subtask.id}-{subtask.attempt}",
        "checks": _checks(subtask, look),
        "note": _note(look, rounds),
        "claims": [_claim(each) for each in look.claims] if look else _unmatched(claims),
        "corrections": _corrections(record, live=live) if record else [],
        "review": _review(look.review) if look and look.review else None,
    }


def _note(look: Round | None, rounds: Sequence[Round]) -> str:
    if look is None or not rounds or look is rounds[-1]:
        return ""
    return f"As they were {_when(look.number)}; nothing has changed since."


def _when(number: int) -> str:
    return f"after correction {number}" if number else "at the first look"


def _checks(subtask: SubtaskView, look: Round | None) -> list[Row]:
    results = look.checks if look else ()
    ran = {each.position for each in results if each.source == "plan"}
    failed = subtask.status is SubtaskStatus.FAILED
    rows = [_result(each, open_output=failed) for each in results]
    yet = "Not carried out" if subtask.status in SUBTASK_TERMINAL else "Not carried out yet"
    waiting = [each for place, each in enumerate(subtask.checks) if place not in ran]
    return rows + [_planned(each, yet) for each in waiting]


def _result(check: CheckResult, *, open_output: bool) -> Row:
    failed = check.outcome in ("failed", "error")
    facts = [_OUTCOMES[check.outcome], one_line(check.detail, 200), SOURCES[check.source]]
    if check.outcome != "skipped":
        facts.append(seconds(check.seconds))
    return {
        "outcome": check.outcome,
        "what": spoken(one_line(check.what, 300)),
        "code": check.kind == "command",
        "facts": _joined(facts),
        "flag": PROVES_NOTHING if check.vacuous else "",
        "output": plain(check.output).strip("\n"),
        "open": failed and open_output,
    }


def _planned(planned: PlannedCheck, words: str) -> Row:
    return {
        "outcome": "planned",
        "what": spoken(one_line(_describe(planned.check), 300)),
        "code": isinstance(planned.check, CommandCheck),
        "facts": _joined((words, SOURCES[planned.source])),
        "flag": PROVES_NOTHING if planned.vacuous else "",
        "output": "",
        "open": False,
    }


def _describe(check: Check) -> str:
    match check:
        case CommandCheck():
            return check.command
        case FileExistsCheck():
            return f"{check.path} has at least {check.min_bytes} byte{'s'[: check.min_bytes != 1]}"
        case JsonSchemaCheck():
            return "The structured output has the agreed shape"
        case TextMatchesCheck():
            return f"{check.path} contains {check.pattern}"
        case SqlCountCheck():
            return f"At least {check.minimum} from {check.query}"
        case HttpStatusCheck():
            return f"GET {check.url} answers with {check.status}"


def _claim(evidence: ClaimEvidence) -> Row:
    outcome = "supported" if evidence.supported else "unsupported"
    return {**_claimed(evidence.claim), "outcome": outcome, "by": one_line(evidence.by, 300)}


def _claimed(claim: Claim) -> Row:
    return {"kind": CLAIMED[claim.kind].capitalize(), "what": one_line(claim.what, 300)}


def _unmatched(claims: Sequence[Claim]) -> list[Row]:
    return [{**_claimed(each), "outcome": "unknown", "by": "Not looked at"} for each in claims]


def _corrections(record: Verification, *, live: bool) -> list[Row]:
    looks = {each.number: each for each in record.rounds}
    if not live:
        return [_correction(each, looks.get(each.number - 1)) for each in record.corrections]
    returned = [each for each in record.rounds if each.doubt]
    return [_returned(each, again=each is not returned[-1]) for each in returned]


def _returned(failed: Round, *, again: bool) -> Row:
    """A correction of an attempt that still runs: what it cost is known at its end."""
    outcome = "failed" if again else "open"
    return {
        "number": failed.number + 1,
        "title": _title(failed.doubt),
        "outcome": outcome,
        "result": _CORRECTED[outcome],
        "why": objections(failed),
        "whole": plain("\n".join(failed.problems)).strip("\n"),
        "changed": [],
        "facts": "",
    }


def _title(doubt: Doubt | None) -> str:
    return f"Sent back: {DOUBTS[doubt]}" if doubt else "Sent back"


def _correction(made: Correction, failed: Round | None) -> Row:
    facts = (f"{compact(made.tokens)} tokens", money(made.cost_usd))
    return {
        "number": made.number,
        "title": _title(made.doubt),
        "outcome": made.outcome,
        "result": _BACK
        if made.outcome == "repeated" and made.changed
        else _CORRECTED[made.outcome],
        "why": objections(failed) if failed else [gist(made.failure)],
        "whole": plain(made.failure).strip("\n"),
        "changed": _changed(made),
        "facts": _joined(facts),
    }


def _changed(made: Correction) -> list[str]:
    """What it changed; one that was broken off may have changed what nobody looked at."""
    nothing = [] if made.outcome == "interrupted" else ["no file was changed"]
    return [one_line(each, 120) for each in made.changed] or nothing


def _review(review: Review) -> Row:
    return {
        "verdict": review.verdict,
        "words": _VERDICTS[review.verdict],
        "model": one_line(review.model, 60),
        "scores": [
            {"name": criterion.value.capitalize(), "value": review.scores[criterion]}
            for criterion in Criterion
            if criterion in review.scores
        ],
        "reasons": [
            {
                "about": each.criterion.value.capitalize(),
                "quote": one_line(each.quote, 600),
                "comment": one_line(each.comment, 600),
            }
            for each in review.reasons
        ],
    }


def seconds(count: float) -> str:
    """`0.3 s`, `12 s`: checks are short, so tenths are told below ten seconds."""
    return f"{count:.1f} s" if count < 10 else f"{count:.0f} s"


def _joined(facts: Iterable[str]) -> str:
    return " · ".join(fact for fact in facts if fact)
