"""The pages of thresholds and flags in a real browser without JavaScript, on a phone and on a tablet."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import async_playwright, expect

from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.browser.test_library_page import fits
from tests.browser.world import browser_world

WIDTHS = (390, 820)


async def test_a_lead_tries_and_saves_a_threshold_without_a_script(tmp_path: Path, sqlite_url: str) -> None:
    async with browser_world(tmp_path, sqlite_url) as world, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        context = await browser.new_context(java_script_enabled=False, locale="ja-JP")
        page = await context.new_page()
        page.set_default_timeout(10_000)
        await page.goto(world.url)
        await page.get_by_role("textbox").fill(await world.code("p-ogawa"))
        await page.get_by_role("button").first.click()
        await expect(page.get_by_role("log")).to_be_visible()
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 844})
            await page.goto(f"{world.url}/care/thresholds")
            form = page.get_by_role("region", name="雨か雷の日がつづく")
            await form.get_by_label("つづく日数").fill("4")
            await form.get_by_role("button", name="過去4週間で試す").click()
            await expect(form.get_by_role("status")).to_contain_text("過去4週間に印のつく子はいません。")
            await expect(form.get_by_label("つづく日数")).to_have_value("4")
            await fits(page)
            await form.get_by_role("checkbox").check()
            await form.get_by_role("button", name="保存する").press("Enter")
            await expect(form.get_by_role("status")).to_contain_text("「雨か雷の日がつづく」を保存しました。")
            await page.goto(f"{world.url}/care/flags")
            await expect(page.get_by_text("いま印のついた子はいません。")).to_be_visible()
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await browser.close()
