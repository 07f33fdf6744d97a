"""Every verb of a person, done in a real browser on the real services."""

from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from playwright.async_api import expect

from shared.models import TaskView
from tests.e2e.browsing import FINISHED_MS, SOON_MS, Browsing, LiveStack, browsing
from tests.ticks import ticks
from ui.client import AsyncQuintetClient

NOTES = "Write a note on apples. Write a note on pears. Finally combine both notes."


@pytest.fixture
async def browser(live_stack: LiveStack) -> AsyncIterator[Browsing]:
    async with browsing(live_stack) as opened:
        yield opened


@pytest.fixture
async def quintet(live_stack: LiveStack) -> AsyncIterator[AsyncQuintetClient]:
    async with AsyncQuintetClient(live_stack.api_url) as client:
        yield client


class Wheel:
    """The buttons and dialogs of one task's page."""

    def __init__(self, browser: Browsing, quintet: AsyncQuintetClient, task_id: UUID) -> None:
        self.browser, self.page = browser, browser.page
        self.quintet, self.task_id = quintet, task_id
        self.badges = browser.page.locator(".st-key-badges")

    async def open(self) -> "Wheel":
        await self.page.goto(f"{self.browser.stack.dashboard_url}/task?id={self.task_id}")
        await expect(self.badges).to_be_visible(timeout=SOON_MS)
        return self

    async def press(self, key: str) -> None:
        await self.page.locator(f".st-key-{key} button").first.click(timeout=SOON_MS)

    async def ask(self, key: str) -> None:
        """Open a dialog; once more if the page was being drawn anew under the click."""
        dialog = self.page.get_by_role("dialog")
        for patience in (SOON_MS / 2, SOON_MS):
            if not await dialog.count():
                await self.press(key)
            try:
                await expect(dialog).to_be_visible(timeout=patience)
            except AssertionError:
                continue
            return
        raise AssertionError(f"{key} opens no dialog")

    async def confirm(self, key: str) -> None:
        """Press the dialog's own button, which closes it when it was done."""
        button = self.page.locator(f".st-key-{key} button").first
        await button.click(timeout=SOON_MS)
        await expect(self.page.get_by_role("dialog")).to_have_count(0, timeout=SOON_MS)

    async def shows(self, words: str, within: float = SOON_MS) -> None:
        await expect(self.badges).to_contain_text(words, timeout=within)

    async def pick(self, title: str) -> None:
        await self.browser.card(title).first.click()

    async def task(self) -> TaskView:
        return (await self.quintet.task(self.task_id)).task

    async def becomes(self, **wanted: object) -> TaskView:
        """The task once these of its fields are so."""
        async for _ in ticks(within=60, every=0.2):
            task = await self.task()
            if all(getattr(task, name) == value for name, value in wanted.items()):
                return task
        raise AssertionError("ticks never end")

    async def running(self) -> TaskView:
        async for _ in ticks(within=60, every=0.2):
            task = await self.task()
            if task.progress.running:
                return task
        raise AssertionError("ticks never end")


async def wheel(
    browser: Browsing, quintet: AsyncQuintetClient, words: str, *, approve: bool = False
) -> Wheel:
    """A task of these words with its page open."""
    task = await quintet.submit(words, require_approval=approve)
    return await Wheel(browser, quintet, task.id).open()


async def test_a_plan_is_sent_back_edited_and_approved(
    browser: Browsing, quintet: AsyncQuintetClient
) -> None:
    page = browser.page
    await page.goto(browser.stack.dashboard_url)
    await page.get_by_label("Task", exact=True).fill(NOTES)
    await page.get_by_text("Show me the plan before anything runs").click()
    await page.get_by_role("button", name="Hand it in").click()
    await page.wait_for_url("**/task?id=*", timeout=SOON_MS)
    at = Wheel(browser, quintet, UUID(page.url.partition("id=")[2]))
    await at.shows("Waits for your approval")
    assert (await at.task()).subtasks == ()
    await expect(page.locator(".card")).to_have_count(3, timeout=SOON_MS)

    await at.ask("steer-send-back")
    await page.get_by_label("What should be different?").fill("Translate it into French.")
    await page.keyboard.press("Control+Enter")
    await at.confirm("confirm-send-back")
    await expect(page.locator(".card")).to_have_count(4, timeout=SOON_MS)
    assert (await at.becomes(plan_version=2)).status == "awaiting_approval"

    await at.press("steer-edit")
    await at.press("plan-add")
    told = page.get_by_label("What its agent is told")
    await expect(told).to_have_count(1, timeout=SOON_MS)  # of the one picked before none is left
    await expect(told).to_have_value("", timeout=SOON_MS)
    await told.fill("Write a note on plums.")
    await told.press("Tab")
    await at.ask("editor-save")
    await at.confirm("confirm-save")
    assert (await at.becomes(plan_version=3)).status == "awaiting_approval"
    versions = (await quintet.plan_versions(at.task_id)).versions
    assert [each.author for each in versions] == ["planner", "planner", "person"]
    assert versions[1].feedback == "Translate it into French."

    await at.ask("steer-approve")
    await at.confirm("confirm-approve")
    await at.shows("Completed", FINISHED_MS)
    assert (await at.task()).progress.completed == len(versions[-1].plan.subtasks)


async def test_a_task_is_paused_resumed_hurried_and_cancelled(
    browser: Browsing, quintet: AsyncQuintetClient
) -> None:
    at = await wheel(browser, quintet, f"{NOTES} [[simulate: slow 30]]")
    await at.running()
    await at.ask("steer-pause")
    await browser.page.get_by_text("Give it back now").click()
    await at.confirm("confirm-pause")
    await expect(browser.page.get_by_text("Paused by a person").first).to_be_visible()
    paused = await at.becomes(paused_reason="user")
    async for _ in ticks(within=60, every=0.2):
        paused = await at.task()
        if not paused.progress.running:
            break
    assert (paused.status, paused.progress.queued) == ("in_progress", 0)
    attempts = await quintet.attempts(at.task_id)
    assert {each.outcome for each in attempts} == {"released"}

    await at.ask("steer-resume")
    await at.confirm("confirm-resume")
    await at.becomes(paused_reason=None)
    await at.running()

    await at.ask("steer-priority")
    slider = browser.page.get_by_role("slider")
    await slider.focus()
    for _ in range(3):
        await slider.press("ArrowRight")
    await at.confirm("confirm-priority")
    await at.becomes(priority=8)

    await at.ask("steer-cancel")
    await at.confirm("confirm-cancel")
    await at.shows("Cancelled", FINISHED_MS)
    assert (await at.task()).progress.running == 0


async def test_one_subtask_is_cancelled_and_run_again(
    browser: Browsing, quintet: AsyncQuintetClient
) -> None:
    at = await wheel(browser, quintet, f"{NOTES} [[simulate: slow 6]]")
    task = await at.running()
    chosen = next(each for each in task.subtasks if each.status == "running")
    await at.pick(chosen.title)
    await at.ask("subtask-cancel")
    await at.confirm("confirm-subtask-cancel")
    await at.shows("Partly done", FINISHED_MS)
    ended = {each.key: each.status for each in (await at.task()).subtasks}
    assert ended[chosen.key] == "cancelled"
    assert sorted(ended.values()) == ["blocked", "cancelled", "completed"]

    await at.ask("subtask-retry")
    await at.confirm("confirm-retry")
    await at.shows("Completed", FINISHED_MS)


async def test_a_part_runs_again_and_the_rest_is_reused(
    browser: Browsing, quintet: AsyncQuintetClient
) -> None:
    at = await wheel(browser, quintet, NOTES)
    await at.shows("Completed", FINISHED_MS)
    first, second, last = (await at.task()).subtasks
    await at.pick(first.title)
    await at.ask("subtask-rerun")
    again = browser.page.locator(".st-key-parts-replay")
    await expect(again).to_contain_text(first.title)
    await expect(again).to_contain_text(last.title)
    await expect(browser.page.locator(".st-key-parts-inventory_2")).to_contain_text(second.title)
    await at.confirm("confirm-rerun")
    await at.becomes(status="completed", answer_outdated=False)
    async for _ in ticks(within=60, every=0.2):
        attempts = [each.attempt for each in (await at.task()).subtasks]
        if attempts == [2, 1, 2] and (await at.task()).status == "completed":
            break


async def test_who_comes_second_hears_what_is_true_now(
    browser: Browsing, quintet: AsyncQuintetClient
) -> None:
    at = await wheel(browser, quintet, NOTES, approve=True)
    await at.shows("Waits for your approval")
    await at.ask("steer-approve")
    seen = (await quintet.plan(at.task_id)).hash
    await quintet.approve(at.task_id, hash=seen)  # somebody else was first
    dialog = browser.page.get_by_role("dialog")
    confirm = browser.page.locator(".st-key-confirm-approve button")
    await confirm.evaluate_all("(buttons) => buttons.forEach((one) => one.click())")  # if there
    await expect(dialog).to_contain_text("nothing left to do", timeout=SOON_MS)
    await browser.page.keyboard.press("Escape")
    await at.shows("Completed", FINISHED_MS)
