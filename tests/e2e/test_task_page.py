"""The task page's dialogs, editor and previews, run by Streamlit against a scripted task."""

from collections.abc import Callable, Iterator

import pytest

from shared.models import BlockedPart, Plan
from shared.states import TaskStatus
from tests import ui_records as records
from tests.app_pages import AppPages, played_service
from tests.scripted_service import Reply, ScriptedService
from tests.steered_task import SteeredTask, artifact, planned, refusal, version, waiting

LOAD = records.subtask("load", "completed", evidence="verified")
CHART = records.subtask("chart", "running", "load")
REPORT = records.subtask("report", "pending", "chart")
BROKEN = records.subtask("chart", "failed", "load", error="exit 1", attempt=2)
BLOCKED = records.subtask("report", "blocked", "chart")
PLAN = Plan(summary="Load, then draw.", subtasks=(planned("load"), planned("draw", "load")))


class TaskPage(AppPages):
    """The page of one task, with its buttons by their keys."""

    def __init__(self, service: ScriptedService) -> None:
        super().__init__(service)
        self.api = SteeredTask(records.task("pending"))

    def open(self, api: SteeredTask) -> "TaskPage":
        self.api = self.service.answer = api
        self.app.query_params["id"] = str(api.task.id)
        self.run()
        self.turn_to("task")
        return self

    def press(self, key: str) -> "TaskPage":
        self.app.button(key=key).click()
        return self.run()

    def add(self) -> "TaskPage":
        """Add a subtask to the plan that is edited, and say what it is to do."""
        self.press("plan-add")
        self.app.text_area(key="plan-description-new-1-0").set_value("Look once more")
        return self.run()

    def has(self, key: str) -> bool:
        return any(one.key == key for one in self.app.button)


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskPage]:
    with played_service(monkeypatch) as service:
        yield TaskPage(service)


def running() -> SteeredTask:
    return SteeredTask(records.task("in_progress", LOAD, CHART, REPORT))


def failed() -> SteeredTask:
    return SteeredTask(records.task("failed", LOAD, BROKEN, BLOCKED))


def proposed() -> SteeredTask:
    first = version(1, PLAN)
    return SteeredTask(waiting(first), [first])


@pytest.mark.parametrize(
    ("make", "opens", "confirms", "sent"),
    [
        (running, "steer-cancel", "confirm-cancel", ("cancel", None)),
        (running, "steer-pause", "confirm-pause", ("pause", {"running": "finish"})),
        (running, "subtask-cancel", "confirm-subtask-cancel", ("cancel", None)),
        (failed, "subtask-retry", "confirm-retry", ("retry", {"attempt": 2})),
        (
            failed,
            "subtask-rerun",
            "confirm-rerun",
            ("rerun", {"from": str(BROKEN.id), "seen": "state-0"}),
        ),
        (
            proposed,
            "steer-approve",
            "confirm-approve",
            ("approve", {"hash": version(1, PLAN).hash}),
        ),
    ],
)
def test_a_verb_is_asked_for_and_sent_once(
    page: TaskPage,
    make: Callable[[], SteeredTask],
    opens: str,
    confirms: str,
    sent: tuple[str, object],
) -> None:
    page.open(make()).press(opens)
    assert page.api.done == []
    page.press(confirms)
    assert page.api.done == [sent]
    assert not page.has(confirms)


@pytest.mark.parametrize("verb", ["cancel", "pause", "priority"])
def test_a_dialog_names_its_task_and_does_not_open_over_another(page: TaskPage, verb: str) -> None:
    page.open(running()).press(f"steer-{verb}")
    assert "**Sales by region**" in page.words()
    other = running()
    other.task = other.task.model_copy(update={"id": records.subtask_id("other")})
    page.api = page.service.answer = other
    page.app.query_params["id"] = str(other.task.id)
    page.run()
    assert page.has("steer-cancel")
    assert not page.has(f"confirm-{verb}")


def test_a_dialog_is_gone_when_its_page_was_left(page: TaskPage) -> None:
    page.open(running()).press("steer-cancel")
    page.service.answer = lambda _: Reply(200, '{"tasks": [], "next_cursor": null, "agents": []}')
    page.app.switch_page("screens/tasks.py")
    page.app.run()
    page.service.answer = page.api
    page.app.switch_page("screens/task.py")
    page.run()
    assert page.has("steer-cancel")
    assert not page.has("confirm-cancel")


def test_a_request_that_nobody_clicked_for_is_not_sent(page: TaskPage) -> None:
    page.open(running()).press("steer-cancel")
    page.app.session_state["asked"].step = "sending"
    page.run()
    assert page.api.done == []
    assert not page.app.button(key="confirm-cancel").disabled
    page.press("confirm-cancel")
    assert page.api.done == [("cancel", None)]


def test_a_dialog_whose_request_went_out_is_closed_at_the_next_visit(page: TaskPage) -> None:
    page.open(running()).press("steer-cancel")
    page.app.session_state["asked"].step = "sent"
    page.run()
    assert (page.api.done, page.has("confirm-cancel")) == ([], False)


def test_a_dialog_that_is_left_sends_nothing(page: TaskPage) -> None:
    page.open(running()).press("steer-cancel")
    assert "“Title of chart” is told to stop now." in page.words()
    page.press("asked-back")
    assert (page.api.done, page.has("confirm-cancel")) == ([], False)


def test_a_pause_may_give_back_what_runs_and_is_seen_and_ended(page: TaskPage) -> None:
    page.open(running()).press("steer-pause")
    page.app.radio(key="pause-running").set_value("release")
    page.press("confirm-pause")
    assert page.api.done == [("pause", {"running": "release"})]
    assert "Paused by a person" in page.words()
    assert not page.has("steer-pause")
    page.press("steer-resume").press("confirm-resume")
    assert page.api.done[-1] == ("resume", None)
    assert "Paused by a person" not in page.words()


def test_a_pause_that_gives_back_says_so(page: TaskPage) -> None:
    api = running()
    released = {"paused_reason": "user", "pause_releases": True}
    api.task = api.task.model_copy(update=released)
    words = page.open(api).words()
    assert "1 subtask is being given back, without a result." in words
    assert "may still finish" not in words
    api.task = records.task("in_progress", LOAD, REPORT, **released)
    assert "what was given back begins anew later" in page.run().words()


def test_a_priority_is_changed_only_to_another(page: TaskPage) -> None:
    page.open(running()).press("steer-priority")
    assert page.app.button(key="confirm-priority").disabled
    page.app.slider(key="priority-value").set_value(9).run()
    page.press("confirm-priority")
    assert page.api.done == [("priority", {"priority": 9, "seen": 5})]


def test_a_priority_replaces_only_the_one_that_was_seen(page: TaskPage) -> None:
    page.open(running()).press("steer-priority")
    page.app.slider(key="priority-value").set_value(9).run()
    page.api.refusals["priority"] = refusal("priority-changed", "somebody set it to 7")
    page.api.task = page.api.task.model_copy(update={"priority": 7})
    page.run()
    assert "It is now 5." in page.words()
    page.press("confirm-priority")
    assert "Not done: the state has changed." in page.words()
    page.run()
    assert "It is now 7." in page.words()
    page.api.refusals.clear()
    page.app.slider(key="priority-value").set_value(8).run()
    page.press("confirm-priority")
    assert page.api.done == [("priority", {"priority": 8, "seen": 7})]


def test_who_comes_second_hears_what_is_true_now(page: TaskPage) -> None:
    page.open(running()).press("steer-cancel")
    page.api.refusals["cancel"] = refusal("over", "the task is over", status_now="completed")
    page.press("confirm-cancel")
    assert "Not done: the state has changed." in page.words()
    assert "It is now: **Completed**" in page.words()
    page.api.task = records.task("completed", LOAD)
    page.run()
    assert "There is nothing left to do here. The task is now: Completed." in page.words()
    assert not page.has("confirm-cancel")


def test_nothing_that_was_typed_is_lost_when_sending_fails(page: TaskPage) -> None:
    page.open(proposed()).press("steer-send-back")
    page.app.text_area(key="feedback").set_value("no")
    page.press("confirm-send-back")
    assert "it needs at least 3" in page.words()
    page.app.text_area(key="feedback").set_value("Leave the chart out")
    page.api.refusals["reject"] = Reply(503, '{"detail": "no room", "remedy": "try later"}')
    page.press("confirm-send-back")
    assert "No room" in page.words()
    assert page.app.text_area(key="feedback").value == "Leave the chart out"
    page.api.refusals.clear()
    page.press("confirm-send-back")
    assert page.api.done[0][1]["feedback"] == "Leave the chart out"


def test_a_retry_takes_an_edited_description(page: TaskPage) -> None:
    page.open(failed()).press("subtask-retry")
    page.app.segmented_control(key="retry-how").set_value("edited").run()
    page.app.text_area(key="retry-description").set_value("Do it better")
    page.press("confirm-retry")
    edit = {"description": "Do it better"}
    assert page.api.done == [("retry", {"attempt": 2, "edit": edit})]


@pytest.mark.parametrize("verb", ["retry", "rerun"])
def test_what_is_expected_and_checked_is_edited_too(page: TaskPage, verb: str) -> None:
    page.open(failed()).press(f"subtask-{verb}")
    page.app.segmented_control(key=f"{verb}-how").set_value("edited").run()
    page.app.text_area(key=f"{verb}-expected").set_value("a chart")
    page.app.text_area(key=f"{verb}-checks").set_value("- kind: command")
    page.run()
    assert "Check 1: it needs command." in page.words()
    page.press(f"confirm-{verb}")
    assert page.api.done == []
    page.app.text_area(key=f"{verb}-checks").set_value("- kind: command\n  command: make")
    page.press(f"confirm-{verb}")
    ((_, body),) = page.api.done
    checks = [{"kind": "command", "command": "make"}]
    assert body["edit"] == {"expected_output": "a chart", "checks": checks}


def test_a_rerun_is_previewed_and_again_when_it_changed(page: TaskPage) -> None:
    page.open(failed()).press("subtask-rerun")
    words = page.words()
    assert "Stays blocked" not in words
    assert "Runs again: 2 subtasks" in words
    assert "Reused as it is: 1 subtask" in words
    assert "What runs again cost $0.0400 so far" in words
    page.api.refusals["rerun"] = refusal("rerun-changed", "it changed", status_now="failed")
    page.api.done.append(("somebody else", None))
    page.press("confirm-rerun")
    assert "Not done" in page.words()
    page.api.refusals.clear()
    page.press("confirm-rerun")
    assert page.api.done[-1] == ("rerun", {"from": str(BROKEN.id), "seen": "state-1"})


def test_a_rerun_says_what_it_leaves_blocked(page: TaskPage) -> None:
    api = failed()
    held = {"id": BLOCKED.id, "key": "report", "title": "Title of report", "held_by": ("store",)}
    api.stays_blocked = (BlockedPart.model_validate({**held, "status": "blocked"}),)
    words = page.open(api).press("subtask-rerun").words()
    assert "Stays blocked: 1 subtask" in words
    assert "Title of report :small[held by store]" in words


def test_a_plan_is_shown_with_what_it_needs_and_how_long_it_takes(page: TaskPage) -> None:
    words = page.open(proposed()).words()
    for said in ("The plan waits for your approval", "About 2 min", "data analysis · about 1 min"):
        assert said in words


def test_approval_loses_to_a_newer_version(page: TaskPage) -> None:
    page.open(proposed()).press("steer-approve")
    page.api.revise(PLAN.model_copy(update={"summary": "Another way."}))
    page.run()
    assert "Version 2, by a person, is there now; you looked at version 1" in page.words()
    assert not page.has("confirm-approve")


def test_a_plan_is_edited_and_saved_as_a_new_version(page: TaskPage) -> None:
    page.open(proposed()).press("steer-edit")
    assert not page.has("steer-approve")
    page.app.text_input(key="plan-title-load-0").set_value("Read it").run()
    page.press("edit-1")
    page.app.multiselect(key="plan-dependencies-draw-0").set_value([]).run()
    page.press("plan-add").press("editor-save")
    assert page.app.button(key="confirm-save").disabled
    assert "Subtask 'new-1': it needs a description" in page.words()
    page.press("asked-back")
    page.app.text_area(key="plan-description-new-1-0").set_value("Look once more").run()
    page.press("editor-save")
    assert "1 added, 2 changed" in page.words()
    page.press("confirm-save")
    ((verb, body),) = page.api.done
    subtasks = body["plan"]["subtasks"]
    assert (verb, body["hash"]) == ("plan", version(1, PLAN).hash)
    assert [one["id"] for one in subtasks] == ["load", "draw", "new-1"]
    assert (subtasks[0]["title"], subtasks[1]["dependencies"]) == ("Read it", [])
    assert page.has("steer-approve")
    assert "Version 2, by a person" in page.words()


def test_a_name_of_another_subtask_is_refused_where_it_is_typed(page: TaskPage) -> None:
    page.open(proposed()).press("steer-edit")
    page.app.text_input(key="plan-id-load-0").set_value("draw")
    page.run()
    assert "Subtask 'load' cannot be called 'draw'" in page.words()
    page.app.text_input(key="plan-id-load-0").set_value("read")
    assert "cannot be called" not in page.run().words()


def test_a_check_is_written_as_yaml(page: TaskPage) -> None:
    page.open(proposed()).press("steer-edit")
    page.app.text_area(key="plan-checks-load-0").set_value("- kind: file_exists\n  pat: a.csv")
    page.run()
    assert "check 1: it needs path" in page.words()
    assert "Checks are written that cannot be read yet. Nothing is saved yet." in page.words()
    page.press("edit-1").press("edit-0")
    assert "pat: a.csv" in str(page.app.text_area(key="plan-checks-load-0").value)
    page.press("editor-save")
    assert page.app.button(key="confirm-save").disabled
    page.press("asked-back")
    page.app.text_area(key="plan-checks-load-0").set_value("- kind: file_exists\n  path: a.csv")
    page.run()
    assert "- a.csv exists with at least 1 B" in page.words()
    page.press("editor-save").press("confirm-save")
    ((_, body),) = page.api.done
    assert body["plan"]["subtasks"][0]["checks"] == [
        {"kind": "file_exists", "path": "a.csv", "min_bytes": 1}
    ]


def test_edits_that_were_saved_are_gone_even_if_the_answer_came_after_the_page_was_left(
    page: TaskPage,
) -> None:
    page.open(proposed()).press("steer-edit").add()
    page.app.session_state[f"draft-{page.api.task.id}"].saved = True
    page.run()
    assert page.has("steer-approve")
    assert not page.has("editor-save")


def test_a_refused_plan_says_why_where_it_matters_and_keeps_the_edits(page: TaskPage) -> None:
    page.open(proposed()).press("steer-edit").add()
    said = ("subtask 'load' depends on itself", "the plan is too large")
    errors = [{"field": "plan", "message": words} for words in said]
    page.api.refusals["plan"] = refusal("plan-invalid", "it is not valid", 422, errors=errors)
    page.press("editor-save").press("confirm-save")
    assert "Subtask 'load' depends on itself." in page.words()
    page.press("asked-back")
    assert [one.value.replace("\\", "") for one in page.app.error] == ["The plan is too large."]
    assert "1 added. Nothing is saved yet." in page.words()
    page.press("edit-0")
    assert "Subtask 'load' depends on itself." in page.words()


def test_edits_survive_a_newer_version_of_somebody_else(page: TaskPage) -> None:
    page.open(proposed()).press("steer-edit").add()
    page.api.revise(PLAN.model_copy(update={"summary": "Another way."}))
    page.run()
    assert "Version 2, by a person, was made while you edited version 1" in page.words()
    page.press("newer-compare")
    assert "1 added, the summary is changed." in page.words()
    page.press("asked-back").press("newer-keep")
    assert "Editing version 2 of the plan" in page.words()
    page.press("editor-save").press("confirm-save")
    assert page.api.done[0][1]["hash"] == page.api.versions[1].hash


def test_edits_are_dropped_only_when_a_person_says_so(page: TaskPage) -> None:
    page.open(proposed()).press("steer-edit").press("plan-add").press("editor-stop")
    assert "1 added: this is lost." in page.words()
    page.press("confirm-drop")
    assert page.api.done == []
    assert page.has("steer-edit")


def test_edits_that_come_too_late_are_told(page: TaskPage) -> None:
    page.open(proposed()).press("steer-edit").press("plan-add")
    page.api.task = page.api.task.model_copy(update={"status": TaskStatus.IN_PROGRESS})
    page.run()
    assert "Your edits of the plan cannot be saved any more" in page.words()
    page.press("newer-drop")
    assert "cannot be saved" not in page.words()


def test_versions_are_listed_and_compared(page: TaskPage) -> None:
    api = proposed()
    api.revise(PLAN.model_copy(update={"subtasks": PLAN.subtasks[:1]}), feedback="Less, please.")
    page.open(api)
    page.app.session_state["activity"] = ":material/history: Plan versions"
    words = page.run().words()
    assert "Made because: Less, please." in words
    assert "1 removed." in words


@pytest.mark.parametrize(
    ("name", "content", "media_type", "shown"),
    [
        ("a.md", b"**bold** ![x](http://evil.example/x.png)", "text/markdown", "**bold** Image: x"),
        ("a.csv", b"month,units\nmay,3\n", "text/csv", "1 row, all of them."),
        ("a.py", b"print(1)", "text/x-python", "print(1)"),
        ("a.txt", b"\xff\xfe", "text/plain", "This is no text"),
    ],
)
def test_a_file_is_looked_into(
    page: TaskPage, name: str, content: bytes, media_type: str, shown: str
) -> None:
    made = artifact(f"load/{name}", content, media_type)
    task = records.task("completed", LOAD, answer="Done.", artifacts=(made,))
    page.open(SteeredTask(task, contents={made.path: content}))
    page.press(f"look-files-{made.path}-{made.sha256[:8]}")
    assert shown in page.words()
    assert "](http" not in page.words()


def test_an_answer_of_before_a_rerun_says_so(page: TaskPage) -> None:
    task = records.task("in_progress", LOAD, CHART, answer="Old words.", answer_outdated=True)
    page.open(SteeredTask(task))
    assert [one.label for one in page.app.expander if "before the rerun" in one.label]
    assert "Old words." in page.words()


def test_attempts_say_how_and_why_they_ended(page: TaskPage) -> None:
    api = failed()
    tried = {"subtask_id": str(BROKEN.id), "agent_id": "agent-2", "failure_kind": None}
    times = {"claimed_at": records.later(1), "finished_at": records.later(7)}
    api.attempts = [
        {**tried, **times, "attempt": 1, "outcome": "lost", "error": None},
        {**tried, **times, "attempt": 2, "outcome": "failed", "error": "exit 1\nlong"},
    ]
    words = page.open(api).words()
    assert "agent-2 · 12:00:01 UTC · 6 s" in words
    assert "Its agent fell silent, so it was taken away." in words
    assert "Exit 1." in words


def test_nothing_can_be_steered_while_the_orchestrator_is_away(page: TaskPage) -> None:
    page.open(running())
    page.api.away = True
    page.run()
    assert "What you see is the last that was heard." in page.words()
    for key in ("steer-pause", "steer-cancel", "subtask-cancel"):
        assert page.app.button(key=key).disabled
    page.api.away = False
    page.run()
    assert not page.app.button(key="steer-pause").disabled


def test_the_newest_lines_are_shown_and_those_of_an_earlier_subtask(page: TaskPage) -> None:
    api = running()
    api.entries = [records.log_entry(1, "I loaded it.")]
    api.entries += [records.log_entry(n, f"Line {n}", key="chart") for n in range(2, 3000)]
    page.open(api)
    assert page.app.dataframe[0].value["message"][0] == "Line 2999"
    page.app.session_state[f"picked-{api.task.id}"] = "load"
    words = page.run().words()
    assert "What it did" in words
    assert "left no line" not in words


def test_a_finished_task_is_not_asked_for_its_log_again(page: TaskPage) -> None:
    page.open(failed()).run()
    asked = len(page.asked("/logs"))
    page.run().run()
    assert len(page.asked("/logs")) == asked


def test_a_session_forgets_tasks_that_it_does_not_look_at(page: TaskPage) -> None:
    for name in ("a", "b", "c", "d"):
        api = running()
        api.task = api.task.model_copy(update={"id": records.subtask_id(name)})
        page.open(api)
    known = page.app.session_state["heard"]
    assert list(known) == [records.subtask_id(name) for name in ("b", "c", "d")]
