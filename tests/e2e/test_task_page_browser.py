"""The task page in a real browser on a scripted task: it stays still, fits, and obeys the keys."""

from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from playwright.async_api import Page, expect

from shared.models import Plan
from tests import ui_records as records
from tests.e2e.browsing import SOON_MS, Browsing, browsing
from tests.e2e.list_world import ListWorld, list_world
from tests.steered_task import SteeredTask, planned, version, waiting
from tests.ticks import ticks

REFRESHES = 2
# Counts what is taken out anywhere in the page, inside of every drawing of ours too.
WATCH_ALL = """() => {
  window.taken = [];
  const told = (changes) => {
    for (const change of changes)
      for (const node of change.removedNodes) window.taken.push(node.outerHTML || node.data || "");
  };
  const watch = (root) => {
    new MutationObserver(told).observe(root, { childList: true, subtree: true });
    for (const node of root.querySelectorAll("*")) if (node.shadowRoot) watch(node.shadowRoot);
  };
  watch(document.querySelector("[data-testid=stMain]"));
}"""
LINES = [
    records.log_entry(1, "I read the file first."),
    records.log_entry(2, "Read sales.csv", kind="tool.called", data={"call": "a"}),
    records.log_entry(
        3, "Read done", kind="tool.returned", data={"call": "a", "excerpt": "3 rows", "seconds": 1}
    ),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListWorld]:
    with list_world(tmp_path_factory.mktemp("task-page") / "dashboard.log") as opened:
        yield opened


@pytest.fixture(params=[1280, 390])
async def browser(world: ListWorld, request: pytest.FixtureRequest) -> AsyncIterator[Browsing]:
    async with browsing(world, request.param) as opened:
        yield opened


@pytest.fixture
async def wide(world: ListWorld) -> AsyncIterator[Browsing]:
    async with browsing(world) as opened:
        yield opened


def finished() -> SteeredTask:
    load = records.subtask("load", "completed", evidence="verified")
    task = records.task("completed", load, answer="**Done.**", simulated=True)
    return SteeredTask(task, entries=LINES)


def running() -> SteeredTask:
    load = records.subtask("load", "running")
    return SteeredTask(records.task("in_progress", load, simulated=True), entries=LINES)


def proposed() -> SteeredTask:
    plan = Plan(summary="Load, then draw.", subtasks=(planned("load"), planned("draw", "load")))
    first = version(1, plan)
    return SteeredTask(waiting(first), [first])


def paused() -> SteeredTask:
    load = records.subtask("load", "completed", evidence="verified")
    rest = records.subtask("chart", "pending", "load")
    task = records.task("in_progress", load, rest, paused_reason="user", simulated=True)
    return SteeredTask(task, entries=LINES)


async def opened(world: ListWorld, page: Page, api: SteeredTask) -> None:
    world.service.answer = api
    await page.goto(f"{world.dashboard_url}/task?id={api.task.id}")
    await expect(page.locator(".st-key-badges")).to_be_visible(timeout=SOON_MS)
    await expect(page.locator(".card").first).to_be_visible(timeout=SOON_MS)


async def refreshed(world: ListWorld, api: SteeredTask, times: int) -> None:
    """Wait until the page has asked for the task so many times more."""
    path = f"/tasks/{api.task.id}"

    def asked() -> int:
        return sum(one.path == path for one in world.service.seen)

    before = asked()
    async for _ in ticks(within=60, every=0.1):
        if asked() >= before + times:
            return


@pytest.mark.parametrize("make", [finished, proposed, paused])
async def test_a_refresh_without_change_takes_nothing_out(
    world: ListWorld, wide: Browsing, make: Callable[[], SteeredTask]
) -> None:
    api = make()
    await opened(world, wide.page, api)
    await refreshed(world, api, 1)
    await expect(wide.page.get_by_test_id("stSkeleton")).to_have_count(0, timeout=SOON_MS)
    await wide.page.evaluate(WATCH_ALL)
    await refreshed(world, api, REFRESHES)
    assert await wide.page.evaluate("window.taken") == []


@pytest.mark.parametrize("make", [finished, running, proposed])
async def test_the_page_fits_its_window(
    world: ListWorld, browser: Browsing, make: Callable[[], SteeredTask]
) -> None:
    api = make()
    await opened(world, browser.page, api)
    await expect(browser.page.locator(".st-key-happening")).to_be_visible()
    await expect(browser.page.locator(".st-key-badges")).to_contain_text("Simulated model")
    await browser.settled()
    await browser.fits()


async def test_a_dialog_is_worked_with_keys_alone(world: ListWorld, wide: Browsing) -> None:
    api, page = running(), wide.page
    await opened(world, page, api)
    await page.locator(".st-key-steer-cancel button").focus()
    await page.keyboard.press("Enter")
    confirm = page.locator(".st-key-confirm-cancel button")
    await expect(confirm).to_be_visible()
    await refreshed(world, api, 1)
    await expect(confirm).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(confirm).to_have_count(0)
    assert api.done == []
    await page.locator(".st-key-steer-cancel button").focus()
    await page.keyboard.press("Enter")
    await confirm.focus()
    await page.keyboard.press("Enter")
    await expect(confirm).to_have_count(0)
    assert api.done == [("cancel", None)]


async def test_two_clicks_send_one_request(world: ListWorld, wide: Browsing) -> None:
    api, page = running(), wide.page
    await opened(world, page, api)
    await page.locator(".st-key-steer-pause button").click()
    confirm = page.locator(".st-key-confirm-pause button")
    await confirm.dblclick()
    await expect(confirm).to_have_count(0)
    await refreshed(world, api, 1)
    assert api.done == [("pause", {"running": "finish"})]
    await expect(page.get_by_text("Paused by a person")).to_be_visible()


async def test_the_feed_folds_out_with_keys_and_stays_open(
    world: ListWorld, wide: Browsing
) -> None:
    api, page = running(), wide.page
    await opened(world, page, api)
    line = page.locator(".feed .line", has_text="sales.csv")
    await line.locator("summary").focus()
    await page.keyboard.press("Enter")
    await expect(line.locator("pre")).to_have_text("3 rows")
    api.entries = [*LINES, records.log_entry(4, "Now I write it.")]
    await expect(page.locator(".feed")).to_contain_text("Now I write it.")
    await expect(line.locator("pre")).to_be_visible()


async def test_the_last_is_kept_while_the_orchestrator_restarts(
    world: ListWorld, wide: Browsing
) -> None:
    api, page = running(), wide.page
    await opened(world, page, api)
    api.away = True
    banner = page.get_by_text("What you see is the last that was heard.")
    await expect(banner).to_be_visible(timeout=SOON_MS)
    await expect(page.locator(".st-key-steer-cancel button")).to_be_disabled()
    await expect(page.locator(".card")).to_be_visible()
    api.away = False
    await expect(banner).to_have_count(0, timeout=SOON_MS)
    await expect(page.locator(".st-key-steer-cancel button")).to_be_enabled()


async def test_times_of_day_are_those_of_who_looks(world: ListWorld, wide: Browsing) -> None:
    browser = wide.page.context.browser
    assert browser
    page = await browser.new_page(timezone_id="Asia/Tokyo")
    await opened(world, page, finished())
    await expect(page.locator(".feed")).to_contain_text("21:00:01", timeout=SOON_MS)


async def test_a_tab_is_made_when_it_is_opened(world: ListWorld, wide: Browsing) -> None:
    api, page = paused(), wide.page
    await opened(world, page, api)
    await expect(page.get_by_test_id("stDataFrame")).to_have_count(1, timeout=SOON_MS)
    assert await page.locator(".timeline").count() == 0
    await page.get_by_role("tab", name="Timeline").click()
    await expect(page.locator(".st-key-happening")).to_contain_text("Title of load")
    await page.get_by_role("tab", name="Request").click()
    await expect(page.get_by_text("Which region sold most?")).to_be_visible()
    await refreshed(world, api, 1)
    await expect(page.get_by_text("Which region sold most?")).to_be_visible()
