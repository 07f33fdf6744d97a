"""What lies in an attempt's directory, and what changed in it."""

import os
from pathlib import Path

from agent.workspace_state import changes, snapshot


def write(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


async def test_changes_are_told_by_content(tmp_path: Path) -> None:
    write(tmp_path, "kept.txt", "same")
    write(tmp_path, "sub/changed.txt", "before")
    write(tmp_path, "gone.txt", "x")
    before = await snapshot(tmp_path)
    assert set(before) == {"kept.txt", "sub/changed.txt", "gone.txt"}
    write(tmp_path, "kept.txt", "same")
    write(tmp_path, "sub/changed.txt", "after.")
    write(tmp_path, "sub/new.txt", "")
    (tmp_path / "gone.txt").unlink()
    after = await snapshot(tmp_path)
    assert changes(before, after) == (
        "added sub/new.txt",
        "changed sub/changed.txt",
        "removed gone.txt",
    )
    assert changes(after, after) == ()


async def test_what_programs_keep_for_themselves_is_no_work(tmp_path: Path) -> None:
    before = await snapshot(tmp_path)
    for name in (
        "__pycache__/a.pyc",
        ".pytest_cache/v",
        "deep/.ruff_cache/x",
        "deep/.mypy_cache/y",
        "node_modules/z/index.js",
        ".git/objects/0a",
        "deep/.venv/bin/python",
        "tools/env/pyvenv.cfg",
        "tools/env/lib/site.py",
    ):
        write(tmp_path, name, "cache")
    write(tmp_path, "deep/.hidden", "this one counts")
    assert changes(before, await snapshot(tmp_path)) == ("added deep/.hidden",)


async def test_packages_do_not_use_up_what_is_seen(tmp_path: Path) -> None:
    write(tmp_path, "env/pyvenv.cfg", "home = /usr")
    for number in range(2_001):
        (tmp_path / f"env/{number:04}.py").touch()
    write(tmp_path, "src/app.py", "before")
    before = await snapshot(tmp_path)
    write(tmp_path, "src/app.py", "after.")
    assert changes(before, await snapshot(tmp_path)) == ("changed src/app.py",)


async def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    write(outside, "secret.txt", "of another")
    inside.mkdir()
    (inside / "file").symlink_to(outside / "secret.txt")
    (inside / "folder").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    before = await snapshot(inside)
    assert "folder/secret.txt" not in before
    assert not any(name.startswith("loop/") for name in before)
    write(outside, "secret.txt", "changed there")
    assert changes(before, await snapshot(inside)) == ()
    (inside / "file").unlink()
    write(inside, "file", "of another")
    assert changes(before, await snapshot(inside)) == ("changed file",)


async def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    write(tmp_path, "plain", "x")
    assert set(await snapshot(tmp_path)) == {"pipe", "plain"}


async def test_a_large_file_is_told_by_its_start_its_size_and_its_time(tmp_path: Path) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(3 << 20))
    before = await snapshot(tmp_path)
    assert changes(before, await snapshot(tmp_path)) == ()
    with large.open("r+b") as file:
        file.seek(2 << 20)
        file.write(b"x")
    later = large.stat().st_mtime_ns + 1_000_000
    os.utime(large, ns=(later, later))
    assert changes(before, await snapshot(tmp_path)) == ("changed large.bin",)


async def test_the_order_is_the_same_each_time_and_bounded(tmp_path: Path) -> None:
    for number in range(2_001):
        (tmp_path / f"{number:04}").touch()
    found = await snapshot(tmp_path)
    assert list(found) == [f"{number:04}" for number in range(2_000)]


async def test_an_empty_or_missing_directory_holds_nothing(tmp_path: Path) -> None:
    assert await snapshot(tmp_path) == {}
    assert await snapshot(tmp_path / "nowhere") == {}
