"""A plan's graph as a tree to read: pure, with the guides that a terminal draws it with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter


@dataclass(frozen=True, slots=True)
class Part:
    """A subtask as far as the tree knows it."""

    key: str
    dependencies: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a subtask stands: the guides of its first line and of those below it.

    `after` are the prerequisites that its place does not show."""

    key: str
    first: str
    below: str
    after: tuple[str, ...]

    @property
    def is_root(self) -> bool:
        """Whether it hangs from nothing."""
        return not self.first


def branches(parts: Sequence[Part], shown: Collection[str] | None = None) -> list[Branch]:
    """Each subtask below the prerequisite that it waits for last, in the order of the plan.

    Which one that is follows from the estimates alone, so the tree keeps its form while work goes
    on. Of those that are not `shown` the children hang from the next above that is.
    """
    known = {part.key: part for part in parts}
    above = _parents(parts, known)
    visible = [part for part in parts if shown is None or part.key in shown]
    kept = {part.key for part in visible}
    children: dict[str | None, list[str]] = {}
    for part in visible:
        chain = _chain(part.key, above)
        parent = next((key for key in chain if key in kept), None)
        children.setdefault(parent, []).append(part.key)
    return _walk(children, known, above)


def _parents(parts: Sequence[Part], known: Mapping[str, Part]) -> dict[str, str | None]:
    graph = {p.key: [d for d in p.dependencies if d in known] for p in parts}
    ends: dict[str, float] = {}
    above: dict[str, str | None] = {}
    for key in TopologicalSorter(graph).static_order():
        last = max(graph[key], key=lambda each: ends[each], default=None)
        above[key] = last
        ends[key] = known[key].seconds + (ends[last] if last else 0.0)
    return above


def _chain(key: str, above: Mapping[str, str | None]) -> list[str]:
    found = []
    parent = above[key]
    while parent is not None:
        found.append(parent)
        parent = above[parent]
    return found


def _walk(
    children: Mapping[str | None, Sequence[str]],
    known: Mapping[str, Part],
    above: Mapping[str, str | None],
) -> list[Branch]:
    found: list[Branch] = []
    stack: list[tuple[str, str | None, str, str]] = []
    stack += [(key, None, "", "") for key in reversed(children.get(None, ()))]
    while stack:
        key, parent, first, below = stack.pop()
        told = {parent, *_chain(parent, above)} if parent else set()
        after = tuple(each for each in known[key].dependencies if each not in told)
        found.append(Branch(key, first, below, after))
        under = children.get(key, ())
        for each in reversed(under):
            last = each == under[-1]
            guides = (below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
            stack.append((each, key, *guides))
    return found
