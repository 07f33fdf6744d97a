"""How a file is shown, and why it is not."""

import pytest

from ui.task_page.artifact_preview import (
    TABLE_COLUMNS,
    TABLE_ROWS,
    TEXT_BYTES,
    TEXT_LINES,
    first_lines,
    is_json,
    preview_of,
    table_of,
    text_of,
)


@pytest.mark.parametrize(
    ("name", "media_type", "kind", "language"),
    [
        ("chart.png", "image/png", "image", ""),
        ("photo.jpg", "image/jpeg", "image", ""),
        ("drawing.svg", "image/svg+xml", "code", "xml"),
        ("report.MD", "text/markdown", "markdown", ""),
        ("sales.csv", "text/csv", "table", ""),
        ("sales.tsv", "text/plain", "table", ""),
        ("profile.json", "application/json", "json", "json"),
        ("clean.py", "text/x-python", "code", "python"),
        ("page.html", "text/html", "code", "html"),
        ("run.log", "application/octet-stream", "text", ""),
        ("README", "text/plain", "text", ""),
        ("dump.bin", "application/octet-stream", "none", ""),
        ("paper.pdf", "application/pdf", "none", ""),
    ],
)
def test_the_kind_follows_from_name_and_type(
    name: str, media_type: str, kind: str, language: str
) -> None:
    shown = preview_of(name, media_type, 100)
    assert (shown.kind, shown.language) == (kind, language)
    assert bool(shown.why_not) == (kind == "none")


@pytest.mark.parametrize(
    ("name", "media_type", "size"),
    [("a.txt", "text/plain", TEXT_BYTES + 1), ("a.png", "image/png", 5_000_000)],
)
def test_what_is_too_large_says_so(name: str, media_type: str, size: int) -> None:
    shown = preview_of(name, media_type, size)
    assert shown.kind == "none"
    assert "Too large to preview" in shown.why_not
    assert "download" in shown.why_not


def test_an_empty_file_says_so() -> None:
    assert preview_of("a.txt", "text/plain", 0).why_not == "The file is empty."


def test_bytes_that_are_no_text_are_told_apart() -> None:
    assert text_of("\ufeffname".encode()) == "name"
    assert text_of(b"\xff\xfe\x00") is None
    assert text_of(b"a\x00b") is None
    assert text_of(b"red\x1b[31m") == "red"


def test_a_table_shows_its_first_rows_and_says_how_many_more() -> None:
    text = "month,units\n" + "".join(f"{number},{number}\n" for number in range(TABLE_ROWS + 7))
    table = table_of("a.csv", text)
    assert table is not None
    assert (len(table.rows), table.more_rows, table.more_columns) == (TABLE_ROWS, 7, 0)
    assert table.rows[0] == {"month": "0", "units": "0"}


def test_a_table_keeps_columns_of_one_name_apart() -> None:
    table = table_of("a.tsv", "a\ta\t\n1\t2\t3\n")
    assert table is not None
    assert table.rows == [{"a": "1", "a (2)": "2", "column 3": "3"}]


def test_a_table_with_semicolons_or_many_columns_or_ragged_rows_is_read() -> None:
    semicolons = table_of("a.csv", "a;b\n1;2\n3\n")
    assert semicolons is not None
    assert semicolons.rows == [{"a": "1", "b": "2"}, {"a": "3"}]
    wide = table_of("a.csv", ",".join(map(str, range(99))) + "\n1\n")
    assert wide is not None
    assert wide.more_columns == 99 - TABLE_COLUMNS


@pytest.mark.parametrize("text", ["", "only,a,header\n", '"' + "x" * 200_000])
def test_what_is_no_table_is_shown_as_text(text: str) -> None:
    assert table_of("a.csv", text) is None


def test_long_texts_are_cut_at_a_line() -> None:
    head, more = first_lines("x\n" * (TEXT_LINES + 3))
    assert (head.count("\n") + 1, more) == (TEXT_LINES, 3)


@pytest.mark.parametrize(("text", "yes"), [('{"a": 1}', True), ("3", False), ("{", False)])
def test_only_trees_are_shown_as_trees(text: str, yes: bool) -> None:
    assert is_json(text) is yes
