"""`quintet rerun`: from a subtask on once more, after a look at what that means."""

from functools import partial
from typing import Annotated

import typer

from ui.cli import console_plan
from ui.cli.arguments import AsJson, SubtaskKey, TaskId, find_task
from ui.cli.output import ask, print_json, screen
from ui.cli.steering import Edit, edited, refuse_both, told
from ui.client import QuintetClient
from ui.subtask_names import find_subtask
from ui.views import short_id


def rerun(
    task: TaskId,
    subtask: SubtaskKey,
    description: Annotated[
        str | None, typer.Option(help="Run it with this description instead.")
    ] = None,
    edit: Edit = False,
    preview: Annotated[
        bool, typer.Option("--preview", help="Only show what would run again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run a subtask and all that builds on it again, after a look at what that means."""
    refuse_both(description, edit=edit)
    with QuintetClient() as client:
        detail = client.task(find_task(client, task))
        chosen = find_subtask(detail, subtask)
        seen = client.preview_rerun(detail.task.id, chosen.id)
        if preview and as_json:
            print_json(seen)
            return
        # What is looked at before a question goes to the eyes, not to the program that reads JSON.
        screen(errors=as_json).print(console_plan.preview(seen, description))
        if preview:
            return
        if not yes:
            again = f"quintet rerun {short_id(detail.task.id)} {chosen.key} --yes"
            ask("Run them again?", unasked=f"Type `{again}`.")
        begin = partial(client.rerun, detail.task.id, chosen.id, seen=seen.seen)
        view = edited(chosen, begin) if edit else begin(description=description)
    if view is not None:
        told(view, as_json=as_json)
