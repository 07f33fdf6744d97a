"""What is remembered of the looks at a result and of its corrections."""

from decimal import Decimal
from pathlib import Path

import pytest

from agent.correction import Corrections, failure_mark
from agent.result_state import ResultState
from shared.models import CorrectionOutcome, Doubt, Evidence, ModelUsage, Round

USAGE = (
    ModelUsage(model="a", input_tokens=10, output_tokens=3, cost_usd=Decimal("0.01")),
    ModelUsage(model="b", input_tokens=5, cache_read_tokens=900, cost_usd=Decimal("0.02")),
)


def look(number: int, *problems: str) -> Round:
    doubt = Doubt.CHECKS if problems else None
    return Round(number=number, doubt=doubt, problems=problems)


def state(name: str) -> ResultState:
    return ResultState(Path("/w"), {"a": name}, {"summary": "done"}, ())


def correct(
    corrections: Corrections, failed: Round, outcome: CorrectionOutcome, *changed: str
) -> None:
    corrections.began(failed, ())
    corrections.answered(changed)
    corrections.ended(outcome, USAGE)


def test_a_result_that_is_accepted_at_once_needs_no_correction() -> None:
    corrections = Corrections(3)
    corrections.looked(look(0), state("good"))
    assert (corrections.number, corrections.made, corrections.exhausted) == (0, (), False)
    assert not corrections.has_failed(state("good"))
    record = corrections.record(Evidence.VERIFIED)
    assert (record.evidence, record.corrections) == (Evidence.VERIFIED, ())
    assert record.rounds == (look(0),)


def test_a_correction_says_why_what_changed_what_it_cost_and_what_came_of_it() -> None:
    corrections = Corrections(2)
    first, second, third = look(0, "the test failed", "so did ruff"), look(1, "ruff"), look(2)
    corrections.looked(first)
    corrections.looked(second)
    correct(corrections, first, "failed", "changed a.py")
    assert (corrections.number, corrections.exhausted) == (1, False)
    corrections.looked(third)
    correct(corrections, second, "passed", "added b.py")
    assert (corrections.number, corrections.exhausted) == (2, True)
    made = corrections.record(None).corrections
    assert [(each.number, each.outcome, each.changed) for each in made] == [
        (1, "failed", ("changed a.py",)),
        (2, "passed", ("added b.py",)),
    ]
    assert made[0].failure == "the test failed\nso did ruff"
    assert [(each.tokens, each.cost_usd) for each in made] == [(18, Decimal("0.03"))] * 2
    assert [each.number for each in corrections.record(None).rounds] == [0, 1, 2]


def test_only_a_state_that_was_not_accepted_has_failed() -> None:
    corrections = Corrections(3)
    corrections.looked(look(0, "bad"), state("first"))
    assert corrections.has_failed(state("first"))
    assert not corrections.has_failed(state("second"))
    corrections.looked(look(1), state("second"))
    assert not corrections.has_failed(state("second"))


def test_a_state_that_may_pass_another_time_has_not_failed() -> None:
    corrections = Corrections(3)
    corrections.looked(look(0, "no answer in time"))
    assert not corrections.has_failed(state("first"))


@pytest.mark.parametrize("outcome", ["passed", "failed", "repeated", "gave_up", "interrupted"])
def test_what_came_of_it_is_as_it_was_told(outcome: CorrectionOutcome) -> None:
    corrections = Corrections(3)
    correct(corrections, look(0, "bad"), outcome)
    assert [each.outcome for each in corrections.made] == [outcome]


def test_a_correction_costs_what_was_spent_since_it_began() -> None:
    corrections = Corrections(3)
    corrections.began(look(0, "bad"), USAGE[:1])
    corrections.ended("interrupted", USAGE)
    (made,) = corrections.made
    assert (made.outcome, made.changed) == ("interrupted", ())
    assert (made.tokens, made.cost_usd) == (5, Decimal("0.02"))


def test_without_a_correction_under_way_none_is_recorded() -> None:
    corrections = Corrections(3)
    corrections.ended("interrupted", USAGE)
    assert corrections.made == ()


@pytest.mark.parametrize("most", [0, 1])
def test_the_last_correction_is_the_last(most: int) -> None:
    corrections = Corrections(most)
    failed = look(0, "bad")
    corrections.looked(failed)
    assert corrections.exhausted is (most == 0)
    correct(corrections, failed, "failed")
    assert corrections.exhausted


def test_what_was_accepted_cannot_be_corrected() -> None:
    with pytest.raises(ValueError, match="accepted"):
        Corrections(3).began(look(0), ())


def test_long_failures_and_long_lists_are_cut() -> None:
    corrections = Corrections(3)
    failed = look(0, "x" * 10_000)
    correct(corrections, failed, "passed", *(f"added {n}" for n in range(100)))
    (made,) = corrections.made
    assert (len(made.failure), len(made.changed)) == (2_000, 40)


def test_the_same_failure_is_counted_whatever_numbers_it_holds() -> None:
    corrections = Corrections(3)
    assert corrections.times_failed(["1 failed in 0.12s at /tmp/a/x.py"]) == 0
    corrections.looked(look(0, "1 failed in 0.12s at /tmp/a/x.py"))
    corrections.looked(look(1, "2 failed  in 3.40s\nat /tmp/b/c/x.py"))
    corrections.looked(look(2, "no such file"))
    assert corrections.times_failed(["9 Failed in 1s at /tmp/q/x.py"]) == 2
    assert corrections.times_failed(["no such file"]) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("took 0.31 s", "took 12 s"),
        ("object at 0x7f00ab12", "object at 0x55dead00"),
        ("in /tmp/one/a.py", "in /var/two/three/a.py"),
        ("Assertion  failed", "assertion\nfailed"),
    ],
)
def test_what_varies_by_itself_is_not_of_the_failure(one: str, other: str) -> None:
    assert failure_mark([one]) == failure_mark([other])


@pytest.mark.parametrize(
    ("one", "other"),
    [(["a failed"], ["b failed"]), (["a"], ["a", "b"]), (["in /tmp/a.py"], ["in /tmp/b.py"])],
)
def test_other_failures_have_other_marks(one: list[str], other: list[str]) -> None:
    assert failure_mark(one) != failure_mark(other)
