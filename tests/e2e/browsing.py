"""The dashboard in a real browser, and what must not happen in it."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from uuid import UUID

from playwright.async_api import (
    Locator,
    Page,
    Request,
    async_playwright,
    expect,
)
from playwright.async_api import (
    TimeoutError as PlaywrightTimeoutError,
)

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
expect.set_options(timeout=SOON_MS)
OVER = re.compile("Completed|Failed|Partly done|Cancelled")
RESTING_SECONDS = 5  # between refreshes of a task that is over
# Counts what happens to a drawing, and to which cards; it may be inside a shadow root.
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
  const root = find(document);
  const seen = window.seen = { root, added: 0, removed: 0, changes: 0, cards: new Set() };
  new MutationObserver((changes) => {
    for (const change of changes) {
      seen.added += change.addedNodes.length;
      seen.removed += change.removedNodes.length;
      seen.changes += 1;
      const at = change.target.nodeType === 3 ? change.target.parentElement : change.target;
      const card = at && at.closest('.card');
      if (card) seen.cards.add(card.dataset.key);
    }
  }).observe(root, { childList: true, attributes: true, characterData: true, subtree: true });
}"""
SEEN = """() => ({ ...window.seen, there: window.seen.root.isConnected, root: null,
  cards: [...window.seen.cards] })"""
# No script of the page is under way, and nothing of an earlier run is left in it.
RESTS = """() => {
  const app = document.querySelector('[data-testid=stApp]');
  return app?.dataset.testScriptState === 'notRunning'
    && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]');
}"""
# What makes the page scroll sideways or is cut off; not what is within something that scrolls.
TOO_WIDE = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  if (!main) return ['there is no page'];
  const found = main.scrollWidth > main.clientWidth + 1 ? ['the page itself'] : [];
  const look = (parent) => {
    for (const one of parent.children) {
      const box = one.getBoundingClientRect();
      const shown = box.width && box.height && one.checkVisibility({ visibilityProperty: true });
      if (shown && box.right > innerWidth + 1) {
        found.push(`${one.nodeName} ${one.getAttribute('class') || ''} to ${box.right}`);
      }
      if (getComputedStyle(one).overflowX !== 'visible') continue;
      if (one.shadowRoot) look(one.shadowRoot);
      look(one);
    }
  };
  look(main);
  return found;
}"""


@dataclass(frozen=True)
class Seen:
    """What happened to the drawing that is watched."""

    added: int
    removed: int
    changes: int
    cards: list[str]


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

    async def settled(self) -> None:
        """Wait until the page is drawn to its end and stays so for a moment."""
        for _ in range(2):
            await self.page.wait_for_function(RESTS)
            await self.page.wait_for_timeout(100)

    async def watch(self, drawing: str) -> None:
        """Count from now on what happens to this drawing."""
        await self.page.evaluate(WATCH, drawing)

    async def seen(self) -> Seen:
        """What happened to the drawing that is watched, which must still be there."""
        told = await self.page.evaluate(SEEN)
        assert told["there"]
        return Seen(told["added"], told["removed"], told["changes"], told["cards"])

    async def taken_out(self) -> int:
        """How much was taken out of the drawing that is watched."""
        return (await self.seen()).removed

    async def fits(self) -> None:
        """Wait until nothing needs sideways scrolling, but what scrolls by itself."""
        try:
            await self.page.wait_for_function(f"({TOO_WIDE})().length === 0")
        except PlaywrightTimeoutError:
            raise AssertionError(await self.page.evaluate(TOO_WIDE)) from None

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
