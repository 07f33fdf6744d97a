"""A task's files: safe names, paths that stay inside, publishing by one rename."""

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import WorkspaceError
from shared.workspace import Workspace, manifest, open_inside, relative_parts, safe_name

OUTSIDE = [
    "", ".", "..", "/", "//", "/etc/passwd", "../x", "a/../x", "a/..", "a/../../x", "./../x",
    "a/./../..", "\x00", "a\x00", "a/\x00b", "\\", "..\\x", "a\\b", "C:\\x",
]  # fmt: skip


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("a.csv", "a.csv"),
        ("/x/y/a.csv", "a.csv"),
        ("..\\a.csv", "a.csv"),
        ("..", "file"),
        ("", "file"),
        (".bashrc", "bashrc"),
        ("--help", "help"),
        ("-.x", "x"),
        ("a\x00\n\tb.txt", "a_b.txt"),
        ("\ud800.txt", "_.txt"),
        ("\u2025/x", "x"),
        ("\uff0e\uff0e\uff0fetc", "etc"),
        ("ﬁle.txt", "file.txt"),
        ("a.tar.gz", "a.tar.gz"),
    ],
)
def test_a_name_is_made_safe(given_name: str, expected: str) -> None:
    assert safe_name(given_name) == expected


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(st.lists(st.text(max_size=400), min_size=1, max_size=6))
def test_any_names_become_distinct_file_names(names: list[str]) -> None:
    taken: list[str] = ["task.json"]
    for name in names:
        taken.append(safe_name(name, taken))
    assert len({name.lower() for name in taken}) == len(taken)
    for name in taken:
        assert 0 < len(name.encode()) <= 255
        assert not name.startswith((".", "-"))
        assert "/" not in name
        assert name.isprintable()


@pytest.mark.parametrize("path", OUTSIDE)
def test_a_path_that_leads_outside_is_refused(path: str, tmp_path: Path) -> None:
    with pytest.raises(WorkspaceError, match="not a path inside"):
        relative_parts(path)
    with pytest.raises(WorkspaceError):
        open_inside(tmp_path, path)


def test_a_path_inside_is_taken_apart() -> None:
    assert relative_parts("a//b/./c.txt") == ("a", "b", "c.txt")
    assert relative_parts("..a/b..") == ("..a", "b..")


def test_only_regular_files_are_opened_and_no_link_is_followed(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / "folder").mkdir(parents=True)
    (inside / "folder" / "x.txt").write_text("x", "utf-8")
    (tmp_path / "secret").write_text("secret", "utf-8")
    (inside / "link").symlink_to(tmp_path / "secret")
    (inside / "up").symlink_to(tmp_path)
    (inside / "near").symlink_to("folder")
    os.mkfifo(inside / "pipe")
    with os.fdopen(open_inside(inside, "folder/x.txt")) as file:
        assert file.read() == "x"
    before = _descriptors()
    for path in ("link", "up/secret", "near/x.txt", "folder", "pipe", "gone", "folder/x.txt/y"):
        with pytest.raises(WorkspaceError):
            open_inside(inside, path)
    with pytest.raises(OSError, match="gone"):
        open_inside(inside / "gone", "x")
    assert _descriptors() == before


def test_a_link_swapped_in_meanwhile_is_refused(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    (inside / "folder").mkdir(parents=True)
    (inside / "folder" / "x").write_text("mine", "utf-8")
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / "x").write_text("secret", "utf-8")
    for turn in range(200):
        if turn % 2:
            (inside / "folder").rename(inside / "aside")
            (inside / "folder").symlink_to(tmp_path / "evil")
        try:
            with os.fdopen(open_inside(inside, "folder/x")) as file:
                assert file.read() == "mine"
        except WorkspaceError:
            assert turn % 2
        if turn % 2:
            (inside / "folder").unlink()
            (inside / "aside").rename(inside / "folder")


async def test_a_manifest_says_each_file_once(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b.txt").write_bytes(b"abc")
    (entry,) = await manifest(tmp_path, ["a/b.txt", "a//b.txt", "./a/b.txt"])
    assert (entry.path, entry.size) == ("a/b.txt", 3)
    assert entry.sha256 == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    with pytest.raises(WorkspaceError, match="cannot be opened"):
        await manifest(tmp_path, ["gone.txt"])


async def test_a_large_manifest_lets_others_run(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(bytes(8 << 20))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(other())
    await manifest(tmp_path, ["big"])
    beside.cancel()
    assert turns >= 8


def test_publishing_moves_once_and_says_whether_there_was_anything(tmp_path: Path) -> None:
    workspace, subtask_id = Workspace(tmp_path, uuid4()), uuid4()
    workspace.prepare()
    workspace.prepare()
    assert not workspace.publish(subtask_id, 1)
    made = workspace.attempt(subtask_id, 1)
    made.mkdir(parents=True)
    (made / "x").write_text("x", "utf-8")
    assert workspace.files_of(subtask_id, 1) == made
    for _ in range(2):
        assert workspace.publish(subtask_id, 1)
        assert workspace.files_of(subtask_id, 1) == workspace.published(subtask_id, 1)
    assert (workspace.published(subtask_id, 1) / "x").read_text("utf-8") == "x"
    assert not made.exists()
    workspace.remove()
    workspace.remove()
    assert not workspace.path.exists()


def test_a_disk_that_refuses_is_a_workspace_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WorkspaceError, match="cannot make the task's folder") as caught:
        Workspace(tmp_path / "file", uuid4()).prepare()
    assert "SHARED_FILES_DIR" in caught.value.remedy


def _descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
