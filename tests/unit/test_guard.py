"""The path guard: what file tools may touch, whatever a path is spelt like."""

from pathlib import Path

import pytest

from agent.guard import PathGuard


@pytest.fixture
def task(tmp_path: Path) -> Path:
    for folder in ("task/attempt/sub", "task/context", "other"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "other/secret.txt").write_text("secret")
    (tmp_path / "task/attempt/link").symlink_to(tmp_path / "other")
    (tmp_path / "task/attempt/inward").symlink_to(tmp_path / "task/context")
    (tmp_path / "task/attempt/loop").symlink_to(tmp_path / "task/attempt/loop")
    return tmp_path / "task"


@pytest.fixture
def guard(task: Path) -> PathGuard:
    return PathGuard(writable=task / "attempt", readable=(task,))


@pytest.mark.parametrize(
    "path",
    ["notes.txt", "sub/new/deep.txt", "{task}/attempt/a", "sub/../b", "./c", "inward/../attempt/d"],
)
def test_paths_inside_may_be_read_and_written(guard: PathGuard, task: Path, path: str) -> None:
    path = path.format(task=task)
    assert guard.refusal("Read", {"file_path": path}) is None
    assert guard.refusal("Write", {"file_path": path, "content": ""}) is None
    assert guard.refusal("Edit", {"file_path": path}) is None
    assert guard.refusal("NotebookEdit", {"notebook_path": path}) is None


@pytest.mark.parametrize("path", ["{task}/context/in.csv", "../context/in.csv", "inward/in.csv"])
def test_the_rest_of_the_task_may_only_be_read(guard: PathGuard, task: Path, path: str) -> None:
    path = path.format(task=task)
    assert guard.refusal("Read", {"file_path": path}) is None
    assert "may write" in (guard.refusal("Write", {"file_path": path}) or "")


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "//etc/passwd",
        "../../other/secret.txt",
        "{task}/../other/secret.txt",
        "{task}-twin/file",
        "link/secret.txt",
        "link/new.txt",
        "sub/../../../other/secret.txt",
        "loop/x",
        "~/.ssh/id_rsa",
        "~root/x",
        "/proc/self/environ",
        "/proc/self/cwd/../x",
        "a\0b",
        "",
        None,
        7,
        ["a"],
    ],
)
def test_nothing_outside_may_be_touched(guard: PathGuard, task: Path, path: object) -> None:
    spelt = path.format(task=task) if isinstance(path, str) else path
    assert guard.refusal("Read", {"file_path": spelt})
    assert guard.refusal("Write", {"file_path": spelt})
    assert guard.refusal("Edit", {"file_path": spelt})
    assert guard.refusal("NotebookEdit", {"notebook_path": spelt})


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Glob", {"pattern": "**/*.py"}),
        ("Glob", {"pattern": "{task}/context/*.csv"}),
        ("Glob", {"pattern": "*", "path": "{task}/context"}),
        ("Grep", {"pattern": "/etc/../passwd"}),
        ("Grep", {"pattern": "x", "path": "{task}", "glob": "*.md"}),
        ("Bash", {"command": "cat /etc/passwd"}),
        ("mcp__quintet__query_database", {"file_path": "/etc/passwd"}),
    ],
)
def test_searches_inside_and_other_tools_pass(
    guard: PathGuard, task: Path, tool: str, arguments: dict[str, str]
) -> None:
    spelt = {name: value.format(task=task) for name, value in arguments.items()}
    assert guard.refusal(tool, spelt) is None


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("Glob", {"pattern": "/etc/*"}),
        ("Glob", {"pattern": "../../other/*"}),
        ("Glob", {"pattern": "*/../../../other/*"}),
        ("Glob", {"pattern": "link/*"}),
        ("Glob", {"pattern": "*", "path": "/"}),
        ("Glob", {"pattern": 3}),
        ("Grep", {"pattern": "key", "path": "/root"}),
        ("Grep", {"pattern": "key", "path": "link"}),
        ("Grep", {"pattern": "key", "glob": "../../*"}),
    ],
)
def test_searches_do_not_leave(guard: PathGuard, tool: str, arguments: dict[str, str]) -> None:
    assert guard.refusal(tool, arguments)


def test_a_root_reached_through_a_link_is_the_same_root(task: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(task)
    guard = PathGuard(writable=tmp_path / "alias/attempt")
    assert guard.refusal("Write", {"file_path": str(task / "attempt/a.txt")}) is None
    assert guard.refusal("Write", {"file_path": str(tmp_path / "alias/attempt/a.txt")}) is None


def test_a_refusal_says_what_is_allowed(guard: PathGuard, task: Path) -> None:
    refusal = guard.refusal("Write", {"file_path": "/etc/hosts"})
    assert refusal is not None
    assert "/etc/hosts" in refusal
    assert str(task / "attempt") in refusal
