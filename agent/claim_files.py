"""Claims of written files: the file is there, and a tool call could have made it."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from posixpath import basename, normpath

from agent.claim_words import PATH, Verdict, named, short, text_of
from agent.guard import WRITING
from agent.tool_log import ToolCall
from shared.models import FileEntry

_READERS = frozenset(
    ("Read", "Glob", "Grep", "LS", "fetch_url", "get_shared_data", "search_embeddings")
)
_FOLDER = re.compile(r"(?:[\w.~@+\-]+/)+[\w.~@+\-]*")
_KNOWN = frozenset(("Makefile", "Dockerfile", "LICENSE", "README", "Procfile", ".gitignore"))
_SOURCE = re.compile(
    r"\s(?:from|based on|using|with|via|by|for|containing|contains|showing|listing|including|"
    r"which|that|after|out of|of)\s|:\s|\s[\u2014\u2013-]\s",
    re.IGNORECASE,
)
_TARGET = re.compile(r"\s(?:to|into|as)\s|\s*(?:->|→|=>)\s*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to match with; `exists` looks in the attempt's directory."""

    calls: tuple[ToolCall, ...]
    files: dict[str, FileEntry]
    exists: Callable[[str], bool]


def wrote_file(what: str, said: str, seen: Seen) -> Verdict:
    """Every file that the claim says was written is there, and was made by some call."""
    whole = what.strip("`'\" ")
    paths = [whole] if _find(whole, seen) else _paths(what) or _paths(said)
    if not paths:
        return False, "the claim names no file"
    proofs = [_prove(path, said, seen) for path in paths]
    wanting = next((proof for proof in proofs if not proof[0]), None)
    return wanting or (True, "; ".join(by for _, by in proofs))


def _paths(text: str) -> list[str]:
    """The files that are said to be written, not those that they were made from."""
    outside = re.sub(r"\([^)]*\)", " ", text)
    head = _SOURCE.split(outside, maxsplit=1)[0]
    target = _path_words(_TARGET.split(head)[-1])
    if target and not all(path.endswith("/") for path in target):
        return target
    return _path_words(head) or _path_words(outside) or _path_words(text)


def _path_words(text: str) -> list[str]:
    words = (word.strip("`'\"()[],;:!").rstrip(".") for word in re.split(r"[\s,;]+", text))
    return [
        word
        for word in dict.fromkeys(words)
        if "://" not in word
        and word not in ("e.g", "i.e")
        and (PATH.fullmatch(word) or _FOLDER.fullmatch(word) or word in _KNOWN)
    ]


def _prove(path: str, said: str, seen: Seen) -> Verdict:
    found = _find(path, seen)
    if found is None:
        return False, f"no such file: {short(path)}"
    entry = seen.files.get(found)
    meant = re.search(r"\bempty|\bplaceholder|\b0 bytes", said, re.IGNORECASE)
    if entry and entry.size == 0 and not meant and not basename(found).startswith((".", "__")):
        return False, f"{found} is empty"
    maker = _maker(found, seen.calls)
    if maker is None:
        return False, f"{short(found)} is there, but no tool call could have made it"
    size = f" ({entry.size:,} bytes, sha256 {entry.sha256[:12]})" if entry else ""
    return True, f"{short(found)} is there{size}, made by {maker}"


def _find(path: str, seen: Seen) -> str | None:
    """The file's name in the manifest, else as it was found; a lone name is sought everywhere."""
    plain = normpath(path)
    if plain in seen.files:
        return plain
    if path and seen.exists(path):
        return next((name for name in seen.files if plain.endswith(f"/{name}")), path)
    if set(path) & set("*?{"):
        pattern = re.sub(r"\{[^}]*\}", "*", plain)
        return next((name for name in _written(seen) if fnmatch(name, pattern)), None)
    below = (name for name in seen.files if name.startswith(f"{plain}/"))
    lone = (name for name in _written(seen) if "/" not in path and basename(name) == plain)
    return next(iter((*below, *lone)), None)


def _written(seen: Seen) -> list[str]:
    named = (
        str(call.input.get(WRITING[call.name], ""))
        for call in seen.calls
        if call.name in WRITING and call.ok
    )
    return [*seen.files, *(name for name in named if name and seen.exists(name))]


def _maker(path: str, calls: Sequence[ToolCall]) -> str | None:
    """What could have made the file, the likeliest first."""
    name = basename(path.rstrip("/")).split("*")[0]
    bash = [call for call in calls if call.name == "Bash"]
    others = [call for call in calls if call.name not in ("Bash", *WRITING, *_READERS)]
    written = (
        call
        for call in reversed(calls)
        if call.name in WRITING
        and call.ok
        and basename(str(call.input.get(WRITING[call.name]))) == name
    )
    likely = (
        *written,
        *(call for call in reversed(bash) if name in text_of(call)),  # it may fail after writing
        *(call for call in reversed([*others, *bash]) if call.ok),
    )
    maker = next(iter(likely), None)
    if maker is None:
        return None
    return maker.name if maker.name in WRITING else named(maker)
