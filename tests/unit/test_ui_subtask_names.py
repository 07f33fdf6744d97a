"""Which subtask is meant by a word."""

from uuid import UUID

import pytest

from shared.errors import InvalidRequest, NotFound
from tests import ui_records as records
from ui.subtask_names import find_subtask

A = records.subtask("a", id=UUID("b0000000-0000-4000-8000-000000000001"))
B = records.subtask("b", id=UUID("c0000000-0000-4000-8000-000000000002"))
C = records.subtask("c3", id=UUID("c0000000-0000-4000-8000-000000000003"))
DETAIL = records.detail(records.task("in_progress", A, B, C))


@pytest.mark.parametrize(
    ("given", "key"),
    [("a", "a"), ("b", "b"), ("c3", "c3"), ("b0", "a"), ("B0000", "a"), (str(C.id), "c3")],
)
def test_a_key_comes_before_the_beginning_of_an_id(given: str, key: str) -> None:
    assert find_subtask(DETAIL, given).key == key


def test_the_beginning_of_several_ids_names_none() -> None:
    with pytest.raises(InvalidRequest, match="begins several ids") as raised:
        find_subtask(DETAIL, "c0")
    assert f"{B.id} (b), {C.id} (c3)" in raised.value.detail


@pytest.mark.parametrize("given", ["", "d", "b1"])
def test_what_there_is_not_is_answered_with_what_there_is(given: str) -> None:
    with pytest.raises(NotFound) as raised:
        find_subtask(DETAIL, given)
    assert "a, b, c3" in raised.value.remedy
