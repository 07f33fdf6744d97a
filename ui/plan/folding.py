"""Which subtasks of a large plan are drawn as one card, and what a person has opened again.

Groups follow from the plan alone, never from statuses: nothing moves while the work goes on. The
finest of these ways is taken that leaves few enough cards: the same prerequisites and dependents;
alike when groups count as one; the same layer; some neighbouring layers. An edge between groups
always leads to a later layer, so folding never makes a cycle.
"""

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ui.plan.order import Edge, Node, depths

FOLD_ABOVE = 40
SMALLEST_GROUP = 3
_PREFIX = "fold:"  # no subtask's key has a colon

Mode = Literal["auto", "folded", "open"]
Groups = Mapping[str, tuple[Node, ...]]


@dataclass(frozen=True, slots=True)
class Folding:
    """Whether groups are folded (auto: in large plans), and those that a person opened."""

    mode: Mode = "auto"
    opened: frozenset[str] = frozenset()

    @classmethod
    def told(cls, said: Any) -> "Folding":
        """What a browser told; whatever else it says counts as nothing."""
        if not isinstance(said, Mapping) or said.get("mode") not in ("folded", "open"):
            return cls()
        opened = said.get("opened")
        names = opened if isinstance(opened, list) else []
        return cls(said["mode"], frozenset(name for name in names if isinstance(name, str)))

    def folds(self, count: int) -> bool:
        """Whether a plan of this many subtasks is folded."""
        return count > FOLD_ABOVE if self.mode == "auto" else self.mode == "folded"


def groups(nodes: Sequence[Node], edges: Sequence[Edge], most: int = FOLD_ABOVE) -> Groups:
    """The groups worth folding, each under a name of its own, members in the plan's order."""
    depth = depths(nodes, edges)
    layers = max(depth.values(), default=0) + 1
    ways: tuple[Callable[[], Mapping[Node, Hashable]], ...] = (
        lambda: _siblings(nodes, edges),
        lambda: _alike(depth, edges),
        lambda: depth,
        lambda: {node: depth[node] * most // layers for node in nodes},
    )
    found: Groups = {}
    for way in ways:
        found = _named(nodes, way())
        if len(nodes) - sum(len(members) - 1 for members in found.values()) <= most:
            break
    return found


def _siblings(nodes: Sequence[Node], edges: Sequence[Edge]) -> dict[Node, Hashable]:
    before, after = _ends(edges)
    return {node: (_seen(before, node), _seen(after, node)) for node in nodes}


def _alike(depth: Mapping[Node, int], edges: Sequence[Edge]) -> dict[Node, int]:
    """The coarsest classes within layers whose members lead to, and come from, the same classes."""
    before, after = _ends(edges)
    classes = dict(depth)
    while True:
        told = {
            node: (
                number,
                frozenset(classes[end] for end in before.get(node, ())),
                frozenset(classes[end] for end in after.get(node, ())),
            )
            for node, number in classes.items()
        }
        numbers = {sign: number for number, sign in enumerate(dict.fromkeys(told.values()))}
        if len(numbers) == len(set(classes.values())):
            return classes
        classes = {node: numbers[sign] for node, sign in told.items()}


def _ends(edges: Iterable[Edge]) -> tuple[dict[Node, set[Node]], dict[Node, set[Node]]]:
    before: dict[Node, set[Node]] = {}
    after: dict[Node, set[Node]] = {}
    for source, target in edges:
        before.setdefault(target, set()).add(source)
        after.setdefault(source, set()).add(target)
    return before, after


def _seen(ends: Mapping[Node, set[Node]], node: Node) -> frozenset[Node]:
    return frozenset(ends.get(node, ()))


def _named(nodes: Sequence[Node], signs: Mapping[Node, Hashable]) -> Groups:
    members: dict[Hashable, list[Node]] = {}
    for node in nodes:
        members.setdefault(signs[node], []).append(node)
    large = [tuple(group) for group in members.values() if len(group) >= SMALLEST_GROUP]
    return {f"{_PREFIX}{group[0]}": group for group in large}
