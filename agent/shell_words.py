"""A shell's command as its tokens: words, operators, and the files that it is led from and to."""

import re
import shlex
from typing import NamedTuple

_WORD = (
    r"(?:\$'(?:[^'\\]|\\[\s\S])*'|[^\s'\"`\\;&|()<>]|'[^']*'|\"(?:[^\"\\]|\\[\s\S])*\"|\\[^\n])+"
)
_TOKEN = re.compile(
    rf"""
      (?P<gap> [ \t\r]+ | \\\n | \#[^\n]* | \d*[<>]&\d+(?!\w) )
    | (?P<heredoc> \d*<<-?[ \t]*(?!<){_WORD} )
    | (?P<file> (?:\d*|&) (?:<<<|>>|>\||<>|>|<) [ \t]* {_WORD} | \d*[<>]&- )
    | (?P<operator> && | \|\|? | ;;? | [<>]\( | [&()\n`] )
    | (?P<word> {_WORD} )
    """,
    re.VERBOSE,
)


class Unreadable(ValueError):
    """The command is more than can be told by its words."""


class Token(NamedTuple):
    """A piece of a command: a `word`, `operator`, `file`, `heredoc`, or a heredoc's `body`."""

    kind: str
    text: str


def tokens(command: str) -> list[Token]:
    """The tokens in order, without spaces and remarks; raises Unreadable."""
    found: list[Token] = []
    endings: list[str] = []
    at = 0
    while at < len(command):
        match = _TOKEN.match(command, at)
        if match is None:
            raise Unreadable
        at = match.end()
        kind = match.lastgroup or "gap"
        if kind == "gap":
            continue
        found.append(Token(kind, match[0]))
        if kind == "heredoc":
            endings.append(plain(match[0].partition("<<")[2].removeprefix("-").lstrip()))
        while match[0] == "\n" and endings:
            body, at = _body(command, at, endings.pop(0))
            found.append(Token("body", body))
    return found


def _body(command: str, at: int, ending: str) -> tuple[str, int]:
    """A heredoc's lines, and where the command goes on."""
    end = re.compile(rf"^\t*{re.escape(ending)}$", re.MULTILINE).search(command, at)
    if end is None:
        return command[at:], len(command)
    return command[at : end.start()], end.end()


def plain(word: str) -> str:
    """The word without its quotes; as it is when they do not match."""
    try:
        return " ".join(shlex.split(word))
    except ValueError:
        return word
