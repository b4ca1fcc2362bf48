"""The page of replies: for staff who signed in freshly, of their own classes; sent once, in the school's hours."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from html import unescape
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from assistant.web.care.reflections import marked
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.audit import AuditEntry
from knowledge.records.checkins import CheckIn, CheckInRecord, Status, save_checkins
from knowledge.records.replies import ReflectionRead, Reply
from scheduler.outbox import Outbox
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page, browser, plain
from tests.worlds import TOKYO

PATH = "/care/reflections"
MONDAY = date(2026, 5, 11)


@pytest.fixture
async def world(tmp_path: Path, database_url: str) -> AsyncIterator[BrowserWorld]:
    """Monday at four. Hana of 4年2組 can be written to; Ren of the same class and Sora of another have no account."""
    async with browser_world(tmp_path, database_url) as world:
        world.clock.moment = datetime.combine(MONDAY, time(16), TOKYO)
        at = world.clock.now()
        async with world.core.database.write() as connection:
            hana = {"id": "browser:hana", "channel": "browser", "person_id": "s-hana"}
            await connection.execute(insert(Account).values(**hana, linked_at=at, last_seen_at=at, reachable=True))
        yield world


@pytest.fixture
async def page(world: BrowserWorld) -> AsyncIterator[Page]:
    """The homeroom teacher of 4年2組, freshly signed in."""
    async with browser(world) as page:
        await page.sign_in(await world.code("t-ito"))
        yield page


async def reflected(world: BrowserWorld, student_id: str, days_ago: int = 0, **answers: str) -> str:
    """A reflection; the id of its check-in."""
    day = MONDAY - timedelta(days=days_ago)
    at = datetime.combine(day, time(15, 30), TOKYO)
    record = CheckInRecord(
        student_id=student_id,
        date=day,
        phase=Phase.REFLECTION,
        status=Status.FINISHED,
        started_at=at,
        updated_at=at,
        answered_at=at,
        **(answers or {"went_well": "図をかいて わかったから うれしかった"}),  # pyright: ignore[reportArgumentType] -- texts
    )
    async with world.core.database.write() as connection:
        await save_checkins(connection, [record])
        where = (CheckIn.student_id == student_id, CheckIn.date == day)
        return str(await connection.scalar(select(CheckIn.id).where(*where)))


def hidden(page: Page, name: str) -> str:
    return page.html.partition(f'name="{name}" value="')[2].partition('"')[0]


def offers(page: Page) -> list[str]:
    """The suggestions that are shown."""
    part = page.html.partition('<ol class="offers">')[2].partition("</ol>")[0]
    return [plain(each).strip() for each in part.split("</li>")[:-1]]


def written(page: Page) -> str:
    return unescape(page.html.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0])


async def status(page: Page, path: str) -> int:
    await page.open(path)
    return page.status


async def stored(world: BrowserWorld) -> list[str]:
    async with world.core.database.read() as connection:
        return [*await connection.scalars(select(Reply.text).order_by(Reply.sent_at))]


async def acts(world: BrowserWorld, kind: str) -> list[str]:
    async with world.core.database.read() as connection:
        return [
            *await connection.scalars(select(AuditEntry.act).where(AuditEntry.kind == kind).order_by(AuditEntry.id))
        ]


async def form(page: Page, **fields: str) -> None:
    await page.post(PATH, **{name: hidden(page, name) for name in ("form_id", "id", "class", "after")} | fields)


async def test_the_oldest_is_open_with_three_replies_and_the_words_the_rubric_saw(
    world: BrowserWorld, page: Page
) -> None:
    await reflected(world, "s-hana")
    await reflected(world, "s-hana", 3, went_well="金曜日は 走って つかれた")
    shown = plain(await page.open(PATH))
    assert "返信待ち（2件）" in shown and "金曜日は 走って" in shown and "3日前" in shown
    assert len(offers(page)) == len({*offers(page)}) == 3
    assert "<mark>" in page.html
    async with world.core.database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(ReflectionRead)) == 1
    assert await acts(world, "checkins") == ["read"]


async def test_a_chosen_reply_stands_in_the_field_and_goes_out_changed_and_once(
    world: BrowserWorld, page: Page
) -> None:
    await reflected(world, "s-hana")
    await page.open(PATH)
    await page.open(f"{PATH}?id={hidden(page, 'id')}&use=1")
    assert written(page) == offers(page)[1]
    fields = {name: hidden(page, name) for name in ("form_id", "id", "class", "after", "csrf_token")}
    for _ in range(2):
        await page.post(PATH, **fields, text="図をかいたところを、もう一度見せてね。")
        assert "送りました" in plain(page.html) and "返信待ち（0件）" in plain(page.html)
    assert await stored(world) == ["図をかいたところを、もう一度見せてね。"]
    async with world.core.database.read() as connection:
        [payload] = await connection.scalars(select(Outbox.payload).where(Outbox.key.startswith("reply:")))
    assert "伊藤" in str(payload) and "図をかいたところ" in str(payload)
    assert await acts(world, "replies") == ["change"]


async def test_after_sending_the_next_is_open(world: BrowserWorld, page: Page) -> None:
    await reflected(world, "s-hana", 3)
    await reflected(world, "s-ren", went_well="月曜日の ことば")
    await page.open(PATH)
    await form(page, text="読みました。")
    assert "月曜日の ことば" in plain(page.html)
    assert "まだあゆみとつながっていない" in plain(page.html)


async def test_an_empty_or_too_long_reply_is_asked_again_and_kept(world: BrowserWorld, page: Page) -> None:
    await reflected(world, "s-hana")
    await page.open(PATH)
    await form(page, text=" ")
    assert "送る言葉を書いてください" in plain(page.html)
    await form(page, text="あ" * 501)
    assert "500文字まで" in plain(page.html) and written(page) == "あ" * 501
    assert await stored(world) == []


async def test_in_quiet_hours_it_says_that_the_reply_waits(world: BrowserWorld, page: Page) -> None:
    await reflected(world, "s-hana")
    world.clock.moment = datetime.combine(MONDAY, time(21), TOKYO)
    async with browser(world) as page:
        await page.sign_in(await world.code("t-ito"))
        await page.open(PATH)
        await form(page, text="読みました。")
        assert "朝に届きます" in plain(page.html)


async def test_words_of_distress_lead_to_the_alerts_instead(world: BrowserWorld, page: Page) -> None:
    await reflected(world, "s-hana", went_well="もう消えてしまいたい")
    shown = plain(await page.open(PATH))
    assert "まず会って話を聞く" in shown and offers(page) == [] and 'href="/care/alerts"' in page.html


async def test_another_class_and_a_made_up_id_show_nothing_and_are_in_the_audit(
    world: BrowserWorld, page: Page
) -> None:
    await reflected(world, "s-hana")
    other = await reflected(world, "s-sora", went_well="二年生の ことば")
    assert "二年生の ことば" not in plain(await page.open(f"{PATH}?id={other}"))
    known = plain(page.html)
    assert plain(await page.open(f"{PATH}?id=999999")) == known  # the same words
    await page.open(PATH)
    await form(page, id=other, text="ねらいうち")
    assert await stored(world) == []
    assert [act for act in await acts(world, "checkins") if act == "refused"] == ["refused"] * 2
    assert await status(page, f"{PATH}?class=c-2-1") == 404
    assert await status(page, f"{PATH}?class=no-such-class") == 404
    assert await status(page, f"{PATH}/words?class=c-2-1") == 404


async def test_children_and_guardians_find_nothing_here(world: BrowserWorld) -> None:
    await reflected(world, "s-hana")
    for person in ("s-hana", "g-sato"):
        async with browser(world) as page:
            await page.sign_in(await world.code(person))
            assert await status(page, PATH) == 404
            assert await status(page, f"{PATH}/words") == 404


async def test_the_table_of_last_words_goes_by_the_register(world: BrowserWorld, page: Page) -> None:
    at = datetime.combine(MONDAY - timedelta(days=20), time(16), TOKYO)
    row = {"id": "r", "student_id": "s-ren", "date": at.date(), "author_id": "t-ito", "text": "読んだよ", "sent_at": at}
    async with world.core.database.write() as connection:
        await connection.execute(insert(Reply).values(**row))
    shown = plain(await page.open(f"{PATH}/words"))
    assert shown.index("佐藤 花") < shown.index("鈴木 蓮") and "20日前" in shown and "まだ一度も" in shown
    assert "2人" in shown
    assert await acts(world, "replies") == ["read"]


async def test_an_address_may_say_anything(world: BrowserWorld, page: Page) -> None:
    await reflected(world, "s-hana")
    for query in (
        "id=-1",
        "id=１",
        "id=9999999999999999",
        "use=99&id=1",
        "after=x.y",
        "after=1e9.2",
        "done=<b>",
        "use=x",
    ):
        assert await status(page, f"{PATH}?{query}") == 200


@pytest.mark.parametrize(
    ("text", "words", "found"),
    [
        ("図を かいて わかったから", ["わかった", "から"], ["わかったから"]),
        ("ず を かいた", ["ずをかいた"], ["ず を かいた"]),
        ("I did it BECAUSE (I) tried", ["because (i)"], ["BECAUSE (I)"]),
        ("図を考えた。また考えた", ["た"], ["を考えた"]),
        ("なにも", [], []),
    ],
)
def test_marked_words_are_those_of_the_text(text: str, words: list[str], found: list[str]) -> None:
    pieces = marked(text, words)
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, is_seen in pieces if is_seen] == found
