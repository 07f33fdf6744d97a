"""The pages about the agents and about the system, against scripted answers."""

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.async_api import Locator, Page, expect
from pydantic import BaseModel
from streamlit.testing.v1 import AppTest

from shared.models import AgentView, AgentWork, SystemView
from tests import system_records as records
from tests.app_pages import AppPages, played_service
from tests.e2e.browsing import SOON_MS, Browsing, browsing
from tests.e2e.dashboard_program import dashboard_program
from tests.scripted_service import Reply, Request, ScriptedService, scripted_service
from tests.ticks import ticks

REFRESHES = 3


@dataclass
class Orchestrator:
    """Answers as the API does, from the figures it is given."""

    api_url: str
    dashboard_url: str = ""
    system: SystemView = field(default_factory=records.system)
    agents: list[AgentView] = field(default_factory=lambda: [records.agent()])
    work: list[AgentWork] = field(default_factory=lambda: [records.work()])
    refusal: Reply | None = None
    asked: list[str] = field(default_factory=list)

    @property
    def refreshes(self) -> int:
        """How often a page asked for all that it shows."""
        return sum(path.startswith(("/system", "/agents/work")) for path in self.asked)

    def __call__(self, request: Request) -> Reply:
        path = request.path.partition("?")[0]
        if self.refusal:
            return self.refusal
        self.asked.append(request.path)
        if path == "/ready":
            return Reply(200, '{"status": "ready", "simulated": true}')
        if path == "/system":
            return Reply(200, self.system.model_dump_json())
        if path == "/agents":
            return Reply(200, _listed("agents", self.agents))
        if path == "/agents/work":
            return Reply(200, _listed("work", self.work))
        if path == "/tasks":
            return Reply(200, '{"tasks": [], "next_cursor": null}')
        name = path.split("/")[2]
        if name not in {agent.agent_id for agent in self.agents}:
            return Reply(404, '{"detail": "there is no such agent"}')
        tried = [
            records.attempt(),
            records.attempt("failed", attempt=2, failure_kind="checks", error="exit 1"),
        ]
        return Reply(200, records.history(name, *tried).model_dump_json())


def _listed(name: str, found: list[AgentView] | list[AgentWork]) -> str:
    rows: list[BaseModel] = [*found]
    return json.dumps({name: [json.loads(one.model_dump_json()) for one in rows]})


class Dashboard(AppPages):
    """The app in this process, and the orchestrator behind it."""

    def __init__(self, service: ScriptedService) -> None:
        super().__init__(service)
        self.api = service.answer = Orchestrator(service.url)

    def open(self, page: str) -> AppTest:
        self.run()
        self.turn_to(page)
        return self.app


@pytest.fixture
def dashboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dashboard]:
    with played_service(monkeypatch) as service:
        yield Dashboard(service)


def test_the_system_is_told_in_words_beside_its_charts(dashboard: Dashboard) -> None:
    dashboard.open("system")
    words = dashboard.words()
    for shown in (
        "PostgreSQL answers",
        "Redis answers",
        "The ledger keeps its rules",
        "Tasks in work: 3",
        "A task takes: 1 min 14 s (95 % within 3 min 20 s)",
        "4 tasks came in in the last hour",
        "1 attempt was lost",
        "Over all 11 attempts: 12 s and 30 s",
        "Connections: 9 of 100",
        "Up for: 1 h 2 min",
    ):
        assert shown in words, words
    tables = [table.value.to_string() for table in dashboard.app.table]
    assert "data analysis (normal)" in tables[0]
    assert "Agents' work, a-model (simulated)" in tables[1]
    assert "Two open attempts" in tables[2]


def test_a_quiet_system_says_so_in_place_of_every_chart(dashboard: Dashboard) -> None:
    view = records.system()
    assert view.work is not None
    quiet = view.work.model_copy(update={"lanes": ()})
    dashboard.api.system = view.model_copy(
        update={"activity": records.activity(), "work": quiet, "samples": ()}
    )
    dashboard.open("system")
    words = dashboard.words()
    for shown in (
        "No task was handed in and none has ended in the last hour.",
        "No subtask was worked on in the last hour.",
        "Nothing waits and nothing runs.",
        "No attempt has completed or failed in the last hour.",
        "Nothing has failed in the last hour.",
        "No model was called in the last hour.",
        "nothing to draw yet",
    ):
        assert shown in words, words


def test_figures_that_are_still_read_are_announced(dashboard: Dashboard) -> None:
    dashboard.api.system = records.system().model_copy(
        update={"activity": None, "work": None, "violations": None, "database": None}
    )
    dashboard.open("system")
    assert "The figures are being read." in dashboard.words()
    assert "The ledger's rules were not checked yet" in dashboard.words()


def test_another_period_is_asked_for(dashboard: Dashboard) -> None:
    app = dashboard.open("system")
    app.button_group(key="period").set_value("week").run()
    assert not app.exception
    assert dashboard.api.asked[-1] == "/system?period=week"


def test_what_is_wrong_is_said_first(dashboard: Dashboard) -> None:
    dashboard.api.system = records.system(
        postgresql=False, redis=False, age_seconds=80, violations={"two_open_attempts": 3}
    )
    app = dashboard.open("system")
    assert "PostgreSQL does not answer" in app.warning[0].value
    assert "These figures are 1 min 20 s old." in app.warning[0].value
    assert "- Two open attempts: 3" in app.error[0].value
    words = dashboard.words()
    assert "Redis is away, work goes on more slowly" in words
    assert "The ledger holds what must not be" in words


@pytest.mark.parametrize("page", ["system", "agents"])
def test_when_the_orchestrator_is_away_the_last_is_kept_and_it_says_so(
    dashboard: Dashboard, page: str
) -> None:
    app = dashboard.open(page)
    shown = dashboard.words()
    dashboard.api.refusal = Reply(hang_up=True)
    app.run()
    assert "What you see is the last that was heard." in app.warning[0].value
    assert set(shown.splitlines()) - set(dashboard.words().splitlines()) == {
        ":green-badge[:material/group: 1 of 1 agents available]",
        ":orange-badge[:material/science: Simulated model]",
    } - set(dashboard.words().splitlines())
    dashboard.api.refusal = None
    app.run()
    assert dashboard.words() == shown


def test_the_agents_and_what_they_do(dashboard: Dashboard) -> None:
    idle = {"running": (), "samples": ()}
    dashboard.api.agents += [
        records.agent("agent-2", state="silent", seconds_since_beat=75.0, **idle),
        records.agent("agent-3", state="idle", **idle),
    ]
    dashboard.open("agents")
    words = dashboard.words()
    for shown in (
        "Agents here: 2 of 3 (1 silent)",
        "**Draw the chart**",
        "Sales by region · for 1 min 5 s · attempt 2",
        "Write chart.py",
        "CPU **42 %**",
        "7 completed · 1 failed",
        "Last heard of 1 min 15 s ago",
        "Nothing at the moment",
    ):
        assert shown in words, words
    assert "/agents?samples=60" in dashboard.api.asked
    assert not [path for path in dashboard.api.asked if "history" in path]


def test_no_agents_yet_says_what_will_happen(dashboard: Dashboard) -> None:
    dashboard.api.agents, dashboard.api.work = [], []
    dashboard.open("agents")
    assert "Agents appear here within seconds of starting." in dashboard.words()


def test_one_agent_has_a_history(dashboard: Dashboard) -> None:
    app = dashboard.open("agents")
    next(one for one in app.button if one.label == "History").click().run()
    assert app.query_params["agent"] == "agent-1"
    before = len(dashboard.api.asked)
    app.run()
    assert "/agents?samples=60" not in dashboard.api.asked[before:]
    words = dashboard.words()
    for shown in (
        "Completed: 9 (90 % of those judged)",
        "Checks failed: exit 1",
        "$0.0213 simulated",
        "Its last attempts",
    ):
        assert shown in words, words
    next(one for one in app.button if one.label == "All agents").click().run()
    assert "agent" not in app.query_params
    assert "Its last attempts" not in dashboard.words()


def test_an_agent_that_nobody_knows_is_told(dashboard: Dashboard) -> None:
    dashboard.app.query_params["agent"] = "nobody"
    app = dashboard.open("agents")
    app.query_params["agent"] = "nobody"
    app.run()
    assert "There is no such agent" in app.error[0].value


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orchestrator]:
    """The dashboard as a program of its own."""
    log_file = tmp_path_factory.mktemp("dashboard") / "log"
    with scripted_service() as service, dashboard_program(service, log_file) as url:
        service.answer = api = Orchestrator(service.url, url)
        yield api


@pytest.fixture
async def browser(serving: Orchestrator) -> AsyncIterator[Browsing]:
    async with browsing(serving) as opened:
        yield opened


@pytest.mark.parametrize(
    ("address", "sign", "drawings"),
    [
        ("/system", "Up for", 12),
        ("/agents", "Slots in use", 2),
        ("/agents?agent=agent-1", "Its last attempts", 2),
    ],
)
async def test_refreshes_without_news_replace_nothing(
    browser: Browsing, serving: Orchestrator, address: str, sign: str, drawings: int
) -> None:
    page = browser.page
    await page.goto(f"{serving.dashboard_url}{address}")
    await expect(page.get_by_text(sign).first).to_be_visible(timeout=SOON_MS)
    await expect(page.locator("svg.marks")).to_have_count(drawings, timeout=SOON_MS)
    await _refreshed(serving, 2)  # the first settles what was drawn in pieces
    await browser.settled()
    await browser.watch("[data-testid=stMain]")
    await _refreshed(serving, REFRESHES)
    assert await browser.taken_out() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_a_narrow_screen_needs_no_sideways_scrolling(
    serving: Orchestrator, theme: str
) -> None:
    async with browsing(serving, width=390) as narrow:
        page = narrow.page
        await page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        for path, sign in (("/system", "Up for"), ("/agents", "Slots in use")):
            await page.goto(f"{serving.dashboard_url}{path}")
            await expect(page.get_by_text(sign).first).to_be_visible(timeout=SOON_MS)
            await narrow.settled()
            await narrow.fits()


async def test_the_keyboard_reaches_periods_and_histories(
    browser: Browsing, serving: Orchestrator
) -> None:
    page = browser.page
    await page.goto(f"{serving.dashboard_url}/system")
    await _tab_to(page, page.get_by_role("radio", name="Last hour"))
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("radio", name="Last 24 hours")).to_be_checked(timeout=SOON_MS)
    async for _ in ticks(within=SOON_MS / 1000, every=0.1):
        if "/system?period=day" in serving.asked:
            break
    await page.goto(f"{serving.dashboard_url}/agents")
    await _tab_to(page, page.get_by_role("button", name="History"))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Its last attempts")).to_be_visible(timeout=SOON_MS)


async def _refreshed(serving: Orchestrator, times: int) -> None:
    """Wait until the pages have asked so often again."""
    goal = serving.refreshes + times
    async for _ in ticks(within=60, every=0.1):
        if serving.refreshes > goal:
            break


async def _tab_to(page: Page, wanted: Locator) -> None:
    await wanted.wait_for(timeout=SOON_MS)
    for _ in range(40):
        if await wanted.evaluate("one => one === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    pytest.fail("the Tab key does not lead there")
