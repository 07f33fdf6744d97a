"""The command line: what it sends, what it prints, how it ends."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from pkgutil import resolve_name
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared.errors import (
    Busy,
    Conflict,
    DependencyUnavailable,
    InvalidRequest,
    NotFound,
    QuintetError,
    TooLarge,
    WorkspaceError,
)
from shared.models import Artifact, TaskPage
from tests import ui_records as records
from tests.cli_world import Quintet, ScriptedTasks, accepted, page, problem, reply, version
from tests.ledger_world import plan_of, planned
from tests.scripted_service import Reply, Request, ScriptedService, scripted_service
from ui.cli import app as cli
from ui.cli import output as cli_output
from ui.cli.exit import Exit
from ui.client import ServiceFailed, ServiceUnreachable

LOAD = records.subtask("load", "completed", evidence="verified")
REPORT = records.subtask("report", "failed", "load", error="exit 1: rows differ", attempt=2)
DONE = records.task("completed", LOAD, answer="## North\n\n42 of 100", simulated=True)
BROKEN = records.task("failed", LOAD, REPORT, answer="Part of it.", partial=True)
RUNNING = records.task("in_progress", LOAD, records.subtask("report", "running", "load"))


def artifact(path: str) -> Artifact:
    return Artifact(
        path=path,
        name=Path(path).name,
        size=3,
        sha256="0" * 64,
        media_type="text/csv",
        subtask_id=LOAD.id,
        subtask_key="load",
        attempt=1,
    )


@pytest.fixture
def service() -> Iterator[ScriptedService]:
    with scripted_service() as service:
        yield service


@pytest.fixture
def quintet(
    service: ScriptedService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Quintet:
    return Quintet(service.url, monkeypatch, capsys)


def test_submit_sends_the_text_the_file_and_the_user(
    service: ScriptedService, quintet: Quintet, tmp_path: Path
) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text("region,amount\n")
    service.script(Reply(202, records.task("pending").model_dump_json()))
    words = ["submit", "Which region sold most?", "--file", str(sales), "--user", "anna"]
    code, out, _ = quintet(*words, "--title", "Sales", "--priority", "8")
    assert code == Exit.OK
    assert f"quintet watch {records.task().id}" in out
    body = service.seen[0].body
    for part in (b"region,amount", b"anna", b"Sales", b'filename="sales.csv"'):
        assert part in body


def test_without_an_account_the_service_says_whose_task_it_is(
    service: ScriptedService, quintet: Quintet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 2**31 - 7)
    service.script(Reply(202, records.task("pending").model_dump_json()))
    assert quintet("submit", "Which region sold most?")[0] == Exit.OK
    assert "user_id" not in json.loads(service.seen[0].body)


@pytest.mark.parametrize("policy", ["off", "sampled", "always"])
def test_submit_says_whose_results_are_reviewed(
    service: ScriptedService, quintet: Quintet, policy: str
) -> None:
    service.script(Reply(202, records.task("pending").model_dump_json()))
    assert quintet("submit", "Which region sold most?", "--review", policy)[0] == Exit.OK
    assert json.loads(service.seen[0].body)["review"] == policy


def test_show_tells_how_far_each_result_was_looked_at(
    service: ScriptedService, quintet: Quintet
) -> None:
    failed = records.check_result(
        "pytest", "failed", detail="exit status 1", output="2 failed\x1b[2J [red]x"
    )
    looks = {"doubt": "checks", "problems": ("the check",), "checks": (failed,)}
    made = [records.correction(n, "checks") for n in (1, 2, 3)]
    record = records.verification(None, looks, corrections=made)
    refused: dict[str, Any] = {
        "failure_kind": "checks",
        "error": "not accepted",
        "verification": record,
    }
    once = records.verification(
        "reviewed", looks, {}, corrections=[records.correction(1, "review", "passed")]
    )
    view = records.task(
        "failed",
        LOAD,
        records.subtask("sum", "completed", evidence="reviewed", verification=once),
        records.subtask("tests", "failed", **refused),
        answer="Part of it.",
        partial=True,
    )
    service.script(reply(view))
    code, out, _ = quintet("show", str(view.id))
    assert code == Exit.OK
    for words in (
        "agent-1 · 12 s · ✓ verified",
        "agent-1 · 12 s · ◉ reviewed · sent back once",
        "failed its checks · sent back 3 times · pytest: failed, exit status 1",
        "✗ pytest",
        "2 failed [red]x",
        "✓ 1 verified · ◉ 1 reviewed",
    ):
        assert words in out
    assert "\x1b" not in out


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["show", str(DONE.id)], reply(BROKEN)),
        (["list"], Reply(200, TaskPage(tasks=(), next_cursor=None).model_dump_json())),
        (["agents"], Reply(200, '{"agents": []}')),
        (["cancel", str(DONE.id)], Reply(202, DONE.model_dump_json())),
        (["submit", "Which region sold most?"], Reply(202, DONE.model_dump_json())),
    ],
)
def test_json_is_all_that_json_prints(
    service: ScriptedService, quintet: Quintet, words: list[str], answer: Reply
) -> None:
    service.script(answer)
    code, out, err = quintet(*words, "--json")
    assert (code, err) == (Exit.OK, "")
    assert json.loads(out) == json.loads(answer.body)


def test_errors_go_to_standard_error_with_what_to_do(
    service: ScriptedService, quintet: Quintet
) -> None:
    told = {"detail": "there is no task", "remedy": "look at the list"}
    service.script(problem(404, "not-found", **told))
    code, out, err = quintet("show", str(uuid4()), "--json")
    assert (code, out) == (Exit.NOT_FOUND, "")
    assert err.splitlines() == ["Not found: There is no task.", "Look at the list."]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ServiceUnreachable("x"), Exit.UNREACHABLE),
        (Busy("x"), Exit.UNREACHABLE),
        (DependencyUnavailable("x"), Exit.UNREACHABLE),
        (NotFound("x"), Exit.NOT_FOUND),
        (Conflict("x"), Exit.CONFLICT),
        (InvalidRequest("x"), Exit.INVALID),
        (TooLarge("x"), Exit.INVALID),
        (ServiceFailed("x", status=500), Exit.TASK_FAILED),
        (WorkspaceError("x"), Exit.TASK_FAILED),
    ],
)
def test_every_error_has_its_exit_code(error: QuintetError, code: Exit) -> None:
    assert cli_output.exit_code(error) is code


def test_the_help_tells_every_exit_code(service: ScriptedService, quintet: Quintet) -> None:
    code, out, _ = quintet("--help")
    assert code == Exit.OK
    for number in Exit:
        assert f" {number.value} " in out


@pytest.mark.parametrize(
    "words",
    [
        ["submit"],
        ["nonsense"],
        ["submit", "x" * 20, "--priority", "11"],
        ["submit", "x" * 20, "--review", "sometimes"],
    ],
)
def test_a_wrong_command_line_ends_with_2(
    service: ScriptedService, quintet: Quintet, words: list[str]
) -> None:
    assert quintet(*words)[0] == Exit.INVALID
    assert service.seen == []


def test_a_file_that_cannot_be_read_is_named(
    service: ScriptedService, quintet: Quintet, tmp_path: Path
) -> None:
    code, _, err = quintet("submit", "Which region?", "--file", str(tmp_path / "none.csv"))
    assert code == Exit.INVALID
    assert "none.csv" in err.replace("\n", "")


def test_list_shows_ids_that_are_enough_to_name_a_task(
    service: ScriptedService, quintet: Quintet
) -> None:
    service.script(page(DONE))
    code, out, _ = quintet("list", "--status", "completed")
    assert code == Exit.OK
    assert str(DONE.id)[:8] in out
    assert service.seen[0].path == "/tasks?status=completed&limit=20"


def test_the_beginning_of_an_id_is_enough(service: ScriptedService, quintet: Quintet) -> None:
    service.script(page(DONE), reply(DONE))
    assert quintet("show", str(DONE.id)[:6])[0] == Exit.OK
    assert service.seen[1].path == f"/tasks/{DONE.id}"


def test_the_beginning_of_several_ids_is_not(service: ScriptedService, quintet: Quintet) -> None:
    twin = DONE.model_copy(update={"id": UUID(int=DONE.id.int ^ 1)})
    service.script(page(DONE, twin))
    assert quintet("show", str(DONE.id)[:6])[0] == Exit.INVALID
    service.script(page(DONE))
    assert quintet("show", "nothing-like-it")[0] == Exit.NOT_FOUND


def test_retry_names_the_attempt_that_was_seen(service: ScriptedService, quintet: Quintet) -> None:
    service.script(reply(BROKEN), Reply(202, RUNNING.model_dump_json()))
    code, _, _ = quintet("retry", str(BROKEN.id), "report", "--description", "Do it better")
    assert code == Exit.OK
    request = service.seen[1]
    assert request.path == f"/tasks/{BROKEN.id}/subtasks/{REPORT.id}/retry"
    assert json.loads(request.body) == {"attempt": 2, "description": "Do it better"}


def test_retry_of_an_unknown_subtask_lists_those_there_are(
    service: ScriptedService, quintet: Quintet
) -> None:
    service.script(reply(BROKEN))
    code, _, err = quintet("retry", str(BROKEN.id), "nope")
    assert code == Exit.NOT_FOUND
    assert "load, report" in err


def test_show_saves_the_artifacts_under_their_paths(
    service: ScriptedService, quintet: Quintet, tmp_path: Path
) -> None:
    view = DONE.model_copy(update={"artifacts": (artifact("load/sub/regions.csv"),)})

    def answer(request: Request) -> Reply:
        return Reply(200, b"a,b", "text/csv") if "artifacts" in request.path else reply(view)

    service.answer = answer
    code, out, _ = quintet("show", str(view.id), "--save", str(tmp_path))
    assert code == Exit.OK
    assert (tmp_path / "load/sub/regions.csv").read_bytes() == b"a,b"
    assert "regions.csv" in out


def test_an_artifact_never_leaves_the_directory(
    service: ScriptedService, quintet: Quintet, tmp_path: Path
) -> None:
    service.script(reply(DONE.model_copy(update={"artifacts": (artifact("../../escape.csv"),)})))
    code, _, err = quintet("show", str(DONE.id), "--save", str(tmp_path / "here"))
    assert code == Exit.TASK_FAILED
    assert "would leave" in err
    assert not list(tmp_path.rglob("escape.csv"))


@pytest.mark.parametrize("name", cli.COMMANDS)
def test_the_help_says_what_the_command_says(name: str, quintet: Quintet) -> None:
    command = cli.COMMANDS[name]
    told = inspect.getdoc(resolve_name(command.target)) or ""
    assert told.partition("\n")[0] == command.help
    code, out, _ = quintet(name, "--help")
    assert code == Exit.OK
    assert command.help.split()[0] in out


@pytest.mark.parametrize(("words", "asked"), [(["--approve-first"], True), ([], None)])
def test_submit_asks_for_approval_only_when_told_to(
    service: ScriptedService, quintet: Quintet, words: list[str], asked: bool | None
) -> None:
    service.script(accepted(records.task("pending")))
    assert quintet("submit", "Which region sold most?", *words)[0] == Exit.OK
    assert json.loads(service.seen[0].body).get("require_approval") is asked


def test_priority_is_from_0_to_10(service: ScriptedService, quintet: Quintet) -> None:
    service.script(accepted(RUNNING.model_copy(update={"priority": 9})))
    assert quintet("priority", str(RUNNING.id), "11")[0] == Exit.INVALID
    code, out, _ = quintet("priority", str(RUNNING.id), "9")
    assert (code, json.loads(service.seen[0].body)) == (Exit.OK, {"priority": 9})
    assert "Its priority is 9 now." in out


@pytest.mark.parametrize(
    ("words", "sent"), [([], {"running": "finish"}), (["--release"], {"running": "release"})]
)
def test_pause_says_what_becomes_of_what_runs(
    service: ScriptedService, quintet: Quintet, words: list[str], sent: dict[str, str]
) -> None:
    service.script(accepted(RUNNING.model_copy(update={"paused_reason": "user"})))
    code, out, _ = quintet("pause", str(RUNNING.id), *words)
    assert (code, json.loads(service.seen[0].body)) == (Exit.OK, sent)
    for part in ("Paused", f"quintet resume {str(RUNNING.id)[:8]}"):
        assert part in out


def test_what_the_state_forbids_says_how_it_stands(
    service: ScriptedService, quintet: Quintet
) -> None:
    service.script(problem(409, "not-paused", remedy="Nothing to do.", status_now="in_progress"))
    code, out, err = quintet("resume", str(RUNNING.id))
    assert (code, out) == (Exit.CONFLICT, "")
    assert err.splitlines() == ["The state has changed: Why.", "Nothing to do."]


def test_an_edited_plan_is_saved_though_its_changes_cannot_be_shown(
    service: ScriptedService, quintet: Quintet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "sed -i s/summary:/summary:\\ Better./")
    saved = version(plan_of(planned("load")))
    tasks = ScriptedTasks(service)
    tasks.shows(records.task("awaiting_approval", plan_hash=saved.hash))
    tasks.says("/plan", Reply(200, saved.model_dump_json()))
    tasks.says("/comparison", problem(503, "dependency-unavailable"))
    code, out, err = quintet("edit", str(DONE.id))
    assert [one.method for one in service.seen].count("PUT") == 1
    assert (code, f"--hash {saved.hash[:12]}" in out) == (Exit.OK, True)
    assert "It is saved" in err
