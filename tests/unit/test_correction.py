"""What is remembered of the looks at a result and of its corrections."""

from decimal import Decimal

import pytest

from agent.correction import Corrections, Tried, failure_mark, state_of
from shared.models import Doubt, Evidence, ModelUsage, Round

USAGE = (
    ModelUsage(model="a", input_tokens=10, output_tokens=3, cost_usd=Decimal("0.01")),
    ModelUsage(model="b", input_tokens=5, cache_read_tokens=900, cost_usd=Decimal("0.02")),
)


def look(number: int, *problems: str) -> Round:
    doubt = Doubt.CHECKS if problems else None
    return Round(number=number, doubt=doubt, problems=problems)


def tried(*changed: str, repeated: bool = False) -> Tried:
    return Tried(changed, USAGE, repeated)


def test_a_result_that_is_accepted_at_once_needs_no_correction() -> None:
    corrections = Corrections(3)
    corrections.looked(look(0), "good")
    assert (corrections.number, corrections.made, corrections.exhausted) == (0, (), False)
    assert not corrections.has_failed("good")
    record = corrections.record(Evidence.VERIFIED)
    assert (record.evidence, record.corrections) == (Evidence.VERIFIED, ())
    assert record.rounds == (look(0),)


def test_a_correction_says_why_what_changed_what_it_cost_and_what_came_of_it() -> None:
    corrections = Corrections(2)
    first, second, third = look(0, "the test failed", "so did ruff"), look(1, "ruff"), look(2)
    corrections.looked(first, "one")
    corrections.looked(second, "two")
    corrections.corrected(first, tried("changed a.py"), second)
    assert (corrections.number, corrections.exhausted) == (1, False)
    corrections.looked(third, "three")
    corrections.corrected(second, tried("added b.py"), third)
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
    corrections.looked(look(0, "bad"), "first")
    assert corrections.has_failed("first")
    assert not corrections.has_failed("second")
    corrections.looked(look(1), "second")
    assert not corrections.has_failed("second")


def test_a_repetition_is_told_apart_from_a_failure() -> None:
    corrections = Corrections(3)
    failed = look(0, "bad")
    corrections.looked(failed, "same")
    corrections.looked(look(1, "bad"), "same")
    corrections.corrected(failed, tried(repeated=True), look(1, "bad"))
    assert corrections.made[0].outcome == "repeated"


@pytest.mark.parametrize("most", [0, 1])
def test_the_last_correction_is_the_last(most: int) -> None:
    corrections = Corrections(most)
    failed = look(0, "bad")
    corrections.looked(failed, "one")
    assert corrections.exhausted is (most == 0)
    corrections.corrected(failed, tried(), look(1, "bad"))
    assert corrections.exhausted


def test_what_was_accepted_cannot_be_corrected() -> None:
    with pytest.raises(ValueError, match="accepted"):
        Corrections(3).corrected(look(0), tried(), look(1))


def test_long_failures_and_long_lists_are_cut() -> None:
    corrections = Corrections(3)
    failed = look(0, "x" * 10_000)
    corrections.corrected(failed, tried(*(f"added {n}" for n in range(100))), look(1))
    (made,) = corrections.made
    assert (len(made.failure), len(made.changed)) == (2_000, 40)


def test_the_same_failure_is_counted_whatever_numbers_it_holds() -> None:
    corrections = Corrections(3)
    assert corrections.times_failed(["1 failed in 0.12s at /tmp/a/x.py"]) == 0
    corrections.looked(look(0, "1 failed in 0.12s at /tmp/a/x.py"), "one")
    corrections.looked(look(1, "2 failed  in 3.40s\nat /tmp/b/c/x.py"), "two")
    corrections.looked(look(2, "no such file"), "three")
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


def test_a_state_is_the_files_and_all_that_is_said() -> None:
    state = state_of({"a": "1", "b": "2"}, {"summary": "s", "output": {"n": 1}})
    assert state == state_of({"b": "2", "a": "1"}, {"output": {"n": 1}, "summary": "s"})
    assert state != state_of({"a": "1", "b": "3"}, {"summary": "s", "output": {"n": 1}})
    assert state != state_of({"a": "1"}, {"summary": "s", "output": {"n": 1}})
    assert state != state_of({"a": "1", "b": "2"}, {"summary": "s", "output": {"n": 2}})
