"""`quintet pause`, `resume`, `priority`, `cancel` and `retry`: a hand on what runs."""

from typing import Annotated

import typer

from shared.models import TaskView
from ui.cli import console
from ui.cli.arguments import (
    AnySubtask,
    AsJson,
    SubtaskKey,
    TaskId,
    find_subtask,
    find_task,
)
from ui.cli.output import hint, print_json, put
from ui.client import QuintetClient
from ui.views import now, short_id


def pause(
    task: TaskId,
    release: Annotated[
        bool,
        typer.Option(
            "--release", help="Stop what runs, too; it starts anew when the task goes on."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start nothing more of a task; what runs may finish."""
    with QuintetClient() as client:
        task_id = find_task(client, task)
        view = client.pause(task_id, running="release" if release else "finish")
    told(view, as_json=as_json, next_step=f"Go on with: quintet resume {short_id(task_id)}")


def resume(task: TaskId, as_json: AsJson = False) -> None:
    """Let a paused task go on."""
    with QuintetClient() as client:
        view = client.resume(find_task(client, task))
    told(view, as_json=as_json)


def priority(
    task: TaskId,
    number: Annotated[
        int, typer.Argument(min=0, max=10, metavar="N", help="0 to 10; 10 is the most urgent.")
    ],
    as_json: AsJson = False,
) -> None:
    """Change how urgent a task is."""
    with QuintetClient() as client:
        view = client.prioritise(find_task(client, task), number)
    told(view, as_json=as_json, next_step=f"Its priority is {view.priority} now.")


def cancel(task: TaskId, subtask: AnySubtask = None, as_json: AsJson = False) -> None:
    """Stop a task and what runs of it, or one subtask of it."""
    with QuintetClient() as client:
        task_id = find_task(client, task)
        if subtask is None:
            view = client.cancel(task_id)
        else:
            chosen = find_subtask(client.task(task_id), subtask)
            view = client.cancel_subtask(task_id, chosen.id)
    told(view, as_json=as_json)


def retry(
    task: TaskId,
    subtask: SubtaskKey,
    description: Annotated[
        str | None, typer.Option(help="Run it with this description instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a subtask that failed or was cancelled again, and what depends on it."""
    with QuintetClient() as client:
        detail = client.task(find_task(client, task))
        chosen = find_subtask(detail, subtask)
        view = client.retry(
            detail.task.id, chosen.id, attempt=chosen.attempt, description=description
        )
    told(view, as_json=as_json)


def told(view: TaskView, *, as_json: bool, next_step: str = "") -> None:
    """Print how the task stands now."""
    if as_json:
        print_json(view)
        return
    put(console.header(view, now()))
    if next_step:
        hint(next_step)
