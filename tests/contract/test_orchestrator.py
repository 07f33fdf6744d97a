"""The orchestrator does what its OpenAPI says, whatever it is called with."""

import base64
import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import schemathesis
from hypothesis import strategies as st

from orchestrator.app import create_app
from tests.contract.conftest import DETERMINISTIC, Served


def _cursor(microseconds: int, task_id: UUID) -> str:
    pair = [f"2026-05-04T03:02:01.{microseconds:06}+00:00", str(task_id)]
    return base64.urlsafe_b64encode(json.dumps(pair).encode()).decode()


schemathesis.openapi.format("cursor", st.builds(_cursor, st.integers(0, 999_999), st.uuids()))

SCHEMA = schemathesis.openapi.from_dict(create_app(None).openapi(), config=DETERMINISTIC).exclude(
    path_regex="/events$"  # what never ends is followed in tests/e2e/test_event_streams.py
)


@SCHEMA.parametrize()
def test_every_call_is_answered_as_described(case: schemathesis.Case[Any], served: Served) -> None:
    _aim(case, served)
    case.call_and_validate(base_url=served.url, timeout=10)


def _aim(case: schemathesis.Case[Any], served: Served) -> None:
    """Use a key once; make every second call that names a task name one that exists, in full."""
    if key := case.headers.get("Idempotency-Key"):  # the next body would be another request
        case.headers["Idempotency-Key"] = f"{key[:200]}{uuid4()}"
    names: dict[str, Any] = case.path_parameters
    task_id = _uuid(names.get("task_id"))
    if task_id is None or task_id.int % 2:
        return
    names["task_id"] = str(_one_of(served.tasks, task_id))
    task_id = UUID(names["task_id"])
    if "subtask_id" in names and (wanted := _uuid(names["subtask_id"])):
        names["subtask_id"] = str(_one_of(served.subtasks[task_id] or (wanted,), wanted))
    if "path" in names and served.artifacts[task_id]:
        names["path"] = served.artifacts[task_id][0]


def _one_of(known: Sequence[UUID], generated: UUID) -> UUID:
    return known[generated.int // 2 % len(known)]


def _uuid(value: object) -> UUID | None:
    try:
        return UUID(str(value))
    except ValueError:
        return None
