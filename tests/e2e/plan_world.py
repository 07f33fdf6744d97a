"""The dashboard as a program of its own, on an orchestrator whose answers a test writes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared.models import AttemptView, PlanVersion, SubtaskView, TaskView
from tests import ui_records as records
from tests.e2e.dashboard_program import dashboard_program
from tests.scripted_service import Reply, Request, scripted_service

TOPICS = 60
CHAPTERS = 12
LAST_STEPS = ("edit", "index", "glossary", "layout", "proof", "translate", "publish")


@dataclass
class ScriptedTasks:
    """Answers as the API does, from one task that a test may replace at any moment."""

    api_url: str
    dashboard_url: str
    task: TaskView
    attempts: list[AttemptView] = field(default_factory=list)
    plan: PlanVersion | None = None
    asked: int = 0

    def page(self) -> str:
        """The address of the task's page."""
        return f"{self.dashboard_url}/task?id={self.task.id}"

    def change(self, key: str, **fields: Any) -> None:
        """Let one subtask be different from the next refresh on."""
        changed = tuple(
            one.model_copy(update=fields) if one.key == key else one for one in self.task.subtasks
        )
        self.task = self.task.model_copy(update={"subtasks": changed})

    def answer(self, request: Request) -> Reply:
        """What the orchestrator says."""
        last = request.path.partition("?")[0].rpartition("/")[2]
        if last == "plan" and self.plan:
            return Reply(200, self.plan.model_dump_json())
        line = json.loads(records.log_entry(1, "Read 3 rows").model_dump_json())
        found = {
            "ready": {"status": "ready", "simulated": True},
            "agents": {"agents": []},
            "logs": {"entries": [line], "next_after": 1},
            "attempts": {"attempts": [json.loads(one.model_dump_json()) for one in self.attempts]},
            "versions": {"versions": []},
        }
        if last in found:
            return Reply(200, json.dumps(found[last]))
        if last != str(self.task.id):
            return Reply(404, '{"detail": "there is no such task"}')
        self.asked += 1
        return Reply(200, records.detail(self.task).model_dump_json())


@contextmanager
def dashboard(log_file: Path) -> Iterator[ScriptedTasks]:
    """The running dashboard, until the block ends."""
    with scripted_service() as service, dashboard_program(service, log_file) as url:
        tasks = ScriptedTasks(service.url, url, records.task("in_progress"))
        service.answer = tasks.answer
        yield tasks


def small_task() -> TaskView:
    """Nine subtasks in every status, some minutes old."""
    begun = datetime.now(UTC) - timedelta(minutes=4)

    def one(key: str, title: str, status: str, *needs: str, **more: Any) -> SubtaskView:
        times = dict(
            zip(("queued_at", "started_at", "finished_at"), more.pop("at", ()), strict=False)
        )
        moments: dict[str, Any] = {
            name: begun + timedelta(seconds=value) for name, value in times.items()
        }
        return records.subtask(key, status, *needs, title=title, **moments, **more)

    return records.task(
        "in_progress",
        one("load", "Load the sales export", "completed", at=(2, 4, 21), evidence="verified"),
        one(
            "clean",
            "Clean names and dates",
            "completed",
            "load",
            at=(21, 30, 76),
            evidence="reviewed",
        ),
        one("rates", "Fetch exchange rates", "failed", at=(2, 5, 58), failure_kind="timeout"),
        one(
            "regions",
            "Compare the regions",
            "completed",
            "clean",
            at=(76, 77, 120),
            evidence="self-reported",
        ),
        one("products", "Rank the products", "running", "clean", at=(76, 95), attempt=2),
        one(
            "euros",
            "Convert to euros",
            "blocked",
            "rates",
            "clean",
            waiting="Blocked: “rates” failed.",
        ),
        one(
            "charts",
            "Draw the charts",
            "queued",
            "regions",
            at=(120,),
            waiting="Waits for a free agent.",
        ),
        one("letter", "Write a letter to the buyers", "cancelled", "products"),
        one(
            "report",
            "Write the report with all findings",
            "pending",
            *("charts", "products", "regions", "load"),
            waiting="Waits for 2 others.",
        ),
        created_at=begun,
        started_at=begun + timedelta(seconds=1),
        plan_summary="Load the export, compare, and report what stands out.",
    )


def large_task() -> TaskView:
    """Two hundred subtasks: sixty topics in three steps, twelve chapters, and a chain."""
    topics = [f"{number:02}" for number in range(1, TOPICS + 1)]
    found = [_step("collect", "Collect the sources", "completed", 0)]
    for number, topic in enumerate(topics):
        found += [
            _step(f"research-{topic}", f"Research topic {topic}", "completed", 1, "collect"),
            _step(
                f"analyse-{topic}",
                f"Analyse topic {topic}",
                _analysis(number),
                2,
                f"research-{topic}",
            ),
            _step(
                f"write-{topic}", f"Write up topic {topic}", _writing(number), 3, f"analyse-{topic}"
            ),
        ]
    each = TOPICS // CHAPTERS
    for number in range(CHAPTERS):
        needs = [f"write-{topic}" for topic in topics[number * each : (number + 1) * each]]
        status = "blocked" if number == 1 else "pending"
        found.append(_step(f"chapter-{number:02}", f"Join chapter {number + 1}", status, 4, *needs))
    before = [f"chapter-{number:02}" for number in range(CHAPTERS)]
    for name in LAST_STEPS:
        found.append(_step(name, f"{name.capitalize()} the book", "pending", 5, *before))
        before = [name]
    begun = datetime.now(UTC) - timedelta(minutes=10)
    return records.task(
        "in_progress", *found, plan_summary="A book of sixty topics.", created_at=begun
    )


def _analysis(number: int) -> str:
    return "completed" if number < 40 else "running" if number < 52 else "queued"


def _writing(number: int) -> str:
    return "failed" if number == 7 else "completed" if number < 30 else "pending"


def _step(key: str, title: str, status: str, layer: int, *needs: str) -> SubtaskView:
    begun = datetime.now(UTC) - timedelta(minutes=10)
    from_start = {
        "queued_at": 40 * layer,
        "started_at": 40 * layer + 6,
        "finished_at": 40 * layer + 38,
    }
    shown = {"completed": 3, "failed": 3, "running": 2, "queued": 1}.get(status, 0)
    moments: dict[str, Any] = {
        name: begun + timedelta(seconds=at) for name, at in list(from_start.items())[:shown]
    }
    return records.subtask(key, status, *needs, title=title, **moments)
