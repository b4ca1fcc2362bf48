"""The chat page in a real browser: tapped, typed, with and without JavaScript."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from assistant.channels.browser import routes
from tests.browser.install import find_browser
from tests.browser.world import BrowserWorld, browser_world

ARGUMENTS = ["--no-sandbox", "--headless=new", "--disable-gpu", "--disable-background-networking"]
MORNING = ("めあて", "☀️はれ", "はなしを よく きく", "なんども やってみる", "4 できそう")
CLOSING = "「はなしを よく きく」って じぶんで きめたね。"
PHONE, TABLET = {"width": 390, "height": 844}, {"width": 820, "height": 1180}

Visit = Callable[..., AbstractAsyncContextManager[Page]]


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


@pytest.fixture
def visit(chromium: Browser, world: BrowserWorld) -> Visit:
    """A browser of their own for somebody who signs in; whatever the page complains about fails the test."""

    @asynccontextmanager
    async def visit(person_id: str = "s-sora", **options: Any) -> AsyncGenerator[Page]:
        complaints: list[str] = []
        options = {"viewport": TABLET, "locale": "ja-JP", **options}
        context = await chromium.new_context(**options)
        page = await context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda message: complaints.append(message.text) if "Security" in message.text else None)
        await page.goto(world.url)
        await page.get_by_role("textbox").fill(await world.code(person_id))
        await page.get_by_role("button").first.click()
        await expect(page.get_by_role("log")).to_contain_text("こんにちは")
        await page.wait_for_load_state()  # with the script; before, the page works as without one
        yield page
        await context.close()
        assert complaints == []

    return visit


async def tap(page: Page, label: str) -> None:
    """Tap a choice and wait for the answer."""
    answers = page.locator("li.ayumi")
    before = await answers.count()
    await page.get_by_role("button", name=label, exact=True).click()
    await expect(answers).to_have_count(before + 1)


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
async def test_a_second_grader_does_the_whole_morning_by_tapping(
    world: BrowserWorld, visit: Visit, scripts: bool
) -> None:
    async with visit(java_script_enabled=scripts, has_touch=True) as page:
        for label in MORNING:
            await tap(page, label)
        await expect(page.locator("li.ayumi").last).to_contain_text(CLOSING)
        await expect(page.locator(".choices button")).to_have_text(["そうだん したい"])  # quiet, and asks nothing
    (record,) = await world.check_ins("s-sora")
    assert (record.status, record.mood, record.confidence) == ("finished", "sunny", 4)


async def test_the_morning_can_be_done_with_the_keyboard_alone(visit: Visit) -> None:
    async with visit() as page:
        field = page.get_by_role("textbox")
        await field.focus()
        await page.keyboard.type("めあて")
        await page.keyboard.press("Enter")
        await expect(page.locator("li.ayumi").last).to_contain_text("どんな てんき")
        await expect(field).to_be_focused()
        await expect(field).to_have_value("")
        await page.locator(".answers button").first.focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("li.ayumi").last).to_contain_text("めあては なに")
        await expect(page.locator(".answers button").first).to_be_focused()  # one goes on from where one was
        await page.keyboard.press("Tab")
        await expect(page.locator(".answers button").nth(1)).to_be_focused()


async def test_a_double_tap_posts_once(world: BrowserWorld, visit: Visit) -> None:
    async with visit() as page:
        await page.get_by_role("button", name="めあて", exact=True).dblclick()
        await expect(page.locator("li.own")).to_have_count(1)
        await tap(page, "☀️はれ")
        await expect(page.locator("li.own .text")).to_have_text(["めあて", "☀️はれ"])
    assert len(await world.events()) == 3  # the greeting and two taps


async def test_two_tabs_show_the_same(visit: Visit) -> None:
    async with visit() as page:
        other = await page.context.new_page()
        await other.goto(page.url)
        await tap(page, "めあて")
        await expect(other.locator("li.ayumi").last).to_contain_text("どんな てんき")
        await expect(other.locator(".choices")).to_have_count(1)
        await other.get_by_role("button", name="おわる").click()
        await expect(page.get_by_label("コード")).to_be_visible()  # both tabs are signed out


async def test_lines_that_were_missed_come_after_a_cut(world: BrowserWorld, visit: Visit) -> None:
    async with visit() as page:
        other = await page.context.new_page()
        await other.goto(page.url)
        await page.route("**/events*", lambda route: route.abort())
        await page.reload()
        await expect(page.get_by_role("status")).to_have_text("つながるのを まっているよ…")
        await tap(other, "めあて")
        await expect(page.locator("li.ayumi")).to_have_count(1)
        await page.unroute("**/events*")
        await expect(page.locator("li.ayumi").last).to_contain_text("どんな てんき", timeout=10_000)
        await expect(page.get_by_role("status")).to_be_empty()


async def test_what_could_not_be_sent_stays_in_the_field_and_counts_once(world: BrowserWorld, visit: Visit) -> None:
    async with visit() as page:
        await page.route("**/messages", lambda route: route.abort())
        field = page.get_by_role("textbox")
        await field.fill("ヘルプ")
        await field.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("おくれなかったよ")
        await expect(field).to_have_value("ヘルプ")
        await page.unroute("**/messages")
        await field.press("Enter")
        await expect(page.locator("li.ayumi").last).to_contain_text("できることだよ")
        await expect(page.locator("li.own")).to_have_count(1)


async def test_a_browser_left_alone_comes_back_to_the_sign_in_page(
    world: BrowserWorld, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "CHECK_EVERY", 0.1)
    async with visit() as page:
        await tap(page, "めあて")
        world.clock.forward(minutes=31)
        await expect(page.get_by_label("コード")).to_be_visible()
        await page.go_back()
        await expect(page.get_by_role("log")).to_have_count(0)


async def test_markup_in_a_message_is_shown_as_text(visit: Visit) -> None:
    async with visit() as page:
        bad = "<img src=x onerror=\"document.title='broken'\"><b>太字</b>"
        await page.get_by_role("textbox").fill(bad)
        await page.keyboard.press("Enter")
        await expect(page.locator("li.own .text")).to_have_text(bad)
        await page.reload()
        await expect(page.locator("li.own .text")).to_have_text(bad)
        assert await page.title() == "あゆみ"
        assert await page.locator(".bubble b, .bubble img").count() == 0


async def test_a_kanji_above_the_grade_carries_its_reading(visit: Visit) -> None:
    async with visit() as page:
        await tap(page, "めあて")
        label = page.get_by_role("button", name="今日は").locator("ruby")  # 答 is taught in the second grade: no ruby
        await expect(label).to_have_count(0)
        await page.get_by_role("button", name="おわる").click()
        await expect(page.locator("label ruby").first).to_contain_text("がっこう")


@pytest.mark.parametrize("scripts", [True, False], ids=["with JavaScript", "without JavaScript"])
async def test_the_notice_goes_once_it_was_read(visit: Visit, scripts: bool) -> None:
    async with visit(java_script_enabled=scripts, viewport=PHONE) as page:
        await expect(page.locator(".notice")).to_contain_text("ひみつ")
        await page.get_by_role("button", name="わかったよ").click()
        await expect(page.get_by_role("log")).to_contain_text("よんでくれて ありがとう。")
        await expect(page.locator(".notice")).to_have_count(0)
        await expect(page.locator("li.own").last).to_contain_text("わかったよ")


@pytest.mark.parametrize("viewport", [PHONE, TABLET], ids=["phone", "tablet"])
async def test_everything_to_tap_is_large_and_named_and_nothing_is_cut_off(
    visit: Visit, viewport: dict[str, int], tmp_path: Path
) -> None:
    async with visit(viewport=viewport) as page:
        await tap(page, "めあて")
        await page.screenshot(path=tmp_path / "chat.png")
        assert (tmp_path / "chat.png").stat().st_size > 10_000
        targets = page.locator("button, input:not([type=hidden])")
        boxes = [await target.bounding_box() for target in await targets.all()]
        assert len(boxes) == 11  # the notice, seven choices, sign out, the field, send
        assert [box for box in boxes if box is None or box["height"] < 48 or box["width"] < 48] == []
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await expect(page.get_by_role("button", name="今日は答えない")).to_be_in_viewport()


async def test_a_screen_reader_finds_its_way(visit: Visit) -> None:
    async with visit() as page:
        assert await page.locator("html").get_attribute("lang") == "ja"
        log = page.get_by_role("log", name="あゆみとの おはなし")
        assert await log.get_attribute("aria-live") == "polite"
        await expect(page.get_by_role("status")).to_have_count(1)
        await expect(page.get_by_role("heading", name="あゆみ")).to_be_visible()
        await expect(page.get_by_role("textbox", name="おくる ことば")).to_be_visible()
        for landmark in ("banner", "main", "contentinfo"):
            await expect(page.get_by_role(landmark)).to_have_count(1)


async def test_text_stands_out_from_its_ground(visit: Visit) -> None:
    async with visit() as page:
        await tap(page, "めあて")
        assert await page.evaluate(CONTRASTS_BELOW_AA) == []


async def test_nothing_moves_for_those_who_asked_for_calm(visit: Visit) -> None:
    async with visit(reduced_motion="reduce") as page:
        moving = "getComputedStyle(document.querySelector('#busy i')).animationName"
        assert await page.evaluate(moving) == "none"


# WCAG 2.2: relative luminance and contrast ratio, of every element that has text of its own.
CONTRASTS_BELOW_AA = """() => {
  const rgb = (color) => color.match(/[0-9.]+/g).map(Number);
  const light = (color) => rgb(color).slice(0, 3).map((c) => c / 255)
    .map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const color = getComputedStyle(e).backgroundColor;
      if (rgb(color)[3] !== 0) return color;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim()))
    .filter((e) => !["SCRIPT", "NOSCRIPT"].includes(e.tagName))
    .map((e) => [e.outerHTML.slice(0, 60), [light(getComputedStyle(e).color), light(ground(e))].sort((a, b) => b - a)])
    .map(([html, [high, low]]) => [html, (high + 0.05) / (low + 0.05)])
    .filter(([, ratio]) => ratio < 4.5);
}"""
