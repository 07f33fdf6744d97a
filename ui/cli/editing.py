"""A file in the person's own editor, until what is in it is accepted or they give up."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from shared.errors import ConfigurationError, InvalidRequest
from ui.cli.output import hint
from ui.plan_file import Mistake, PlanFileMistaken, with_mistakes, without_mistakes
from ui.refusals import faults

EDITORS = ("editor", "nano", "vi")
T = TypeVar("T")


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


def in_editor(name: str, original: str, accept: Callable[[str], T | None]) -> T | None:
    """What `accept` made of the text; None when nothing was changed.

    Where it raises PlanFileMistaken or InvalidRequest the editor opens again, the faults on top.
    """
    command = editor()
    with _kept_file(f"{name}-", original) as path:
        written = original
        while True:
            _run(command, path)
            text = _read(path)
            body = without_mistakes(text)
            if body == without_mistakes(written):
                if written == original:
                    return None
                raise InvalidRequest(
                    "The file is as it was when it was not accepted.",
                    remedy="Call it again to begin anew from what is there now.",
                )
            try:
                return accept(text)
            except PlanFileMistaken as error:
                mistakes = error.mistakes
            except InvalidRequest as error:
                mistakes = _refused(error)
            written = with_mistakes(body, mistakes)
            path.write_text(written, "utf-8")


def _refused(error: InvalidRequest) -> tuple[Mistake, ...]:
    return tuple(map(Mistake, faults(error) or [error.detail]))


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
