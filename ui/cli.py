"""`quintet`: hand in tasks and follow them from a terminal."""

import getpass
import os
import sys
import time
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from pydantic import BaseModel, TypeAdapter
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from shared.errors import (
    Busy,
    Conflict,
    DependencyUnavailable,
    NotFound,
    QuintetError,
    RequestError,
)
from shared.models import (
    AgentView,
    Capability,
    ReviewPolicy,
    TaskDetail,
)
from shared.states import TaskStatus
from ui import cli_arguments, console
from ui.client import QuintetClient, ServiceUnreachable
from ui.views import is_over, now, sentence

POLL_SECONDS = 1.0
AWAY_SECONDS = 60.0  # a restart of the orchestrator does not end a watch


class Exit(IntEnum):
    """What the shell learns."""

    OK = 0
    TASK_FAILED = 1
    INVALID = 2
    NOT_FOUND = 3
    CONFLICT = 4
    UNREACHABLE = 5
    INTERRUPTED = 130


HELP = """Hand in tasks to Quintet and follow them.

The orchestrator's address is QUINTET_API_URL (default http://127.0.0.1:8000).
With --json, standard output carries JSON and nothing else.

Exit codes:
0 done, or the task completed
1 the task failed or was cancelled, or the service failed
2 the request or the command line is not valid
3 there is no such task or subtask
4 the state has changed: look again
5 the service cannot be reached or is not ready
130 interrupted
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
)

TaskId = Annotated[str, typer.Argument(metavar="TASK", help="Task id, or the start of one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def _screen() -> Console:
    return Console(highlight=False)


def _show(renderable: RenderableType) -> None:
    _screen().print(renderable)


def _print_json(record: BaseModel) -> None:
    sys.stdout.write(record.model_dump_json(indent=2) + "\n")


@app.command()
def submit(
    description: Annotated[str, typer.Argument(help="What you want done, in your words.")],
    file: Annotated[list[Path] | None, typer.Option(help="A context file; repeatable.")] = None,
    title: Annotated[str | None, typer.Option(help="A short name for the task.")] = None,
    user: Annotated[str | None, typer.Option(help="Whose task it is. [default: you]")] = None,
    priority: Annotated[int, typer.Option(min=0, max=10, help="10 is the most urgent.")] = 5,
    review: Annotated[
        ReviewPolicy | None,
        typer.Option(
            help="Whose results a second model reads; without it the agents' roles decide."
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Follow it to its end.")] = False,
    as_json: AsJson = False,
) -> None:
    """Hand in a task."""
    with QuintetClient() as client:
        task = client.submit(
            description,
            user_id=user or getpass.getuser(),
            title=title,
            priority=priority,
            review=review,
            files=cli_arguments.uploads(file or []),
        )
        if watch:
            _follow(client, task.id, as_json=as_json)
        elif as_json:
            _print_json(task)
        else:
            _show(console.header(task, now()))
            _show(Text(f"Follow it with: quintet watch {task.id}", style="bright_black"))


@app.command()
def watch(task: TaskId, as_json: AsJson = False) -> None:
    """Follow a task to its end, then print its answer."""
    with QuintetClient() as client:
        _follow(client, cli_arguments.find_task(client, task), as_json=as_json)


def _follow(client: QuintetClient, task_id: UUID, *, as_json: bool) -> None:
    def current() -> TaskDetail:
        return client.task(task_id)

    detail = _wait(current, lambda _: None) if as_json else _wait_on_screen(current)
    if as_json:
        _print_json(detail)
    else:
        _show(console.ending(detail.task))
    if detail.task.status is not TaskStatus.COMPLETED:
        raise typer.Exit(Exit.TASK_FAILED)


def _wait_on_screen(current: Callable[[], TaskDetail]) -> TaskDetail:
    screen = _screen()

    def paint(detail: TaskDetail) -> None:
        fits = max(3, (screen.height - 8) // 2)
        live.update(console.live(detail.task, now(), fits), refresh=True)

    with Live(console=screen, auto_refresh=False) as live:
        return _wait(current, paint)


def _wait(current: Callable[[], TaskDetail], paint: Callable[[TaskDetail], None]) -> TaskDetail:
    detail = current()
    seen = time.monotonic()
    while not is_over(detail.task):
        paint(detail)
        time.sleep(POLL_SECONDS)
        try:
            detail = current()
            seen = time.monotonic()
        except (ServiceUnreachable, Busy, DependencyUnavailable):
            if time.monotonic() - seen > AWAY_SECONDS:
                raise
    paint(detail)
    return detail


@app.command("list")
def list_tasks(
    status: Annotated[TaskStatus | None, typer.Option(help="Only those in this state.")] = None,
    user: Annotated[str | None, typer.Option(help="Only this user's.")] = None,
    text: Annotated[str | None, typer.Option(help="Only those that contain this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List tasks, newest first."""
    with QuintetClient() as client:
        page = client.tasks(status=status, user_id=user, text=text, limit=limit)
    if as_json:
        _print_json(page)
    elif page.tasks:
        _show(console.task_list(page, now()))
    else:
        _show(Text('No tasks. Hand one in with: quintet submit "..."', style="bright_black"))


@app.command()
def show(
    task: TaskId,
    save: Annotated[Path | None, typer.Option(help="Download the artifacts to here.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show a task as it stands: plan, answer, files, price."""
    with QuintetClient() as client:
        detail = client.task(cli_arguments.find_task(client, task))
        saved = cli_arguments.save(client, detail, save) if save else []
    if as_json:
        _print_json(detail)
        return
    _show(console.live(detail.task, now()))
    _show(console.ending(detail.task))
    for path in saved:
        _show(Text(f"saved {path}", style="green"))


@app.command()
def cancel(task: TaskId, as_json: AsJson = False) -> None:
    """Stop a task and what runs of it."""
    with QuintetClient() as client:
        view = client.cancel(cli_arguments.find_task(client, task))
    if as_json:
        _print_json(view)
    else:
        _show(console.header(view, now()))


@app.command()
def retry(
    task: TaskId,
    subtask: Annotated[str, typer.Argument(help="Key or id of a failed subtask.")],
    description: Annotated[
        str | None, typer.Option(help="Run it with this description instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a failed subtask again, and what depends on it."""
    with QuintetClient() as client:
        detail = client.task(cli_arguments.find_task(client, task))
        chosen = cli_arguments.find_subtask(detail, subtask)
        view = client.retry(
            detail.task.id, chosen.id, attempt=chosen.attempt, description=description
        )
    if as_json:
        _print_json(view)
    else:
        _show(console.header(view, now()))


@app.command()
def agents(
    capability: Annotated[
        Capability | None, typer.Option(help="Only those free for work that needs this.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the agents and what they are doing."""
    with QuintetClient() as client:
        found = client.agents(available_for=capability)
    if as_json:
        listing = TypeAdapter(dict[str, tuple[AgentView, ...]])
        sys.stdout.write(listing.dump_json({"agents": found}, indent=2).decode() + "\n")
    elif found:
        _show(console.agent_list(found))
    else:
        _show(Text("No agents.", style="bright_black"))


def exit_code(error: QuintetError) -> Exit:
    """How an error ends the command."""
    if isinstance(error, ServiceUnreachable):
        return Exit.UNREACHABLE
    if isinstance(error, NotFound):
        return Exit.NOT_FOUND
    if isinstance(error, Conflict):
        return Exit.CONFLICT
    if isinstance(error, RequestError):
        return Exit.UNREACHABLE if error.status == 503 else Exit.INVALID
    return Exit.TASK_FAILED


def _complain(error: QuintetError) -> None:
    screen = Console(stderr=True, highlight=False)
    screen.print(
        Text(f"{error.title}: ", style="bold red").append(sentence(error.detail), style="")
    )
    if error.remedy:
        screen.print(Text(sentence(error.remedy), style="bright_black"))


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app()
    except QuintetError as error:
        _complain(error)
        sys.exit(exit_code(error))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone: leave without a traceback at shutdown.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(Exit.OK)


if __name__ == "__main__":
    main()
