"""Which verdict scores mean, at every edge, and whom sampling picks."""

from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.review_bands import MENDABLE_FROM, review_wanted, verdict_of
from shared.models import Criterion

SCORES = st.fixed_dictionaries({criterion: st.integers(0, 100) for criterion in Criterion})
RANK = {"reject": 0, "rework": 1, "approve": 2}
LEAST = {criterion: 50 if criterion is Criterion.SAFE else 30 for criterion in Criterion}
EDGES = [
    (criterion, score, verdict)
    for criterion in Criterion
    for score, verdict in [
        (0, "reject"),
        (LEAST[criterion] - 1, "reject"),
        (LEAST[criterion], "rework"),
        (69, "rework"),
        (70, "approve"),
        (100, "approve"),
    ]
]


def scores(usual: int, **others: int) -> dict[Criterion, int]:
    """The usual score for all criteria but these."""
    return dict.fromkeys(Criterion, usual) | {Criterion(k): v for k, v in others.items()}


@pytest.mark.parametrize(("criterion", "score", "verdict"), EDGES)
def test_each_criterion_alone_has_its_edges(criterion: Criterion, score: int, verdict: str) -> None:
    assert verdict_of(scores(100, **{criterion: score})) == verdict
    assert verdict_of(scores(70, **{criterion: score})) == verdict


def test_one_score_past_mending_outweighs_all_others() -> None:
    assert verdict_of(scores(69, safe=49)) == "reject"
    assert verdict_of(scores(30, safe=50)) == "rework"
    assert verdict_of(scores(29, safe=100)) == "reject"
    assert verdict_of(scores(70)) == "approve"
    assert verdict_of(scores(69)) == "rework"


def test_a_score_that_is_missing_is_no_approval() -> None:
    for criterion in Criterion:
        some = {other: 100 for other in Criterion if other is not criterion}
        with pytest.raises(KeyError):
            verdict_of(some)
    assert set(MENDABLE_FROM) == set(Criterion)


@given(SCORES)
def test_exactly_one_band_holds(given: dict[Criterion, int]) -> None:
    stands = min(given.values()) >= 70
    lost = min(given.values()) < 30 or given[Criterion.SAFE] < 50
    between = min(given.values()) < 70 and min(given.values()) >= 30 and given[Criterion.SAFE] >= 50
    assert [stands, between, lost].count(True) == 1
    assert verdict_of(given) == ("approve" if stands else "reject" if lost else "rework")


@given(SCORES, st.sampled_from(Criterion), st.integers(0, 100))
def test_a_better_score_never_worsens_the_verdict(
    given: dict[Criterion, int], criterion: Criterion, other: int
) -> None:
    better = given | {criterion: max(given[criterion], other)}
    assert RANK[verdict_of(better)] >= RANK[verdict_of(given)]


def test_off_is_never_and_always_is_always_whatever_the_share() -> None:
    for share in (0.0, 0.5, 1.0):
        assert not review_wanted("off", share, UUID(int=1))
        assert review_wanted("always", share, UUID(int=1))


@given(st.uuids())
def test_a_share_of_none_is_none_and_a_share_of_all_is_all(subtask_id: UUID) -> None:
    assert not review_wanted("sampled", 0.0, subtask_id)
    assert review_wanted("sampled", 1.0, subtask_id)


@given(st.uuids(), st.floats(0, 1), st.floats(0, 1))
def test_whoever_is_sampled_is_also_in_a_larger_sample(
    subtask_id: UUID, one: float, other: float
) -> None:
    small, large = sorted((one, other))
    assert review_wanted("sampled", small, subtask_id) <= review_wanted(
        "sampled", large, subtask_id
    )


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_sample_has_its_share(share: float) -> None:
    ids = [uuid5(UUID(int=7), str(number)) for number in range(4_000)]
    picked = sum(review_wanted("sampled", share, subtask_id) for subtask_id in ids)
    assert picked / 4_000 == pytest.approx(share, abs=0.03)


def test_the_sample_is_the_same_in_every_process_and_release() -> None:
    picked = [number for number in range(12) if review_wanted("sampled", 0.5, UUID(int=number))]
    assert picked == [0, 1, 2, 4, 7, 10]
