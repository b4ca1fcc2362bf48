"""Where somebody is signed in: ended by themselves, by school leads, by a role that ends; never opened by guessing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest
from sqlalchemy import event, func, select

from assistant.channels.browser import routes, sent_codes
from assistant.channels.browser.lockout import LOCKED_OUT, MAX_WRONG_OF_PERSON
from assistant.channels.browser.sessions import Refused, Sessions
from assistant.channels.browser.store import BrowserSession
from assistant.handlers.linking import MAX_WRONG
from knowledge.db import Database, upsert
from knowledge.records.accounts import Account, LinkAttempt
from knowledge.records.audit import AuditEntry, AuditPerson
from scheduler.outbox import ITEM, Item, Outbox
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page, browser, plain
from tests.platforms.line import user_id
from tests.worlds import TOKYO, line_world

AGENTS = {
    "tablet": "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
    "laptop": "Mozilla/5.0 (X11; CrOS x86_64 15917.71.0) AppleWebKit/537.36 Chrome/131.0.0.0 Safari/537.36",
}


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    async with browser_world(tmp_path, sqlite_url) as world:
        yield world


@asynccontextmanager
async def signed_in(world: BrowserWorld, person: str, agent: str = "tablet") -> AsyncGenerator[Page]:
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"User-Agent": AGENTS[agent]}) as http:
        page = Page(http, world.url)
        await page.sign_in(await world.code(person))
        yield page


async def audited(database: Database, act: str) -> list[tuple[str, set[str | None], set[str | None]]]:
    """(detail, actors, subjects) of the entries of an act, in order."""
    async with database.read() as connection:
        entries = (await connection.execute(select(*AuditEntry.__table__.columns).order_by(AuditEntry.id))).all()
        people = (await connection.execute(select(*AuditPerson.__table__.columns))).all()

    def who(entry: int, part: str) -> set[str | None]:
        return {each.person_id for each in people if (each.entry_id, each.part) == (entry, part)}

    return [(e.detail, who(e.id, "actor"), who(e.id, "subject")) for e in entries if e.act == act]


def listed(page: Page) -> list[str]:
    """The sessions that a page names, as text."""
    return [" ".join(plain(each).split()) for each in re.findall("<li>(.*?)</li>", page.html, re.DOTALL)]


def is_signed_in(page: Page) -> bool:
    return 'role="log"' in page.html


# --- One's own


async def test_a_child_sees_where_they_are_signed_in_and_ends_one_of_them(world: BrowserWorld) -> None:
    async with signed_in(world, "s-sora", "laptop") as old:
        world.clock.forward(minutes=20)
        async with signed_in(world, "s-sora") as page:
            await page.open("/account")
            here, there = listed(page)
            assert "iPad / Safari いま つかっている ここ" in here and "5月11日" in here
            assert there.startswith("Chromebook / Chrome はいった") and "ここ はいった" not in there
            value = re.findall('name="session" value="([^"]+)"', page.html)[1]
            await page.post("/account/end", session=value)
            assert "おわったよ" in plain(page.html) and len(listed(page)) == 1
            await old.open()
            assert not is_signed_in(old)
    assert (await audited(world.core.database, "change"))[-1] == ("sessions ended: 1", {"s-sora"}, {"s-sora"})


async def test_all_others_end_or_all_of_them(world: BrowserWorld) -> None:
    async with signed_in(world, "t-kato") as one, signed_in(world, "t-kato") as two:
        await one.open("/account")
        await one.post("/account/end", all="others")
        await two.open()
        assert is_signed_in(one) is False and len(listed(one)) == 1
        assert not is_signed_in(two)
        await one.post("/account/end", all="all")
        assert 'name="code"' in one.html


async def test_sign_ins_of_staff_and_guardians_are_in_the_audit_those_of_children_do_not_queue_for_it(
    world: BrowserWorld,
) -> None:
    for person in ("s-sora", "t-kato", "g-sato"):
        async with signed_in(world, person) as page:
            await page.open("/signin/again")
            await page.post("/signin/again", code=await world.code(person), next="/account")
            assert page.status == 200
    twice = [("code", {who}, {who}) for who in ("t-kato", "t-kato", "g-sato", "g-sato")]
    assert await audited(world.core.database, "sign_in") == twice


async def test_nobody_ends_the_sessions_of_somebody_else(world: BrowserWorld) -> None:
    async with signed_in(world, "s-hana") as hana, signed_in(world, "s-ren") as ren:
        await hana.open("/account")
        hers = re.findall('name="session" value="([^"]+)"', hana.html)[0]
        await ren.open("/account")
        await ren.post("/account/end", session=hers)
        await hana.open()
        assert is_signed_in(hana)
        await ren.post("/account/end", session=hers, csrf_token="forged")
        assert ren.status == 403


async def test_whoever_is_not_signed_in_sees_the_sign_in(world: BrowserWorld) -> None:
    async with browser(world) as page:
        for path in ("/account", "/care", "/care/sessions", "/signin/again"):
            assert 'name="code"' in await page.open(path)


# --- Of others, by school leads


async def test_a_principal_ends_all_sessions_of_a_person_of_the_school(world: BrowserWorld) -> None:
    async with (
        signed_in(world, "p-ogawa") as lead,
        signed_in(world, "t-kato") as kato,
        signed_in(world, "t-abe") as abe,
    ):
        await lead.open("/care/sessions")
        names = [each.split()[0] for each in listed(lead)]
        assert sorted(names) == ["加藤", "小川"]  # 阿部 is of another school
        await lead.open("/care/sessions?name=%E3%81%8B%E3%81%A8%E3%81%86")  # かとう
        assert [each.split()[0] for each in listed(lead)] == ["加藤"]
        await lead.post("/care/sessions/end", person="t-kato")
        assert "終了しました" in plain(lead.html)
        ended = lead.html
        await kato.open()
        assert not is_signed_in(kato)
        for other in ("t-abe", "nobody"):  # crafted: the answer is the same
            await lead.open("/care/sessions")
            await lead.post("/care/sessions/end", person=other)
            assert lead.html == ended
        await abe.open()
        assert is_signed_in(abe)
    assert (await audited(world.core.database, "change"))[-1] == ("sessions ended: 1", {"p-ogawa"}, {"t-kato"})
    assert [each[1:] for each in await audited(world.core.database, "refused")] == [
        ({"p-ogawa"}, {"t-abe"}),
        ({"p-ogawa"}, set()),
    ]


async def test_a_school_sets_for_how_long_a_sign_in_opens_the_pages_of_care(tmp_path: Path, sqlite_url: str) -> None:
    async with (
        browser_world(tmp_path, sqlite_url, more={"fresh_minutes": "10"}) as world,
        signed_in(world, "t-kato") as page,
    ):
        world.clock.forward(minutes=9)
        assert "見守り" in plain(await page.open("/care"))
        world.clock.forward(minutes=2)
        assert "確認は10分間有効です" in plain(await page.open("/care"))


@pytest.mark.parametrize(("person", "sections"), [("t-kato", 4), ("t-mori", 3), ("n-hayashi", 5), ("p-ogawa", 7)])
async def test_the_page_of_care_lists_what_its_reader_may_open(world: BrowserWorld, person: str, sections: int) -> None:
    async with signed_in(world, person) as page:
        await page.open("/care")
        links = re.findall('href="(/care/[a-z]+)"', page.html)
        assert len(links) == sections
        for link in links:
            await page.open(link)
            assert page.status == 200, link
    assert await audited(world.core.database, "refused") == []


async def test_a_teacher_leads_no_school_and_a_child_is_no_staff(world: BrowserWorld) -> None:
    async with signed_in(world, "t-kato") as kato, signed_in(world, "s-sora") as sora:
        await kato.open("/care/sessions")
        await sora.open("/care/sessions")
        assert (kato.status, sora.status) == (404, 404)
        for _ in range(20):
            await sora.open("/care")
    tried = [each for each in await audited(world.core.database, "refused") if each[1] == {"s-sora"}]
    assert tried[0] == ("/care/sessions", {"s-sora"}, set())
    assert len(tried) == 5  # and not one for each of the twenty


# --- When a role ends


async def until_it_ends(page: Page) -> str:
    """The last event of the stream."""
    async with asyncio.timeout(5), page.http.get(f"{page.url}/events?after=0") as response:
        return (await response.text()).replace("\r\n", "\n").strip().split("\n\n")[-1]


async def end_roles(world: BrowserWorld, person: str) -> None:
    async with world.core.database.write() as connection:
        sql = f"UPDATE roles SET end_date = '2026-05-10' WHERE user_sourced_id = '{person}'"
        await connection.exec_driver_sql(sql)


async def test_the_open_session_and_stream_of_a_former_teacher_end_at_once(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "CHECK_EVERY", 0.05)
    async with browser_world(tmp_path, database_url) as world, signed_in(world, "t-kato") as page:
        stream = asyncio.create_task(until_it_ends(page))
        await asyncio.sleep(0.1)
        await end_roles(world, "t-kato")
        assert (await stream).splitlines()[0] == "event: signed-out"
        for path in ("/", "/care", "/library", "/account"):
            assert 'name="code"' in await page.open(path)
        await page.post_with({"X-Requested-With": "fetch"}, "/messages", text="今日の出席は？", client_id="a" * 16)
        assert page.status == 401
        assert "入れませんでした" in plain(await page.sign_in(await world.code("t-kato")))


async def test_a_stream_begins_anew_with_the_rights_that_a_person_has_now(
    world: BrowserWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(routes, "CHECK_EVERY", 0.05)
    async with signed_in(world, "t-kato") as page:
        stream = asyncio.create_task(until_it_ends(page))
        await asyncio.sleep(0.1)
        async with world.core.database.write() as connection:
            await connection.exec_driver_sql("UPDATE roles SET role = 'guardian' WHERE user_sourced_id = 't-kato'")
        assert (await stream).splitlines()[0] == "event: signed-out"  # the page is loaded again …
        await page.open()
        assert is_signed_in(page)  # … for whoever they are now
        await page.open("/care")
        assert page.status == 404


# --- Guessing


async def test_a_code_tried_a_thousand_times_is_refused_and_kept_in_the_audit_and_its_owner_still_gets_in(
    tmp_path: Path, database_url: str
) -> None:
    times = 1_000 if database_url.startswith("sqlite") else 10 * MAX_WRONG  # there each takes its time
    async with browser_world(tmp_path, database_url) as world, browser(world) as sora:
        used, fresh = await world.code("s-sora"), await world.code("s-sora")
        await sora.sign_in(used)
        core = world.core
        sessions = Sessions(core.database, core.services.secret, world.clock.now, TOKYO, timedelta(minutes=30))
        answers = [await sessions.sign_in_with_code(used, "a browser", "198.51.100.1") for _ in range(times)]
        assert answers == [Refused.REFUSED] * MAX_WRONG + [Refused.LOCKED] * (times - MAX_WRONG)
        assert (
            await sessions.sign_in_with_code(fresh, "a browser", "198.51.100.1") is Refused.LOCKED
        )  # even a right one
        await sora.post("/signout")
        await sora.sign_in(fresh)
        assert is_signed_in(sora)
        refused = await audited(world.core.database, "refused")
        assert [each[0] for each in refused] == ["code used"] * MAX_WRONG + [LOCKED_OUT]
        assert all(each[2] == {"s-sora"} for each in refused[:-1])
        async with core.database.read() as connection:
            assert await connection.scalar(select(func.count()).select_from(LinkAttempt)) == 2 * MAX_WRONG


async def test_codes_of_somebody_and_of_nobody_are_answered_with_the_same_work(world: BrowserWorld) -> None:
    """As many statements, so that the time tells nothing; who it was is a row of the audit, in the same transaction."""
    used, former = await world.code("s-sora"), await world.code("t-kato")
    await end_roles(world, "t-kato")
    statements: list[str] = []

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    async with browser(world) as page:
        await page.sign_in(used)
        await page.post("/signout")
        await page.post("/signin", code="ZZZZ2223")  # the first entry of the audit
        engine = world.core.database.write_engine.sync_engine
        event.listen(engine, "before_cursor_execute", count)
        done: list[list[str]] = []
        pages: set[str] = set()
        for code in ("ZZZZ2222", used, former):
            statements.clear()
            pages.add(await page.post("/signin", code=code))
            done.append([*statements])
        event.remove(engine, "before_cursor_execute", count)
    assert len(pages) == 1
    assert done[0] == done[1]


# --- Six figures to one's own LINE


@asynccontextmanager
async def teacher_with_line(folder: Path, database_url: str) -> AsyncGenerator[tuple[BrowserWorld, Page]]:
    """No LINE answers here: what would be sent stays in the outbox."""
    line = {"line_channel_secret": "s", "line_channel_access_token": "t", "line_api_base_url": "http://127.0.0.1:9"}
    async with browser_world(folder, database_url, more=line) as world, signed_in(world, "t-kato") as page:
        account = {"id": "line:U1", "channel": "line", "person_id": "t-kato", "linked_at": world.clock.now()}
        rest = {"last_seen_at": world.clock.now(), "reachable": True}
        async with world.core.database.write() as connection:
            await upsert(connection, Account, [account | rest], key=["id"])
        world.clock.forward(minutes=29)
        await page.open()  # use, which is no sign-in
        world.clock.forward(minutes=2)
        await page.open("/care")
        yield world, page


async def sent(world: BrowserWorld) -> list[str]:
    """The figures in the outbox."""
    async with world.core.database.read() as connection:
        rows = await connection.scalars(
            select(Outbox.payload).where(Outbox.kind == sent_codes.KIND).order_by(Outbox.id)
        )
        return [sent_codes.code_of(payload["nonce"], world.core.services.secret) for payload in rows]


async def test_figures_sent_to_ones_own_line_open_the_pages_of_care_again(tmp_path: Path, database_url: str) -> None:
    async with teacher_with_line(tmp_path, database_url) as (world, page):
        assert "ご本人の確認" in plain(page.html) and "ご自分のLINEで受け取る" in plain(page.html)
        await page.post("/signin/again/send", next="/care")
        await page.post("/signin/again/send", next="/care")  # tapped twice
        (code,) = await sent(world)
        assert "数字6桁のコードを送りました" in plain(page.html)
        async with world.core.database.read() as connection:
            stored = str((await connection.execute(select(*Outbox.__table__.columns))).all())
            stored += str((await connection.execute(select(*BrowserSession.__table__.columns))).all())
        assert code not in stored
        await page.post("/signin/again", code=f"{code[:3]} {code[3:]}", next="/care")
        assert "見守り" in plain(page.html)
        assert (await audited(world.core.database, "sign_in"))[-1] == ("again: sent", {"t-kato"}, {"t-kato"})
        await page.open("/signin/again")
        await page.post("/signin/again", code=code)
        assert page.status == 403  # used


async def test_wrong_figures_are_counted_for_the_person_and_a_code_from_school_still_works(
    tmp_path: Path, sqlite_url: str
) -> None:
    async with teacher_with_line(tmp_path, sqlite_url) as (world, page):
        await page.post("/signin/again/send", next="/care")
        (code,) = await sent(world)
        wrong = f"{(int(code) + 1) % 1_000_000:06}"
        for _ in range(MAX_WRONG_OF_PERSON):
            await page.post("/signin/again", code=wrong)
            assert page.status == 403
        await page.post("/signin/again", code=code)
        assert page.status == 403
        assert (
            len([each for each in await audited(world.core.database, "refused") if each[0] == "sent code wrong"]) == 6
        )
        await page.post("/signin/again", code=await world.code("t-kato"), next="/care")
        assert "見守り" in plain(page.html)


async def test_figures_are_good_for_ten_minutes_and_in_their_own_session(tmp_path: Path, sqlite_url: str) -> None:
    async with teacher_with_line(tmp_path, sqlite_url) as (world, page), signed_in(world, "t-kato") as other:
        await page.post("/signin/again/send", next="/care")
        (code,) = await sent(world)
        await other.open("/signin/again")
        await other.post("/signin/again", code=code)
        assert other.status == 403
        world.clock.forward(minutes=11)
        await page.post("/signin/again", code=code)
        assert page.status == 403


async def test_what_is_sent_says_the_figures_in_kind_words(tmp_path: Path, sqlite_url: str) -> None:
    async with teacher_with_line(tmp_path, sqlite_url) as (world, page):
        await page.post("/signin/again/send", next="/care")
        (code,) = await sent(world)
        async with world.core.database.read() as connection:
            row = (await connection.execute(select(*ITEM).where(Outbox.kind == sent_codes.KIND))).one()
        item = Item(**row._asdict())
        assert item.account_id == "line:U1" and item.person_id == "t-kato" and item.expires_at is not None
        codes = sent_codes.SentCodes(world.core.services, world.clock.now)
        composed = await codes.compose(item)
        assert composed is not None
        text = str(composed.messages[0].text)
        assert f"{code[:3]} {code[3:]}" in text and "10分間" in text
        async with world.core.database.write() as connection:
            await connection.exec_driver_sql("UPDATE accounts SET person_id = 't-ito' WHERE id = 'line:U1'")
        assert await codes.compose(item) is None  # the phone is somebody else's by now


# --- In LINE


async def test_wrong_codes_and_links_in_line_are_in_the_audit_too(tmp_path: Path, sqlite_url: str) -> None:
    database = Database(sqlite_url)
    async with line_world(database, tmp_path) as world:
        said = [(await world.say("ren", f"ZZZZ{number}"))[0] for number in range(2222, 2222 + MAX_WRONG + 1)]
        assert len(set(said[:MAX_WRONG])) == 1 and "つながりませんでした" in said[0]
        assert "10分ほど待って" in said[-1]
        await world.link("sora", "s-sora")
        await world.link("ito", "t-ito")
        wrong, linked = ("code wrong", {f"line:{user_id('ren')}"}, set[str]()), ("linked", {"t-ito"}, {"t-ito"})
        assert await audited(database, "refused") == [wrong] * MAX_WRONG
        assert await audited(database, "sign_in") == [linked]
    await database.close()
