"""What protects the pages: headers on everything, one host, forms of our own, sessions that end, no floods."""

from __future__ import annotations

import asyncio
import base64
import hmac
import re
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from sqlalchemy import func, select

from assistant.attachments import LIVES, address, new_file
from assistant.channels.browser import lockout, routes, sessions
from assistant.channels.browser.cookies import Cookies
from assistant.channels.browser.store import BrowserSession
from assistant.document_links import signature_for
from assistant.running import running
from assistant.web import documents, library, security
from assistant.web.app import web_app
from assistant.web.health import health_app
from assistant.web.limits import Limit
from knowledge.records.linking import record_wrong
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page, browser, plain
from tests.running import served
from tests.worlds import settings_of

SAFE = "https://ayumi.example"
TINY = Limit(burst=3, per_second=0.5, why="a test")
FOREVER = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        yield world


@pytest.fixture
async def page(world: BrowserWorld) -> AsyncIterator[Page]:
    async with browser(world) as page:
        yield page


@asynccontextmanager
async def safe_world(folder: Path, database_url: str) -> AsyncGenerator[tuple[BrowserWorld, aiohttp.ClientSession]]:
    """An installation behind https, and who reaches it the way a proxy does."""
    async with (
        browser_world(folder, database_url, base_url=SAFE) as world,
        aiohttp.ClientSession(headers={"Host": "ayumi.example"}) as http,
    ):
        yield world, http


def parsed(policy: str) -> dict[str, list[str]]:
    return {name: sources for name, *sources in (part.split() for part in policy.split(";"))}


# --- Headers


PATHS = [
    ("GET", "/", 200),
    ("GET", "/static/chat.js", 200),
    ("GET", "/static/none", 404),
    ("GET", "/static/..%2F..%2Fsettings.py", 404),
    ("GET", "/events", 200),
    ("GET", "/events?after=x", 400),
    ("POST", "/signin", 400),
    ("POST", "/messages", 200),
    ("GET", "/library", 200),
    ("GET", "/files/1?expires=1&signature=1", 403),
    ("HEAD", "/files/1", 403),
    ("GET", "/documents/1", 403),
    ("GET", "/go/1.2", 404),
    ("GET", "/nothing", 404),
    ("DELETE", "/", 405),
    ("GET", "/healthz", 200),
    ("GET", "/readyz", 200),
    ("GET", "/metrics", 200),
    ("POST", "/line/webhook", 404),
]


async def test_every_answer_whatever_it_is_carries_the_strict_headers(world: BrowserWorld, page: Page) -> None:
    for method, path, status in PATHS:
        async with page.http.request(method, world.url + path) as response:
            assert (method, path, response.status) == (method, path, status)
            assert FOREVER.items() <= dict(response.headers).items()
            assert response.headers["Cache-Control"] == ("no-cache" if path.startswith("/static/") else "no-store")
            assert "camera=()" in response.headers["Permissions-Policy"]
            assert "Strict-Transport-Security" not in response.headers
            policy = parsed(response.headers["Content-Security-Policy"])
            assert policy["default-src"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
            assert policy["frame-ancestors"] == ["'none'"]
            assert policy["form-action"] == policy["script-src"] == ["'self'"]
            assert not re.search("unsafe|data:|http|\\*", response.headers["Content-Security-Policy"])


async def test_an_answer_that_nobody_foresaw_carries_them_and_shows_nothing(
    world: BrowserWorld, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise RuntimeError("そらの ひみつ")

    monkeypatch.setattr(sessions.Sessions, "find", broken)
    async with page.http.get(world.url, cookies={"ayumi_session": "x" * 43}) as response:
        assert response.status == 500
        assert FOREVER.items() <= dict(response.headers).items()
        assert "ひみつ" not in await response.text()


async def test_behind_https_browsers_are_told_to_stay_there(tmp_path: Path, sqlite_url: str) -> None:
    async with safe_world(tmp_path, sqlite_url) as (world, http), http.get(world.url) as response:
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


async def test_a_process_without_pages_is_as_strict(tmp_path: Path, sqlite_url: str) -> None:
    settings = settings_of(tmp_path, sqlite_url, base_url=SAFE)
    async with (
        running(settings, worker=True, scheduler=False) as process,
        served(health_app(process)) as url,
        aiohttp.ClientSession() as http,
        http.get(f"{url}/healthz") as response,
    ):
        assert response.status == 200
        assert FOREVER.items() <= dict(response.headers).items()


# --- The host


async def test_only_our_own_host_is_answered(tmp_path: Path, sqlite_url: str) -> None:
    async with safe_world(tmp_path, sqlite_url) as (world, http):
        ours, others = (
            ["ayumi.example", "AYUMI.example:443", "127.0.0.1:8000", "localhost"],
            ["ayumi.example:8000", "elsewhere.example", "10.1.2.3", "[", ""],
        )
        for host in (*ours, *others):
            async with http.get(world.url, headers={"Host": host}) as response:
                assert (host, response.status) == (host, 200 if host in ours else 421)
                assert ("この アドレスでは 開けません" in plain(await response.text())) == (host in others)
        for path in ("/healthz", "/readyz", "/metrics"):  # a cluster asks for them by whatever address it has
            async with http.get(world.url + path, headers={"Host": "10.1.2.3:8000"}) as response:
                assert response.status == 200


# --- Cookies and sessions


async def signed_in(world: BrowserWorld, http: aiohttp.ClientSession, cookies: Cookies, person: str) -> dict[str, str]:
    """The cookies of a browser behind a proxy, as it sends them."""
    async with http.get(world.url) as response:
        jar = {cookies.form: response.cookies[cookies.form].value}
        token = re.search('name="csrf_token" value="([^"]+)"', await response.text())
    assert token is not None
    data = {"csrf_token": token[1], "code": await world.code(person)}
    async with http.post(f"{world.url}/signin", data=data, cookies=jar, allow_redirects=False) as response:
        assert response.status == 303
        cookie = response.cookies[cookies.session]
        assert bool(cookie["secure"]) == cookies.is_secure
        assert cookie["httponly"] and cookie["path"] == "/" and not cookie["domain"]
        return {**jar, cookies.session: cookie.value}


async def test_behind_https_a_session_is_bound_to_the_host(tmp_path: Path, sqlite_url: str) -> None:
    async with safe_world(tmp_path, sqlite_url) as (world, http):
        cookies = Cookies.of(SAFE)
        jar = await signed_in(world, http, cookies, "s-sora")
        assert set(jar) == {"__Host-ayumi_form", "__Host-ayumi_session"}
        async with http.get(world.url, cookies=jar) as response:
            assert 'role="log"' in await response.text()
        planted = {"ayumi_session": jar[cookies.session]}  # as a neighbour below the same domain could
        async with http.get(world.url, cookies=planted) as response:
            assert 'name="code"' in await response.text()


async def test_a_session_that_somebody_planted_is_not_taken_over(world: BrowserWorld) -> None:
    planted = {"ayumi_session": "planted" + "x" * 36}
    async with aiohttp.ClientSession(cookies=planted) as http:
        jar = await signed_in(world, http, Cookies.of(""), "s-sora")
    assert jar["ayumi_session"] != planted["ayumi_session"]
    async with aiohttp.ClientSession(cookies=planted) as thief, thief.get(world.url) as response:
        assert 'name="code"' in await response.text()


async def test_a_token_of_a_form_that_we_never_gave_is_replaced(world: BrowserWorld, page: Page) -> None:
    page.http.cookie_jar.update_cookies({"ayumi_form": "short"})
    await page.open()
    assert len(page.token) == 43
    await page.sign_in(await world.code("s-sora"))
    assert page.lines


async def test_whoever_signs_in_after_somebody_else_ends_the_session_before(world: BrowserWorld, page: Page) -> None:
    await page.sign_in(await world.code("s-sora"))
    before = {cookie.key: cookie.value for cookie in page.http.cookie_jar}
    async with page.http.get(world.url, cookies={}) as response:
        await response.read()
    async with aiohttp.ClientSession(cookies=before) as tab:  # another tab still shows the page to sign in
        data = {"csrf_token": before["ayumi_form"], "code": await world.code("s-yui")}
        async with tab.post(f"{world.url}/signin", data=data) as response:
            assert response.status == 200
    async with aiohttp.ClientSession(cookies=before) as thief, thief.get(world.url) as response:
        assert 'name="code"' in await response.text()


async def test_a_session_ends_in_the_end_however_much_it_is_used(
    world: BrowserWorld, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "LONGEST", timedelta(hours=1))
    await page.sign_in(await world.code("s-sora"))
    for _ in range(2):
        world.clock.forward(minutes=25)
        assert 'role="log"' in await page.open()
    world.clock.forward(minutes=11)
    assert 'name="code"' in await page.open()


async def test_of_very_many_sessions_of_one_person_the_oldest_end(
    world: BrowserWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST_SESSIONS", 2)
    pages: list[dict[str, str]] = []
    for _ in range(3):
        async with browser(world) as page:
            await page.sign_in(await world.code("s-sora"))
            pages.append({cookie.key: cookie.value for cookie in page.http.cookie_jar})
        world.clock.forward(seconds=1)
    shown: list[bool] = []
    for cookies in pages:
        async with aiohttp.ClientSession(cookies=cookies) as http, http.get(world.url) as response:
            shown.append('role="log"' in await response.text())
    assert shown == [False, True, True]
    async with world.core.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(BrowserSession)) == 2


async def test_somebody_who_guesses_from_many_addresses_meets_less_patience_everywhere(
    world: BrowserWorld, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockout, "STORM", lockout.MAX_WRONG_IN_A_STORM)
    now = world.clock.now()
    async with world.core.database.write() as connection:
        here = ["browser:addr:127.0.0.1"] * lockout.MAX_WRONG_IN_A_STORM
        await record_wrong(connection, here[:-1], now, forget_before=now)
    await page.sign_in(await world.code("s-sora"))
    assert page.status == 200
    async with world.core.database.write() as connection:
        await record_wrong(connection, here[-1:], now, forget_before=now)
    async with browser(world) as another:
        await another.sign_in(await world.code("s-yui"))
        assert another.status == 429


# --- Forms


FORMS = ["/signout", "/messages", "/library", "/library/change", "/library/remove"]


@pytest.mark.parametrize("path", FORMS)
async def test_a_form_with_the_token_of_somebody_else_changes_nothing(world: BrowserWorld, path: str) -> None:
    async with browser(world) as lead, browser(world) as other:
        await lead.sign_in(await world.code("p-ogawa"))
        await other.sign_in(await world.code("s-sora"))
        before = await world.events()
        with_files = aiohttp.MultipartWriter("form-data") if path == "/library" else None
        if with_files is not None:
            part = with_files.append(other.token)
            part.set_content_disposition("form-data", name="csrf_token")
        fields = {"csrf_token": other.token, "text": "あ", "client_id": uuid4().hex, "id": "1"}
        async with lead.http.post(world.url + path, data=with_files or fields) as response:
            assert response.status == 403
        assert await world.events() == before
        assert 'role="log"' in await lead.open()  # still signed in


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://elsewhere.example"}],
)
async def test_nobody_is_signed_in_from_a_page_of_somebody_else(
    world: BrowserWorld, page: Page, headers: Mapping[str, str]
) -> None:
    await page.open()
    await page.post_with(dict(headers), "/signin", code=await world.code("s-sora"))
    assert page.status == 403
    assert 'name="code"' in await page.open()


@pytest.mark.parametrize("path", ["/signin", "/signout", "/messages", "/library/remove", "/library/change"])
async def test_nothing_is_changed_by_opening_an_address(world: BrowserWorld, page: Page, path: str) -> None:
    await page.sign_in(await world.code("p-ogawa"))
    token, before = page.token, await world.events()
    async with page.http.get(f"{world.url}{path}?csrf_token={token}&text=a&id=1&client_id={uuid4().hex}") as response:
        assert response.status in (404, 405)
    assert await world.events() == before
    assert 'role="log"' in await page.open()


# --- Floods


async def test_whoever_asks_for_too_much_is_told_kindly_when_to_come_back(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(security, "ADDRESS", TINY)
    for language, words in (("ja", "とても こんでいます"), ("en", "very busy")):
        (tmp_path / language).mkdir()
        async with browser_world(tmp_path / language, sqlite_url, language=language) as world, browser(world) as page:
            answers = [(await page.open(), page.status, page.headers.get("Retry-After")) for _ in range(4)]
        assert [status for _, status, _ in answers] == [200, 200, 200, 429]
        assert words in plain(answers[-1][0])
        assert answers[-1][2] == "2"


async def test_health_is_told_however_much_is_asked(
    world: BrowserWorld, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(100):
        async with page.http.get(f"{world.url}/healthz") as response:
            assert response.status == 200
    assert 'name="code"' in await page.open()


async def test_one_person_has_only_so_many_open_pages(
    world: BrowserWorld, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "MOST_STREAMS", 2)
    await page.sign_in(await world.code("s-sora"))
    async with page.http.get(f"{world.url}/events") as one, page.http.get(f"{world.url}/events") as two:
        assert (one.status, two.status) == (200, 200)
        async with page.http.get(f"{world.url}/events") as three:
            assert three.status == 429
            assert three.headers["Retry-After"]
    async with browser(world) as other:
        await other.sign_in(await world.code("s-yui"))
        async with other.http.get(f"{world.url}/events") as response:
            assert response.status == 200


async def test_one_person_opens_documents_no_faster_than_anybody_reads(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documents, "PAGES", TINY)
    async with browser_world(tmp_path, sqlite_url) as world, aiohttp.ClientSession() as http:

        def opened(person: str) -> str:
            sign = signature_for(world.core.services.secret, "1", person, world.clock.now())
            return f"{world.url}/documents/1?{sign}"

        for _ in range(3):
            async with http.get(opened("t-ito")) as response:
                assert response.status == 404
        async with http.get(opened("t-ito")) as response:
            assert (response.status, response.headers["Retry-After"]) == (429, "2")
            assert "1分ほど" in await response.text()
        async with http.get(opened("p-ogawa")) as response:
            assert response.status == 404  # another person does not wait for the first


async def test_one_lead_adds_files_no_faster_than_makes_sense(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "UPLOADS", Limit(burst=1, per_second=1 / 60, why="a test"))
    async with browser_world(tmp_path, sqlite_url) as world, browser(world) as page:
        await page.sign_in(await world.code("p-ogawa"))
        for status in (404, 429):  # no school of theirs, but counted
            form = aiohttp.FormData({"csrf_token": page.token, "org": "x", "audience": "staff"})
            form.add_field("files", b"a", filename="a.txt")
            async with page.http.post(f"{world.url}/library", data=form) as response:
                assert response.status == status
                assert ("とても こんでいます" in plain(await response.text())) == (status == 429)


async def test_signed_webhooks_are_taken_in_however_many_unsigned_ones_come_from_the_same_address(
    tmp_path: Path, sqlite_url: str
) -> None:
    keys = {"line_channel_secret": "line-secret", "line_channel_access_token": "token"}
    body = b'{"events":[]}'
    signature = base64.b64encode(hmac.digest(b"line-secret", body, "sha256")).decode()
    async with (
        running(settings_of(tmp_path, sqlite_url, **keys), worker=False, scheduler=False) as process,
        served(web_app(process)) as url,
        aiohttp.ClientSession() as http,
    ):

        async def posted(signature: str) -> int:
            async with http.post(f"{url}/line/webhook", data=body, headers={"X-Line-Signature": signature}) as response:
                return response.status

        assert {await posted("no") for _ in range(200)} == {401}  # behind the same proxy, say
        assert {*await asyncio.gather(*(posted(signature) for _ in range(100)))} == {200}


# --- Links


async def test_whoever_was_sent_a_picture_by_its_reader_sees_it_until_its_time_is_over_and_nothing_else(
    world: BrowserWorld, page: Page
) -> None:
    now = world.clock.now()
    secret = world.core.services.secret
    write, file_id = new_file("t-ito", "image/png", "a.png", b"1", now)
    async with world.core.database.write() as connection:
        await type(write).store(connection, [write])
    async with page.http.get(address(world.url, secret, file_id, now + LIVES)) as response:
        assert response.status == 200
    for guessed in ("1", "", file_id[:-1] + ("0" if file_id[-1] != "0" else "1")):
        async with page.http.get(f"{world.url}/files/{guessed}?expires=99999999999&signature={'0' * 64}") as response:
            assert response.status in (403, 404)
            assert "Location" not in response.headers
