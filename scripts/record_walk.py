"""Take the pictures of the documentation on a running stack, as a person would see it all.

    scripts/start.sh && scripts/test.sh static   # the second installs the browser's driver
    .venv/bin/python -m scripts.record_walk [walk|looks]

`walk` does in a real browser what a person would do with one task: a picture of each step, all
of them with what happens in between as one moving picture, and a part that was corrected.
`looks` puts each page on a sheet, light and dark, wide and narrow. Without a word it does both.
"""

import argparse
import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

DASHBOARD = os.environ.get("QUINTET_DASHBOARD_URL", "http://127.0.0.1:8501")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
IMAGES = Path(__file__).parents[1] / "docs" / "images"
WALK, LOOKS = IMAGES / "walk", IMAGES / "looks"
CORRECTED = IMAGES / "evidence-corrected.png"
STEPS = ("request", "plan", "approval", "work", "answer", "evidence", "rerun")
WIDTH, HEIGHT, SHOWN = 1280, 860, 960
STEP_MS, BETWEEN_MS = 2600, 600
PATIENCE_MS = 120_000
FADING_MS = 700

PAGES = {
    "new-task": ("", ".choice"),
    "tasks": ("/tasks", ".task"),
    "task": ("", ".card"),  # of the newest task that is completed
    "agents": ("/agents", "h3"),
    "system": ("/system", "svg.marks"),
}
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
WINDOWS = ((1280, 1000), (390, 1000))
ROW, MARGIN = 640, 12  # pixels: how high a page is on its sheet, and between pages
BACKGROUND = (128, 132, 145)
RESTS = """() => document.querySelector('[data-testid=stApp]')?.dataset.testScriptState
  === 'notRunning' && !document.querySelector('[data-testid=stSkeleton], [data-stale=true]')"""


class Recorder:
    """The page, and the pictures taken of it with how long each is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._frames: list[tuple[Image.Image, int]] = []

    async def step(self, name: str) -> None:
        """A step of the walk: a still of its own."""
        await self.page.wait_for_timeout(FADING_MS)
        image = await self._look()
        self._frames.append((image, STEP_MS))
        image.save(WALK / f"{STEPS.index(name) + 1}-{name}.webp", quality=80, method=6)

    async def between(self) -> None:
        """What happens on the way."""
        self._frames.append((await self._look(), BETWEEN_MS))

    async def _look(self) -> Image.Image:
        await self.page.mouse.move(1, 1)  # or what was pressed last looks pointed at
        image = _picture(await self.page.screenshot())
        return image.resize((SHOWN, SHOWN * image.height // image.width), Image.Resampling.LANCZOS)

    def save(self) -> None:
        """All pictures in one."""
        first, *rest = [image for image, _ in self._frames]
        first.save(
            WALK / "walk.webp",
            save_all=True,
            append_images=rest,
            duration=[shown for _, shown in self._frames],
            loop=0,
            quality=60,
            method=4,
        )


async def walk(browser: Browser) -> None:
    """From the request over the plan and its approval to the answer, and a part of it again."""
    page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    recorder = Recorder(page)
    await page.goto(DASHBOARD)
    await page.get_by_role("button", name="What do our sales say?").first.click()
    await expect(page.get_by_label("Task", exact=True)).not_to_have_value("")
    await page.wait_for_function(RESTS)
    await page.get_by_text("Show me the plan before anything runs").click()
    await page.wait_for_function(RESTS)
    await expect(page.get_by_label("Show me the plan before anything runs")).to_be_checked()
    await _begin(page)
    await recorder.step("request")
    await page.get_by_role("button", name="Hand it in").click()
    await page.wait_for_url("**/task?id=*")
    await recorder.between()
    badges = page.locator(".st-key-badges")
    await expect(badges).to_contain_text("Waits for your approval", timeout=PATIENCE_MS)
    await expect(page.locator(".card").first).to_be_visible()
    await recorder.step("plan")
    await _press(page, "steer-approve")
    await expect(page.get_by_role("dialog")).to_be_visible()
    await recorder.step("approval")
    await _press(page, "confirm-approve")
    await expect(badges).to_contain_text("In progress", timeout=PATIENCE_MS)
    await _follow(recorder)
    await recorder.step("answer")
    await page.locator(".card").nth(1).click()
    await _to_the_top(page.locator(".st-key-subtask"), below=220)  # with its place in the plan
    await recorder.step("evidence")
    await _press(page, "subtask-rerun")
    await expect(page.locator(".st-key-parts-replay")).to_be_visible()
    await recorder.step("rerun")
    recorder.save()
    await page.close()


async def _follow(recorder: Recorder) -> None:
    """Look now and then until the task is over; the first look at a working agent is a step."""
    page, badges = recorder.page, recorder.page.locator(".st-key-badges")
    working = page.locator(".card[data-status=running]").first
    await expect(working).to_be_visible(timeout=PATIENCE_MS)
    await _to_the_top(page.locator(".st-key-plan"))
    await recorder.step("work")
    for _ in range(200):
        if "In progress" not in await badges.inner_text():
            break
        await recorder.between()
        await page.wait_for_timeout(900)
    await expect(badges).to_contain_text("Completed", timeout=PATIENCE_MS)
    await expect(page.locator(".st-key-answer")).to_be_visible(timeout=PATIENCE_MS)
    await page.wait_for_function(RESTS)
    await _begin(page)


async def corrected(browser: Browser) -> None:
    """A part that failed its check, was sent back, and passed."""
    page = await browser.new_page(viewport={"width": WIDTH, "height": 1400})
    await page.goto(DASHBOARD)
    await page.get_by_label("Task", exact=True).fill(
        "Write a letter that is right at the second try."
    )
    await page.get_by_role("button", name="Hand it in").click()
    await page.wait_for_url("**/task?id=*")
    await expect(page.locator(".st-key-badges")).to_contain_text("Completed", timeout=PATIENCE_MS)
    panel = page.locator(".st-key-subtask")
    await expect(panel.locator(".step")).to_be_visible(timeout=PATIENCE_MS)
    await page.wait_for_function(RESTS)
    await _to_the_top(panel)
    await page.wait_for_timeout(FADING_MS)
    _picture(await panel.screenshot()).quantize(128).save(CORRECTED, optimize=True)
    await page.close()


async def looks(browser: Browser) -> None:
    """Every page on a sheet of its own: a row light and a row dark, wide and narrow."""
    page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    await page.goto(f"{DASHBOARD}/tasks?show=completed")
    newest = await page.locator(".task", has_text="sales").first.get_attribute("href")
    await page.close()
    for name, (path, sign) in PAGES.items():
        address = f"{DASHBOARD}/{newest}" if name == "task" else DASHBOARD + path
        rows = []
        for scheme in SCHEMES:
            rows.append([await _look(browser, address, sign, scheme, size) for size in WINDOWS])
        _sheet(rows).save(LOOKS / f"{name}.webp", quality=82, method=6)


async def _look(
    browser: Browser, address: str, sign: str, scheme: Scheme, size: tuple[int, int]
) -> Image.Image:
    width, height = size
    page = await browser.new_page(
        viewport={"width": width, "height": height}, color_scheme=scheme, device_scale_factor=1
    )
    await page.goto(address)
    await expect(page.locator(sign).first).to_be_visible(timeout=PATIENCE_MS)
    # Not until it rests: on a busy machine some pages hardly do between two refreshes.
    await expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    if sign == ".card":
        await _to_the_top(page.locator(".st-key-plan"))  # what is above it is in the walk
    await page.wait_for_timeout(2 * FADING_MS)
    image = _picture(await page.screenshot())
    await page.close()
    return image.resize((image.width * ROW // image.height, ROW), Image.Resampling.LANCZOS)


def _sheet(rows: list[list[Image.Image]]) -> Image.Image:
    width = sum(image.width + MARGIN for image in rows[0]) + MARGIN
    sheet = Image.new("RGB", (width, len(rows) * (ROW + MARGIN) + MARGIN), BACKGROUND)
    for down, row in enumerate(rows):
        x = MARGIN
        for image in row:
            sheet.paste(image, (x, MARGIN + down * (ROW + MARGIN)))
            x += image.width + MARGIN
    return sheet


def _picture(screenshot: bytes) -> Image.Image:
    return Image.open(io.BytesIO(screenshot)).convert("RGB")


async def _begin(page: Page) -> None:
    await page.locator("[data-testid=stMain]").evaluate("main => main.scrollTo(0, 0)")


async def _to_the_top(part: Locator, *, below: int = 72) -> None:
    """Below the navigation, which stays at the top."""
    await part.evaluate(
        "(one, below) => { one.style.scrollMarginTop = `${below}px`;"
        " one.scrollIntoView({ block: 'start' }); }",
        below,
    )


async def _press(page: Page, key: str) -> None:
    await page.locator(f".st-key-{key} button").first.click()


@asynccontextmanager
async def _browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--headless=new", "--disable-gpu"]
        )
        try:
            yield browser
        finally:
            await browser.close()


async def record(what: str) -> None:
    """Take the pictures that are asked for."""
    expect.set_options(timeout=30_000)
    for folder in (WALK, LOOKS):
        folder.mkdir(parents=True, exist_ok=True)
    async with _browser() as browser:
        if what != "looks":
            await walk(browser)
            await corrected(browser)
        if what != "walk":
            await looks(browser)


def main() -> None:
    """Take the pictures and say how large they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", nargs="?", choices=("walk", "looks", "all"), default="all")
    asyncio.run(record(parser.parse_args().what))
    found = [CORRECTED, *WALK.glob("*.webp"), *LOOKS.glob("*.webp")]
    for path in sorted(found):
        sys.stdout.write(f"{path.relative_to(IMAGES)}: {path.stat().st_size >> 10} KiB\n")


if __name__ == "__main__":
    main()
