"""How results were looked at, as a person sees it in a real browser."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import expect

from tests.e2e.browsing import RESTING_SECONDS, Browsing, LiveStack, browsing


@pytest.fixture
async def browser(live_stack: LiveStack) -> AsyncIterator[Browsing]:
    async with browsing(live_stack) as opened:
        yield opened


async def test_a_corrected_result_shows_its_way_to_being_verified(browser: Browsing) -> None:
    page = browser.page
    await browser.hand_in("Write a letter that is right at the second try.")
    await browser.ends("Completed")
    await expect(page.locator(".st-key-evidence")).to_contain_text("1 verified")
    card = page.locator(".card[data-evidence=verified]")
    await expect(card.locator(".note")).to_contain_text("Verified · ↻ 1")

    panel = page.locator(".st-key-subtask")
    await expect(panel).to_contain_text("Its check passed. Before that it was sent back once.")
    await expect(panel.locator(".row[data-outcome=passed]")).to_contain_text("letter.md")
    await expect(panel.locator(".row[data-outcome=supported]").first).to_contain_text("letter.md")
    step = panel.locator(".step[data-outcome=passed]")
    for words in ("no file matches letter.md", "added letter.md", "Accepted", "tokens · $"):
        await expect(step).to_contain_text(words)

    await browser.watch(".sheet")
    await step.get_by_text("What its agent was told").click()
    await page.wait_for_timeout(1.5 * RESTING_SECONDS * 1000)
    await expect(step.locator("pre")).to_be_visible()
    assert await browser.taken_out() == 0


async def test_a_result_that_never_passes_shows_what_its_check_printed_last(
    browser: Browsing,
) -> None:
    page = browser.page
    await browser.hand_in("Write a median function whose test never passes please.")
    await browser.ends("Failed")
    await expect(page.locator(".card[data-status=failed]")).to_contain_text("Failed its checks")
    panel = page.locator(".st-key-subtask")
    await expect(panel).to_contain_text("Its result was not accepted.")
    await expect(panel).to_contain_text("Not accepted after 3 corrections: its checks failed.")
    failed = panel.locator(".row[data-outcome=failed]")
    await expect(failed.locator("code")).to_have_text("python -m pytest -q test_median.py")
    await expect(failed.locator("pre")).to_be_visible()
    await expect(failed.locator("pre")).to_contain_text("1 failed, 1 passed")
    outcomes = await panel.locator(".step").evaluate_all("all => all.map(o => o.dataset.outcome)")
    assert outcomes == ["failed", "repeated", "failed"]
    await page.set_viewport_size({"width": 390, "height": 900})
    await expect(failed.locator("pre")).to_be_visible()
    await browser.fits()


async def test_a_review_asked_for_in_the_form_shows_its_scores_and_quotes(
    browser: Browsing,
) -> None:
    page = browser.page
    request = "Write a report that needs rework by its author."
    await browser.hand_in(request, review="Every result")
    await browser.ends("Completed")
    await expect(page.locator(".st-key-evidence")).to_contain_text("1 reviewed")
    review = page.locator(".review")
    await expect(review.locator(".verdict")).to_contain_text("Approved")
    await expect(review.locator(".score")).to_have_count(5)
    await expect(review.locator("q")).to_contain_text("readings.csv")
    await expect(page.locator(".step .why").first).to_contain_text("It was rather mild")
