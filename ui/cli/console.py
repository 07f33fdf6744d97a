"""Records as rich renderables for the terminal. Foreign text is never read as markup."""

from datetime import datetime

from rich.console import Group, RenderableType
from rich.markdown import Markdown
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from shared.models import AgentView, SubtaskView, TaskPage, TaskView
from shared.states import SubtaskStatus, TaskStatus
from ui.cli.console_tree import PlanTree, badge_text, row_of
from ui.evidence import (
    corrections,
    counts,
    failing,
    last_lines,
    last_look,
    problems,
    spoken,
    times,
)
from ui.views import (
    AGENT_BADGES,
    SIMULATED,
    Badge,
    ago,
    capability_words,
    compact,
    duration,
    elapsed,
    headline,
    money,
    one_line,
    plain,
    short_id,
    size,
    tally,
    task_badge,
    token_count,
    tries,
)

PAUSED = Badge("Paused", "pause", "⏸", "orange")


def header(task: TaskView, at: datetime) -> RenderableType:
    """Title, status, progress bar and the figures."""
    first = Text.assemble(
        Text(one_line(task.title), style="bold"), "  ", badge_text(task_badge(task))
    )
    if task.paused_reason:
        first.append("  ").append_text(badge_text(PAUSED))
    if task.simulated:
        first.append("  ").append_text(badge_text(SIMULATED))
    begun = task.status is not TaskStatus.AWAITING_APPROVAL  # before it there are no subtasks
    figures = (
        *([tally(task.progress)] if begun else []),
        duration(elapsed(task.created_at, task.finished_at, at)),
        money(task.cost_usd),
        f"{compact(token_count(task.tokens))} tokens",
    )
    bar = Table.grid(padding=(0, 1, 0, 0))
    percent = f"{task.progress.fraction:.0%}"
    bar.add_row(ProgressBar(total=1.0, completed=task.progress.fraction, width=40), percent)
    return Group(
        first,
        Text(str(task.id), style="bright_black"),
        bar,
        Text(" · ".join(figures)),
        Text(headline(task), style="italic"),
    )


def live(task: TaskView, at: datetime, most_lines: int | None = None) -> RenderableType:
    """The task as it stands, for printing once or repainting; the plan in at most so many lines."""
    head = header(task, at)
    if not task.subtasks:
        return head
    tree = PlanTree([row_of(subtask, at) for subtask in task.subtasks], most_lines)
    return Group(head, Text(), tree, Text())


def ending(task: TaskView) -> RenderableType:
    """What is left when a task is over: the errors, the answer, the files."""
    parts: list[RenderableType] = []
    if task.error:
        parts.append(Panel(Text(plain(task.error)), title="Why it failed", border_style="red"))
    parts.extend(
        _failure(task, subtask)
        for subtask in task.subtasks
        if subtask.error and subtask.status is SubtaskStatus.FAILED
    )
    if task.answer:
        parts.append(_answer(task))
    if task.artifacts:
        parts.append(artifacts(task))
    return Group(*parts)


def _answer(task: TaskView) -> Panel:
    title = "Answer, from what could be done" if task.partial else "Answer"
    title += ", of before it was run again" if task.answer_outdated else ""
    body = Markdown(plain(task.answer or ""), hyperlinks=False)
    looked = " · ".join(f"{one.badge.sign} {one.label}" for one in counts(task.subtasks))
    return Panel(
        body, title=title, subtitle=Text(looked) or None, border_style="green", padding=(1, 2)
    )


def _failure(task: TaskView, subtask: SubtaskView) -> Panel:
    hint = f"run it again: quintet retry {short_id(task.id)} {subtask.key}"
    body = Text("\n".join(problems(subtask)))
    for check in failing(last_look(subtask.verification)):
        body.append(f"\n\n✗ {spoken(one_line(check.what))}", style="bold")
        body.append(f"\n{plain(last_lines(check.output))}".rstrip())
    facts = [tries(subtask)]
    if count := corrections(subtask):
        facts.append(f"sent back {times(count)}")
    body.append(f"\n\n{' · '.join(facts)}", style="bright_black")
    title = Text(one_line(subtask.title, 60))
    return Panel(body, title=title, subtitle=Text(hint), border_style="red")


def artifacts(task: TaskView) -> Table:
    """The files of a task, with who made them."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for name in ("file", "size", "made by", "sha256"):
        table.add_column(name)
    for artifact in task.artifacts:
        table.add_row(
            Text(plain(artifact.path)),
            size(artifact.size),
            Text(artifact.subtask_key),
            Text(artifact.sha256[:12], style="bright_black"),
        )
    return table


def task_list(page: TaskPage, at: datetime) -> Table:
    """The tasks of one page."""
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black", expand=True
    )
    for name in ("id", "status", "title", "done", "cost", "created"):
        table.add_column(
            name, no_wrap=True, overflow="ellipsis", ratio=1 if name == "title" else None
        )
    for task in page.tasks:
        status = badge_text(task_badge(task))
        if task.simulated:
            status.append("\n").append_text(badge_text(SIMULATED))
        table.add_row(
            short_id(task.id),
            status,
            Text(one_line(task.title, 60)),
            f"{task.progress.completed}/{task.progress.total}",
            money(task.cost_usd),
            ago(task.created_at, at),
        )
    return table


def agent_list(agents: tuple[AgentView, ...]) -> Table:
    """The agents, their load and what they can do."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bright_black")
    for name in ("agent", "state", "slots", "capabilities", "cpu", "memory", "done", "failed"):
        table.add_column(name)
    for agent in agents:
        state = badge_text(AGENT_BADGES[agent.state])
        if agent.simulated:
            state.append("\n").append_text(badge_text(SIMULATED))
        table.add_row(
            Text(agent.agent_id),
            state,
            f"{len(agent.running)}/{agent.slots}",
            capability_words(agent.capabilities),
            f"{agent.cpu_percent:.0f} %",
            f"{agent.memory_mb:.0f} MB",
            str(agent.completed),
            str(agent.failed),
        )
    return table
