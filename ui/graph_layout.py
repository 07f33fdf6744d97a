"""A plan as boxes and curves: layers, few crossings, long edges led around the boxes.

The layered method of Sugiyama and others: every node's layer is the longest path to it; an edge
over several layers becomes a chain of dummies that take a lane of their own; each layer is
ordered by the mean place of its neighbours; then positions are moved towards the neighbours as
far as the gaps allow. "Main" is the direction of flow, "cross" the one at right angles to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

Node = str
Edge = tuple[Node, Node]
Point = tuple[float, float]
Lane = tuple[Edge, int]
Slot = Node | Lane

SWEEPS = 6


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pixels: of a box, between boxes of a layer, between layers, and of an edge's lane."""

    width: float = 212
    height: float = 78
    gap: float = 22
    layer_gap: float = 56
    lane: float = 14


@dataclass(frozen=True, slots=True)
class Layout:
    """The drawing's size, each box's upper left corner, each edge's path in SVG's notation."""

    width: float
    height: float
    boxes: Mapping[Node, Point]
    paths: Mapping[Edge, str]


def lay_out(
    nodes: Sequence[Node],
    edges: Sequence[Edge],
    sizes: Sizes | None = None,
    *,
    downwards: bool = False,
) -> Layout:
    """Place an acyclic graph, flowing to the right or downwards. Unknown ends are left out."""
    known = set(nodes)
    kept = [edge for edge in dict.fromkeys(edges) if known.issuperset(edge) and edge[0] != edge[1]]
    chosen = sizes or Sizes()
    depth = _depths(nodes, kept)
    chains = {edge: _chain(edge, depth) for edge in kept if depth[edge[0]] < depth[edge[1]]}
    layers = _ordered(_layers(nodes, depth, chains), list(chains.values()))
    cross = _positions(layers, list(chains.values()), chosen, downwards=downwards)
    return _draw(layers, chains, cross, chosen, downwards=downwards)


def _depths(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[Node, int]:
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
    return depth


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


def _neighbours(chains: Sequence[list[Slot]]) -> tuple[dict[Slot, list[Slot]], ...]:
    before: dict[Slot, list[Slot]] = {}
    after: dict[Slot, list[Slot]] = {}
    for chain in chains:
        for source, target in pairwise(chain):
            before.setdefault(target, []).append(source)
            after.setdefault(source, []).append(target)
    return before, after


def _ordered(layers: list[list[Slot]], chains: Sequence[list[Slot]]) -> list[list[Slot]]:
    """Sort each layer by the mean place of its neighbours, forwards and backwards in turn."""
    before, after = _neighbours(chains)
    best, fewest = layers, _crossings(layers, after)
    for sweep in range(SWEEPS):
        near = before if sweep % 2 == 0 else after
        place: dict[Slot, float] = {}
        ordered = []
        for layer in layers if near is before else reversed(layers):
            middle = {slot: _mean(near.get(slot, []), place, i) for i, slot in enumerate(layer)}
            row = sorted(layer, key=middle.__getitem__)
            place |= {slot: float(i) for i, slot in enumerate(row)}
            ordered.append(row)
        layers = ordered if near is before else ordered[::-1]
        count = _crossings(layers, after)
        if count < fewest:
            best, fewest = layers, count
    return best


def _mean(slots: Sequence[Slot], place: Mapping[Slot, float], otherwise: float) -> float:
    return sum(place[slot] for slot in slots) / len(slots) if slots else otherwise


def _crossings(layers: list[list[Slot]], after: Mapping[Slot, list[Slot]]) -> int:
    count = 0
    for upper, lower in pairwise(layers):
        place = {slot: i for i, slot in enumerate(lower)}
        ends = [sorted(place[end] for end in after.get(slot, [])) for slot in upper]
        flat = [end for group in ends for end in group]
        count += sum(a > b for i, a in enumerate(flat) for b in flat[i + 1 :])
    return count


def _positions(
    layers: list[list[Slot]], chains: Sequence[list[Slot]], sizes: Sizes, *, downwards: bool
) -> dict[Slot, float]:
    """The middle of each slot across the flow; neighbours pull, gaps hold apart."""
    breadth = sizes.width if downwards else sizes.height
    before, after = _neighbours(chains)
    extent = {slot: breadth if isinstance(slot, str) else sizes.lane for s in layers for slot in s}
    middle: dict[Slot, float] = {}
    for layer in layers:
        middle |= zip(layer, _spread([0.0] * len(layer), layer, extent, sizes.gap), strict=True)
    for sweep in range(SWEEPS):
        near, order = (before, layers) if sweep % 2 == 0 else (after, layers[::-1])
        for layer in order:
            wanted = [_mean(near.get(slot, []), middle, middle[slot]) for slot in layer]
            middle |= zip(layer, _spread(wanted, layer, extent, sizes.gap), strict=True)
    start = min((middle[slot] - extent[slot] / 2 for slot in middle), default=0.0)
    return {slot: place - start for slot, place in middle.items()}


def _spread(
    wanted: Sequence[float], layer: Sequence[Slot], extent: Mapping[Slot, float], gap: float
) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep the order and the gaps.

    With the gaps subtracted that is isotonic regression: pool neighbours that violate the order."""
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (extent[left] + extent[right]) / 2 + gap)
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        pools.append((want - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    shifts = [shift for shift, count in pools for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=False)]


def _draw(
    layers: list[list[Slot]],
    chains: Mapping[Edge, list[Slot]],
    cross: Mapping[Slot, float],
    sizes: Sizes,
    *,
    downwards: bool,
) -> Layout:
    along, across = (sizes.height, sizes.width) if downwards else (sizes.width, sizes.height)
    starts = {s: i * (along + sizes.layer_gap) for i, layer in enumerate(layers) for s in layer}
    boxes = {
        slot: _turned((starts[slot], cross[slot] - across / 2), downwards=downwards)
        for slot in cross
        if isinstance(slot, str)
    }
    paths = {}
    for edge, chain in chains.items():
        points = [(starts[chain[0]] + along, cross[chain[0]])]
        for slot in chain[1:-1]:
            points += [(starts[slot], cross[slot]), (starts[slot] + along, cross[slot])]
        points.append((starts[chain[-1]], cross[chain[-1]]))
        paths[edge] = _path(points, downwards=downwards)
    breadths = {s: across if isinstance(s, str) else sizes.lane for s in cross}
    length = len(layers) * (along + sizes.layer_gap) - sizes.layer_gap if layers else 0.0
    breadth = max((cross[slot] + breadths[slot] / 2 for slot in cross), default=0.0)
    width, height = _turned((length, breadth), downwards=downwards)
    return Layout(width, height, boxes, paths)


def _turned(point: Point, *, downwards: bool) -> Point:
    return (point[1], point[0]) if downwards else point


def _path(points: Sequence[Point], *, downwards: bool) -> str:
    """Curves between layers, straight lines in the lanes: points come as out, in, out, in..."""

    def mark(point: Point) -> str:
        x, y = _turned(point, downwards=downwards)
        return f"{x:.1f} {y:.1f}"

    parts = [f"M{mark(points[0])}"]
    for number, (start, end) in enumerate(pairwise(points)):
        if number % 2:
            parts.append(f"L{mark(end)}")
            continue
        half = (start[0] + end[0]) / 2
        parts.append(f"C{mark((half, start[1]))} {mark((half, end[1]))} {mark(end)}")
    return "".join(parts)
