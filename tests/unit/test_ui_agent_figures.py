"""Agents in words."""

from datetime import timedelta

import pytest

from shared.models import AgentTotals
from shared.states import AttemptOutcome
from tests import system_records as records
from ui.figures import agent_figures as figures

LATER = records.BEGAN + timedelta(minutes=3)


def test_every_outcome_has_a_badge_of_its_own() -> None:
    assert set(figures.ATTEMPT_BADGES) == {None, *AttemptOutcome}
    for part in ("label", "icon", "sign"):
        assert len({getattr(one, part) for one in figures.ATTEMPT_BADGES.values()}) == 6


def test_the_fleet_counts_only_who_is_here() -> None:
    agents = (
        records.agent("a"),
        records.agent("b", state="full", running=("x", "y"), memory_mb=700),
        records.agent("c", state="silent", available=False),
        records.agent("d", state="draining", available=False, running=("z",)),
    )
    told = {one.label: (one.value, one.note) for one in figures.fleet_figures(agents)}
    assert told == {
        "Agents here": ("3 of 4", "1 silent"),
        "Slots in use": ("4 of 4", "0 free"),
        "CPU": ("125 %", "100 % is one core"),
        "Memory": ("1.7 GB", "all agents"),
    }


@pytest.mark.parametrize(
    ("state", "age", "words"),
    [
        ("working", 9.0, ""),
        ("working", 22.0, "Late: last heard of 22 s ago."),
        ("silent", 75.0, "Last heard of 1 min 15 s ago. Its work moves to another agent."),
        ("idle", None, ""),
    ],
)
def test_an_agent_that_is_not_heard_of_is_told_of(
    state: str, age: float | None, words: str
) -> None:
    assert figures.beat_words(records.agent(state=state, seconds_since_beat=age)) == words


def test_load_is_slots_in_use() -> None:
    assert figures.load(records.agent()) == 0.5
    assert figures.load_words(records.agent()) == "1 of 2 slots in use"
    assert figures.load(records.agent(slots=1, running=("a", "b"))) == 1.0
    assert figures.load(records.agent(slots=0)) == 0.0


def test_what_runs_longest_comes_first() -> None:
    held = figures.by_agent(
        [records.work("a"), records.work("b"), records.work("a", running_seconds=200)]
    )
    assert [one.running_seconds for one in held["a"]] == [200, 65]
    assert set(held) == {"a", "b"}
    assert figures.work_facts(held["b"][0]) == "Sales by region · for 1 min 5 s · attempt 2"
    assert "attempt" not in figures.work_facts(records.work(attempt=1))


def test_what_it_did_since_its_start() -> None:
    assert figures.since_start(records.agent(), LATER) == "7 completed · 1 failed · up for 3 min"
    assert figures.since_start(records.agent(started_at=None), LATER) == "7 completed · 1 failed"


def test_sparks_count_back_from_the_last_sample() -> None:
    rows = figures.spark_rows(records.agent().samples, "cpu_percent")
    assert rows == [
        {"minutes": -0.5, "value": 5.0},
        {"minutes": -0.33, "value": 15.0},
        {"minutes": 0.0, "value": 35.0},
    ]
    assert figures.spark_rows((), "cpu_percent") == []


def test_the_last_day_is_told_and_an_empty_one_claims_nothing() -> None:
    told = {one.label: (one.value, one.note) for one in figures.day_figures(_totals())}
    assert told["Completed"] == ("9", "90 % of those judged")
    assert told["Failed"] == ("1", "1 lost")
    assert told["An attempt takes"] == ("20 s", "on average")
    empty = {one.label: (one.value, one.note) for one in figures.day_figures(AgentTotals())}
    assert empty["Completed"] == ("0", "none yet")
    assert empty["An attempt takes"][0] == "-"


def _totals() -> AgentTotals:
    return records.history().last_day


def test_an_attempt_is_told_on_two_lines() -> None:
    done = records.attempt()
    assert figures.attempt_facts(done, LATER) == "3 min ago · 12 s · $0.0213 simulated · attempt 1"
    assert figures.failure_words(done) == ""
    assert figures.attempt_facts(records.attempt(None), LATER) == "3 min ago · 12 s · attempt 1"
    failed = records.attempt("failed", failure_kind="checks", error="exit 1\nmore")
    assert figures.failure_words(failed) == "Checks failed: exit 1"
