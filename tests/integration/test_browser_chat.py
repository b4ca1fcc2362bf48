"""The browser chat over HTTP, as a browser without JavaScript and a script see it."""

from __future__ import annotations

import asyncio
import hashlib
import html
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from sqlalchemy import select

from assistant.channels.browser import routes
from assistant.channels.browser.channel import BrowserChannel
from assistant.channels.browser.lockout import MAX_WRONG_AT_ADDRESS
from assistant.channels.browser.store import BrowserSession
from assistant.channels.port import Letter
from assistant.messages import Incoming, Kind, Outgoing, Words
from knowledge.db import Database
from knowledge.errors import StorageDownError
from knowledge.records.linking import record_wrong
from scheduler.delivery import Later, Sent
from tests.browser.world import BrowserWorld, browser_world
from tests.worlds import MORNING

TAGS = re.compile("<rp>.*?</rp>|<rt>.*?</rt>|<[^>]+>")


class Page:
    """One browser. ``post`` sends a form with the token of the page that was opened last."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.url, self.html, self.status = http, url, "", 0
        self.headers: dict[str, str] = {}

    async def open(self, path: str = "/") -> str:
        async with self.http.get(self.url + path) as response:
            return await self._read(response)

    async def post(self, path: str, **fields: str) -> str:
        return await self.post_with({}, path, **fields)

    async def post_with(self, headers: dict[str, str], path: str, /, **fields: str) -> str:
        data = {"csrf_token": self.token, **fields}
        async with self.http.post(self.url + path, data=data, headers=headers) as response:
            return await self._read(response)

    async def sign_in(self, code: str) -> str:
        await self.open()
        return await self.post("/signin", code=code)

    async def say(self, text: str, **fields: str) -> str:
        return await self.post("/messages", text=text, **{"client_id": uuid4().hex, **fields})

    async def tap(self, label: str, **fields: str) -> str:
        return await self.post("/messages", choice=self.buttons[label], **{"client_id": uuid4().hex, **fields})

    @property
    def token(self) -> str:
        found = re.search('name="csrf_token" value="([^"]+)"', self.html)
        return found[1] if found else ""

    @property
    def lines(self) -> list[str]:
        """What the log says, one text per line, without ruby."""
        return [plain(text) for text in re.findall('<p class="text">(.*?)</p>', self.html, re.DOTALL)]

    @property
    def buttons(self) -> dict[str, str]:
        found = re.findall('<button type="submit" name="choice" value="([^"]*)"[^>]*>(.*?)</button>', self.html)
        return {plain(label): html.unescape(value) for value, label in found}

    async def _read(self, response: aiohttp.ClientResponse) -> str:
        self.status, self.headers, body = response.status, dict(response.headers), await response.text()
        self.html = body or self.html
        return body


def plain(markup: str) -> str:
    return html.unescape(TAGS.sub("", markup))


@asynccontextmanager
async def browser(world: BrowserWorld) -> AsyncGenerator[Page]:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        yield Page(http, world.url)


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        yield world


@pytest.fixture
async def page(world: BrowserWorld) -> AsyncIterator[Page]:
    async with browser(world) as page:
        yield page


@pytest.fixture
async def sora(world: BrowserWorld, page: Page) -> Page:
    """A P2 child, signed in and greeted."""
    await page.sign_in(await world.code("s-sora"))
    return page


# --- Signing in and out


async def test_a_code_from_school_signs_in_and_ayumi_greets_once(world: BrowserWorld, page: Page) -> None:
    assert 'name="code"' in await page.open()
    code = await world.code("s-sora")
    await page.post("/signin", code=f" {code[:4].lower()} {code[4:].lower()} ")
    assert page.lines == ["そらさん、こんにちは。なにを する？"]
    assert list(page.buttons) == ["めあて", "ふりかえり", "つかいかた"]
    await page.open()
    assert len(page.lines) == 1


async def test_a_wrong_a_used_and_an_expired_code_are_answered_with_the_very_same_page(
    world: BrowserWorld, page: Page
) -> None:
    wrong = await page.sign_in("ZZZZ2222")
    assert "その コードでは 入れませんでした" in plain(wrong)
    assert page.status == 403
    code = await world.code("s-sora")
    await page.sign_in(code)
    await page.post("/signout")
    assert await page.post("/signin", code=code) == wrong
    expired = await world.code("s-sora", minutes=10)
    world.clock.forward(minutes=11)
    assert await page.post("/signin", code=expired) == wrong


async def test_after_ten_wrong_codes_even_a_right_one_has_to_wait(world: BrowserWorld, page: Page) -> None:
    code = await world.code("s-sora")
    for _ in range(10):
        await page.sign_in("ZZZZ2222")
    assert page.status == 403
    assert "しばらくの間" in plain(await page.sign_in(code))
    assert page.status == 429
    world.clock.forward(minutes=11)
    await page.sign_in(code)
    assert page.lines == ["そらさん、こんにちは。なにを する？"]


async def test_another_browser_at_the_same_address_can_still_sign_in(world: BrowserWorld, page: Page) -> None:
    for _ in range(10):
        await page.sign_in("ZZZZ2222")
    page.http.cookie_jar.clear()
    await page.sign_in(await world.code("s-sora"))
    assert page.lines == ["そらさん、こんにちは。なにを する？"]


async def test_a_guesser_who_throws_cookies_away_is_stopped_by_address(world: BrowserWorld, page: Page) -> None:
    async with world.core.database.write() as connection:
        here = ["browser:addr:127.0.0.1"] * (MAX_WRONG_AT_ADDRESS - 1)
        await record_wrong(connection, here, world.clock.now(), forget_before=world.clock.now())
    await page.sign_in("ZZZZ2222")
    assert page.status == 403
    page.http.cookie_jar.clear()
    await page.sign_in(await world.code("s-sora"))
    assert page.status == 429


async def test_what_is_no_code_at_all_is_not_counted_as_a_guess(world: BrowserWorld, page: Page) -> None:
    for _ in range(11):
        await page.sign_in("こんにちは")
    await page.sign_in(await world.code("s-sora"))
    assert page.lines


async def test_the_cookie_is_for_our_pages_alone_and_only_its_hash_is_stored(world: BrowserWorld, page: Page) -> None:
    await page.open()
    data = {"csrf_token": page.token, "code": await world.code("s-sora")}
    async with page.http.post(f"{world.url}/signin", data=data, allow_redirects=False) as response:
        cookie = response.headers["Set-Cookie"]
    value = re.match("ayumi_session=([^;]+)", cookie)
    assert value is not None
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Path=/" in cookie and "Secure" not in cookie
    async with world.core.database.read() as connection:
        (session,) = (await connection.execute(select(BrowserSession.__table__))).all()
    assert session.token_hash == hashlib.sha256(value[1].encode()).hexdigest()
    assert value[1] not in session


async def test_behind_https_the_cookie_is_secure(tmp_path: Path, sqlite_url: str) -> None:
    async with (
        browser_world(tmp_path, sqlite_url, base_url="https://ayumi.example") as world,
        aiohttp.ClientSession() as http,
        http.get(world.url, headers={"Host": "ayumi.example"}) as response,
    ):
        cookie = response.headers["Set-Cookie"]
        assert cookie.startswith("__Host-ayumi_form=") and "Secure" in cookie and "Path=/;" in cookie
        assert "Domain" not in cookie


async def test_signing_out_ends_the_session_for_good(world: BrowserWorld, sora: Page) -> None:
    cookies = {cookie.key: cookie.value for cookie in sora.http.cookie_jar}
    await sora.post("/signout")
    assert 'name="code"' in sora.html
    async with aiohttp.ClientSession(cookies=cookies) as thief, thief.get(world.url) as response:
        assert 'name="code"' in await response.text()


async def test_a_browser_left_alone_signs_out_by_itself(world: BrowserWorld, sora: Page) -> None:
    world.clock.forward(minutes=20)
    await sora.say("めあて")  # use moves the end on
    world.clock.forward(minutes=29)
    assert 'role="log"' in await sora.open("/?idle")
    world.clock.forward(minutes=2)
    assert 'name="code"' in await sora.open()


async def test_a_person_who_left_the_school_is_signed_out(world: BrowserWorld, sora: Page) -> None:
    async with world.core.database.write() as connection:
        await connection.exec_driver_sql("UPDATE users SET enabled = false WHERE sourced_id = 's-sora'")
    assert 'name="code"' in await sora.open()


# --- Talking


async def test_a_child_does_the_morning_by_tapping_alone(world: BrowserWorld, sora: Page) -> None:
    for label in ("めあて", "☀️はれ", "はなしを よく きく", "なんども やってみる", "4 できそう"):
        await sora.tap(label)
    assert "「はなしを よく きく」って じぶんで きめたね。" in sora.lines[-1]
    assert [*sora.buttons] == ["そうだん したい"]  # quiet, and asks nothing
    (record,) = await world.check_ins("s-sora")
    assert (record.status, record.mood, record.goal) == ("finished", "sunny", "はなしを よく きく")


async def test_both_stores_keep_the_same_transcript(tmp_path: Path, database_url: str) -> None:
    async with browser_world(tmp_path, database_url) as world, browser(world) as page:
        await page.sign_in(await world.code("s-sora"))
        await asyncio.gather(*(page.say("めあて", client_id="0123456789abcdef") for _ in range(3)))
        await page.open()
        assert [line.splitlines()[0] for line in page.lines] == [
            "そらさん、こんにちは。なにを する？",
            "めあて",
            "おはよう！ きょうも いっしょに はじめよう。",
        ]
        ids = [id for id, _ in await read_events(page, 3)]
        assert [id for id, _ in await read_events(page, 2, after=ids[0])] == ids[1:]


async def test_only_the_newest_question_has_buttons_and_controls_are_quieter(sora: Page) -> None:
    await sora.tap("めあて")
    assert list(sora.buttons) == ["☀️はれ", "☁️くもり", "☔あめ", "⚡かみなり", "とばす", "あとで", "今日は答えない"]
    assert sora.html.count('class="control"') == 3
    assert '<p class="aside">👀 よむ人：' in sora.html


async def test_a_double_tap_posts_once(world: BrowserWorld, sora: Page) -> None:
    before = len(sora.lines)
    await asyncio.gather(*(sora.say("こんにちは", client_id="0123456789abcdef") for _ in range(5)))
    await sora.open()
    assert sora.lines[before:].count("こんにちは") == 1
    assert (await world.events()).count("browser:0123456789abcdef") == 1
    assert len(sora.lines) == before + 2


async def test_two_tabs_share_one_conversation(sora: Page) -> None:
    other = Page(sora.http, sora.url)
    await other.open()
    await sora.tap("めあて")
    await other.tap("ふりかえり")  # the button is old, and was offered all the same
    assert other.status == 200
    await sora.open()
    assert sora.lines == other.lines


async def test_a_childs_own_words_stay_as_written_and_are_shown_as_text(sora: Page) -> None:
    await sora.say("<script>alert('x')</script> & 振り返り")
    assert "<script>alert" not in sora.html
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; 振り返り" in sora.html


async def test_kanji_above_the_grade_carry_ruby(world: BrowserWorld, sora: Page) -> None:
    channel = BrowserChannel(world.core.database, world.clock.now)
    letter = Letter(
        account_id="browser:s-sora",
        messages=[Outgoing(text=Words.join([Words.of("理科を勉強しよう。"), Words.own("勉強")], ""))],
        grade="P2",
        key=str(uuid4()),
        attempts=1,
    )
    assert await channel.deliver(letter) == Sent()
    assert await channel.deliver(letter) == Sent()  # tried again: the message is there once
    await sora.open()
    assert sora.lines.count("理科を勉強しよう。勉強") == 1
    assert "<ruby>勉強<rp>(</rp><rt>べんきょう</rt><rp>)</rp></ruby>しよう。勉強</p>" in sora.html


async def test_nothing_is_stored_for_an_empty_text(world: BrowserWorld, sora: Page) -> None:
    before = await world.events()
    await sora.say("   ")
    assert (sora.status, await world.events()) == (200, before)


async def test_a_script_gets_204_and_401_when_it_has_to_sign_in(world: BrowserWorld, sora: Page) -> None:
    script = {"X-Requested-With": "fetch"}
    fields = {"text": "こんにちは", "client_id": uuid4().hex}
    await sora.post_with(script, "/messages", **fields)
    assert sora.status == 204
    world.clock.forward(hours=1)
    await sora.post_with(script, "/messages", **fields)
    assert sora.status == 401


async def test_the_page_speaks_english_where_the_school_does(tmp_path: Path, sqlite_url: str) -> None:
    async with browser_world(tmp_path, sqlite_url, language="en") as world, browser(world) as page:
        await page.sign_in(await world.code("s-yui"))
        assert '<html lang="en">' in page.html
        assert "Sign out" in page.html


# --- The stream of new lines


async def read_events(page: Page, count: int, after: str = "0", **headers: str) -> list[tuple[str, str]]:
    """The first ``count`` events as (id or event name, data)."""
    events: list[tuple[str, str]] = []
    fields: dict[str, str] = {}
    async with asyncio.timeout(5), page.http.get(f"{page.url}/events?after={after}", headers=headers) as response:
        assert response.content_type == "text/event-stream"
        while len(events) < count:
            name, _, value = (await response.content.readline()).decode().rstrip("\r\n").partition(": ")
            if name:
                fields[name] = fields[name] + "\n" + value if name in fields else value
            elif "data" in fields:
                events.append((fields.get("id") or fields["event"], fields["data"]))
                fields = {}
    return events


async def test_events_are_replayed_after_the_last_one_that_was_seen(sora: Page) -> None:
    await sora.tap("めあて")
    everything = await read_events(sora, 3)
    ids = [id for id, _ in everything]
    assert ids == sorted(ids, key=int)
    assert [f'id="m{id}"' in data for id, data in everything] == [True] * 3
    assert [id for id, _ in await read_events(sora, 2, after=ids[0])] == ids[1:]
    assert [id for id, _ in await read_events(sora, 1, **{"Last-Event-ID": ids[1]})] == ids[2:]


async def test_an_open_stream_brings_what_is_said_now(sora: Page) -> None:
    stream = asyncio.create_task(read_events(sora, 3))
    await asyncio.sleep(0)
    await sora.say("ヘルプ")
    texts = [plain(data) for _, data in await stream]
    assert "ヘルプ" in texts[1]
    assert "できることだよ" in texts[2]


async def test_what_another_process_wrote_is_found_by_looking(world: BrowserWorld, sora: Page) -> None:
    stream = asyncio.create_task(read_events(sora, 2))
    elsewhere = Database(world.database_url)
    letter = Letter(
        account_id="browser:s-sora", messages=[Outgoing(text=Words.of("おはよう"))], grade="P2", key="k", attempts=1
    )
    await asyncio.sleep(0.2)  # the stream is waiting by now
    await BrowserChannel(elsewhere, world.clock.now).deliver(letter)
    await elsewhere.close()
    assert "おはよう" in (await stream)[1][1]


async def test_a_message_that_two_processes_deliver_at_once_is_there_once(world: BrowserWorld, sora: Page) -> None:
    elsewhere = Database(world.database_url)
    said = [Outgoing(text=Words.of("おはよう")), Outgoing(text=Words.of("元気？"))]
    letter = Letter(account_id="browser:s-sora", messages=said, grade="P2", key="k", attempts=1)
    channels = [BrowserChannel(each, world.clock.now) for each in (elsewhere, world.core.database)]
    results = await asyncio.gather(*(channel.deliver(letter) for channel in channels * 3))
    await elsewhere.close()
    assert results == [Sent()] * 6
    await sora.open()
    assert [line for line in sora.lines if line in ("おはよう", "元気？")] == ["おはよう", "元気？"]


async def test_the_stream_of_a_signed_out_browser_says_so(
    world: BrowserWorld, sora: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "CHECK_EVERY", 0.05)
    stream = asyncio.create_task(read_events(sora, 2))
    await asyncio.sleep(0.1)
    world.clock.forward(hours=1)
    assert (await stream)[1] == ("signed-out", "/")
    assert await read_events(sora, 1) == [("signed-out", "/")]


async def test_a_server_that_stops_ends_open_streams_in_order(
    tmp_path: Path, sqlite_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
        async with browser_world(tmp_path, sqlite_url) as world:
            page = Page(http, world.url)
            await page.sign_in(await world.code("s-sora"))
            response = await http.get(f"{world.url}/events")
            await response.content.readline()
        await response.content.read()  # to its end: it was not torn off
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


# --- What is refused


@pytest.mark.parametrize("path", ["/signout", "/messages"])
async def test_a_post_without_the_token_is_refused(world: BrowserWorld, sora: Page, path: str) -> None:
    before = await world.events()
    await sora.post(path, csrf_token="forged", text="x", client_id=uuid4().hex)
    assert sora.status == 403
    assert 'role="log"' in await sora.open()
    assert await world.events() == before


@pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
async def test_a_post_from_another_origin_is_refused(sora: Page, headers: dict[str, str]) -> None:
    await sora.post_with(headers, "/messages", text="x", client_id=uuid4().hex)
    assert sora.status == 403


async def test_signing_in_needs_the_token_of_the_page(world: BrowserWorld, page: Page) -> None:
    await page.post("/signin", code=await world.code("s-sora"))
    assert page.status == 403


async def test_what_is_no_form_of_ours_is_400_and_too_much_is_413(sora: Page) -> None:
    token = sora.token
    for fields in ({"text": "x"}, {"text": "x", "client_id": "!"}, {"choice": "never/offered", "client_id": "a" * 8}):
        await sora.post("/messages", csrf_token=token, **fields)
        assert sora.status == 400
    for body, status in ((b"{}", 400), (b"x" * 100_001, 413), (b"text=%ff", 400)):
        content_type = "application/json" if body == b"{}" else "application/x-www-form-urlencoded"
        async with sora.http.post(
            f"{sora.url}/messages", data=body, headers={"Content-Type": content_type}
        ) as response:
            assert response.status == status
    async with sora.http.get(f"{sora.url}/events?after=x") as response:
        assert response.status == 400


async def test_every_answer_has_strict_headers(sora: Page) -> None:
    for path in ("/", "/static/chat.css", "/static/chat.js", "/static/none", "/events?after=x"):
        async with sora.http.get(sora.url + path) as response:
            assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            assert response.headers["Referrer-Policy"] == "no-referrer"
            assert response.headers["Cache-Control"] == ("no-cache" if "static" in path else "no-store")


async def test_no_page_has_inline_code_or_style(sora: Page) -> None:
    assert re.findall(r"<script(?! src=)|<style|\sstyle=|\son\w+=|https?://", sora.html) == []


async def test_a_store_that_is_down_is_a_kind_page(
    world: BrowserWorld, sora: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: Database) -> None:
        raise StorageDownError("gone")

    monkeypatch.setattr(Database, "read", down)
    assert "つながりにくく" in plain(await sora.open())
    assert sora.status == 503


async def test_delivering_while_the_store_is_down_is_tried_later(
    world: BrowserWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: Database) -> None:
        raise StorageDownError("gone")

    letter = Letter(account_id="browser:s-sora", messages=[], grade=None, key="k", attempts=1)
    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", down)
        result = await BrowserChannel(world.core.database, world.clock.now).deliver(letter)
    assert result == Later(problem="storage")


# --- Demo, and stored bodies


async def test_the_demo_offers_five_people_with_one_tap(tmp_path: Path, sqlite_url: str) -> None:
    async with browser_world(tmp_path, sqlite_url, demo=True) as world, browser(world) as page:
        await page.open()
        assert len(re.findall('name="person"', page.html)) == 5
        await page.post("/signin/demo", person="ayumi-e-2-1-s01")
        assert page.lines == ["はるとさん、こんにちは。なにを する？"]
        await page.post("/signout")
        await page.post("/signin/demo", person="ayumi-e-4-2-s01")
        assert page.status == 400


async def test_without_demo_nobody_signs_in_with_one_tap(page: Page) -> None:
    assert 'name="person"' not in await page.open()
    await page.post("/signin/demo", person="s-sora")
    assert page.status in (404, 405)


@pytest.mark.parametrize(
    ("body", "kind", "text", "choice"),
    [
        ({"text": "やあ"}, Kind.TEXT, "やあ", None),
        ({"choice": "!help", "text": "つかいかた"}, Kind.CHOICE, "つかいかた", "!help"),
        ({"follow": True}, Kind.FOLLOW, "", None),
        ({"new": "thing"}, Kind.OTHER, "", None),
    ],
)
async def test_stored_bodies_become_incoming(
    world: BrowserWorld, body: dict[str, object], kind: Kind, text: str, choice: str | None
) -> None:
    channel = BrowserChannel(world.core.database, world.clock.now)
    assert channel.to_incoming(body, "browser:1", "browser:s-sora", MORNING) == Incoming(
        event_id="browser:1", account_id="browser:s-sora", kind=kind, occurred_at=MORNING, text=text, choice=choice
    )
