"""What an attempt finds in `context/` before it starts: the task and its prerequisites' results."""

import json
import os
from pathlib import Path
from typing import Any

from agent.prompt import prerequisite_record
from shared.models import Assignment
from shared.workspace import Workspace


def write_context(assignment: Assignment, workspace: Workspace) -> None:
    """Write `task.json` and `prerequisites/{key}.json`; safe beside other attempts doing so."""
    task = {
        "task_id": str(assignment.task_id),
        "title": assignment.task_title,
        "description": assignment.task_description,
        "user_id": assignment.user_id,
        "context_files": [file.model_dump() for file in assignment.context_files],
    }
    _write(workspace.context / "task.json", task)
    for item in assignment.prerequisites:
        record = {"key": item.key, "title": item.title, **prerequisite_record(item, workspace)}
        _write(workspace.context / "prerequisites" / f"{item.key}.json", record)


def _write(path: Path, record: dict[str, Any]) -> None:
    """Whole or not at all: several attempts may write the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    draft.write_text(json.dumps(record, ensure_ascii=False, indent=2), "utf-8")
    draft.replace(path)
