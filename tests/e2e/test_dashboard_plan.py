"""The plan's drawing and the timeline in a real browser: two hundred subtasks, and no flicker."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from shared.states import SubtaskStatus, TaskStatus
from tests.e2e.browsing import SOON_MS, Browsing, browsing
from tests.e2e.plan_world import ScriptedTasks, dashboard, large_task, small_task
from tests.ticks import ticks

READABLE = 12.0  # pixels: the least height of a title's letters
# How high letters are on the screen, zoomed as the plan is.
LETTERS = """all => all.map((one) => parseFloat(getComputedStyle(one).fontSize)
  * one.getBoundingClientRect().width / one.offsetWidth)"""
FRAME = "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedTasks]:
    with dashboard(tmp_path_factory.mktemp("dashboard") / "log.txt") as running:
        yield running


@pytest.fixture
async def browser(tasks: ScriptedTasks) -> AsyncIterator[Browsing]:
    async with browsing(tasks) as opened:
        yield opened


class Plan:
    """The drawing on the page of a task."""

    def __init__(self, browser: Browsing, tasks: ScriptedTasks) -> None:
        self.browser, self.page, self.tasks = browser, browser.page, tasks
        self.cards = self.page.locator(".plan .card")
        self.viewport = self.page.locator(".plan .viewport")
        self.level = self.page.locator(".tool.level")

    async def open(self) -> "Plan":
        await self.page.goto(self.tasks.page())
        await expect(self.cards.first).to_be_visible(timeout=SOON_MS)
        await self.refreshed(1)  # what the page draws after its first answer is drawn
        return self

    def card(self, key: str) -> Locator:
        return self.page.locator(f'.card[data-key="{key}"]')

    async def refreshed(self, times: int) -> None:
        """Wait until so many whole refreshes are on the screen: the page has asked once more."""
        wanted = self.tasks.asked + times + 1
        async for _ in ticks(within=SOON_MS / 1000 + 6 * times, every=0.05):
            if self.tasks.asked > wanted:
                break
        await self.browser.settled()
        await self.page.evaluate(FRAME)

    async def all_inside(self) -> None:
        """Wait until every card is within the drawing's frame."""
        async for _ in ticks(within=SOON_MS / 1000, every=0.05):
            if await self.inside(self.cards):
                return

    async def inside(self, cards: Locator) -> bool:
        frame = await self.viewport.bounding_box()
        assert frame
        edges: list[Any] = await cards.evaluate_all(
            "all => all.map((one) => one.getBoundingClientRect())"
            ".map((box) => [box.left, box.right, box.top, box.bottom])"
        )
        return all(
            frame["x"] - 1 <= left
            and right <= frame["x"] + frame["width"] + 1
            and frame["y"] - 1 <= top
            and bottom <= frame["y"] + frame["height"] + 1
            for left, right, top, bottom in edges
        )


async def test_a_refresh_without_news_changes_nothing_at_all(
    browser: Browsing, tasks: ScriptedTasks
) -> None:
    tasks.task = small_task()
    tasks.change("products", status=SubtaskStatus.QUEUED, started_at=None, waiting=None)
    tasks.task = tasks.task.model_copy(
        update={"status": TaskStatus.COMPLETED, "finished_at": tasks.task.created_at}
    )
    plan = await Plan(browser, tasks).open()
    await browser.watch(".plan")
    await plan.refreshed(3)
    seen = await browser.seen()
    assert (seen.added, seen.removed, seen.cards) == (0, 0, [])


async def test_the_change_of_one_status_touches_only_its_card(
    browser: Browsing, tasks: ScriptedTasks
) -> None:
    tasks.task = small_task()
    tasks.change("products", status=SubtaskStatus.QUEUED, started_at=None, waiting=None)
    plan = await Plan(browser, tasks).open()
    await browser.watch(".plan")
    tasks.change("letter", status=SubtaskStatus.COMPLETED)
    await expect(plan.card("letter")).to_have_attribute("data-status", "completed")
    await plan.refreshed(1)
    seen = await browser.seen()
    assert (seen.added, seen.removed, seen.cards) == (0, 0, ["letter"])


async def test_nothing_is_replaced_while_the_work_goes_on(
    browser: Browsing, tasks: ScriptedTasks
) -> None:
    tasks.task = small_task()
    plan = await Plan(browser, tasks).open()
    await browser.watch(".plan .viewport")
    await plan.refreshed(2)
    seen = await browser.seen()
    assert (seen.added, seen.removed) == (0, 0)
    assert seen.cards == ["products"], "its seconds are counted"
    await plan.page.get_by_role("tab", name="Timeline").click()
    await expect(plan.page.locator(".timeline .row")).to_have_count(6)
    await browser.watch(".timeline")
    await plan.refreshed(3)
    seen = await browser.seen()
    assert (seen.added, seen.removed) == (0, 0)
    assert seen.changes


@pytest.mark.parametrize("width", [1280, 390])
async def test_an_ordinary_plan_can_be_read_at_once(tasks: ScriptedTasks, width: int) -> None:
    tasks.task = small_task()
    async with browsing(tasks, width=width) as browser:
        plan = await Plan(browser, tasks).open()
        await expect(plan.cards).to_have_count(9)
        titles = await plan.cards.locator(".title").evaluate_all(LETTERS)
        assert min(titles) >= READABLE
        await plan.all_inside()
        await browser.fits()


async def test_a_long_plan_begins_at_its_beginning(tasks: ScriptedTasks) -> None:
    tasks.task = large_task()
    async with browsing(tasks, width=390) as browser:
        plan = await Plan(browser, tasks).open()
        titles = await plan.cards.locator(".title").evaluate_all(LETTERS)
        assert min(titles) >= READABLE
        assert await plan.inside(plan.card("collect"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_two_hundred_subtasks_stay_usable(
    tasks: ScriptedTasks, width: int, scheme: Any
) -> None:
    tasks.task = large_task()
    async with browsing(tasks, width=width) as browser:
        await browser.page.emulate_media(color_scheme=scheme)
        plan = await Plan(browser, tasks).open()
        await expect(plan.cards).to_have_count(12)
        research = plan.card("fold:research-01")
        await expect(research).to_contain_text("60 subtasks: 60 done")
        await plan.page.locator(".tool.fit").click()
        await plan.all_inside()

        await research.click()
        await expect(plan.cards).to_have_count(71)
        await plan.page.keyboard.press("f")
        await plan.all_inside()
        await plan.card("research-17").click()
        await expect(plan.card("research-17")).to_have_attribute("aria-pressed", "true")
        await expect(plan.page.locator(".st-key-subtask")).to_contain_text("Research topic 17")
        await plan.page.locator(".frame-head").click()
        await expect(plan.cards).to_have_count(12)

        await plan.page.get_by_role("button", name="Unfold all").click()
        await expect(plan.cards).to_have_count(200)
        await plan.all_inside()
        await plan.page.get_by_role("button", name="Fold groups").click()
        await expect(plan.cards).to_have_count(12)
        await browser.fits()


async def test_the_keyboard_alone_is_enough(browser: Browsing, tasks: ScriptedTasks) -> None:
    tasks.task = large_task()
    plan = await Plan(browser, tasks).open()
    press = plan.page.keyboard.press
    await plan.viewport.focus()
    await press("Tab")
    await expect(plan.card("collect")).to_be_focused()
    await press("ArrowRight")
    await expect(plan.card("fold:research-01")).to_be_focused()
    outline = await plan.card("fold:research-01").evaluate(
        "one => getComputedStyle(one).outlineWidth"
    )
    assert outline == "3px"
    await press("Enter")
    head = plan.page.locator(".frame-head")
    await expect(head).to_be_focused()
    await head.press("Tab")
    await plan.card("research-01").focus()
    await press("ArrowRight")
    await expect(plan.card("research-02")).to_be_focused()
    await press("ArrowDown")
    await expect(plan.card("research-07")).to_be_focused()
    await press("Enter")
    await expect(plan.card("research-07")).to_have_attribute("aria-pressed", "true")
    await expect(plan.page.locator(".st-key-subtask")).to_contain_text("Research topic 07")
    await plan.refreshed(2)
    await expect(plan.card("research-07")).to_be_focused()
    await press("Escape")
    await expect(plan.card("research-07")).to_have_attribute("aria-pressed", "false")
    await expect(plan.page.locator(".st-key-subtask")).to_contain_text("Write up topic 08")
    label = await plan.card("publish").get_attribute("aria-label")
    assert label == "Publish the book, waiting, depends on 1, on the critical path"


async def test_zoom_and_pan_are_kept(browser: Browsing, tasks: ScriptedTasks) -> None:
    tasks.task = large_task()
    plan = await Plan(browser, tasks).open()
    press = plan.page.keyboard.press
    await plan.viewport.focus()
    await press("0")
    await expect(plan.level).to_have_text("100 %")
    await press("+")
    await expect(plan.level).to_have_text("125 %")
    await press("-")
    await press("-")
    await expect(plan.level).to_have_text("80 %")
    await plan.page.get_by_role("button", name="Zoom in").click()
    await expect(plan.level).to_have_text("100 %")
    box = await plan.viewport.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] - 12
    await plan.page.mouse.move(x, y)
    await plan.page.keyboard.down("Control")
    await plan.page.mouse.wheel(0, -40)
    await plan.page.keyboard.up("Control")
    await expect(plan.level).to_have_text("122 %")
    before = await plan.viewport.evaluate("one => one.scrollLeft")
    await plan.page.mouse.down()
    await plan.page.mouse.move(x - 150, y, steps=4)
    await plan.page.mouse.up()
    left = await plan.viewport.evaluate("one => one.scrollLeft")
    assert left == pytest.approx(before + 150, abs=2)
    await plan.refreshed(2)
    await expect(plan.level).to_have_text("122 %")
    assert await plan.viewport.evaluate("one => one.scrollLeft") == left
    tasks.task = tasks.task.model_copy(update={"status": TaskStatus.COMPLETED})
    await plan.refreshed(2)  # the page of an ended task is drawn anew once
    await expect(plan.level).to_have_text("122 %")
    assert await plan.viewport.evaluate("one => one.scrollLeft") == left


async def test_two_fingers_zoom(tasks: ScriptedTasks) -> None:
    tasks.task = large_task()
    async with browsing(tasks, width=390) as browser:
        plan = await Plan(browser, tasks).open()
        await plan.card("collect").scroll_into_view_if_needed()
        await expect(plan.level).to_have_text("100 %")
        box = await plan.card("collect").bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        session = await plan.page.context.new_cdp_session(plan.page)

        async def touch(kind: str, *apart: int) -> None:
            points = [
                {"x": x + side * way, "y": y, "id": side} for way in apart for side in (-1, 1)
            ]
            await session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        await session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
        await touch("touchStart", 60)
        await touch("touchMove", 50)
        await touch("touchMove", 30)
        await touch("touchEnd")
        await expect(plan.level).to_have_text("50 %")


async def test_a_click_after_a_drag_is_a_click_again(
    browser: Browsing, tasks: ScriptedTasks
) -> None:
    tasks.task = small_task()
    plan = await Plan(browser, tasks).open()
    box = await plan.card("clean").bounding_box()
    assert box
    x, y = box["x"] + 40, box["y"] + 30
    await plan.page.mouse.move(x, y)
    await plan.page.mouse.down()
    await plan.page.mouse.move(x + 60, y + 5, steps=4)
    await plan.page.mouse.up()
    await expect(plan.card("clean")).to_have_attribute("aria-pressed", "false")
    await plan.card("clean").click()
    await expect(plan.card("clean")).to_have_attribute("aria-pressed", "true")
    await expect(plan.card("load")).to_have_attribute("data-near", "before")
    await expect(plan.card("euros")).to_have_attribute("data-near", "after")


async def test_the_timeline_reads_on_a_narrow_screen(tasks: ScriptedTasks) -> None:
    tasks.task = small_task()
    async with browsing(tasks, width=390) as browser:
        plan = await Plan(browser, tasks).open()
        await plan.page.get_by_role("tab", name="Timeline").click()
        rows = plan.page.locator(".timeline .row")
        await expect(rows).to_have_count(6)
        await expect(rows.first).to_contain_text("critical path")
        await expect(plan.page.locator(".timeline .sentence")).to_contain_text(
            "The longest chain: load"
        )
        track = await rows.first.locator(".track").bounding_box()
        assert track
        assert track["width"] > 280, "the bars have the whole width"
        await browser.fits()
