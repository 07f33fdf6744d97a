"""Every page of the dashboard, run by Streamlit in this process against scripted answers."""

import json
from collections.abc import Iterator
from uuid import UUID

import pytest
from streamlit.testing.v1 import AppTest

from shared.models import Artifact, ContextFile, SubtaskResult, TaskDetail, TaskView
from tests import ui_records as records
from tests.app_pages import AppPages, played_service
from tests.scripted_service import Reply, Request, ScriptedService

LOAD = records.subtask("load", "completed", evidence="verified")
BROKEN = records.subtask("report", "failed", "load", error="exit 1: rows differ", attempt=2)
BLOCKED = records.subtask("letter", "blocked", "report", waiting="Blocked: “report” failed.")
RUNNING = records.subtask("chart", "running", "load")
CHART = Artifact(
    path="load/chart.csv",
    name="chart.csv",
    size=7,
    sha256="0" * 64,
    media_type="text/csv",
    subtask_id=LOAD.id,
    subtask_key="load",
    attempt=1,
)
PARTLY = records.task(
    "failed",
    LOAD,
    BROKEN,
    BLOCKED,
    answer="**Part** of it ![x](http://evil.example)",
    partial=True,
    simulated=True,
    result={"rows": 3},
    artifacts=(CHART,),
    context_files=(ContextFile(name="s.csv", size=3, sha256="0" * 64),),
)
RESULT = SubtaskResult.model_validate(
    {
        "subtask_id": LOAD.id,
        "key": "load",
        "attempt": 1,
        "agent_id": "agent-1",
        "summary": "Read 3 rows.",
        "output": {"rows": 3},
        "claims": [{"kind": "wrote_file", "what": "chart.csv", "detail": "3 rows"}],
        "files": [{"path": "chart.csv", "size": 7, "sha256": "0" * 64}],
        "created_at": records.START,
    }
)


class Orchestrator:
    """Answers as the API does, from the tasks it is given."""

    def __init__(self) -> None:
        self.tasks: dict[UUID, TaskView] = {}
        self.refusal: Reply | None = None

    def __call__(self, request: Request) -> Reply:
        if self.refusal:
            return self.refusal
        path, _, _ = request.path.partition("?")
        if request.method == "POST":
            return Reply(202, next(iter(self.tasks.values())).model_dump_json())
        line = records.log_entry(1, "Read 3 rows").model_dump_json()
        fixed = {
            "/ready": '{"status": "ready", "simulated": true}',
            "/agents": '{"agents": []}',
            "attempts": '{"attempts": []}',
            "versions": '{"versions": []}',
            "logs": f'{{"entries": [{line}], "next_after": 1}}',
        }
        last = path.rpartition("/")[2]
        if body := fixed.get(path) or fixed.get(last):
            return Reply(200, body)
        return self._page() if last == "tasks" else self._task(UUID(last))

    def _task(self, task_id: UUID) -> Reply:
        if task_id not in self.tasks:
            return Reply(404, '{"detail": "there is no such task"}')
        detail = TaskDetail(task=self.tasks[task_id], subtask_results=(RESULT,))
        return Reply(200, detail.model_dump_json())

    def _page(self) -> Reply:
        wanted = records.summary_fields()
        rows = [json.loads(task.model_dump_json(include=wanted)) for task in self.tasks.values()]
        return Reply(200, json.dumps({"tasks": rows, "next_cursor": "more" if rows else None}))


class Dashboard(AppPages):
    """The app and the orchestrator behind it."""

    def __init__(self, service: ScriptedService) -> None:
        super().__init__(service)
        self.api = service.answer = Orchestrator()

    def open(self, page: str = "", task: TaskView | None = None) -> AppTest:
        if task:
            self.api.tasks[task.id] = task
            self.app.query_params["id"] = str(task.id)
        self.run()
        if page:
            self.turn_to(page)
        return self.app


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    with played_service(monkeypatch) as service:
        yield Dashboard(service)


def test_a_task_that_is_partly_done_shows_all_there_is(dashboard: Dashboard) -> None:
    dashboard.open("task", PARTLY)
    words = dashboard.words()
    for shown in ("Partly done", "Simulated model", "**Part** of it", "exit 1: rows differ"):
        assert shown in words
    assert "](http" not in words
    assert [one.label for one in dashboard.app.button if one.label == "Run it again"]


def test_how_far_results_were_looked_at_stands_by_the_answer(dashboard: Dashboard) -> None:
    reviewed = records.subtask("chart", "completed", evidence="reviewed")
    dashboard.open("task", records.task("completed", LOAD, reviewed, answer="Done."))
    words = dashboard.words()
    for shown in ("1 verified", "1 reviewed", "a second model read it and approved it"):
        assert shown in words


def test_a_result_that_nobody_looked_at_says_so(dashboard: Dashboard) -> None:
    alone = records.subtask("load", "completed", evidence="self-reported")
    dashboard.open("task", records.task("completed", alone, answer="Done."))
    assert "Nobody looked at this result but its agent." in dashboard.words()


def test_a_refused_result_says_why_and_whole_outputs_are_asked_for_once(
    dashboard: Dashboard,
) -> None:
    failed = records.check_result("pytest", "failed", detail="exit status 1", output="x" * 1000)
    look = {"doubt": "checks", "problems": ("the check",), "checks": (failed,)}
    refused = records.subtask(
        "load",
        "failed",
        failure_kind="checks",
        verification=records.verification(None, look),
    )
    app = dashboard.open("task", records.task("failed", refused))
    app.run()
    assert "Its result was not accepted" in dashboard.words()
    assert "pytest: failed, exit status 1" in dashboard.words()
    assert "Not accepted: its checks failed." in dashboard.words()
    assert len(dashboard.asked("/attempts", "GET")) == 1


def test_a_running_task_says_who_works(dashboard: Dashboard) -> None:
    dashboard.open("task", records.task("in_progress", LOAD, RUNNING))
    assert "1 agent at work" in dashboard.words()


@pytest.mark.parametrize(
    ("task", "said"),
    [
        (records.task("planning", plan_summary=None), "The plan appears here"),
        (
            records.task("failed", error="No valid plan.", plan_errors=(("a needs b",),)),
            "a needs b",
        ),
        (records.task("in_progress", BLOCKED), "Blocked: “report” failed"),
        (records.task("in_progress", RUNNING, artifacts=(CHART,)), "Files"),
        (records.task("completed", LOAD, answer="Done."), "Read 3 rows"),
    ],
)
def test_every_stage_of_a_task_has_its_page(
    dashboard: Dashboard, task: TaskView, said: str
) -> None:
    dashboard.open("task", task)
    assert said in dashboard.words()


def test_no_task_and_an_unknown_task_are_told(dashboard: Dashboard) -> None:
    assert "No task is chosen" in dashboard.open("task").info[0].value
    app = dashboard.app
    app.query_params["id"] = str(records.subtask_id("unknown"))
    assert "There is no such task" in app.run().error[0].value


def test_when_the_orchestrator_is_away_the_last_is_kept_and_it_says_so(
    dashboard: Dashboard,
) -> None:
    app = dashboard.open("task", PARTLY)
    dashboard.api.refusal = Reply(hang_up=True)
    app.run()
    assert "Trying again every few seconds" in app.warning[0].value
    assert "**Part** of it" in dashboard.words()
    dashboard.api.refusal = None
    app.run()
    assert "Trying again" not in dashboard.words()


@pytest.mark.parametrize("page", ["tasks", "agents"])
def test_lists_survive_an_absence_too(dashboard: Dashboard, page: str) -> None:
    dashboard.api.refusal = Reply(hang_up=True)
    dashboard.open(page)
    assert "Trying again" in dashboard.words()
    assert "Orchestrator away" in dashboard.words()


def test_an_absent_database_is_not_an_absent_orchestrator(dashboard: Dashboard) -> None:
    dashboard.open("task", PARTLY)
    dashboard.api.refusal = Reply(
        503,
        '{"type": "/problems/dependency-unavailable", "status": 503, "detail": "it is away"}',
        "application/problem+json",
    )
    dashboard.app.run()
    assert "Database away" in dashboard.words()
    assert "Orchestrator away" not in dashboard.words()
    assert "What you see is the last that was heard" in dashboard.words()
