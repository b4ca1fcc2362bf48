"""Signing in with the school's account, once more, and the list of sessions, in a real browser, small and large."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, ViewportSize, async_playwright, expect

from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.integration.test_school_accounts import HOST, KATO, SORA, School, a_school

SIZES: list[ViewportSize] = [{"width": 390, "height": 844}, {"width": 820, "height": 1180}]


def arguments(school: School) -> list[str]:
    """Our public name is this machine, and as good as https."""
    port = school.world.url.rpartition(":")[2]
    here = f"--host-resolver-rules=MAP ayumi.test 127.0.0.1:{port}"
    return [*ARGUMENTS, here, f"--unsafely-treat-insecure-origin-as-secure={HOST}"]


async def fits(page: Page) -> None:
    """Nothing has to be moved sideways, and fingers find what they are to touch."""
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    boxes = [await each.bounding_box() for each in await page.locator("button, a, input[type=text]").all()]
    assert boxes and [box for box in boxes if box is None or box["height"] < 48] == []


@pytest.mark.parametrize("size", SIZES, ids=["phone", "tablet"])
async def test_a_teacher_comes_in_with_the_school_account_and_shows_once_more_who_they_are(
    tmp_path: Path, sqlite_url: str, size: ViewportSize
) -> None:
    complaints: list[str] = []
    async with a_school(tmp_path, sqlite_url) as school, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=arguments(school))
        page = await (await chromium.new_context(viewport=size, locale="ja-JP")).new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.set_default_timeout(10_000)
        school.provider.who = KATO
        await page.goto(HOST)
        await fits(page)
        await page.get_by_role("link", name="学校").click()
        await expect(page.get_by_role("log")).to_be_visible()
        assert page.url == f"{HOST}/"  # nothing of the provider's answer stays in the address
        await page.goto(f"{HOST}/care")
        await expect(page.get_by_role("heading", name="もう一度ご本人の確認をお願いします")).to_be_visible()
        await fits(page)
        school.provider.auth_time = school.world.clock.seconds()
        await page.get_by_role("link", name="学校のアカウントで確認する").click()
        await expect(page.get_by_role("heading", name="見守り").first).to_be_visible()
        await page.goto(HOST)
        await page.get_by_role("link", name="加藤さん").click()
        await expect(page.get_by_text("この端末", exact=True)).to_be_visible()
        await fits(page)
        await page.get_by_role("button", name="終了する").click()
        await expect(page.get_by_role("link", name="学校")).to_be_visible()
        assert complaints == []
        await chromium.close()


async def test_a_child_reads_on_the_sign_in_page_what_went_wrong(tmp_path: Path, sqlite_url: str) -> None:
    async with a_school(tmp_path, sqlite_url) as school, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=arguments(school))
        page = await (await chromium.new_context(viewport=SIZES[0], locale="ja-JP")).new_page()
        await page.goto(HOST)
        await page.get_by_role("link", name="学校").click()  # and cancels
        await expect(page.get_by_role("alert")).to_contain_text("もう一度")
        await fits(page)
        school.provider.who = SORA
        await page.get_by_role("link", name="学校").click()
        await expect(page.get_by_role("log")).to_contain_text("そらさん、こんにちは")
        await chromium.close()
