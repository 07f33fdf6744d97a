"""Markdown from a model, made harmless: it is parsed and written anew from what was understood.

A browser fetches an image without being asked, which lets whoever steers the model send data
out; so images and links become their words and their address in code, which nothing follows.
HTML is text. What Streamlit reads beyond Markdown (colours, icons, formulas) is text too.
"""

import re
from collections.abc import Callable, Iterable, Sequence

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ui.views import plain

MAX_CHARACTERS = 200_000

_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~$:&=^\"'@])")
_ADDRESS = re.compile(
    r"(?:https?://|ftp://|www\.)[^\s<>`]*[^\s<>`.,;:!?)'\"]|mailto:[^\s<>`]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    re.IGNORECASE,
)
_MARKS = {"strong": "**", "em": "*", "s": "~~"}


def harmless(markdown: str) -> str:
    """The same text with live addresses, images and HTML turned into words."""
    text = plain(markdown)
    if len(text) > MAX_CHARACTERS:
        text = text[:MAX_CHARACTERS] + "\n\n… (cut here; the whole text is in the API's answer)"
    return "\n\n".join(_blocks(_PARSER.parse(text)))


def escaped(text: str) -> str:
    """Text that Markdown shows as it is; addresses in it become code, so that they are not live."""
    parts, end = [], 0
    for found in _ADDRESS.finditer(text):
        parts += [_SPECIAL.sub(r"\\\1", text[end : found.start()]), _code(found.group())]
        end = found.end()
    parts.append(_SPECIAL.sub(r"\\\1", text[end:]))
    return _joined(parts)


def _joined(parts: Iterable[str]) -> str:
    """The parts in a row; two pieces of code that touched would otherwise become one."""
    text = ""
    for part in parts:
        text += f" {part}" if text.endswith("`") and part.startswith("`") else part
    return text


def _code(text: str) -> str:
    ticks = "`"
    while ticks in text:
        ticks += "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{ticks}{pad}{text}{pad}{ticks}" if text.strip() else ""


def _blocks(tokens: Sequence[Token]) -> list[str]:
    blocks, at = [], 0
    while at < len(tokens):
        end = _closing(tokens, at)
        blocks.append(_block(tokens[at], tokens[at + 1 : end]))
        at = end + 1
    return [block for block in blocks if block]


def _closing(tokens: Sequence[Token], at: int) -> int:
    """Where the element that opens at `at` ends: its closing token, or itself."""
    depth = 0
    for index in range(at, len(tokens)):
        depth += tokens[index].nesting
        if depth <= 0:
            return index
    return len(tokens)


def _block(opening: Token, inner: Sequence[Token]) -> str:
    write = _WRITERS.get(opening.type)
    return write(opening, inner) if write else escaped(opening.content)


def _heading(opening: Token, inner: Sequence[Token]) -> str:
    return "#" * min(int(opening.tag[1]) + 1, 6) + " " + _words(inner)


def _quote(_: Token, inner: Sequence[Token]) -> str:
    return _prefixed("\n\n".join(_blocks(inner)), "> ", "> ")


def _prefixed(text: str, first: str, rest: str) -> str:
    lines = text.split("\n")
    return "\n".join((first if i == 0 else rest) + line for i, line in enumerate(lines))


def _list(opening: Token, inner: Sequence[Token]) -> str:
    number = int(opening.attrGet("start") or 1) if opening.type.startswith("ordered") else None
    items: list[str] = []
    at = 0
    while at < len(inner):
        end = _closing(inner, at)
        mark = "- " if number is None else f"{number + len(items)}. "
        tight = any(token.hidden for token in inner[at + 1 : end])
        body = ("\n" if tight else "\n\n").join(_blocks(inner[at + 1 : end]))
        items.append(_prefixed(body, mark, " " * len(mark)))
        at = end + 1
    return "\n".join(items)


def _fenced(token: Token, _: Sequence[Token]) -> str:
    fence = "```"
    while fence in token.content:
        fence += "`"
    language = re.match(r"[\w+-]*", token.info.strip())
    # A diagram's source stays source: what draws it would follow the links in it.
    name = language.group() if language and language.group().lower() != "mermaid" else ""
    return f"{fence}{name}\n{token.content.rstrip()}\n{fence}"


def _table(_: Token, inner: Sequence[Token]) -> str:
    rows: list[list[str]] = []
    aligns: list[str] = []
    for index, token in enumerate(inner):
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(_cell(inner[index + 1 : index + 2]))
            if token.type == "th_open":
                style = str(token.attrGet("style") or "")
                aligns.append("--:" if "right" in style else ":-:" if "center" in style else ":--")
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "| " + " | ".join(aligns) + " |", *lines[1:]])


def _cell(inner: Sequence[Token]) -> str:
    # Readers disagree on how a bar in a cell's code is escaped, so there is none.
    words = _words(inner).replace("\n", " ").replace("\\|", "|")
    return words.replace("|", "\N{DIVIDES}")


def _words(inner: Sequence[Token]) -> str:
    children = [child for token in inner for child in token.children or ()]
    return _joined(_inline(children)).strip()


def _inline(children: Sequence[Token]) -> list[str]:
    parts: list[str] = []
    addresses: list[str] = []
    for token in children:
        kind, _, edge = token.type.rpartition("_")
        if kind in _MARKS:
            parts.append(_MARKS[kind])
        elif kind == "link" and edge == "open":
            addresses.append(str(token.attrGet("href") or ""))
            parts.append("")
        elif kind == "link":
            parts.append(_address(addresses.pop(), "".join(parts)))
        else:
            parts.append(_leaf(token))
    return parts


def _leaf(token: Token) -> str:
    match token.type:
        case "code_inline":
            return _code(token.content)
        case "image":
            return f"Image: {escaped(token.content)}" + _address(
                str(token.attrGet("src") or ""), ""
            )
        case "softbreak":
            return "\n"
        case "hardbreak":
            return "  \n"
        case _:
            return escaped(token.content)


def _address(address: str, said: str) -> str:
    """The address in brackets, unless the words before it already were the address."""
    code = _code(address)
    return "" if not code or said.endswith(code) else f" ({code})"


_WRITERS: dict[str, Callable[[Token, Sequence[Token]], str]] = {
    "heading_open": _heading,
    "paragraph_open": lambda _, inner: _words(inner),
    "blockquote_open": _quote,
    "bullet_list_open": _list,
    "ordered_list_open": _list,
    "fence": _fenced,
    "code_block": _fenced,
    "table_open": _table,
    "hr": lambda *_: "---",
}
