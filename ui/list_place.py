"""Where a session is in the list of tasks, and what it last heard there."""

from dataclasses import dataclass, field

from shared.errors import InvalidRequest, QuintetError
from shared.models import TaskPage
from ui.service import client
from ui.task_list import Question

PAGE_SIZE = 12


@dataclass
class Place:
    """A page of the answer to one question.

    `trail` has the cursor of each page after the first one, up to the page that is shown.
    """

    question: Question
    trail: list[str] = field(default_factory=list)
    heard: TaskPage | None = None
    heard_of: Question | None = None
    lost: bool = False

    def turn(self, question: Question) -> None:
        """Begin at the newest when something else is asked."""
        if question != self.question:
            self.question, self.trail, self.lost = question, [], False

    def refresh(self) -> QuintetError | None:
        """Ask for the page; what was heard before stays when nobody answers."""
        cursor = self.trail[-1] if self.trail else None
        try:
            self.heard = client().tasks(
                status=self.question.statuses,
                text=self.question.text or None,
                user_id=self.question.user,
                limit=PAGE_SIZE,
                cursor=cursor,
            )
        except InvalidRequest as error:
            if not cursor:
                return error
            self.trail, self.lost = [], True
            return self.refresh()
        except QuintetError as error:
            return error
        self.heard_of = self.question
        return None

    def older(self, page: int, cursor: str) -> None:
        """From this page, 0 being the first, to the one after it, however often it is clicked."""
        self.trail[page:] = [cursor]
        self.lost = False

    def newer(self, page: int) -> None:
        """From this page to the one before it."""
        del self.trail[max(0, page - 1) :]

    def newest(self) -> None:
        """To the first page."""
        self.trail.clear()
