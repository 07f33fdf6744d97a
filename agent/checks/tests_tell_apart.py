"""Tells whether the tests in a directory notice broken code; run as a program, with `python -I`.

They have to pass on the code as it is, and to fail when all functions of one of its modules
return None, module by module. When that is decided, a smaller fault per module (a negated
comparison, another constant) is tried as well, and only remarked on. Everything runs in copies;
the directory is not touched. The argument is how many seconds there are for it; what they do not
suffice for is said, and decides nothing. Exit status: 0 when the tests tell right from broken, 1
when they do not, 2 when there are no tests or no code that they use.
"""

import ast
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

MOST_MODULES = 10
MOST_BYTES = 200 * 1024 * 1024
LEAST_SECONDS = 20.0  # for tests of broken code, which may run in circles
LONGEST_SECONDS = 600.0
SHARE = 0.9  # of the seconds that are given; the rest is for ending in good order
COPIED = {stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK}
SKIPPED = {"__pycache__", "node_modules", "venv", "site-packages"}
# pytest comes from the installation, also where the directory has a pytest.py of its own
PYTEST = "import pytest, sys; sys.path.insert(0, ''); sys.exit(pytest.main(sys.argv[1:]))"
OPTIONS = ("-q", "-x", "--no-header", "-p", "no:cacheprovider", "--tb=short")

Breaker = Callable[[ast.Module], bool]


class NothingToTry(ValueError):
    """There are no tests, or no code that they use; the message says which."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What pytest made of one copy."""

    passed: bool
    output: str
    seconds: float
    late: bool = False


@dataclass(frozen=True, slots=True)
class Tries:
    """Runs the tests on copies, until the clock (`time.monotonic`) says `until`."""

    root: Path
    tests: list[Path]
    scratch: Path
    until: float

    def on_the_code(self) -> Verdict:
        """What the tests say of the code as it is."""
        return _pytest(_copy(self.root, self.scratch / "right"), self.tests, self._left())

    def notice(self, module: Path, breaker: Breaker, seconds: float) -> bool | None:
        """Whether they notice the module broken, given so long; None when that was not tried."""
        if self._left() <= 0:
            return None
        with tempfile.TemporaryDirectory(dir=self.scratch, ignore_cleanup_errors=True) as place:
            folder = _copy(self.root, Path(place, "broken"))
            limit = min(seconds, self._left())
            if limit <= 0 or not _break(folder / module, breaker):
                return None
            verdict = _pytest(folder, self.tests, limit)
        cut_short = verdict.late and limit < seconds
        return None if cut_short else not verdict.passed

    def _left(self) -> float:
        return self.until - time.monotonic()


def main(root: Path, seconds: float = LONGEST_SECONDS) -> int:
    """Try it in `root` for so long at most, and say what came of it."""
    until = time.monotonic() + seconds
    try:
        tests, modules = find_work(root)
        with tempfile.TemporaryDirectory(prefix="apart-") as scratch:
            return _compare(Tries(root, tests, Path(scratch), until), modules)
    except NothingToTry as error:
        _say(error)
        return 2


def _compare(tries: Tries, modules: list[Path]) -> int:
    right = tries.on_the_code()
    if not right.passed:
        _say(f"{right.output}\nThe tests do not pass on the code as it is.")
        return 1
    limit = max(LEAST_SECONDS, 5 * right.seconds)
    noticed = {module: tries.notice(module, stub, limit) for module in modules}
    status = decide(noticed, right.seconds)
    if status == 0:
        for module in modules:
            if tries.notice(module, flip, limit) is False:
                _say(
                    f"Only remarked: no test notices one wrong comparison or constant in {module}."
                )
    return status


def decide(noticed: Mapping[Path, bool | None], seconds: float) -> int:
    """The verdict, from which modules' breaking was noticed; None for those not tried."""
    blind = [module for module, seen in noticed.items() if seen is False]
    for module in blind:
        _say(f"No test fails when every function of {module} returns None.")
    if blind:
        return 1
    tried = ", ".join(str(module) for module, seen in noticed.items() if seen)
    if not tried:
        _say(f"The tests take {seconds:.0f} s: there is no time left to try them on broken code.")
        return 1
    _say(f"The tests pass on the code as it is, and fail when it is broken: {tried}.")
    if left := ", ".join(str(module) for module, seen in noticed.items() if seen is None):
        _say(f"There was no time to break: {left}.")
    return 0


def _say(line: object) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def find_work(root: Path) -> tuple[list[Path], list[Path]]:
    """Test files, and the modules with functions that they use; relative to `root`."""
    programs = sorted(_programs(root))
    tests = [path for path in programs if _is_test(path)]
    if not tests:
        raise NothingToTry("There is no test file (test_*.py or *_test.py).")
    code = {path for path in programs if not _is_test(path) and path.name != "conftest.py"}
    used = _used(root, tests, code)
    modules = [path for path in sorted(used) if _functions(_parsed(root / path))]
    if not modules:
        raise NothingToTry("The tests use no module of this directory that has functions.")
    return tests, modules[:MOST_MODULES]


def _programs(root: Path) -> Iterator[Path]:
    total = 0
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if name not in SKIPPED and not name.startswith(".")]
        for name in files:
            path = Path(folder, name)
            if path.is_symlink():
                continue
            total += path.stat().st_size
            if total > MOST_BYTES:
                raise NothingToTry("The directory is too large to be copied for each try.")
            if path.suffix == ".py":
                yield path.relative_to(root)


def _is_test(path: Path) -> bool:
    return path.name.startswith("test_") or path.name.endswith("_test.py")


def _used(root: Path, tests: Iterable[Path], code: set[Path]) -> set[Path]:
    """What tests import or run, and what the packages among it only pass on."""
    used: set[Path] = set()
    waiting = list(tests)
    while waiting:
        path = waiting.pop()
        for name in _mentions(_parsed(root / path), path):
            for found in _files_of(name, path, code) - used:
                used.add(found)
                if found.name == "__init__.py":
                    waiting.append(found)
    return used


def _mentions(tree: ast.Module, path: Path) -> Iterator[tuple[str, ...]]:
    """Names of modules as their parts, and of programs as paths."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            package = path.parent.parts[: len(path.parent.parts) - node.level + 1]
            base = (*(package if node.level else ()), *(node.module or "").split("."))
            whole = tuple(part for part in base if part)
            yield whole
            yield from ((*whole, alias.name) for alias in node.names)
        elif isinstance(node, ast.Constant) and str(node.value).endswith(".py"):
            yield Path(str(node.value).removesuffix(".py")).parts


def _files_of(name: tuple[str, ...], user: Path, code: set[Path]) -> set[Path]:
    """Where a module of that name may lie: beside its user, at the top, or in src."""
    if not name:
        return set()
    places = (user.parent, Path(), Path("src"), user.parent.parent)
    found: set[Path] = set()
    for place in places:
        found |= {
            place.joinpath(*name[:-1], f"{name[-1]}.py"),
            place.joinpath(*name, "__init__.py"),
        }
    return found & code


def _parsed(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError):  # pytest will say so
        return ast.Module(body=[], type_ignores=[])


def _functions(tree: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, kinds)]


def stub(tree: ast.Module) -> bool:
    """Every function returns None."""
    functions = _functions(tree)
    for function in functions:
        function.body = [ast.Return(value=None)]
    return bool(functions)


def flip(tree: ast.Module) -> bool:
    """One comparison is negated; where there is none, one constant changes."""
    inside = [node for function in _functions(tree) for node in ast.walk(function)]
    for node in inside:
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            node.ops = [_opposite(node.ops[0])]
            return True
    for node in inside:
        if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
            node.value = not node.value if isinstance(node.value, bool) else node.value + 1
            return True
    return False


def _opposite(operator: ast.cmpop) -> ast.cmpop:
    pairs: tuple[tuple[type[ast.cmpop], type[ast.cmpop]], ...] = (
        (ast.Eq, ast.NotEq),
        (ast.Lt, ast.GtE),
        (ast.Gt, ast.LtE),
        (ast.Is, ast.IsNot),
        (ast.In, ast.NotIn),
    )
    for one, other in pairs:
        if isinstance(operator, one):
            return other()
        if isinstance(operator, other):
            return one()
    raise AssertionError(f"a new comparison: {operator}")


def _break(module: Path, breaker: Breaker) -> bool:
    tree = _parsed(module)
    changed = breaker(tree)
    if changed:
        module.write_text(ast.unparse(ast.fix_missing_locations(tree)), "utf-8")
    return changed


def _copy(root: Path, target: Path) -> Path:
    shutil.copytree(root, target, symlinks=True, ignore=_left_out)
    return target


def _left_out(folder: str, names: list[str]) -> set[str]:
    """What is nobody's source, and what cannot be copied, such as pipes and sockets."""
    return {
        name
        for name in names
        if name in SKIPPED
        or name.startswith(".")
        or stat.S_IFMT(Path(folder, name).lstat().st_mode) not in COPIED
    }


def _pytest(folder: Path, tests: Iterable[Path], seconds: float) -> Verdict:
    started = time.monotonic()
    words = [sys.executable, "-P", "-c", PYTEST, *OPTIONS, *(str(path) for path in tests)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        ran = subprocess.run(
            words,
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Verdict(False, f"not done after {seconds:.0f} s", seconds, late=True)
    return Verdict(ran.returncode == 0, ran.stdout[-8000:], time.monotonic() - started)


if __name__ == "__main__":
    sys.exit(main(Path.cwd(), *(SHARE * float(given) for given in sys.argv[1:])))
