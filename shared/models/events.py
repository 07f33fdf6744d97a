"""Events as programs and people follow them, and the place of a reader among them."""

import re
from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

from pydantic import Field

from shared.models.words import Record

_CURSOR = re.compile(r"([0-9]{1,19})-([0-9]{1,19})")
_MOST = 2**63 - 1


class Cursor(NamedTuple):
    """The place of an event in the order in which events are told; as text `<xact>-<id>`."""

    xact: int
    id: int

    def __str__(self) -> str:
        return f"{self.xact}-{self.id}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor that was written so; raises ValueError."""
        match = _CURSOR.fullmatch(text)
        cursor = cls(int(match[1]), int(match[2])) if match else None
        if cursor is None or max(cursor) > _MOST:
            raise ValueError("a cursor is two numbers with a hyphen between them")
        return cursor


BEGINNING = Cursor(0, 0)


class Event(Record):
    """Something that happened, told once.

    `type` is one of `task.*`, `subtask.*`, `attempt.*` (the status or outcome that was reached),
    `tool.called`, `tool.returned`, `tool.denied`, `check.result`, `correction.attempt`,
    `review.verdict`, `plan.rejected` (why the planner was asked again), `log`, `cost`, and
    `agent.*` (appeared, silent, left). What a person does is told as `task.paused`,
    `task.resumed`, `task.priority`, `task.cancelling`, `task.plan` (a new version, with the
    feedback that led to it), `subtask.cancelling` and `subtask.edited` (`before` and `after` are
    in `data.data`, of the changed fields).
    """

    id: int
    type: str
    at: datetime
    task_id: UUID | None
    subtask_id: UUID | None
    attempt: int | None
    agent_id: str | None
    data: dict[str, Any] = Field(default_factory=dict)


class Notice(Record):
    """About the stream itself: events are missing, come again, nothing is new, or it is over."""

    type: Literal["gap", "reconnect", "alive", "ended"]
    cursor: str
    detail: str = ""
