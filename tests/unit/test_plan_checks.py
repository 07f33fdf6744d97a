"""Checks that could not be carried out are found before anybody works."""

from typing import Any

import pytest

from orchestrator.plan import validate
from orchestrator.plan_checks import MAX_CHECKS, check_errors, vacuous_errors
from shared.models import PlannedCheck, PlannedSubtask
from tests.ledger_world import plan_of, planned

TRUE = {"kind": "command", "command": "true"}


def subtask(*checks: dict[str, Any], key: str = "a") -> PlannedSubtask:
    return planned(key, checks=checks)


RIGHT: list[dict[str, Any]] = [
    {"kind": "file_exists", "path": "**/report.md"},
    {"kind": "text_matches", "path": "a/b.md", "pattern": "^Total: [0-9]+$"},
    {"kind": "command", "command": "python -m pytest -q"},
    {"kind": "json_schema", "json_schema": '{"type": "object", "required": ["total"]}'},
    {"kind": "sql_count", "query": "SELECT count(*) FROM sales", "minimum": 3},
]
INSIDE = "is not a relative path inside the working directory"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"kind": "file_exists", "path": "/etc/passwd"}, INSIDE),
    ({"kind": "file_exists", "path": "a/../../b"}, INSIDE),
    ({"kind": "file_exists", "path": ""}, INSIDE),
    ({"kind": "text_matches", "path": "/a.md", "pattern": "x"}, INSIDE),
    ({"kind": "text_matches", "path": "a.md", "pattern": "(never closed"}, "regular expression"),
    ({"kind": "json_schema", "json_schema": "{not json"}, "is not JSON:"),
    ({"kind": "json_schema", "json_schema": '{"type": "objekt"}'}, "is not a JSON Schema:"),
    ({"kind": "json_schema", "json_schema": "7"}, "is not a JSON Schema:"),
    ({"kind": "command", "command": " \n"}, "the command is empty"),
    ({"kind": "command", "command": "a\x00b"}, "holds a NUL"),
    ({"kind": "command", "command": "x" * 4_001}, "longer than 4000 characters"),
    ({"kind": "sql_count", "query": " "}, "the query is empty"),
    ({"kind": "http_status", "url": "http://a.test/"}, "switched off here; use another kind"),
]


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: str(check["kind"]))
def test_what_can_be_carried_out_is_fine(check: dict[str, Any]) -> None:
    assert check_errors(subtask(check), http=False) == []


@pytest.mark.parametrize(("check", "words"), WRONG)
def test_what_cannot_be_carried_out_is_said(check: dict[str, Any], words: str) -> None:
    (error,) = check_errors(subtask(TRUE, check), http=False)
    assert error.startswith(f"check 2 ({check['kind']}) of subtask 'a': ")
    assert words in error
    assert validate(plan_of(subtask(TRUE, check))) == [error]


@pytest.mark.parametrize(
    "schema",
    [
        '{"properties": {"a": {"pattern": "("}}}',
        '{"$ref": "http://127.0.0.1/x"}',
        '{"$ref": "#/$defs/gone"}',
    ],
)
def test_a_schema_that_can_only_fail_late_raises_nothing(schema: str) -> None:
    errors = check_errors(subtask({"kind": "json_schema", "json_schema": schema}), http=False)
    assert all(error.startswith("check 1 (json_schema)") for error in errors)


DEEP: list[tuple[dict[str, Any], str]] = [
    ({"kind": "json_schema", "json_schema": "[" * 3_999}, "json_schema"),
    ({"kind": "json_schema", "json_schema": '{"not":' * 480 + "{}" + "}" * 480}, "json_schema"),
    ({"kind": "text_matches", "path": "a", "pattern": "(" * 1_999 + ")" * 1_999}, "text_matches"),
    ({"kind": "text_matches", "path": "a", "pattern": "a{99999999999}"}, "text_matches"),
]


@pytest.mark.parametrize(("check", "words"), DEEP, ids=["brackets", "schema", "groups", "many"])
def test_what_no_library_can_read_is_said_and_not_raised(check: dict[str, Any], words: str) -> None:
    (error,) = check_errors(subtask(check), http=False)
    assert words in error


def test_web_servers_are_asked_where_that_is_allowed() -> None:
    check = subtask({"kind": "http_status", "url": "http://a.test/"})
    assert check_errors(check, http=True) == []
    assert validate(plan_of(check), http=True) == []


def test_there_may_be_so_many_and_no_more() -> None:
    assert check_errors(subtask(*[TRUE] * MAX_CHECKS), http=False) == []
    (error,) = check_errors(subtask(*[TRUE] * (MAX_CHECKS + 1)), http=False)
    assert error == f"subtask 'a' has more than {MAX_CHECKS} checks"


def test_only_vacuous_checks_are_sent_back_each_by_its_number() -> None:
    first, second = subtask(TRUE, RIGHT[0], key="a"), subtask(RIGHT[1], key="b")
    tried = {
        "a": [
            PlannedCheck(check=first.checks[0], vacuous=True),
            PlannedCheck(check=first.checks[1], vacuous=False),
        ],
        "b": [PlannedCheck(check=second.checks[0])],
    }
    (error,) = vacuous_errors(plan_of(first, second), tried)
    assert error.startswith("check 1 (command) of subtask 'a' is vacuous: ")
    assert vacuous_errors(plan_of(first, second), {}) == ()
