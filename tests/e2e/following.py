"""Following a task through the API, each wait with a deadline."""

import asyncio
from collections.abc import Callable
from uuid import UUID

from shared.models import SubtaskView, TaskView
from shared.states import SubtaskStatus
from ui.client import AsyncQuintetClient
from ui.views import is_over

ENDS_SECONDS = 90.0
POLL_SECONDS = 0.1


async def until(
    quintet: AsyncQuintetClient,
    task_id: UUID,
    holds: Callable[[TaskView], bool],
    *,
    within: float = ENDS_SECONDS,
) -> TaskView:
    """The task once this holds; the failure shows how far it came."""
    deadline = asyncio.get_running_loop().time() + within
    while not holds(task := (await quintet.task(task_id)).task):
        assert asyncio.get_running_loop().time() < deadline, picture(task)
        await asyncio.sleep(POLL_SECONDS)
    return task


async def the_end(
    quintet: AsyncQuintetClient, task_id: UUID, *, within: float = ENDS_SECONDS
) -> TaskView:
    """The task once it has ended, however it did."""
    return await until(quintet, task_id, is_over, within=within)


async def first_running(quintet: AsyncQuintetClient, task_id: UUID) -> SubtaskView:
    """A subtask that an agent is working on, once there is one."""
    task = await until(quintet, task_id, lambda task: bool(_running(task)))
    return _running(task)[0]


def by_key(task: TaskView) -> dict[str, SubtaskView]:
    """The task's subtasks by their keys."""
    return {subtask.key: subtask for subtask in task.subtasks}


def picture(task: TaskView) -> str:
    """Where everything of a task stands, for a failing assertion."""
    lines = [f"{task.status}: {task.error or ''}"]
    lines += [f"  {s.key}: {s.status} #{s.attempt} {s.error or ''}" for s in task.subtasks]
    return "\n".join(lines)


def _running(task: TaskView) -> list[SubtaskView]:
    return [each for each in task.subtasks if each.status is SubtaskStatus.RUNNING]
