"""The system's figures in words, and the rows that are drawn."""

import json
import re
from pathlib import Path

import pytest

from shared.models import Period
from shared.states import AttemptOutcome, FailureKind
from tests import system_records as records
from ui.figures import charts
from ui.figures import system_figures as figures

TONES = Path(__file__).parents[2] / "ui" / "graph" / "tones.css"


def test_every_kind_of_failure_and_every_period_has_words() -> None:
    assert set(figures.FAILURE_WORDS) == set(FailureKind)
    assert set(figures.PERIODS) == set(Period)
    assert len(set(figures.FAILURE_WORDS.values())) == len(FailureKind)


def test_colours_are_those_that_are_measured_and_have_signs_beside_them() -> None:
    measured = set(re.findall(r"--\w+: (#[0-9a-f]{6})", TONES.read_text("utf-8")))
    for colours in (figures.ENDINGS, figures.STANDINGS):
        assert set(colours.values()) <= measured
        assert len(set(colours.values())) == len(colours)
        assert len({name[0] for name in colours}) == len(colours)
        assert not any(name[0].isascii() for name in colours)


@pytest.mark.parametrize(
    ("count", "seconds", "words"),
    [
        (0, 60, "none"),
        (120, 60, "2.0 per second"),
        (6000, 60, "100 per second"),
        (30, 60, "30 per minute"),
        (51, 3600, "51 per hour"),
        (3, 86_400, "0.12 per hour"),
    ],
)
def test_a_rate_is_told_in_a_unit_one_can_picture(count: int, seconds: int, words: str) -> None:
    assert figures.rate(count, seconds) == words


def test_the_headline_tells_work_time_and_money() -> None:
    view = records.system()
    assert view.activity is not None
    told = {one.label: (one.value, one.note) for one in figures.headline(view, view.activity)}
    assert told == {
        "Tasks in work": ("3", "2 in progress, 1 planning"),
        "Running at once": ("3", "subtasks"),
        "Waiting for an agent": ("4", "longest 1 min 1 s"),
        "Tasks ended": ("3", "3.0 per hour"),
        "A task takes": ("1 min 14 s", "95 % within 3 min 20 s"),
        "Spent": ("$0.5000", "1.2M tokens, simulated"),
    }


def test_the_headline_of_a_quiet_hour_claims_nothing() -> None:
    quiet = records.activity()
    told = {one.label: (one.value, one.note) for one in figures.headline(records.system(), quiet)}
    assert told["Tasks ended"] == ("0", "none")
    assert told["A task takes"] == ("-", "none ended")
    assert told["Spent"] == ("$0.00", "0 tokens")
    unread = figures.headline(records.system(work=None), quiet)
    assert [one.label for one in unread] == ["Tasks ended", "A task takes", "Spent"]


def test_rows_cover_the_whole_period_and_lose_nothing() -> None:
    hour = records.busy_hour()
    attempts = figures.attempt_rows(hour)
    assert len({row["start"] for row in attempts}) == records.MOST
    totals = {ending: 0 for ending in figures.ENDINGS}
    for row in attempts:
        totals[row["kind"]] += row["count"]
    assert totals == {
        figures.COMPLETED: 9,
        figures.FAILED: 2,
        figures.LOST: 1,
        figures.STOPPED: 3,
    }
    tasks = figures.task_rows(hour)
    handed_in = [row["count"] for row in tasks if row["kind"] == figures.HANDED_IN]
    assert (len(handed_in), sum(handed_in)) == (records.MOST, 4)
    assert sum(row["count"] for row in tasks if row["kind"] == figures.COMPLETED) == 2
    assert sum(row["dollars"] for row in figures.cost_rows(hour)) == 0.5


def test_queues_of_one_need_are_one_bar_and_every_row_of_the_table() -> None:
    lanes = (
        records.lane("data_analysis", band="low", queued=2, oldest_seconds=90),
        records.lane("data_analysis", band="high", running=1),
        records.lane("data_analysis", "web_scraping", queued=1, oldest_seconds=3),
    )
    bars = {(row["needs"], row["standing"]): row["count"] for row in figures.lane_rows(lanes)}
    assert bars == {
        ("data analysis", figures.RUNNING): 1,
        ("data analysis", figures.WAITING): 2,
        ("data analysis, web scraping", figures.RUNNING): 0,
        ("data analysis, web scraping", figures.WAITING): 1,
    }
    table = figures.lane_table(lanes)
    assert [row["Needs (urgency)"] for row in table] == [
        "data analysis (high)",
        "data analysis, web scraping (normal)",
        "data analysis (low)",
    ]
    assert [row["Longest wait"] for row in table] == ["none", "3 s", "1 min 30 s"]


def test_the_slowest_and_the_most_frequent_come_first() -> None:
    hour = records.busy_hour()
    assert [row["capability"] for row in figures.duration_rows(hour)] == [
        "data analysis",
        "web scraping",
    ]
    assert [(row["kind"], row["count"]) for row in figures.failure_rows(hour)] == [
        ("Checks failed", 2),
        ("No valid plan", 1),
    ]


def test_losses_are_told_in_a_sentence() -> None:
    assert figures.losses(records.activity()) == (
        "No attempt was lost with an agent in the last hour."
    )
    hour = records.busy_hour()
    assert figures.outcome_total(hour, AttemptOutcome.LOST) == 1
    assert figures.losses(hour) == (
        "1 attempt was lost with an agent in the last hour, none given up."
    )
    poisoned = records.activity(
        {"attempts": {"lost": 3}}, failures=({"kind": "poison", "tasks": 0, "attempts": 1},)
    )
    assert figures.losses(poisoned).endswith("lost with an agent in the last hour, 1 given up.")


def test_samples_count_back_from_the_last_one_and_gaps_stay_gaps() -> None:
    samples = (
        records.sample(10),
        records.sample(40, transactions_per_second=None),
        records.sample(70, transactions_per_second=5.0),
    )
    assert figures.sample_rows(samples, "transactions_per_second") == [
        {"minutes": -1.0, "value": 21.0},
        {"minutes": 0.0, "value": 5.0},
    ]
    assert figures.sample_rows((), "lag_ms") == []
    view = records.system(samples=samples[:2])
    assert view.database is not None
    told = {one.label: one.value for one in figures.database_figures(view.database, view.samples)}
    assert told == {
        "Size": "11.4 MB",
        "Transactions": "21 per second",
        "Connections": "9 of 100",
    }
    assert [one.value for one in figures.process_figures(view)] == ["120 MB", "2 ms", "1 h 2 min"]
    assert figures.process_figures(records.system(samples=())) == []


def test_broken_rules_and_old_figures_are_told() -> None:
    assert figures.broken_rules({"two_open_attempts": 0}) == []
    assert figures.broken_rules({"two_open_attempts": 2}) == ["Two open attempts: 2"]
    assert figures.age_words(records.system()) == ""
    assert figures.age_words(records.system(age_seconds=75)) == (
        "These figures are 1 min 15 s old."
    )


def test_every_chart_draws_fields_that_its_rows_have() -> None:
    hour, view = records.busy_hour(), records.system()
    assert view.work is not None
    samples = figures.sample_rows(view.samples, "cpu_percent")
    drawn = [
        (charts.endings_chart(title="T", clock="%H", handed_in=True), figures.task_rows(hour)),
        (charts.endings_chart(title="T", clock="%H", handed_in=False), figures.attempt_rows(hour)),
        (charts.cost_chart(clock="%H"), figures.cost_rows(hour)),
        (charts.lanes_chart(), figures.lane_rows(view.work.lanes)),
        (charts.durations_chart(), figures.duration_rows(hour)),
        (charts.failures_chart(), figures.failure_rows(hour)),
        (charts.sample_chart(unit="%", top=50), samples),
        (charts.spark_chart(unit="%", top=50), samples),
    ]
    for spec, rows in drawn:  # made by altair, which validates it
        assert "data" not in spec
        fields = set(re.findall(r'"field": "([^"]+)"', json.dumps(spec)))
        assert fields
        assert all(fields <= row.keys() for row in rows)


@pytest.mark.parametrize(("highest", "top"), [(3, 50), (51, 100), (180, 200), (230, 300)])
def test_an_axis_ends_at_a_round_number(highest: float, top: float) -> None:
    assert charts.top_of([{"value": highest}], 50) == top
