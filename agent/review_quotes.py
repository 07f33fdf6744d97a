"""Whether a passage stands in a text word for word. Pure."""

import html
import re
from collections.abc import Iterable

LEAST_QUOTED = 3

# All but the plain double one: single, accents, angled, curly, low.
_QUOTE_MARKS = (0x27, 0x60, 0xB4, 0xAB, 0xBB, *range(0x2018, 0x2020), 0x2039, 0x203A)
_MARKS = dict.fromkeys(_QUOTE_MARKS, '"')
_JSON_ESCAPES = re.compile(r'\\(["nrt])')


class Quotable:
    """Texts that can be quoted, each by itself."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = tuple(_plain(text) for text in texts)

    def holds(self, quote: str) -> bool:
        """Whether one of the texts has the quote; white space and kinds of quote marks are one.

        So are the ways in which JSON and the prompt's fences write a character.
        """
        passage = _plain(quote).strip('" ')
        return len(passage) >= LEAST_QUOTED and any(passage in text for text in self._texts)


def _plain(text: str) -> str:
    marked = html.unescape(text).translate(_MARKS)
    return " ".join(_JSON_ESCAPES.sub(_unescaped, marked).split())


def _unescaped(escape: re.Match[str]) -> str:
    return '"' if escape[1] == '"' else " "
