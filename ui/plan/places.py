"""Where everything of a plan is drawn: flowing to the right, and downwards for narrow screens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, sqrt
from typing import Any

from ui.plan.layout import Layout, Point, Sizes, placed
from ui.plan.order import Edge, Ordered, ordered

WIDE = Sizes()
TALL = Sizes(width=198, layer_gap=34)
TALL_COLUMNS = 2
FOLD_HEIGHT = 98  # of a folded group, which says more than a card
FRAME_HEAD = 38  # room above the cards of an opened group, where it is folded again
FRAME_EDGE = 12
FRAME_GAP = 12


@dataclass(frozen=True, slots=True)
class Places:
    """JSON of both layouts, and the order in which a person walks through what they show."""

    order: tuple[str, ...]
    wide: Mapping[str, Any]
    tall: Mapping[str, Any]


@lru_cache(maxsize=64)
def places(
    units: tuple[str, ...],
    edges: tuple[Edge, ...],
    folds: tuple[str, ...],
    frames: tuple[tuple[str, tuple[str, ...]], ...],
) -> Places:
    """Where cards, folded groups and opened ones go; asked again at every refresh, so kept."""
    graph = ordered(units, edges)
    order = tuple(slot for layer in graph.layers for slot in layer if isinstance(slot, str))
    wide, tall = (_one_way(graph, sizes, folds, dict(frames)) for sizes in (WIDE, TALL))
    return Places(order, wide, tall)


def _one_way(
    graph: Ordered, sizes: Sizes, folds: Sequence[str], frames: Mapping[str, tuple[str, ...]]
) -> Mapping[str, Any]:
    tall = sizes is TALL
    grids = {frame: _Grid(members, sizes, tall=tall) for frame, members in frames.items()}
    own: dict[str, Point] = {fold: (sizes.width, FOLD_HEIGHT) for fold in folds}
    own |= {frame: grid.size for frame, grid in grids.items()}
    layout = placed(graph, replace(sizes, others=own), downwards=tall)
    return _json(layout, sizes, grids, folds)


class _Grid:
    """The cards of an opened group, in rows."""

    def __init__(self, members: tuple[str, ...], sizes: Sizes, *, tall: bool) -> None:
        self.members = members
        self.step = (sizes.width + FRAME_GAP, sizes.height + FRAME_GAP)
        square = ceil(sqrt(len(members) * self.step[1] / self.step[0]))
        self.columns = TALL_COLUMNS if tall else max(1, square)
        rows = ceil(len(members) / self.columns)
        self.size: Point = (
            self.columns * self.step[0] - FRAME_GAP + 2 * FRAME_EDGE,
            rows * self.step[1] - FRAME_GAP + FRAME_HEAD + FRAME_EDGE,
        )

    def boxes(self, corner: Point) -> dict[str, list[int]]:
        """Where its cards are when it is here."""
        found = {}
        for number, key in enumerate(self.members):
            row, column = divmod(number, self.columns)
            x = corner[0] + FRAME_EDGE + column * self.step[0]
            y = corner[1] + FRAME_HEAD + row * self.step[1]
            found[key] = [round(x), round(y)]
        return found


def _json(
    layout: Layout, sizes: Sizes, grids: Mapping[str, _Grid], folds: Sequence[str]
) -> dict[str, Any]:
    boxes = {unit: [round(x), round(y)] for unit, (x, y) in layout.boxes.items()}
    frames = {}
    for name, grid in grids.items():
        corner = boxes.pop(name)
        frames[name] = [*corner, *map(round, grid.size)]
        boxes |= grid.boxes((corner[0], corner[1]))
    for name in folds:
        boxes[name] += [round(sizes.width), FOLD_HEIGHT]
    return {
        "width": round(layout.width),
        "height": round(layout.height),
        "box": [round(sizes.width), round(sizes.height)],
        "boxes": boxes,
        "frames": frames,
        "paths": {f"{source}>{target}": path for (source, target), path in layout.paths.items()},
    }
