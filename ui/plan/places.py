"""Where everything of a plan is drawn: flowing to the right, and in a column for narrow screens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil, sqrt
from typing import Any

from ui.plan.column import FOLD_HEIGHT, FRAME_EDGE, FRAME_HEAD, column
from ui.plan.layout import Layout, Point, Sizes, placed
from ui.plan.order import Edge, Ordered, ordered

WIDE = Sizes()
FRAME_GAP = 12


@dataclass(frozen=True, slots=True)
class Places:
    """JSON of both layouts, and the order in which a person walks through what they show.

    A tangle has no `tall` layout.
    """

    order: tuple[str, ...]
    wide: Mapping[str, Any]
    tall: Mapping[str, Any] | None


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
    wide = _wide(graph, folds, dict(frames))
    return Places(order, wide, column(order, graph.chains, folds, dict(frames)))


def _wide(
    graph: Ordered, folds: Sequence[str], frames: Mapping[str, tuple[str, ...]]
) -> Mapping[str, Any]:
    grids = {frame: _Grid(members) for frame, members in frames.items()}
    own: dict[str, Point] = {fold: (WIDE.width, FOLD_HEIGHT) for fold in folds}
    own |= {frame: grid.size for frame, grid in grids.items()}
    return _json(placed(graph, replace(WIDE, others=own)), grids, folds)


class _Grid:
    """The cards of an opened group, in rows."""

    def __init__(self, members: tuple[str, ...]) -> None:
        self.members = members
        self.step = (WIDE.width + FRAME_GAP, WIDE.height + FRAME_GAP)
        self.columns = max(1, round(sqrt(len(members) * self.step[1] / self.step[0])))
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


def _json(layout: Layout, grids: Mapping[str, _Grid], folds: Sequence[str]) -> dict[str, Any]:
    boxes = {unit: [round(x), round(y)] for unit, (x, y) in layout.boxes.items()}
    frames = {}
    for name, grid in grids.items():
        corner = boxes.pop(name)
        frames[name] = [*corner, *map(round, grid.size)]
        boxes |= grid.boxes((corner[0], corner[1]))
    for name in folds:
        boxes[name] += [round(WIDE.width), FOLD_HEIGHT]
    return {
        "width": round(layout.width),
        "height": round(layout.height),
        "box": [round(WIDE.width), round(WIDE.height)],
        "boxes": boxes,
        "frames": frames,
        "paths": {f"{source}>{target}": path for (source, target), path in layout.paths.items()},
    }
