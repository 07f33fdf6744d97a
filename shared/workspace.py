"""A task's files: `{root}/{task}/{context,temp,output}`, reached by safe relative paths only.

`temp/{subtask}/{attempt}` is where an attempt works; `output/{subtask}/{attempt}` is the same
folder after it was published by one rename. Names are made here, never taken as they come.
"""

import asyncio
import hashlib
import os
import re
import shutil
import stat
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from uuid import UUID

from shared.errors import WorkspaceError
from shared.models import FileEntry

_CHUNK = 1 << 20
_UNSAFE = re.compile(r"[^\w.+@-]+")


def safe_name(name: str, taken: Sequence[str] = ()) -> str:
    """A file name of ours for an uploaded one: no path, no dot-file, no option, not yet taken."""
    plain = unicodedata.normalize("NFKC", name).replace("\\", "/").rsplit("/", 1)[-1]
    stem, dot, suffix = _UNSAFE.sub("_", plain).lstrip(".-").rpartition(".")
    if not dot:
        stem, suffix = suffix, ""
    stem, suffix = _cut(stem, 160) or "file", _cut(suffix, 32)
    for number in range(1, len(taken) + 2):
        tail = "" if number == 1 else f"-{number}"
        candidate = f"{stem}{tail}.{suffix}" if suffix else f"{stem}{tail}"
        if candidate.lower() not in {other.lower() for other in taken}:
            return candidate
    raise AssertionError("one of n + 1 names is free")


def _cut(text: str, most: int) -> str:
    """The beginning of the text that fits into `most` bytes; a file name has at most 255."""
    return text.encode("utf-8", "ignore")[:most].decode("utf-8", "ignore")


class Workspace:
    """The files of one task."""

    def __init__(self, root: Path, task_id: UUID) -> None:
        self.path = root.resolve() / str(task_id)
        self.context = self.path / "context"

    def prepare(self) -> None:
        """Make the folders; raises WorkspaceError when the disk refuses."""
        try:
            for folder in (self.context, self.path / "temp", self.path / "output"):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"cannot make the task's folder: {error.strerror}",
                remedy="check the free space and the permissions of SHARED_FILES_DIR",
            ) from error

    def keep_context(self) -> None:
        """Have the context files, and the way to them, outlive a loss of power; raises OSError."""
        for path in (*self.context.iterdir(), self.context, self.path, self.path.parent):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def attempt(self, subtask_id: UUID, attempt: int) -> Path:
        """Where an attempt works."""
        return self.path / "temp" / str(subtask_id) / str(attempt)

    def published(self, subtask_id: UUID, attempt: int) -> Path:
        """Where a completed attempt's files lie once they are published."""
        return self.path / "output" / str(subtask_id) / str(attempt)

    def files_of(self, subtask_id: UUID, attempt: int) -> Path:
        """Where an attempt's files lie now."""
        published = self.published(subtask_id, attempt)
        return published if published.exists() else self.attempt(subtask_id, attempt)

    def publish(self, subtask_id: UUID, attempt: int) -> bool:
        """Move an attempt's files to where readers look; False when there is nothing to move."""
        source, target = self.attempt(subtask_id, attempt), self.published(subtask_id, attempt)
        if target.exists():
            return True
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.rename(target)
        except FileNotFoundError:
            return target.exists()
        return True

    def remove(self) -> None:
        """Delete the task's files."""
        shutil.rmtree(self.path, ignore_errors=True)


def relative_parts(path: str) -> tuple[str, ...]:
    """The parts of a relative path that stays where it starts; raises WorkspaceError."""
    pure = PurePosixPath(path)
    bad = not path or "\x00" in path or "\\" in path or pure.is_absolute() or ".." in pure.parts
    if bad or not pure.parts:
        raise WorkspaceError(
            f"{path[:200]!r} is not a path inside the workspace",
            remedy="use a relative path without '..'",
        )
    return pure.parts


def open_inside(folder: Path, path: str) -> int:
    """A read-only descriptor of a regular file under `folder`; no link is ever followed.

    Walks component by component with O_NOFOLLOW, so a link swapped in meanwhile is refused too.
    """
    parts = relative_parts(path)
    current = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=current)
            os.close(current)
            current = below
        descriptor = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=current)
    except OSError as error:
        raise WorkspaceError(
            f"{path[:200]!r} cannot be opened: {error.strerror}",
            remedy="name a regular file that exists",
        ) from error
    finally:
        os.close(current)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise WorkspaceError(f"{path[:200]!r} is not a regular file", remedy="name a regular file")
    return descriptor


async def manifest(folder: Path, paths: Sequence[str]) -> tuple[FileEntry, ...]:
    """Size and SHA-256 of files under `folder`; raises WorkspaceError for one that is not there."""
    entries = []
    for path in dict.fromkeys(str(PurePosixPath(*relative_parts(path))) for path in paths):
        digest, size = hashlib.sha256(), 0
        with os.fdopen(open_inside(folder, path), "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                await asyncio.sleep(0)  # a large file must not hold up the leases
        entries.append(FileEntry(path=path, size=size, sha256=digest.hexdigest()))
    return tuple(entries)
