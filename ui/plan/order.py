"""Which layer a box of a plan is in, and in what order: few crossings, a lane for each long edge.

The first half of the layered method of Sugiyama and others: a node's layer is the longest path to
it; an edge over several layers becomes a chain of lanes; each layer is ordered by the mean place of
its neighbours, forwards and backwards in turn.
"""

from bisect import bisect_right, insort
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Node = str
Edge = tuple[Node, Node]
Lane = tuple[Edge, int]
Slot = Node | Lane

_SWEEPS = 6
_SLOTS_SWEPT = 15_000  # in all sweeps together: a tangle is drawn quickly rather than finely


@dataclass(frozen=True, slots=True)
class Ordered:
    """The slots of each layer in order, and each edge as the slots that it passes through."""

    layers: list[list[Slot]]
    chains: dict[Edge, list[Slot]]

    @property
    def sweeps(self) -> int:
        """How often it is worth going over all layers."""
        slots = sum(map(len, self.layers))
        return max(2, min(_SWEEPS, _SLOTS_SWEPT // max(1, slots)))

    def neighbours(self) -> tuple[dict[Slot, list[Slot]], dict[Slot, list[Slot]]]:
        """Of each slot, the slots it is joined to in the layer before and in the one after."""
        before: dict[Slot, list[Slot]] = {}
        after: dict[Slot, list[Slot]] = {}
        for chain in self.chains.values():
            for source, target in pairwise(chain):
                before.setdefault(target, []).append(source)
                after.setdefault(source, []).append(target)
        return before, after


def ordered(nodes: Sequence[Node], edges: Sequence[Edge]) -> Ordered:
    """Layers of an acyclic graph; edges whose ends are unknown or the same are left out."""
    known = set(nodes)
    kept = [edge for edge in dict.fromkeys(edges) if known.issuperset(edge) and edge[0] != edge[1]]
    depth = depths(nodes, kept)
    chains = {edge: _chain(edge, depth) for edge in kept if depth[edge[0]] < depth[edge[1]]}
    return _with_few_crossings(Ordered(_layers(nodes, depth, chains), chains))


def depths(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[Node, int]:
    """Longest path to each node; a cycle, which no plan has, loses the edges that run back."""
    depth = dict.fromkeys(nodes, 0)
    for _ in nodes:
        changed = False
        for source, target in edges:
            if depth[target] <= depth[source]:
                depth[target] = depth[source] + 1
                changed = True
        if not changed:
            break
    ranks = {level: rank for rank, level in enumerate(sorted(set(depth.values())))}
    return {node: ranks[level] for node, level in depth.items()}


def _chain(edge: Edge, depth: Mapping[Node, int]) -> list[Slot]:
    source, target = edge
    lanes: list[Slot] = [(edge, layer) for layer in range(depth[source] + 1, depth[target])]
    return [source, *lanes, target]


def _layers(
    nodes: Sequence[Node], depth: Mapping[Node, int], chains: Mapping[Edge, list[Slot]]
) -> list[list[Slot]]:
    layers: list[list[Slot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in nodes:
        layers[depth[node]].append(node)
    for chain in chains.values():
        for slot in chain:
            if isinstance(slot, tuple):
                layers[slot[1]].append(slot)
    return layers


def _with_few_crossings(graph: Ordered) -> Ordered:
    """The best of some sweeps that sort each layer by the mean place of its neighbours."""
    before, after = graph.neighbours()
    layers = best = graph.layers
    fewest = _crossings(layers, after)
    for sweep in range(graph.sweeps):
        if not fewest:
            break
        layers = _sorted(layers, before) if sweep % 2 == 0 else _sorted(layers[::-1], after)[::-1]
        count = _crossings(layers, after)
        if count < fewest:
            best, fewest = layers, count
    return Ordered(best, graph.chains)


def _sorted(layers: list[list[Slot]], near: Mapping[Slot, list[Slot]]) -> list[list[Slot]]:
    """Each layer sorted by the places of its neighbours in the layer that was sorted before."""
    place: dict[Slot, float] = {}
    result = []
    for layer in layers:
        middle = {slot: mean(near.get(slot, []), place, i) for i, slot in enumerate(layer)}
        row = sorted(layer, key=middle.__getitem__)
        place |= {slot: float(i) for i, slot in enumerate(row)}
        result.append(row)
    return result


def mean(slots: Sequence[Slot], place: Mapping[Slot, float], otherwise: float) -> float:
    """The mean place of some slots, or something else when there are none."""
    return sum(place[slot] for slot in slots) / len(slots) if slots else otherwise


def _crossings(layers: list[list[Slot]], after: Mapping[Slot, list[Slot]]) -> int:
    count = 0
    for upper, lower in pairwise(layers):
        place = {slot: i for i, slot in enumerate(lower)}
        passed: list[int] = []
        for slot in upper:
            ends = sorted(place[end] for end in after.get(slot, []))
            count += sum(len(passed) - bisect_right(passed, end) for end in ends)
            for end in ends:
                insort(passed, end)
    return count
