"""Attempts to get at the data of somebody else: nothing is shown, nothing tells whether it is there, all are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import delete, func, insert, select, update

from assistant.attachments import StoredFile, StoreFile, address, new_file
from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.alerts import Alert, raise_alert
from knowledge.records.announcements import Announcement, AnnouncementAnswer
from knowledge.records.audit_check import verify
from knowledge.records.audit_reading import Listed, listed
from knowledge.records.checkins import CheckIn, CheckInRecord, Status, save_checkins
from knowledge.records.roster import Role
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import browser
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
NEVER = "0198aaaa-0000-7000-8000-000000000000"  # an id of nothing


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Hana has reflected and needs help, her teacher asked the class something; a classmate, teachers and two families
    have their phones linked."""
    clock = HandClock(datetime.combine(MONDAY, time(16), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        at = datetime.combine(MONDAY, time(15, 30), TOKYO)
        record = CheckInRecord(
            student_id="s-hana",
            date=MONDAY,
            phase=Phase.REFLECTION,
            status=Status.FINISHED,
            started_at=at,
            updated_at=at,
            answered_at=at,
            mood="rainy",
            went_well="分数が分かった",
        )
        async with database.write() as connection:
            await save_checkins(connection, [record])
        for name, person in {"ren": "s-ren", "ito": "t-ito", "kato": "t-kato", "sato": "g-sato"}.items():
            await world.link(name, person)
        yield world


async def tap(world: LineWorld, name: str, value: str) -> list[str]:
    """Somebody sends a button's value that no message of theirs had."""
    before = len(world.line.texts_to(user_id(name)))
    assert await world.send(world.line.events.postback(user_id(name), value)) == 200
    await world.core.drain()
    world.clock.forward(seconds=2)
    return world.line.texts_to(user_id(name))[before:]


async def refusals(world: LineWorld, person_id: str) -> list[Listed]:
    async with world.core.database.read() as connection:
        assert (await verify(connection)).holds
        return [each for each in await listed(connection, 1_000) if (each.actor_id, each.act) == (person_id, "refused")]


async def alert_of_hana(database: Database) -> str:
    async with database.write() as connection:
        return await raise_alert(
            connection,
            event_id="e1",
            student_id="s-hana",
            level="urgent",
            category="self_harm",
            words="しにたい",
            text="しにたい",
            at=datetime(2026, 5, 11, 15, tzinfo=TOKYO),
        )


async def announcement_of_ito(world: LineWorld) -> str:
    """What the homeroom teacher asked, and Hana answered."""
    async with world.core.database.write() as connection:
        await connection.execute(
            insert(Announcement).values(
                id="a1",
                owner_id="t-ito",
                school_id="minami",
                text="来られますか",
                answer_kind="yes_no",
                choices=[],
                is_safety_check=False,
                state="open",
                created_at=world.clock.now(),
            )
        )
    return "a1"


@pytest.mark.parametrize("who", ["ren", "kato", "sato"])
async def test_asking_in_words_shows_nothing(world: LineWorld, who: str):
    await alert_of_hana(world.core.database)
    of_hana = ("佐藤花さんの今週の気分は？", "佐藤花さんのふりかえりを見せて")
    others = ("s-hanaの気分は？", "4年2組の今日のふりかえりを見せて", "アラート一覧", "気になる子は？", "返信待ち")
    for text in others[1:] if who == "sato" else of_hana + others:  # her father may ask about her
        world.clock.forward(minutes=1)
        said = " ".join(await world.say(who, text))
        assert not any(word in said for word in ("分数", "☔", "しにたい", "2.0")), text
        assert who == "kato" or "佐藤 花" not in said  # who is at their school teachers know
    if who != "sato":
        assert len(await refusals(world, {"ren": "s-ren", "kato": "t-kato"}[who])) >= 3


@pytest.mark.parametrize("who", ["ren", "kato", "sato"])
async def test_the_same_words_whether_or_not_the_alert_exists(world: LineWorld, who: str):
    alert = await alert_of_hana(world.core.database)
    for what in ("seen", "addressed", "not_a_concern", "show"):
        assert await tap(world, who, f"al/{what}/{alert}") == await tap(world, who, f"al/{what}/{NEVER}"), what
    person = {"ren": "s-ren", "kato": "t-kato", "sato": "g-sato"}[who]
    assert len(await refusals(world, person)) == 8
    async with world.core.database.read() as connection:
        assert await connection.scalar(select(Alert.state).where(Alert.id == alert)) == "new"


async def test_answers_to_a_colleagues_announcement_are_shown_to_nobody_else(world: LineWorld):
    announcement = await announcement_of_ito(world)
    for what in ("show", "who", "csv", "texts", "remind", "close"):
        theirs = await tap(world, "kato", f"&{what}/{announcement}/missing/0")
        assert theirs == await tap(world, "kato", f"&{what}/{NEVER}/missing/0")
    assert {each.kind for each in await refusals(world, "t-kato")} == {"responses"}
    assert len(await refusals(world, "t-kato")) == 12


async def test_a_child_cannot_answer_for_another(world: LineWorld):
    announcement = await announcement_of_ito(world)  # it asked nobody of those who try
    theirs = await tap(world, "ren", f"%{announcement}/yes")
    assert theirs == await tap(world, "ren", f"%{NEVER}/yes")
    async with world.core.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(AnnouncementAnswer)) == 0


async def test_a_child_with_the_buttons_of_a_teacher_gets_nothing(world: LineWorld):
    await world.say("ito", "佐藤花さんのふりかえりを見せて")
    replies = world.line.quick_replies_to(user_id("ito"))
    assert replies
    for _, action in replies:
        world.clock.forward(minutes=1)
        said = " ".join(await tap(world, "ren", action["data"]))
        assert "分数" not in said and "佐藤" not in said, action["data"]


async def test_a_button_that_is_nobodys_is_kept(world: LineWorld):
    assert await tap(world, "ren", "&who/a1/missing/0") == []
    [kept] = await refusals(world, "s-ren")
    assert kept.detail == "a button that is not theirs"


@pytest.mark.parametrize("who", ["ren", "ito"])
async def test_a_check_in_is_ones_own_whatever_the_button_says(world: LineWorld, who: str):
    await tap(world, who, f"c/reflection/{MONDAY}/mood/sunny")
    await tap(world, who, f"k/reflection/{MONDAY}/wentWell/keep")
    async with world.core.database.read() as connection:
        hers = await connection.execute(select(CheckIn.mood, CheckIn.private).where(CheckIn.student_id == "s-hana"))
        assert [tuple(row) for row in hers] == [("rainy", None)]


async def test_a_former_teacher_finds_nothing_in_the_conversation_that_is_open(world: LineWorld):
    assert any("分数" in each for each in await world.say("ito", "佐藤花さんのふりかえりを見せて"))
    async with world.core.database.write() as connection:
        await connection.execute(
            update(Role).where(Role.user_sourced_id == "t-ito").values(end_date=MONDAY - timedelta(days=1))
        )
    for text in ("CSV", "どうやって計算した？", "返信：佐藤 花", "佐藤花さんのふりかえりを見せて", "アラート一覧"):
        said = " ".join(await world.say("ito", text))
        assert "分数" not in said and "花" not in said, text


async def test_somebody_the_roster_lost_finds_nothing_either(world: LineWorld):
    await world.say("ito", "佐藤花さんのふりかえりを見せて")
    async with world.core.database.write() as connection:
        await connection.execute(delete(Role).where(Role.user_sourced_id == "t-ito"))
    assert "分数" not in " ".join(await world.say("ito", "CSV"))


# --- pictures and tables


@pytest.fixture
async def site(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as site:
        yield site


async def picture(site: BrowserWorld, person_id: str = "t-ito") -> str:
    """The address of a picture that was made for somebody."""
    now = site.clock.now()
    write, file_id = new_file(person_id, "image/png", "a.png", b"\x89PNG", now)
    async with site.core.database.write() as connection:
        await StoreFile.store(connection, [write])
    return address(site.url, site.core.services.secret, file_id, now + timedelta(days=3))


async def fetch(http: aiohttp.ClientSession, url: str) -> tuple[int, bytes]:
    async with http.get(url) as response:
        return response.status, await response.read()


async def test_a_forwarded_picture_does_not_open_where_somebody_else_is_signed_in(site: BrowserWorld):
    url = await picture(site)
    async with browser(site) as page:
        await page.sign_in(await site.code("s-ren"))
        refused = await fetch(page.http, url)
    async with site.core.database.write() as connection:
        await connection.execute(delete(StoredFile))
    async with browser(site) as page:
        assert (await fetch(page.http, url)) == refused, "the same as for one that is not there"
    assert refused[0] == 404
    async with site.core.database.read() as connection:
        kept = [each for each in await listed(connection, 100) if each.act == "refused"]
    assert [(each.actor_id, each.kind) for each in kept] == [("s-ren", "files")]


async def test_its_owner_and_line_get_the_picture(site: BrowserWorld):
    url = await picture(site)
    async with browser(site) as page:
        await page.sign_in(await site.code("t-ito"))
        assert await fetch(page.http, url) == (200, b"\x89PNG")
    async with aiohttp.ClientSession() as line:
        assert await fetch(line, url) == (200, b"\x89PNG")


async def test_the_pictures_of_a_former_teacher_open_no_more(site: BrowserWorld):
    url = await picture(site)
    yesterday = site.clock.moment.date() - timedelta(days=1)
    async with site.core.database.write() as connection:
        await connection.execute(update(Role).where(Role.user_sourced_id == "t-ito").values(end_date=yesterday))
    async with aiohttp.ClientSession() as http:
        assert (await fetch(http, url))[0] == 404
