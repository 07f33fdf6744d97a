"""A sketched plan as the browser gets it: folded, in order, with a place for everything."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from ui.plan.folding import FOLD_ABOVE, Folding, Groups, groups
from ui.plan.order import Edge
from ui.plan.places import places
from ui.plan.sketch import LABELS, Card, Change, Flow, Link, Sketch
from ui.views import one_line

# Of a folded group: what a person should see first.
_FIRST = ("failed", "running", "queued", "blocked", "pending", "planned", "cancelled", "completed")
_COUNTED = {"completed": "done", "pending": "waiting"}
_CHANGES: tuple[Change, ...] = ("added", "changed", "removed")
_FLOWS: tuple[Flow, ...] = ("broken", "active", "idle", "done")


def arranged(sketch: Sketch, folding: Folding) -> dict[str, Any]:
    """JSON for the browser; whatever is not folded is a card, an opened group is in a frame."""
    keys = tuple(card.key for card in sketch.cards)
    edges = tuple(link.edge for link in sketch.links)
    possible = _groups(keys, edges)
    folds = folding.folds(len(keys))
    shown = _Shown(sketch, possible if folds else {}, folding)
    found = places(shown.units, tuple(shown.links), tuple(shown.folds), tuple(shown.frames.items()))
    return {
        "selected": sketch.selected,
        "sentence": sketch.sentence,
        "fold": {
            "mode": "folded" if folds else "open",
            "opened": sorted(shown.frames),
            "possible": bool(possible),
        },
        "legend": _legend(sketch.cards),
        "critical": any(card.critical for card in sketch.cards),
        "nodes": shown.nodes(found.order),
        "frames": [
            {"key": name, "title": f"{len(members)} subtasks"}
            for name, members in shown.frames.items()
        ],
        "edges": [edge for edge in shown.edges() if edge["id"] in found.wide["paths"]],
        "layouts": {"wide": found.wide, "tall": found.tall},
    }


class _Shown:
    """What is drawn of a sketch: `unit` maps each subtask to the box that stands for it."""

    def __init__(self, sketch: Sketch, folded: Groups, folding: Folding) -> None:
        self.cards = {card.key: card for card in sketch.cards}
        self.selected = sketch.selected
        self.frames = {name: of for name, of in folded.items() if name in folding.opened}
        self.folds = {name: of for name, of in folded.items() if name not in folding.opened}
        self.unit = {key: key for key in self.cards}
        self.unit |= {key: name for name, members in folded.items() for key in members}
        self.units = tuple(dict.fromkeys(self.unit.values()))
        self.before = self._before(sketch.links)
        self.links = self._links(sketch.links)

    def nodes(self, order: Sequence[str]) -> list[dict[str, Any]]:
        """Cards and folded groups, in the order in which a person walks through them."""
        found = []
        for unit in order:
            if unit in self.folds:
                found.append(self._fold(unit, [self.cards[key] for key in self.folds[unit]]))
            else:
                keys = self.frames.get(unit, (unit,))
                found += [{**asdict(self.cards[key]), **self._place(key)} for key in keys]
        return found

    def edges(self) -> list[dict[str, Any]]:
        """One edge between any two boxes, which tells the worst of what it stands for."""
        return [
            {
                "id": f"{source}>{target}",
                "flow": min((link.flow for link in links), key=_FLOWS.index),
                "critical": any(link.critical for link in links),
                "change": links[0].change if len({link.change for link in links}) == 1 else "",
            }
            for (source, target), links in self.links.items()
        ]

    def _place(self, key: str) -> dict[str, Any]:
        return {
            "before": self.before.get(key, []),
            "frame": self.unit[key] if self.unit[key] in self.frames else "",
            "fold": False,
        }

    def _drawn(self, key: str) -> str:
        """The card that stands for a subtask: its own, or its group's."""
        return self.unit[key] if self.unit[key] in self.folds else key

    def _before(self, links: Sequence[Link]) -> dict[str, list[str]]:
        before: dict[str, dict[str, None]] = {}
        for link in links:
            source, target = self._drawn(link.source), self._drawn(link.target)
            if source != target:
                before.setdefault(target, {})[source] = None
        return {target: list(sources) for target, sources in before.items()}

    def _links(self, links: Sequence[Link]) -> dict[Edge, list[Link]]:
        found: dict[Edge, list[Link]] = {}
        for link in links:
            source, target = self.unit[link.source], self.unit[link.target]
            if source != target:
                found.setdefault((source, target), []).append(link)
        return found

    def _fold(self, name: str, members: Sequence[Card]) -> dict[str, Any]:
        counts = _counts(members)
        said = ", ".join(f"{n} {_COUNTED.get(one, one)}" for one, n in counts.items())
        title = f"{len(members)} subtasks: {said}"
        critical = sum(card.critical for card in members)
        chain = f", {critical} on the critical path" if critical else ""
        needs = len(self.before.get(name, []))
        return {
            "key": name,
            "status": next(iter(counts)),
            "title": title,
            "note": _alike([card.title for card in members]),
            "hint": "\n".join(card.title for card in members[:12]) + "\n…" * (len(members) > 12),
            "label": f"{title}, folded, depends on {needs or 'nothing'}{chain}",
            "evidence": "",
            "critical": bool(critical),
            "change": "changed" if any(card.change for card in members) else "",
            "before": self.before.get(name, []),
            "frame": "",
            "fold": True,
            "parts": [[status, number] for status, number in counts.items()],
            "within": any(card.key == self.selected for card in members),
        }


def _counts(cards: Sequence[Card]) -> dict[str, int]:
    found = [card.status for card in cards]
    return {status: found.count(status) for status in _FIRST if status in found}


def _legend(cards: Sequence[Card]) -> list[dict[str, Any]]:
    """Every sign there is, so that none has to be made later; a browser hides those of nothing."""
    stay = _counts([card for card in cards if card.change != "removed"])
    changes = [card.change for card in cards]
    counts = [(status, LABELS[status], stay.get(status, 0)) for status in _FIRST]
    counts += [(kind, kind.capitalize(), changes.count(kind)) for kind in _CHANGES]
    return [{"kind": kind, "label": label, "count": count} for kind, label, count in counts]


def _alike(titles: Sequence[str]) -> str:
    """The words that all titles begin with, or else the first title."""
    words = [title.split() for title in titles]
    same = 0
    while all(len(one) > same and one[same] == words[0][same] for one in words):
        same += 1
    return one_line(f"{' '.join(words[0][:same]) or titles[0]} …", 60)


@lru_cache(maxsize=64)
def _groups(keys: tuple[str, ...], edges: tuple[Edge, ...]) -> Groups:
    return groups(keys, edges, FOLD_ABOVE)
