"""Words, badges and rows."""

from decimal import Decimal

import pytest

from shared.models import AgentView, Artifact, AttemptView, Progress, Tokens
from shared.states import AttemptOutcome, SubtaskStatus, TaskStatus
from tests import ui_records as records
from ui import views


def test_every_status_has_a_badge_of_its_own() -> None:
    assert set(views.TASK_BADGES) == set(TaskStatus)
    assert set(views.SUBTASK_BADGES) == set(SubtaskStatus)
    for badges in (views.TASK_BADGES, views.SUBTASK_BADGES, views.AGENT_BADGES):
        labels = [badge.label for badge in badges.values()]
        assert len(set(labels)) == len(labels)


def test_every_agent_state_has_a_badge() -> None:
    states = AgentView.model_fields["state"].annotation.__args__  # type: ignore[union-attr]
    assert set(views.AGENT_BADGES) == set(states)


def test_a_failed_task_with_an_answer_is_partly_done() -> None:
    assert views.task_badge(records.task("failed", partial=True)).label == "Partly done"
    assert views.task_badge(records.task("failed")).label == "Failed"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "-"),
        (-3, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (360_000, "4 d 4 h"),
    ],
)
def test_durations_read_naturally(seconds: float | None, words: str) -> None:
    assert views.duration(seconds) == words


@pytest.mark.parametrize(
    ("dollars", "words"),
    [("0", "$0.00"), ("0.0213", "$0.0213"), ("1.239", "$1.24"), ("1234.5", "$1,234.50")],
)
def test_money(dollars: str, words: str) -> None:
    assert views.money(Decimal(dollars)) == words


def test_sizes_and_counts() -> None:
    assert [views.size(n) for n in (0, 1023, 1024, 52_428_800, 3 << 40)] == [
        "0 B",
        "1023 B",
        "1.0 kB",
        "50.0 MB",
        "3072.0 GB",
    ]
    assert [views.compact(n) for n in (950, 12_400, 3_100_000)] == ["950", "12.4k", "3.1M"]
    assert views.token_count(Tokens(input=1, output=2, cache_read=3, cache_write=4)) == 10


def test_text_from_elsewhere_cannot_steer_a_terminal_or_turn_a_line() -> None:
    hostile = "ok\x1b[31mred\x1b]0;title\x07\x9b2J\u202edesrever\r\x00\ttab\nline"
    assert views.plain(hostile) == "okred2Jdesrever\ttab\nline"
    assert views.one_line("a\n  b\t c") == "a b c"
    assert views.one_line("abcdef", 4) == "abc…"


@pytest.mark.parametrize(
    ("said", "sentence"), [("", ""), ("no such task", "No such task."), ("Why?", "Why?")]
)
def test_sentences(said: str, sentence: str) -> None:
    assert views.sentence(said) == sentence


def test_how_long_ago() -> None:
    at = records.later(7500)
    assert views.ago(records.START, at) == "2 h ago"
    assert views.ago(records.later(7495), at) == "just now"


def test_elapsed_runs_until_it_ends() -> None:
    assert views.elapsed(None, None, records.later(9)) is None
    assert views.elapsed(records.START, None, records.later(9)) == 9
    assert views.elapsed(records.START, records.later(4), records.later(9)) == 4
    assert views.elapsed(records.later(9), None, records.START) == 0


def test_the_tally_names_only_what_there_is() -> None:
    assert views.tally(Progress()) == "No plan yet"
    counts = Progress(total=8, completed=3, running=2, failed=1)
    assert views.tally(counts) == "3 of 8 done · 2 running · 1 failed"


def test_the_headline_says_what_is_going_on() -> None:
    one = records.subtask("load", "running")
    other = records.subtask("fetch", "running", agent_id="agent-2")
    stuck = records.subtask("web", "queued", waiting="No agent offers web scraping.")
    assert views.headline(records.task("in_progress", one)) == "1 agent at work."
    assert views.headline(records.task("in_progress", one, other)) == "2 agents at work."
    assert views.headline(records.task("in_progress", stuck)) == "No agent offers web scraping."
    assert views.headline(records.task("in_progress")).startswith("Waiting")
    stopping = records.task("in_progress", one, cancel_requested=True)
    assert views.headline(stopping).startswith("Stopping")
    for status in set(TaskStatus) - {TaskStatus.IN_PROGRESS}:
        assert views.headline(records.task(status))


def test_what_is_worth_a_look_comes_first() -> None:
    done, failed = records.subtask("a", "completed"), records.subtask("b", "failed")
    runs, waits = records.subtask("c", "running"), records.subtask("d")
    assert views.worth_a_look(records.task("in_progress", done, runs, waits, failed)) == failed
    assert views.worth_a_look(records.task("in_progress", done, waits, runs)) == runs
    assert views.worth_a_look(records.task("completed", done)) == done
    assert views.worth_a_look(records.task("planning")) is None


def test_the_longest_running_subtask_comes_first() -> None:
    young = records.subtask("young", "running", started_at=records.later(30))
    old = records.subtask("old", "running", started_at=records.later(3))
    task = records.task("in_progress", young, records.subtask("x"), old)
    assert [one.key for one in views.running(task)] == ["old", "young"]


def test_tries_tell_losses_and_retries() -> None:
    assert views.tries(records.subtask("a")) == "Not tried yet"
    again = records.subtask("a", "running", attempt=3, losses=1, retries=1)
    assert views.tries(again) == "Attempt 3 · 1 lost with an agent · 1 by hand"


def test_earlier_attempts_are_told_newest_first() -> None:
    load = records.subtask("load", "running", attempt=3)

    def tried(number: int, outcome: AttemptOutcome | None, key: str = "load") -> AttemptView:
        return AttemptView(
            subtask_id=records.subtask_id(key),
            attempt=number,
            agent_id="agent-1",
            claimed_at=records.START,
            finished_at=records.later(5) if outcome else None,
            outcome=outcome,
            failure_kind=None,
            error="exit 1\nand all it printed" if outcome is AttemptOutcome.FAILED else None,
        )

    attempts = (
        tried(1, AttemptOutcome.LOST),
        tried(2, AttemptOutcome.FAILED),
        tried(3, None),
        tried(1, AttemptOutcome.COMPLETED, "other"),
    )
    assert views.earlier(attempts, load) == [
        "Attempt 2 · agent-1 · failed · 5 s · exit 1",
        "Attempt 1 · agent-1 · lost · 5 s",
    ]


def made(path: str, sha256: str, media_type: str = "text/csv", size: int = 9) -> Artifact:
    return Artifact(
        path=path,
        name=path.rpartition("/")[2],
        size=size,
        sha256=sha256,
        media_type=media_type,
        subtask_id=records.subtask_id("load"),
        subtask_key="load",
        attempt=1,
    )


def test_the_last_files_come_first_and_copies_only_once() -> None:
    chart, copy = made("charts/a.png", "1"), made("report/a.png", "1")
    twin = made("charts/b.png", "1")
    listed = views.distinct_files((chart, twin, made("x/c.csv", "2"), copy))
    assert [one.path for one in listed] == ["report/a.png", "x/c.csv", "charts/b.png"]


def test_only_small_images_that_cannot_carry_script_are_pictures() -> None:
    files = (
        made("a.png", "1", "image/png"),
        made("b.svg", "2", "image/svg+xml"),
        made("c.png", "3", "image/png", size=50 << 20),
        made("d.html", "4", "text/html"),
        made("e.jpg", "5", "image/jpeg"),
    )
    assert [one.path for one in views.pictures(files)] == ["e.jpg", "a.png"]
