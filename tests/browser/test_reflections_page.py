"""The page of replies in a real browser without JavaScript, on a phone and a tablet."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, time
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright, expect
from sqlalchemy import insert

from knowledge.records.accounts import Account
from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_reflections_page import MONDAY, reflected
from tests.worlds import TOKYO


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    """Monday at four; Hana has written, and can be written to."""
    async with browser_world(tmp_path, sqlite_url) as world:
        world.clock.moment = datetime.combine(MONDAY, time(16), TOKYO)
        at = world.clock.now()
        async with world.core.database.write() as connection:
            hana = {"id": "browser:hana", "channel": "browser", "person_id": "s-hana"}
            await connection.execute(insert(Account).values(**hana, linked_at=at, last_seen_at=at, reachable=True))
        await reflected(world, "s-hana")
        yield world


@pytest.mark.parametrize("width", [390, 820])
async def test_a_suggestion_is_chosen_changed_and_sent_without_a_script(
    chromium: Browser, world: BrowserWorld, width: int
) -> None:
    context = await chromium.new_context(viewport={"width": width, "height": 900}, java_script_enabled=False)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(world.url)
    await page.get_by_role("textbox").fill(await world.code("t-ito"))
    await page.get_by_role("button").first.click()
    await page.goto(f"{world.url}/care")
    await page.get_by_role("link", name="ふりかえりへの返信").click()
    suggestion = page.get_by_role("region", name="返信", exact=True).get_by_role("listitem").nth(1)
    words = await suggestion.inner_text()
    await suggestion.get_by_role("link").click()
    field = page.get_by_label("送る言葉")
    await expect(field).to_have_value(words)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [await each.bounding_box() for each in await page.locator("button, main a").all()]
    assert boxes and [box for box in boxes if box is None or box["height"] < 48] == []
    await field.fill(f"{words}またきかせてね。")
    await page.get_by_role("button", name="送る").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("送りました")
    await page.get_by_role("link", name="最近声をかけていない子を見る").click()
    await expect(page.get_by_role("row", name="佐藤 花")).to_contain_text("今日")
    await context.close()
