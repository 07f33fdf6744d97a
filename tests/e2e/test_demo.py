"""The sales demo through the whole system, every figure computed again from the sample itself."""

import csv
import hashlib
import io
import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from scripts.demo import DESCRIPTION, SAMPLE, TITLE
from shared.models import AttemptView, SubtaskResult, TaskView
from shared.states import SubtaskStatus, TaskStatus
from tests.e2e.following import by_key, picture, the_end
from tests.e2e.stack_world import ModelRequests, Stack
from ui.client import AsyncQuintetClient, Upload

CENT = Decimal("0.01")
PNG = b"\x89PNG\r\n\x1a\n"
KEYS = {"inspect", "clean", "totals", "margins", "charts", "crosscheck", "report"}


@dataclass
class Expected:
    """What the sample says, in exact decimals."""

    rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    units: int = 0
    months: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    regions: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    products: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    costs: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    orders: Counter[str] = field(default_factory=Counter)

    @property
    def revenue(self) -> Decimal:
        return sum(self.products.values(), Decimal())

    @property
    def margin(self) -> Decimal:
        return self.revenue - sum(self.costs.values(), Decimal())


def expected_of(sample: Path) -> Expected:
    """Recompute everything without a line of what the agents ran."""
    found = Expected()
    seen = set()
    for line in csv.reader(sample.read_text("utf-8").splitlines()[1:]):
        found.rows += 1
        reason = "duplicate" if tuple(line) in seen else reason_against(line)
        seen.add(tuple(line))
        if reason:
            found.rejected[reason] += 1
            continue
        day, region, product, quantity, price, cost, _ = (cell.strip() for cell in line)
        moment = day_of(day)
        assert moment is not None
        earned = int(quantity) * Decimal(price.removeprefix("$"))
        found.kept += 1
        found.units += int(quantity)
        found.months[f"{moment:%Y-%m}"] += earned
        found.orders[f"{moment:%Y-%m}"] += 1
        found.regions[region.capitalize()] += earned
        found.products[product] += earned
        found.costs[product] += int(quantity) * Decimal(cost)
    return found


def reason_against(line: list[str]) -> str | None:
    columns = ("date", "region", "product", "quantity", "unit_price", "unit_cost")
    for name, cell in zip(columns, line, strict=False):
        if not cell.strip():
            return f"missing {name}"
    if day_of(line[0]) is None:
        return "unreadable date"
    return "negative quantity" if line[3].lstrip().startswith("-") else None


def day_of(text: str) -> date | None:
    for pattern in ("%Y-%m-%d", "%d/%m/%Y", "%b %d, %Y"):
        try:
            return datetime.strptime(text.strip(), pattern).date()
        except ValueError:
            continue
    return None


@dataclass(frozen=True)
class Finished:
    """The demo after its end, with everything that it left."""

    task: TaskView
    results: dict[str, SubtaskResult]
    attempts: tuple[AttemptView, ...]
    files: dict[str, bytes]
    expected: Expected

    def load(self, path: str) -> Any:
        return json.loads(self.files[path], parse_float=Decimal)

    def rows(self, path: str) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.files[path].decode())))


@pytest.fixture(scope="module")
def remembered() -> dict[str, Finished]:
    """The demo runs once for all tests of this file."""
    return {}


@pytest.fixture
async def demo(quintet: AsyncQuintetClient, remembered: dict[str, Finished]) -> Finished:
    if "demo" not in remembered:
        remembered["demo"] = await run_demo(quintet)
    return remembered["demo"]


async def run_demo(quintet: AsyncQuintetClient) -> Finished:
    upload = Upload(SAMPLE.name, SAMPLE.read_bytes(), "text/csv")
    task_id = (await quintet.submit(DESCRIPTION, title=TITLE, files=[upload])).id
    task = await the_end(quintet, task_id)
    assert task.status is TaskStatus.COMPLETED, picture(task)
    detail = await quintet.task(task_id)
    files = {}
    for artifact in await quintet.artifacts(task_id):
        content = await quintet.artifact(task_id, artifact.path)
        assert len(content) == artifact.size
        assert hashlib.sha256(content).hexdigest() == artifact.sha256
        files[f"{artifact.subtask_key}/{artifact.name}"] = content
    return Finished(
        task=detail.task,
        results={result.key: result for result in detail.subtask_results},
        attempts=await quintet.attempts(task_id),
        files=files,
        expected=expected_of(SAMPLE),
    )


def near(said: Any, own: Decimal) -> bool:
    """Equal to the cent; the agents compute in floating point and round."""
    return abs(Decimal(str(said)) - own) < CENT


def test_every_row_is_accounted_for(demo: Finished) -> None:
    own, said = demo.expected, demo.results["clean"].output
    assert own.kept + own.rejected.total() == own.rows > 600
    assert (said["rows_in"], said["rows_kept"]) == (own.rows, own.kept)
    assert said["rows_rejected"] == own.rejected.total()
    assert said["reasons"] == dict(own.rejected)
    assert len(demo.rows("clean/clean.csv")) == own.kept
    reasons = Counter(row["reason"] for row in demo.rows("clean/rejected.csv"))
    assert reasons == own.rejected


def test_totals_are_those_of_the_sample(demo: Finished) -> None:
    own, totals = demo.expected, demo.load("totals/totals.json")
    assert near(totals["revenue"], own.revenue)
    assert totals["units"] == own.units
    assert totals["best_month"] == max(own.months, key=lambda month: own.months[month])
    months = demo.rows("totals/monthly.csv")
    assert [row["month"] for row in months] == sorted(own.months)
    assert all(near(row["revenue"], own.months[row["month"]]) for row in months)
    assert {row["month"]: int(row["orders"]) for row in months} == dict(own.orders)
    regions = demo.rows("totals/regions.csv")
    assert {row["region"] for row in regions} == set(own.regions)
    assert all(near(row["revenue"], own.regions[row["region"]]) for row in regions)


def test_margins_are_those_of_the_sample(demo: Finished) -> None:
    own, margins = demo.expected, demo.load("margins/margins.json")
    assert near(margins["margin"], own.margin)
    assert {line["product"] for line in margins["products"]} == set(own.products)
    for line in margins["products"]:
        earned, cost = own.products[line["product"]], own.costs[line["product"]]
        assert near(line["revenue"], earned)
        assert near(line["margin"], earned - cost)
        assert abs(line["margin_percent"] - 100 * (earned - cost) / earned) <= Decimal("0.051")
    gains = {name: own.products[name] - own.costs[name] for name in own.products}
    assert margins["best_product"] == max(gains, key=lambda name: gains[name])
    crosscheck = demo.load("crosscheck/crosscheck.json")
    assert crosscheck["mismatches"] == 0
    counted = 1 + len(own.months) + len(own.regions) + 2 * len(own.products)
    assert crosscheck["figures_checked"] == counted


def test_the_report_and_the_answer_tell_the_figures(demo: Finished) -> None:
    own, report = demo.expected, demo.files["report/report.md"].decode()
    answer = demo.task.answer or ""
    for figure in (f"{own.revenue:,.2f}", f"{own.units:,}", f"{own.margin:,.2f}"):
        assert figure in report
    assert f"{own.revenue:,.2f}" in answer
    assert f"{own.margin:,.2f}" in answer
    assert "Simulated model" in answer
    charts = [content for path, content in demo.files.items() if path.endswith(".png")]
    assert len(charts) == 4
    assert all(content.startswith(PNG) and len(content) > 10_000 for content in charts)


def test_several_agents_worked_at_the_same_time(demo: Finished) -> None:
    done = by_key(demo.task)
    assert set(done) == KEYS
    assert {each.status for each in done.values()} == {SubtaskStatus.COMPLETED}
    assert len({each.agent_id for each in done.values()}) >= 4
    overlapping = [
        (one.subtask_id, other.subtask_id)
        for one, other in combinations(demo.attempts, 2)
        if one.subtask_id != other.subtask_id and _overlap(one, other)
    ]
    assert len(overlapping) >= 2
    for each in done.values():
        for key in each.dependencies:
            before = done[key].finished_at
            assert before is not None
            assert each.started_at is not None
            assert before <= each.started_at


def test_everything_has_its_price_and_says_that_it_is_simulated(demo: Finished) -> None:
    assert demo.task.simulated
    for each in demo.task.subtasks:
        assert each.cost_usd > 0
        assert each.tokens.output > 0
        assert each.tokens.input + each.tokens.cache_write + each.tokens.cache_read > 0
    # The plan and the answer cost something, too.
    assert demo.task.cost_usd > sum(each.cost_usd for each in demo.task.subtasks)


async def test_a_dependent_is_told_what_came_before(
    demo: Finished, stack: Stack, model: ModelRequests
) -> None:
    asked = await model.bodies_about(str(demo.task.id))
    for subtask in demo.task.subtasks:
        prompts = [body for body in asked if f'subtask key=\\"{subtask.key}\\"' in body]
        assert prompts, f"the model was never asked about {subtask.key}"
        for key in subtask.dependencies:
            summary = json.dumps(demo.results[key].summary)[1:-1]
            assert summary in prompts[0], f"{subtask.key} was not told the summary of {key}"
            assert all(f"/{file.path}" in prompts[0] for file in demo.results[key].files)
        sample = stack.folder / "files" / str(demo.task.id) / "context" / SAMPLE.name
        assert str(sample) in prompts[0]
        assert sample.read_bytes() == SAMPLE.read_bytes()


def _overlap(one: AttemptView, other: AttemptView) -> bool:
    """Whether both ran at some moment; all times are the database's."""
    assert one.finished_at is not None
    assert other.finished_at is not None
    return one.claimed_at < other.finished_at and other.claimed_at < one.finished_at
