"""How far the log of a task, and of those of its subtasks that are looked at, was read."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from shared.errors import QuintetError
from shared.models import LogEntry, SubtaskView, TaskView
from ui.service import client
from ui.views import is_over, now

TASK_LINES = 300
SUBTASK_LINES = 1000
"""Lines that are kept; of an attempt that runs also what was said of its checks."""
PAGE = 500
LATE_SECONDS = 30
"""How long after the end agents may still hand in lines."""
SUBTASKS_KEPT = 6


@dataclass
class LogPlace:
    """The newest lines of a task, or of one subtask of it, oldest first."""

    task_id: UUID
    subtask_id: UUID | None = None
    keep: int = TASK_LINES
    entries: list[LogEntry] = field(default_factory=list)
    _after: int | None = None
    _settled: Hashable = None

    def read_on(self, stands: Hashable, ended: datetime | None) -> None:
        """Read what is new; nothing once all was read of what `stands` and ended a while ago.

        Raises QuintetError.
        """
        old = ended is not None and (now() - ended).total_seconds() > LATE_SECONDS
        if old and self._settled == stands:
            return
        if self._after is None or not self._went_on():
            self._begin_at_the_end()
        self._settled = stands if old else None

    def _went_on(self) -> bool:
        """Whether all that is new fitted into one answer; else what is shown would fall behind."""
        page = client().logs(
            self.task_id, after=self._after, limit=PAGE, subtask_id=self.subtask_id
        )
        if len(page.entries) >= PAGE:
            return False
        self._take([*self.entries, *page.entries], page.next_after)
        return True

    def _begin_at_the_end(self) -> None:
        page = client().logs(self.task_id, last=self.keep, subtask_id=self.subtask_id)
        self._take(list(page.entries), page.next_after)

    def _take(self, entries: list[LogEntry], after: int) -> None:
        self.entries, self._after = entries[-self.keep :], after


@dataclass
class LogPlaces:
    """The places of one task, and of the few subtasks that were looked at last."""

    task_id: UUID
    whole: LogPlace = field(init=False)
    _parts: dict[UUID, LogPlace] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = LogPlace(self.task_id)

    def read_on(self, task: TaskView) -> None:
        """Read what is new of the task. Raises QuintetError."""
        ended = task.finished_at if is_over(task) else None
        self.whole.read_on((task.status, ended, *map(standing, task.subtasks)), ended)

    def of(self, subtask: SubtaskView, *, away: bool) -> list[LogEntry]:
        """The newest lines of one subtask; while nobody answers, those that were read."""
        if not subtask.attempt:
            return []
        place = self._parts.pop(subtask.id, None)
        place = place or LogPlace(self.task_id, subtask.id, SUBTASK_LINES)
        self._parts[subtask.id] = place
        for left in list(self._parts)[:-SUBTASKS_KEPT]:
            del self._parts[left]
        try:
            if not away:
                place.read_on(standing(subtask), subtask.finished_at)
        except QuintetError:
            return place.entries  # the task's own answer says what is wrong at the next refresh
        return place.entries


def standing(subtask: SubtaskView) -> tuple[object, ...]:
    """What another attempt, or the end of one, changes of a subtask."""
    return subtask.id, subtask.attempt, subtask.status
