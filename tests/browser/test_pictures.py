"""A picture in the chat page, on a phone."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import async_playwright, expect

from assistant.bootstrap import HANDLERS
from assistant.charts import describe
from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.browser.world import browser_world
from tests.builders.pictures import STAFF, on_picture, week

# Fails for a picture that could not be fetched, or that the page's rules forbid.
WIDTH = "image => image.decode().then(() => image.naturalWidth)"


async def test_a_teacher_sees_the_picture_on_a_phone_and_opens_it_large(tmp_path: Path, sqlite_url: str) -> None:
    complaints: list[str] = []
    async with (
        browser_world(tmp_path, sqlite_url, handlers=(on_picture, *HANDLERS)) as world,
        async_playwright() as playwright,
    ):
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        page = await chromium.new_page(viewport={"width": 390, "height": 844}, locale="ja-JP", device_scale_factor=3)
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(world.url)
        await page.get_by_role("textbox").fill(await world.code("t-ito"))
        await page.get_by_role("button").first.click()
        await page.wait_for_load_state()
        await page.get_by_role("textbox").fill("グラフ")
        await page.keyboard.press("Enter")
        image = page.get_by_role("img", name=str(describe(week(), STAFF)))
        await expect(image).to_be_visible()
        assert await image.evaluate(WIDTH) == 1080
        box = await image.bounding_box()
        assert box is not None
        assert box["width"] > 300  # wide enough to be read without opening it
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await page.screenshot(path=tmp_path / "picture.png")
        async with page.expect_popup() as opened:
            await image.click()
        large = await opened.value
        await large.wait_for_load_state()
        assert await large.locator("img").evaluate(WIDTH) == 1080
        await chromium.close()
    assert complaints == []
