"""`quintet watch` and `logs --follow` without a stream, without a terminal, at times alone."""

import json
from collections.abc import Iterator

import pytest

from tests import ui_records as records
from tests.cli_world import HASH, Quintet, ScriptedTasks, accepted, log_page, problem, version
from tests.ledger_world import plan_of, planned
from tests.scripted_service import Reply, scripted_service
from ui.cli import following
from ui.cli.exit import Exit

LOAD = records.subtask("load", "completed", evidence="verified")
REPORT = records.subtask("report", "failed", "load", error="exit 1: rows differ", attempt=2)
DONE = records.task("completed", LOAD, answer="## North\n\n42 of 100", simulated=True)
BROKEN = records.task("failed", LOAD, REPORT, answer="Part of it.", partial=True)
RUNNING = records.task("in_progress", LOAD, records.subtask("report", "running", "load"))
PROPOSED = records.task("awaiting_approval", plan_hash=HASH)
APPROVE = f"quintet approve {str(PROPOSED.id)[:8]} --hash {HASH[:12]}"


@pytest.fixture
def tasks() -> Iterator[ScriptedTasks]:
    with scripted_service() as service:
        yield ScriptedTasks(service)


@pytest.fixture
def quintet(
    tasks: ScriptedTasks, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Quintet:
    return Quintet(tasks.service.url, monkeypatch, capsys)


def said(out: str) -> list[str]:
    """The lines without the time in front."""
    return [line[10:] for line in out.splitlines()]


def test_without_a_terminal_it_prints_what_changes_and_the_answer(
    tasks: ScriptedTasks, quintet: Quintet
) -> None:
    tasks.shows(RUNNING, RUNNING, RUNNING, DONE)
    code, out, err = quintet("watch", str(DONE.id))
    assert (code, err) == (Exit.OK, "")
    assert said(out)[:5] == [
        "▶ In progress  Sales by region  1 of 2 done · 1 running · 1 agent at work.",
        "✓ Completed  Title of load  load  agent-1 · 12 s · ✓ verified",
        said(out)[2],
        "✓ Completed  Sales by region  ⚗ Simulated model  1 of 1 done · Every subtask completed.",
        said(out)[4],
    ]
    assert said(out)[2].startswith("▶ Running  Title of report  report  agent-1 · ")
    assert "42 of 100" in out


def test_submit_can_go_on_watching(tasks: ScriptedTasks, quintet: Quintet) -> None:
    tasks.shows(RUNNING, DONE)
    tasks.says("/tasks", accepted(records.task("pending")))
    code, out, _ = quintet("submit", "Which region sold most?", "--watch")
    assert code == Exit.OK
    for words in ("42 of 100", "Title of load", "agent-1 · 12 s · ✓ verified", "Simulated model"):
        assert words in out


def test_it_ends_with_1_when_the_task_failed(tasks: ScriptedTasks, quintet: Quintet) -> None:
    tasks.shows(RUNNING, BROKEN)
    code, out, _ = quintet("watch", str(BROKEN.id))
    assert code == Exit.TASK_FAILED
    for words in ("Partly done", "Part of it.", "rows differ", "retry", "report"):
        assert words in out


def test_it_outlives_a_short_absence_and_says_so(tasks: ScriptedTasks, quintet: Quintet) -> None:
    away = Reply(hang_up=True)
    tasks.shows(RUNNING, away, away, RUNNING, DONE)
    code, out, _ = quintet("watch", str(DONE.id))
    assert code == Exit.OK
    assert "The service does not answer; trying again." in said(out)
    assert "It is back." in said(out)


def test_it_gives_up_on_a_long_one(
    tasks: ScriptedTasks, quintet: Quintet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AWAY_SECONDS", 0.05)
    tasks.shows(RUNNING, Reply(503, "{}"))
    assert quintet("watch", str(DONE.id))[0] == Exit.UNREACHABLE


def test_a_first_look_that_fails_is_the_end(tasks: ScriptedTasks, quintet: Quintet) -> None:
    tasks.shows(problem(404, "not-found"))
    assert quintet("watch", str(DONE.id))[0] == Exit.NOT_FOUND


def test_a_plan_that_waits_is_told_once_and_watching_goes_on(
    tasks: ScriptedTasks, quintet: Quintet
) -> None:
    tasks.shows(PROPOSED, PROPOSED, PROPOSED, RUNNING, DONE)
    tasks.says("/plan", Reply(200, version(plan_of(planned("load"))).model_dump_json()))
    code, out, _ = quintet("watch", str(DONE.id))
    assert code == Exit.OK
    assert out.count(APPROVE) == 1
    assert "42 of 100" in out


def test_json_is_all_of_standard_output_though_a_plan_waits(
    tasks: ScriptedTasks, quintet: Quintet
) -> None:
    tasks.shows(PROPOSED, PROPOSED, DONE)
    tasks.says("/plan", Reply(200, version(plan_of(planned("load"))).model_dump_json()))
    code, out, err = quintet("watch", str(DONE.id), "--json")
    assert (code, json.loads(out)) == (Exit.OK, json.loads(records.detail(DONE).model_dump_json()))
    assert err.count(APPROVE) == 1


def test_a_subtask_is_tailed_line_by_line(tasks: ScriptedTasks, quintet: Quintet) -> None:
    tasks.shows(RUNNING, RUNNING, DONE)
    check = {"outcome": "passed", "kind": "command", "what": "pytest"}
    tasks.says(
        "/logs",
        log_page(
            records.log_entry(1, "Bash ls", kind="tool.called"),
            records.log_entry(2, "pytest passed", kind="check.result", data=check),
        ),
    )
    code, out, _ = quintet("watch", str(DONE.id), "--subtask", "load")
    assert code == Exit.OK
    assert "load  Bash ls" in said(out)
    assert "load  ✓ Check: pytest passed" in said(out)
    asked = [request.path for request in tasks.service.seen if "/logs" in request.path]
    assert all(f"subtask_id={LOAD.id}" in path for path in asked)
    assert "last=100" in asked[0]
    assert "after=2" in asked[1]


def test_lines_of_a_page_are_kept_when_the_next_one_fails(
    tasks: ScriptedTasks, quintet: Quintet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOG_PAGE", 1)
    lines = [log_page(records.log_entry(n, f"line {n}")) for n in (1, 2, 3)]
    left = [log_page(), *lines[:2], Reply(503, "{}"), lines[2], log_page()]
    tasks.shows(RUNNING, RUNNING, RUNNING, RUNNING, DONE)
    answer = tasks.service.answer
    tasks.service.answer = lambda request: (
        (left.pop(0) if len(left) > 1 else left[0]) if "/logs" in request.path else answer(request)
    )
    code, out, _ = quintet("logs", str(DONE.id), "--follow")
    assert code == Exit.OK
    assert [line.rpartition("  ")[2] for line in out.splitlines()] == ["line 1", "line 2", "line 3"]


def test_what_happened_before_is_not_told_again(
    tasks: ScriptedTasks, quintet: Quintet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "HEARD_SECONDS", 20.0)
    tasks.shows(RUNNING, DONE)  # which it looks at again because the stream has begun
    tasks.says("/events", Reply(200, ": alive\nid: 5-5\n\n", "text/event-stream"))
    assert quintet("watch", str(DONE.id))[0] == Exit.OK
    followed = [one for one in tasks.service.seen if "/events" in one.path]
    assert followed[0].path.endswith("/events?after=now")
    assert [one.headers.get("last-event-id") for one in followed][:1] == [None]


def test_an_unknown_subtask_is_refused_with_those_there_are(
    tasks: ScriptedTasks, quintet: Quintet
) -> None:
    tasks.shows(RUNNING)
    code, _, err = quintet("watch", str(DONE.id), "--subtask", "nope")
    assert code == Exit.NOT_FOUND
    assert "load, report" in err


def test_logs_follow_as_json_lines(tasks: ScriptedTasks, quintet: Quintet) -> None:
    tasks.shows(RUNNING, DONE)
    entry = records.log_entry(1, "hello")
    left = [log_page(entry)]

    tasks.says("/logs", log_page())
    answer = tasks.service.answer
    tasks.service.answer = lambda request: (
        left.pop() if "/logs" in request.path and left else answer(request)
    )
    code, out, err = quintet("logs", str(DONE.id), "--follow", "--json")
    assert (code, err) == (Exit.OK, "")
    assert [json.loads(line) for line in out.splitlines()] == [json.loads(entry.model_dump_json())]
