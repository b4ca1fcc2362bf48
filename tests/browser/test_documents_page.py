"""The page that opens a document where an answer cites it: who may open it, what it shows, how the file comes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import aiohttp
import pytest
from playwright.async_api import Page, async_playwright, expect
from sqlalchemy import delete, update

from assistant.document_links import LIVES, file_path, page_path, signature_for
from knowledge.records.roster import Role, User
from tests.browser.install import find_browser
from tests.browser.test_chat_page import ARGUMENTS
from tests.browser.world import BrowserWorld, browser_world
from tests.builders.library import PDF, fill_library

IS_WIDER = "document.documentElement.scrollWidth > innerWidth"


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        await fill_library(world.core.services.library, world.clock.now())
        yield world


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as http:
        yield http


def signed(world: BrowserWorld, document: str, person_id: str) -> str:
    return signature_for(world.core.services.secret, document, person_id, world.clock.now())


async def opened(world: BrowserWorld, http: aiohttp.ClientSession, path: str) -> tuple[int, str, str]:
    """Status, body and content type."""
    async with http.get(world.url + path) as response:
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        return response.status, await response.text(), response.content_type


async def test_a_signed_address_opens_the_document_for_its_person(
    world: BrowserWorld, http: aiohttp.ClientSession
) -> None:
    path = page_path("ai-handbook", page=2, position=1, sign=signed(world, "ai-handbook", "t-ito"))
    status, body, _ = await opened(world, http, path)
    assert status == 200
    assert "個人情報を入力してはいけません。" in body and "教職員だけが読める資料です" in body


async def test_an_address_made_for_somebody_without_the_right_opens_nothing(
    world: BrowserWorld, http: aiohttp.ClientSession
) -> None:
    nothing = await opened(world, http, page_path("no-such-thing", sign=signed(world, "no-such-thing", "s-hana")))
    for document in ("ai-handbook", "junior-rules", "practice-1"):
        sign = signed(world, document, "s-hana")
        assert await opened(world, http, page_path(document, sign=sign)) == nothing
        assert await opened(world, http, file_path(document, sign=sign)) == nothing
    assert nothing[0] == 404


async def test_a_changed_address_is_refused(world: BrowserWorld, http: aiohttp.ClientSession) -> None:
    sign = signed(world, "school-rules", "s-hana")
    for path in (
        page_path("school-rules", sign=sign.replace("s-hana", "t-ito")),
        page_path("ai-handbook", sign=sign),
        page_path("school-rules", sign=sign.replace("expires=", "expires=9")),
        page_path("school-rules", sign=sign.replace("signature=", "signature=0")),
        page_path("school-rules", sign="signature=é"),
        page_path("school-rules\0"),
        page_path("school-rules"),
        file_path("school-rules"),
    ):
        status, body, _ = await opened(world, http, path)
        assert (status, "きまり" in body) == (403, False)


async def test_an_old_address_says_that_its_time_is_over(world: BrowserWorld, http: aiohttp.ClientSession) -> None:
    path = page_path("school-rules", sign=signed(world, "school-rules", "s-hana"))
    world.clock.moment += LIVES - timedelta(seconds=1)
    assert (await opened(world, http, path))[0] == 200
    world.clock.moment += timedelta(seconds=1)
    assert (await opened(world, http, path))[0] == 410


async def test_an_old_address_opens_for_whoever_is_signed_in_and_may_read_it(world: BrowserWorld) -> None:
    sign = signed(world, "school-rules", "t-ito")
    world.clock.moment += LIVES
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        page = await chromium.new_page(locale="ja-JP")
        await sign_in(page, world, "s-yui")
        response = await page.goto(world.url + page_path("school-rules", sign=sign))
        assert response is not None and response.status == 404  # the rules of another school
        response = await page.goto(world.url + page_path("junior-rules", sign=signed(world, "junior-rules", "s-yui")))
        assert response is not None and response.status == 200
        await chromium.close()


async def test_an_address_does_not_outlive_the_rights_of_its_person(
    world: BrowserWorld, http: aiohttp.ClientSession
) -> None:
    path = page_path("ai-handbook", sign=signed(world, "ai-handbook", "t-ito"))
    async with world.core.database.write() as connection:
        await connection.execute(delete(Role).where(Role.user_sourced_id == "t-ito"))
    assert (await opened(world, http, path))[0] == 403
    other = page_path("ai-handbook", sign=signed(world, "ai-handbook", "t-kato"))
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "t-kato").values(enabled=False))
    assert (await opened(world, http, other))[0] == 403


async def test_a_pdf_comes_to_be_looked_at_and_anything_else_to_be_saved(
    world: BrowserWorld, http: aiohttp.ClientSession
) -> None:
    path = file_path("school-rules", sign=signed(world, "school-rules", "s-hana"))
    async with http.get(world.url + path) as response:
        assert response.content_type == "application/pdf"
        assert response.headers["Content-Disposition"].startswith("inline")
        assert await response.read() == PDF
    path = file_path("ai-handbook", sign=signed(world, "ai-handbook", "t-ito"))
    async with http.get(world.url + path) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == f"attachment; filename*=UTF-8''{quote('ai-handbook.html')}"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def sign_in(page: Page, world: BrowserWorld, person_id: str) -> None:
    await page.goto(world.url)
    await page.get_by_role("textbox").fill(await world.code(person_id))
    await page.get_by_role("button").first.click()
    await page.wait_for_load_state()


@pytest.mark.parametrize("width", [390, 820])
async def test_a_child_taps_the_source_and_sees_the_passage_with_readings(
    world: BrowserWorld, tmp_path: Path, width: int
) -> None:
    complaints: list[str] = []
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        page = await chromium.new_page(viewport={"width": width, "height": 844}, locale="ja-JP")
        page.on("console", lambda message: complaints.append(message.text))
        await sign_in(page, world, "s-sora")
        await page.get_by_role("textbox").fill("水筒は持ってきていい？")
        await page.keyboard.press("Enter")
        link = page.locator(".links a").last
        await expect(link).to_be_visible()
        await page.screenshot(path=tmp_path / f"answer-{width}.png")
        async with page.expect_popup() as popup:
            await link.click()
        shown = await popup.value
        shown.on("console", lambda message: complaints.append(message.text))
        await shown.wait_for_load_state()
        assert urlsplit(shown.url).fragment == "p2"
        assert await shown.locator("html").get_attribute("lang") == "ja"
        cited = shown.locator(".passage:target")
        await expect(cited).to_be_in_viewport()
        await expect(cited.locator("ruby", has_text="水筒").first).to_be_visible()
        assert await shown.locator("h2").count() == 3
        assert not await shown.evaluate(IS_WIDER)
        await shown.screenshot(path=tmp_path / f"document-{width}.png")
        await expect(shown.get_by_role("link").first).to_have_attribute("href", "/documents/school-rules/file#page=3")
        response = await shown.goto(f"{world.url}/documents/ai-handbook")
        assert response is not None and response.status == 404
        await chromium.close()
    assert [text for text in complaints if "404" not in text] == []


async def test_grown_ups_see_the_document_as_it_is_written(world: BrowserWorld) -> None:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=find_browser(), args=ARGUMENTS)
        page = await chromium.new_page(locale="ja-JP")
        await sign_in(page, world, "t-ito")
        await page.goto(f"{world.url}/documents/school-rules")
        assert await page.locator("ruby").count() == 0
        await expect(page.get_by_text("2ページ")).to_be_visible()
        await chromium.close()
