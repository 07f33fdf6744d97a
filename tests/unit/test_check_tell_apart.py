"""What is looked at and how it is broken, before pytest has a say."""

import ast
from pathlib import Path

import pytest

from agent.checks import tests_tell_apart
from agent.checks.tests_tell_apart import NothingToTry, decide, find_work, flip, stub

CODE = "def run():\n    return 1\n"


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


@pytest.mark.parametrize(
    ("use", "module"),
    [
        ("import app", "app.py"),
        ("import pack.deep.app", "pack/deep/app.py"),
        ("from pack import app", "pack/app.py"),
        ("from pack.app import run", "pack/app.py"),
        ("import app", "src/app.py"),
        ("import app", "tests/app.py"),
        ("from . import app", "tests/app.py"),
        ("from .app import run", "tests/app.py"),
        ("from ..pack import app", "pack/app.py"),
        ("import pack", "pack/__init__.py"),
        ("import subprocess\nsubprocess.run(['python', './app.py'])", "app.py"),
        ("def test_it():\n    from app import run", "app.py"),
    ],
)
def test_the_modules_that_tests_use_are_found(tmp_path: Path, use: str, module: str) -> None:
    write(tmp_path, {module: CODE, "tests/test_it.py": use, "unused.py": CODE, "conftest.py": use})
    assert find_work(tmp_path) == ([Path("tests/test_it.py")], [Path(module)])


def test_a_package_is_seen_through_and_a_module_is_not(tmp_path: Path) -> None:
    package = {
        "pack/__init__.py": "from .core import run\n",
        "pack/core.py": "import deep\n" + CODE,
    }
    write(tmp_path, {**package, "deep.py": CODE, "it_test.py": "from pack import run\n"})
    assert find_work(tmp_path)[1] == [Path("pack/core.py")]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "There is no test file"),
        ({"app.py": CODE}, "There is no test file"),
        ({".venv/test_it.py": "import app", "app.py": CODE}, "There is no test file"),
        ({"test_it.py": "import app"}, "use no module of this directory"),
        ({"app.py": CODE, "test_it.py": "import json"}, "use no module of this directory"),
        ({"app.py": CODE, "test_it.py": "import ("}, "use no module of this directory"),
        ({"app.py": "A = 1", "test_it.py": "import app"}, "that has functions"),
    ],
)
def test_nothing_to_try(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], files: dict[str, str], said: str
) -> None:
    write(tmp_path, files)
    assert tests_tell_apart.main(tmp_path) == 2
    assert said in capsys.readouterr().out


def test_links_are_not_followed(tmp_path: Path) -> None:
    write(tmp_path, {"outside/app.py": CODE, "root/test_it.py": "import app, away.app"})
    (tmp_path / "root/app.py").symlink_to(tmp_path / "outside/app.py")
    (tmp_path / "root/away").symlink_to(tmp_path / "outside")
    with pytest.raises(NothingToTry):
        find_work(tmp_path / "root")


def test_a_directory_that_is_too_large_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {"test_it.py": "import app", "app.py": CODE})
    with (tmp_path / "large").open("wb") as file:
        file.truncate(tests_tell_apart.MOST_BYTES)
    with pytest.raises(NothingToTry, match="too large"):
        find_work(tmp_path)


def test_a_stub_returns_nothing_anywhere() -> None:
    tree = ast.parse(
        "X = 1\nclass A:\n    async def f(self):\n        def g(): yield 1\n        g()\n"
    )
    assert stub(tree)
    assert ast.unparse(tree) == "X = 1\n\nclass A:\n\n    async def f(self):\n        return"
    assert not stub(ast.parse("X = 1"))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a == b", "a != b"),
        ("a != b", "a == b"),
        ("a < b", "a >= b"),
        ("a >= b", "a < b"),
        ("a > b", "a <= b"),
        ("a <= b", "a > b"),
        ("a is None", "a is not None"),
        ("a not in b", "a in b"),
        ("a + 1", "a + 2"),
        ("a or False", "a or True"),
        ("0 < a < 9", "1 < a < 9"),
    ],
)
def test_one_small_fault(before: str, after: str) -> None:
    tree = ast.parse(f"if X == 1:\n    pass\n\ndef f(a, b):\n    return {before}")
    assert flip(tree)
    assert ast.unparse(tree) == f"if X == 1:\n    pass\n\ndef f(a, b):\n    return {after}"
    assert not flip(ast.parse("X == 1\n\ndef f(a):\n    return a"))


def test_the_verdict_is_about_what_was_tried(capsys: pytest.CaptureFixture[str]) -> None:
    a, b = Path("a.py"), Path("b.py")
    assert decide({a: True, b: None}, 9) == 0
    assert "fail when it is broken: a.py." in capsys.readouterr().out
    assert decide({a: None, b: False}, 9) == 1
    assert decide({a: None, b: None}, 99.6) == 1
    assert capsys.readouterr().out.endswith(
        "The tests take 100 s: there is no time left to try them on broken code.\n"
    )
