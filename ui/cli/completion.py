"""What the shell offers at Tab: ids and keys, quickly, or nothing at all."""

import re
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

import typer

from shared.errors import QuintetError
from shared.models import SubtaskView, TaskSummary
from ui.client import QuintetClient
from ui.views import SUBTASK_BADGES, one_line, task_badge

T = TypeVar("T")

PATIENCE = 0.4  # whoever presses Tab waits no longer for it
_MOST = 50
# Shells evaluate what they are offered: only letters, digits and what is harmless in all of them.
_UNSAFE = re.compile(r"[^\w .,/+-]")


def task_ids(incomplete: str) -> list[tuple[str, str]]:
    """Recent tasks whose id begins so, with status and title."""
    found = _soon(lambda client: client.tasks(limit=_MOST).tasks)
    return [
        (str(task.id), _about(task_badge(task).label, task.title))
        for task in found or ()
        if _begins(task, incomplete)
    ]


def subtask_keys(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """The subtasks of the task that stands before on the command line."""
    task = str(context.params.get("task") or "")
    found = _soon(lambda client: _subtasks(client, task)) if task else None
    return [
        (subtask.key, _about(SUBTASK_BADGES[subtask.status].label, subtask.title))
        for subtask in found or ()
        if subtask.key.startswith(incomplete)
    ]


def _begins(task: TaskSummary, start: str) -> bool:
    return str(task.id).startswith(start.lower())


def _subtasks(client: QuintetClient, start: str) -> tuple[SubtaskView, ...]:
    recent = client.tasks(limit=_MOST).tasks
    chosen = [task for task in recent if _begins(task, start)]
    return client.task(chosen[0].id).task.subtasks if len(chosen) == 1 else ()


def _about(status: str, title: str) -> str:
    return _UNSAFE.sub(" ", one_line(f"{status}, {title}", 60))


def _soon(ask: Callable[[QuintetClient], T]) -> T | None:
    """The answer if it comes at once; a thread, because looking up a name cannot be interrupted."""
    answers: SimpleQueue[T | None] = SimpleQueue()

    def attempt() -> None:
        try:
            with QuintetClient(patience=PATIENCE) as client:
                answers.put(ask(client))
        except QuintetError:
            answers.put(None)  # a shell that completes is no place for messages

    Thread(target=attempt, daemon=True).start()
    try:
        return answers.get(timeout=PATIENCE)
    except Empty:
        return None
