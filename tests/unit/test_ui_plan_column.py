"""The column for narrow screens: cards below each other, rails beside them."""

import re
from itertools import combinations, pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ui.plan.column import ARROW, GAP, HEIGHT, MOST_RAILS, WIDTH, column
from ui.plan.order import Edge

Lines = list[tuple[int, int, int]]  # x, from, to


def drawn(nodes: list[str], *edges: Edge, **frames: tuple[str, ...]) -> Any:
    return column(nodes, edges, [], frames)


def rails(found: Any) -> dict[str, tuple[int, int, int]]:
    """Of each edge: where its rail is, and between which heights."""
    told = {}
    for name, path in found["paths"].items():
        corners = re.findall(r"Q(\d+) (\d+)", path)
        assert len(corners) == 2, path
        (x, top), (same, bottom) = [(int(x), int(y)) for x, y in corners]
        assert x == same
        told[name] = (x, top, bottom)
    return told


@st.composite
def plans(draw: st.DrawFn) -> tuple[list[str], list[Edge]]:
    nodes = [f"n{number}" for number in range(draw(st.integers(2, 12)))]
    pairs = list(combinations(nodes, 2))
    return nodes, draw(st.lists(st.sampled_from(pairs), max_size=20, unique=True))


@settings(max_examples=80, deadline=None)
@given(plans())
def test_edges_lie_on_each_other_only_where_they_share_an_end(
    plan: tuple[list[str], list[Edge]],
) -> None:
    nodes, edges = plan
    found = drawn(nodes, *edges)
    if found is None:
        return
    told = rails(found)
    assert set(told) == {f"{source}>{target}" for source, target in edges}
    left = found["boxes"][nodes[0]][0]
    for (one, (x, top, bottom)), (other, (u, begin, end)) in combinations(told.items(), 2):
        assert 0 <= x <= left - ARROW
        apart = x != u or bottom <= begin or end <= top
        assert apart or set(one.split(">")) & set(other.split(">")), (one, other)


@settings(max_examples=40, deadline=None)
@given(plans())
def test_edges_join_their_boxes(plan: tuple[list[str], list[Edge]]) -> None:
    nodes, edges = plan
    found = drawn(nodes, *edges)
    if found is None:
        return
    for name, (_, top, bottom) in rails(found).items():
        for end, at in zip(name.split(">"), (top, bottom), strict=True):
            _, y, _, height = found["boxes"][end]
            assert y < at < y + height, name


def test_cards_stand_below_each_other_in_the_whole_width() -> None:
    found = drawn(["a", "b", "c"], ("a", "b"), ("b", "c"))
    boxes = found["boxes"].values()
    assert {(x + width, height) for x, _, width, height in boxes} == {(WIDTH, HEIGHT)}
    assert all(below[1] - above[1] == HEIGHT + GAP for above, below in pairwise(boxes))
    assert found["height"] == 3 * HEIGHT + 2 * GAP
    assert len({x for x, _, _ in rails(found).values()}) == 1, "one rail after another"


def test_a_fan_out_and_in_again_needs_two_rails() -> None:
    parts = [f"part-{number}" for number in range(12)]
    edges = [("load", part) for part in parts] + [(part, "report") for part in parts]
    found = drawn(["load", *parts, "report"], *edges)
    assert len({x for x, _, _ in rails(found).values()}) == 2


def test_a_tangle_and_nothing_at_all() -> None:
    size = MOST_RAILS + 1
    pairs = [(f"a{one}", f"b{other}") for one in range(size) for other in range(size)]
    nodes = sorted({end for pair in pairs for end in pair})
    assert drawn(nodes, *pairs) is None
    assert drawn([]) == {
        "width": WIDTH,
        "height": 0,
        "box": [WIDTH, HEIGHT],
        "boxes": {},
        "frames": {},
        "paths": {},
    }
    alone = drawn(["a", "b"], ("a", "ghost"))
    assert (alone["boxes"]["a"][0], alone["paths"]) == (0, {}), "no room is kept for no rail"


def test_an_opened_group_holds_its_cards() -> None:
    found = drawn(["a", "group"], ("a", "group"), group=("x", "y"))
    left, top, width, height = found["frames"]["group"]
    for key in ("x", "y"):
        x, y, across, down = found["boxes"][key]
        assert left < x < x + across < left + width
        assert top < y < y + down < top + height
