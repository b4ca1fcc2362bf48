"""Every kind of page under the strict headers, in a real browser: whatever it complains about fails the test."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import async_playwright, expect

from assistant.web.limits import Limit
from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS, TABLET
from tests.browser.world import browser_world
from tests.builders.library import fill_library

# What a page may try against a child, and the rules must stop: a script, a style and a picture of somebody else's.
INTRUDERS = """() => {
  const script = document.createElement("script");
  script.textContent = "window.intruded = true";
  document.body.append(script);
  const button = document.createElement("button");
  button.setAttribute("onclick", "window.intruded = true");
  document.body.append(button);
  button.click();
  return window.intruded === true;
}"""


async def test_all_pages_work_without_a_word_of_complaint(tmp_path: Path, sqlite_url: str) -> None:
    complaints: list[str] = []
    async with browser_world(tmp_path, sqlite_url) as world, async_playwright() as playwright:
        await fill_library(world.core.services.library, world.clock.now())
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        context = await chromium.new_context(viewport=TABLET, locale="ja-JP")  # pyright: ignore[reportArgumentType] -- a size
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(world.url)
        await page.get_by_role("textbox").fill(await world.code("p-ogawa"))
        await page.get_by_role("button").first.click()
        await expect(page.get_by_role("log")).to_be_visible()
        await page.wait_for_load_state()
        await page.get_by_role("textbox").fill("ヘルプ")
        await page.keyboard.press("Enter")
        await expect(page.locator("li.ayumi")).to_have_count(2)
        await page.goto(f"{world.url}/library")
        await page.locator("h3 a").first.click()
        await expect(page.get_by_role("main")).to_be_visible()
        await page.goto(world.url)
        await page.get_by_role("button", name="サインアウト").click()
        await expect(page.get_by_label("コード")).to_be_visible()
        assert complaints == []
        assert await page.evaluate(INTRUDERS) is False
        assert len(complaints) == 2  # the browser said so
        await chromium.close()


async def test_a_child_who_is_too_fast_for_the_network_is_told_on_the_page(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.web.security.ADDRESS", Limit(burst=17, per_second=0.001, why="a test"))
    async with browser_world(tmp_path, sqlite_url) as world, async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        page = await chromium.new_page()
        await page.goto(world.url)
        await page.get_by_role("textbox").fill(await world.code("s-sora"))
        await page.get_by_role("button").first.click()
        await expect(page.get_by_role("log")).to_be_visible()
        await page.wait_for_load_state()
        field = page.get_by_role("textbox")
        status = page.get_by_role("status")
        for _ in range(12):
            await field.fill("きょうは さかあがり")
            await page.keyboard.press("Enter")
            await expect(page.locator("form#write")).not_to_have_attribute("aria-busy", "true")
            if await status.text_content():
                break
        await expect(status).to_contain_text("すこし まってから")
        await expect(field).to_have_value("きょうは さかあがり")  # nothing that was written is lost
        await page.goto(world.url)
        await expect(page.get_by_role("link", name="もどる")).to_have_css("color", "rgb(255, 255, 255)")  # on green
        await chromium.close()
