"""How much of what came before an agent is told, and where it finds the rest."""

import html
import json
import re
from pathlib import Path
from typing import Any
from uuid import UUID

from agent.context import write_context
from agent.prompt import ALL_INLINE_BYTES, INLINE_BYTES, task_prompt
from shared.models import Assignment, FileEntry, Prerequisite
from shared.workspace import Workspace

ID = UUID(int=1)


def before(key: str, *, summary: str = "done", files: int = 0, **output: Any) -> Prerequisite:
    """A result of a subtask that this one needs."""
    entries = tuple(
        FileEntry(path=f"folder/{n:05}.csv", size=1, sha256="0" * 64) for n in range(files)
    )
    return Prerequisite(
        subtask_id=ID, key=key, title=key, summary=summary, output=output, files=entries, attempt=1
    )


def told(folder: Path, *prerequisites: Prerequisite) -> tuple[dict[str, Any], int]:
    """What the prompt says of each, and how many bytes of the prompt all of it takes."""
    assignment = Assignment(
        subtask_id=ID, task_id=ID, attempt=1, owner=ID, key="k", title="t", description="d",
        expected_output="e", required_capabilities=(), profile=None, checks=(),
        estimated_seconds=1, task_title="T", task_description="D", user_id="u",
        context_files=(), prerequisites=prerequisites,
    )  # fmt: skip
    workspace = Workspace(folder, ID)
    workspace.prepare()
    write_context(assignment, workspace)
    prompt = task_prompt(assignment, workspace, folder)
    found = re.findall(r'<result key="(.*?)".*?>\n(.*?)\n</result>', prompt)
    records = {key: json.loads(html.unescape(body)) for key, body in found}
    return records, sum(len(body.encode()) for _, body in found)


def kept(record: dict[str, Any]) -> dict[str, Any]:
    """What lies where a record points to."""
    pointer = record.get("output", record)
    whole: dict[str, Any] = json.loads(Path(pointer["too_large_see_file"]).read_text("utf-8"))
    return whole


def test_a_result_that_fits_is_told_whole(tmp_path: Path) -> None:
    records, _ = told(tmp_path, before("a", n=1, files=1), before("b", rows="x" * 60_000))
    assert records["a"]["output"] == {"n": 1}
    assert records["a"]["files"][0].endswith("/folder/00000.csv")
    assert records["b"]["output"] == {"rows": "x" * 60_000}


def test_an_output_too_large_is_left_in_its_file(tmp_path: Path) -> None:
    records, size = told(tmp_path, before("a", summary="all of it", rows="<" * 20_000))
    assert records["a"]["summary"] == "all of it"
    assert kept(records["a"])["output"] == {"rows": "<" * 20_000}
    assert size < INLINE_BYTES


def test_a_long_summary_and_many_files_are_left_in_theirs(tmp_path: Path) -> None:
    records, size = told(tmp_path, before("a", summary="s" * 300_000), before("b", files=5_000))
    assert size < 4_000
    assert records["a"]["summary_begins"] == "s" * 300
    assert kept(records["a"])["summary"] == "s" * 300_000
    assert len(kept(records["b"])["files"]) == 5_000


def test_all_together_have_a_limit_and_the_small_ones_come_first(tmp_path: Path) -> None:
    large = [before(f"large{n:03}", summary="ä" * 400, rows="x" * 60_000) for n in range(60)]
    records, size = told(tmp_path, *large, before("small", n=1))
    assert list(records)[-1] == "small"
    assert records["small"]["output"] == {"n": 1}
    assert 1 <= sum("rows" in record.get("output", {}) for record in records.values()) <= 4
    assert size <= ALL_INLINE_BYTES
    assert all(kept(record)["output"] for record in records.values() if "too_large" in str(record))
