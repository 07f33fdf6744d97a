"""The form and the list of tasks in a real browser, on an orchestrator that is scripted."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import pytest
from playwright.async_api import FilePayload, Locator, Page, expect

from tests.e2e.browsing import browsing
from tests.e2e.list_world import ListWorld, list_world
from tests.listed_tasks import ListedTasks, listed
from tests.scripted_service import Reply

REFRESHES = 4
# Everything that is put in or taken out of the page, shadow roots included.
COUNT = """() => {
  window.replaced = [];
  const observe = (node) => new MutationObserver((changes) => {
    for (const change of changes)
      for (const one of [...change.addedNodes, ...change.removedNodes])
        window.replaced.push(`${one.nodeName} ${one.className || ''}`);
  }).observe(node, { childList: true, subtree: true });
  const main = document.querySelector('[data-testid=stMain]');
  observe(main);
  for (const one of main.querySelectorAll('*')) if (one.shadowRoot) observe(one.shadowRoot);
}"""


@dataclass
class Screen:
    """A page of the dashboard and the orchestrator behind it."""

    page: Page
    api: ListedTasks
    url: str

    @property
    def rows(self) -> Locator:
        return self.page.locator(".task")

    @property
    def task(self) -> Locator:
        return self.page.get_by_label("Task", exact=True)

    async def open(self, path: str = "") -> None:
        await self.page.goto(f"{self.url}/{path}")
        await expect(self.page.get_by_role("heading").first).to_be_visible()

    async def choose(self, card: str) -> None:
        await self.page.locator(".choice", has_text=card).click()

    async def hand_in(self) -> None:
        await self.page.get_by_role("button", name="Hand it in").click()

    async def asked(self, times: int) -> None:
        """Wait until the list was asked for so often."""
        await self.grown(self.api.asked, len(self.api.asked) + times)

    async def grown(self, heard: Sequence[object], goal: int) -> None:
        """Wait until the orchestrator has heard so much."""
        async with asyncio.timeout(20):
            while len(heard) < goal:
                await self.page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListWorld]:
    with list_world(tmp_path_factory.mktemp("dashboard") / "log") as running:
        yield running


@pytest.fixture
async def screen(world: ListWorld) -> AsyncIterator[Screen]:
    api = world.fresh()
    async with browsing(world) as opened:
        yield Screen(opened.page, api, world.dashboard_url)


async def test_refreshes_replace_nothing_while_the_ages_go_on(screen: Screen) -> None:
    await screen.open("tasks")
    await expect(screen.rows).to_have_count(12)
    await screen.asked(1)
    age = await screen.rows.nth(1).inner_text()
    await screen.page.evaluate(COUNT)
    await screen.asked(REFRESHES)
    await screen.page.wait_for_timeout(300)
    assert await screen.page.evaluate("window.replaced") == []
    assert await screen.rows.nth(1).inner_text() != age


async def test_a_new_task_comes_in_without_moving_the_focus(screen: Screen) -> None:
    await screen.open("tasks")
    await screen.rows.nth(1).focus()
    await screen.page.evaluate("window.kept = document.querySelector('.task')")
    screen.api.tasks.insert(0, listed("Just handed in", "pending", minutes=0))
    await expect(screen.rows.first).to_contain_text("Just handed in")
    await expect(screen.rows.nth(2)).to_be_focused()
    done = screen.api.tasks[2].model_copy(update={"paused_reason": "user"})
    screen.api.tasks[2] = done
    await expect(screen.rows.nth(2)).to_contain_text("Paused")


async def test_rows_open_by_click_and_by_key_and_in_a_new_tab(screen: Screen) -> None:
    await screen.open("tasks")
    wanted = screen.api.tasks[2].id
    await expect(screen.rows.nth(2)).to_have_attribute("href", f"task?id={wanted}")
    await screen.rows.nth(1).focus()
    await screen.page.keyboard.press("ArrowDown")
    await screen.page.keyboard.press("Enter")
    await screen.page.wait_for_url(f"**/task?id={wanted}")
    await screen.page.go_back()
    await screen.rows.first.click()
    await screen.page.wait_for_url(f"**/task?id={screen.api.tasks[0].id}")


async def test_filters_stand_in_the_address_and_outlive_a_reload(screen: Screen) -> None:
    page = screen.page
    await screen.open("tasks")
    await page.get_by_role("button", name="Needs you").click()
    await expect(screen.rows).to_have_count(3)
    await page.get_by_placeholder("Search titles").press_sequentially("report")
    await expect(screen.rows).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/tasks\?q=report&show=needs-you$"))
    await page.reload()
    await expect(screen.rows).to_have_count(1)
    await expect(page.get_by_placeholder("Search titles")).to_have_value("report")
    await screen.rows.first.click()
    await page.wait_for_url("**/task?id=*")
    await page.get_by_role("button", name="All tasks").click()
    await expect(page).to_have_url(re.compile(r"/tasks\?q=report&show=needs-you$"))
    await page.get_by_placeholder("Search titles").fill("zanzibar")
    await page.get_by_role("button", name="Show every task").click()
    await expect(screen.rows).to_have_count(12)
    await expect(page).to_have_url(re.compile(r"/tasks$"))


async def test_an_absence_shows_a_banner_over_the_last_rows(screen: Screen) -> None:
    page = screen.page
    await screen.open("tasks")
    await page.get_by_role("button", name="Older").click()
    await expect(page.get_by_text("Page 2")).to_be_visible()
    await expect(screen.rows).to_have_count(4)
    screen.api.refusal = Reply(hang_up=True)
    await expect(page.get_by_text("What you see is the last that was heard")).to_be_visible()
    await expect(screen.rows).to_have_count(4)
    screen.api.refusal = None
    await expect(page.get_by_text("What you see is the last that was heard")).to_have_count(0)


async def test_the_name_that_was_chosen_stays(screen: Screen) -> None:
    page = screen.page
    await screen.open("tasks")
    await page.get_by_role("combobox").fill("ben")
    await page.get_by_role("option", name="ben").first.click()
    await expect(screen.rows).to_have_count(2)
    await page.get_by_role("button", name="Cancelled").click()
    await expect(screen.rows).to_have_count(1)
    await expect(page).to_have_url(re.compile(r"/tasks\?show=cancelled&by=ben$"))


async def test_an_example_fills_the_form_and_can_be_undone(screen: Screen) -> None:
    page = screen.page
    await screen.open()
    await screen.task.fill("My own words")
    await screen.choose("Clean a year of sales")
    await expect(screen.task).to_have_value(re.compile("^Here are our sales"))
    await expect(page.get_by_text("sales.csv comes with it.")).to_be_visible()
    await screen.choose("You see the plan first")
    await expect(page.get_by_label("Show me the plan before anything runs")).to_be_checked()
    await page.evaluate("window.uploader = document.querySelector('input[type=file]')")
    await page.get_by_role("button", name="Undo").click()
    await expect(screen.task).to_have_value("My own words")
    await expect(page.get_by_label("Show me the plan before anything runs")).not_to_be_checked()
    await expect(page.locator("input[type=file]")).to_have_count(1)
    assert await page.evaluate("window.uploader.isConnected")  # it is the one that was there
    await page.locator("input[type=file]").set_input_files(
        FilePayload(name="own.txt", mimeType="text/plain", buffer=b"mine")
    )
    await expect(page.get_by_text("1 file, 4 B")).to_be_visible()
    await screen.choose("Clean a year of sales")
    await expect(screen.task).to_have_value(re.compile("^Here are our sales"))
    await page.get_by_label("Title (optional)").fill("Another title")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    await screen.hand_in()
    await page.wait_for_url("**/task?id=*")
    body = screen.api.handed_in[0].body
    assert (body.count(b'filename="sales.csv"'), body.count(b'filename="own.txt"')) == (1, 1)


async def test_where_there_are_no_tasks_an_example_is_one_click_away(screen: Screen) -> None:
    screen.api.tasks.clear()
    await screen.open("tasks")
    await screen.choose("The shortest way through")
    await expect(screen.task).to_have_value(re.compile("^Write a one-line haiku"))


async def test_a_last_task_fills_the_form_and_names_its_files(screen: Screen) -> None:
    earlier = screen.api.tasks[5]  # of "me"
    await screen.open()
    await screen.choose(earlier.title)
    await expect(screen.task).to_have_value(earlier.description)
    await expect(screen.page.get_by_text(f"Filled in from “{earlier.title}”")).to_be_visible()


async def test_the_count_follows_the_typing(screen: Screen) -> None:
    said = screen.page.locator(".said")
    await screen.open()
    await expect(said).to_have_text("0 of 5,000 characters · at least 10")
    await screen.task.press_sequentially("Hello")
    await expect(said).to_have_text("5 of 5,000 characters · 5 more needed")
    await screen.task.fill("x" * 5010)
    await expect(said).to_have_text("5,010 of 5,000 characters · 10 too many")
    await screen.hand_in()
    await expect(screen.page.get_by_text("shorten it to 5,000")).to_be_visible()
    assert len(await screen.task.input_value()) == 5010


async def test_a_second_click_before_the_answer_makes_no_second_task(screen: Screen) -> None:
    screen.api.may_answer.clear()
    await screen.open()
    await screen.task.fill("Long enough a task")
    await screen.hand_in()
    await screen.grown(screen.api.handed_in, 1)
    await screen.hand_in()
    await screen.page.wait_for_timeout(300)  # in which the click reaches the dashboard
    screen.api.may_answer.set()
    await screen.grown(screen.api.handed_in, 2)
    await screen.page.wait_for_url("**/task?id=*")
    assert len({one.headers["idempotency-key"] for one in screen.api.handed_in}) == 1


async def test_a_refusal_keeps_words_and_files_and_the_name_is_remembered(screen: Screen) -> None:
    page = screen.page
    screen.api.refused = Reply(503, '{"detail": "no room", "remedy": "try later"}')
    await screen.open()
    await screen.task.fill("Long enough a task")
    await page.locator("input[type=file]").set_input_files(
        FilePayload(name="notes.txt", mimeType="text/plain", buffer=b"a note")
    )
    await expect(page.get_by_text("1 file, 6 B")).to_be_visible()
    await page.get_by_label("Your name").fill("Zoë & Co")
    await page.get_by_role("radio", name="Urgent").click()
    await screen.hand_in()
    await expect(page.get_by_text("Everything you entered is still here")).to_be_visible()
    screen.api.refused = None
    await screen.hand_in()
    await page.wait_for_url("**/task?id=*")
    body = screen.api.handed_in[-1].body
    assert b'filename="notes.txt"' in body
    assert b'name="priority"\r\n\r\n8\r\n' in body
    await screen.open()
    await expect(page.get_by_label("Your name")).to_have_value("Zoë & Co")


async def test_a_reload_loses_no_words_and_makes_no_second_task(screen: Screen) -> None:
    page = screen.page
    back = page.get_by_text("The page was loaded anew")
    await screen.open()
    await page.get_by_role("radio", name="Urgent").click()
    await page.get_by_label("Title (optional)").fill("Mine")
    await screen.task.fill("Words that nobody has seen yet")
    await page.wait_for_function("JSON.parse(sessionStorage.quintet_form).title === 'Mine'")
    await page.reload()
    await expect(screen.task).to_have_value("Words that nobody has seen yet")
    await expect(back).to_be_visible()
    await expect(page.get_by_label("Title (optional)")).to_have_value("Mine")
    screen.api.refused = Reply(hang_up=True)
    await screen.hand_in()
    await expect(page.get_by_text("the same task is never made twice")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("radio", name="Urgent")).to_be_checked()
    screen.api.refused = None
    await screen.hand_in()
    await page.wait_for_url("**/task?id=*")
    assert len({one.headers["idempotency-key"] for one in screen.api.handed_in}) == 1
    await screen.open()
    await expect(page.locator(".said")).to_have_text("0 of 5,000 characters · at least 10")
    await screen.page.wait_for_timeout(500)
    await expect(screen.task).to_have_value("")
    await expect(back).to_have_count(0)


async def test_nothing_is_wider_than_a_telephone(world: ListWorld) -> None:
    world.fresh()
    async with browsing(world, width=390) as narrow:
        for path in ("", "tasks"):
            await narrow.page.goto(f"{world.dashboard_url}/{path}")
            await expect(narrow.page.locator(".task, .choice").first).to_be_visible()
            await narrow.fits()
