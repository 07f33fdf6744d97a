"""requirements/: what each image installs is what its package needs, at the common versions."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = {
    "orchestrator": ("orchestrator", "shared/database/migrate.py"),
    "agent": ("agent",),
    "ui": ("ui",),
}
# installed for another reason than an import of ours
NOT_IMPORTED = {
    "orchestrator": {"python-multipart", "websockets"},
    "agent": {"matplotlib", "pandas", "pytest", "ruff"},
    "ui": set[str](),
}
# imported by another name than it is installed by
PART_OF = {
    "PIL": "pillow",
    "markdown_it": "markdown-it-py",
    "pydantic_core": "pydantic",
    "yaml": "pyyaml",
}


def wanted(file: str) -> set[str]:
    """The names in an .in file."""
    lines = (ROOT / file).read_text("utf-8").splitlines()
    return {
        re.split(r"[\[=;<>~ ]", line)[0]
        for line in lines
        if line and not line.startswith(("#", "-"))
    }


def pinned(file: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Each package of a lock with its version and hashes."""
    text = (ROOT / file).read_text("utf-8")
    return {
        match[1]: (match[2], frozenset(re.findall(r"sha256:(\w+)", match[3])))
        for match in re.finditer(r"^([\w.-]+)==([\w.!+-]+)(.*(?:\n {4}.*)*)", text, re.MULTILINE)
    }


def imports(path: Path) -> Iterator[str]:
    """Dotted names of all that a module imports; a name from a package counts as a module too."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module_file(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    found = [path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()]
    return found[0] if found else None


def foreign_imports(roots: tuple[str, ...]) -> set[str]:
    """The libraries that these folders and modules, and what they use of shared/, import."""
    waiting = [
        path
        for root in roots
        for path in ([ROOT / root] if root.endswith(".py") else (ROOT / root).rglob("*.py"))
    ]
    seen: set[Path] = set()
    found: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        for name in imports(path):
            top = name.partition(".")[0]
            if (file := module_file(name)) is not None:
                waiting.append(file)
            elif not (ROOT / top).is_dir():
                found.add(top)
    return {PART_OF.get(name, name) for name in found - sys.stdlib_module_names}


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_installs_what_its_package_imports(image: str) -> None:
    imported = {name.replace("_", "-") for name in foreign_imports(IMAGES[image])}
    assert wanted(f"requirements/{image}.in") == imported | NOT_IMPORTED[image]


@pytest.mark.parametrize("image", IMAGES)
def test_a_lock_holds_all_that_is_wanted(image: str) -> None:
    assert wanted(f"requirements/{image}.in") <= set(pinned(f"requirements/{image}.txt"))


@pytest.mark.parametrize("image", IMAGES)
def test_a_lock_is_a_part_of_the_common_one(image: str) -> None:
    common, own = pinned("requirements.txt"), pinned(f"requirements/{image}.txt")
    assert {name: common.get(name) for name in own} == own
    assert all(hashes for _, hashes in own.values())


def test_together_the_images_install_everything() -> None:
    together = {name for image in IMAGES for name in pinned(f"requirements/{image}.txt")}
    assert wanted("requirements.in") - together == set()


def test_the_dashboard_knows_no_database_and_no_model() -> None:
    assert not {"anthropic", "asyncpg", "redis"} & set(pinned("requirements/ui.txt"))
