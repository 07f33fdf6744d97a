"""The sample task, handed in through the API and followed to its end in the terminal."""

import asyncio
import time
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from shared.errors import Busy, DependencyUnavailable, QuintetError
from shared.models import TaskView
from shared.states import TaskStatus
from ui.cli import console as pictures
from ui.client import AsyncQuintetClient, ServiceUnreachable, Upload
from ui.views import compact, duration, elapsed, is_over, money, now, one_line, token_count

SAMPLE = Path(__file__).with_name("sample") / "sales.csv"
TITLE = "What do our sales say?"
DESCRIPTION = (
    "Here are our sales of last year as a CSV file. Clean it, work out which regions and products"
    " earn the most and how sales moved from month to month, draw the charts that show it, check"
    " the figures a second way, and write a short report with what we should do next."
)
POLL_SECONDS = 0.5
AWAY_SECONDS = 30.0
LIMIT_SECONDS = 1800.0


def run(api_url: str, dashboard_url: str, console: Console) -> int:
    """Run the demo; 0 only when the task completed."""
    try:
        task = asyncio.run(_demonstrate(api_url, console))
    except QuintetError as error:
        console.print(Text(f"The demo failed: {error.detail}\n{error.remedy}", style="red"))
        return 1
    console.print(pictures.ending(task))
    console.print(_summary(task, api_url, dashboard_url), soft_wrap=True)
    return 0 if task.status is TaskStatus.COMPLETED else 1


async def _demonstrate(api_url: str, console: Console) -> TaskView:
    content = await asyncio.to_thread(SAMPLE.read_bytes)
    async with AsyncQuintetClient(api_url) as client:
        task = await client.submit(
            DESCRIPTION,
            title=TITLE,
            user_id="demo",
            require_approval=False,  # nobody is asked here
            files=[Upload(SAMPLE.name, content, "text/csv")],
        )
        console.print(Text(f"Handed in {SAMPLE.name} and the task “{TITLE}”.", style="bold"))
        if console.is_terminal:
            return await _watch_live(client, task, console)
        return await _watch_in_lines(client, task, console)


async def _watch_live(client: AsyncQuintetClient, task: TaskView, console: Console) -> TaskView:
    deadline = time.monotonic() + LIMIT_SECONDS
    with Live(console=console, auto_refresh=False) as live:
        while True:
            fits = max(3, (console.height - 8) // 2)
            live.update(pictures.live(task, now(), fits), refresh=True)
            if is_over(task) or time.monotonic() > deadline:
                return task
            task = await _next(client, task)


async def _watch_in_lines(client: AsyncQuintetClient, task: TaskView, console: Console) -> TaskView:
    deadline = time.monotonic() + LIMIT_SECONDS
    said: set[str] = set()
    while True:
        for line in _news(task):
            if line not in said:
                said.add(line)
                console.print(Text(line))
        if is_over(task) or time.monotonic() > deadline:
            return task
        task = await _next(client, task)


async def _next(client: AsyncQuintetClient, task: TaskView) -> TaskView:
    """The task a little later; a short restart of the orchestrator is waited out."""
    deadline = time.monotonic() + AWAY_SECONDS
    while True:
        await asyncio.sleep(POLL_SECONDS)
        try:
            return (await client.task(task.id)).task
        except (ServiceUnreachable, Busy, DependencyUnavailable):
            if time.monotonic() > deadline:
                raise


def _news(task: TaskView) -> list[str]:
    """Everything that can be said of the task now, each sentence the same while it holds."""
    simulated = " (Simulated model)" if task.simulated else ""
    lines = [f"task: {task.status}{simulated}"]
    for subtask in task.subtasks:
        who = f" by {subtask.agent_id}, attempt {subtask.attempt}" if subtask.agent_id else ""
        why = f": {one_line(subtask.error, 200)}" if subtask.error else ""
        lines.append(f"  {subtask.key}: {subtask.status}{who}{why}")
    return lines


def _summary(task: TaskView, api_url: str, dashboard_url: str) -> Text:
    """To be printed with `soft_wrap`: a broken address cannot be copied."""
    model = "Simulated model" if task.simulated else "real model"
    price = f"{money(task.cost_usd)} for {compact(token_count(task.tokens))} tokens ({model})"
    rows = {
        "Status": Text(str(task.status)),
        "Time": Text(duration(elapsed(task.created_at, task.finished_at, now()))),
        "Price": Text(price, style="yellow" if task.simulated else ""),
        "Files": Text(f"{api_url}/tasks/{task.id}/artifacts"),
        "See it": Text(dashboard_url, style="bold cyan"),
    }
    return Text("\n").join(Text.assemble(name.ljust(8), row) for name, row in rows.items())
