"""The command line: what it sends, what it prints, how it ends."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from rich.console import Console, RenderableType

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
from shared.models import AgentView, Artifact, Capability, TaskPage, TaskSummary, TaskView
from tests import ui_records as records
from tests.scripted_service import Reply, Request, ScriptedService, scripted_service
from ui import cli, console
from ui.cli import Exit
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


class Quintet:
    """Runs the command line in this process, against a scripted service."""

    def __init__(
        self,
        service: ScriptedService,
        patch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        self.service, self._patch, self._capsys = service, patch, capsys
        patch.setenv("QUINTET_API_URL", service.url)
        patch.setenv("COLUMNS", "120")
        patch.setattr(cli, "POLL_SECONDS", 0.01)
        patch.setattr(cli, "AWAY_SECONDS", 0.05)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self._patch.setattr("sys.argv", ["quintet", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err

    def shows(self, *views: TaskView) -> None:
        """Answer with these tasks in turn, whatever is asked."""
        self.service.script(*(reply(view) for view in views))


def reply(view: TaskView) -> Reply:
    return Reply(200, records.detail(view).model_dump_json())


@pytest.fixture
def quintet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Quintet]:
    with scripted_service() as service:
        yield Quintet(service, monkeypatch, capsys)


def painted(renderable: RenderableType, width: int = 100) -> str:
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    screen.print(renderable)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_submit_sends_the_text_the_file_and_the_user(quintet: Quintet, tmp_path: Path) -> None:
    sales = tmp_path / "sales.csv"
    sales.write_text("region,amount\n")
    quintet.service.script(Reply(202, records.task("pending").model_dump_json()))
    words = ["submit", "Which region sold most?", "--file", str(sales), "--user", "anna"]
    code, out, _ = quintet(*words, "--title", "Sales", "--priority", "8")
    assert code == Exit.OK
    assert f"quintet watch {records.task().id}" in out
    body = quintet.service.seen[0].body
    for part in (b"region,amount", b"anna", b"Sales", b'filename="sales.csv"'):
        assert part in body


def test_submit_and_watch_prints_the_answer(quintet: Quintet) -> None:
    quintet.service.script(
        Reply(202, records.task("pending").model_dump_json()), reply(RUNNING), reply(DONE)
    )
    code, out, _ = quintet("submit", "Which region sold most?", "--watch")
    assert code == Exit.OK
    for words in ("42 of 100", "Title of load", "agent-1 · 12 s · ✓ verified", "Simulated model"):
        assert words in out


@pytest.mark.parametrize("policy", ["off", "sampled", "always"])
def test_submit_says_whose_results_are_reviewed(quintet: Quintet, policy: str) -> None:
    quintet.service.script(Reply(202, records.task("pending").model_dump_json()))
    assert quintet("submit", "Which region sold most?", "--review", policy)[0] == Exit.OK
    assert json.loads(quintet.service.seen[0].body)["review"] == policy


def test_show_tells_how_far_each_result_was_looked_at(quintet: Quintet) -> None:
    failed = records.check_result(
        "pytest", "failed", detail="exit status 1", output="2 failed\x1b[2J [red]x"
    )
    looks = {"doubt": "checks", "problems": ("the check",), "checks": (failed,)}
    made = [records.correction(n, "checks") for n in (1, 2, 3)]
    record = records.verification(None, looks, corrections=made)
    refused = {"failure_kind": "checks", "error": "not accepted", "verification": record}
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
    quintet.shows(view)
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


def test_watch_ends_with_1_when_the_task_failed(quintet: Quintet) -> None:
    quintet.shows(RUNNING, BROKEN)
    code, out, _ = quintet("watch", str(BROKEN.id))
    assert code == Exit.TASK_FAILED
    for words in ("Partly done", "Part of it.", "rows differ", "retry", "report"):
        assert words in out


def test_watch_outlives_a_short_absence_of_the_service(quintet: Quintet) -> None:
    quintet.service.script(reply(RUNNING), Reply(hang_up=True), Reply(hang_up=True), reply(DONE))
    assert quintet("watch", str(DONE.id))[0] == Exit.OK


def test_watch_gives_up_on_a_long_one(quintet: Quintet) -> None:
    quintet.service.script(reply(RUNNING), Reply(503, "{}"))
    assert quintet("watch", str(DONE.id))[0] == Exit.UNREACHABLE


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        (["show", str(DONE.id)], reply(BROKEN)),
        (["watch", str(DONE.id)], reply(DONE)),
        (["list"], Reply(200, TaskPage(tasks=(), next_cursor=None).model_dump_json())),
        (["agents"], Reply(200, '{"agents": []}')),
        (["cancel", str(DONE.id)], Reply(202, DONE.model_dump_json())),
        (["submit", "Which region sold most?"], Reply(202, DONE.model_dump_json())),
    ],
)
def test_json_is_all_that_json_prints(quintet: Quintet, words: list[str], answer: Reply) -> None:
    quintet.service.script(answer)
    code, out, err = quintet(*words, "--json")
    assert (code, err) == (Exit.OK, "")
    assert json.loads(out) == json.loads(answer.body)


def test_errors_go_to_standard_error_with_what_to_do(quintet: Quintet) -> None:
    problem = {"detail": "there is no task", "remedy": "look at the list", "type": "not-found"}
    quintet.service.script(Reply(404, json.dumps(problem)))
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
    assert cli.exit_code(error) is code


def test_the_help_tells_every_exit_code(quintet: Quintet) -> None:
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
def test_a_wrong_command_line_ends_with_2(quintet: Quintet, words: list[str]) -> None:
    assert quintet(*words)[0] == Exit.INVALID
    assert quintet.service.seen == []


def test_a_file_that_cannot_be_read_is_named(quintet: Quintet, tmp_path: Path) -> None:
    code, _, err = quintet("submit", "Which region?", "--file", str(tmp_path / "none.csv"))
    assert code == Exit.INVALID
    assert "none.csv" in err.replace("\n", "")


def page(*tasks: TaskView) -> Reply:
    fields = records.summary_fields()
    rows = tuple(TaskSummary.model_validate(task.model_dump(include=fields)) for task in tasks)
    return Reply(200, TaskPage(tasks=rows, next_cursor=None).model_dump_json())


def test_list_shows_ids_that_are_enough_to_name_a_task(quintet: Quintet) -> None:
    quintet.service.script(page(DONE))
    code, out, _ = quintet("list", "--status", "completed")
    assert code == Exit.OK
    assert str(DONE.id)[:8] in out
    assert quintet.service.seen[0].path == "/tasks?status=completed&limit=20"


def test_the_beginning_of_an_id_is_enough(quintet: Quintet) -> None:
    quintet.service.script(page(DONE), reply(DONE))
    assert quintet("show", str(DONE.id)[:6])[0] == Exit.OK
    assert quintet.service.seen[1].path == f"/tasks/{DONE.id}"


def test_the_beginning_of_several_ids_is_not(quintet: Quintet) -> None:
    twin = DONE.model_copy(update={"id": UUID(int=DONE.id.int ^ 1)})
    quintet.service.script(page(DONE, twin))
    assert quintet("show", str(DONE.id)[:6])[0] == Exit.INVALID
    quintet.service.script(page(DONE))
    assert quintet("show", "nothing-like-it")[0] == Exit.NOT_FOUND


def test_retry_names_the_attempt_that_was_seen(quintet: Quintet) -> None:
    quintet.service.script(reply(BROKEN), Reply(202, RUNNING.model_dump_json()))
    code, _, _ = quintet("retry", str(BROKEN.id), "report", "--description", "Do it better")
    assert code == Exit.OK
    request = quintet.service.seen[1]
    assert request.path == f"/tasks/{BROKEN.id}/subtasks/{REPORT.id}/retry"
    assert json.loads(request.body) == {"attempt": 2, "description": "Do it better"}


def test_retry_of_an_unknown_subtask_lists_those_there_are(quintet: Quintet) -> None:
    quintet.service.script(reply(BROKEN))
    code, _, err = quintet("retry", str(BROKEN.id), "nope")
    assert code == Exit.NOT_FOUND
    assert "load, report" in err


def test_show_saves_the_artifacts_under_their_paths(quintet: Quintet, tmp_path: Path) -> None:
    view = DONE.model_copy(update={"artifacts": (artifact("load/sub/regions.csv"),)})

    def answer(request: Request) -> Reply:
        return Reply(200, b"a,b", "text/csv") if "artifacts" in request.path else reply(view)

    quintet.service.answer = answer
    code, out, _ = quintet("show", str(view.id), "--save", str(tmp_path))
    assert code == Exit.OK
    assert (tmp_path / "load/sub/regions.csv").read_bytes() == b"a,b"
    assert "regions.csv" in out


def test_an_artifact_never_leaves_the_directory(quintet: Quintet, tmp_path: Path) -> None:
    quintet.shows(DONE.model_copy(update={"artifacts": (artifact("../../escape.csv"),)}))
    code, _, err = quintet("show", str(DONE.id), "--save", str(tmp_path / "here"))
    assert code == Exit.TASK_FAILED
    assert "would leave" in err
    assert not list(tmp_path.rglob("escape.csv"))


def test_foreign_text_is_neither_markup_nor_terminal_control() -> None:
    view = records.task(
        "failed",
        records.subtask("load", "failed", title="[red]x[/red]\x1b[2J", error="\x1b]0;t\x07[b]e"),
        answer="hello\x1b[2J [link](http://evil.example)",
        error="[/nonsense]",
    )
    text = painted(console.live(view, records.later(60))) + painted(console.ending(view))
    assert "\x1b" not in text
    assert "[red]x[/red]" in text
    assert "[/nonsense]" in text
    assert "http://evil.example" in text


def test_a_large_plan_shows_what_moves_first() -> None:
    done = [records.subtask(f"done-{n}", "completed") for n in range(30)]
    view = records.task("in_progress", *done, records.subtask("busy", "running"))
    text = painted(console.subtasks(view, records.later(60), most=3))
    assert text.index("Title of busy") < text.index("Title of done-0")
    assert "… and 28 more" in text


def test_a_waiting_subtask_says_why() -> None:
    view = records.task("in_progress", records.subtask("a", "queued", waiting="No agent for it."))
    assert "No agent for it." in painted(console.live(view, records.START))


def test_agents_are_listed_with_their_load() -> None:
    agent = AgentView(
        agent_id="agent-1",
        profile="data",
        url="http://127.0.0.1:1",
        capabilities=(Capability.DATA_ANALYSIS,),
        slots=2,
        running=("x",),
        available=True,
        state="working",
        completed=7,
        failed=1,
        cpu_percent=41.6,
        memory_mb=512.2,
        simulated=True,
        seconds_since_beat=1.0,
        started_at=records.START,
    )
    text = painted(console.agent_list((agent,)))
    for words in ("agent-1", "Working", "1/2", "data analysis", "42 %", "512 MB", "7"):
        assert words in text
