"""`quintet edit`: a plan in your own editor, until it is accepted or you give up."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

from shared.errors import ConfigurationError, Conflict, InvalidRequest
from shared.models import PlanVersion
from shared.states import TaskStatus
from ui.cli import console_plan, plan_file
from ui.cli.arguments import TaskId, find_task
from ui.cli.output import hint, put
from ui.cli.plan_file import Mistake, PlanFileMistaken
from ui.client import QuintetClient
from ui.views import short_id

EDITORS = ("editor", "nano", "vi")


def edit(task: TaskId) -> None:
    """Change a plan that waits for approval in your editor.

    That is $VISUAL or $EDITOR. What you wrote is never lost: where it is not accepted, the editor
    opens again with what is wrong on top."""
    command = editor()
    with QuintetClient() as client:
        task_id = find_task(client, task)
        _still_waits(client, task_id)
        before = client.plan(task_id)
        after = _edited(client, task_id, before, command)
        if after is None:
            hint("Nothing was changed, nothing was sent.")
            return
        changed = client.compare_plans(task_id, before=before.version, after=after.version)
    put(console_plan.comparison(changed))
    hint(f"Let it run with: quintet approve {short_id(task_id)} --hash {after.hash[:12]}")


def editor() -> list[str]:
    """The program that the person chose, as words of a command line."""
    chosen = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if chosen:
        try:
            return shlex.split(chosen)
        except ValueError as error:
            raise ConfigurationError(
                f"The editor {chosen!r} cannot be understood: {error}.", remedy="Set EDITOR anew."
            ) from error
    found = next((name for name in EDITORS if shutil.which(name)), None)
    if found is None:
        raise ConfigurationError("There is no editor.", remedy="Set EDITOR to the one you use.")
    return [found]


def _still_waits(client: QuintetClient, task_id: UUID) -> None:
    status = client.task(task_id).task.status
    if status is not TaskStatus.AWAITING_APPROVAL:
        raise Conflict(
            "A plan can be edited only while it waits for approval; "
            f"the task is {status.value.replace('_', ' ')}.",
            remedy="Hand a task in with --approve-first to look at its plan before it runs.",
        )


def _edited(
    client: QuintetClient, task_id: UUID, before: PlanVersion, command: list[str]
) -> PlanVersion | None:
    """The version that the edits made; None when there were none."""
    original = plan_file.HELP + plan_file.dump(before.plan)
    with _kept_file(f"plan-{short_id(task_id)}-", original) as path:
        written = original
        while True:
            _run(command, path)
            text = _read(path)
            if plan_file.without_mistakes(text) == plan_file.without_mistakes(written):
                if written == original:
                    return None
                raise InvalidRequest(
                    "The plan is as it was when it was not accepted.",
                    remedy="Call it again to begin anew from the current plan.",
                )
            try:
                plan = plan_file.load(text)
                return (
                    None
                    if plan == before.plan
                    else client.edit_plan(task_id, plan, hash=before.hash)
                )
            except PlanFileMistaken as error:
                mistakes = error.mistakes
            except InvalidRequest as error:
                mistakes = _refused(error)
            body = plan_file.without_mistakes(text)
            written = plan_file.with_mistakes(body, mistakes)
            path.write_text(written, "utf-8")


def _refused(error: InvalidRequest) -> tuple[Mistake, ...]:
    told = error.extra.get("errors")
    if not isinstance(told, list) or not told:
        return (Mistake(error.detail),)
    return tuple(Mistake(_sentence(each)) for each in told)


def _sentence(told: object) -> str:
    if not isinstance(told, dict):
        return str(told)
    field, words = told.get("field"), str(told.get("message"))
    return words if field == "plan" else f"{field}: {words}"


def _run(command: list[str], path: Path) -> None:
    try:
        ended = subprocess.run([*command, str(path)], check=False)
    except OSError as error:
        raise ConfigurationError(
            f"The editor {command[0]!r} cannot be started: {error.strerror}.",
            remedy="Set EDITOR to the one you use.",
        ) from error
    if ended.returncode:
        raise InvalidRequest(
            f"The editor ended with {ended.returncode}, so nothing was sent.",
            remedy="Call it again to begin anew.",
        )


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequest(
            f"{path} cannot be read: {error}.", remedy="Save it as UTF-8, under its name."
        ) from error


@contextmanager
def _kept_file(prefix: str, original: str) -> Iterator[Path]:
    """A file that is gone after a good end, and stays where its changes would be lost otherwise."""
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".yaml")
    path = Path(name)
    os.close(handle)
    path.write_text(original, "utf-8")
    try:
        yield path
    except BaseException:
        if path.exists() and path.read_bytes() != original.encode():
            sys.stdout.flush()
            hint(f"What you wrote is in {path}", errors=True)
        else:
            path.unlink(missing_ok=True)
        raise
    path.unlink(missing_ok=True)
