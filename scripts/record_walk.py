"""Record a walk through one task on a running stack, for docs/walk.md.

    scripts/start.sh && .venv/bin/python -m scripts.record_walk

Does in a real browser what a person would do, and keeps pictures of it: one for each step, and
all of them with what happens in between as one moving picture.
"""

import asyncio
import io
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from PIL import Image
from playwright.async_api import Page, async_playwright, expect

DASHBOARD = os.environ.get("QUINTET_DASHBOARD_URL", "http://127.0.0.1:8501")
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FOLDER = Path(__file__).parents[1] / "docs" / "images" / "walk"
WIDTH, HEIGHT, SHOWN = 1280, 860, 960
STEP_MS, BETWEEN_MS = 2600, 600
PATIENCE_MS = 120_000


class Recorder:
    """The page, and the pictures taken of it with how long each is shown."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._frames: list[tuple[Image.Image, int]] = []
        self._steps = 0

    async def step(self, name: str) -> None:
        """A step of the walk: a still of its own."""
        await self.page.wait_for_timeout(700)  # until what fades has faded
        self._steps += 1
        image = await self._look()
        self._frames.append((image, STEP_MS))
        image.save(FOLDER / f"{self._steps}-{name}.webp", quality=80, method=6)

    async def between(self) -> None:
        """What happens on the way."""
        self._frames.append((await self._look(), BETWEEN_MS))

    async def _look(self) -> Image.Image:
        image = Image.open(io.BytesIO(await self.page.screenshot())).convert("RGB")
        return image.resize((SHOWN, SHOWN * image.height // image.width), Image.Resampling.LANCZOS)

    def save(self) -> None:
        """All pictures in one."""
        first, *rest = [image for image, _ in self._frames]
        first.save(
            FOLDER / "walk.webp",
            save_all=True,
            append_images=rest,
            duration=[shown for _, shown in self._frames],
            loop=0,
            quality=60,
            method=4,
        )


async def walk(recorder: Recorder) -> None:
    """From the request over the plan and its approval to the answer, and a part of it again."""
    page = recorder.page
    await page.goto(DASHBOARD)
    await page.get_by_role("button", name="What do our sales say?").first.click()
    await expect(page.get_by_label("Task", exact=True)).not_to_have_value("")
    await page.get_by_text("Show me the plan before anything runs").click()
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
    await page.locator(".card").nth(1).scroll_into_view_if_needed()
    await page.locator(".card").nth(1).click()
    await page.locator(".st-key-subtask-steering").scroll_into_view_if_needed()
    await recorder.step("evidence")
    await _press(page, "subtask-rerun")
    await expect(page.locator(".st-key-parts-replay")).to_be_visible()
    await recorder.step("rerun")


async def _follow(recorder: Recorder) -> None:
    """Look now and then until the task is over; one of the looks is a step."""
    page, badges = recorder.page, recorder.page.locator(".st-key-badges")
    await page.locator(".card").first.scroll_into_view_if_needed()
    for look in range(200):
        if "In progress" not in await badges.inner_text():
            break
        await (recorder.step("work") if look == 4 else recorder.between())
        await page.wait_for_timeout(900)
    await expect(badges).to_contain_text("Completed", timeout=PATIENCE_MS)
    await expect(page.locator(".st-key-answer")).to_be_visible(timeout=PATIENCE_MS)
    await page.mouse.wheel(0, -20_000)


async def _press(page: Page, key: str) -> None:
    await page.locator(f".st-key-{key} button").first.click()


@asynccontextmanager
async def _recorder() -> AsyncIterator[Recorder]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--headless=new", "--disable-gpu"]
        )
        try:
            page = await browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            page.set_default_timeout(30_000)
            yield Recorder(page)
        finally:
            await browser.close()


async def main() -> None:
    """Record and save."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with _recorder() as recorder:
        await walk(recorder)
        recorder.save()
    sizes = {path.name: path.stat().st_size >> 10 for path in sorted(FOLDER.glob("*.webp"))}
    sys.stdout.write("".join(f"{name}: {size} KiB\n" for name, size in sizes.items()))


if __name__ == "__main__":
    asyncio.run(main())
