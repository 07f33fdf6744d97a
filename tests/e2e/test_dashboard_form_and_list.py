"""The form of a new task and the list of tasks, run by Streamlit in this process."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from tests.app_pages import AppPages, played_service
from tests.listed_tasks import CURSOR, ListedTasks, every_kind
from tests.scripted_service import Reply, ScriptedService

LONG_ENOUGH = "Which region sold most?"
AWAY = Reply(hang_up=True)


class Pages(AppPages):
    """The app, and the orchestrator behind it."""

    def __init__(self, service: ScriptedService) -> None:
        super().__init__(service)
        self.api = service.answer = ListedTasks(*every_kind())

    def open(self, page: str = "", **address: Any) -> AppTest:
        """Go to a page, as a link with these parameters would."""
        if page:
            self.app.query_params.update(address)
            self.turn_to(page)
        else:
            self.run()
        return self.app

    def write(self, words: str) -> None:
        self.app.text_area(key="description").set_value(words)

    def upload(self, name: str, content: bytes) -> None:
        (uploader,) = (one for one in self.app.file_uploader)
        uploader.upload(name, content, "text/csv")

    def keys(self) -> list[str]:
        return [request.headers["idempotency-key"] for request in self.api.handed_in]


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with played_service(monkeypatch) as service:
        yield Pages(service)


def test_a_task_is_handed_in_with_all_that_was_chosen(pages: Pages) -> None:
    app = pages.open()
    pages.write(f"  {LONG_ENOUGH}\n")
    pages.upload("s.csv", b"a,b\n")
    app.selectbox(key="review").set_value("always")
    app.toggle(key="approval").set_value(True)
    app.text_input(key="user").set_value("anna ")
    pages.click("Hand it in")
    (request,) = pages.api.handed_in
    for sent in (
        f'name="description"\r\n\r\n{LONG_ENOUGH}\r\n',
        'name="user_id"\r\n\r\nanna\r\n',
        'name="review"\r\n\r\nalways\r\n',
        'name="require_approval"\r\n\r\ntrue\r\n',
        'name="priority"\r\n\r\n5\r\n',
        'filename="s.csv"',
    ):
        assert sent.encode() in request.body
    assert "What do our sales say?" in pages.words()  # the task's page


@pytest.mark.parametrize("standard", [True, False])
def test_what_was_shown_is_what_is_sent(pages: Pages, standard: bool) -> None:
    pages.api.settings = {"require_approval": standard}
    app = pages.open()
    assert app.toggle(key="approval").value is standard
    pages.write(LONG_ENOUGH)
    pages.click("Hand it in")
    body = json.loads(pages.api.handed_in[0].body)
    said = {"description": LONG_ENOUGH, "user_id": "me", "priority": 5}
    assert body == said | {"require_approval": standard}
    pages.open("new_task")
    pages.write(LONG_ENOUGH)
    app.toggle(key="approval").set_value(not standard)
    pages.click("Hand it in")
    assert json.loads(pages.api.handed_in[1].body)["require_approval"] is not standard


def test_a_setting_that_nobody_could_read_is_left_to_the_operator(pages: Pages) -> None:
    pages.api.refusal = AWAY
    pages.open()
    pages.api.refusal = None
    pages.api.settings = {"require_approval": True}
    pages.write(LONG_ENOUGH)
    pages.click("Hand it in")
    body = json.loads(pages.api.handed_in[0].body)
    assert body == {"description": LONG_ENOUGH, "user_id": "me", "priority": 5}


def test_an_example_leaves_the_operators_setting_alone(pages: Pages) -> None:
    pages.api.settings = {"require_approval": True}
    app = pages.open()
    form = app.session_state["form"]
    assert form.standard is True
    app.session_state["wanted_example"] = "haiku"
    pages.run()
    assert app.toggle(key="approval").value is True
    assert next(one for one in app.button if one.label == "Undo").disabled is False


def test_the_limits_are_those_of_the_operator(pages: Pages) -> None:
    pages.api.settings = {"max_files": 1, "max_upload_bytes": 2 << 10}
    pages.open()
    assert "Up to 1 files, 2.0 kB in all" in pages.words()
    pages.write(LONG_ENOUGH)
    pages.upload("s.csv", bytes(3 << 10))
    pages.click("Hand it in")
    assert "The files have 3.0 kB; a task takes 2.0 kB in all" in pages.words()
    assert not pages.api.handed_in


def test_what_is_wrong_is_told_at_once_and_until_it_is_mended(pages: Pages) -> None:
    app = pages.open()
    pages.run()
    assert not app.error
    pages.write("Too short")
    pages.click("Hand it in")
    assert "it needs at least 10" in app.error[0].value
    pages.write("Long\u200e enough by now")
    pages.run()
    assert "1 invisible control characters" in app.error[0].value
    pages.click("Remove the invisible characters")
    assert app.text_area(key="description").value == "Long enough by now"
    assert not app.error
    assert not pages.api.handed_in


@pytest.mark.parametrize("refusal", [Reply(503, '{"detail": "no room", "remedy": "later"}'), AWAY])
def test_a_refusal_loses_nothing_and_the_same_content_keeps_its_key(
    pages: Pages, refusal: Reply
) -> None:
    app = pages.open()
    pages.write(LONG_ENOUGH)
    pages.upload("s.csv", b"a,b\n")
    app.text_input(key="title").set_value("Regions")
    pages.api.refused = refusal
    pages.click("Hand it in")
    assert "Everything you entered is still here" in pages.words()
    assert ("the same task is never made twice" in pages.words()) == refusal.hang_up
    pages.click("Hand it in")
    assert len(set(pages.keys())) == 1
    assert app.text_area(key="description").value == LONG_ENOUGH
    pages.write(f"{LONG_ENOUGH} And why?")
    pages.api.refused = None
    pages.click("Hand it in")
    assert len(set(pages.keys())) == 2
    assert b'filename="s.csv"' in pages.api.handed_in[-1].body
    assert b"Regions" in pages.api.handed_in[-1].body


def test_a_look_at_another_page_loses_nothing(pages: Pages) -> None:
    app = pages.open()
    pages.write(LONG_ENOUGH)
    pages.upload("s.csv", b"a,b\n")
    app.toggle(key="approval").set_value(True)
    pages.run()
    pages.open("tasks")
    pages.open("new_task")
    assert app.text_area(key="description").value == LONG_ENOUGH
    assert app.toggle(key="approval").value
    assert "s.csv" in pages.words()
    pages.click("Hand it in")
    assert b'filename="s.csv"' in pages.api.handed_in[0].body


def test_after_a_task_the_form_is_empty_and_another_one(pages: Pages) -> None:
    app = pages.open()
    for _ in range(2):
        pages.write(LONG_ENOUGH)
        app.text_input(key="user").set_value("anna")
        pages.click("Hand it in")
        pages.open("new_task")
        assert app.text_area(key="description").value == ""
        assert app.text_input(key="user").value == "anna"
    assert len(set(pages.keys())) == 2  # wanted twice, made twice


def test_last_tasks_are_those_of_the_name_and_the_form_works_without_them(pages: Pages) -> None:
    app = pages.open()
    assert pages.api.asked[-1] == {"user_id": ["me"], "limit": ["30"]}
    app.text_input(key="user").set_value("nobody yet")
    pages.run()
    assert pages.api.asked[-1]["user_id"] == ["nobody yet"]
    assert "What you hand in appears here" in pages.words()
    pages.api.refusal = AWAY
    app.text_input(key="user").set_value("anna")
    pages.run()
    assert "They cannot be read at the moment" in pages.words()
    pages.api.refusal = None
    pages.write(LONG_ENOUGH)
    pages.click("Hand it in")
    assert pages.api.handed_in


def test_filters_are_asked_for_together(pages: Pages) -> None:
    app = pages.open("tasks")
    assert pages.api.asked[-1] == {"limit": ["12"]}
    app.text_input(key="search").set_value(" sales ")
    app.button_group(key="kinds").set_value(["needs-you", "cancelled"])
    app.selectbox(key="by").set_value("anna")
    pages.run()
    assert pages.api.asked[-1] == {
        "status": ["awaiting_approval", "failed", "cancelled"],
        "text": ["sales"],
        "user_id": ["anna"],
        "limit": ["12"],
    }
    app.toggle(key="mine").set_value(True)
    pages.run()
    assert pages.api.asked[-1]["user_id"] == ["me"]


def test_filters_come_from_the_address_and_are_there_again_on_the_way_back(pages: Pages) -> None:
    app = pages.open("tasks", q="report", show=["failed", "nonsense"], by="anna")
    assert pages.api.asked[-1]["status"] == ["failed"]
    assert app.text_input(key="search").value == "report"
    pages.open("new_task")
    app.query_params.clear()
    pages.open("tasks")
    assert app.text_input(key="search").value == "report"
    assert app.button_group(key="kinds").value == ["failed"]
    assert app.selectbox(key="by").value == "anna"


def test_nothing_to_show_says_what_to_do(pages: Pages) -> None:
    app = pages.open("tasks", q="zanzibar")
    assert "Nothing matches" in pages.words()
    pages.click("Show every task")
    assert app.text_input(key="search").value == ""
    assert "Nothing matches" not in pages.words()
    pages.api.tasks.clear()
    pages.run()
    assert "No tasks yet" in pages.words()


def test_pages_go_on_and_back_and_another_question_begins_anew(pages: Pages) -> None:
    app = pages.open("tasks")
    pages.click("Older")
    assert pages.api.asked[-1]["cursor"] == [f"{CURSOR}12"]
    assert "Page 2" in pages.words()
    assert [one.label for one in app.button if one.label in ("Newer", "Older")] == ["Newer"]
    pages.click("Newer")
    assert "cursor" not in pages.api.asked[-1]
    pages.click("Older")
    app.text_input(key="search").set_value("weekly")
    pages.run()
    assert "cursor" not in pages.api.asked[-1]


def test_a_page_that_is_gone_leads_to_the_newest(pages: Pages) -> None:
    app = pages.open("tasks")
    place = app.session_state["task_place"]
    place.older(0, "of another version")
    pages.run()
    assert "That page is not there any more" in pages.words()
    assert "cursor" not in pages.api.asked[-1]
    pages.click("Older")
    assert "That page" not in pages.words()
    del pages.api.tasks[5:]
    pages.run()
    assert "Nothing older" in pages.words()
    pages.click("To the newest")
    assert "Nothing older" not in pages.words()


def test_when_the_orchestrator_is_away_the_last_is_kept(pages: Pages) -> None:
    app = pages.open("tasks")
    heard = app.session_state["task_place"].heard
    pages.api.refusal = AWAY
    pages.run()
    assert "What you see is the last that was heard" in pages.words()
    assert app.session_state["task_place"].heard is heard
    assert all(one.disabled for one in app.button if one.label == "Older")
    app.text_input(key="search").set_value("sales")
    pages.run()
    assert "not yet the tasks that you are looking for" in pages.words()
    pages.api.refusal = None
    pages.run()
    assert "Trying again" not in pages.words()
    assert len(app.session_state["task_place"].heard.tasks) == 1


def test_without_any_answer_yet_it_says_so(pages: Pages) -> None:
    pages.api.refusal = AWAY
    pages.open("tasks")
    assert "Trying again every few seconds" in pages.words()
    assert "No tasks yet" not in pages.words()
