"""Going through the pages of the list, with clicks that come twice."""

from ui.list_place import Place
from ui.task_list import Filters


def place() -> Place:
    return Place(Filters().question("anna"))


def test_a_second_click_on_older_goes_no_further() -> None:
    at = place()
    for _ in range(2):
        at.older(0, "after-12")
    assert at.trail == ["after-12"]
    for _ in range(2):
        at.older(1, "after-24")
    assert at.trail == ["after-12", "after-24"]


def test_a_second_click_on_newer_goes_no_further() -> None:
    at = place()
    at.older(0, "after-12")
    at.older(1, "after-24")
    for _ in range(2):
        at.newer(2)
    assert at.trail == ["after-12"]
    for _ in range(2):
        at.newer(1)
    assert at.trail == []
