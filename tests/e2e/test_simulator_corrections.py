"""Results that are sent back: what scripted agents then really do, and what reviewers say."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from agent.review_material import FileExcerpt, Material
from agent.reviewer import Reviewer
from shared.claude import Claude
from shared.models import Review
from tests.simulator_world import (
    AGENT_TOOLS,
    Json,
    agent_prompt,
    ask,
    content,
    go_on,
    run,
)


@pytest.fixture
async def model(simulator_url: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": "k"}
    async with httpx.AsyncClient(base_url=simulator_url, headers=headers, timeout=10) as client:
        yield client


@pytest.fixture
async def reviewer(simulator_url: str) -> AsyncIterator[Reviewer]:
    claude = Claude(api_key="k", base_url=simulator_url, timeout_seconds=10, max_retries=0)
    async with claude:
        yield Reviewer(claude, model="m")


@dataclass
class Session:
    """One attempt at a subtask in one conversation."""

    model: httpx.AsyncClient
    cwd: Path
    request: str
    key: str
    messages: list[Json] = field(default_factory=list)

    async def first(self) -> Json:
        subtask = {"id": self.key, "dependencies": []}
        prompt = agent_prompt(subtask, {}, self.cwd, request=self.request)
        self.messages.append({"role": "user", "content": prompt})
        return await go_on(self.model, self.messages, self.cwd)

    async def corrected(self, number: int) -> Json:
        words = (
            f'<correction number="{number}" of="3" reason="checks">\n'
            "<problem>it did not pass</problem>\n</correction>\nMend it, then report again."
        )
        self.messages.append({"role": "user", "content": [{"type": "text", "text": words}]})
        return await go_on(self.model, self.messages, self.cwd)

    def commands(self) -> list[str]:
        """Every command that the agent has run."""
        return [
            block["input"]["command"]
            for message in self.messages
            if message["role"] == "assistant"
            for block in message["content"]
            if block.get("name") == "Bash"
        ]


async def test_second_try_writes_the_missing_letter(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    session = Session(model, tmp_path, "A second try", "letter")
    await session.first()
    assert list(content(tmp_path)) == ["draft.md"]
    await session.corrected(1)
    assert set(content(tmp_path)) == {"draft.md", "letter.md"}


async def test_backend_fix_passes_after_its_second_correction(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    session = Session(model, tmp_path, "A backend for order prices", "prices")
    seen = []
    for result in (session.first(), session.corrected(1), session.corrected(2)):
        claimed = (await result)["claims"]
        ran = [claim["what"] for claim in claimed if claim["kind"] == "ran_command"]
        assert set(ran) <= set(session.commands())
        tests, lint = await asyncio.gather(
            run("python -m pytest -q", tmp_path), run("ruff check --no-cache .", tmp_path)
        )
        seen.append((tests[0].splitlines()[-1].split(" in ")[0], "F401" in lint[0], lint[1]))
    assert seen == [
        ("2 failed, 2 passed", False, False),
        ("1 failed, 3 passed", True, True),
        ("4 passed", False, False),
    ]


async def test_never_passes_changes_something_each_time_but_one(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    session = Session(model, tmp_path, "A test that never passes", "median")
    states = []
    for result in (session.first(), *(session.corrected(number) for number in (1, 2, 3, 4))):
        await result
        states.append(content(tmp_path))
    versions = [state["median.py"] for state in states]
    assert len({*versions[:2], versions[3]}) == 3
    assert states[1] == states[2]
    assert states[3] == states[4]
    for version in versions[:4]:
        await asyncio.to_thread((tmp_path / "median.py").write_bytes, version)
        assert (await run("python -m pytest -q test_median.py", tmp_path))[1]


@pytest.mark.parametrize("key", ["insists", "withdraws"])
async def test_false_claim_is_repeated_or_withdrawn(
    model: httpx.AsyncClient, tmp_path: Path, key: str
) -> None:
    session = Session(model, tmp_path, "Make a false claim", key)
    results = [await session.first(), *[await session.corrected(number) for number in (1, 2, 3)]]
    there = set(content(tmp_path))
    false = [
        [c["what"] for c in result["claims"] if c["what"] not in there | set(session.commands())]
        for result in results
    ]
    assert len(false[0]) == 2
    assert false[1:] == ([false[0]] * 3 if key == "insists" else [[], [], []])
    assert all(set(result["files"]) <= there for result in results)


async def test_no_tools_says_and_does_nothing_else(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    session = Session(model, tmp_path, "Sort it without any tool", "sort")
    results = [await session.first(), await session.corrected(1), await session.corrected(2)]
    assert [result["output"] for result in results] == [{"north": 12, "south": 9}] * 3
    assert results[0]["summary"] != results[1]["summary"]
    assert [message["content"][0]["name"] for message in session.messages[1::3]] == [
        "StructuredOutput"
    ] * 3
    assert content(tmp_path) == {}


async def test_looping_goes_on_when_its_calls_are_denied(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    session = Session(model, tmp_path, "Go round in circles", "wait")
    denied = {"is_error": True, "content": "You have made this very call 5 times: stop repeating."}
    prompt = agent_prompt({"id": "wait", "dependencies": []}, {}, tmp_path, request=session.request)
    session.messages.append({"role": "user", "content": prompt})
    offered = [{"name": name, "input_schema": {"type": "object"}} for name in AGENT_TOOLS]
    made = []
    for _ in range(35):
        (_, use) = (await ask(model, session.messages, tools=offered))["content"]
        made.append((use["name"], use["input"]["command"]))
        answer = {"type": "tool_result", "tool_use_id": use["id"], **denied}
        session.messages += [
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [answer]},
        ]
    assert made == [("Bash", "ls -l")] * 35
    result = await go_on(model, session.messages, tmp_path)
    assert result["failed"]
    assert session.commands() == ["ls -l"] * 40


async def test_rework_is_asked_for_and_then_approved(
    model: httpx.AsyncClient, reviewer: Reviewer, tmp_path: Path
) -> None:
    session = Session(model, tmp_path, "A report that needs rework", "report")
    reviews = []
    for number, result in enumerate((session.first(), session.corrected(1))):
        done = await result
        report = (tmp_path / "report.md").read_text()
        reviews.append(
            await reviewed(reviewer, session, number, done["output"], {"report.md": report})
        )
    assert [review.verdict for review in reviews] == ["rework", "approve"]
    criteria = [[reason.criterion for reason in review.reasons] for review in reviews]
    assert criteria == [["complete", "evidence"], ["evidence"]]
    assert all(r.comment.startswith("Simulated") for review in reviews for r in review.reasons)
    assert "Average: 9.5 °C" in report


@pytest.mark.parametrize(
    ("output", "files", "quote"),
    [
        ({"rows": 3}, {"a.md": "x"}, '{"rows": 3}'),
        ({}, {"a.md": "\n# Five & six\n"}, "# Five"),
        ({}, {"chart.png": ""}, "chart.png"),
        ({}, {}, "I looked out of the window."),
    ],
)
async def test_reviewer_by_default_quotes_what_it_saw_and_says_that_nothing_was_judged(
    model: httpx.AsyncClient,
    reviewer: Reviewer,
    tmp_path: Path,
    output: Json,
    files: dict[str, str],
    quote: str,
) -> None:
    session = Session(model, tmp_path, "Tell me about the weather", "weather")
    review = await reviewed(reviewer, session, 0, output, files)
    assert review.verdict == "approve"
    assert set(review.scores.values()) == {85}
    (reason,) = review.reasons
    assert reason.quote == quote
    assert reason.comment == "Simulated reviewer: nothing was judged."


async def reviewed(
    reviewer: Reviewer, session: Session, number: int, output: Json, files: dict[str, str]
) -> Review:
    """The review of one version of a result."""
    material = Material(
        subtask_key=session.key,
        title="t",
        description="d",
        expected_output="A note.",
        task_description=session.request,
        round=number,
        output=output,
        files=tuple(FileExcerpt(name, len(text), text) for name, text in files.items()),
        statement="I looked out of the window.",
    )
    done = await reviewer.review(material)
    assert done.review is not None, done.problem
    return done.review
