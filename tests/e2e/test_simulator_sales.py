"""The sales scenario's real work, its tool calls run as the agent's client would run them."""

import csv
import html
import json
import re
from collections.abc import AsyncIterator
from datetime import date, datetime
from pathlib import Path

import httpx
import pytest

from tests.simulator_world import ASK, SAMPLE, Json, agent_prompt, ask, work


@pytest.fixture
async def model(simulator_url: str) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"x-api-key": "k"}
    async with httpx.AsyncClient(base_url=simulator_url, headers=headers, timeout=10) as client:
        yield client


async def ask_for(model: httpx.AsyncClient, field: str, prompt: str) -> Json:
    schema = {"type": "object", "properties": {field: {}}}
    form = {"format": {"type": "json_schema", "schema": schema}}
    reply = await ask(model, [{"role": "user", "content": prompt}], output_config=form)
    value: Json = json.loads(reply["content"][0]["text"])
    return value


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


def only_cents(text: str) -> bool:
    """Whether every fraction has two decimals; some of the sample's figures end in a zero."""
    return {len(digits) for digits in re.findall(r"\d\.(\d+)\b", text)} == {2}


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
    assert only_cents(report) and only_cents(answer["answer"])
    assert answer["result"]["best_month"] == max(expected, key=lambda month: expected[month])
