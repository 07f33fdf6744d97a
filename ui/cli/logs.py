"""`quintet logs`: what agents did, line by line."""

import asyncio
import sys
from typing import Annotated
from uuid import UUID

import typer

from shared.models import LogEntry, LogPage
from ui.cli import console_live
from ui.cli.arguments import AnySubtask, AsJson, TaskId, find_task
from ui.cli.following import LOG_PAGE, Following, Lines, Standing
from ui.cli.output import hint, print_json, screen
from ui.client import AsyncQuintetClient, QuintetClient
from ui.subtask_names import find_subtask


def logs(
    task: TaskId,
    subtask: AnySubtask = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the task is over.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show the log of a task or a subtask.

    With --follow and --json, each line is a JSON object."""
    with QuintetClient() as client:
        task_id = find_task(client, task)
        if not follow:
            page = _all(client, task_id, subtask)
            _print_page(page, as_json=as_json, named=subtask is None)
            return
    asyncio.run(_follow(task_id, Lines(subtask), as_json=as_json))


def _all(client: QuintetClient, task_id: UUID, subtask: str | None) -> LogPage:
    wanted = find_subtask(client.task(task_id), subtask).id if subtask else None
    entries: list[LogEntry] = []
    after = 0
    while True:
        page = client.logs(task_id, after=after, limit=LOG_PAGE, subtask_id=wanted)
        entries += page.entries
        after = page.next_after
        if len(page.entries) < LOG_PAGE:
            return LogPage(entries=tuple(entries), next_after=after)


def _print_page(page: LogPage, *, as_json: bool, named: bool) -> None:
    if as_json:
        print_json(page)
    elif not page.entries:
        hint("Nothing was logged yet.")
    else:
        _print(page.entries, named=named)


def _print(entries: tuple[LogEntry, ...], *, named: bool) -> None:
    to = screen()
    for entry in entries:
        to.print(console_live.log_line(entry, named=named), soft_wrap=True)


async def _follow(task_id: UUID, lines: Lines, *, as_json: bool) -> None:
    def paint(standing: Standing) -> None:
        if as_json:
            sys.stdout.writelines(f"{entry.model_dump_json()}\n" for entry in standing.fresh)
            sys.stdout.flush()
        else:
            _print(standing.fresh, named=lines.subtask is None)

    async with AsyncQuintetClient() as client:
        await Following(client, task_id, paint, lines=lines).run()
