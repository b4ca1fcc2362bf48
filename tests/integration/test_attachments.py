"""Pictures and tables from a turn to the person, over every channel, and the addresses under which they are fetched."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest
from sqlalchemy import func, select
from starlette.applications import Starlette

from assistant.attachments import LIVES, StoredFile, address, forget_expired, new_file
from assistant.bootstrap import HANDLERS
from assistant.channels.console import as_json, as_text
from assistant.channels.files import Files
from assistant.channels.line.channel import LineChannel
from assistant.channels.line.convert import to_line
from assistant.channels.port import Letter
from assistant.channels.slack.channel import SlackChannel
from assistant.charts import describe, draw
from assistant.messages import Attachment, Choice, Outgoing, Words
from assistant.web.files import file_routes
from assistant.web.security import protection
from knowledge.db import Database
from knowledge.errors import StorageDownError
from scheduler.delivery import Later, Sent
from scheduler.outbox import Outbox
from tests.browser.world import browser_world
from tests.builders.pictures import CSV, STAFF, on_picture, week
from tests.integration.test_browser_chat import browser
from tests.integration.test_slack import ITO, TOKEN, SlackWorld, slack_world
from tests.platforms.line import Failure as LineFailure
from tests.platforms.line import user_id
from tests.platforms.slack import Failure
from tests.running import served
from tests.worlds import HandClock, LineWorld, files_of, line_world, settings_of

BASE_URL = "https://ayumi.example.jp"
SECRET = b"secret"
HANDLERS_WITH_PICTURES = (on_picture, *HANDLERS)
ALT = str(describe(week(), STAFF))
IMG = re.compile(r'<figure><a href="([^"]+)"[^>]*><img src="([^"]+)" alt="([^"]+)"></a></figure>')


def at_home(url: str, found: str) -> str:
    """The address as the test's own server has it."""
    return url + found.removeprefix(BASE_URL)


async def fetch(url: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    async with aiohttp.ClientSession() as http, http.request(method, url) as response:
        return response.status, dict(response.headers), await response.read()


async def count_files(database: Database) -> int:
    async with database.read() as connection:
        return await connection.scalar(select(func.count()).select_from(StoredFile)) or 0


async def stored(database: Database, media_type: str, name: str, content: bytes, at: datetime) -> str:
    write, file_id = new_file("t-ito", media_type, name, content, at)
    async with database.write() as connection:
        await type(write).store(connection, [write])
    return file_id


class Served:
    """Files behind an address, and a clock."""

    def __init__(self, database: Database, clock: HandClock, url: str) -> None:
        self.database, self.clock, self.url = database, clock, url

    def address(self, file_id: str, until: timedelta = LIVES) -> str:
        return address(self.url, SECRET, file_id, self.clock.now() + until)


@pytest.fixture
async def files(database: Database, tmp_path: Path) -> AsyncIterator[Served]:
    clock = HandClock()
    routes = file_routes(database, SECRET, clock.now)
    app = Starlette(routes=routes, middleware=protection(settings_of(tmp_path, "")))
    async with served(app) as url:
        yield Served(database, clock, url)


# --- addresses


async def test_a_signed_address_gives_the_picture(files: Served) -> None:
    file_id = await stored(files.database, "image/png", "提出率.png", b"\x89PNG", files.clock.now())
    status, headers, content = await fetch(files.address(file_id))
    assert (status, content, headers["Content-Type"]) == (200, b"\x89PNG", "image/png")
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''%E6%8F%90%E5%87%BA%E7%8E%87.png"
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"  # LINE shows it in a page of its own


async def test_a_table_is_saved_under_its_name(files: Served) -> None:
    file_id = await stored(files.database, "text/csv", '"4年;2組".csv', CSV, files.clock.now())
    _, headers, content = await fetch(files.address(file_id))
    assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''%224%E5%B9%B4%3B2%E7%B5%84%22.csv"
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert content == CSV


async def test_line_may_look_at_the_headers_first(files: Served) -> None:
    file_id = await stored(files.database, "image/png", "a.png", b"\x89PNG", files.clock.now())
    status, headers, content = await fetch(files.address(file_id), "HEAD")
    assert (status, headers["Content-Length"], content) == (200, "4", b"")


async def test_an_address_that_was_changed_in_any_part_is_refused_in_both_languages(files: Served) -> None:
    file_id = await stored(files.database, "image/png", "a.png", b"1", files.clock.now())
    other_id = await stored(files.database, "image/png", "b.png", b"2", files.clock.now())
    right = files.address(file_id)
    expires = int((files.clock.now() + LIVES).timestamp())
    wrong = [
        right.replace(file_id, other_id),
        right.replace(str(expires), str(expires + 1)),
        right[:-1] + ("0" if right[-1] != "0" else "1"),
        right.partition("&")[0],
        right.partition("?")[0],
        f"{files.url}/files/{file_id}?expires=never&signature=%00",
        f"{files.url}/files/{file_id}?expires=1&signature=%E3%81%82",
        address(files.url, b"another key", file_id, files.clock.now() + LIVES),
    ]
    for url in wrong:
        status, headers, content = await fetch(url)
        assert status == 403
        assert headers["Content-Type"] == "text/plain; charset=utf-8"
        assert headers["Cache-Control"] == "no-store"
        assert "正しくありません" in content.decode()
        assert "not right" in content.decode()


async def test_an_address_is_good_until_its_time_is_over(files: Served) -> None:
    file_id = await stored(files.database, "image/png", "a.png", b"1", files.clock.now())
    url = files.address(file_id, timedelta(hours=1))
    files.clock.forward(minutes=59)
    assert (await fetch(url))[0] == 200
    files.clock.forward(minutes=1)
    status, _, content = await fetch(url)
    assert status == 410
    assert "おわりました" in content.decode()


async def test_what_was_never_stored_or_is_forgotten_is_not_there(files: Served) -> None:
    assert (await fetch(files.address(str(uuid4()))))[0] == 404
    file_id = await stored(files.database, "image/png", "a.png", b"1", files.clock.now())
    url = files.address(file_id, timedelta(days=9))
    files.clock.forward(days=3)
    assert (await fetch(url))[0] == 404


async def test_expired_files_are_forgotten_and_no_others(database: Database) -> None:
    now = datetime(2026, 5, 11, tzinfo=UTC)
    await stored(database, "image/png", "a.png", b"1", now)
    await stored(database, "image/png", "b.png", b"2", now + timedelta(days=1))
    assert await forget_expired(database, now + LIVES - timedelta(seconds=1)) == 0
    assert await forget_expired(database, now + LIVES) == 1
    assert await count_files(database) == 1


async def test_while_nothing_can_be_read_it_says_later(files: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_down() -> None:
        raise StorageDownError("down")

    monkeypatch.setattr(files.database, "read", is_down)
    assert (await fetch(files.address("any")))[0] == 503


# --- LINE

ITO_ON_LINE = user_id("ito")


@pytest.fixture
async def line(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    async with line_world(database, tmp_path / "data", handlers=HANDLERS_WITH_PICTURES, base_url=BASE_URL) as world:
        await world.link("ito", "t-ito")
        yield world


async def test_line_shows_the_picture_under_the_words_and_the_choices_below(line: LineWorld) -> None:
    assert await line.say("ito", "グラフ") == ["4年2組・先週です。"]
    text, image = line.line.last_to(ITO_ON_LINE).messages
    assert (text["type"], image["type"]) == ("text", "image")
    assert image["originalContentUrl"] == image["previewImageUrl"]
    assert [label for label, _ in line.line.quick_replies_to(ITO_ON_LINE)] == ["もう一度"]
    status, headers, content = await fetch(at_home(line.url, image["originalContentUrl"]))
    assert (status, headers["Content-Type"], content) == (200, "image/png", draw(week(), STAFF))


async def test_line_gets_the_address_of_a_table_in_words(line: LineWorld) -> None:
    texts = await line.say("ito", "表")
    words, _, link = texts[-1].partition("\n")
    assert words == "表を保存する"
    assert link.startswith(f"{BASE_URL}/files/")
    assert (await fetch(at_home(line.url, link)))[2] == CSV


async def test_a_picture_is_pushed_once_when_the_answer_was_lost(line: LineWorld) -> None:
    await line.send(line.line.events.text(ITO_ON_LINE, "グラフ"))
    line.clock.forward(minutes=3)
    before = len(line.line.delivered)
    line.line.fail_next("push", LineFailure.DROP_AFTER)
    await line.core.drain()
    line.clock.forward(seconds=5)
    await line.core.drain()  # the same body under the same key, or the stand-in would complain
    assert len(line.line.delivered) == before + 1
    assert await line.count(Outbox, state="sent") == await line.count(Outbox)


async def test_a_picture_whose_time_is_over_when_it_is_sent_is_told_in_words(line: LineWorld) -> None:
    await line.send(line.line.events.text(ITO_ON_LINE, "グラフ"))
    await line.core.turns.drain()
    line.clock.forward(days=3)
    await line.core.drain()
    (text,) = line.line.last_to(ITO_ON_LINE).messages
    assert text["text"].startswith("4年2組・先週です。\n（この図やファイルを見られる期間は終わりました。")


@pytest.mark.parametrize("base_url", ["", "http://ayumi.example.jp", f"https://ayumi.example.jp/{'a' * 2000}"])
async def test_without_an_address_that_line_takes_the_words_say_so(
    database: Database, tmp_path: Path, base_url: str
) -> None:
    async with line_world(database, tmp_path, handlers=HANDLERS_WITH_PICTURES, base_url=base_url) as world:
        await world.link("ito", "t-ito")
        (text,) = await world.say("ito", "グラフ")
        assert text.startswith("4年2組・先週です。\n（図をここに表示できません。")
        assert [label for label, _ in world.line.quick_replies_to(ITO_ON_LINE)] == ["もう一度"]


async def test_a_store_that_is_down_means_later_on_line(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def is_down() -> None:
        raise StorageDownError("down")

    monkeypatch.setattr(database, "read", is_down)
    clock = HandClock()
    files = Files(database=database, base_url=BASE_URL, secret=SECRET, language="ja", now=clock.now)
    letter = Letter(account_id="line:U1", messages=[shown("f1")], grade=None, key=str(uuid4()), attempts=1)
    async with aiohttp.ClientSession() as http:
        channel = LineChannel(http, "http://127.0.0.1:9", "token", clock.now, files)
        assert await channel.deliver(letter) == Later(problem="storage")


def shown(file_id: str, text: str = "これです", media_type: str = "image/png") -> Outgoing:
    attachment = Attachment(file_id=file_id, media_type=media_type, name="a.png", alt=Words.of(f"図{file_id}"))
    return Outgoing(text=Words.of(text), attachment=attachment)


def test_five_messages_of_line_hold_what_fits_and_older_pictures_become_addresses() -> None:
    addresses = {str(n): f"{BASE_URL}/{n}" for n in range(4)}
    choice = Choice(label=Words.of("はい"), value="yes")
    *older, last = [shown(str(n), f"文{n}") for n in range(4)]
    objects = to_line(
        [*older, Outgoing(text=last.text, attachment=last.attachment, choices=(choice,))], None, addresses
    )
    assert [each["type"] for each in objects] == ["text", "text", "image", "text", "image"]
    everything = str(objects)
    for n in range(4):
        assert f"文{n}" in everything
        assert f"{BASE_URL}/{n}" in everything
    assert objects[-1]["previewImageUrl"] == f"{BASE_URL}/3"
    assert "quickReply" in objects[-1]


def test_a_picture_without_words_is_a_picture_alone() -> None:
    (image,) = to_line([shown("f", "")], None, {"f": f"{BASE_URL}/f"})
    assert image["type"] == "image"


# --- Slack


@pytest.fixture
async def slack(database: Database, tmp_path: Path) -> AsyncIterator[SlackWorld]:
    async with slack_world(database, tmp_path / "data", handlers=(on_picture,)) as world:
        await world.link(ITO, "t-ito")
        yield world


async def test_slack_gets_the_picture_into_the_conversation_with_its_alternative_text(slack: SlackWorld) -> None:
    assert await slack.say(ITO, "グラフ") == ["4年2組・先週です。"]
    (file,) = slack.slack.files
    assert (file.name, file.content) == ("ふりかえり.png", draw(week(), STAFF))
    assert file.channel == slack.slack.open_im(ITO)
    assert file.alt_text == ALT


async def test_an_alternative_text_that_is_too_long_for_slack_is_shortened(slack: SlackWorld) -> None:
    file_id = await stored(slack.core.database, "image/png", "a.png", b"png", slack.clock.now())
    attachment = Attachment(file_id=file_id, media_type="image/png", name="a.png", alt=Words.of("長い説明" * 1000))
    message = Outgoing(text=Words.of("これです"), attachment=attachment)
    channel = SlackChannel(TOKEN, slack.slack.base_url, files_of(slack.core.database, slack.clock))
    letter = Letter(account_id=f"slack:{ITO}", messages=[message], grade=None, key="k", attempts=1)
    assert await channel.deliver(letter) == Sent(held_too=True)
    await channel.close()
    assert slack.slack.files[-1].alt_text.endswith("…")


async def test_slack_gets_a_table_as_a_file(slack: SlackWorld) -> None:
    await slack.say(ITO, "表")
    (file,) = slack.slack.files
    assert (file.name, file.content) == ("4年2組 提出.csv", CSV)


@pytest.mark.parametrize(
    "method",
    ["files.getUploadURLExternal", "upload", "chat.postMessage", "conversations.open", "files.completeUploadExternal"],
)
@pytest.mark.parametrize("failure", [Failure.STATUS_500, Failure.DROP_BEFORE, Failure.DROP_AFTER])
async def test_whatever_slack_fails_at_there_is_one_post_and_one_picture(
    slack: SlackWorld, method: str, failure: Failure
) -> None:
    before = len(slack.slack.posts_to(ITO))
    slack.slack.fail_next(method, failure)
    await slack.say(ITO, "グラフ")
    slack.clock.forward(seconds=5)
    await slack.core.drain()
    assert len(slack.slack.posts_to(ITO)) == before + 1
    assert len(slack.slack.files) == 1
    assert await slack.count(Outbox, state="sent") == await slack.count(Outbox)


async def test_the_same_picture_asked_for_again_is_sent_again(slack: SlackWorld) -> None:
    await slack.say(ITO, "グラフ")
    slack.slack.fail_next("chat.postMessage", Failure.STATUS_500)
    await slack.say(ITO, "グラフ")
    slack.clock.forward(seconds=5)
    await slack.core.drain()
    assert len(slack.slack.files) == 2


async def test_an_app_without_the_right_to_send_files_answers_in_words(slack: SlackWorld) -> None:
    slack.slack.scopes -= {"files:write"}
    (text,) = await slack.say(ITO, "グラフ")
    assert text.startswith("4年2組・先週です。\n（図をここに表示できません。")
    assert slack.slack.files == []
    assert await slack.count(Outbox, state="sent") == await slack.count(Outbox)


async def test_a_revoked_token_holds_the_picture_with_the_words(slack: SlackWorld) -> None:
    slack.slack.fail_next("files.getUploadURLExternal", Failure.TOKEN_REVOKED)
    await slack.say(ITO, "グラフ")
    assert await slack.count(Outbox, state="held") == 1
    await slack.say(ITO, "表")
    assert sorted(file.name for file in slack.slack.files) == ["4年2組 提出.csv", "ふりかえり.png"]


# --- browser and terminal


async def test_the_page_shows_the_picture_from_this_site_and_offers_the_table(tmp_path: Path, sqlite_url: str) -> None:
    async with (
        browser_world(tmp_path, sqlite_url, handlers=HANDLERS_WITH_PICTURES) as world,
        browser(world) as page,
    ):
        await page.sign_in(await world.code("t-ito"))
        await page.say("グラフ")
        ((link, source, alt),) = IMG.findall(page.html)
        assert (link, alt) == (source, ALT)
        assert source.startswith("/files/")  # wherever the page was opened
        status, headers, content = await fetch(world.url + unescape(source))
        assert (status, headers["Content-Type"], content) == (200, "image/png", draw(week(), STAFF))
        await page.say("表")
        ((table, name),) = re.findall(
            r'<p class="file"><a href="([^"]+)" download="([^"]+)">表を保存する</a>', page.html
        )
        assert name == "4年2組 提出.csv"
        assert (await fetch(world.url + unescape(table)))[2] == CSV


async def test_the_page_says_when_a_picture_has_gone(tmp_path: Path, sqlite_url: str) -> None:
    async with (
        browser_world(tmp_path, sqlite_url, handlers=HANDLERS_WITH_PICTURES) as world,
        browser(world) as page,
    ):
        await page.sign_in(await world.code("t-ito"))
        await page.say("グラフ")
        world.clock.forward(days=3)
        await page.sign_in(await world.code("t-ito"))
        assert IMG.findall(page.html) == []
        assert "見られる期間は終わりました" in page.html


def test_the_terminal_names_the_file_and_tells_what_it_shows() -> None:
    message = shown("f")
    assert as_text(message, None) == "これです\na.png: 図f"
    assert as_json(message, None)["attachment"] == {"name": "a.png", "media_type": "image/png", "alt": "図f"}
    assert as_json(Outgoing(text=Words.of("a")), None)["attachment"] is None
