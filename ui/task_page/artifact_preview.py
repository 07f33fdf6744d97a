"""How a file can be looked at in the page, and its content made ready for that; pure."""

import csv
import io
import json
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Literal

from ui.views import PICTURE_BYTES, PICTURE_TYPES, plain, size

Kind = Literal["image", "markdown", "table", "json", "code", "text", "none"]

TEXT_BYTES = 512 * 1024
TABLE_BYTES = 4 * 1024 * 1024
TABLE_ROWS = 200
TABLE_COLUMNS = 60
CELL = 400  # characters
TEXT_LINES = 2_000
_LIMITS: dict[Kind, int] = {"image": PICTURE_BYTES, "table": TABLE_BYTES}
_MARKDOWN = (".md", ".markdown")
_TABLES = {".csv": ",", ".tsv": "\t"}
_LANGUAGES = {
    ".bash": "bash",
    ".c": "c",
    ".cpp": "cpp",
    ".css": "css",
    ".go": "go",
    ".h": "c",
    ".htm": "html",
    ".html": "html",
    ".java": "java",
    ".js": "javascript",
    ".jsx": "jsx",
    ".php": "php",
    ".py": "python",
    ".r": "r",
    ".rb": "ruby",
    ".rs": "rust",
    ".sh": "bash",
    ".sql": "sql",
    ".svg": "xml",
    ".toml": "toml",
    ".ts": "typescript",
    ".tsx": "tsx",
    ".xml": "xml",
    ".yaml": "yaml",
    ".yml": "yaml",
}
_PLAIN = (".cfg", ".diff", ".env", ".ini", ".jsonl", ".log", ".patch", ".rst", ".tex", ".txt")


@dataclass(frozen=True, slots=True)
class Preview:
    """How to show a file; `why_not` says why it can only be downloaded."""

    kind: Kind
    language: str = ""
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """The first rows of a table, and how many rows and columns are left out."""

    rows: list[dict[str, str]]
    more_rows: int
    more_columns: int


def preview_of(name: str, media_type: str, count: int) -> Preview:
    """How a file of this name, type and size in bytes is shown."""
    found = _by_name(name, media_type)
    limit = _LIMITS.get(found.kind, TEXT_BYTES)
    if found.kind != "none" and count > limit:
        words = f"Too large to preview ({size(count)}; up to {size(limit)} is shown): download it."
        return Preview("none", why_not=words)
    if found.kind != "none" and not count:
        return Preview("none", why_not="The file is empty.")
    return found


def _by_name(name: str, media_type: str) -> Preview:
    ending = PurePosixPath(name.lower()).suffix
    if media_type in PICTURE_TYPES:
        return Preview("image")
    if ending in _MARKDOWN:
        return Preview("markdown")
    if ending in _TABLES:
        return Preview("table")
    if ending == ".json":
        return Preview("json", "json")
    if ending in _LANGUAGES:
        return Preview("code", _LANGUAGES[ending])
    if ending in _PLAIN or media_type.startswith("text/"):
        return Preview("text")
    return Preview("none", why_not="No preview for this kind of file: download it.")


def text_of(content: bytes) -> str | None:
    """The content as text, or None when it is none."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if "\x00" in text else plain(text)


def first_lines(text: str) -> tuple[str, int]:
    """The first lines, and how many more there are."""
    lines = text.splitlines()
    return "\n".join(lines[:TEXT_LINES]), max(0, len(lines) - TEXT_LINES)


def table_of(name: str, text: str) -> Table | None:
    """The table in the text, or None when it has no rows or cannot be read as one."""
    delimiter = _TABLES.get(PurePosixPath(name.lower()).suffix, ",")
    if delimiter == "," and ";" in (head := text.split("\n", 1)[0]) and "," not in head:
        delimiter = ";"
    try:
        lines = [line for line in csv.reader(io.StringIO(text), delimiter=delimiter) if line]
    except csv.Error:
        return None
    if len(lines) < 2:
        return None
    header = _distinct(lines[0])
    shown = header[:TABLE_COLUMNS]
    rows = [
        {column: cell[:CELL] for column, cell in zip(shown, line, strict=False)}
        for line in lines[1 : TABLE_ROWS + 1]
    ]
    return Table(rows, max(0, len(lines) - 1 - len(rows)), len(header) - len(shown))


def _distinct(names: list[str]) -> list[str]:
    """Column names without repetition: a table shows each once."""
    seen: list[str] = []
    for place, name in enumerate(names, 1):
        label = name.strip()[:CELL] or f"column {place}"
        seen.append(label if label not in seen else f"{label} ({place})")
    return seen


def is_json(text: str) -> bool:
    """Whether the text can be shown as a tree."""
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False
