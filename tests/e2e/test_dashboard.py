"""The dashboard in a real browser, on the real services; only the model is simulated."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from uuid import UUID, uuid4

import pytest
from playwright.async_api import Locator, Page, Request, async_playwright, expect

from shared.models import TaskDetail
from ui.client import AsyncQuintetClient

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--headless=new",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
]
SALES = Path(__file__).parents[2] / "scripts" / "sample" / "sales.csv"
FINISHED_MS = 120_000
SOON_MS = 20_000
OVER = re.compile("Completed|Failed|Partly done|Cancelled")
RESTING_SECONDS = 5  # between refreshes of a task that is over
# Counts what is taken out of the drawn plan; it may be inside a shadow root.
WATCH_GRAPH = """() => {
  const find = (node) => {
    const found = node.querySelector('.plan');
    if (found) return found;
    for (const inner of node.querySelectorAll('*')) {
      const deeper = inner.shadowRoot && find(inner.shadowRoot);
      if (deeper) return deeper;
    }
    return null;
  };
  window.plan = find(document);
  window.removed = 0;
  new MutationObserver((changes) => {
    for (const change of changes) window.removed += change.removedNodes.length;
  }).observe(window.plan, { childList: true, subtree: true });
}"""


class LiveStack(Protocol):
    """Where the running services are."""

    api_url: str
    dashboard_url: str


class Browsing:
    """A page of the dashboard, and what must not happen on it."""

    def __init__(self, page: Page, stack: LiveStack) -> None:
        self.page, self.stack = page, stack
        self.foreign: list[str] = []
        self.alarms: list[str] = []
        page.on("request", self._requested)
        page.on("pageerror", lambda error: self.alarms.append(f"script error: {error}"))
        page.on("dialog", lambda dialog: self.alarms.append(f"dialog: {dialog.message}"))

    def _requested(self, request: Request) -> None:
        own = (self.stack.dashboard_url, "data:", "blob:")
        if not request.url.startswith(own):
            self.foreign.append(request.url)

    def card(self, title: str) -> Locator:
        return self.page.locator(".card", has_text=title)

    async def hand_in(self, description: str, *files: Path, title: str = "") -> UUID:
        """Fill the form in; the task's id, read from the address that the form leads to."""
        page = self.page
        await page.goto(self.stack.dashboard_url)
        await page.get_by_label("Task", exact=True).fill(description)
        if files:
            await page.locator("input[type=file]").set_input_files(files)
            await expect(page.get_by_text(files[-1].name)).to_be_visible()
        if title:
            await page.get_by_label("Title (optional)").fill(title)
        await page.get_by_role("button", name="Hand it in").click()
        await page.wait_for_url("**/task?id=*", timeout=SOON_MS)
        return UUID(page.url.partition("id=")[2])

    async def ends(self, words: str) -> None:
        """Follow the task to its end, which must be this one."""
        badges = self.page.locator(".st-key-badges")
        await expect(badges).to_contain_text(OVER, timeout=FINISHED_MS)
        await expect(badges).to_contain_text(words)

    async def detail(self, task_id: UUID) -> TaskDetail:
        async with AsyncQuintetClient(self.stack.api_url) as client:
            return await client.task(task_id)


@asynccontextmanager
async def browsing(stack: LiveStack, width: int = 1280) -> AsyncIterator[Browsing]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = await browser.new_page(viewport={"width": width, "height": 1000})
            page.set_default_timeout(SOON_MS)
            yield Browsing(page, stack)
        finally:
            await browser.close()


@pytest.fixture
async def browser(live_stack: LiveStack) -> AsyncIterator[Browsing]:
    async with browsing(live_stack) as opened:
        yield opened
        assert opened.foreign == []
        assert opened.alarms == []


async def test_a_task_from_the_form_to_its_files(browser: Browsing, tmp_path: Path) -> None:
    page = browser.page
    request = "What do our sales say? Clean the attached export and draw the charts that show it."
    task_id = await browser.hand_in(request, SALES, title="Our sales")
    await expect(page.get_by_role("heading", name="Our sales")).to_be_visible()
    await expect(page.locator(".st-key-badges")).to_contain_text("Simulated model")

    await expect(page.locator(".card").first).to_be_visible(timeout=SOON_MS)
    await page.evaluate(WATCH_GRAPH)
    waiting = next(s for s in (await browser.detail(task_id)).task.subtasks if s.waiting)
    await browser.card(waiting.title).click()
    await expect(
        page.get_by_text("Waits for").or_(page.get_by_text("waiting for")).first
    ).to_be_visible()

    await browser.ends("Completed")
    task = (await browser.detail(task_id)).task
    answer = page.locator(".st-key-answer")
    await expect(answer).to_be_visible(timeout=SOON_MS)
    assert task.answer is not None
    first_words = task.answer.strip().strip("#*> ").splitlines()[0].split("*")[0].strip()
    await expect(answer).to_contain_text(first_words)

    artifact = task.artifacts[0]
    async with page.expect_download() as started:
        await page.get_by_role("button", name=artifact.name).first.click()
    saved = tmp_path / artifact.name
    await (await started.value).save_as(saved)
    assert saved.stat().st_size == artifact.size
    assert await page.evaluate("[window.removed, window.plan.isConnected]") == [0, True]


async def test_refreshes_without_news_replace_nothing(browser: Browsing) -> None:
    page = browser.page
    await browser.hand_in("Write a one-line haiku about five players.")
    await browser.ends("Completed")
    await expect(page.locator(".st-key-answer")).to_be_visible(timeout=SOON_MS)
    await page.evaluate(WATCH_GRAPH)
    await page.wait_for_timeout(3.3 * RESTING_SECONDS * 1000)
    assert await page.evaluate("[window.removed, window.plan.isConnected]") == [0, True]


async def test_what_a_model_writes_is_only_shown(browser: Browsing) -> None:
    hostile = (
        "Note <img src=x onerror=alert(1)> here. "
        "Note ![pixel](http://127.0.0.1:9/leak.png?d=secret) there. "
        "Note <script>alert(2)</script> too."
    )
    await browser.hand_in(hostile, title="<b>Bold</b> ![t](http://127.0.0.1:9/t.png)")
    await browser.ends("Completed")
    answer = browser.page.locator(".st-key-answer")
    await expect(answer).to_contain_text("<img src=x onerror=alert(1)>")
    await expect(answer).to_contain_text("http://127.0.0.1:9/leak.png?d=secret")
    assert await answer.locator("img, script, a[href^=http]").count() == 0
    await expect(browser.page.get_by_role("heading", name="<b>Bold</b>")).to_be_visible()
    for tab in ("Timeline", "Request", "Log"):
        await browser.page.get_by_role("tab", name=tab).click()
    await browser.page.goto(f"{browser.stack.dashboard_url}/tasks")
    await expect(browser.page.get_by_text("<b>Bold</b>").first).to_be_visible()


async def test_a_failure_says_why_and_what_it_blocks(browser: Browsing) -> None:
    page = browser.page
    await browser.hand_in("Do the broken branch, please.")
    await browser.ends("Partly done")
    await expect(page.locator(".card[data-status=failed]")).to_have_count(1)
    await expect(page.get_by_role("button", name="Run it again")).to_be_visible()
    await page.locator(".card[data-status=blocked]").first.click()
    await expect(page.locator(".st-key-subtask")).to_contain_text("Blocked")


async def test_a_request_that_is_too_short_is_told_so_at_once(browser: Browsing) -> None:
    page = browser.page
    await page.goto(browser.stack.dashboard_url)
    await page.get_by_label("Task", exact=True).fill("Too short")
    await page.get_by_role("button", name="Hand it in").click()
    await expect(page.get_by_text("it needs at least 10")).to_be_visible()


async def test_the_lists_of_tasks_and_agents(browser: Browsing) -> None:
    page = browser.page
    title = f"Zanzibar {uuid4().hex[:8]}"
    task_id = await browser.hand_in("Write a one-line haiku about an island.", title=title)
    await page.get_by_role("button", name="All tasks").click()
    await page.get_by_placeholder("Search titles").fill(title)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name=title).click()
    await page.wait_for_url(f"**/task?id={task_id}")
    await page.goto(f"{browser.stack.dashboard_url}/agents")
    for number in range(1, 6):
        await expect(page.get_by_role("heading", name=f"agent-{number}")).to_be_visible()


async def test_a_narrow_screen_needs_no_sideways_scrolling(live_stack: LiveStack) -> None:
    async with browsing(live_stack, width=390) as narrow:
        await narrow.hand_in("Write a one-line haiku about five players.")
        await narrow.ends("Completed")
        for path in ("", "/tasks", "/agents"):
            await narrow.page.goto(f"{live_stack.dashboard_url}{path}")
            await expect(narrow.page.get_by_role("heading").first).to_be_visible()
            width = await narrow.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 390
