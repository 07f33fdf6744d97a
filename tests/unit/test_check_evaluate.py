"""What counts as a file that is there, as text that matches, as output that satisfies."""

import os
from pathlib import Path

import pytest

from agent.checks import evaluate, evaluate_schema

OUTSIDE = "is not a path inside the working directory"


@pytest.fixture(autouse=True)
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, with what an agent may leave."""
    folder = tmp_path / "attempt"
    for name, text in {
        "attempt/report.md": "# Report\n\nTotal: 42\n",
        "attempt/src/app/main.py": "print(1)\n",
        "attempt/data[1].csv": "a\n",
        "attempt/.cache/hidden.md": "x",
        "attempt/empty.txt": "",
        "other/passwords": "root",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (folder / "secret.md").symlink_to(tmp_path / "other/passwords")
    (folder / "away").symlink_to(tmp_path / "other")
    (folder / "self").symlink_to(folder)
    os.mkfifo(folder / "pipe")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("path", "min_bytes", "passed", "detail"),
    [
        ("report.md", 20, True, "report.md has 20 bytes"),
        ("**/*.py", 1, True, "src/app/main.py has 9 bytes"),
        ("**/main.py", 1, True, "src/app/main.py has 9 bytes"),
        ("./src/**/**/*.py", 1, True, "src/app/main.py has 9 bytes"),
        ("src/**", 1, True, "src/app/main.py has 9 bytes"),
        ("*/*/*", 1, True, "src/app/main.py has 9 bytes"),
        ("data[1].csv", 1, True, "data[1].csv has 2 bytes"),
        (".cache/*", 1, True, ".cache/hidden.md has 1 byte"),
        ("empty.txt", 0, True, "empty.txt has 0 bytes"),
        ("empty.txt", 1, False, "empty.txt has 0 bytes, not 1 or more"),
        ("report.md", 99, False, "report.md has 20 bytes, not 99 or more"),
        ("*", 99, False, "report.md, the biggest of 3 files, has 20 bytes, not 99 or more"),
        ("none.md", 1, False, "no file matches none.md"),
        ("Report.md", 1, False, "no file matches Report.md"),
        ("**/hidden.md", 1, False, "no file matches **/hidden.md"),
        ("secret.md", 1, False, "no file matches secret.md (secret.md is a link)"),
        ("away/passwords", 1, False, "no file matches away/passwords"),
        ("**/passwords", 1, False, "no file matches **/passwords"),
        ("self/report.md", 1, False, "no file matches self/report.md"),
        ("src", 0, False, "no file matches src (src is a folder)"),
        ("pipe", 0, False, "no file matches pipe (pipe is a special file)"),
        ("nul\0", 0, False, "no file matches nul\0"),
    ],
)
def test_files_that_are_there(path: str, min_bytes: int, passed: bool, detail: str) -> None:
    assert evaluate.file_exists(path, min_bytes) == (passed, detail)


@pytest.mark.parametrize(
    ("path", "pattern", "passed", "detail"),
    [
        ("**/*.md", "Total: 4(2|3)", True, "report.md matches Total: 4(2|3) in line 3"),
        ("report.md", "^Total", True, "report.md matches ^Total in line 3"),
        ("report.md", "^total", False, "nothing in report.md matches ^total"),
        ("*.md", "^total", False, "nothing in *.md matches ^total"),
        ("**", "^total", False, "nothing in any of the 4 files that match ** matches ^total"),
        ("none.md", ".", False, "no file matches none.md"),
        ("secret.md", "root", False, "no file matches secret.md (secret.md is a link)"),
        ("away/*", "root", False, "no file matches away/*"),
        ("pipe", ".", False, "no file matches pipe (pipe is a special file)"),
    ],
)
def test_text_that_matches(path: str, pattern: str, passed: bool, detail: str) -> None:
    assert evaluate.text_matches(path, pattern) == (passed, detail)


@pytest.mark.parametrize(
    ("text", "passed"),
    [
        ('{"scripts": {"build": "vite build"}}', True),
        ('{"scripts": {"build": ""}}', False),
        ('{"scripts": {"test": "build"}, "build": "x"}', False),
        ('{"scripts": ["build"]}', False),
        ('{"name": "page"}', False),
        ("[]", False),
    ],
)
def test_what_lies_at_a_pointer(left: Path, text: str, passed: bool) -> None:
    (left / "package.json").write_text(text)
    assert evaluate.json_holds("package.json", "/scripts/build")[0] is passed
    assert not evaluate.json_holds("none.json", "/scripts/build")[0]


def test_a_pointer_may_name_anything(left: Path) -> None:
    (left / "a.json").write_text('{"a/b": {"c~d": 1}}')
    assert evaluate.json_holds("*.json", "/a~1b/c~0d")[0]


def test_a_file_without_json_has_no_pointers(left: Path) -> None:
    (left / "package.json").write_text("{scripts")
    with pytest.raises(evaluate.WrongCheck, match=r"package\.json is not JSON: "):
        evaluate.json_holds("package.json", "/scripts/build")


@pytest.mark.parametrize("path", ["../attempt/report.md", "/etc/passwd", "src/../../x", "", "."])
def test_a_path_that_leads_outside_is_refused(path: str) -> None:
    for request in (
        {"kind": "file_exists", "path": path, "min_bytes": 1},
        {"kind": "text_matches", "path": path, "pattern": "."},
        {"kind": "json_holds", "path": path, "pointer": "/a"},
    ):
        with pytest.raises(evaluate.WrongCheck, match=OUTSIDE):
            evaluate.judge(request)


@pytest.mark.parametrize("pattern", ["a(", "*", "(?P<a>x)(?P<a>y)", "[z-a]", "a{99999999999}"])
def test_a_pattern_that_is_none_is_refused(pattern: str) -> None:
    with pytest.raises(evaluate.WrongCheck, match="is not a regular expression: "):
        evaluate.text_matches("report.md", pattern)


def test_bytes_that_are_no_text_are_searched_too(left: Path) -> None:
    (left / "raw").write_bytes(b"\xff\xfe\x00 total \xff")
    assert evaluate.text_matches("raw", "total")[0]


@pytest.mark.parametrize(
    ("schema", "passed", "detail"),
    [
        ("true", True, "the output satisfies the schema"),
        ('{"type": "object"}', True, "the output satisfies the schema"),
        ('{"$ref": "#/$defs/a", "$defs": {"a": {"required": ["n"]}}}', True, "the output"),
        ("false", False, "$: False schema does not allow {'n': 7}"),
        ('{"required": ["a"]}', False, "$: 'a' is a required property"),
        ('{"required": ["a", "b", "c"]}', False, "'c' is a required property"),
        ('{"required": ["a", "b", "c", "d"]}', False, "'c' is a required property (and more)"),
        ('{"properties": {"n": {"type": "string"}}}', False, "$.n: 7 is not of type 'string'"),
    ],
)
def test_output_that_satisfies(schema: str, passed: bool, detail: str) -> None:
    judged, said = evaluate_schema.judge(schema, {"n": 7})
    assert judged is passed
    assert said.startswith(detail) or said.endswith(detail)


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{", "the schema is not JSON: "),
        ('{"type": "objekt"}', "the schema is not a JSON Schema: 'objekt'"),
        ('{"pattern": "("}', "the schema is not a JSON Schema: '\\(' is not a 'regex'"),
        ('{"$ref": "http://127.0.0.1:1/x"}', "the schema refers to what it does not hold: "),
        ('{"$ref": "file:///etc/passwd"}', "the schema refers to what it does not hold: "),
        ('{"$ref": "#/$defs/a"}', "the schema refers to what it does not hold: "),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: str, reason: str) -> None:
    with pytest.raises(evaluate_schema.WrongSchema, match=reason):
        evaluate_schema.judge(schema, {})
