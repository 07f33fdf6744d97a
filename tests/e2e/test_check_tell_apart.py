"""Whether tests notice broken code, tried with real pytest."""

import subprocess
import sys
from pathlib import Path

import pytest

from agent.checks import tests_tell_apart

CODE = "def add(a, b):\n    return a + b\n\n\ndef is_large(n):\n    return n > 10\n"
TELLING = """
from calc import add, is_large

def test_add():
    assert add(2, 3) == 5

def test_large():
    assert is_large(11)
    assert not is_large(10)
"""
BLIND = "import calc\n\ndef test_add():\n    assert calc.add\n"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")


def tried(root: Path, seconds: float = 60, **files: str) -> int:
    """The exit status for these modules."""
    for name, text in files.items():
        (root / f"{name}.py").write_text(text)
    return tests_tell_apart.main(root, seconds)


def test_tests_that_tell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(tmp_path, calc=CODE, test_calc=TELLING) == 0
    assert capsys.readouterr().out == (
        "The tests pass on the code as it is, and fail when it is broken: calc.py.\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["calc.py", "test_calc.py"]
    assert (tmp_path / "calc.py").read_text() == CODE


def test_tests_that_miss_a_limit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    loose = "from calc import is_large\n\ndef test_it():\n    assert is_large(5) is not None\n"
    assert tried(tmp_path, calc=CODE, test_calc=loose) == 0
    verdict, remark = capsys.readouterr().out.splitlines()
    assert verdict.startswith("The tests pass on the code as it is, and fail when it is broken")
    assert remark.startswith("Only remarked: no test notices")


def test_tests_that_notice_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the directory brings a pytest of its own that likes everything."""
    liar = "import sys\n\nprint('1 passed')\nsys.exit(0)\n"
    assert tried(tmp_path, calc=CODE, test_calc=BLIND, pytest=liar) == 1
    assert capsys.readouterr().out == (
        "No test fails when every function of calc.py returns None.\n"
    )


def test_tests_that_fail_on_the_right_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = "from calc import add\n\ndef test_it():\n    assert add(1, 1) == 3\n"
    liar = "import sys\n\nprint('1 passed')\nsys.exit(0)\n"
    assert tried(tmp_path, calc=CODE, test_calc=wrong, pytest=liar) == 1
    said = capsys.readouterr().out
    assert "assert 2 == 3" in said
    assert said.endswith("The tests do not pass on the code as it is.\n")


SLOW = "import time\n\ntime.sleep({})\n"


def test_what_is_not_done_in_time_decides_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first module is broken at once; breaking the second takes longer than there is time."""
    circling = "\ndef test_go():\n    while other.go() is None:\n        pass\n"
    tests = f"import other\n{TELLING}{circling}"
    go = "def go():\n    return 1\n"
    assert tried(tmp_path, seconds=6, calc=CODE, other=go, test_calc=tests) == 0
    assert capsys.readouterr().out == (
        "The tests pass on the code as it is, and fail when it is broken: calc.py.\n"
        "There was no time to break: other.py.\n"
    )


def test_tests_without_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tried(tmp_path, seconds=1, calc=CODE, test_calc=SLOW.format(60) + TELLING) == 1
    assert capsys.readouterr().out.endswith("The tests do not pass on the code as it is.\n")


def test_the_program_ends_before_its_time_is_up(tmp_path: Path) -> None:
    (tmp_path / "calc.py").write_text(CODE)
    (tmp_path / "test_calc.py").write_text(SLOW.format(60) + TELLING)
    words = [sys.executable, "-I", tests_tell_apart.__file__, "2"]
    ran = subprocess.run(words, cwd=tmp_path, capture_output=True, timeout=20, check=False)
    assert (ran.returncode, ran.stdout.decode().splitlines()[0]) == (1, "not done after 2 s")
