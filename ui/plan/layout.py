"""A plan as boxes and curves: no overlaps, and long edges led around the boxes.

The second half of the layered method: each slot moves towards its neighbours as far as the gaps
allow. "Main" is the direction of flow, to the right; "cross" is the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ui.plan.order import Edge, Node, Ordered, Slot, mean

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pixels: of a box, between boxes of a layer, between layers, and of an edge's lane.

    `others` holds the width and height of boxes that have a size of their own.
    """

    width: float = 200
    height: float = 78
    gap: float = 20
    layer_gap: float = 42
    lane: float = 14
    others: Mapping[Node, Point] = field(default_factory=dict)

    def of(self, node: Node) -> Point:
        """Width and height of a box."""
        return self.others.get(node, (self.width, self.height))


@dataclass(frozen=True, slots=True)
class Layout:
    """The drawing's size, each box's upper left corner, each edge's path in SVG's notation."""

    width: float
    height: float
    boxes: Mapping[Node, Point]
    paths: Mapping[Edge, str]


def placed(graph: Ordered, sizes: Sizes) -> Layout:
    """Place a graph whose order is known, flowing to the right."""
    return _Frame(graph, sizes).layout()


class _Frame:
    """A graph on its way to a layout: how far every slot extends, and where it goes."""

    def __init__(self, graph: Ordered, sizes: Sizes) -> None:
        self.graph, self.sizes = graph, sizes
        slots = [slot for layer in graph.layers for slot in layer]
        self.length = {s: sizes.of(s)[0] if isinstance(s, str) else 0.0 for s in slots}
        self.breadth = {s: sizes.of(s)[1] if isinstance(s, str) else sizes.lane for s in slots}
        self.cross = self._cross()
        self.starts, self.ends = self._main()

    def layout(self) -> Layout:
        """Everything in the pixels of the drawing."""
        boxes = {
            slot: (self.starts[slot], self.cross[slot] - self.breadth[slot] / 2)
            for slot in self.cross
            if isinstance(slot, str)
        }
        paths = {edge: self._path(chain) for edge, chain in self.graph.chains.items()}
        length = max(self.ends.values(), default=0.0)
        breadth = max((self.cross[s] + self.breadth[s] / 2 for s in self.cross), default=0.0)
        return Layout(length, breadth, boxes, paths)

    def _cross(self) -> dict[Slot, float]:
        """The middle of each slot across the flow; neighbours pull, gaps hold apart."""
        layers = self.graph.layers
        before, after = self.graph.neighbours()
        offsets = [self._offsets(layer) for layer in layers]
        middle: dict[Slot, float] = {}
        for layer, apart in zip(layers, offsets, strict=True):
            middle |= zip(layer, _spread([0.0] * len(layer), apart), strict=True)
        rows = list(zip(layers, offsets, strict=True))
        for sweep in range(self.graph.sweeps):
            near, order = (before, rows) if sweep % 2 == 0 else (after, rows[::-1])
            for layer, apart in order:
                wanted = [mean(near.get(slot, []), middle, middle[slot]) for slot in layer]
                middle |= zip(layer, _spread(wanted, apart), strict=True)
        start = min((middle[slot] - self.breadth[slot] / 2 for slot in middle), default=0.0)
        return {slot: place - start for slot, place in middle.items()}

    def _offsets(self, layer: Sequence[Slot]) -> list[float]:
        """How far each slot of a layer is from the first at the least."""
        offsets = [0.0]
        for left, right in pairwise(layer):
            lanes = isinstance(left, tuple) and isinstance(right, tuple)
            gap = 0.0 if lanes else self.sizes.gap
            offsets.append(offsets[-1] + (self.breadth[left] + self.breadth[right]) / 2 + gap)
        return offsets

    def _main(self) -> tuple[dict[Slot, float], dict[Slot, float]]:
        """Where each slot's layer begins and ends along the flow."""
        starts: dict[Slot, float] = {}
        ends: dict[Slot, float] = {}
        begin = 0.0
        for layer in self.graph.layers:
            end = begin + max(self.length[slot] for slot in layer)
            starts |= dict.fromkeys(layer, begin)
            ends |= dict.fromkeys(layer, end)
            begin = end + self.sizes.layer_gap
        return starts, ends

    def _path(self, chain: Sequence[Slot]) -> str:
        """Curves between layers, straight lines within them."""
        first = chain[0]
        parts = [f"M{_mark(self.starts[first] + self.length[first], self.cross[first])}"]
        for source, target in pairwise(chain):
            out, into = self.ends[source], self.starts[target]
            if isinstance(source, tuple) or self.length[source] < out - self.starts[source]:
                parts.append(f"L{_mark(out, self.cross[source])}")
            half = (out + into) / 2
            ends = (half, self.cross[source]), (half, self.cross[target])
            curve = " ".join(_mark(*end) for end in ends)
            parts.append(f"C{curve} {_mark(into, self.cross[target])}")
        return "".join(parts)


def _mark(x: float, y: float) -> str:
    return f"{x:.0f} {y:.0f}"


def _spread(wanted: Sequence[float], offsets: Sequence[float]) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep the order and the offsets.

    With the offsets subtracted that is isotonic regression: pool neighbours that break the order.
    """
    pools: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=False):
        pools.append((want - offset, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (a, n), (b, m) = pools[-2:]
            pools[-2:] = [((a * n + b * m) / (n + m), n + m)]
    shifts = [shift for shift, count in pools for _ in range(count)]
    return [shift + offset for shift, offset in zip(shifts, offsets, strict=False)]
