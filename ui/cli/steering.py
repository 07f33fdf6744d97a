"""`quintet pause`, `resume`, `priority`, `cancel` and `retry`: a hand on what runs."""

from collections.abc import Callable
from functools import partial
from typing import Annotated

import typer

from shared.errors import InvalidRequest
from shared.models import SubtaskView, TaskView
from ui import plan_file
from ui.cli import console
from ui.cli.arguments import AnySubtask, AsJson, SubtaskKey, TaskId, find_task
from ui.cli.editing import in_editor
from ui.cli.output import hint, print_json, put
from ui.client import QuintetClient
from ui.subtask_names import find_subtask
from ui.views import now, short_id

Edit = Annotated[
    bool,
    typer.Option("--edit", help="Change what it is told and held against first, in your editor."),
]


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
    edit: Edit = False,
    as_json: AsJson = False,
) -> None:
    """Run a subtask that failed or was cancelled again, and what depends on it."""
    refuse_both(description, edit=edit)
    with QuintetClient() as client:
        detail = client.task(find_task(client, task))
        chosen = find_subtask(detail, subtask)
        again = partial(client.retry, detail.task.id, chosen.id, attempt=chosen.attempt)
        view = edited(chosen, again) if edit else again(description=description)
    if view is not None:
        told(view, as_json=as_json)


def refuse_both(description: str | None, *, edit: bool) -> None:
    """A description can be changed in the editor, too."""
    if edit and description is not None:
        raise InvalidRequest("--edit goes without --description.", remedy="Drop one.")


def edited(chosen: SubtaskView, again: Callable[..., TaskView]) -> TaskView | None:
    """Run it as the person changed it in their editor; None when they changed nothing."""

    def accept(text: str) -> TaskView | None:
        edit = plan_file.load_part(text, chosen)
        return None if edit is None else again(edit=edit)

    view = in_editor(f"plan-{chosen.key}", plan_file.dump_part(chosen), accept)
    if view is None:
        hint("Nothing was changed, nothing was sent.")
    return view


def told(view: TaskView, *, as_json: bool, next_step: str = "") -> None:
    """Print how the task stands now."""
    if as_json:
        print_json(view)
        return
    put(console.header(view, now()))
    if next_step:
        hint(next_step)
