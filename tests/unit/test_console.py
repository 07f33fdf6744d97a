"""Records on a terminal: what they say, and that foreign text cannot do harm there."""

import io
import re
from decimal import Decimal

import pytest
from rich.console import Console, RenderableType

from shared.models import (
    AgentView,
    BlockedPart,
    Capability,
    FieldChange,
    LogEntry,
    PlanComparison,
    RerunPart,
    RerunPreview,
    SubtaskChange,
    SubtaskView,
    TaskPage,
)
from shared.states import SubtaskStatus
from tests import ui_records as records
from tests.cli_world import HASH, version
from tests.ledger_world import plan_of, planned
from ui.cli import console, console_live, console_plan
from ui.cli.console_tree import PlanTree, row_of
from ui.cli.following import Standing

EVIL = "[red]x[/red]\x1b[2J\u202e"


def painted(renderable: RenderableType, width: int = 100) -> str:
    screen = Console(file=io.StringIO(), width=width, color_system=None)
    screen.print(renderable)
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def tree(*subtasks: SubtaskView, most_lines: int | None = None, width: int = 100) -> list[str]:
    rows = [row_of(subtask, records.later(60)) for subtask in subtasks]
    return painted(PlanTree(rows, most_lines), width).splitlines()


def test_the_plan_is_a_tree_of_what_waits_for_what() -> None:
    lines = tree(
        records.subtask("load", "completed", evidence="verified", cost_usd="0.0021"),
        records.subtask("sum", "running", "load"),
        records.subtask("trend", "queued", "load", waiting="No agent is free."),
        records.subtask("report", "pending", "sum", "trend"),
    )
    assert [line.rstrip() for line in lines] == [
        "✓ Completed  Title of load  load  agent-1 · 12 s · ✓ verified · $0.0021",
        "├─ ▶ Running  Title of sum  sum",
        "│    ━━━━━━━━━━━━━───  agent-1 · 50 s of about 1 min",
        "│  └─ ◌ Waiting  Title of report  report  also after trend",
        "└─ ◔ Queued  Title of trend  trend  No agent is free.",
    ]


def test_a_narrow_terminal_gets_two_lines_and_the_estimate_can_be_exceeded() -> None:
    (first, second) = tree(records.subtask("load", "completed", evidence="verified"), width=40)
    assert (first.rstrip(), second.rstrip()) == (
        "✓ Completed  Title of load  load",
        "  agent-1 · 12 s · ✓ verified",
    )
    late = tree(records.subtask("slow", "running", estimated_duration=10, cancel_requested=True))
    assert late[1].strip() == "━━━━━━━━━━━━━━━━  agent-1 · 50 s of about 10 s · being stopped"


def test_a_large_plan_shows_what_moves_and_counts_the_rest() -> None:
    done = [records.subtask(f"done-{n}", "completed", *([f"done-{n - 1}"] if n else []))
            for n in range(30)]  # fmt: skip
    busy = records.subtask("busy", "running", "done-29")
    lines = tree(*done, busy, most_lines=6)
    assert len(lines) <= 6
    assert any("Title of busy" in line for line in lines)
    assert any("after done-29" in line for line in lines)
    assert lines[-1].startswith("… and ")
    assert lines[-1].endswith("completed more")


@pytest.mark.parametrize("height", [10, 24, 60])
def test_the_picture_is_as_high_as_the_terminal_at_most(height: int) -> None:
    subtasks = [records.subtask(f"s{n}", "running") for n in range(80)]
    entries = [records.log_entry(n, f"line {n}") for n in range(90)]
    standing = Standing(records.detail(records.task("in_progress", *subtasks)))
    tail = console_live.Tail("s1", entries)
    picture = console_live.picture(standing, records.later(60), height, tail)
    assert len(painted(picture).splitlines()) <= max(height, 16)
    assert "line 89" in painted(picture)


def test_a_plan_that_waits_says_how_to_approve_it() -> None:
    waiting = records.task("awaiting_approval", plan_hash=HASH)
    proposed = version(plan_of(planned("load"), planned("sum", "load")))
    standing = Standing(records.detail(waiting), plan=proposed)
    text = painted(console_live.picture(standing, records.later(5), 40, None), width=200)
    name = str(waiting.id)[:8]
    assert f"quintet approve {name} --hash {HASH[:12]}" in text
    assert "└─ ◌ Planned  Sum" in text
    (_, line) = console_live.changes(None, standing)
    assert f"quintet approve {name} --hash {HASH[:12]}" in line.plain


def test_lines_tell_only_what_changed() -> None:
    load = records.subtask("load", "running")
    before = Standing(records.detail(records.task("in_progress", load)))
    assert [line.plain[10:] for line in console_live.changes(None, before)][1].startswith(
        "▶ Running  Title of load  load"
    )
    assert console_live.changes(before, before) == []
    done = records.subtask("load", "completed")
    after = Standing(records.detail(records.task("in_progress", done)))
    (line,) = console_live.changes(before, after)
    assert "✓ Completed  Title of load" in line.plain
    away = Standing(before.detail, away_seconds=3)
    assert [line.plain[10:] for line in console_live.changes(before, away)] == [
        "The service does not answer; trying again."
    ]
    assert [line.plain[10:] for line in console_live.changes(away, before)] == ["It is back."]
    paused = Standing(
        records.detail(records.task("in_progress", load, paused_reason="user", simulated=True))
    )
    (line,) = console_live.changes(before, paused)
    assert "paused" in line.plain
    assert "Simulated model" in line.plain


def test_foreign_text_is_neither_markup_nor_terminal_control() -> None:
    view = records.task(
        "failed",
        records.subtask("load", "failed", title=EVIL, error="\x1b]0;t\x07[b]e"),
        answer="hello\x1b[2J [link](http://evil.example)",
        error="[/nonsense]",
    )
    plan = plan_of(planned("a", title=EVIL, description=EVIL, expected_output=EVIL))
    change = SubtaskChange(
        id="a", kind="changed", title=EVIL,
        fields=(FieldChange(field="description", before=EVIL, after=EVIL),),
    )  # fmt: skip
    compared = PlanComparison(before=1, after=2, summary=None, subtasks=(change,))
    standing = Standing(records.detail(view))
    entry = LogEntry.model_validate(dict(records.log_entry(1, EVIL)))
    shown: list[RenderableType] = [
        console.live(view, records.later(60)),
        console.ending(view),
        console_plan.version(version(plan, feedback=EVIL), records.later(60)),
        console_plan.comparison(compared),
        console_live.log_line(entry),
        *console_live.changes(None, standing),
    ]
    for each in shown:
        text = painted(each)
        assert "\x1b" not in text
        assert "\u202e" not in text
    text = "".join(painted(each) for each in shown)
    for words in ("[red]x[/red]", "[/nonsense]", "http://evil.example"):
        assert words in text


def test_a_waiting_subtask_says_why() -> None:
    view = records.task("in_progress", records.subtask("a", "queued", waiting="No agent for it."))
    assert "No agent for it." in painted(console.live(view, records.START))


def test_a_comparison_names_fields_with_before_and_after() -> None:
    changed = FieldChange(field="estimated_duration", before=60, after=120)
    compared = PlanComparison(
        before=1,
        after=2,
        summary=FieldChange(field="summary", before="old", after="new"),
        subtasks=(
            SubtaskChange(id="a", kind="changed", title="A", fields=(changed,)),
            SubtaskChange(id="b", kind="removed", title="B"),
        ),
    )
    lines = [line.strip() for line in painted(console_plan.comparison(compared)).splitlines()]
    assert lines[0].startswith("From version 1 to version 2: ")
    for line in ("- old", "+ new", "~ Changed  A  a", "- 1 min", "+ 2 min", "- Removed  B  b"):
        assert line in lines


def test_a_preview_tells_what_runs_again_and_what_is_kept_with_its_price() -> None:
    def part(key: str, cost: str) -> RerunPart:
        return RerunPart(
            id=records.subtask_id(key),
            key=key,
            title=key.title(),
            status=SubtaskStatus.COMPLETED,
            attempt=1,
            cost_usd=Decimal(cost),
        )

    seen = RerunPreview(
        seen="x", runs=(part("b", "0.02"),), reuses=(part("a", "0.01"), part("c", "0.03"))
    )
    text = painted(console_plan.preview(seen, "Do it better"))
    for words in (
        "Runs again: 1 subtask, cost $0.0200 so far",
        "Is reused: 2 subtasks, cost $0.0400 so far",
        "with the description: Do it better",
    ):
        assert words in text
    assert "Stays blocked" not in text
    held = BlockedPart(
        id=records.subtask_id("d"),
        key="d",
        title="D",
        status=SubtaskStatus.BLOCKED,
        held_by=("c", "x"),
    )
    text = painted(console_plan.preview(seen.model_copy(update={"stays_blocked": (held,)})))
    assert re.search(r"Stays blocked:\n +D  d .*Blocked +held by c, x", text), text
    alone = seen.model_copy(update={"reuses": ()})
    assert "Nothing is reused." in painted(console_plan.preview(alone))


def test_agents_are_listed_with_their_load() -> None:
    agent = AgentView(
        agent_id="agent-1",
        profile="data",
        url="http://127.0.0.1:1",
        capabilities=(Capability.DATA_ANALYSIS,),
        slots=2,
        running=("x",),
        available=True,
        state="working",
        completed=7,
        failed=1,
        cpu_percent=41.6,
        memory_mb=512.2,
        simulated=True,
        seconds_since_beat=1.0,
        started_at=records.START,
    )
    text = painted(console.agent_list((agent,)))
    for words in ("agent-1", "Working", "1/2", "data analysis", "42 %", "512 MB", "7"):
        assert words in text
    assert "⚗ Simulated model" in text


@pytest.mark.parametrize("simulated", [True, False])
def test_a_price_that_nobody_paid_says_so_in_the_list(simulated: bool) -> None:
    task = records.task("completed", simulated=simulated)
    text = painted(console.task_list(TaskPage(tasks=(task,), next_cursor=None), records.later(60)))
    assert "$0.0213" in text
    assert ("⚗ Simulated model" in text) is simulated
