"""Judges one check of files; run as a program, by path, with `python -IS`.

A regular expression may take for ever, and a folder may hold anything: that is for a process that
can be ended. Reads one request as JSON from standard input: `{"kind": "file_exists", "path",
"min_bytes"}`, `{"kind": "text_matches", "path", "pattern"}` or `{"kind": "json_holds", "path",
"pointer"}`. Writes `{"passed", "detail"}` as JSON in one line; the exit status is 2 when the check
itself is wrong, for which `detail` gives the reason. Looks only below the current directory.
"""

import json
import os
import re
import stat
import sys
import warnings
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

if sys.platform != "win32":
    import resource

MEMORY_BYTES = 2 * 1024 * 1024 * 1024
TEXT_BYTES = 10 * 1024 * 1024
WRONG = 2


class WrongCheck(ValueError):
    """The check cannot be carried out as it is written; the message says why."""


def judge(request: dict[str, Any]) -> tuple[bool, str]:
    """Whether it passed, and what was looked for and found."""
    if request["kind"] == "file_exists":
        return file_exists(request["path"], request["min_bytes"])
    if request["kind"] == "json_holds":
        return json_holds(request["path"], request["pointer"])
    return text_matches(request["path"], request["pattern"])


def file_exists(path: str, min_bytes: int) -> tuple[bool, str]:
    """Some regular file that matches has `min_bytes`."""
    count, biggest = 0, ("", -1)
    for found, size in regular_files(path):
        count += 1
        biggest = max(biggest, (found, size), key=lambda file: file[1])
        if size >= min_bytes:
            return True, f"{found} has {_bytes(size)}"
    if not count:
        return False, f"no file matches {path}{_instead(path)}"
    found, size = biggest
    which = found if count == 1 else f"{found}, the biggest of {count} files,"
    return False, f"{which} has {_bytes(size)}, not {min_bytes} or more"


def text_matches(path: str, pattern: str) -> tuple[bool, str]:
    """Some regular file that matches `path` contains a match of `pattern`."""
    try:
        expression = re.compile(pattern, re.MULTILINE)
    except (re.error, OverflowError, RecursionError) as error:
        raise WrongCheck(f"{_short(pattern)} is not a regular expression: {error}") from error
    count, cut = 0, False
    for found, size in regular_files(path):
        count, cut = count + 1, cut or size > TEXT_BYTES
        text = _beginning(found)
        if match := expression.search(text):
            line = text.count("\n", 0, match.start()) + 1
            return True, f"{found} matches {_short(pattern)} in line {line}"
    if not count:
        return False, f"no file matches {path}{_instead(path)}"
    where = path if count == 1 else f"any of the {count} files that match {path}"
    only = " (of a file, the first 10 MiB are read)" if cut else ""
    return False, f"nothing in {where} matches {_short(pattern)}{only}"


def json_holds(path: str, pointer: str) -> tuple[bool, str]:
    """Some regular file that matches `path` is JSON with something at `pointer` (RFC 6901)."""
    for found, _ in regular_files(path):
        try:
            value = json.loads(_beginning(found))
        except ValueError as error:
            raise WrongCheck(f"{found} is not JSON: {error}") from error
        for key in pointer.split("/")[1:]:
            name = key.replace("~1", "/").replace("~0", "~")
            value = value.get(name) if isinstance(value, dict) else None
        if value:
            return True, f"{found} has {pointer}"
    return False, f"no file {path} has {pointer}"


def regular_files(pattern: str) -> Iterator[tuple[str, int]]:
    """Paths and sizes of the regular files that match; no link is followed."""
    for entry in _find(".", _parts(pattern)):
        if entry.is_file(follow_symlinks=False):
            yield entry.path.removeprefix("./"), entry.stat(follow_symlinks=False).st_size


def _parts(pattern: str) -> list[str]:
    path = PurePosixPath(pattern)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise WrongCheck(
            f"{_short(pattern)!r} is not a path inside the working directory: "
            "write a relative one without '..'"
        )
    parts = list(path.parts)
    # two in a row mean the same as one, and cost as much as their product
    return [p for n, p in enumerate(parts) if not (p == "**" and parts[n - 1 : n] == ["**"])]


def _find(folder: str, parts: Sequence[str]) -> Iterator["os.DirEntry[str]"]:
    """Entries below `folder`; `**` is any number of folders, and no wildcard finds a dot file."""
    part, rest = parts[0], parts[1:]
    if part == "**":
        yield from _find(folder, rest or ["*"])
    for entry in _entries(folder):
        below = entry.is_dir(follow_symlinks=False)
        if part == "**":
            if below and not entry.name.startswith("."):
                yield from _find(entry.path, parts)
        elif _named(entry.name, part):
            if not rest:
                yield entry
            elif below:
                yield from _find(entry.path, rest)


def _entries(folder: str) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:  # closed to us, or gone meanwhile: there is nothing to find in it
        return []


def _named(name: str, part: str) -> bool:
    if name.startswith(".") and not part.startswith("."):
        return False
    return name == part or fnmatchcase(name, part)


def _instead(pattern: str) -> str:
    """What matches but does not count."""
    entry = next(_find(".", _parts(pattern)), None)
    if entry is None:
        return ""
    kind = "link" if entry.is_symlink() else "folder" if entry.is_dir() else "special file"
    return f" ({entry.path.removeprefix('./')} is a {kind})"


def _beginning(path: str) -> str:
    """The first 10 MiB of a file, as text."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return file.read(TEXT_BYTES).decode("utf-8", "replace")


def _bytes(size: int) -> str:
    return "1 byte" if size == 1 else f"{size} bytes"


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}..."


def main() -> int:
    """Answer the one request."""
    warnings.simplefilter("ignore")
    if sys.platform != "win32":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    status = 0
    try:
        passed, detail = judge(json.load(sys.stdin))
    except WrongCheck as error:
        passed, detail, status = False, str(error), WRONG
    except (MemoryError, RecursionError, OSError) as error:
        passed, detail, status = False, f"it is too much to look at: {error!r}", WRONG
    sys.stdout.write(json.dumps({"passed": passed, "detail": detail[:2000]}) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
