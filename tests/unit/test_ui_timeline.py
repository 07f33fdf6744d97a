"""The rows and bars of the timeline."""

from typing import Any

from shared.models import AttemptView, TaskView
from shared.states import AttemptOutcome
from tests import ui_records as records
from ui.plan.timeline import MOST_TICKS, timeline_of

AT = records.later(100)


def attempt(key: str, number: int, begin: float, end: float | None, outcome: str | None) -> Any:
    return AttemptView(
        subtask_id=records.subtask_id(key),
        attempt=number,
        agent_id=f"agent-{number}",
        claimed_at=records.later(begin),
        finished_at=records.later(end) if end is not None else None,
        outcome=AttemptOutcome(outcome) if outcome else None,
        failure_kind=None,
        error=None,
    )


def bars(task: TaskView, *attempts: AttemptView) -> dict[str, list[tuple[str, float, float]]]:
    data = timeline_of(task, AT, attempts)
    return {
        row["key"]: [(bar["kind"], bar["left"], bar["width"]) for bar in row["bars"]]
        for row in data["rows"]
    }


def test_waiting_stands_before_running_as_a_share_of_the_whole() -> None:
    task = records.task(
        "in_progress",
        records.subtask("load", "completed", queued_at=records.later(5)),
        records.subtask("chart", "queued", "load", queued_at=records.later(60)),
        records.subtask("store", "running", "load", queued_at=records.later(22)),
        records.subtask("report", "pending", "chart"),
    )
    assert bars(task) == {
        "load": [("waiting", 5, 5), ("completed", 10, 12)],
        "store": [("running", 10, 90)],
        "chart": [("waiting", 60, 40)],
    }
    assert timeline_of(task, AT)["rest"] == "1 more has not been queued yet."


def test_an_attempt_that_was_heard_of_before_it_ended_is_not_drawn_as_running() -> None:
    done = records.subtask("load", "completed", queued_at=records.later(5))
    ended = records.task("in_progress", done)
    stale = attempt("load", 1, 10, None, None)
    assert bars(ended, stale)["load"] == [("waiting", 22.73, 22.73), ("completed", 45.45, 54.55)]
    again = records.subtask("load", "running", attempt=2, started_at=records.later(60))
    assert bars(records.task("in_progress", again), stale)["load"] == [("running", 60, 40)]
    under_way = records.task("in_progress", records.subtask("load", "running"))
    assert bars(under_way, stale)["load"] == [("running", 10, 90)]


def test_every_attempt_has_its_bar() -> None:
    task = records.task(
        "in_progress",
        records.subtask(
            "load",
            "running",
            attempt=3,
            queued_at=records.later(70),
            started_at=records.later(80),
        ),
    )
    tries = (
        attempt("load", 2, 30, 60, "failed"),
        attempt("load", 1, 10, 20, "lost"),
        attempt("load", 3, 80, None, None),
        attempt("other", 1, 0, 5, "completed"),
    )
    assert bars(task, *tries) == {
        "load": [
            ("lost", 10, 10),
            ("waiting", 20, 10),
            ("failed", 30, 30),
            ("waiting", 70, 10),
            ("running", 80, 20),
        ]
    }
    (row,) = timeline_of(task, AT, tries)["rows"]
    assert row["note"] == "ran 1 min · waited 20 s · attempt 3"
    assert [bar["words"] for bar in row["bars"]][2] == "Attempt 2 · failed · agent-2 · 30 s"


def test_corrections_and_the_critical_path_are_told() -> None:
    corrected = records.verification(
        "verified", {"doubt": "checks"}, {}, corrections=[records.correction(1, "checks", "passed")]
    )
    task = records.task(
        "completed",
        records.subtask("load", "completed", verification=corrected),
        records.subtask("aside", "completed", finished_at=records.later(12)),
    )
    data = timeline_of(task, AT)
    load, aside = data["rows"]
    assert (load["critical"], aside["critical"]) == (True, False)
    assert load["label"] == (
        "Title of load, completed, ran 12 s, 1 correction, on the critical path"
    )
    assert data["sentence"].startswith("The longest chain: load, 12 s;")
    assert [sign["label"] for sign in data["legend"] if sign["shown"]] == ["Completed"]


def test_a_task_that_has_not_begun_says_so() -> None:
    data = timeline_of(records.task("planning"), AT)
    assert (data["rows"], data["sentence"], data["critical"]) == ([], "", False)
    assert data["rest"] == "Nothing has been queued yet."


def test_the_axis_has_a_few_round_moments() -> None:
    for seconds in (1, 7, 59, 61, 3_599, 90_000, 9_000_000):
        end = records.later(seconds)
        one = records.subtask("a", "completed", started_at=records.START, finished_at=end)
        ticks = timeline_of(records.task("completed", one), end)["ticks"]
        assert 1 < len(ticks) <= MOST_TICKS + 1
        assert ticks[0] == {"at": 0, "label": "0 s"}
        assert ticks[-1]["at"] <= 100
    assert [tick["label"] for tick in ticks][:2] != ["0 s", "0 s"]
