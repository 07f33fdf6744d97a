"""The sales scenario's real work, its tool calls run as the agent's client would run them."""

import asyncio
import csv
import html
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.claude_simulator.scenario import load_scenarios

SAMPLE = Path(__file__).parents[2] / "scripts" / "sample" / "sales.csv"
ASK = "What do our sales say? Write a report with charts."
AGENT_TOOLS = ("Write", "Bash", "mcp__quintet__share_data", "StructuredOutput")

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


async def ask_for(model: httpx.AsyncClient, field: str, prompt: str) -> Json:
    schema = {"type": "object", "properties": {field: {}}}
    form = {"format": {"type": "json_schema", "schema": schema}}
    reply = await ask(model, [{"role": "user", "content": prompt}], output_config=form)
    value: Json = json.loads(reply["content"][0]["text"])
    return value


async def run_tool(name: str, arguments: Json, cwd: Path) -> tuple[str, bool]:
    """The tool's output and whether it failed."""
    if name == "Write":
        await asyncio.to_thread(Path(arguments["file_path"]).write_text, arguments["content"])
        return "File created successfully", False
    if name != "Bash":
        return f"{name} is out of order", True
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        arguments["command"],
        cwd=cwd,
        env={"PATH": path},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    return output.decode(), process.returncode != 0


async def work(
    model: httpx.AsyncClient, prompt: str, cwd: Path, tools: tuple[str, ...] = AGENT_TOOLS
) -> Json:
    """Run one agent's conversation to its structured result."""
    messages: list[Json] = [{"role": "user", "content": prompt}]
    offered = [{"name": name, "input_schema": {"type": "object"}} for name in tools]
    for _ in range(10):
        reply = await ask(model, messages, tools=offered)
        uses = [block for block in reply["content"] if block["type"] == "tool_use"]
        if uses[0]["name"] == "StructuredOutput":
            result: Json = uses[0]["input"]
            return result
        results = []
        for use in uses:
            text, failed = await run_tool(use["name"], use["input"], cwd)
            block = {"type": "tool_result", "tool_use_id": use["id"], "content": text}
            results.append(block | {"is_error": failed})
        messages += [
            {"role": "assistant", "content": reply["content"]},
            {"role": "user", "content": results},
        ]
    raise AssertionError("no structured result after ten turns")


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


async def carry_out(model: httpx.AsyncClient, folder: Path) -> dict[str, Json]:
    """Plan and run every subtask; results by key, files as absolute paths."""
    prompt = (
        f'<request>{ASK}</request><context_files><file name="sales.csv" size="1"/></context_files>'
    )
    plan = await ask_for(model, "subtasks", prompt)
    results: dict[str, Json] = {}
    for subtask in plan["subtasks"]:
        cwd = folder / subtask["id"]
        cwd.mkdir()
        result = await work(model, agent_prompt(subtask, results, cwd), cwd)
        assert not result["failed"], result["reason"]
        assert all((cwd / check["path"]).stat().st_size for check in subtask["checks"])
        results[subtask["id"]] = result | {"files": [str(cwd / name) for name in result["files"]]}
    return results


def written(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def parsed_day(text: str) -> date | None:
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    return None


def revenue_by_month() -> dict[str, float]:
    """The sample's revenue, computed here without the scenario's programs."""
    with SAMPLE.open(newline="") as file:
        rows = {tuple(row): None for row in csv.reader(file)}
    months: dict[str, float] = {}
    for day, region, _, quantity, price, _, _ in list(rows)[1:]:
        when = parsed_day(day)
        if when and region and price and quantity and int(quantity) > 0:
            month = when.isoformat()[:7]
            months[month] = months.get(month, 0) + int(quantity) * float(price.lstrip("$"))
    return {month: round(revenue, 2) for month, revenue in months.items()}


async def test_numbers_charts_and_report_are_real(model: httpx.AsyncClient, tmp_path: Path) -> None:
    results = await carry_out(model, tmp_path)
    expected = revenue_by_month()
    totals = results["totals"]["output"]
    found = {month["month"]: month["revenue"] for month in totals["months"]}
    assert found == pytest.approx(expected, abs=0.02)
    assert totals["revenue"] == pytest.approx(sum(expected.values()), abs=0.1)
    assert results["clean"]["output"]["rows_rejected"] == 41
    assert results["crosscheck"]["output"]["mismatches"] == 0
    for name in ("charts/monthly_revenue.png", "charts/product_margins.png"):
        assert (tmp_path / name).read_bytes().startswith(b"\x89PNG")
    report = (tmp_path / "report" / "report.md").read_text()
    assert f"**{totals['revenue']:,.2f}**" in report
    assert "(monthly_revenue.png)" in report
    assert "price and cost of Espresso Machine" in report

    told = "".join(
        f'<result key="{key}" title="t" status="completed">{html.escape(json.dumps(each))}</result>'
        for key, each in results.items()
    )
    prompt = f"<request>{ASK}</request><results>{told}</results>"
    answer = await ask_for(model, "answer", prompt)
    assert answer["answer"].startswith("> Simulated model: ")
    assert f"**{totals['revenue']:,.2f}**" in answer["answer"]
    assert answer["result"]["best_month"] == max(expected, key=lambda month: expected[month])


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


@pytest.mark.parametrize("name", [each.name for each in load_scenarios() if each.name != "sales"])
async def test_first_subtask_runs(model: httpx.AsyncClient, tmp_path: Path, name: str) -> None:
    scenario = next(each for each in load_scenarios() if each.name == name)
    request = " ".join(group[0] for group in scenario.match.words)
    subtask = {"id": scenario.plan.subtasks[0].id, "dependencies": []}
    result = await work(model, agent_prompt(subtask, {}, tmp_path, request=request), tmp_path)
    assert not result["failed"], result["reason"]
    assert all((tmp_path / file).stat().st_size for file in result["files"])


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
    assert not any(path.suffix == ".csv" for path in written(tmp_path))


async def test_result_sent_back_is_corrected(model: httpx.AsyncClient, tmp_path: Path) -> None:
    subtask = {"id": "letter", "dependencies": []}
    prompt = agent_prompt(subtask, {}, tmp_path, request="A second try")
    await work(model, prompt, tmp_path)
    assert [path.name for path in written(tmp_path)] == ["draft.md"]
    sent_back: list[Json] = [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": [use("1", "Write")]},
        {"role": "user", "content": [done("1")]},
        {"role": "assistant", "content": [use("2", "StructuredOutput")]},
        {"role": "user", "content": [done("2"), {"type": "text", "text": "letter.md is missing"}]},
    ]
    tools = [{"name": name, "input_schema": {"type": "object"}} for name in AGENT_TOOLS]
    reply = await ask(model, sent_back, tools=tools)
    call = reply["content"][-1]
    assert call["name"] == "Write"
    assert call["input"]["file_path"] == f"{tmp_path}/letter.md"


def use(number: str, name: str) -> Json:
    return {"type": "tool_use", "id": number, "name": name, "input": {}}


def done(number: str) -> Json:
    return {"type": "tool_result", "tool_use_id": number, "content": "done"}
