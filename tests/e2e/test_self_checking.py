"""Agents that check themselves: real checks, sandboxes and sessions; the model's words scripted."""

import asyncio
from dataclasses import dataclass, replace
from decimal import Decimal

import asyncpg
import httpx
import pytest

from shared.models import (
    Doubt,
    Evidence,
    LogEntry,
    SubtaskResult,
    SubtaskView,
    TaskView,
    Verification,
)
from shared.states import FailureKind, SubtaskStatus, TaskStatus
from tests.e2e.following import by_key, picture, the_end, until
from tests.e2e.stack_world import Stack
from ui import calls
from ui.client import AsyncQuintetClient

ALL_SECONDS = 200.0
LOG_LINES = 1_000
REQUESTS = {
    "prices": "Write a backend module that computes order prices, with its tests.",
    "median": "Write a median function whose test never passes please.",
    "claims": "Show a false claim being found out by the system.",
    "circles": "Please go round in circles for a while.",
    "greeting": "Write a greeting with a vacuous check in its plan.",
    "farewell": "Write a farewell with a vacuous plan please.",
    "rework": "Write a report that needs rework by its author.",
    "talk": "Sort these words without any tool: b a c.",
}
REVIEWED = {"rework"}


@dataclass(frozen=True)
class Course:
    """How one request went; `planned` are the planner's requests about it, as JSON text."""

    task: TaskView
    results: tuple[SubtaskResult, ...]
    logs: tuple[LogEntry, ...]
    planned: tuple[str, ...]

    def subtask(self, key: str) -> SubtaskView:
        """One of its subtasks."""
        return by_key(self.task)[key]

    def told(self, kind: str, key: str) -> list[LogEntry]:
        """What the log says of one kind of thing about one subtask."""
        return [each for each in self.logs if each.kind == kind and each.subtask_key == key]


@pytest.fixture(scope="module")
def courses(stack: Stack) -> dict[str, Course]:
    """Every request submitted at once and followed to its end."""
    return asyncio.run(_all(stack))


async def _all(stack: Stack) -> dict[str, Course]:
    async with (
        AsyncQuintetClient(stack.api_url) as quintet,
        httpx.AsyncClient(base_url=stack.simulator_url, trust_env=False) as model,
        asyncio.TaskGroup() as group,
    ):
        running = {name: group.create_task(_course(quintet, model, name)) for name in REQUESTS}
    return {name: task.result() for name, task in running.items()}


async def _course(quintet: AsyncQuintetClient, model: httpx.AsyncClient, name: str) -> Course:
    call = calls.submit(REQUESTS[name])
    if name in REVIEWED:
        call = replace(call, json={**(call.json or {}), "review": "always"})
    task_id = (await quintet.send(call)).id
    await until(quintet, task_id, lambda task: bool(task.subtasks), within=ALL_SECONDS)
    planned = await _planner_requests(model, REQUESTS[name])
    await the_end(quintet, task_id, within=ALL_SECONDS)
    detail = await quintet.task(task_id)
    page = await quintet.logs(task_id, limit=LOG_LINES)
    return Course(detail.task, detail.subtask_results, page.entries, planned)


async def _planner_requests(model: httpx.AsyncClient, request: str) -> tuple[str, ...]:
    lines = (await model.get("/control/requests")).json()
    numbers = [line["number"] for line in lines if line["caller"] == "planner"]
    bodies = [(await model.get(f"/control/requests/{number}")).text for number in numbers]
    return tuple(body for body in bodies if request in body)


def looked_at(subtask: SubtaskView) -> Verification:
    assert subtask.verification is not None, f"nothing was looked at: {subtask}"
    return subtask.verification


def test_failing_checks_are_corrected_twice_and_then_verified(courses: dict[str, Course]) -> None:
    course = courses["prices"]
    assert course.task.status is TaskStatus.COMPLETED, picture(course.task)
    prices = course.subtask("prices")
    found = looked_at(prices)
    assert (prices.profile, prices.evidence) == ("backend", Evidence.VERIFIED)
    assert found.evidence is Evidence.VERIFIED
    assert course.results[0].evidence is Evidence.VERIFIED
    assert [each.vacuous for each in prices.checks] == [False, False]
    assert [(each.number, each.doubt) for each in found.rounds] == [
        (0, Doubt.CHECKS),
        (1, Doubt.CHECKS),
        (2, None),
    ]
    by_source = ["plan", "plan", "profile"]  # pytest, which both ask for, runs once
    assert [each.source for each in found.rounds[0].checks] == by_source
    assert "failed" in {each.outcome for each in found.rounds[0].checks}
    last = found.rounds[2].checks
    assert [(each.source, each.outcome) for each in last] == [(s, "passed") for s in by_source]


def test_each_correction_says_what_it_changed_and_cost(courses: dict[str, Course]) -> None:
    course = courses["prices"]
    found = looked_at(course.subtask("prices"))
    first, second = found.corrections
    assert [first.outcome, second.outcome] == ["failed", "passed"]
    for correction in (first, second):
        assert correction.doubt is Doubt.CHECKS
        assert correction.changed == ("changed prices.py",)
        assert correction.tokens > 0
        assert correction.cost_usd > 0
        assert "pytest" in correction.failure
    assert first.cost_usd + second.cost_usd < course.subtask("prices").cost_usd
    returns = course.told("correction.attempt", "prices")
    assert [entry.data["number"] for entry in returns] == [1, 2]
    told = course.told("check.result", "prices")
    assert len(told) == sum(len(each.checks) for each in found.rounds)
    assert {entry.level for entry in told if entry.data["outcome"] == "failed"} == {"warning"}


def test_what_never_passes_fails_with_its_last_output(courses: dict[str, Course]) -> None:
    course = courses["median"]
    median = course.subtask("median")
    found = looked_at(median)
    assert course.task.status is TaskStatus.FAILED
    assert (median.status, median.failure_kind) == (SubtaskStatus.FAILED, FailureKind.CHECKS)
    assert found.evidence is None
    assert median.evidence is None
    assert [each.outcome for each in found.corrections] == ["failed", "repeated", "failed"]
    assert found.corrections[1].changed == ()
    assert found.rounds[2].checks == (), "a state that failed already is not looked at again"
    last = found.rounds[-1].checks[0]
    assert "test_median.py" in last.output
    assert last.output.splitlines()[-1] in (median.error or "")


def test_one_insists_on_a_false_claim_and_one_withdraws(courses: dict[str, Course]) -> None:
    course = courses["claims"]
    assert course.task.status is TaskStatus.FAILED
    assert course.task.partial
    assert course.task.answer
    insists, withdraws = course.subtask("insists"), course.subtask("withdraws")
    assert (insists.status, insists.failure_kind) == (SubtaskStatus.FAILED, FailureKind.CHECKS)
    assert "figures.csv" in (insists.error or "")
    claims = looked_at(insists).rounds[0].claims
    assert [(each.claim.what, each.supported) for each in claims] == [
        ("first.md", True),
        ("figures.csv", False),
        ("python3 figures.py", False),
    ]
    assert (withdraws.status, withdraws.evidence) == (
        SubtaskStatus.COMPLETED,
        Evidence.SELF_REPORTED,
    )
    found = looked_at(withdraws)
    assert [each.doubt for each in found.rounds] == [Doubt.EVIDENCE, None]
    assert [(each.doubt, each.outcome) for each in found.corrections] == [
        (Doubt.EVIDENCE, "passed")
    ]


def test_going_round_in_circles_is_warned_of_and_stopped(courses: dict[str, Course]) -> None:
    course = courses["circles"]
    wait = course.subtask("wait")
    assert (wait.status, wait.failure_kind) == (SubtaskStatus.FAILED, FailureKind.LOOP)
    assert "ls -l" in (wait.error or "")
    warnings = course.told("tool.denied", "wait")
    assert warnings, "it is warned before it is stopped"
    assert warnings[0].level == "warning"
    assert len(course.told("tool.called", "wait")) < 40, "it never got to the end of its script"


def test_a_vacuous_check_is_sent_back_to_the_planner(courses: dict[str, Course]) -> None:
    course = courses["greeting"]
    greet = course.subtask("greet")
    assert (greet.status, greet.evidence) == (SubtaskStatus.COMPLETED, Evidence.VERIFIED)
    kinds = [(each.check.kind, each.vacuous) for each in greet.checks]
    assert kinds == [("file_exists", False), ("text_matches", False)]
    first, second = course.planned
    assert "is vacuous" not in first
    assert "check 1 (command) of subtask 'greet' is vacuous" in second


def test_a_check_that_stays_vacuous_proves_nothing(courses: dict[str, Course]) -> None:
    farewell = courses["farewell"].subtask("farewell")
    assert farewell.status is SubtaskStatus.COMPLETED
    assert farewell.evidence is Evidence.SELF_REPORTED
    assert [each.vacuous for each in farewell.checks] == [True]
    (check,) = looked_at(farewell).rounds[-1].checks
    assert (check.outcome, check.vacuous) == ("passed", True)
    assert len(courses["farewell"].planned) == 2, "it is sent back once, and not again"


async def test_a_reviewer_asks_for_more_and_then_approves(
    stack: Stack, courses: dict[str, Course]
) -> None:
    course = courses["rework"]
    report = course.subtask("report")
    assert (report.status, report.evidence) == (SubtaskStatus.COMPLETED, Evidence.REVIEWED)
    found = looked_at(report)
    reviews = [each.review for each in found.rounds]
    assert [review and review.verdict for review in reviews] == ["rework", "approve"]
    assert reviews[0] is not None
    assert [reason.quote for reason in reviews[0].reasons] == [
        "It was rather mild",
        "as everybody could feel",
    ]
    assert [(each.doubt, each.outcome) for each in found.corrections] == [(Doubt.REVIEW, "passed")]
    assert "changed report.md" in found.corrections[0].changed
    told = course.told("review.verdict", "report")
    assert [entry.data["verdict"] for entry in told] == ["rework", "approve"]
    paid = await prices(stack, course.task)
    assert paid["reviewer"] > 0
    assert course.task.cost_usd == sum(paid.values())
    assert report.cost_usd == paid["reviewer"] + paid["agent"]


def test_talk_is_not_work(courses: dict[str, Course]) -> None:
    course = courses["talk"]
    sort = course.subtask("sort")
    assert (sort.status, sort.failure_kind) == (SubtaskStatus.FAILED, FailureKind.CHECKS)
    assert "no tool was called" in (sort.error or "")
    assert course.task.status is TaskStatus.FAILED


async def prices(stack: Stack, task: TaskView) -> dict[str, Decimal]:
    """What each purpose cost this task, as the ledger has it."""
    connection = await asyncpg.connect(stack.stores["DATABASE_URL"])
    try:
        rows = await connection.fetch(
            "SELECT purpose::text, sum(cost_usd) AS paid FROM model_calls"
            " WHERE task_id = $1 GROUP BY 1",
            task.id,
        )
    finally:
        await connection.close()
    return {row["purpose"]: row["paid"] for row in rows}
