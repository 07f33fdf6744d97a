"""Placeholders such as `{{prereq.clean.output.rows}}` in a scenario's texts and arguments."""

import json
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatch
from pathlib import PurePath
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{\s*([^{}|?]+?)\s*(\?)?\s*(?:\|\s*([a-z]+)\s*)?\}\}")


class TemplateError(ValueError):
    """A placeholder names something that is not there; the text says which and where it ended."""


class Named(dict[str, Any]):
    """Entries whose names may hold dots: the rest of a path is one name, or a glob for one."""


def render(value: Any, scope: Mapping[str, Any]) -> Any:
    """The value with every placeholder replaced; a text that is only one keeps its type.

    `{{path}}` must exist, `{{path?}}` may be missing and is then empty, `{{path|filter}}` shapes
    what it finds.
    """
    if isinstance(value, Mapping):
        return {key: render(item, scope) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [render(item, scope) for item in value]
    if not isinstance(value, str):
        return value
    if whole := _PLACEHOLDER.fullmatch(value):
        return _replace(whole, scope)
    return _PLACEHOLDER.sub(lambda match: _plain(_replace(match, scope)), value)


def placeholders(value: Any) -> Iterator[tuple[str, str | None]]:
    """Every path that the value mentions, with its filter."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from placeholders(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from placeholders(item)
    elif isinstance(value, str):
        yield from ((match[1], match[3]) for match in _PLACEHOLDER.finditer(value))


def _replace(match: re.Match[str], scope: Mapping[str, Any]) -> Any:
    path, optional, name = match.groups()
    try:
        value = _look_up(path, scope)
    except TemplateError:
        if not optional:
            raise
        value = ""
    return value if name is None else _filter(value, name, path)


def _filter(value: Any, name: str, path: str) -> Any:
    if name not in FILTERS:
        known = ", ".join(sorted(FILTERS))
        raise TemplateError(f"{{{{{path}|{name}}}}}: unknown filter {name!r}; known: {known}")
    try:
        return FILTERS[name](value)
    except (TypeError, ValueError, KeyError) as error:
        raise TemplateError(f"{{{{{path}|{name}}}}}: {value!r} does not fit the filter") from error


def _look_up(path: str, scope: Mapping[str, Any]) -> Any:
    parts = path.split(".")
    value: Any = scope
    for index, part in enumerate(parts):
        rest = ".".join(parts[index:])
        if isinstance(value, Named):
            return _by_name(rest, value, path)
        if isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        elif isinstance(value, list):
            files = {PurePath(item).name: item for item in value if isinstance(item, str)}
            return _by_name(rest, files, path)
        else:
            raise TemplateError(f"{{{{{path}}}}}: there is no {part!r}{_choice(value)}")
    return value


def _by_name(name: str, entries: Mapping[str, Any], path: str) -> Any:
    for candidate, value in entries.items():
        if candidate == name or fnmatch(candidate.lower(), name):
            return value
    raise TemplateError(f"{{{{{path}}}}}: there is no {name!r}{_choice(entries)}")


def _choice(value: Any) -> str:
    names = ", ".join(sorted(map(str, value))) if isinstance(value, Mapping) else ""
    return f"; there is {names}" if names else ""


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else json.dumps(value, ensure_ascii=False)


def _money(value: Any) -> str:
    return f"{float(value):,.2f}"


def _table(rows: Any) -> str:
    """A Markdown table of a list of objects with the same keys, fractions to two decimals."""
    if not rows:
        return "(no rows)"
    head = list(rows[0])
    lines = [head, ["---"] * len(head), *([_cell(row[name]) for name in head] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else _plain(value)


FILTERS: dict[str, Callable[[Any], Any]] = {
    "json": lambda value: json.dumps(value, ensure_ascii=False),
    "shell": lambda value: shlex.quote(_plain(value)),
    "money": _money,
    "table": _table,
}
