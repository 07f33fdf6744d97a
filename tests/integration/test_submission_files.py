"""Files that come with a task: under safe names of ours, byte for byte, or not at all."""

import os
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.database.connection import Pool
from tests.api_world import DESCRIPTION, LIMITS, Api, digest, open_api, problem

FIELDS = {"description": DESCRIPTION}
NAMES = [
    ("plain.csv", "plain.csv"),
    ("../../../etc/passwd", "passwd"),
    ("..\\..\\windows\\system.ini", "system.ini"),
    ("/absolute/path.txt", "path.txt"),
    ("C:\\temp\\a.b", "a.b"),
    (".env", "env"),
    ("..", "file"),
    ("...", "file"),
    ("-rf", "rf"),
    (".claude/settings.json", "settings.json"),
    ("task.json", "task-2.json"),
    ("TASK.JSON", "TASK-2.JSON"),
    ("prerequisites", "prerequisites-2"),
    ("a b;rm -rf $HOME`id`|x.txt", "a_b_rm_-rf_HOME_id_x.txt"),
    ("\uff05\uff0e/x", "x"),
    ("\u202egnp.exe", "_gnp.exe"),
    ("Größe.csv", "Größe.csv"),
    ("cafe\u0301.txt", "café.txt"),
    ("漢字.txt", "漢字.txt"),
    ("漢" * 300 + ".txt", "漢" * 53 + ".txt"),
    ("x" * 500 + "." + "y" * 500, "x" * 160 + "." + "y" * 32),
    ("no_suffix", "no_suffix"),
    ("ends.with.dot.", "ends.with.dot"),
    ("🙂", "_"),
]


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    async with open_api(pool, redis_url, tmp_path / "files") as api:
        api.files.mkdir()
        yield api
        rows = await pool.fetch("SELECT id FROM tasks")
        assert names(api.files) <= {str(row["id"]) for row in rows}
        assert names(tmp_path) == {"files"}


def names(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


def form(*files: tuple[str, Any], fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """A multipart body with these files in the field `files`."""
    return {"data": FIELDS if fields is None else fields, "files": [("files", f) for f in files]}


async def send(api: Api, *files: tuple[str, Any]) -> dict[str, Any]:
    """The task that was accepted with these files."""
    answer = await api.client.post("/tasks", **form(*files))
    assert answer.status_code == 202, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def kept(api: Api, task_id: str) -> dict[str, bytes]:
    """What lies in a task's context, wherever it is."""
    root = api.files / task_id
    return {
        str(path.relative_to(root / "context")): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


async def test_every_name_lands_under_a_safe_one(api: Api) -> None:
    for given, expected in NAMES:
        content = os.urandom(100)
        shown = await send(api, (given, content))
        assert kept(api, shown["id"]) == {expected: content}, given
        assert shown["context_files"] == [
            {"name": expected, "size": 100, "sha256": digest(content)}
        ], given
        assert len(expected.encode()) <= 255


async def test_an_accepted_file_is_on_the_disk_before_the_ledger_knows_of_it(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: dict[int, bool] = {}
    sync = os.fsync

    def noted(descriptor: int) -> None:
        on_the_loop = threading.current_thread() is threading.main_thread()
        synced[os.fstat(descriptor).st_ino] = on_the_loop
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    shown = await send(api, ("a.csv", b"a"), ("b.csv", b"b"))
    folder = api.files / shown["id"]
    wanted = (folder / "context/a.csv", folder / "context/b.csv", folder / "context", folder)
    assert {path.stat().st_ino for path in (*wanted, api.files)} == set(synced)
    assert not any(synced.values())


async def test_files_of_one_name_are_kept_apart(api: Api) -> None:
    contents = {f"{number}".encode() for number in range(5)}
    names = ("a.txt", "A.txt", "x/a.txt", "a-2.txt", "\uff41.txt")
    shown = await send(api, *zip(names, contents, strict=True))
    found = kept(api, shown["id"])
    assert len({name.lower() for name in found}) == 5
    assert set(found.values()) == contents
    assert {(f["name"], f["sha256"]) for f in shown["context_files"]} == {
        (name, digest(content)) for name, content in found.items()
    }


async def test_the_limits_are_what_still_goes(api: Api) -> None:
    most = os.urandom(LIMITS.upload_bytes - 4)
    shown = await send(api, ("big", most), *((f"{n}", b"x") for n in range(LIMITS.files - 1)))
    assert kept(api, shown["id"])["big"] == most
    shown = await send(api, ("empty.txt", b""))
    assert kept(api, shown["id"]) == {"empty.txt": b""}


async def test_a_form_without_files_is_as_good_as_json(api: Api) -> None:
    fields = FIELDS | {"priority": "7", "user_id": " ann ", "title": ""}
    boundary = {"content-type": "multipart/form-data; boundary=x"}
    body = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    unchosen = (
        '--x\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n--x--\r\n'
    )
    answer = await api.client.post("/tasks", content=(body + unchosen).encode(), headers=boundary)
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["priority"], shown["user_id"], shown["title"]) == (7, "ann", DESCRIPTION)
    assert shown["context_files"] == []
    assert not (api.files / shown["id"]).exists()


REFUSED: list[tuple[str, dict[str, Any], int, str]] = [
    ("too many", form(*((f"{n}", b"x") for n in range(6))), 422, "too-many-files"),
    ("too large", form(("a", bytes(LIMITS.upload_bytes + 1))), 413, "files-too-large"),
    (
        "too large together",
        form(("a", bytes(40_000)), ("b", bytes(40_000))),
        413,
        "files-too-large",
    ),
    ("other field", {"data": FIELDS, "files": [("file", ("a", b"x"))]}, 422, "unknown-field"),
    ("file as text", {"data": {}, "files": [("description", ("a", b"x"))]}, 422, "unknown-field"),
    ("text as file", form(("a", b"x"), fields=FIELDS | {"files": "x"}), 422, "not-a-file"),
    ("twice", form(("a", b"x"), fields={"description": [DESCRIPTION] * 2}), 422, "repeated-field"),
    (
        "text too long",
        form(("a", b"x"), fields={"title": "x" * ((1 << 20) + 1)}),
        413,
        "body-too-large",
    ),
    ("unknown", form(("a", b"x"), fields=FIELDS | {"colour": "red"}), 422, "unknown-field"),
    (
        "priority",
        form(("a", b"x"), fields=FIELDS | {"priority": "11"}),
        422,
        "priority-out-of-range",
    ),
    ("no number", form(("a", b"x"), fields=FIELDS | {"priority": "high"}), 422, "invalid-request"),
    ("short", form(("a", b"x"), fields={"description": "x" * 9}), 422, "description-too-short"),
    ("no description", form(("a", b"x"), fields={}), 422, "description-missing"),
    (
        "many fields",
        form(("a", b"x"), fields=dict.fromkeys(map(str, range(30)), "x")),
        400,
        "malformed-body",
    ),
]


async def test_what_cannot_be_is_named_and_leaves_no_file(api: Api) -> None:
    for name, body, status, slug in REFUSED:
        answer = await api.client.post("/tasks", **body)
        assert problem(answer, status, slug, name)["remedy"], name
        assert names(api.files) == set(), name


async def test_the_sentences_say_the_limits(api: Api) -> None:
    body = problem(await api.client.post("/tasks", **REFUSED[0][1]), 422, "too-many-files")
    assert "5 files" in body["detail"]
    body = problem(await api.client.post("/tasks", **REFUSED[1][1]), 413, "files-too-large")
    assert body["remedy"] == "send at most 0.0625 MB in all"


async def test_a_disk_that_refuses_is_not_the_callers_fault(
    api: Api, pool: Pool, redis_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "files" / "not-a-folder"
    file.touch()
    async with open_api(pool, redis_url, file) as broken:
        answer = await broken.client.post("/tasks", **form(("a", b"x")))
    body = problem(answer, 503, "dependency-unavailable")
    assert "cannot be kept" in body["detail"]
    assert answer.headers["retry-after"]
    assert await pool.fetchval("SELECT count(*) FROM tasks") == 0
    file.unlink()


async def test_a_cut_upload_leaves_nothing(api: Api) -> None:
    request = httpx.Request("POST", "http://quintet/tasks", **form(("a.bin", bytes(10_000))))
    body = request.read()[:-2_000]
    answer = await api.client.post("/tasks", content=body, headers=dict(request.headers))
    problem(answer, 400, "malformed-body")
    assert names(api.files) == set()
