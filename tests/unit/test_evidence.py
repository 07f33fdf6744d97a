"""Claims as real models write them, honest and false, against one attempt's tools and files."""

import hashlib
from posixpath import normpath
from typing import Any
from uuid import uuid4

import pytest

from agent.claude_events import SessionEvent, ToolCalled, ToolDenied, ToolReturned
from agent.evidence import match_claims, needs_tools
from agent.tool_log import ToolCall, ToolLog
from shared.models import (
    Assignment,
    Capability,
    Check,
    Claim,
    ClaimEvidence,
    CommandCheck,
    ContextFile,
    FileEntry,
    FileExistsCheck,
    JsonSchemaCheck,
    PlannedCheck,
    Prerequisite,
    TextMatchesCheck,
)

HERE = "/srv/files/task/temp/part/1"
FILES = {
    "report.md": 5120,
    "charts/revenue.png": 20_480,
    "charts/margin.png": 18_000,
    "src/app.py": 900,
    "my notes.txt": 40,
    "clean.csv": 3000,
    "hollow.csv": 0,
    "pkg/__init__.py": 0,
}
UNLISTED = {"analyze.py", "sum_sales.py", "Makefile", "src/test_app.py"}  # there, but no result


def bash(command: str, excerpt: str = "", *, ok: bool | None = True) -> ToolCall:
    return ToolCall("Bash", {"command": command, "description": "x"}, ok, excerpt, None)


def used(tool: str, excerpt: str = "{}", *, ok: bool | None = True, **arguments: Any) -> ToolCall:
    return ToolCall(tool, arguments, ok, excerpt, None)


HEREDOC = """python3 - <<'EOF'
import pandas as pd
frame = pd.read_csv("../../context/sales.csv")
print(frame.groupby("month")["revenue"].sum())
EOF"""
CALLS = (
    used("Read", file_path="/srv/files/task/context/sales.csv"),
    used("Write", file_path=f"{HERE}/analyze.py", content="..."),
    bash("cd /srv/files/task/temp/part/1 && python3 analyze.py ../../context/sales.csv > out.txt"),
    bash(HEREDOC, "month\n2024-01 100"),
    used("Edit", file_path=f"{HERE}/src/app.py", old_string="a", new_string="b"),
    bash("python -m pytest -q src/test_app.py", "1 failed, 11 passed in 0.3s", ok=False),
    bash("python -m pytest -q src/test_app.py", "12 passed in 0.31s"),
    bash("python3 train.py --epochs 5 --seed 42", "loss 0.4"),
    bash("pip install tabulate", "ERROR: no network", ok=False),
    bash("ruff check src && mypy --strict src", "All checks passed!"),
    bash("make deploy", "never seen", ok=None),
    bash("cat secret_model.py", "print(1)"),
    bash("npm test 2>&1 | tail -5", "Tests: 3 failed, 9 passed"),
    bash("python3 -c 'import sqlite3; sqlite3.connect(\"sales.db\").execute(\"select 1\")'"),
    bash("curl -sS https://files.example.org/data/rates.csv -o rates.csv"),
    bash("wc -l clean.csv", "120 clean.csv"),
    bash("ls && echo python3 compare.py --all  # then python3 rank.py", "python3 compare.py --all"),
    bash("python3 flaky.py", "done"),
    bash("python3 flaky.py", "Traceback", ok=False),
    used("Write", file_path=f"{HERE}/report.md", content="..."),
    used("fetch_url", '{"url":"https://example.com/pricing","status":200}',
         url="https://www.example.com/pricing/"),
    used("fetch_url", '{"url":"https://example.com/gone","status":404,"text":"no"}',
         url="https://example.com/gone"),
    used("fetch_url", '{"url":"https://docs.example.com/en/latest/intro.html","status":200,'
         '"redirected_from":["https://docs.example.com/"]}', url="https://docs.example.com/"),
    used("http_request", '{"url":"https://api.example.com/v1/items?page=1","status":200}',
         method="GET", url="https://api.example.com/v1/items?page=1"),
    used("fetch_url", "blocked", url="https://intranet.example.net/x", ok=False),
    used("query_database", '{"status":"CREATE TABLE"}',
         sql="CREATE TABLE IF NOT EXISTS monthly_totals (month text, revenue numeric)"),
    used("query_database", '{"rowcount":3}',
         sql="INSERT INTO monthly_totals VALUES ($1, $2)", params=["2024-01", 100]),
    used("query_database", '{"rowcount":3}',
         sql="SELECT month, sum(revenue) FROM monthly_totals GROUP BY month ORDER BY month"),
    used("query_database", "relation customers does not exist", ok=False,
         sql="SELECT * FROM customers"),
    used("share_data", '{"saved":true}', key="sales.rows", value={"kept": 120}),
)  # fmt: skip

HONEST = {
    "wrote_file": [
        ("report.md", ""),
        ("./report.md", "with the Write tool"),
        (f"{HERE}/report.md", "the final report"),
        ("report.md with 3 charts", ""),
        ("`report.md`", "5 KB"),
        ("Wrote the summary report to report.md.", ""),
        ("report.md, charts/revenue.png and charts/margin.png", ""),
        ("clean.csv (cleaned from raw sales_2024.csv)", "120 rows"),
        ("Converted ../../context/sales.csv to clean.csv", ""),
        ("charts/", "two PNG files"),
        ("charts/*.png", ""),
        ("revenue.png", "in the charts folder"),
        ("my notes.txt", ""),
        ("Updated src/app.py: fixed the off-by-one in utils.paginate", ""),
        ("the report", "saved as report.md"),
        ("pkg/__init__.py", ""),
        ("Makefile", ""),
        ("analyze.py - reads data.csv and prints totals", ""),
        ("hollow.csv", "left empty because no row was rejected"),
        ("sales.csv -> clean.csv", ""),
        ("output: report.md", ""),
        ("Created `charts/revenue.png` and `charts/margin.png` (matplotlib, 150 dpi)", ""),
    ],
    "ran_command": [
        ("python3 analyze.py ../../context/sales.csv", "exit code 0"),
        ("python analyze.py", ""),
        ("$ python3 analyze.py sales.csv", ""),
        ("Ran `python3 analyze.py` to compute the totals", "wrote out.txt"),
        ("cd /somewhere && python3 analyze.py sales.csv > out.txt", ""),
        ("pytest -q src/test_app.py", "12 passed"),
        ("python -m pytest -q src/test_app.py", "all tests pass after fixing the failing one"),
        ("Ran the full test suite", "12 passed, 0 failed"),
        ("pytest: 12 passed", ""),
        ("Python script to sum revenue by month with pandas", ""),
        ("ruff check and mypy --strict", "no errors"),
        ("ran ruff, mypy and pytest", ""),
        ("pip install tabulate", "failed: there is no network"),
        ("pip install tabulate (exit code 1)", "so I formatted the table by hand"),
        ("npm test", "3 failed, 9 passed"),
        ("train.py --epochs 5", ""),
        ("wc -l clean.csv -> 120 lines", ""),
        ("share_data sales.rows", "version 1"),
        ("python3 flaky.py", "worked once, then failed with a traceback"),
        ("Executed analyze.py on the sales data (exit 0)", ""),
        ("pytest src/test_app.py::test_add", "passes"),
        ("Ran a script to make monthly sums (pandas, one row per month)", ""),
        ("python3 - <<'EOF' ... EOF (inline pandas aggregation)", ""),
        ("Inline Python to aggregate revenue per month", ""),
        ("first ran pytest (1 failure), fixed app.py, reran pytest", "12 passed"),
        ("Attempted `pip install tabulate`", "no network access, so it failed"),
        ("Trained the model for 5 epochs (train.py)", "loss 0.4"),
        ("ruff + mypy", "no issues"),
        ("mypy --strict src/", ""),
    ],
    "fetched_url": [
        ("https://www.example.com/pricing/", ""),
        ("http://example.com/pricing", ""),
        ("example.com/pricing", "prices in EUR"),
        ("example.com", ""),
        ("Fetched https://example.com/pricing (HTTP 200).", ""),
        ("the pricing page", "https://example.com/pricing"),
        ("https://example.com/gone", "answered 404"),
        ("https://example.com/gone - page not found", ""),
        ("https://docs.example.com/en/latest/intro.html", "after a redirect"),
        ("GET https://api.example.com/v1/items", "page 1"),
        ("https://api.example.com/v1/items?page=1", "500 rows"),
        ("https://files.example.org/data/rates.csv", "with curl"),
        ("https://example.com/pricing#plans and https://docs.example.com", ""),
        ("https://intranet.example.net/x", "could not be reached: blocked"),
        ("the pricing page of example", ""),
        ("https://example.com/{pricing}", ""),
    ],
    "queried_database": [
        ("SELECT month, sum(revenue) FROM monthly_totals GROUP BY month", "3 rows"),
        ("select * from monthly_totals order by month", ""),
        ("monthly_totals", "aggregated by month"),
        ("created the monthly_totals table and inserted 3 rows", ""),
        ("Counted the rows", "3"),
        ("INSERT INTO monthly_totals VALUES ('2024-01', 100)", ""),
        ("queried `monthly_totals` for revenue by month", ""),
        ("SELECT * FROM customers", "failed: the table does not exist"),
        ("sqlite database sales.db", "select 1"),
        ("query_database: totals per month", ""),
        ("Loaded 3 rows into the table monthly_totals with 'best' months first", ""),
    ],
}

FALSE = {
    "wrote_file": [
        ("summary.pdf", ""),
        ("report.md and summary.pdf", ""),
        ("reports/report.md", ""),
        ("/etc/report.md", ""),
        ("charts/*.svg", ""),
        ("tables/", "five tables"),
        ("report.html with 3 charts", ""),
        ("Wrote the results to results.json", ""),
        ("hollow.csv", "200 rows"),
        ("the report", "as asked"),
        ("analysis.ipynb (with charts/revenue.png inside)", ""),
        ("Converted clean.csv to clean.parquet", ""),
        ("Report.MD", ""),
        ("../../context/sales.csv", ""),
    ],
    "ran_command": [
        ("pytest tests/test_api.py", "12 passed"),
        ("python3 train.py --epochs 50 --seed 42", ""),
        ("python3 train.py --epochs 5 --dropout 0.1", ""),
        ("python3 evaluate.py", "accuracy 0.97"),
        ("pip install tabulate", ""),
        ("pip install tabulate", "installed without errors"),
        ("make deploy", "deployed"),
        ("python3 secret_model.py", "ran it to the end"),
        ("Executed secret_model.py", ""),
        ("npm test", "all tests passed"),
        ("python3 flaky.py", "exit code 0"),
        ("`python3 analyze.py` and `python3 validate.py --all`", ""),
        ("python3 analyze.py && python3 publish.py", ""),
        ("docker build .", ""),
        ("Ran a load test with locust", "1000 users"),
        ("cargo test", "42 passed"),
        ("Verified the figures by an independent calculation in R", ""),
        ("mypy src/app.py --pretty", ""),
        ("everything", ""),
        ("", "done"),
        ("generate_embedding for all rows", ""),
        ("black src", ""),
        ("git commit -m 'fix'", ""),
        ("python3 compare.py --all", "exit code 0"),
        ("python3 rank.py", ""),
        ("pytest tests/", "30 passed"),
        ("pytest --cov=src", "coverage 93%"),
        ("Cross-checked totals with an awk one-liner", ""),
        ("python -m pytest -q src/test_core.py", ""),
    ],
    "fetched_url": [
        ("https://example.com/contact", ""),
        ("https://example.org/pricing", ""),
        ("https://example.com/pricing/enterprise", ""),
        ("https://example.com/gone", "took the figures from it"),
        ("https://api.example.com/v1/items?page=2", ""),
        ("https://api.example.com/v1/users", ""),
        ("https://intranet.example.net/x", "read the page"),
        ("https://example.com/pricing and https://example.com/contact", ""),
        ("notexample.com", ""),
        ("https://files.example.org/data/rates.xml", ""),
        ("the contact page", ""),
        ("https://example.com.evil.net/pricing", ""),
        ("https://example.com/gone", "got 500 rows"),
    ],
    "queried_database": [
        ("SELECT * FROM orders", "10 rows"),
        ("orders_2024", ""),
        ("DELETE FROM monthly_totals", ""),
        ("SELECT * FROM customers", "120 customers"),
        ("created the yearly_totals table", ""),
        ("monthly_totals joined with product_costs", ""),
        ("SELECT avg(price) FROM monthly_totals WHERE region = 'EU' AND year = 2020", ""),
        ("SELECT count(*) FROM monthly_totals", ""),
        ("UPDATE monthly_totals SET revenue = 0", ""),
        ("the `users` table", ""),
    ],
}  # fmt: skip


def entry(path: str) -> FileEntry:
    return FileEntry(path=path, size=FILES[path], sha256=hashlib.sha256(path.encode()).hexdigest())


def exists(path: str) -> bool:
    """As the verifier's: a regular file, relative to the attempt's directory or inside it."""
    plain = normpath(path.removeprefix(f"{HERE}/"))
    return plain in FILES or plain in UNLISTED


def judge(kind: Any, what: str, detail: str = "", calls: Any = CALLS) -> ClaimEvidence:
    claim = Claim(kind=kind, what=what, detail=detail)
    (found,) = match_claims([claim], calls, [entry(path) for path in FILES], exists)
    assert found.claim == claim
    assert 0 < len(found.by) < 500
    return found


def rows(table: dict[str, list[tuple[str, str]]]) -> list[tuple[str, str, str]]:
    return [(kind, what, detail) for kind, claims in table.items() for what, detail in claims]


@pytest.mark.parametrize(("kind", "what", "detail"), rows(HONEST))
def test_honest_claims_are_supported(kind: str, what: str, detail: str) -> None:
    found = judge(kind, what, detail)
    assert found.supported, found.by


@pytest.mark.parametrize(("kind", "what", "detail"), rows(FALSE))
def test_false_claims_are_not(kind: str, what: str, detail: str) -> None:
    found = judge(kind, what, detail)
    assert not found.supported, found.by


@pytest.mark.parametrize(("kind", "what", "detail"), rows(HONEST))
def test_nothing_is_supported_by_no_call(kind: str, what: str, detail: str) -> None:
    assert not judge(kind, what, detail, calls=()).supported


@pytest.mark.parametrize(
    ("kind", "what", "detail", "by"),
    [
        ("wrote_file", "report.md", "", "report.md is there (5,120 bytes, sha256 {sha}), made by"),
        ("wrote_file", "x.md", "", "no such file: x.md"),
        ("wrote_file", "charts/margin.png", "", "charts/margin.png is there (18,000 bytes"),
        ("ran_command", "make deploy", "", "a Bash call (make deploy) never returned"),
        ("ran_command", "pip install tabulate", "", "call (pip install tabulate) failed: ERROR"),
        ("ran_command", "npm test", "all passed", "says: 3 failed"),
        ("ran_command", "cargo test", "", "no call holds this command: cargo test"),
        ("ran_command", "ruff check src", "", "(ruff check src && mypy --strict src) returned"),
        ("fetched_url", "https://a.example/b", "", "no call fetched https://a.example/b"),
        ("queried_database", "the orders_2024", "", "no query is about orders_2024"),
    ],
)  # fmt: skip
def test_a_person_is_told_why(kind: str, what: str, detail: str, by: str) -> None:
    sha = hashlib.sha256(b"report.md").hexdigest()[:12]
    assert by.format(sha=sha) in judge(kind, what, detail).by


def test_a_file_that_nobody_wrote_is_no_evidence() -> None:
    looking = (used("Read", file_path="report.md"), used("fetch_url", url="https://a.example"))
    found = judge("wrote_file", "report.md", calls=looking)
    assert (found.supported, "no tool call could have made it" in found.by) == (False, True)
    assert judge("wrote_file", "report.md", calls=(used("Agent", prompt="write it"),)).supported
    denied = used("Write", "outside", file_path="report.md", ok=False)
    assert not judge("wrote_file", "report.md", calls=(denied,)).supported
    half_done = bash("python3 make.py report.md", "Traceback", ok=False)
    assert judge("wrote_file", "report.md", calls=(half_done,)).supported


def test_long_and_odd_claims_and_calls_are_judged_too() -> None:
    odd = ("a/", "(", "x.", "`", "https://", "[{*?", "a-", "test", "select ", "a, ", "-x 1 ", "é\0")
    calls = (*CALLS, *(bash(f"curl python {text * 1000}") for text in odd), bash("\n" * 200_000))
    for what in odd:
        for kind in ("wrote_file", "ran_command", "fetched_url"):
            assert not judge(kind, f"unheard.of {what * 1000}", calls=calls).supported
        assert judge("queried_database", what * 1000, calls=calls).by


def assignment(*capabilities: Capability, **changes: Any) -> Assignment:
    fields: dict[str, Any] = {
        "subtask_id": uuid4(), "task_id": uuid4(), "attempt": 1, "owner": uuid4(), "key": "k",
        "title": "t", "description": "d", "expected_output": "e", "profile": None, "checks": (),
        "estimated_seconds": 60, "task_title": "t", "task_description": "d", "user_id": "u",
        "context_files": (), "prerequisites": (),
    }  # fmt: skip
    return Assignment(required_capabilities=capabilities, **fields | changes)


def prerequisite(*files: FileEntry) -> Prerequisite:
    return Prerequisite(
        subtask_id=uuid4(), key="a", title="a", summary="s", output={}, files=files, attempt=1
    )


def planned(check: Check) -> PlannedCheck:
    return PlannedCheck(check=check)


@pytest.mark.parametrize(
    ("changes", "needed"),
    [
        ({}, False),
        ({"context_files": (ContextFile(name="a.csv", size=1, sha256="0"),)}, True),
        ({"prerequisites": (prerequisite(),)}, False),
        ({"prerequisites": (prerequisite(entry("report.md")),)}, True),
        ({"checks": (planned(FileExistsCheck(kind="file_exists", path="a")),)}, True),
        ({"checks": (planned(CommandCheck(kind="command", command="true")),)}, True),
        ({"checks": (planned(TextMatchesCheck(kind="text_matches", path="a", pattern="")),)}, True),
        ({"checks": (planned(JsonSchemaCheck(kind="json_schema", json_schema="{}")),)}, False),
    ],
)  # fmt: skip
def test_analysis_needs_tools_only_where_there_is_something_to_open(
    changes: dict[str, Any], needed: bool
) -> None:
    assert needs_tools(assignment(Capability.DATA_ANALYSIS, **changes)) is needed
    assert needs_tools(assignment(Capability.DATA_ANALYSIS, Capability.WEB_SCRAPING, **changes))


@pytest.mark.parametrize("capability", sorted(set(Capability) - {Capability.DATA_ANALYSIS}))
def test_every_other_capability_needs_tools(capability: Capability) -> None:
    assert needs_tools(assignment(capability))


def test_the_log_keeps_calls_in_order_and_what_became_of_them() -> None:
    log = ToolLog()
    events: tuple[SessionEvent, ...] = (
        ToolDenied("4", "Write", "outside"),  # told by the guard before the stream tells the call
        ToolCalled("1", "Bash", {"command": "a"}, "a"),
        ToolCalled("2", "mcp__quintet__share_data", {"key": "k"}, "k", parent="0"),
        ToolCalled("3", "Read", {"file_path": "x"}, "x"),
        ToolReturned("2", "mcp__quintet__share_data", False, 0.1, "saved"),
        ToolReturned("1", "Bash", True, 0.1, "Exit code 1"),
        ToolCalled("4", "Write", {"file_path": "/etc/x"}, "x"),
        ToolReturned("4", "Write", True, 0.1, "outside"),
        ToolCalled("5", "StructuredOutput", {"summary": "s"}, "s"),
        ToolReturned("5", "StructuredOutput", False, 0.1, "provided"),
        ToolReturned("unknown", "", False, 0.1, ""),
        ToolCalled("1", "Bash", {"command": "b"}, "b", parent="9"),  # ids of a subagent's own
        ToolReturned("1", "Bash", False, 0.1, "b"),
    )
    for event in events:
        log.observe(event)
    assert [(c.name, c.ok, c.excerpt, c.parent) for c in log.calls] == [
        ("Bash", False, "Exit code 1", None),
        ("share_data", True, "saved", "0"),
        ("Read", None, "", None),
        ("Write", False, "outside", None),
        ("Bash", True, "b", "9"),
    ]
