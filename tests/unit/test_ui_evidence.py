"""How far results were looked at, in words."""

from typing import Any

import pytest

from shared.models import CommandCheck, Doubt, Evidence, PlannedCheck, SubtaskView, Verification
from shared.states import FailureKind
from tests import ui_records as records
from ui import evidence

PASSED = records.check_result("pytest")
HOLLOW = records.check_result("test -d .", vacuous=True)
FAILED = records.check_result("{python} -m pytest", "failed", detail="exit status 1")
PLANNED = PlannedCheck(check=CommandCheck(kind="command", command="pytest"))


def done(label: str, *looks: dict[str, Any], corrections: int = 0) -> SubtaskView:
    made = [records.correction(n, "checks") for n in range(1, corrections + 1)]
    record = records.verification(label, *looks, corrections=made)
    return records.subtask("a", "completed", evidence=Evidence(label), verification=record)


def refused(
    kind: FailureKind, *looks: dict[str, Any], corrections: int = 0, broken: bool = False
) -> SubtaskView:
    made = [records.correction(n, "checks") for n in range(1, corrections + 1)]
    made += [records.correction(corrections + 1, "checks", "interrupted")] if broken else []
    record = records.verification(None, *looks, corrections=made)
    return records.subtask(
        "a", "failed", failure_kind=kind, error="long\nerror", verification=record
    )


def test_every_label_every_doubt_and_every_failure_has_words_and_its_own_sign() -> None:
    assert set(evidence.EVIDENCE_BADGES) == set(evidence.MEANINGS) == set(Evidence)
    assert set(evidence.DOUBTS) == set(Doubt)
    assert set(evidence.FAILURES) == set(FailureKind)
    for part in ("sign", "icon", "colour", "label"):
        assert len({getattr(badge, part) for badge in evidence.EVIDENCE_BADGES.values()}) == 3


def test_results_are_counted_by_label_the_best_first() -> None:
    subtasks = [done("self-reported"), done("verified"), done("verified"), records.subtask("x")]
    assert [one.label for one in evidence.counts(subtasks)] == ["2 verified", "1 self-reported"]
    assert evidence.counts([records.subtask("x", "failed")]) == []


@pytest.mark.parametrize(
    ("subtask", "said"),
    [
        (done("verified", {"checks": (PASSED,)}), "Its check passed."),
        (
            done("verified", {"checks": (PASSED, HOLLOW)}, corrections=2),
            "All 2 checks passed. 1 of them proves nothing: it passes without any work. "
            "Before that it was sent back twice.",
        ),
        (done("reviewed", {"review": records.review()}), "A reviewer approved it."),
        (done("self-reported"), evidence.NOBODY),
        (
            done("self-reported", {"claims": (records.claim("a.py"),), "checks": (HOLLOW,)}),
            f"{evidence.NOBODY} What it claims was found among its tool calls and files. "
            "Its only check proves nothing: it passes without any work.",
        ),
        (
            refused(FailureKind.CHECKS, {"doubt": "checks", "checks": (FAILED,)}, corrections=3),
            "Not accepted after 3 corrections: its checks failed.",
        ),
        (
            refused(FailureKind.CHECKS, {"doubt": "evidence"}),
            "Not accepted: it claimed what no tool call and no file shows.",
        ),
        (
            refused(FailureKind.LOOP),
            "It went in circles and was stopped before its result could be looked at.",
        ),
        (
            refused(FailureKind.TIMEOUT, corrections=1),
            "It ended after 1 correction without a result that could be looked at.",
        ),
        (
            refused(FailureKind.TIMEOUT, {"doubt": "checks"}, corrections=1, broken=True),
            "Not accepted after 1 correction: its checks failed. Correction 2 was broken off.",
        ),
        (
            refused(FailureKind.LOOP, {"doubt": "checks"}, broken=True),
            "It went in circles and was stopped before its result could be looked at. "
            "Correction 1 was broken off.",
        ),
        (
            refused(FailureKind.REVIEW, {"doubt": "review", "unreviewed": "it is away"}),
            "Not accepted: it was to be reviewed, and there is no review: it is away.",
        ),
        (
            done("verified", {"checks": (PASSED,), "unreviewed": "no\nusable answer."}),
            "Its check passed. It was to be reviewed, and there is no review: no usable answer.",
        ),
        (
            done("self-reported", {"unreviewed": "it is away"}),
            f"{evidence.NOBODY} It was to be reviewed, and there is no review: it is away.",
        ),
        (records.subtask("a", "completed"), evidence.NOBODY),
        (records.subtask("a", "cancelled"), "It left no result."),
        (records.subtask("a"), "No machine check is planned for it."),
        (
            records.subtask("a", checks=(PLANNED,)),
            "What will be looked at once there is a result:",
        ),
    ],
)
def test_one_sentence_says_how_far_a_result_was_looked_at(subtask: SubtaskView, said: str) -> None:
    assert evidence.verdict(subtask) == said


@pytest.mark.parametrize(
    ("so_far", "said"),
    [
        (None, "It is being worked on. What will be looked at:"),
        (records.verification(None, {"checks": (FAILED,)}), "Its result is being looked at."),
        (
            records.verification(None, {"doubt": "checks"}, {"doubt": "checks"}),
            "It was sent back: correction 2 is under way.",
        ),
    ],
)
def test_a_running_subtask_says_where_its_result_stands(
    so_far: Verification | None, said: str
) -> None:
    runs = records.subtask("a", "running", checks=(PLANNED,))
    assert evidence.verdict(runs, so_far) == said


def test_objections_are_told_of_the_agent_not_to_it() -> None:
    look = {
        "doubt": "evidence",
        "problems": (
            "no tool was called at all",
            "you claim wrote_file 'b.py'",
            "the check failed\nlong",
        ),
        "claims": (records.claim("a.py"), records.claim("b.py", "no such file")),
        "checks": (PASSED, FAILED),
    }
    assert evidence.problems(refused(FailureKind.CHECKS, look)) == [
        "no tool was called at all",
        "it says that it wrote b.py: no such file",
        "python -m pytest: failed, exit status 1",
    ]


def test_a_reviewers_reasons_are_told_with_what_they_quote() -> None:
    reason = ("evidence", "as all could feel", "Name the source.")
    look = {"doubt": "review", "problems": ("reviewer, evidence: Name the source.",)}
    refusal = {**look, "review": records.review("rework", 40, reason)}
    assert evidence.problems(refused(FailureKind.REVIEW, refusal)) == [
        "evidence: Name the source. (“as all could feel”)"
    ]


def test_a_repeated_state_shows_the_look_before_it() -> None:
    looked = {"doubt": "checks", "problems": ("the check",), "checks": (FAILED,)}
    again = {"doubt": "checks", "problems": ("it changed nothing", "the check")}
    subtask = refused(FailureKind.CHECKS, looked, again, corrections=1)
    look = evidence.last_look(subtask.verification)
    assert look is not None
    assert look.number == 0
    assert evidence.problems(subtask) == ["python -m pytest: failed, exit status 1"]
    assert subtask.verification is not None
    assert evidence.objections(subtask.verification.rounds[1]) == ["it changed nothing"]


def test_a_result_of_the_wrong_form_tells_all_that_is_wrong_with_it() -> None:
    look = {"doubt": "shape", "problems": ("no summary", "no claims")}
    assert evidence.problems(refused(FailureKind.CHECKS, look)) == ["no summary", "no claims"]


def test_other_failures_tell_their_error() -> None:
    assert evidence.problems(refused(FailureKind.LOOP)) == ["long error"]
    assert evidence.short_failure(refused(FailureKind.LOOP)) == "Went in circles"
    look = {"doubt": "evidence"}
    assert evidence.short_failure(refused(FailureKind.CHECKS, look)) == "Claims not found"
    assert evidence.short_failure(records.subtask("a", "failed")) == "Failed"


def test_a_terminal_gets_the_end_of_an_output() -> None:
    text = "\n".join(str(n) for n in range(40)) + "\n\n"
    assert evidence.last_lines(text).splitlines() == [str(n) for n in range(28, 40)]
