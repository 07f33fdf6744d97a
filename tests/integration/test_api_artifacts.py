"""Artifacts: what is listed is what is downloaded, and nothing else ever is."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest

from shared.database.connection import Pool
from shared.models import Assignment
from shared.workspace import Workspace
from tests.api_world import PROBLEM, Api, digest, listening, open_api, problem
from tests.ledger_world import planned

SECRET = b"the secret outside"
FILES = {
    "report.md": b"# Report\n",
    "data/2026/sales.csv": os.urandom(600_000),
    "empty.bin": b"",
    "a b&c#d?e%20f.txt": b"odd",
    "漢字 🙂.txt": b"unicode",
    "..hidden": b"two dots in front are a name",
}


@pytest.fixture
async def api(pool: Pool, redis_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    (tmp_path / "secret.txt").write_bytes(SECRET)
    async with open_api(pool, redis_url, tmp_path / "files") as api:
        yield api


async def done(api: Api, key: str = "a") -> Assignment:
    """A completed attempt that left the files."""
    await api.world.ready(planned(key))
    (assignment,) = await api.world.claim_next(api.world.claimant())
    await api.leave(assignment, FILES)
    return assignment


async def test_what_is_listed_is_what_is_downloaded(api: Api) -> None:
    work = await done(api)
    address = f"/tasks/{work.task_id}/artifacts"
    listed = (await api.client.get(address)).json()["artifacts"]
    assert {item["path"] for item in listed} == {f"a/{name}" for name in FILES}
    for item in listed:
        content = FILES[item["path"].removeprefix("a/")]
        assert (item["size"], item["sha256"]) == (len(content), digest(content))
        assert (item["subtask_key"], item["attempt"]) == ("a", 1)
        answer = await api.client.get(f"{address}/{quote(item['path'])}")
        assert answer.status_code == 200, item["path"]
        assert answer.content == content
        assert answer.headers["content-length"] == str(len(content))
        assert answer.headers["etag"] == f'"{digest(content)}"'
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == "application/octet-stream"
        name = quote(item["name"])
        assert answer.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}"
    assert (await api.task(work.task_id))["artifacts"] == listed
    types = {item["name"]: item["media_type"] for item in listed}
    assert (types["report.md"], types["sales.csv"]) == ("text/markdown", "text/csv")


CORPUS = [
    "", "a", "a/", "/", "//", "a//", ".", "a/.", "..", "a/..", "%2e", "%2e%2e", "a/%2e%2e",
    "..%2f..%2f..%2fsecret.txt", "a/..%2f..%2f..%2f..%2f..%2fsecret.txt",
    "%2e%2e/%2e%2e/secret.txt", "a/%2e%2e/%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret.txt",
    "a/%2E%2E%2F%2E%2E%2Fsecret.txt", "a/%252e%252e/secret.txt", "a/..%252fsecret.txt",
    "a/....//....//secret.txt", "a/..;/secret.txt", "a/..%00/secret.txt", "a/report.md%00",
    "a/report.md%00.txt", "%00", "a/%00report.md", "a/..%5c..%5csecret.txt", "a/%5c..%5csecret.txt",
    "a%5creport.md", "%2fetc%2fpasswd", "a/%2fetc%2fpasswd", "//etc/passwd", "/etc/passwd",
    "file:///etc/passwd", "a/~root/.profile", "~", "a/%c0%ae%c0%ae/secret.txt",
    "a/%e0%80%af/secret.txt", "a/%uff0e%uff0e/secret.txt", "a/%ef%bc%8e%ef%bc%8e/secret.txt",
    "a/report.md/", "a/report.md/.", "a/report.md/x", "a/data", "a/data/2026", "a/data/",
    "a/REPORT.MD", "A/report.md", "b/report.md", "a/report.md%20", "a/unlisted.txt", "a/link.txt",
    "a/linked/secret.txt", "a/hard.txt", "a/pipe", "a/" + "x" * 300, "a/" + "x/" * 1_000 + "y",
    "a/con", "a/report.md:stream", "a/%ff%fe", "a/%0areport.md", "a/*", "%25",
]  # fmt: skip
THE_SAME = {"a/report.md/", "a/report.md/."}  # spellings of a path that is listed


async def test_nothing_but_what_is_listed_is_ever_read(api: Api, tmp_path: Path) -> None:
    work = await done(api)
    folder = Workspace(api.files, work.task_id).files_of(work.subtask_id, work.attempt)
    (folder / "unlisted.txt").write_bytes(SECRET)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path)
    os.link(tmp_path / "secret.txt", folder / "hard.txt")
    os.mkfifo(folder / "pipe")
    assert len(CORPUS) >= 60
    async with listening(api.app) as port:
        for path in CORPUS:
            target = f"/tasks/{work.task_id}/artifacts/{path}"
            status, kind, body = await ask(port, target)
            assert SECRET not in body, path
            if path in THE_SAME:
                assert body == FILES["report.md"]
            else:
                assert (status, kind) == (404, PROBLEM), path


async def ask(port: int, target: str) -> tuple[int, str, bytes]:
    """Status, content type and body for a target sent as it is; clients would tidy it first."""
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {target} HTTP/1.1\r\nHost: q\r\nConnection: close\r\n\r\n".encode())
        head, _, body = (await reader.read()).partition(b"\r\n\r\n")
        writer.close()
        await writer.wait_closed()
    status, *fields = head.decode("latin-1").split("\r\n")
    headers = dict(field.lower().split(": ", 1) for field in fields)
    return int(status.split()[1]), headers["content-type"], body


async def listing(api: Api, work: Assignment, path: str) -> None:
    """Put a path into the manifest that no agent could have put there."""
    await api.world.pool.execute(
        "INSERT INTO artifacts (subtask_id, attempt, path, task_id, size, sha256)"
        " VALUES ($1, $2, $3, $4, 1, 'x')",
        work.subtask_id,
        work.attempt,
        path,
        work.task_id,
    )


async def test_even_a_listed_path_never_leaves_its_folder(api: Api, tmp_path: Path) -> None:
    work = await done(api)
    folder = Workspace(api.files, work.task_id).files_of(work.subtask_id, work.attempt)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "linked").symlink_to(tmp_path)
    os.mkfifo(folder / "pipe")
    for path in ("link.txt", "linked/secret.txt", "data", "pipe", "gone.txt", "report.md/x"):
        await listing(api, work, path)
        answer = await api.client.get(f"/tasks/{work.task_id}/artifacts/a/{path}")
        problem(answer, 404, "artifact-gone", path)


async def test_a_folder_that_became_a_link_is_not_followed(api: Api, tmp_path: Path) -> None:
    work = await done(api)
    folder = Workspace(api.files, work.task_id).files_of(work.subtask_id, work.attempt)
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    answer = await api.client.get(f"/tasks/{work.task_id}/artifacts/a/report.md")
    problem(answer, 404, "artifact-gone")


async def test_an_artifact_belongs_to_its_task(api: Api) -> None:
    mine, other = await done(api), await done(api, "b")
    for task_id, path in ((mine.task_id, "b/report.md"), (other.task_id, "a/report.md")):
        answer = await api.client.get(f"/tasks/{task_id}/artifacts/{path}")
        problem(answer, 404, "not-found", path)


async def test_a_file_is_served_before_and_after_it_is_published(api: Api) -> None:
    await api.world.ready(planned("a"))
    (work,) = await api.world.claim_next(api.world.claimant())
    workspace = Workspace(api.files, work.task_id)
    workspace.prepare()
    made = workspace.attempt(work.subtask_id, 1)
    made.mkdir(parents=True)
    (made / "x.txt").write_bytes(b"x")
    entry = {"path": "x.txt", "size": 1, "sha256": digest(b"x")}
    assert await api.world.complete(work, files=[entry])
    address = f"/tasks/{work.task_id}/artifacts/a/x.txt"
    assert (await api.client.get(address)).content == b"x"
    await api.advancer.advance([work.task_id])
    assert not made.exists()
    assert (await api.client.get(address)).content == b"x"


async def test_a_task_without_artifacts_lists_none(api: Api) -> None:
    task_id = UUID((await api.submit())["id"])
    assert (await api.client.get(f"/tasks/{task_id}/artifacts")).json() == {"artifacts": []}
