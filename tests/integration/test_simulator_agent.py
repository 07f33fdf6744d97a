"""A scripted agent's conversation, its tool calls run as the agent's client would run them."""

import asyncio
import html
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.claude_simulator.scenario import load_scenarios

SAMPLE = Path(__file__).parents[2] / "scripts" / "sample" / "sales.csv"
ASK = "What do our sales say? Write a report with charts."
AGENT_TOOLS = ("Write", "Edit", "Bash", "mcp__quintet__share_data", "StructuredOutput")

Json = dict[str, Any]


@pytest.fixture
async def model(simulator_url: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": "k"}
    async with httpx.AsyncClient(base_url=simulator_url, headers=headers, timeout=10) as client:
        yield client


async def ask(model: httpx.AsyncClient, messages: list[Json], **fields: Any) -> Json:
    body = {"model": "m", "max_tokens": 64000, "messages": messages, **fields}
    answer = await model.post("/v1/messages", json=body)
    assert answer.status_code == 200, answer.text
    reply: Json = answer.json()
    return reply


async def run_tool(name: str, arguments: Json, cwd: Path) -> tuple[str, bool]:
    """The tool's output and whether it failed."""
    if name == "Bash":
        return await run(arguments["command"], cwd)
    return edit_file(name, arguments)


def edit_file(name: str, arguments: Json) -> tuple[str, bool]:
    file = Path(arguments.get("file_path", ""))
    if name == "Write":
        file.write_text(arguments["content"])
        return "File created successfully", False
    if name != "Edit":
        return f"{name} is out of order", True
    text, old = file.read_text(), arguments["old_string"]
    if text.count(old) != 1:
        return f"{old!r} occurs {text.count(old)} times", True
    file.write_text(text.replace(old, arguments["new_string"]))
    return "File updated successfully", False


async def run(command: str, cwd: Path) -> tuple[str, bool]:
    """What a command printed and whether it failed."""
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        command,
        cwd=cwd,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # ours take seconds to load
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return output.decode(), process.returncode != 0


async def work(
    model: httpx.AsyncClient, prompt: str, cwd: Path, tools: tuple[str, ...] = AGENT_TOOLS
) -> Json:
    """One agent's conversation to its first structured result."""
    return await go_on(model, [{"role": "user", "content": prompt}], cwd, tools)


async def go_on(
    model: httpx.AsyncClient,
    messages: list[Json],
    cwd: Path,
    tools: tuple[str, ...] = AGENT_TOOLS,
) -> Json:
    """The conversation to its next structured result; `messages` grows by all that was said."""
    offered = [{"name": name, "input_schema": {"type": "object"}} for name in tools]
    for _ in range(50):
        reply = await ask(model, messages, tools=offered)
        uses = [block for block in reply["content"] if block["type"] == "tool_use"]
        final = uses[0]["name"] == "StructuredOutput"
        results = []
        for use in uses:
            text, failed = (
                ("ok", False) if final else await run_tool(use["name"], use["input"], cwd)
            )
            block = {"type": "tool_result", "tool_use_id": use["id"], "content": text}
            results.append(block | {"is_error": failed})
        messages += [
            {"role": "assistant", "content": reply["content"]},
            {"role": "user", "content": results},
        ]
        if final:
            result: Json = uses[0]["input"]
            return result
    raise AssertionError("no structured result after fifty turns")


def content(folder: Path) -> dict[str, bytes]:
    """What the folder's files hold, by name."""
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def agent_prompt(
    subtask: Mapping[str, Any], results: Mapping[str, Json], cwd: Path, *, request: str = ASK
) -> str:
    prerequisites = "".join(
        f'<result key="{key}" title="t">{html.escape(json.dumps(results[key]))}</result>'
        for key in subtask["dependencies"]
    )
    return (
        f'<task title="t">{html.escape(request)}</task>'
        f'<subtask key="{subtask["id"]}" attempt="1" title="t">d</subtask>'
        f"<workspace>\nworking directory: {cwd}\ncontext directory: {SAMPLE.parent}\n</workspace>"
        f"<prerequisites>{prerequisites}</prerequisites><context_files>"
        f'<file name="sales.csv" size="1" path="{SAMPLE}"/></context_files>'
    )


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
