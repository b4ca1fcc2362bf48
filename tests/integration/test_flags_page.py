"""The pages of thresholds and flags: for staff who signed in freshly, each as far as their rights go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from assistant.flagging import PAGE as FLAGS
from assistant.web.care.thresholds import PAGE as THRESHOLDS
from knowledge.care.looking import look_at_school
from knowledge.questions.model import Phase
from knowledge.records.audit import AuditEntry
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from knowledge.records.flags import LONGEST_NOTE, Flag
from knowledge.records.thresholds import Threshold, set_threshold
from tests.browser.world import BrowserWorld, browser_world
from tests.integration.test_browser_chat import Page, browser, plain
from tests.worlds import TOKYO

DAYS = (date(2026, 5, 1), date(2026, 5, 7), date(2026, 5, 8))  # the school days before this Monday
RAIN = {"school": "minami", "kind": "low_mood_days"}


@pytest.fixture
async def world(tmp_path: Path, sqlite_url: str) -> AsyncIterator[BrowserWorld]:
    """Monday morning; 花 had three rainy days, 蓮 two."""
    async with browser_world(tmp_path, sqlite_url) as world:
        records = [_answer("s-hana", day) for day in DAYS] + [_answer("s-ren", day) for day in DAYS[1:]]
        async with world.core.database.write() as connection:
            await save_checkins(connection, records)
        yield world


@pytest.fixture
async def page(world: BrowserWorld) -> AsyncIterator[Page]:
    async with browser(world) as page:
        yield page


def _answer(student: str, day: date) -> CheckInRecord:
    moment = datetime.combine(day, time(15, 30), TOKYO)
    return CheckInRecord(
        student_id=student,
        date=day,
        phase=Phase.REFLECTION,
        status=Status.FINISHED,
        started_at=moment,
        updated_at=moment,
        answered_at=moment,
        mood="rainy",
    )


async def flagged(world: BrowserWorld) -> str:
    """The school switched it on, and it was evening: the flag of 花."""
    now = world.clock.now()
    async with world.core.database.write() as connection:
        await set_threshold(connection, "minami", "low_mood_days", {"days": 3}, is_on=True, by="p-ogawa", at=now)
    await look_at_school(world.core.database, "minami", DAYS[-1], now)
    async with world.core.database.read() as connection:
        return (await connection.scalars(select(Flag.id))).one()


async def states(world: BrowserWorld) -> list[tuple[str, str | None]]:
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(Flag.state, Flag.note))
        return [(row.state, row.note) for row in rows]


async def set_now(world: BrowserWorld) -> list[tuple[str, bool, object]]:
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(Threshold.kind, Threshold.is_on, Threshold.parameters))
        return [(row.kind, row.is_on, row.parameters) for row in rows]


async def acts(world: BrowserWorld) -> list[tuple[str, str]]:
    async with world.core.database.read() as connection:
        statement = select(AuditEntry.act, AuditEntry.kind).where(AuditEntry.kind.in_(["flags", "settings"]))
        return [(act, kind) for act, kind in await connection.execute(statement.order_by(AuditEntry.id))]


@pytest.mark.parametrize("person", ["p-ogawa", "n-hayashi"])
async def test_school_leads_try_a_threshold_before_they_save_it(world: BrowserWorld, page: Page, person: str) -> None:
    await page.sign_in(await world.code(person))
    assert "雨か雷の日がつづく" in plain(await page.open(THRESHOLDS))
    shown = plain(await page.post(THRESHOLDS, **RAIN, days="2", is_on="on", act="try"))
    assert "このきまりだと、過去4週間で2人（のべ2回）に印がつきます。" in shown
    assert "見られる子：佐藤 花、鈴木 蓮" in shown and "まだ保存していません。" in shown
    assert 'value="2"' in page.html  # as it was tried
    assert await set_now(world) == []
    shown = plain(await page.post(THRESHOLDS, **RAIN, days="3", is_on="on", act="save"))
    assert "「雨か雷の日がつづく」を保存しました。" in shown and "使っています" in shown
    assert await set_now(world) == [("low_mood_days", True, {"days": 3})]
    assert await acts(world) == [("read", "flags"), ("change", "settings")]


async def test_a_preview_of_nobody_says_so(world: BrowserWorld, page: Page) -> None:
    await page.sign_in(await world.code("p-ogawa"))
    await page.open(THRESHOLDS)
    assert "印のつく子はいません" in plain(await page.post(THRESHOLDS, **RAIN, days="9", act="try"))


async def test_a_number_outside_its_limits_changes_nothing(world: BrowserWorld, page: Page) -> None:
    await page.sign_in(await world.code("p-ogawa"))
    await page.open(THRESHOLDS)
    for days in ("1", "11", "2.5", "", "many", "nan", "inf", "1e400"):
        shown = plain(await page.post(THRESHOLDS, **RAIN, days=days, is_on="on", act="save"))
        assert page.status == 422, days
        assert "「つづく日数」は2から10までの数にしてください。何も変えていません。" in shown
    assert await set_now(world) == []


async def test_switching_off_ends_what_it_raised(world: BrowserWorld, page: Page) -> None:
    await flagged(world)
    await page.sign_in(await world.code("p-ogawa"))
    await page.open(THRESHOLDS)
    await page.post(THRESHOLDS, **RAIN, days="3", act="save")
    async with world.core.database.read() as connection:
        assert await connection.scalar(select(Flag.ended_on)) == date(2026, 5, 11)


async def test_nobody_else_sets_thresholds(world: BrowserWorld) -> None:
    for person in ("t-ito", "t-mori", "s-hana", "g-sato", "b-nakano"):
        async with browser(world) as page:
            await page.sign_in(await world.code(person))
            token = page.token
            await page.open(THRESHOLDS)
            assert page.status == 404, person
            await page.post(THRESHOLDS, **RAIN, days="3", is_on="on", act="save", csrf_token=token)
            assert page.status == 404, person
    assert await set_now(world) == []


async def test_the_school_of_others_cannot_be_set(world: BrowserWorld, page: Page) -> None:
    await page.sign_in(await world.code("p-ogawa"))
    await page.open(THRESHOLDS)
    for school in ("higashi", "nowhere", ""):
        await page.post(THRESHOLDS, **{**RAIN, "school": school}, days="3", is_on="on", act="save")
        assert page.status == 404
        await page.open(THRESHOLDS)
    assert await set_now(world) == []
    assert await acts(world) == [("refused", "settings")] * 3


@pytest.mark.parametrize("person", ["t-ito", "p-ogawa"])
async def test_a_flag_says_why_and_what_one_might_do_and_gets_a_state(
    world: BrowserWorld, page: Page, person: str
) -> None:
    flag = await flagged(world)
    await page.sign_in(await world.code(person))
    shown = plain(await page.open(FLAGS))
    assert "佐藤 花" in shown and "3日つづけて雨か雷（5/1〜5/8）" in shown and "最近どう？" in shown
    assert "鈴木" not in shown
    shown = plain(await page.post(FLAGS, id=flag, state="addressed", note="<b>話した</b>"))
    assert "佐藤 花さんの印を「対応しました」にしました。" in shown and "<b>話した</b>" in shown
    assert "<b>話した" not in page.html
    assert await states(world) == [("addressed", "<b>話した</b>")]
    assert await acts(world) == [("read", "flags"), ("change", "flags"), ("read", "flags")]


async def test_too_long_a_note_and_an_unknown_state_change_nothing(world: BrowserWorld, page: Page) -> None:
    flag = await flagged(world)
    await page.sign_in(await world.code("t-ito"))
    await page.open(FLAGS)
    await page.post(FLAGS, id=flag, state="seen", note="あ" * (LONGEST_NOTE + 1))
    assert page.status == 422
    for state in ("new", "", "gone"):
        await page.post(FLAGS, id=flag, state=state, note="")
        assert page.status == 400
        await page.open(FLAGS)
    assert await states(world) == [("new", None)]


async def test_nobody_else_sees_or_changes_a_flag(world: BrowserWorld) -> None:
    flag = await flagged(world)
    for person in ("t-kato", "t-mori", "s-hana", "s-ren", "g-sato", "b-nakano"):
        async with browser(world) as page:
            await page.sign_in(await world.code(person))
            token = page.token
            shown = plain(await page.open(FLAGS))
            assert "佐藤 花" not in shown and "つづけて" not in shown, person
            there = await page.post(FLAGS, id=flag, state="seen", note="", csrf_token=token)
            assert page.status == 404, person
            assert there == await page.post(FLAGS, id=flag[::-1], state="seen", note="", csrf_token=token)
    assert await states(world) == [("new", None)]


async def test_a_sign_in_of_long_ago_has_to_be_renewed(world: BrowserWorld, page: Page) -> None:
    await flagged(world)
    await page.sign_in(await world.code("p-ogawa"))
    for _ in range(3):  # in use all the time, but not shown anew who it is
        world.clock.forward(minutes=11)
        await page.open("/")
    for path in (FLAGS, THRESHOLDS):
        assert "佐藤 花" not in plain(await page.open(path))


async def test_a_flag_that_ended_a_fortnight_ago_is_shown_no_more(world: BrowserWorld, page: Page) -> None:
    await flagged(world)
    async with world.core.database.write() as connection:
        await connection.execute(update(Flag).values(ended_on=date(2026, 5, 11) - timedelta(days=14)))
    await page.sign_in(await world.code("t-ito"))
    assert "いま印のついた子はいません。" in plain(await page.open(FLAGS))
