"""What a reviewer is given of a result: never what its worker says of it, unless that is all."""

import asyncio
import codecs
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import structlog

from shared.errors import WorkspaceError
from shared.models import CheckResult, FileEntry
from shared.workspace import open_inside

_READ_FILES = 8
_READ_BYTES = 32 * 1024  # of all of them together
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class FileExcerpt:
    """A file of the result; `note` says why `text` is missing or not all of it."""

    path: str
    size: int
    text: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A line of the runtime's own tool log: `input` on one line, `excerpt` of what came back."""

    tool: str
    input: str
    ok: bool
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Material:
    """A result, what was asked for, and what the runtime saw; round 0 is the first look.

    `statement` is the worker's summary. It has no place for claims.
    """

    subtask_key: str
    title: str
    description: str
    expected_output: str
    task_description: str
    round: int
    output: Mapping[str, Any]
    files: tuple[FileExcerpt, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    calls: tuple[Call, ...] = ()
    statement: str = ""


async def excerpts(
    folder: Path, files: Sequence[FileEntry], expected_output: str
) -> tuple[FileExcerpt, ...]:
    """The beginnings of the first text files, and the names of all; no link is followed.

    Files that the expected output names come first. Up to 8 are read, 32 KiB in all.
    """
    share = _READ_BYTES // max(1, min(len(files), _READ_FILES))
    found: list[FileExcerpt] = []
    read = 0
    for entry in sorted(files, key=lambda entry: not _is_named(entry.path, expected_output)):
        if read == _READ_FILES:
            found.append(FileExcerpt(entry.path, entry.size, note="not shown"))
            continue
        excerpt = _excerpt(folder, entry, share)
        found.append(excerpt)
        read += bool(excerpt.text)
        await asyncio.sleep(0)  # many files must not hold up the leases
    return tuple(found)


def _is_named(path: str, expected_output: str) -> bool:
    return PurePosixPath(path).name in expected_output


def _excerpt(folder: Path, entry: FileEntry, most: int) -> FileExcerpt:
    try:
        with os.fdopen(open_inside(folder, entry.path), "rb") as file:
            start = file.read(most + 1)
    except (WorkspaceError, OSError) as error:
        _log.warning("file not shown to the reviewer", path=entry.path, error=str(error))
        return FileExcerpt(entry.path, entry.size, note="not readable")
    if b"\x00" in start:
        return FileExcerpt(entry.path, entry.size, note="binary")
    cut = len(start) > most
    decoder = codecs.getincrementaldecoder("utf-8")("replace")  # drops half a character at a cut
    text = decoder.decode(start[:most], final=not cut)
    note = f"only its first {most} bytes are shown" if cut else ""
    return FileExcerpt(entry.path, entry.size, text, note)
