"""What lies in an attempt's directory, told apart by content: what a correction changed."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

_MOST_FILES = 2_000
_READ_UP_TO = 1 << 20
_MADE_BY_CHECKS = {"__pycache__", ".pytest_cache", ".ruff_cache", ".mypy_cache", "node_modules"}


async def snapshot(folder: Path) -> dict[str, str]:
    """The first files below `folder` by relative path, each with a digest; no link is followed."""
    found: dict[str, str] = {}
    for path in _files(folder):
        if len(found) == _MOST_FILES:
            break
        found[str(path.relative_to(folder))] = _digest(path)
        await asyncio.sleep(0)  # many files must not hold up the leases
    return found


def changes(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """What was added, changed and removed, one line each."""
    kept = sorted(before.keys() & after.keys())
    return (
        *(f"added {path}" for path in sorted(after.keys() - before.keys())),
        *(f"changed {path}" for path in kept if before[path] != after[path]),
        *(f"removed {path}" for path in sorted(before.keys() - after.keys())),
    )


def _files(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _MADE_BY_CHECKS)
        yield from (Path(place) / name for name in sorted(names))


def _digest(path: Path) -> str:
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return f"mode {status.st_mode}"
        with path.open("rb") as file:
            start = hashlib.sha256(file.read(_READ_UP_TO)).hexdigest()
    except OSError as error:
        return f"unreadable: {error.errno}"
    # of a large file, its time stands for what was not read
    late = status.st_mtime_ns if status.st_size > _READ_UP_TO else 0
    return f"{start} {status.st_size} {late}"
