"""An orchestrator that a test plays for the dashboard says nothing that the real one does not."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from shared.models import Plan, TaskView
from tests import ui_records as records
from tests.e2e.plan_world import ScriptedTasks, small_task
from tests.listed_tasks import ListedTasks, every_kind
from tests.scripted_service import Reply, Request
from tests.steered_task import SteeredTask, planned, version

CONTRACT = json.loads(
    (Path(__file__).parents[2] / "docs" / "contracts" / "orchestrator.json").read_text()
)
ONE = "/tasks/{task_id}"
OF_A_TASK = (ONE, f"{ONE}/attempts", f"{ONE}/logs", f"{ONE}/plan/versions")
EVERYWHERE = ("/ready", "/agents", *OF_A_TASK)
Answer = Callable[[Request], Reply]


def listed() -> tuple[Answer, UUID]:
    tasks = every_kind()
    return ListedTasks(*tasks), tasks[1].id


def steered() -> tuple[Answer, UUID]:
    part = records.subtask("load", "running")
    first = version(1, Plan(summary="One step.", subtasks=(planned("load"),)))
    task: TaskView = records.task("in_progress", part, plan_version=1, plan_hash=first.hash)
    return SteeredTask(task, [first], [records.log_entry(1, "Read 3 rows")]), task.id


def drawn() -> tuple[Answer, UUID]:
    task = small_task()
    return ScriptedTasks("", "", task).answer, task.id


@pytest.mark.parametrize(
    ("play", "paths"),
    [
        (listed, (*EVERYWHERE, "/tasks")),
        (steered, (*EVERYWHERE, f"{ONE}/plan")),
        (drawn, EVERYWHERE),
    ],
)
def test_it_answers_as_the_contract_says(
    play: Callable[[], tuple[Answer, UUID]], paths: tuple[str, ...]
) -> None:
    answer, task_id = play()
    for path in paths:
        reply = answer(Request("GET", path.format(task_id=task_id), {}, b""))
        assert reply.status == 200, path
        faults = [fault.message for fault in _rules(path).iter_errors(json.loads(reply.body))]
        assert faults == [], path


def _rules(path: str) -> Draft202012Validator:
    answers = CONTRACT["paths"][path]["get"]["responses"]["200"]["content"]
    return Draft202012Validator(
        answers["application/json"]["schema"] | {"components": CONTRACT["components"]}
    )
