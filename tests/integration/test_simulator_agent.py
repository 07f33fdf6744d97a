"""What the simulated model does as an agent, its tools run for real."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from scripts.claude_simulator.scenario import load_scenarios
from tests.simulator_world import ASK, agent_prompt, content, work


@pytest.fixture
async def model(simulator_url: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": "k"}
    async with httpx.AsyncClient(base_url=simulator_url, headers=headers, timeout=10) as client:
        yield client


@pytest.mark.parametrize(
    "name", [each.name for each in load_scenarios() if each.name not in ("sales", "looping")]
)
async def test_first_subtask_runs(model: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    scenario = next(each for each in load_scenarios() if each.name == name)
    request = " ".join(group[0] for group in scenario.match.words)
    subtask = {"id": scenario.plan.subtasks[0].id, "dependencies": []}
    result = await work(model, agent_prompt(subtask, {}, tmp_path, request=request), tmp_path)
    assert not result["failed"], result["reason"]
    assert all((tmp_path / file).stat().st_size for file in result["files"])


async def test_broken_branch_fails_for_a_real_reason(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    subtask = {"id": "stock", "dependencies": []}
    result = await work(
        model, agent_prompt(subtask, {}, tmp_path, request="A broken branch"), tmp_path
    )
    assert result["failed"]
    assert "there is no stock.csv among the files" in result["reason"]
    assert result["output"] == {}


async def test_generic_subtask_writes_a_note_of_what_came_before(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    subtask = {"id": "conclude", "dependencies": ["first"]}
    results = {"first": {"summary": "It rained {{cwd}}."}}
    prompt = agent_prompt(subtask, results, tmp_path, request="Say how the weather was")
    result = await work(model, prompt, tmp_path)
    assert result["files"] == ["conclude.md"]
    assert "It rained {{cwd}}." in (tmp_path / "conclude.md").read_text()


async def test_failure_is_reported_when_asked_for_or_when_a_tool_is_missing(
    model: httpx.AsyncClient, tmp_path: Path
) -> None:
    subtask = {"id": "clean", "dependencies": []}
    marked = agent_prompt(subtask, {}, tmp_path, request=f"{ASK} [[simulate: fail clean]]")
    asked = await work(model, marked, tmp_path)
    toolless = await work(
        model, agent_prompt(subtask, {}, tmp_path), tmp_path, ("Write", "StructuredOutput")
    )
    orphan = await work(
        model, agent_prompt({"id": "totals", "dependencies": []}, {}, tmp_path), tmp_path
    )
    assert "asked the simulator to let this subtask fail" in asked["reason"]
    assert "does not offer the tool Bash" in toolless["reason"]
    assert "there is no 'clean'" in orphan["reason"]
    assert not any(name.endswith(".csv") for name in content(tmp_path))
