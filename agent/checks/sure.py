"""Tells from its words that a shell command cannot fail: `true`, `echo done`, `pytest || true`.

Only what is certain counts. Whatever this does not understand is for the probe, which runs it.
"""

import re
import shlex
from collections.abc import Sequence

from agent.shell_words import Token, Unreadable, tokens

# What may hold commands that the tokens do not show.
_OPAQUE = ("$(", "`", "<<", "<(", ">(")
_SEPARATORS = {";", "&", "\n"}
# What does not end in one place, ends everything early, or changes what the rest means.
_UNCLEAR = {
    *("if", "for", "while", "until", "case", "select", "function", "time", "coproc", "[[", "!"),
    *("exit", "return", "exec", "set", "shopt", "trap", "eval", "source", ".", "kill", "alias"),
}
_HARMLESS = {"true", ":", "echo"}
_SHELLS = {"sh", "bash", "dash", "/bin/sh", "/bin/bash", "/usr/bin/bash"}
_PROGRAM = re.compile(r"/(?:usr/)?bin/(true|echo|printf)")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")


def surely_passes(command: str) -> bool:
    """Whether the command ends with 0 whatever it meets."""
    if any(mark in command for mark in _OPAQUE):
        return False
    try:
        return _Reader(tokens(command)).whole()
    except ValueError:
        return False


class _Reader:
    """Reads a shell's grammar from the top; each method tells whether what it read cannot fail."""

    def __init__(self, given: Sequence[Token]) -> None:
        self._tokens = given
        self._at = 0

    def whole(self) -> bool:
        """Nothing at all passes too."""
        sure = self._sequence(None)
        if self._at < len(self._tokens):
            raise Unreadable
        return sure

    def _sequence(self, end: str | None) -> bool:
        sure = True
        while self._next() not in (None, end):
            if self._next() not in _SEPARATORS:
                sure = self._chain()
            elif self._take() == "&":
                sure = True  # who is sent to the background has passed
        return sure

    def _chain(self) -> bool:
        sure = self._pipeline()
        while self._next() in ("&&", "||"):
            both = self._take() == "&&"
            right = self._pipeline()
            sure = (sure and right) if both else (sure or right)
        return sure

    def _pipeline(self) -> bool:
        self._skip_lines()
        sure = self._command()
        while self._next() == "|":
            self._take()
            self._skip_lines()
            sure = self._command()
        return sure

    def _command(self) -> bool:
        closing = {"(": ")", "{": "}"}.get(self._next() or "")
        if closing is None:
            return self._simple()
        self._take()
        sure = self._sequence(closing)
        if self._next() != closing:
            raise Unreadable
        self._take()
        return not self._words_and_files()[1] and sure

    def _simple(self) -> bool:
        words, files = self._words_and_files()
        if not words or self._next() == "(":
            raise Unreadable
        return _harmless(words) and not files

    def _words_and_files(self) -> tuple[list[str], bool]:
        words, files = [], False
        while self._at < len(self._tokens) and self._tokens[self._at][0] != "operator":
            kind, text = self._tokens[self._at]
            files = files or (kind == "file" and not text.endswith("/dev/null"))
            if kind == "word":
                words += shlex.split(text)
            self._at += 1
        return words, files

    def _skip_lines(self) -> None:
        while self._next() == "\n":
            self._take()

    def _next(self) -> str | None:
        return self._tokens[self._at][1] if self._at < len(self._tokens) else None

    def _take(self) -> str:
        self._at += 1
        return self._tokens[self._at - 1][1]


def _harmless(words: Sequence[str]) -> bool:
    """Whether this one program cannot fail; raises Unreadable when it decides over others."""
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if len(words) > 1 and words[0] in ("command", "builtin"):
        words = words[1:]
    if not words:
        return True
    program = _PROGRAM.fullmatch(words[0])
    name, given = (program[1] if program else words[0]), words[1:]
    if name == "exit" and len(given) == 1 and given[0].isdigit() and int(given[0]) % 256 == 0:
        return True
    if name in _UNCLEAR:
        raise Unreadable
    if name in _SHELLS and len(given) > 1 and given[0] in ("-c", "-lc"):
        return surely_passes(given[1])
    return name in _HARMLESS or (name == "printf" and bool(given))
