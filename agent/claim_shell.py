"""What a command of a shell runs: each program with its words, apart from what it only mentions."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from posixpath import basename

from agent.shell_words import Unreadable, plain, tokens

_DEEPEST = 3  # shells that are given code that starts shells
_RESERVED = frozenset(
    ("if", "then", "elif", "else", "fi", "while", "until", "do", "done", "!", "{", "}")
)
_SAYS = frozenset(("echo", "printf", "true", "false", ":"))
# Programs that start another one, with their options that take a value, and what comes before it.
_WRAPPERS = {
    **dict.fromkeys(("nohup", "time", "setsid", "command", "builtin", "source", "."), ("", 0)),
    **{"env": ("uSC", 0), "nice": ("n", 0), "sudo": ("ugpChDRT", 0), "exec": ("a", 0)},
    **{"timeout": ("ks", 1), "stdbuf": ("ioe", 0), "xargs": ("nILPdaE", 0), "npx": ("p", 0)},
}
_RUNNERS = {
    **dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "hatch", "rye", "conda"), "run"),
    **{"coverage": "run", "deno": "run", "go": "run", "npm": "exec", "pnpm": "exec"},
    **{"yarn": "exec", "bundle": "exec"},
}
_SHELLS = frozenset(("bash", "sh", "dash", "zsh"))
# Programs that run a script, with the options that stand before code instead.
INTERPRETERS = {
    **dict.fromkeys(_SHELLS, "c"),
    **{"python": "c", "node": "ep", "perl": "eE", "ruby": "e", "Rscript": "e", "php": "r"},
}
_VALUED = frozenset(("-W", "-X", "-o", "-r"))
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_CODE = re.compile(r"-[a-z]*c")
_SUBSTITUTED = re.compile(r"(?<!\\)\$\(((?:[^()]|\([^()]*\))*)\)|(?<!\\)`([^`]*)`")
_LEADS = re.compile(r"^(?:\d*|&)[<>|&]+-?[ \t]*")


@dataclass(frozen=True, slots=True)
class Segment:
    """One program with its words.

    `starts` are the places in `words` where the name of a program stands, the innermost last: of
    `timeout 9 python -m pytest` three, with a script its own too. `held` are the words and those of
    a here-document. `leads_on`: what it prints goes into a file or to another program.
    """

    words: tuple[str, ...]
    starts: tuple[int, ...]
    held: tuple[str, ...]
    text: str
    leads_on: bool

    @property
    def programs(self) -> frozenset[str]:
        """The names at the starts, without folders and versions."""
        return frozenset(_name(self.words[start]) for start in self.starts)

    @property
    def only_says(self) -> bool:
        """Whether it does nothing but print words."""
        prints = _SAYS if len(self.held) == len(self.words) else _SAYS | {"cat"}
        return not self.leads_on and not prints.isdisjoint(self.programs)


def words_of(text: str) -> tuple[str, ...]:
    """Words as they are compared, free of quotes and of where a program lies."""
    words = re.findall(r"[^\s;|&<>()'\"`]+", text)
    return tuple(word for word in map(_word, words) if word)


def _word(word: str) -> str:
    word = word.strip(",:…").removeprefix("./")
    word = word[:-1] if word.endswith(".") else word
    word = re.sub(r"^(?:/usr)?(?:/local)?/bin/", "", word)
    return _unversioned(word)


def _unversioned(name: str) -> str:
    return re.sub(r"^(python|pip|sqlite)\d[\d.]*$", r"\1", name)


def _name(word: str) -> str:
    return _unversioned(basename(word))


@lru_cache(maxsize=512)
def segments_of(command: str, depth: int = _DEEPEST) -> tuple[Segment, ...]:
    """Every program that the command names to be run, in the order in which they stand there."""
    found: list[Segment] = []
    for draft in _drafts(command):
        segment = draft.segment()
        if segment.held:
            found.append(segment)
        for code in draft.code() if depth else ():
            found += segments_of(code, depth - 1)
    return tuple(found)


def starts_of(words: Sequence[str]) -> list[int]:
    """The places where the name of a program stands, from the outermost to the innermost."""
    found: list[int] = []
    at: int | None = 0
    while at is not None and at < len(words):
        found.append(at)
        at = _inner(words, at)
    return found


def _inner(words: Sequence[str], at: int) -> int | None:
    """Where the program or script that this one runs stands."""
    name, rest = _name(words[at]), words[at + 1 : at + 2]
    if _ASSIGNMENT.match(words[at]):
        return at + 1
    if name == "find":
        given = (n for n in range(at, len(words)) if words[n].startswith(("-exec", "-ok")))
        return next((n + 1 for n in given), None)
    if name in _RUNNERS:
        return _after_options(words, at + 2, "") if rest == [_RUNNERS[name]] else None
    if name in _WRAPPERS:
        valued, before = _WRAPPERS[name]
        only_asks = name == "command" and rest in (["-v"], ["-V"])
        return None if only_asks else _after_options(words, at + 1, valued) + before
    return _script(words, at + 1, INTERPRETERS[name]) if name in INTERPRETERS else None


def _after_options(words: Sequence[str], at: int, valued: str) -> int:
    while at < len(words) and words[at].startswith("-"):
        option = words[at]
        at += 2 if len(option) == 2 and option[1] in valued else 1
    return at


def _script(words: Sequence[str], at: int, code: str) -> int | None:
    """Where the script or the module stands; None when code is given instead."""
    while at < len(words) and words[at].startswith("-"):
        option = words[at]
        short = not option.startswith("--")
        if option == "-" or (short and option[-1] in code):
            return None
        at += 2 if option in _VALUED else 1
        if short and option.endswith("m"):
            return at
    return at


@dataclass(slots=True)
class _Draft:
    """A segment as it is read; `words` are as they were written, files marked."""

    words: list[tuple[str, bool]] = field(default_factory=list)
    body: str = ""
    leads_on: bool = False
    is_data: bool = False  # an array, or the name of a function: it runs nothing

    def segment(self) -> Segment:
        words: list[str] = []
        places: list[int] = []
        for raw, is_file in self.words:
            told = words_of(plain(raw)) or ((":",) if raw == ":" else ())
            if not is_file:
                places.append(len(words) if told else -1)
            words += told
        named = [] if self.is_data else [places[n] for n in starts_of(self._plain())]
        starts = tuple(place for place in named if place >= 0)
        held = (*words, *words_of(self.body))
        text = "\n".join((" ".join(raw for raw, _ in self.words), self.body))
        return Segment(tuple(words), starts, held, text, self.leads_on)

    def code(self) -> Iterator[str]:
        """What it hands to a shell, and what is put in place of itself inside of quotes."""
        given = self._plain()
        programs = {_name(given[at]) for at in starts_of(given)}
        if not programs.isdisjoint(_SHELLS):
            yield self.body
            yield from [word for option, word in pairwise(given) if _CODE.fullmatch(option)][:1]
        if "eval" in programs:
            yield " ".join(given[1:])
        for raw, _ in self.words:
            if '"' in raw and not raw.startswith("'"):
                yield from ("".join(found) for found in _SUBSTITUTED.findall(raw))

    def _plain(self) -> list[str]:
        return [plain(raw) for raw, is_file in self.words if not is_file]


def _drafts(command: str) -> list[_Draft]:
    try:
        return _Reader(command).drafts
    except Unreadable:
        parts = re.split(r"&&|\|\||[;\n|()]", command)
        return [_Draft([(word, False) for word in part.split()]) for part in parts]


class _Reader:
    """Cuts a command where one program ends and another begins; raises Unreadable."""

    def __init__(self, command: str) -> None:
        self.drafts = [_Draft()]
        self._outer: list[tuple[str, _Draft]] = []
        self._here: list[_Draft] = []
        self._draft = self.drafts[0]
        for kind, text in tokens(command):
            self._take(kind, text)

    def _take(self, kind: str, text: str) -> None:
        draft = self._draft
        match kind:
            case "word" if draft.words or text not in _RESERVED:
                draft.words.append((text, False))
            case "file":
                target = _LEADS.sub("", text)
                draft.words.append((target, True))
                draft.leads_on |= ">" in text and target not in ("", "/dev/null")
            case "heredoc":
                self._here.append(draft)
            case "body":
                self._here.pop(0).body += text
            case "operator":
                self._cut(text)

    def _cut(self, operator: str) -> None:
        closes = bool(self._outer) and operator == (")" if self._outer[-1][0] != "`" else "`")
        if closes:
            self._draft = self._outer.pop()[1]
        elif operator in ("(", "<(", ">(", "`"):
            self._open(operator)
        else:
            self._draft.leads_on |= operator == "|"
            self._next(self._draft.is_data)

    def _open(self, operator: str) -> None:
        outer = self._draft
        substituted = operator != "(" or (bool(outer.words) and outer.words[-1][0].endswith("$"))
        is_data = bool(outer.words) and not substituted
        outer.is_data |= is_data
        self._outer.append((operator, outer))
        self._next(is_data or outer.is_data)
        self._draft.leads_on = substituted

    def _next(self, is_data: bool) -> None:
        self._draft = _Draft(is_data=is_data)
        self.drafts.append(self._draft)
