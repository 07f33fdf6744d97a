"""When a result stands on the same as one that was refused, by why it was refused."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from agent.result_state import ResultState
from agent.tool_log import ToolCall
from shared.models import Doubt

FOLDER = Path("/srv/files/task/temp/part/1")
FILES = {"note.md": "1", "src/app.py": "2"}
CLAIM = {"kind": "ran_command", "what": "pytest -q"}
RESULT: dict[str, Any] = {
    "summary": "Done.",
    "output": {"total": 1},
    "files": ["note.md"],
    "claims": [CLAIM],
}
EVERY = set(Doubt)
STATED = {Doubt.SHAPE, Doubt.REVIEW}  # what is judged is all that it says
ABOUT_CALLS = {Doubt.EVIDENCE, Doubt.REVIEW}


def state(
    *calls: ToolCall, there: Mapping[str, str] = FILES, without: str = "", **said: Any
) -> ResultState:
    output = {key: value for key, value in (RESULT | said).items() if key != without}
    return ResultState(FOLDER, there, output, calls)


def call(name: str, *, ok: bool | None = True, **given: Any) -> ToolCall:
    return ToolCall(name, given, ok, "", None)


def differs(other: ResultState) -> set[Doubt]:
    """For which doubts the state is another one than that of a fresh attempt's result."""
    return {doubt for doubt in Doubt if other.mark(doubt) != state().mark(doubt)}


def test_the_same_is_the_same_in_any_order() -> None:
    files = dict(reversed(FILES.items()))
    assert differs(state(there=files, output={"total": 1})) == set()


@pytest.mark.parametrize("files", [{**FILES, "note.md": "3"}, {"note.md": "1"}])
def test_other_files_are_another_state(files: dict[str, str]) -> None:
    assert differs(state(there=files)) == EVERY


@pytest.mark.parametrize(
    ("said", "other"),
    [
        ({"summary": "Done, in other words."}, STATED),
        ({"output": {"total": 2}}, EVERY),
        ({"files": ["note.md", "src/app.py"]}, EVERY),
        ({"claims": []}, EVERY - {Doubt.CHECKS}),
        ({"failed": True}, EVERY),
        ({"without": "summary"}, EVERY),
    ],
)
def test_what_it_says_counts_where_it_is_judged(said: dict[str, Any], other: set[Doubt]) -> None:
    assert differs(state(**said)) == other


@pytest.mark.parametrize(
    "act",
    [
        call("Bash", command="python make.py"),
        call("Bash", command="cat a > b"),
        call("Bash", command="cat a | tee b"),
        call("Bash", command="ls\nrm a"),
        call("Bash", command="ls $(rm a)"),
        call("Bash", command="ls `rm a`"),
        call("Bash", command="python serve.py", ok=None),
        call("query_database", sql="INSERT INTO t VALUES (1)"),
        call("query_database", sql="WITH gone AS (DELETE FROM t RETURNING 1) SELECT 1"),
        call("http_request", method="POST", url="http://a"),
        call("share_data", key="a"),
        call("Write", file_path=f"{FOLDER}/.github/workflow.yml"),
        call("Edit", file_path="/elsewhere/note.md"),
        call("SomethingNew"),
    ],
)
def test_a_tool_that_may_have_done_what_files_do_not_show_makes_another_state(
    act: ToolCall,
) -> None:
    assert differs(state(act)) == EVERY


@pytest.mark.parametrize(
    "act",
    [
        call("Read", file_path="note.md"),
        call("Bash", command="cat note.md"),
        call("Bash", command="cd src && ls -l; head -3 app.py | wc -l"),
        call("Bash", command="python make.py", ok=False),
        call("Write", file_path=f"{FOLDER}/note.md"),
        call("Edit", file_path="src/app.py"),
        call("NotebookEdit", notebook_path="src/app.py"),
        call("query_database", sql=" select 1"),
        call("http_request", method="get", url="http://a"),
        call("fetch_url", url="http://a"),
        call("Task", prompt="look"),
    ],
)
def test_a_tool_that_only_reads_or_writes_what_is_seen_is_no_fix_of_its_own(
    act: ToolCall,
) -> None:
    assert differs(state(act)) == ABOUT_CALLS


def test_a_written_file_that_is_gone_again_was_written() -> None:
    act = call("Write", file_path="gone.md")
    assert Doubt.CHECKS in differs(state(act))
