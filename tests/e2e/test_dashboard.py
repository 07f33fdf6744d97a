"""The dashboard in a real browser, on the real services; only the model is simulated."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.async_api import expect

from tests.e2e.browsing import (
    RESTING_SECONDS,
    SOON_MS,
    Browsing,
    LiveStack,
    browsing,
)

SALES = Path(__file__).parents[2] / "scripts" / "sample" / "sales.csv"


@pytest.fixture
async def browser(live_stack: LiveStack) -> AsyncIterator[Browsing]:
    async with browsing(live_stack) as opened:
        yield opened


async def test_a_task_from_the_form_to_its_files(browser: Browsing, tmp_path: Path) -> None:
    page = browser.page
    request = "What do our sales say? Clean the attached export and draw the charts that show it."
    task_id = await browser.hand_in(request, SALES, title="Our sales")
    await expect(page.get_by_role("heading", name="Our sales")).to_be_visible()
    await expect(page.locator(".st-key-badges")).to_contain_text("Simulated model")

    await expect(page.locator(".card").first).to_be_visible(timeout=SOON_MS)
    await browser.watch(".plan")
    last = (await browser.detail(task_id)).task.subtasks[-1]  # it needs all others
    await browser.card(last.title).click()
    panel = page.locator(".st-key-subtask")
    await expect(panel).to_contain_text(last.title)
    await expect(panel).to_contain_text(re.compile("waiting for", re.IGNORECASE))

    await browser.ends("Completed")
    task = (await browser.detail(task_id)).task
    answer = page.locator(".st-key-answer")
    await expect(answer).to_be_visible(timeout=SOON_MS)
    assert task.answer is not None
    first_words = task.answer.strip().strip("#*> ").splitlines()[0].split("*")[0].strip()
    await expect(answer).to_contain_text(first_words)

    await browser.settled()  # the page of an ended task is drawn anew once
    async with page.expect_download() as started:
        await page.locator("[class*='st-key-download-'] button").first.click()
    download = await started.value
    artifact = next(each for each in task.artifacts if each.name == download.suggested_filename)
    saved = tmp_path / artifact.name
    await download.save_as(saved)
    assert saved.stat().st_size == artifact.size
    assert await browser.taken_out() == 0


async def test_refreshes_without_news_replace_nothing(browser: Browsing) -> None:
    page = browser.page
    await browser.hand_in("Write a one-line haiku about five players.")
    await browser.ends("Completed")
    await expect(page.locator(".st-key-answer")).to_be_visible(timeout=SOON_MS)
    await browser.watch(".plan")
    await page.wait_for_timeout(3.3 * RESTING_SECONDS * 1000)
    assert await browser.taken_out() == 0


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


async def test_the_lists_of_tasks_the_agents_and_the_system(browser: Browsing) -> None:
    page = browser.page
    title = f"Zanzibar {uuid4().hex[:8]}"
    task_id = await browser.hand_in("Write a one-line haiku about an island.", title=title)
    await page.get_by_role("button", name="All tasks").click()
    await page.get_by_placeholder("Search titles").fill(title)
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name=title).click()
    await page.wait_for_url(f"**/task?id={task_id}")
    await page.goto(f"{browser.stack.dashboard_url}/agents")
    for number in range(1, 6):
        await expect(page.get_by_role("heading", name=f"agent-{number}")).to_be_visible()
    await page.goto(f"{browser.stack.dashboard_url}/system")
    await expect(page.get_by_text("The ledger keeps its rules")).to_be_visible(timeout=SOON_MS)
    await expect(page.get_by_text("Tasks per minute").first).to_be_visible()


async def test_a_narrow_screen_needs_no_sideways_scrolling(live_stack: LiveStack) -> None:
    async with browsing(live_stack, width=390) as narrow:
        await narrow.hand_in("Write a one-line haiku about five players.")
        await narrow.ends("Completed")
        for path in ("", "/tasks", "/agents"):
            await narrow.page.goto(f"{live_stack.dashboard_url}{path}")
            await expect(narrow.page.get_by_role("heading").first).to_be_visible()
            await narrow.settled()
            await narrow.fits()
