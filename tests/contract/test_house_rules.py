"""The rules of this house that no linter knows."""

import ast
import importlib
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from shared import errors, states

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "orchestrator", "agent", "ui")
SERVICES = ("shared", "orchestrator", "agent")
CODE = (*PACKAGES, "scripts")
SUFFIXES = {".py", ".sql", ".sh", ".js", ".css", ".toml"}
FILE_LINES = 600
FUNCTION_LINES = 60
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
PROCESS_CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}


@cache
def files(*folders: str) -> tuple[Path, ...]:
    """Our source files in these folders."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*"))
    return tuple(sorted(path for path in found if path.suffix in SUFFIXES and path.is_file()))


@cache
def tree(path: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(path.read_text("utf-8"), str(path))


def modules(*folders: str) -> Iterator[tuple[str, ast.Module]]:
    """Name and syntax tree of every module in these folders."""
    for path in files(*folders):
        if path.suffix == ".py":
            yield str(path.relative_to(ROOT)), tree(path)


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method, nested ones too."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(module: ast.Module) -> set[str]:
    """The modules that a module imports."""
    names = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return names


def length(path: Path) -> int:
    """Lines of a file."""
    return len(path.read_text("utf-8").splitlines())


def test_there_is_code_to_look_at() -> None:
    assert all(len(files(folder)) > 5 for folder in (*CODE, "tests"))


def test_no_file_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path.relative_to(ROOT)) for path in files(*CODE, "tests") if length(path) > FILE_LINES
    }
    assert long == set(), "split it by its reader's reasons"


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{name} {function.name}"
        for name, module in modules(*CODE)
        for function in functions(module)
        if (function.end_lineno or 0) - function.lineno + 1 > FUNCTION_LINES
    }
    assert long == set(), "split it; name an exception with its reason"


def test_modules_are_named_for_what_they_hold() -> None:
    empty = [
        str(path.relative_to(ROOT))
        for path in files(*CODE, "tests")
        if EMPTY_NAMES & {path.stem, *path.relative_to(ROOT).parent.parts}
    ]
    assert empty == []


def test_no_service_compares_its_own_clock_with_the_ledgers() -> None:
    """Times come from PostgreSQL's now(); the loop's clock measures waits."""
    read = [
        f"{name}:{node.lineno}"
        for name, module in modules(*SERVICES)
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func).replace("datetime.datetime", "datetime") in PROCESS_CLOCKS
    ]
    assert read == []


def test_the_dashboard_never_trusts_html() -> None:
    assert [path.name for path in files("ui") if "unsafe_allow_html" in path.read_text()] == []


def test_the_words_need_nothing_but_python() -> None:
    assert imported(tree(Path(states.__file__))) <= sys.stdlib_module_names | {"collections.abc"}
    ours = imported(tree(Path(errors.__file__))) - sys.stdlib_module_names
    assert ours == {"shared.states"}


@pytest.mark.parametrize("name", PACKAGES)
def test_our_packages_are_ours(name: str) -> None:
    """Others publish packages of the same names; ours must win."""
    file = importlib.import_module(name).__file__
    assert file is not None
    assert Path(file) == ROOT / name / "__init__.py"


def test_the_build_takes_exactly_our_packages() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    find = project["tool"]["setuptools"]["packages"]["find"]
    assert find["include"] == [f"{name}*" for name in PACKAGES]


@pytest.mark.parametrize("name", ["shared", "ui"])
def test_the_client_is_typed_for_others_too(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "py.typed" in project["tool"]["setuptools"]["package-data"][name]
    assert (ROOT / name / "py.typed").is_file()


def test_the_error_tree_is_drawn_as_it_is() -> None:
    """Each class of shared/errors.py stands in its docstring, below its parent."""
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        name = line.lstrip("│├└─ ").split(" ")[0]
        if not name.isidentifier() or not (line[0] in "│├└ " or name == "QuintetError"):
            continue
        depth = (len(line) - len(line.lstrip("│├└─ "))) // 4
        path[depth:] = [name]
        drawn[name] = path[depth - 1] if depth else None
    defined = {
        node.name: ast.unparse(node.bases[0])
        for node in tree(Path(errors.__file__)).body
        if isinstance(node, ast.ClassDef)
    }
    assert drawn == defined | {"QuintetError": None}


def test_errors_of_one_module_grow_on_the_tree() -> None:
    """An error that a caller may meet is one of ours; a bare one has no remedy and no status."""
    bare = [
        f"{name}:{node.lineno} {node.name}"
        for name, module in modules(*PACKAGES)
        for node in ast.walk(module)
        if isinstance(node, ast.ClassDef)
        and node.name != "QuintetError"
        and {"Exception", "BaseException"} & {ast.unparse(base) for base in node.bases}
    ]
    assert bare == []
