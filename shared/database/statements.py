"""Named SQL statements, read from the `.sql` files beside this module.

A block is `-- name: verb`, comment lines that say what `$n` are, and one statement.
"""

import re
from functools import cache
from importlib import resources
from typing import TypeVar

from shared.states import SubtaskStatus, TaskStatus, Transition

S = TypeVar("S", TaskStatus, SubtaskStatus)

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


@cache
def load(topic: str) -> dict[str, str]:
    """The statements of `sql/{topic}.sql` by name."""
    text = resources.files("shared.database").joinpath("sql", f"{topic}.sql").read_text("utf-8")
    pieces = _NAME.split(text)
    names, bodies = pieces[1::2], pieces[2::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{topic}.sql names a statement twice")
    return {name: body.strip() for name, body in zip(names, bodies, strict=True)}


@cache
def find(topics: tuple[str, ...], name: str) -> str:
    """The statement of this name in one of the topics; raises KeyError."""
    for topic in topics:
        if name in load(topic):
            return load(topic)[name]
    raise KeyError(f"no statement {name!r} in {', '.join(topics)}")


def edge(transition: Transition[S]) -> tuple[str, list[str]]:
    """A transition as the first two parameters of its statement."""
    return transition.target.value, sorted(source.value for source in transition.sources)
