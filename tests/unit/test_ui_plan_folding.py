"""Which subtasks become one card."""

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ui.plan.folding import FOLD_ABOVE, Folding, groups
from ui.plan.order import Edge, depths


def fan(count: int) -> tuple[list[str], list[Edge]]:
    nodes = ["load", *(f"part-{n}" for n in range(count)), "report"]
    return nodes, [
        edge for n in range(count) for edge in (("load", f"part-{n}"), (f"part-{n}", "report"))
    ]


def cards(nodes: list[str], edges: list[Edge], most: int = FOLD_ABOVE) -> int:
    found = groups(nodes, edges, most)
    return len(nodes) - sum(len(members) - 1 for members in found.values())


def test_what_needs_and_serves_the_same_is_one_group() -> None:
    found = groups(*fan(5))
    assert found == {"fold:part-0": tuple(f"part-{n}" for n in range(5))}


def test_two_are_not_worth_folding() -> None:
    assert groups(*fan(2)) == {}


def test_many_equal_chains_fold_into_one_chain() -> None:
    edges = [edge for n in range(30) for edge in ((f"a{n}", f"b{n}"), (f"b{n}", "end"))]
    nodes = [*(f"{layer}{n}" for layer in "ab" for n in range(30)), "end"]
    assert set(groups(nodes, edges)) == {"fold:a0", "fold:b0"}


def test_small_plans_keep_their_differences() -> None:
    edges = [("a", "x"), ("b", "y"), ("c", "z")]
    assert groups(["a", "b", "c", "x", "y", "z"], edges) == {}


@pytest.mark.parametrize("length", [41, 200])
def test_even_a_chain_is_folded(length: int) -> None:
    nodes = [f"s{number}" for number in range(length)]
    edges = list(pairwise(nodes))
    assert cards(nodes, edges, 10) <= 10 + 4  # pairs left over are not folded


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[Edge]]:
    nodes = [f"n{number}" for number in range(draw(st.integers(1, 16)))]
    pairs = list(combinations(nodes, 2))
    edges = draw(st.lists(st.sampled_from(pairs), max_size=25, unique=True)) if pairs else []
    return nodes, edges


@settings(max_examples=80, deadline=None)
@given(graphs(), st.integers(1, 8))
def test_folding_never_makes_a_cycle(graph: tuple[list[str], list[Edge]], most: int) -> None:
    nodes, edges = graph
    found = groups(nodes, edges, most)
    unit = {node: node for node in nodes}
    unit |= {node: name for name, members in found.items() for node in members}
    assert sum(map(len, found.values())) == len({n for of in found.values() for n in of})
    folded = list({(unit[a], unit[b]) for a, b in edges if unit[a] != unit[b]})
    depth = depths(list(dict.fromkeys(unit.values())), folded)
    assert all(depth[source] < depth[target] for source, target in folded)


def test_large_plans_are_folded_until_somebody_says_otherwise() -> None:
    assert (Folding().folds(40), Folding().folds(41)) == (False, True)
    assert Folding("folded").folds(3)
    assert not Folding("open").folds(200)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"mode": "folded", "opened": ["fold:a", 7]}, Folding("folded", frozenset({"fold:a"}))),
        ({"mode": "open"}, Folding("open")),
        ({"mode": "open", "opened": "fold:a"}, Folding("open")),
        ({"mode": "sideways"}, Folding()),
        ("nonsense", Folding()),
        (None, Folding()),
    ],
)
def test_of_what_a_browser_says_only_sense_is_kept(said: object, kept: Folding) -> None:
    assert Folding.told(said) == kept
