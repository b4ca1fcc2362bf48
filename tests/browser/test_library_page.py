"""The page of documents in a real browser without JavaScript: on a phone, by hand and by keyboard."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.browser.world import BrowserWorld, browser_world

SMALL_PHONE = {"width": 360, "height": 640}
FILE = {"name": "学校のきまり（令和8年度）.txt", "mimeType": "text/plain", "buffer": "上ばきは金曜日に。".encode()}


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        yield browser
        await browser.close()


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        yield world


async def fits(page: Page) -> None:
    """Nothing has to be moved sideways, and fingers find what they are to touch (WCAG 2.2, 2.5.8, and our own 48)."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    touched = page.locator("button, .choice, main a:not(h3 a), input[type=text], input[type=date], input[type=file]")
    boxes = [await each.bounding_box() for each in await touched.all()]
    assert boxes and [box for box in boxes if box is None or box["height"] < 48] == []


async def test_a_lead_adds_and_removes_a_document_without_a_script(chromium: Browser, world: BrowserWorld) -> None:
    context = await chromium.new_context(viewport=SMALL_PHONE, locale="ja-JP", java_script_enabled=False)  # pyright: ignore[reportArgumentType] -- a size
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(world.url)
    await page.get_by_role("textbox").fill(await world.code("p-ogawa"))
    await page.get_by_role("button").first.click()
    await expect(page.get_by_role("log")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.get_by_role("link", name="資料").click()
    await expect(page.get_by_role("radio", name="教職員だけ")).to_be_checked()
    await fits(page)
    await page.get_by_label("ファイル", exact=True).set_input_files([FILE])  # pyright: ignore[reportArgumentType] -- a file
    await page.get_by_role("button", name="加える").press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("資料「学校のきまり（令和8年度）」として加えました。")
    await fits(page)
    await page.get_by_role("link", name="消す").click()
    await expect(page.get_by_role("heading", name="この資料を消しますか？")).to_be_visible()
    await fits(page)
    await page.get_by_role("button", name="消す").click()
    await expect(page.get_by_role("status")).to_contain_text("資料を消しました。")
    await expect(page.get_by_role("heading", level=3)).to_have_count(0)
    await context.close()
