"""`quintet watch`: the plan as a live tree, or lines of what changes where no terminal is."""

import asyncio
from collections import deque
from typing import Annotated
from uuid import UUID

import typer
from rich.live import Live

from shared.models import LogEntry, TaskDetail
from shared.states import TaskStatus
from ui.cli import arguments, console, console_live
from ui.cli.arguments import AsJson, TaskId
from ui.cli.completion import subtask_keys
from ui.cli.exit import Exit
from ui.cli.following import Following, Lines, Standing
from ui.cli.output import hint, print_json, put, screen
from ui.client import AsyncQuintetClient, QuintetClient
from ui.views import now

TAIL = 100  # lines of a subtask that are kept in sight


def watch(
    task: TaskId,
    subtask: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            help="Show what this subtask does, line by line.",
            autocompletion=subtask_keys,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Follow a task to its end, then print its answer."""
    with QuintetClient() as client:
        task_id = arguments.find_task(client, task)
    follow(task_id, subtask=subtask, as_json=as_json)


def follow(task_id: UUID, *, subtask: str | None = None, as_json: bool = False) -> None:
    """Follow a task to its end on whatever standard output is; ends with its exit code."""
    lines = None if subtask is None else Lines(subtask, last=TAIL)
    if as_json:
        detail = asyncio.run(_followed(task_id, _Silence(), None))
        print_json(detail)
    elif screen().is_terminal:
        with Live(console=screen(), auto_refresh=False) as live:
            detail = asyncio.run(_followed(task_id, _Screen(live, subtask), lines))
        put(console.ending(detail.task))
    else:
        detail = asyncio.run(_followed(task_id, _Lines(), lines))
        put(console.ending(detail.task))
    if detail.task.status is not TaskStatus.COMPLETED:
        raise typer.Exit(Exit.TASK_FAILED)


class _Screen:
    """Repaints the tree, and below it the last lines of one subtask."""

    def __init__(self, live: Live, subtask: str | None) -> None:
        self._live = live
        self._subtask = subtask
        self._tail: deque[LogEntry] = deque(maxlen=TAIL)

    def __call__(self, standing: Standing) -> None:
        self._tail.extend(standing.fresh)
        tail = None if self._subtask is None else console_live.Tail(self._subtask, self._tail)
        height = self._live.console.height
        self._live.update(console_live.picture(standing, now(), height, tail), refresh=True)


class _Lines:
    """Prints what is different from the time before, a line each."""

    def __init__(self) -> None:
        self._before: Standing | None = None

    def __call__(self, standing: Standing) -> None:
        to = screen()
        for line in console_live.changes(self._before, standing):
            to.print(line, soft_wrap=True)
        for entry in standing.fresh:
            to.print(console_live.log_line(entry), soft_wrap=True)
        self._before = standing


class _Silence:
    """Prints nothing, except to standard error that somebody is waited for."""

    def __init__(self) -> None:
        self._told: str | None = None

    def __call__(self, standing: Standing) -> None:
        if standing.plan and standing.plan.hash != self._told:
            self._told = standing.plan.hash
            hint(console_live.approval_words(standing), errors=True)


async def _followed(
    task_id: UUID, paint: _Screen | _Lines | _Silence, lines: Lines | None
) -> TaskDetail:
    async with AsyncQuintetClient() as client:
        return await Following(client, task_id, paint, lines=lines).run()
