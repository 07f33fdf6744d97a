"""How long one refresh of a plan of two hundred subtasks takes: to arrange it, and to draw it.

    python -m tests.benchmarks.plan_drawing [REFRESHES]

The real dashboard in a real browser, on a scripted orchestrator; every card is unfolded. The
browser's part should be less than a frame, 16 ms.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from playwright.async_api import expect

from tests.e2e.browsing import browsing
from tests.e2e.plan_world import ScriptedTasks, dashboard, large_task
from ui.plan.arrangement import arranged
from ui.plan.folding import Folding
from ui.plan.graph import drawing
from ui.plan.places import places
from ui.views import now

TOOK = "() => performance.getEntriesByName('quintet plan').map((entry) => entry.duration)"


def say(what: str, spans: Sequence[float]) -> None:
    """Best, middle and worst in milliseconds."""
    told = ", ".join(
        f"{name} {value:.1f} ms"
        for name, value in (
            ("best", min(spans)),
            ("median", statistics.median(spans)),
            ("worst", max(spans)),
        )
    )
    print(f"{what}: {told} ({len(spans)} times)")


def arrange(times: int) -> None:
    """What the dashboard's process does: the first time, and when the places are known."""
    task = large_task()
    first: list[float] = []
    again: list[float] = []
    for _ in range(times):
        places.cache_clear()
        for spans in (first, again):
            began = time.perf_counter()
            arranged(drawing(task, None, now()), Folding("open"))
            spans.append((time.perf_counter() - began) * 1000)
    say("arranged for the first time", first)
    say("arranged again", again)


async def draw(tasks: ScriptedTasks, times: int) -> None:
    """What the browser does with a refresh."""
    tasks.task = large_task()
    async with browsing(tasks) as opened:
        page = opened.page
        await page.goto(tasks.page())
        await page.get_by_role("button", name="Unfold all").click()
        await expect(page.locator(".plan .card")).to_have_count(len(tasks.task.subtasks))
        await page.evaluate("performance.clearMeasures()")
        await page.wait_for_function(f"({TOOK})().length >= {times}", timeout=times * 20_000)
        say("drawn by the browser", await page.evaluate(TOOK))


def main() -> None:
    """Print the figures."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    arrange(times)
    with tempfile.TemporaryDirectory() as folder, dashboard(Path(folder) / "log") as tasks:
        asyncio.run(draw(tasks, times))


if __name__ == "__main__":
    main()
