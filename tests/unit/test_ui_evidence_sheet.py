"""What the drawing of "how it was checked" is told."""

import json
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

from shared.models import Check, Claim, CorrectionOutcome, Criterion, PlannedCheck, SubtaskView
from tests import ui_records as records
from ui import evidence_sheet
from ui.evidence_sheet import PROVES_NOTHING, sheet

CHECKS: TypeAdapter[Check] = TypeAdapter(Check)
HOSTILE = "</pre><script>alert(1)</script>\x1b[2J"
EVERY_KIND = (
    ({"kind": "command", "command": "{python} -m pytest"}, "python -m pytest"),
    ({"kind": "file_exists", "path": "a.csv", "min_bytes": 1}, "a.csv has at least 1 byte"),
    ({"kind": "file_exists", "path": "a.csv", "min_bytes": 9}, "a.csv has at least 9 bytes"),
    ({"kind": "text_matches", "path": "a", "pattern": "^x"}, "a contains ^x"),
    ({"kind": "sql_count", "query": "SELECT 1", "minimum": 2}, "At least 2 from SELECT 1"),
    ({"kind": "http_status", "url": "http://a"}, "GET http://a answers with 200"),
    ({"kind": "json_schema", "json_schema": "{}"}, "The structured output has the agreed shape"),
)


def planned(fields: dict[str, Any], **changes: Any) -> PlannedCheck:
    return PlannedCheck(check=CHECKS.validate_python(fields), **changes)


def drawn(subtask: SubtaskView) -> dict[str, Any]:
    """As the browser gets it."""
    told: dict[str, Any] = json.loads(json.dumps(sheet(subtask, subtask.verification)))
    return told


@pytest.mark.parametrize(("fields", "said"), EVERY_KIND)
def test_a_check_that_was_not_carried_out_is_there_with_what_it_wants(
    fields: dict[str, Any], said: str
) -> None:
    (row,) = drawn(records.subtask("a", checks=(planned(fields, vacuous=True),)))["checks"]
    assert (row["outcome"], row["what"], row["flag"]) == ("planned", said, PROVES_NOTHING)
    assert row["facts"] == "Not carried out yet · asked for by the plan"


def test_checks_say_what_became_of_them_and_who_asked() -> None:
    checks = (
        records.check_result("pytest", detail="exit status 0", seconds=12.4),
        records.check_result(
            "{python} {checks}/tell.py", "error", source="profile", position=2, seconds=0.31
        ),
        records.check_result("npm test", "skipped", position=3, detail="it is for *.js"),
    )
    command = {"kind": "command", "command": "late"}
    both = (planned({**command, "command": "pytest"}), planned(command))
    record = records.verification("verified", {"checks": checks})
    rows = drawn(records.subtask("a", "completed", checks=both, verification=record))["checks"]
    assert [(row["outcome"], row["what"], row["facts"]) for row in rows] == [
        ("passed", "pytest", "Passed · exit status 0 · asked for by the plan · 12 s"),
        (
            "error",
            "python tell.py",
            "Could not be carried out · asked for by its agent's role · 0.3 s",
        ),
        ("skipped", "npm test", "Does not apply · it is for *.js · asked for by the plan"),
        ("planned", "late", "Not carried out · asked for by the plan"),
    ]


@pytest.mark.parametrize(("status", "shown"), [("failed", True), ("completed", False)])
def test_of_a_failed_subtask_the_last_output_is_open(status: str, shown: bool) -> None:
    failed = records.check_result("pytest", "failed", output=f"\n{HOSTILE}\n")
    passed = records.check_result("ruff", position=1, output="fine")
    record = records.verification(None, {"doubt": "checks", "checks": (failed, passed)})
    rows = drawn(records.subtask("a", status, verification=record))["checks"]
    assert [row["open"] for row in rows] == [shown, False]
    assert rows[0]["output"] == "</pre><script>alert(1)</script>"


def test_claims_stand_beside_what_supports_them() -> None:
    claims = (records.claim("a.py"), records.claim("b.py", "no such file"))
    record = records.verification(None, {"doubt": "evidence", "claims": claims})
    rows = drawn(records.subtask("a", "failed", verification=record))["claims"]
    assert [(row["outcome"], row["kind"], row["what"], row["by"]) for row in rows] == [
        ("supported", "Wrote", "a.py", "a.py is there"),
        ("unsupported", "Wrote", "b.py", "no such file"),
    ]


def test_claims_that_nobody_looked_at_say_so() -> None:
    old = records.subtask("a", "completed")
    (row,) = sheet(old, None, (Claim(kind="ran_command", what="make"),))["claims"]
    assert (row["outcome"], row["kind"], row["by"]) == ("unknown", "Ran", "Not looked at")


def test_corrections_are_told_in_order_with_their_price() -> None:
    failed = records.check_result("pytest", "failed", detail="exit status 1")
    look = {"doubt": "checks", "problems": ("the check",), "checks": (failed,)}
    again = {"doubt": "checks", "problems": ("it changed nothing", "the check")}
    made = [
        records.correction(1, "checks", "repeated", changed=(), failure="whole\ntext"),
        records.correction(2, "checks", "passed"),
    ]
    record = records.verification("verified", look, again, {}, corrections=made)
    first, second = drawn(records.subtask("a", "completed", verification=record))["corrections"]
    assert first == {
        "number": 1,
        "title": "Sent back: its checks failed",
        "outcome": "repeated",
        "result": "Changed nothing",
        "why": ["pytest: failed, exit status 1"],
        "whole": "whole\ntext",
        "changed": ["no file was changed"],
        "facts": "1.2k tokens · $0.0127",
    }
    assert (second["result"], second["why"]) == ("Accepted", ["it changed nothing"])
    assert second["changed"] == ["changed a.py"]


def test_a_correction_that_went_back_to_an_earlier_state_says_so() -> None:
    made = [records.correction(1, "checks", "repeated")]
    record = records.verification(None, {"doubt": "checks"}, corrections=made)
    (row,) = drawn(records.subtask("a", "failed", verification=record))["corrections"]
    assert (row["result"], row["changed"]) == (
        "Back to what had failed before",
        ["changed a.py"],
    )


@pytest.mark.parametrize(
    ("outcome", "changed", "said", "shown"),
    [
        ("gave_up", (), "Its agent gave up", ["no file was changed"]),
        ("interrupted", (), "Broken off", []),
        ("interrupted", ("added b.py",), "Broken off", ["added b.py"]),
    ],
)
def test_a_correction_without_a_result_says_how_it_ended(
    outcome: str, changed: tuple[str, ...], said: str, shown: list[str]
) -> None:
    made = [records.correction(1, "checks", outcome, changed=changed)]
    record = records.verification(None, {"doubt": "checks"}, corrections=made)
    (row,) = drawn(records.subtask("a", "failed", verification=record))["corrections"]
    assert (row["outcome"], row["result"], row["changed"]) == (outcome, said, shown)


def test_every_outcome_of_a_correction_has_words_and_a_sign() -> None:
    signs = (Path(evidence_sheet.__file__).parent / "graph/evidence.js").read_text("utf-8")
    for outcome in get_args(CorrectionOutcome):
        made = [records.correction(1, "checks", outcome)]
        record = records.verification(None, {"doubt": "checks"}, corrections=made)
        (row,) = sheet(records.subtask("a", "failed"), record)["corrections"]
        assert row["result"]
        assert f" {outcome}: [" in signs


def test_of_a_running_attempt_the_last_correction_is_open() -> None:
    record = records.verification(None, {"doubt": "checks"}, {"doubt": "checks"}, {})
    running = records.subtask("a", "running")
    rows = sheet(running, record)["corrections"]
    assert [(row["number"], row["outcome"]) for row in rows] == [(1, "failed"), (2, "open")]


def test_a_state_that_was_not_looked_at_again_shows_the_look_before() -> None:
    look = {"doubt": "evidence", "claims": (records.claim("a", "no such file"),)}
    record = records.verification(None, look, {"doubt": "evidence", "problems": ("again",)})
    told = drawn(records.subtask("a", "failed", verification=record))
    assert told["note"] == "As they were at the first look; nothing has changed since."
    assert len(told["claims"]) == 1


def test_a_review_has_its_five_scores_in_order_and_its_quotes() -> None:
    given = records.review("rework", 40, ("complete", "rather mild", "No figure."))
    record = records.verification(None, {"doubt": "review", "review": given})
    told = drawn(records.subtask("a", "failed", verification=record))["review"]
    assert (told["verdict"], told["words"]) == ("rework", "Sent back for rework")
    assert [score["name"].lower() for score in told["scores"]] == list(Criterion)
    assert {score["value"] for score in told["scores"]} == {40}
    assert told["reasons"] == [
        {"about": "Complete", "quote": "rather mild", "comment": "No figure."}
    ]


def test_of_a_subtask_nobody_looked_at_there_is_nothing_to_draw() -> None:
    told = drawn(records.subtask("a", "completed"))
    assert not any(told[part] for part in ("checks", "claims", "corrections", "review", "note"))
