"""The dashboard in a real browser, and what must not happen in it."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol
from uuid import UUID

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
FINISHED_MS = 120_000
SOON_MS = 20_000
OVER = re.compile("Completed|Failed|Partly done|Cancelled")
RESTING_SECONDS = 5  # between refreshes of a task that is over
# Counts what is taken out of a drawing; it may be inside a shadow root.
WATCH = """(name) => {
  const find = (node) => {
    const found = node.querySelector(name);
    if (found) return found;
    for (const inner of node.querySelectorAll('*')) {
      const deeper = inner.shadowRoot && find(inner.shadowRoot);
      if (deeper) return deeper;
    }
    return null;
  };
  window.watched = find(document);
  window.removed = 0;
  new MutationObserver((changes) => {
    for (const change of changes) window.removed += change.removedNodes.length;
  }).observe(window.watched, { childList: true, subtree: true });
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

    async def watch(self, drawing: str) -> None:
        """Count from now on what is taken out of this drawing."""
        await self.page.evaluate(WATCH, drawing)

    async def taken_out(self) -> int:
        """How much was taken out of the drawing that is watched, which must still be there."""
        removed, there = await self.page.evaluate("[window.removed, window.watched.isConnected]")
        assert there
        return int(removed)

    async def hand_in(
        self, description: str, *files: Path, title: str = "", review: str = ""
    ) -> UUID:
        """Fill the form in; the task's id, read from the address that the form leads to."""
        page = self.page
        await page.goto(self.stack.dashboard_url)
        await page.get_by_label("Task", exact=True).fill(description)
        if files:
            await page.locator("input[type=file]").set_input_files(files)
            await expect(page.get_by_test_id("stFileChipName")).to_have_text(files[-1].name)
        if title:
            await page.get_by_label("Title (optional)").fill(title)
        if review:
            await page.get_by_label("Review").click()
            await page.get_by_role("option", name=review).click()
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
    """A fresh page; afterwards it must have asked nobody else and raised no alarm."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = await browser.new_page(viewport={"width": width, "height": 1000})
            page.set_default_timeout(SOON_MS)
            opened = Browsing(page, stack)
            yield opened
            assert opened.foreign == []
            assert opened.alarms == []
        finally:
            await browser.close()
