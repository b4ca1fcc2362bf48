"""The page of children who want to talk in a real browser: on a phone and a tablet, without JavaScript."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from assistant.dialogue.talk_writes import AddTalkRequest
from knowledge.records.talk_requests import Chosen
from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.browser.test_library_page import fits
from tests.browser.world import browser_world

PHONE, TABLET = (390, 844), (820, 1180)


@pytest.mark.parametrize("size", [PHONE, TABLET], ids=["phone", "tablet"])
async def test_a_nurse_reads_whom_she_is_to_talk_with(tmp_path: Path, sqlite_url: str, size: tuple[int, int]) -> None:
    async with browser_world(tmp_path, sqlite_url) as world, async_playwright() as playwright:
        wish = AddTalkRequest(
            request_id="w1",
            student_id="s-hana",
            at=world.clock.moment,
            chosen_as=Chosen.NURSE,
            chosen_id="n-hayashi",
            subject="friends",
        )
        async with world.core.database.write() as connection:
            await AddTalkRequest.store(connection, [wish])
        browser = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]}, locale="ja-JP", java_script_enabled=False
        )
        page = await context.new_page()
        page.set_default_timeout(10_000)
        await page.goto(world.url)
        await page.get_by_role("textbox").fill(await world.code("n-hayashi"))
        await page.get_by_role("button").first.click()
        await page.goto(f"{world.url}/care")
        await page.get_by_role("link", name="相談したい子").click()
        await expect(page.get_by_role("heading", level=2)).to_have_text(["佐藤 花さん（4年2組）"])
        await fits(page)
        await page.get_by_role("button", name="読む").press("Enter")
        await expect(page.get_by_text("友だちのこと")).to_be_visible()
        await fits(page)
        await page.get_by_role("button", name="話しました").press("Enter")
        await expect(page.get_by_text("話したいと言っている子はいません")).to_be_visible()
        await browser.close()
