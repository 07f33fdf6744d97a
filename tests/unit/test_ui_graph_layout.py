"""The layered layout: order, distance, and edges that keep clear of boxes."""

import re
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.plan.layout import Layout, Sizes, placed
from ui.plan.order import Edge, ordered

SIZES = Sizes()
DIAMOND = (["a", "b", "c", "d"], [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])


def lay_out(nodes: list[str], edges: list[Edge], sizes: Sizes = SIZES) -> Layout:
    return placed(ordered(nodes, edges), sizes)


def points(path: str) -> list[tuple[float, float]]:
    """The ends of each piece of a path, without the curves' control points."""
    ends = []
    for piece in re.findall(r"[MLC][^MLC]*", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", piece)]
        ends.append((numbers[-2], numbers[-1]))
    return ends


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[Edge]]:
    nodes = [f"n{number}" for number in range(draw(st.integers(1, 14)))]
    pairs = list(combinations(nodes, 2))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=25, unique=True)) if pairs else []
    return nodes, edges


def overlaps(layout: Layout) -> list[tuple[str, str]]:
    return [
        (one, other)
        for (one, (x, y)), (other, (u, v)) in combinations(layout.boxes.items(), 2)
        if abs(x - u) < SIZES.width - 0.01 and abs(y - v) < SIZES.height - 0.01
    ]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_boxes_never_overlap_and_edges_flow_forward(graph: tuple[list[str], list[Edge]]) -> None:
    layout = lay_out(*graph)
    assert set(layout.boxes) == set(graph[0])
    assert not overlaps(layout)
    for source, target in graph[1]:
        assert layout.boxes[source][0] < layout.boxes[target][0]
    for x, y in layout.boxes.values():
        assert -0.01 <= x <= layout.width - SIZES.width + 0.01
        assert -0.01 <= y <= layout.height - SIZES.height + 0.01


def lines(path: str) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The straight pieces of a path."""
    pieces = re.findall(r"[MLC][^MLC]*", path)
    ends = points(path)
    return [(ends[at - 1], ends[at]) for at, piece in enumerate(pieces) if piece[0] == "L"]


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_a_long_edge_passes_between_the_boxes(graph: tuple[list[str], list[Edge]]) -> None:
    layout = lay_out(*graph)
    for path in layout.paths.values():
        for (x, y), (_, level) in lines(path):
            assert y == level, "straight within a layer"
            beside = [top for left, top in layout.boxes.values() if abs(left - x) < 1]
            assert all(not top + 1 < y < top + SIZES.height - 1 for top in beside)


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_large_boxes_among_small_ones_keep_their_distance(
    graph: tuple[list[str], list[Edge]],
) -> None:
    large = {graph[0][0]: (700.0, 900.0), graph[0][-1]: (300.0, 90.0)}
    sizes = Sizes(others=large)
    layout = lay_out(*graph, sizes)
    for (one, (x, y)), (other, (u, v)) in combinations(layout.boxes.items(), 2):
        (width, height), (across, down) = sizes.of(one), sizes.of(other)
        apart = (
            x + width <= u + 1 or u + across <= x + 1 or y + height <= v + 1 or v + down <= y + 1
        )
        assert apart, (one, other)
    for path in layout.paths.values():
        for (x, y), (u, v) in lines(path):
            middle = ((x + u) / 2, (y + v) / 2)
            for node, (left, top) in layout.boxes.items():
                width, height = sizes.of(node)
                within = left + 2 < middle[0] < left + width - 2
                assert not (within and top + 2 < middle[1] < top + height - 2), node


def test_edges_start_and_end_at_their_boxes() -> None:
    layout = lay_out(*DIAMOND)
    (x, y), (u, v) = layout.boxes["a"], layout.boxes["b"]
    first, last = points(layout.paths[("a", "b")])
    assert first == pytest.approx((x + SIZES.width, y + SIZES.height / 2), abs=0.6)
    assert last == pytest.approx((u, v + SIZES.height / 2), abs=0.6)


def test_a_diamond_is_symmetric() -> None:
    boxes = lay_out(*DIAMOND).boxes
    assert boxes["a"][1] == boxes["d"][1] == pytest.approx((boxes["b"][1] + boxes["c"][1]) / 2)


def test_crossings_that_can_be_avoided_are_avoided() -> None:
    boxes = lay_out(["a", "b", "x", "y"], [("a", "y"), ("b", "x")]).boxes
    assert (boxes["a"][1] < boxes["b"][1]) == (boxes["y"][1] < boxes["x"][1])


def test_nothing_and_nonsense_are_drawn_as_what_they_are() -> None:
    assert lay_out([], []).boxes == {}
    layout = lay_out(["a", "b"], [("a", "a"), ("a", "ghost"), ("a", "b"), ("a", "b")])
    assert list(layout.paths) == [("a", "b")]
    assert set(lay_out(["a", "b"], [("a", "b"), ("b", "a")]).boxes) == {"a", "b"}


def test_two_hundred_subtasks_are_laid_out() -> None:
    nodes = [str(number) for number in range(200)]
    edges = [(str(n // 3), str(n)) for n in range(1, 200)]
    assert not overlaps(lay_out(nodes, edges))
