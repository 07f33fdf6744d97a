"""The command line, run in this process: what it prints and how it ends."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from shared.models import (
    LogEntry,
    LogPage,
    Plan,
    PlanVersion,
    TaskPage,
    TaskSummary,
    TaskView,
)
from tests import ui_records as records
from tests.scripted_service import Reply, Request, ScriptedService
from ui.cli import app as cli
from ui.cli import following

HASH = "0123456789abcdef" * 4
NO_STREAM = Reply(404, '{"detail": "no such route"}')


class Quintet:
    """Runs commands; what they print comes back."""

    def __init__(
        self, url: str, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self._patch, self._capsys = patch, capsys
        patch.setenv("QUINTET_API_URL", url)
        patch.setenv("COLUMNS", "120")
        patch.setattr(following, "POLL_SECONDS", 0.01)

    def __call__(self, *words: str) -> tuple[int, str, str]:
        """The exit code, and what went to standard output and standard error."""
        self._patch.setattr("sys.argv", ["quintet", *words])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = self._capsys.readouterr()
        return int(ended.value.code or 0), out, err


@dataclass
class ScriptedTasks:
    """A service that shows a task in one state after the other, the last one for ever."""

    service: ScriptedService
    replies: list[Reply] = field(default_factory=list)
    others: dict[str, Reply] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.service.answer = self._answer

    def shows(self, *views: TaskView | Reply) -> None:
        """What is asked of the task itself is answered with these in turn."""
        self.replies = [view if isinstance(view, Reply) else reply(view) for view in views]

    def says(self, path: str, answer: Reply) -> None:
        """What is asked of a path that ends so."""
        self.others[path] = answer

    def _answer(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        for end, answer in self.others.items():
            if path.endswith(end):
                return answer
        if path.endswith("/events"):
            return NO_STREAM
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]


def reply(view: TaskView) -> Reply:
    """The answer of `GET /tasks/{id}`."""
    return Reply(200, records.detail(view).model_dump_json())


def accepted(view: TaskView) -> Reply:
    """The answer of a verb."""
    return Reply(202, view.model_dump_json())


def page(*tasks: TaskView) -> Reply:
    """The answer of `GET /tasks`."""
    fields = records.summary_fields()
    rows = tuple(TaskSummary.model_validate(task.model_dump(include=fields)) for task in tasks)
    return Reply(200, TaskPage(tasks=rows, next_cursor=None).model_dump_json())


def log_page(*entries: LogEntry) -> Reply:
    """The answer of `GET /tasks/{id}/logs`."""
    last = entries[-1].id if entries else 0
    return Reply(200, LogPage(entries=entries, next_after=last).model_dump_json())


def version(plan: Plan, **changes: Any) -> PlanVersion:
    """The first version of a plan, by the planner."""
    fields = {
        "version": 1,
        "hash": HASH,
        "author": "planner",
        "feedback": None,
        "created_at": records.START,
        "current": True,
        "plan": plan,
    }
    return PlanVersion.model_validate(fields | changes)


def problem(status: int, slug: str, **more: Any) -> Reply:
    """A refusal."""
    body = {"type": f"urn:quintet:problem:{slug}", "title": slug, "detail": "Why."}
    return Reply(status, json.dumps(body | {"status": status} | more), "application/problem+json")
