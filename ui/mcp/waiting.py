"""Waiting for a task, bounded, with a word now and then."""

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from shared.errors import QuintetError
from shared.models import TaskView
from shared.states import SubtaskStatus, TaskStatus
from ui.client import AsyncQuintetClient
from ui.mcp.records import Reason
from ui.refusals import may_pass
from ui.views import headline, is_over, one_line, tally

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 1.0
WORD_SECONDS = 5.0  # without a word for longer, some clients give up

Tell = Callable[[float, str], Awaitable[None]]


async def wait(
    quintet: AsyncQuintetClient, task_id: UUID, seconds: float, tell: Tell
) -> tuple[Reason, TaskView]:
    """Why it returns, and the task; `tell` hears of every change, with the seconds gone by.

    A service that falls silent on the way is given until the end of the wait.
    """
    clock = asyncio.get_running_loop().time
    began = clock()
    task = (await quintet.task(task_id)).task
    words = _Words(tell)
    pause = FIRST_PAUSE
    while (reason := _reason(task)) is None and clock() - began < seconds:
        await words.say(clock() - began, one_line(f"{headline(task)} {tally(task.progress)}"))
        await asyncio.sleep(min(pause, max(0.0, began + seconds - clock())))
        pause = min(pause * 1.5, LONGEST_PAUSE)
        try:
            task = (await quintet.task(task_id)).task
        except QuintetError as error:
            if not may_pass(error) or clock() - began >= seconds:
                raise
            await words.say(clock() - began, "The service does not answer. Trying again.")
    return reason or "time_is_up", task


def _reason(task: TaskView) -> Reason | None:
    if is_over(task):
        return "ended"
    if task.status is TaskStatus.AWAITING_APPROVAL:
        return "needs_approval"
    if task.paused_reason and not _running(task):
        return "paused"
    return None


def _running(task: TaskView) -> bool:
    return any(subtask.status is SubtaskStatus.RUNNING for subtask in task.subtasks)


class _Words:
    """Says what is new at once, and what is not every few seconds."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._last = ""
        self._said_at = 0.0

    async def say(self, elapsed: float, words: str) -> None:
        if words == self._last and elapsed - self._said_at < WORD_SECONDS:
            return
        self._last, self._said_at = words, elapsed
        await self._tell(elapsed, words)
