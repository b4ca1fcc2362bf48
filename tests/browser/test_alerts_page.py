"""The page of alerts in a real browser: on a phone and a tablet, by hand and by keyboard, without a script."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.browser.test_library_page import fits
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_alerts_page import PATH, cry


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        yield world


@pytest.mark.parametrize("width", [390, 820])
async def test_a_teacher_reads_an_alert_writes_a_note_and_closes_it(world: BrowserWorld, width: int) -> None:
    complaints: list[str] = []
    await cry(world)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        page = await chromium.new_page(
            viewport={"width": width, "height": 844}, locale="ja-JP", java_script_enabled=width > 500
        )
        page.on("console", lambda message: complaints.append(message.text))
        page.set_default_timeout(10_000)
        await page.goto(world.url)
        await page.get_by_role("textbox").fill(await world.code("t-ito"))
        await page.get_by_role("button").first.click()
        await expect(page.get_by_role("log")).to_be_visible()
        await page.goto(world.url + PATH)
        await page.get_by_role("link", name="佐藤 花").click()
        await expect(page.get_by_text("しにたい")).to_be_visible()
        await fits(page)
        await page.get_by_label("メモ").fill("保健室で話を聞きました。")
        await page.get_by_role("button", name="見ました").press("Enter")
        await expect(page.get_by_text("保健室で話を聞きました。")).to_be_visible()
        await page.get_by_role("button", name="対応しました").click()
        await expect(page.get_by_text("対応済み")).to_be_visible()
        await fits(page)
        await page.get_by_role("link", name="アラートの一覧に戻る").click()
        await expect(page.get_by_role("heading", name="終わったアラート")).to_be_visible()
        await chromium.close()
    assert complaints == []
