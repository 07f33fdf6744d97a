"""A plan as cards and links, before it is folded and placed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from ui.plan.order import Edge
from ui.views import SUBTASK_BADGES

Flow = Literal["idle", "active", "done", "broken"]
Change = Literal["", "added", "changed", "removed"]

PLANNED = "planned"  # the status of what nobody has agreed to yet
LABELS: Mapping[str, str] = {
    **{status.value: badge.label for status, badge in SUBTASK_BADGES.items()},
    PLANNED: "Planned",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One subtask as it is drawn; `label` is what a screen reader says of it."""

    key: str
    status: str
    title: str
    note: str
    hint: str
    label: str
    evidence: str = ""
    critical: bool = False
    change: Change = ""


@dataclass(frozen=True, slots=True)
class Link:
    """One dependency as it is drawn."""

    source: str
    target: str
    flow: Flow = "idle"
    critical: bool = False
    change: Change = ""

    @property
    def edge(self) -> Edge:
        """Its two ends."""
        return self.source, self.target


@dataclass(frozen=True, slots=True)
class Sketch:
    """All that is to be drawn of a plan; `sentence` tells of its longest chain."""

    cards: Sequence[Card]
    links: Sequence[Link]
    selected: str | None
    sentence: str


def spoken(title: str, status: str, depends_on: int, *more: str) -> str:
    """`Clean data, running, depends on 2`."""
    needs = f"depends on {depends_on}" if depends_on else "depends on nothing"
    return ", ".join((title, LABELS[status].lower(), needs, *more))


CRITICAL = "on the critical path"
