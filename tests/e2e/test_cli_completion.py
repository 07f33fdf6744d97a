"""What Tab offers: quickly, harmlessly, and silently when nobody answers."""

import socket
import time
from collections.abc import Iterator

import pytest
from typer import Context
from typer.main import get_command

from tests import ui_records as records
from tests.cli_world import page, reply
from tests.scripted_service import Reply, Request, ScriptedService, scripted_service
from ui.cli import app as cli
from ui.cli.completion import PATIENCE, subtask_keys, task_ids

TASK = records.task(
    "in_progress",
    records.subtask("load", "completed"),
    records.subtask("report", "running", "load"),
    title="$(rm -rf /) `x` 'y' \"z\" [red]; total: 5\n| sum",
)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedService]:
    with scripted_service() as service:
        monkeypatch.setenv("QUINTET_API_URL", service.url)
        yield service


def line(**words: str) -> Context:
    context = Context(get_command(cli.app))
    context.params.update(words)
    return context


def test_ids_come_with_words_that_no_shell_evaluates(service: ScriptedService) -> None:
    service.script(page(TASK))
    ((name, about),) = task_ids(str(TASK.id)[:3])
    assert name == str(TASK.id)
    assert about.startswith("In progress, ")
    assert not set(about) & set("$`'\"[](){};|&<>\\:!*?~#=%^\n")
    assert task_ids("nothing-like-it") == []


def test_keys_are_those_of_the_task_on_the_line(service: ScriptedService) -> None:
    def answer(request: Request) -> Reply:
        return page(TASK) if request.path.startswith("/tasks?") else reply(TASK)

    service.answer = answer
    names = [name for name, _ in subtask_keys(line(task=str(TASK.id)[:8]), "")]
    assert names == ["load", "report"]
    assert [name for name, _ in subtask_keys(line(task=str(TASK.id)), "rep")] == ["report"]
    assert subtask_keys(line(), "") == []
    assert subtask_keys(line(task="ffffffff"), "") == []


@pytest.mark.parametrize("url", ["nonsense", "http://[", "http://127.0.0.1:1"])
def test_nothing_is_offered_when_nobody_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str
) -> None:
    monkeypatch.setenv("QUINTET_API_URL", url)
    assert task_ids("") == []
    assert capsys.readouterr() == ("", "")


def test_a_service_that_stays_silent_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        monkeypatch.setenv("QUINTET_API_URL", url)
        started = time.monotonic()
        assert task_ids("") == []
        assert time.monotonic() - started < PATIENCE + 5  # far less than other calls wait
