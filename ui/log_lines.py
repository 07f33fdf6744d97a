"""Log lines as people read them, and what they already tell of a result being looked at."""

from collections.abc import Callable, Iterable

from pydantic import ValidationError

from shared.models import CheckResult, LogEntry, Review, Round, SubtaskView, Verification
from ui.evidence import gist, spoken
from ui.views import one_line

CHECKED, CORRECTED, REVIEWED = "check.result", "correction.attempt", "review.verdict"
ENDED = "attempt"
_SIGNS = {"debug": "·", "info": "", "warning": "⚠️", "error": "❌"}
_CHECK_SIGNS = {"passed": "✓", "failed": "✗", "error": "!", "skipped": "-"}
_TOLD = ("subtask.edited", "plan.rejected")
_LEADS = {CHECKED: "Check: ", REVIEWED: "Review: "}


def log_row(entry: LogEntry) -> dict[str, object]:
    """One line of the log table."""
    return {
        "at": entry.at,
        "level": log_sign(entry),
        "subtask": entry.subtask_key or "task",
        "agent": entry.agent_id or "",
        "kind": entry.kind,
        "message": log_words(entry),
    }


def log_sign(entry: LogEntry) -> str:
    """The sign in front of a line: of a check its outcome, otherwise how grave it is."""
    if entry.kind == CHECKED:
        return _CHECK_SIGNS.get(str(entry.data.get("outcome")), _SIGNS[entry.level])
    return {CORRECTED: "↻", REVIEWED: "◉"}.get(entry.kind, _SIGNS[entry.level])


def log_words(entry: LogEntry) -> str:
    """The message on one line; of a refusal only what it is about, not what checks printed."""
    if entry.kind in (CORRECTED, ENDED):
        words = gist(entry.message)
        return words[:1].upper() + words[1:]
    if entry.kind in _TOLD:
        words = one_line(entry.message, 400)
        return words[:1].upper() + words[1:]
    if entry.kind in _LEADS:
        return _LEADS[entry.kind] + spoken(one_line(entry.message, 400))
    return one_line(entry.message, 400)


def known_so_far(subtask: SubtaskView, entries: Iterable[LogEntry]) -> Verification:
    """What the lines of an attempt that still runs say of the looks at its result."""
    rounds = [Round(number=0)]
    for entry in entries:
        read = _READERS.get(entry.kind)
        if read is None or (entry.subtask_id, entry.attempt) != (subtask.id, subtask.attempt):
            continue
        if rounds[-1].doubt:
            rounds.append(Round(number=len(rounds)))
        try:
            rounds[-1] = read(rounds[-1], entry)
        except ValidationError:
            continue  # an agent of another version; its words are in the log all the same
    return Verification(rounds=tuple(rounds))


def _with_check(look: Round, entry: LogEntry) -> Round:
    return look.model_copy(
        update={"checks": (*look.checks, CheckResult.model_validate(entry.data))}
    )


def _with_review(look: Round, entry: LogEntry) -> Round:
    review = Review.model_validate(entry.data) if entry.data else None
    return look.model_copy(update={"review": review})


def _with_doubt(look: Round, entry: LogEntry) -> Round:
    told = {"doubt": entry.data.get("doubt"), "problems": entry.data.get("problems", ())}
    doubted = Round.model_validate({"number": look.number, **told})
    return look.model_copy(update={"doubt": doubted.doubt, "problems": doubted.problems})


_READERS: dict[str, Callable[[Round, LogEntry], Round]] = {
    CHECKED: _with_check,
    REVIEWED: _with_review,
    CORRECTED: _with_doubt,
}
