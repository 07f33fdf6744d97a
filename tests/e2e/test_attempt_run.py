"""How one attempt runs, when it is sent back and how it ends; only the model is scripted."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.claude_sandbox import sandbox_available
from agent.loop_limits import LoopLimits
from agent.profiles import Profile
from agent.reviewer import Reviewer
from shared.claude import Claude
from shared.database.connection import Pool
from shared.models import (
    CommandCheck,
    Doubt,
    Evidence,
    FileExistsCheck,
    PlannedCheck,
    SqlCountCheck,
    TextMatchesCheck,
)
from shared.states import FailureKind
from tests.attempt_world import Bench, open_bench, whole_profile
from tests.data_world import data_database
from tests.ledger_world import World, planned
from tests.messages_server import (
    Answer,
    Call,
    Failure,
    Reply,
    Stall,
    Text,
    call,
    messages_server,
    say,
    structured,
)
from tests.ticks import ticks
from tests.worker_world import at_once, working_agent

NOTE = call("Write", file_path="{cwd}/note.md", content="total: 41\n")
MENDED = call("Write", file_path="{cwd}/note.md", content="total: 42\n")
TOTAL = PlannedCheck(
    check=TextMatchesCheck(kind="text_matches", path="note.md", pattern="total: 42")
)


@pytest.fixture(scope="module")
def data_url(postgres_url: str) -> Iterator[str]:
    with data_database(postgres_url) as url:
        yield url


@pytest.fixture
async def bench(tmp_path: Path, data_url: str) -> AsyncIterator[Bench]:
    async with open_bench(tmp_path, data_url) as bench:
        yield bench


def result(summary: str = "Wrote note.md.", **more: Any) -> Reply:
    claims = [{"kind": "wrote_file", "what": "note.md"}]
    return structured({"summary": summary, "files": ["note.md"], "claims": claims} | more)


async def test_what_holds_at_once_is_asked_for_once(bench: Bench) -> None:
    done = await bench.attempt([[NOTE, result()]])
    record = done.verification
    assert done.completed.result.summary == "Wrote note.md."
    assert [(file.path, file.size) for file in done.completed.files] == [("note.md", 10)]
    assert (record.evidence, record.corrections) == (Evidence.SELF_REPORTED, ())
    (look,) = record.rounds
    assert (look.number, look.doubt, look.checks) == (0, None, ())
    assert [each.supported for each in look.claims] == [True]
    assert len(done.prompts) == 1
    assert list((bench.folder / "scratch").iterdir()) == [], "what was made for it is gone"


async def test_a_check_that_fails_goes_back_with_what_it_printed(bench: Bench) -> None:
    check = CommandCheck(kind="command", command="echo seen: $(cat note.md); grep -q 42 note.md")
    done = await bench.attempt(
        [[NOTE, result()], [MENDED, result("Mended.")]], checks=[PlannedCheck(check=check)]
    )
    record = done.verification
    assert (record.evidence, done.completed.result.summary) == (Evidence.VERIFIED, "Mended.")
    (correction,) = record.corrections
    assert (correction.doubt, correction.outcome) == (Doubt.CHECKS, "passed")
    assert correction.changed == ("changed note.md",)
    assert (correction.tokens, correction.cost_usd > 0) == (32, True)
    assert "seen: total: 41" in correction.failure
    assert "<check>" in done.prompts[0]
    assert '<correction number="1" of="3" reason="checks">' in done.prompts[1]
    assert "seen: total: 41" in done.prompts[1]
    spent = sum(usage.input_tokens + usage.output_tokens for usage in done.completed.usage)
    assert spent == 32 + 32, "both rounds are paid for"
    levels = [(note.level, (note.data or {})["outcome"]) for note in done.told("check.result")]
    assert levels == [("warning", "failed"), ("info", "passed")]
    (sent_back,) = done.told("correction.attempt")
    assert sent_back.data is not None
    assert (sent_back.data["number"], sent_back.data["doubt"]) == (1, "checks")


async def test_a_malformed_result_is_sent_back(bench: Bench) -> None:
    done = await bench.attempt([[NOTE, say("All done, see note.md!")], [result()]])
    first, second = done.verification.rounds
    assert (first.doubt, second.doubt) == (Doubt.SHAPE, None)
    assert "summary" in first.problems[0]
    assert done.completed.files[0].path == "note.md"
    usage = sum(each.input_tokens for each in done.completed.usage)
    assert done.verification.corrections[0].tokens < usage, "the malformed round is paid for too"


async def test_a_named_file_that_is_not_there_is_sent_back(bench: Bench) -> None:
    done = await bench.attempt([[NOTE, result(files=["report.md"])], [result()]])
    first, second = done.verification.rounds
    assert (first.doubt, second.doubt) == (Doubt.SHAPE, None)
    assert "report.md" in first.problems[0]
    assert "report.md" in done.prompts[1]
    assert done.verification.corrections[0].outcome == "passed"
    assert done.verification.corrections[0].changed == ()


@pytest.mark.parametrize("name", ["/etc/passwd", "../../context/task.json", "linked"])
async def test_a_named_file_outside_is_never_taken(bench: Bench, name: str) -> None:
    link = call("Bash", command="ln -s /etc/passwd linked")
    done = await bench.attempt([[NOTE, link, result(files=[name])]], max_corrections=0)
    assert done.failed.kind is FailureKind.BUSINESS
    assert [look.doubt for look in done.verification.rounds] == [Doubt.SHAPE]


async def test_who_insists_is_not_looked_at_again(bench: Bench) -> None:
    done = await bench.attempt([[NOTE, result()]], checks=[TOTAL], max_corrections=2)
    assert done.failed.kind is FailureKind.CHECKS
    record = done.verification
    assert record.evidence is None
    assert [each.outcome for each in record.corrections] == ["repeated", "repeated"]
    assert [len(look.checks) for look in record.rounds] == [1, 0, 0]
    assert "changed nothing" in done.failed.error
    assert done.failed.error.startswith("not accepted (after 2 corrections): ")
    assert "<tried" in done.prompts[2]


async def test_other_words_for_the_same_files_are_no_fix(bench: Bench) -> None:
    tells = CommandCheck(kind="command", command="echo seen: $(cat note.md); grep -q 42 note.md")
    looks = call("Bash", command="cat note.md")
    done = await bench.attempt(
        [[NOTE, result()], [looks, result("Now it is right.")]],
        checks=[PlannedCheck(check=tells)],
        max_corrections=1,
    )
    (correction,) = done.verification.corrections
    assert (correction.outcome, correction.changed) == ("repeated", ())
    assert done.failed.error.endswith("seen: total: 41"), "the last output, though it is not new"


async def test_who_then_does_what_was_claimed_is_looked_at(bench: Bench) -> None:
    claims = [{"kind": "ran_command", "what": "wc -c note.md"}]
    counts = call("Bash", command="wc -c note.md")
    done = await bench.attempt([[NOTE, result(claims=claims)], [counts, result(claims=claims)]])
    assert [each.doubt for each in done.verification.rounds] == [Doubt.EVIDENCE, None]
    (correction,) = done.verification.corrections
    assert (correction.outcome, correction.changed) == ("passed", ())


async def test_what_is_mended_in_the_tasks_data_is_looked_at(bench: Bench) -> None:
    makes, fills = (
        call("mcp__quintet__query_database", sql=sql)
        for sql in ("CREATE TABLE figures (n int)", "INSERT INTO figures VALUES (41)")
    )
    check = SqlCountCheck(kind="sql_count", query="SELECT count(*) FROM figures", minimum=1)
    done = await bench.attempt(
        [[NOTE, makes, result()], [fills, result()]], checks=[PlannedCheck(check=check)]
    )
    assert [each.outcome for each in done.verification.corrections] == ["passed"]
    assert done.verification.evidence is Evidence.VERIFIED


async def test_a_check_that_took_too_long_is_carried_out_again(bench: Bench) -> None:
    bench.check_seconds = 1.0
    slow = CommandCheck(
        kind="command", command="test -e note.md && { test -e warm || { touch warm; sleep 9; }; }"
    )
    done = await bench.attempt([[NOTE, result()]], checks=[PlannedCheck(check=slow)])
    first, second = done.verification.rounds
    assert "not done after 1 s" in first.checks[0].detail
    assert (second.doubt, second.checks[0].outcome) == (None, "passed")


@pytest.mark.parametrize("status", [0, 1])
async def test_a_check_that_removes_the_result_is_told_as_such(bench: Bench, status: int) -> None:
    command = f"test -e note.md; rm -f note.md; echo swept; exit {status}"
    swept = PlannedCheck(check=CommandCheck(kind="command", command=command), vacuous=False)
    done = await bench.attempt(
        [[NOTE, result()], [NOTE, result()]], checks=[swept], max_corrections=1
    )
    assert done.failed.kind is FailureKind.CHECKS
    assert "a check removed 'note.md'" in done.failed.error
    for look in done.verification.rounds:
        assert (look.doubt, look.problems[0]) == (
            Doubt.CHECKS,
            "a check removed 'note.md', which the result names",
        )
        assert look.checks[0].output == "swept"
    assert "a check removed" in done.prompts[1]
    assert [each.outcome for each in done.verification.corrections] == ["failed"]


@pytest.mark.parametrize(
    "nothing",
    [call("Read", file_path="{cwd}/nowhere.md"), call("Write", file_path="/etc/x", content="x")],
)
async def test_calls_that_did_nothing_are_no_work(bench: Bench, nothing: Reply) -> None:
    idle = result(files=[], claims=[])
    done = await bench.attempt([[nothing, idle]], max_corrections=0)
    assert done.failed.kind is FailureKind.CHECKS
    assert "no tool call succeeded" in done.failed.error
    assert done.verification.rounds[0].doubt is Doubt.EVIDENCE


async def test_going_back_to_a_state_that_failed_is_repeating_it(bench: Bench) -> None:
    worse = call("Write", file_path="{cwd}/note.md", content="total: 7\n")
    done = await bench.attempt(
        [[NOTE, result()], [worse, result()], [NOTE, result()]],
        checks=[TOTAL],
        max_corrections=2,
    )
    assert [each.outcome for each in done.verification.corrections] == ["failed", "repeated"]
    assert done.verification.corrections[1].changed == ("changed note.md",)


async def test_a_claim_that_nothing_supports_goes_back(bench: Bench) -> None:
    claim = {"kind": "ran_command", "what": "python3 -m pytest -q"}
    done = await bench.attempt([[NOTE, result(claims=[claim])], [result()]])
    assert done.verification.rounds[0].doubt is Doubt.EVIDENCE
    assert "pytest" in done.prompts[1]
    assert done.verification.evidence is Evidence.SELF_REPORTED


async def test_no_correction_where_the_profile_wants_none(bench: Bench) -> None:
    profile = whole_profile().model_copy(update={"max_corrections": 0})
    done = await bench.attempt(
        [[NOTE, result()], [MENDED, result()]], checks=[TOTAL], profile=profile
    )
    assert done.failed.kind is FailureKind.CHECKS
    assert done.failed.error.startswith("not accepted (at once): ")
    assert done.verification.corrections == ()
    assert len(done.prompts) == 1


async def test_a_timeout_keeps_the_rounds_so_far(bench: Bench) -> None:
    done = await bench.attempt([[NOTE, result()], [Stall()]], checks=[TOTAL], seconds=6.0)
    assert done.failed.kind is FailureKind.TIMEOUT
    assert done.failed.error == "not done after 6 seconds"
    (look,) = done.verification.rounds
    assert look.doubt is Doubt.CHECKS
    assert look.checks[0].outcome == "failed"
    (correction,) = done.verification.corrections
    assert (correction.outcome, correction.tokens) == ("interrupted", 0)
    assert sum(usage.input_tokens for usage in done.failed.usage) == 22
    assert list((bench.folder / "scratch").iterdir()) == []


async def test_a_loop_keeps_the_rounds_so_far(bench: Bench) -> None:
    again = call("Bash", command="cat note.md")
    profile = whole_profile().model_copy(update={"loops": LoopLimits(identical=3)})
    done = await bench.attempt([[NOTE, result()], [again]], checks=[TOTAL], profile=profile)
    assert done.failed.kind is FailureKind.LOOP
    assert [look.doubt for look in done.verification.rounds] == [Doubt.CHECKS]
    (correction,) = done.verification.corrections
    assert (correction.outcome, correction.doubt) == ("interrupted", Doubt.CHECKS)
    assert (
        correction.tokens == sum(u.input_tokens + u.output_tokens for u in done.failed.usage) - 32
    )
    assert correction.tokens > 0
    assert correction.cost_usd > 0
    assert len(done.told("tool.denied")) == 1


async def test_a_model_that_is_away_keeps_the_rounds_so_far(bench: Bench) -> None:
    away = Failure(401, "authentication_error")
    done = await bench.attempt([[NOTE, result()], [away]], checks=[TOTAL])
    assert done.failed.kind is FailureKind.CONFIG
    assert [look.doubt for look in done.verification.rounds] == [Doubt.CHECKS]
    assert [each.outcome for each in done.verification.corrections] == ["interrupted"]
    assert sum(usage.input_tokens for usage in done.failed.usage) == 22


async def test_who_gives_up_is_believed(bench: Bench) -> None:
    gave_up = result("It cannot be done.", failed=True, reason="no delivery.csv", claims=[])
    done = await bench.attempt([[NOTE, gave_up]], checks=[TOTAL])
    assert (done.failed.kind, done.failed.error) == (FailureKind.BUSINESS, "no delivery.csv")
    assert done.verification.corrections == ()
    late = await bench.attempt([[NOTE, result()], [gave_up]], checks=[TOTAL])
    assert (late.failed.kind, late.failed.error) == (FailureKind.BUSINESS, "no delivery.csv")
    assert [look.number for look in late.verification.rounds] == [0, 1]
    (correction,) = late.verification.corrections
    assert (correction.outcome, correction.doubt) == ("gave_up", Doubt.CHECKS)


async def test_vacuous_checks_verify_nothing(bench: Bench) -> None:
    checks = [
        PlannedCheck(check=CommandCheck(kind="command", command="test -d .")),
        PlannedCheck(check=FileExistsCheck(kind="file_exists", path="*", min_bytes=0)),
    ]
    done = await bench.attempt([[NOTE, result()]], checks=checks)
    assert done.verification.evidence is Evidence.SELF_REPORTED
    assert [each.vacuous for each in done.verification.rounds[0].checks] == [True, True]
    more = await bench.attempt([[MENDED, result()]], checks=[*checks, TOTAL])
    assert more.verification.evidence is Evidence.VERIFIED


async def test_checks_of_the_profile_are_added(bench: Bench) -> None:
    own = PlannedCheck(check=CommandCheck(kind="command", command="grep -q 42 note.md"))
    profile = Profile.model_validate(whole_profile().model_dump() | {"checks": [own.model_dump()]})
    done = await bench.attempt([[NOTE, result()], [MENDED, result()]], profile=profile)
    assert [each.doubt for each in done.verification.rounds] == [Doubt.CHECKS, None]
    assert [each.source for each in done.verification.rounds[1].checks] == ["profile"]
    assert done.verification.evidence is Evidence.VERIFIED


async def test_the_files_are_as_they_are_after_the_checks(bench: Bench) -> None:
    writes = CommandCheck(kind="command", command="echo checked >> note.md")
    done = await bench.attempt([[NOTE, result()]], checks=[PlannedCheck(check=writes)])
    assert done.completed.files[0].size == len("total: 41\nchecked\n")


async def test_a_check_is_in_the_same_walls_as_the_agent(bench: Bench) -> None:
    (bench.folder / "files").mkdir(exist_ok=True)
    (bench.folder / "files/secret.txt").write_text("of another task")
    look = CommandCheck(kind="command", command=f"cat {bench.folder}/files/secret.txt")
    done = await bench.attempt(
        [[NOTE, result()]], checks=[PlannedCheck(check=look)], max_corrections=0
    )
    (check,) = done.verification.rounds[0].checks
    assert (check.outcome == "failed") is sandbox_available()
    assert ("of another task" in check.output) is not sandbox_available()


async def test_an_unknown_role_is_a_wrong_setting(bench: Bench) -> None:
    done = await bench.attempt([[NOTE, result()]], role="poet")
    assert done.failed.kind is FailureKind.CONFIG
    assert "poet" in done.failed.error
    assert done.prompts == ()


async def test_tools_of_one_turn_are_all_in_the_log(bench: Bench) -> None:
    both = Answer(
        (
            Text("Both at once."),
            Call("Write", {"file_path": "{cwd}/note.md", "content": "x"}),
            Call("Bash", {"command": "echo hello > other.txt"}),
        )
    )
    claims = [
        {"kind": "wrote_file", "what": "note.md"},
        {"kind": "ran_command", "what": "echo hello"},
    ]
    done = await bench.attempt([[both, result(claims=claims, files=["note.md", "other.txt"])]])
    assert [each.supported for each in done.verification.rounds[0].claims] == [True, True]


@pytest.fixture(scope="module")
def away_url() -> Iterator[str]:
    with messages_server(lambda _: Failure(500)) as server:
        yield server.url


@asynccontextmanager
async def reviewer_at(url: str) -> AsyncIterator[Reviewer]:
    door = Claude(api_key="a-key", base_url=url, timeout_seconds=5, max_retries=0, pauses=(0.01,))
    async with door as claude:
        yield Reviewer(claude, model="m", pauses=(0.01, 0.01))


async def test_without_its_review_a_result_that_needs_one_is_not_accepted(
    bench: Bench, away_url: str
) -> None:
    async with reviewer_at(away_url) as reviewer:
        done = await bench.attempt([[NOTE, result()]], reviewer=reviewer, review="always")
    assert done.failed.kind is FailureKind.REVIEW
    assert "may not be accepted without a review" in done.failed.error
    assert "scripted failure" in done.failed.error
    (look,) = done.verification.rounds
    assert (look.doubt, look.review) == (Doubt.REVIEW, None)
    assert "scripted failure" in look.unreviewed
    assert len(done.told("review.verdict")) == 3, "each try is told"
    assert len(done.prompts) == 1, "its agent cannot mend that"


async def test_where_reviews_are_sampled_a_missing_one_is_told(bench: Bench, away_url: str) -> None:
    async with reviewer_at(away_url) as reviewer:
        done = await bench.attempt([[NOTE, result()]], reviewer=reviewer, review="sampled")
    assert done.verification.evidence is Evidence.SELF_REPORTED
    (look,) = done.verification.rounds
    assert look.doubt is None
    assert "scripted failure" in look.unreviewed
    assert len(done.told("review.verdict")) == 1


async def test_an_agent_without_a_reviewer_accepts_nothing_that_needs_one(bench: Bench) -> None:
    done = await bench.attempt([[NOTE, result()]], review="always")
    assert done.failed.kind is FailureKind.REVIEW
    assert "this agent has no reviewer" in done.failed.error


async def test_what_a_cancelled_session_spent_is_in_the_ledger(
    bench: Bench, pool: Pool, redis_url: str
) -> None:
    world = World(pool)
    bench.model.learn("only", [[NOTE, Stall()]])
    async with working_agent(pool, redis_url, at_once, executor=bench.executor()) as agent:
        task_id = await world.ready(planned("only"))
        async for _ in ticks(within=20):
            if list(bench.folder.glob("files/*/temp/*/*/note.md")):
                break
        await world.tasks.request_cancel(task_id)
        await agent.doorbell.call_stopped(task_id)
        async for _ in ticks(within=10):
            if not agent.worker.running:
                break
    assert await world.statuses(task_id) == {"only": "cancelled"}
    (paid,) = await pool.fetch("SELECT purpose::text, input_tokens, cost_usd FROM model_calls")
    assert (paid["purpose"], paid["input_tokens"], paid["cost_usd"] > 0) == ("agent", 11, True)
