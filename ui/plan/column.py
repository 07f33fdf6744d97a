"""A plan as one column, for narrow screens: cards below each other, dependencies as rails beside.

Edges that begin or end at the same box share a rail, so that a fan of many needs only one. Every
box begins at the same place: a browser with more room makes all of them wider by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ui.plan.order import Edge, Node

WIDTH = 270  # what the narrowest telephones have room for
HEIGHT = 74
FOLD_HEIGHT = 98  # of a folded group, which says more than a card
GAP = 14
RAIL_GAP = 11
ARROW = 20  # between the rails and the boxes
MOST_RAILS = 6  # with more of them the cards would be too narrow for their words
FRAME_HEAD = 38  # room above the cards of an opened group, where it is folded again
FRAME_EDGE = 12
_OUT, _IN = 24, 22  # where an edge leaves, above the lower edge; where it comes in
_BEND = 7


@dataclass(frozen=True, slots=True)
class Rail:
    """Edges with a common end, between its first and its last row."""

    edges: tuple[Edge, ...]
    first: int
    last: int


def column(
    order: Sequence[Node],
    edges: Iterable[Edge],
    folds: Sequence[Node],
    frames: Mapping[Node, tuple[Node, ...]],
) -> dict[str, Any] | None:
    """JSON of the drawing, or nothing where it would need too many rails."""
    rows = {unit: row for row, unit in enumerate(order)}
    drawn = [(s, t) for s, t in edges if s in rows and t in rows and rows[s] < rows[t]]
    lanes = _lanes(_rails(drawn, rows))
    count = len(set(lanes.values()))
    if count > MOST_RAILS:
        return None
    left = count * RAIL_GAP + (ARROW - RAIL_GAP // 2 if count else 0)
    width = WIDTH - left
    heights = [_height(unit, folds, frames) for unit in order]
    tops = [sum(heights[:row]) + GAP * row for row in range(len(order))]
    boxes: dict[Node, list[int]] = {}
    opened: dict[Node, list[int]] = {}
    for unit, top, height in zip(order, tops, heights, strict=True):
        if unit in frames:
            opened[unit] = [left, top, width, height]
            boxes |= _members(frames[unit], left, top, width)
        else:
            boxes[unit] = [left, top, width, height]
    return {
        "width": WIDTH,
        "height": tops[-1] + heights[-1] if order else 0,
        "box": [width, HEIGHT],
        "boxes": boxes,
        "frames": opened,
        "paths": {
            f"{source}>{target}": _path(
                left,
                left - ARROW - lane * RAIL_GAP,
                tops[rows[source]] + heights[rows[source]] - _OUT,
                tops[rows[target]] + _IN,
            )
            for rail, lane in lanes.items()
            for source, target in rail.edges
        },
    }


def _rails(edges: Sequence[Edge], rows: Mapping[Node, int]) -> list[Rail]:
    """Every edge on one rail; the box with the most edges that are left has the next rail."""
    left = list(edges)
    found = []
    while left:
        stars: dict[tuple[int, Node], list[Edge]] = {}
        for edge in left:
            for end in (0, 1):
                stars.setdefault((end, edge[end]), []).append(edge)
        star = max(stars.values(), key=len)
        ends = [rows[end] for edge in star for end in edge]
        found.append(Rail(tuple(star), min(ends), max(ends)))
        taken = set(star)
        left = [edge for edge in left if edge not in taken]
    return found


def _lanes(rails: Sequence[Rail]) -> dict[Rail, int]:
    """Short rails next to the boxes; one that ends where another begins is above it."""
    found: dict[Rail, int] = {}
    for rail in sorted(rails, key=lambda one: one.last - one.first):
        beside = {
            lane
            for other, lane in found.items()
            if rail.first < other.last and other.first < rail.last
        }
        found[rail] = next(lane for lane in range(len(rails)) if lane not in beside)
    return found


def _height(unit: Node, folds: Sequence[Node], frames: Mapping[Node, tuple[Node, ...]]) -> int:
    if unit in frames:
        return FRAME_HEAD + len(frames[unit]) * (HEIGHT + GAP) - GAP + FRAME_EDGE
    return FOLD_HEIGHT if unit in folds else HEIGHT


def _members(keys: Sequence[Node], left: int, top: int, width: int) -> dict[Node, list[int]]:
    begin, across = top + FRAME_HEAD, width - 2 * FRAME_EDGE
    return {
        key: [left + FRAME_EDGE, begin + row * (HEIGHT + GAP), across, HEIGHT]
        for row, key in enumerate(keys)
    }


def _path(boxes: int, rail: int, out: int, into: int) -> str:
    """Out of a box to the left, down the rail, and into another from the left."""
    return (
        f"M{boxes} {out}L{rail + _BEND} {out}Q{rail} {out} {rail} {out + _BEND}"
        f"L{rail} {into - _BEND}Q{rail} {into} {rail + _BEND} {into}L{boxes} {into}"
    )
