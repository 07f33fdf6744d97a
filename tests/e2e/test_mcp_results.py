"""What a task left, read through MCP: files, logs, documents."""

import base64
from collections.abc import Iterator
from uuid import UUID

import pytest
from mcp.types import (
    BlobResourceContents,
    ImageContent,
    ResourceLink,
    TextContent,
    TextResourceContents,
)

from shared.models import LogPage
from tests import ui_records as records
from tests.mcp_world import (
    DONE,
    FAILED,
    FILES,
    LOAD,
    PNG,
    TASK,
    Mcp,
    artifact,
    ok,
    words,
)
from tests.scripted_service import Reply, scripted_service
from ui.mcp.records import ArtifactReport


@pytest.fixture
def mcp() -> Iterator[Mcp]:
    """The client, with an orchestrator that knows nothing yet."""
    with scripted_service() as service:
        yield Mcp(service)


def with_files(mcp: Mcp) -> None:
    listed = ok(ArtifactReport(artifacts=DONE.artifacts))
    replies = {"GET /artifacts": listed, "GET /": ok(records.detail(DONE))}
    for path, content in FILES.items():
        replies[f"GET /artifacts/{path}"] = Reply(200, content, "application/octet-stream")
    mcp.answers(replies)


async def test_files_are_listed(mcp: Mcp) -> None:
    with_files(mcp)
    result = await mcp.call("list_artifacts", task_id=str(TASK))
    assert [each["path"] for each in result.structured_content["artifacts"]] == [*FILES]
    assert "- load/rows.csv" in words(result)


async def test_a_text_is_read_piece_by_piece(mcp: Mcp) -> None:
    with_files(mcp)
    first = await mcp.call("read_artifact", task_id=str(TASK), path="load/rows.csv", limit=10)
    assert "offset=10" in words(first)
    rest = await mcp.call("read_artifact", task_id=str(TASK), path="load/rows.csv", offset=10)
    texts = [block for result in (first, rest) for block in result.content[1:]]
    whole = "".join(block.text for block in texts if isinstance(block, TextContent))
    assert whole.encode() == FILES["load/rows.csv"]
    assert "offset=" not in words(rest)


async def test_a_picture_is_a_picture(mcp: Mcp) -> None:
    with_files(mcp)
    result = await mcp.call("read_artifact", task_id=str(TASK), path="load/plot.png")
    picture = result.content[1]
    assert isinstance(picture, ImageContent)
    assert (picture.mime_type, base64.b64decode(picture.data)) == ("image/png", PNG)


async def test_other_bytes_are_linked_and_can_be_read(mcp: Mcp) -> None:
    with_files(mcp)
    result = await mcp.call("read_artifact", task_id=str(TASK), path="load/a.bin")
    link = result.content[1]
    assert isinstance(link, ResourceLink)
    content = await mcp.read(link.uri)
    assert isinstance(content, BlobResourceContents)
    assert base64.b64decode(content.blob) == FILES["load/a.bin"]


async def test_an_artifact_over_the_limit_is_not_fetched(mcp: Mcp) -> None:
    huge = artifact("load/huge.csv", b"", size=1 << 30)
    mcp.answers({"GET /artifacts": ok(ArtifactReport(artifacts=(huge,)))})
    said = await mcp.refused("read_artifact", task_id=str(TASK), path="load/huge.csv")
    assert "quintet show TASK --save" in said
    assert len(mcp.service.seen) == 1


async def test_the_log_is_read_on_from_where_it_was(mcp: Mcp) -> None:
    entries = (
        records.log_entry(7, "I load\nthe rows."),
        records.log_entry(8, "y" * 5000, "error"),
    )
    mcp.answers(
        {
            "GET /": ok(records.detail(FAILED)),
            "GET /logs": ok(LogPage(entries=entries, next_after=8)),
        }
    )
    result = await mcp.call("get_log", task_id=str(TASK), subtask="load", after=6)
    assert "info load text: I load the rows." in words(result)
    assert "after=8" in words(result)
    assert len(result.structured_content["lines"][1]["message"]) == 2000
    asked = mcp.service.seen[-1].path
    assert f"subtask_id={LOAD.id}" in asked
    assert "after=6" in asked


async def test_the_answer_is_a_document_with_its_evidence(mcp: Mcp) -> None:
    with_files(mcp)
    content = await mcp.read(f"quintet://tasks/{TASK}")
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "text/markdown"
    for part in ("42 of 100", "SIMULATED", "- load: Its machine checks passed.", "load/rows.csv"):
        assert part in content.text


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("quintet://tasks/nothing", "its id is not a UUID"),
        (f"quintet://tasks/{UUID(int=7)}", "Not found"),
        (f"quintet://tasks/{TASK}/artifacts/load/none.csv", "no artifact 'load/none.csv'"),
        (f"quintet://tasks/{TASK}/artifacts/../../secret", "Unknown resource"),
    ],
)
async def test_a_resource_that_is_not_there_is_refused(mcp: Mcp, uri: str, said: str) -> None:
    with_files(mcp)
    assert said in await mcp.refused_read(uri)
