"""An orchestrator that has tasks to list and takes new ones, as far as two pages ask it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Event
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid5

from shared.models import TaskDetail, TaskView
from tests import ui_records as records
from tests.scripted_service import Reply, Request

CURSOR = "after-"
ANSWER_SECONDS = 15.0  # however long it is held


class ListedTasks:
    """Answers of the API; `refusal` answers everything, `refused` only what is handed in."""

    def __init__(self, *tasks: TaskView) -> None:
        self.tasks = list(tasks)
        self.refusal: Reply | None = None
        self.refused: Reply | None = None
        self.may_answer = Event()  # to what is handed in
        self.may_answer.set()
        self.settings: dict[str, Any] = {}  # of the operator
        self.handed_in: list[Request] = []
        self.asked: list[dict[str, list[str]]] = []

    def __call__(self, request: Request) -> Reply:
        if self.refusal:
            return self.refusal
        address = urlsplit(request.path)
        if address.path == "/tasks":
            return self._take(request) if request.method == "POST" else self._list(address.query)
        fixed = {
            "ready": json.dumps({"status": "ready", "simulated": True, **self.settings}),
            "agents": '{"agents": []}',
            "logs": '{"entries": [], "next_after": 0}',
            "attempts": '{"attempts": []}',
            "versions": '{"versions": []}',
        }
        last = address.path.rpartition("/")[2]
        return Reply(200, fixed[last]) if last in fixed else self._one(last)

    def _take(self, request: Request) -> Reply:
        self.handed_in.append(request)
        self.may_answer.wait(ANSWER_SECONDS)
        return self.refused or Reply(202, self.tasks[0].model_dump_json())

    def _one(self, task_id: str) -> Reply:
        for task in self.tasks:
            if str(task.id) == task_id:
                return Reply(200, TaskDetail(task=task).model_dump_json())
        return Reply(404, '{"detail": "there is no such task"}')

    def _list(self, query: str) -> Reply:
        asked = parse_qs(query)
        self.asked.append(asked)
        begin = asked.get("cursor", [f"{CURSOR}0"])[0]
        if not begin.startswith(CURSOR):
            return Reply(
                422, json.dumps({"detail": "not a cursor", "type": "/problems/bad-cursor"})
            )
        first, size = int(begin.removeprefix(CURSOR)), int(asked.get("limit", ["50"])[0])
        found = [task for task in self.tasks if _wanted(task, asked)]
        fields = records.summary_fields()
        page = [json.loads(task.model_dump_json(include=fields)) for task in found[first:][:size]]
        more = f"{CURSOR}{first + size}" if len(found) > first + size else None
        return Reply(200, json.dumps({"tasks": page, "next_cursor": more}))


def _wanted(task: TaskView, asked: dict[str, list[str]]) -> bool:
    return (
        task.status in asked.get("status", [task.status])
        and asked.get("user_id", [task.user_id]) == [task.user_id]
        and asked.get("text", [""])[0].casefold() in task.title.casefold()
    )


def listed(title: str, status: str, *statuses: str, minutes: float = 1, **more: Any) -> TaskView:
    """A task of some minutes ago with subtasks of these statuses."""
    begun = datetime.now(UTC) - timedelta(minutes=minutes)
    over = status in ("completed", "failed", "cancelled")
    subtasks: Sequence[Any] = [records.subtask(f"s{n}", one) for n, one in enumerate(statuses)]
    given = {
        "id": uuid5(records.subtask_id(title), str(minutes)),
        "title": title,
        "created_at": begun,
        "finished_at": begun + timedelta(seconds=75) if over else None,
        "description": f"{title}, worked out from the export and written down on a page.",
        "cost_usd": Decimal("0.0213") * len(statuses),
    }
    return records.task(status, *subtasks, **{**given, **more})


def every_kind() -> list[TaskView]:
    """Sixteen tasks of four people, newest first: more than a page, and every status."""
    kinds: list[tuple[str, str, tuple[str, ...], dict[str, Any]]] = [
        ("What do our sales say?", "awaiting_approval", (), {"simulated": True}),
        ("Compare three databases", "in_progress", ("completed", "running", "queued"), {}),
        ("A haiku about five players", "planning", (), {"user_id": "ben"}),
        ("Find duplicate files", "in_progress", ("completed",), {"paused_reason": "user"}),
        ("Report for the board", "failed", ("completed", "failed", "blocked"), {"partial": True}),
        ("Clean the customer list", "completed", ("completed",) * 6, {"user_id": "me"}),
        ("Which suppliers are late?", "aggregating", ("completed",) * 4, {}),
        ("Read five contracts", "pending", (), {"priority": 9, "user_id": "me"}),
        ("Translate a chapter", "cancelled", ("completed", "cancelled"), {"user_id": "ben"}),
        ("Why did the build slow down?", "failed", (), {"user_id": "ops"}),
    ]
    for week in range(6):
        kinds.append((f"Weekly figures {week}", "completed", ("completed",) * 3, {}))
    return [
        listed(title, status, *statuses, minutes=1 + 3 * at * at, **more)
        for at, (title, status, statuses, more) in enumerate(kinds)
    ]
