"""What the words of a command line stand for: tasks, subtasks, files."""

import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from shared.errors import InvalidRequest, NotFound, WorkspaceError
from shared.models import Artifact, TaskDetail
from ui.cli.completion import subtask_keys, task_ids
from ui.client import QuintetClient, Upload
from ui.views import plain

PREFIX_SEARCH = 200

TaskId = Annotated[
    str,
    typer.Argument(metavar="TASK", help="Task id, or the start of one.", autocompletion=task_ids),
]
SubtaskKey = Annotated[
    str,
    typer.Argument(metavar="SUBTASK", help="Key or id of a subtask.", autocompletion=subtask_keys),
]
AnySubtask = Annotated[
    str | None,
    typer.Argument(
        metavar="[SUBTASK]",
        help="Key or id of a subtask; without it the whole task.",
        autocompletion=subtask_keys,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]


def find_task(client: QuintetClient, given: str) -> UUID:
    """The task's id; a beginning is enough when only one recent task has it."""
    try:
        return UUID(given)
    except ValueError:
        start = given.lower()
    recent = client.tasks(limit=PREFIX_SEARCH).tasks
    found = [task.id for task in recent if str(task.id).startswith(start)]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(task_id) for task_id in found[:5])
        raise InvalidRequest(f"{given!r} begins several ids: {listed}.", remedy="Give more of it.")
    raise NotFound(
        f"No recent task has an id that begins with {given!r}.", remedy="See `quintet list`."
    )


def uploads(paths: Sequence[Path]) -> list[Upload]:
    """The files to send; raises an error that names the one that cannot be."""
    found = []
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            raise InvalidRequest(
                f"{path} cannot be sent: {reason}.", remedy="Give --file a readable file."
            ) from error
        media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        found.append(Upload(path.name, content, media_type))
    return found


def save(client: QuintetClient, detail: TaskDetail, directory: Path) -> list[Path]:
    """Download a task's artifacts to below a directory; where they are."""
    saved = []
    for artifact in detail.task.artifacts:
        target = _inside(directory, artifact)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(client.artifact(detail.task.id, artifact.path))
        except OSError as error:
            raise WorkspaceError(
                f"{target} cannot be written: {error.strerror}.", remedy="Choose another --save."
            ) from error
        saved.append(target)
    return saved


def _inside(directory: Path, artifact: Artifact) -> Path:
    target = (directory / artifact.path).resolve()
    if not target.is_relative_to(directory.resolve()):
        raise WorkspaceError(f"The artifact {plain(artifact.path)!r} would leave {directory}.")
    return target
