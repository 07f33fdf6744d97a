"""A plan's checks: could each be carried out, and what is said of one that proves nothing."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from shared.models import (
    Check,
    CommandCheck,
    FileExistsCheck,
    HttpStatusCheck,
    JsonSchemaCheck,
    Plan,
    PlannedCheck,
    PlannedSubtask,
    SqlCountCheck,
    TextMatchesCheck,
)

MAX_CHECKS = 20
_MAX_TEXT = 4_000


def check_errors(subtask: PlannedSubtask, *, http: bool) -> list[str]:
    """What is wrong with a subtask's checks, in sentences that a model can act on."""
    errors = []
    if len(subtask.checks) > MAX_CHECKS:
        errors.append(f"subtask {subtask.id!r} has more than {MAX_CHECKS} checks")
    for number, check in enumerate(subtask.checks, start=1):
        problem = _problem(check, http=http)
        if problem:
            errors.append(f"check {number} ({check.kind}) of subtask {subtask.id!r}: {problem}")
    return errors


def _problem(check: Check, *, http: bool) -> str | None:
    if any(len(text) > _MAX_TEXT or "\x00" in text for text in _texts(check)):
        return f"a text in it is longer than {_MAX_TEXT} characters or holds a NUL"
    match check:
        case FileExistsCheck(path=path):
            return _path_problem(path)
        case TextMatchesCheck(path=path, pattern=pattern):
            return _path_problem(path) or _pattern_problem(pattern)
        case CommandCheck(command=command):
            return None if command.strip() else "the command is empty"
        case JsonSchemaCheck(json_schema=schema):
            return _schema_problem(schema)
        case SqlCountCheck(query=query):
            return None if query.strip() else "the query is empty"
        case HttpStatusCheck():
            return None if http else "http_status checks are switched off here; use another kind"


def _texts(check: Check) -> Iterator[str]:
    return (value for value in check.model_dump().values() if isinstance(value, str))


def _path_problem(path: str) -> str | None:
    pure = PurePosixPath(path)
    if not path or pure.is_absolute() or ".." in pure.parts:
        return f"{path[:80]!r} is not a relative path inside the working directory"
    return None


def _pattern_problem(pattern: str) -> str | None:
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return f"the pattern is not a usable regular expression: {error}"
    return None


def _schema_problem(text: str) -> str | None:
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except json.JSONDecodeError as error:
        return f"json_schema is not JSON: {error}"
    except SchemaError as error:
        return f"json_schema is not a JSON Schema: {error.message}"
    except RecursionError:
        return "json_schema is nested too deeply"
    return None


def vacuous_errors(plan: Plan, checks: Mapping[str, Sequence[PlannedCheck]]) -> tuple[str, ...]:
    """Why checks that pass without any work go back to the planner."""
    return tuple(
        f"check {number} ({item.check.kind}) of subtask {subtask.id!r} is vacuous: it already "
        "passes where no work was done; replace it by one that fails until the work is there, "
        "or leave it out"
        for subtask in plan.subtasks
        for number, item in enumerate(checks.get(subtask.id, ()), start=1)
        if item.vacuous
    )
