"""What a session hears of a task, asked for over HTTP of a scripted orchestrator."""

from collections.abc import Iterator

import pytest

from shared.errors import NotFound
from shared.models import LogEntry
from tests import ui_records as records
from tests.app_pages import played_service
from tests.scripted_service import Reply, Request, ScriptedService
from tests.steered_task import SteeredTask
from ui.task_page.last_heard import Heard
from ui.task_page.log_places import PAGE, SUBTASKS_KEPT, TASK_LINES
from ui.views import now

LOAD = records.subtask("load", "completed")
CHART = records.subtask("chart", "running", "load")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedService]:
    with played_service(monkeypatch) as opened:
        yield opened


@pytest.fixture
def api(service: ScriptedService) -> SteeredTask:
    service.answer = made = SteeredTask(records.task("in_progress", LOAD, CHART))
    return made


def asked(service: ScriptedService, part: str) -> list[Request]:
    return [one for one in service.seen if part in one.path]


def lines(first: int, last: int, key: str = "chart") -> list[LogEntry]:
    return [records.log_entry(number, f"Line {number}", key=key) for number in range(first, last)]


def test_reading_begins_with_the_newest_lines_and_goes_on(
    service: ScriptedService, api: SteeredTask
) -> None:
    api.entries = lines(1, 2_000)
    known = Heard(api.task.id)
    known.refresh()
    assert [one.id for one in known.log.whole.entries] == list(range(2_000 - TASK_LINES, 2_000))
    api.entries += lines(2_000, 2_003)
    known.refresh()
    assert [one.id for one in known.log.whole.entries][-4:] == [1_999, 2_000, 2_001, 2_002]
    assert len(known.log.whole.entries) == TASK_LINES
    assert len(asked(service, "/logs")) == 2


def test_lines_that_come_faster_than_they_are_read_leave_no_gap(api: SteeredTask) -> None:
    known = Heard(api.task.id)
    known.refresh()
    api.entries = lines(1, 5 * PAGE)
    known.refresh()
    read = [one.id for one in known.log.whole.entries]
    assert read == list(range(5 * PAGE - TASK_LINES, 5 * PAGE))


def test_a_subtask_has_its_own_lines_however_many_others_came_since(
    service: ScriptedService, api: SteeredTask
) -> None:
    api.entries = lines(1, 4, key="load") + lines(4, 2_000)
    known = Heard(api.task.id)
    known.refresh()
    assert [one.id for one in known.log.of(LOAD, away=False)] == [1, 2, 3]
    before = len(service.seen)
    assert [one.id for one in known.log.of(LOAD, away=False)] == [1, 2, 3]
    assert len(service.seen) == before  # it ended long ago
    assert known.log.of(records.subtask("later"), away=False) == []
    known.log.of(CHART, away=True)
    assert len(service.seen) == before


def test_what_ended_just_now_is_read_on_and_what_ended_long_ago_is_not(
    service: ScriptedService, api: SteeredTask
) -> None:
    api.task = records.task("completed", LOAD, finished_at=now())
    known = Heard(api.task.id)
    known.refresh()
    known.refresh()
    assert len(asked(service, "/logs")) == 2
    api.task = records.task("completed", LOAD)
    known.refresh()
    known.refresh()
    assert len(asked(service, "/logs")) == 3
    api.task = records.task("in_progress", LOAD, CHART)
    known.refresh()
    known.refresh()
    assert len(asked(service, "/logs")) == 5


def test_only_the_subtasks_looked_at_last_are_kept(
    service: ScriptedService, api: SteeredTask
) -> None:
    known = Heard(api.task.id)
    for number in range(SUBTASKS_KEPT + 1):
        known.log.of(records.subtask(f"s{number}", "completed"), away=False)
    before = len(service.seen)
    known.log.of(records.subtask("s1", "completed"), away=False)
    assert len(service.seen) == before
    known.log.of(records.subtask("s0", "completed"), away=False)
    assert len(service.seen) == before + 1


def test_attempts_are_asked_for_again_only_when_something_moved(
    service: ScriptedService, api: SteeredTask
) -> None:
    known = Heard(api.task.id)
    known.refresh()
    for picked in (LOAD, CHART, LOAD):
        known.tried(picked)
    known.all_tried()
    assert len(asked(service, "/attempts")) == 1
    done = records.subtask("chart", "completed", "load")
    api.task = records.task("in_progress", LOAD, done)
    known.refresh()
    known.tried(LOAD)
    assert len(asked(service, "/attempts")) == 1
    known.all_tried()
    known.tried(done)
    assert len(asked(service, "/attempts")) == 2


def test_a_task_that_is_not_there_is_asked_for_once(service: ScriptedService) -> None:
    service.answer = lambda _: Reply(404, '{"detail": "there is no such task"}')
    known = Heard(records.subtask_id("gone"))
    known.refresh()
    known.refresh()
    assert isinstance(known.trouble, NotFound)
    assert len(service.seen) == 1
