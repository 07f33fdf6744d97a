"""What lies in an attempt's directory, told apart by content: what a correction changed."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

_MOST_FILES = 2_000
_READ_UP_TO = 1 << 20
_MADE_BY_PROGRAMS = {"__pycache__", "node_modules"}
_ENVIRONMENT = "pyvenv.cfg"  # lies at the top of every virtual environment of Python


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
        inside = Path(place)
        if _ENVIRONMENT in names and inside != folder:
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if not is_kept_by_programs(name))
        yield from (inside / name for name in sorted(names))


def is_kept_by_programs(name: str) -> bool:
    """A cache, a history or a set of packages: no work of the agent's own."""
    return name.startswith(".") or name in _MADE_BY_PROGRAMS


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
