"""Closing school in a chat: who may, what stops, who is told, and opening it again."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from knowledge.db import Database
from knowledge.questions.answer import answer
from knowledge.questions.model import Metric, Period, Question, Scope, ScopeKind, Shape
from knowledge.records.calendar import load_calendars
from knowledge.records.closures import Closure
from knowledge.records.roster import Role
from knowledge.records.scope import load_viewer
from scheduler import outbox
from scheduler.outbox import Item, Outbox
from scheduler.prompts import Prompts
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

TODAY = date(2026, 5, 11)  # a Monday


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at half past seven: principal, teacher and Hana of 4年2組, Sora of 2年1組 have linked their phones."""
    clock = HandClock(datetime.combine(TODAY, time(7, 30), TOKYO))
    async with line_world(database, tmp_path / "data", clock=clock) as world:
        for name, person in (("ogawa", "p-ogawa"), ("ito", "t-ito"), ("hana", "s-hana"), ("sora", "s-sora")):
            await world.link(name, person)
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


async def planned(world: LineWorld, *kinds: str, person: str = "s-hana", name: str = "hana") -> None:
    """Sends that wait for a child, to go out in an hour."""
    now = world.clock.now()
    items = [
        Item(
            key=f"{kind}:{person}",
            account_id=f"line:{user_id(name)}",
            kind=kind,
            payload={},
            due_at=now + timedelta(hours=1),
            expires_at=now + timedelta(hours=5),
            created_at=now,
            person_id=person,
            counts_on=TODAY,
        )
        for kind in kinds
    ]
    async with world.core.database.write() as connection:
        await outbox.put(connection, items)


async def states(world: LineWorld, person: str = "s-hana") -> dict[str, str]:
    async with world.core.database.read() as connection:
        rows = await connection.execute(
            select(Outbox.kind, Outbox.state).where(Outbox.person_id == person, Outbox.key.contains(person))
        )
        return {row.kind: row.state for row in rows}


async def closed_on(world: LineWorld, day: date, grade: str, class_id: str) -> bool:
    async with world.core.database.read() as connection:
        calendars = await load_calendars(connection, ["minami"], day, day)
    return not calendars["minami"].is_school_day(day, grade, class_id)


async def test_nothing_changes_before_yes_and_then_it_says_exactly_what_was_stopped(world: LineWorld) -> None:
    await planned(world, "prompt", "reminder")
    await planned(world, "prompt", person="s-sora", name="sora")
    [preview] = await world.say("ogawa", "今日は休校（大雪）")
    assert "5月11日（月）" in preview and "大雪" in preview and "今日これから届く予定だった3通" in preview
    assert not await closed_on(world, TODAY, "P4", "c-4-2") and (await states(world))["prompt"] == "pending"
    [done] = await world.tap("ogawa", "はい")
    assert "チェックインの声かけ2通、お知らせ・リマインド1通" in done
    assert await closed_on(world, TODAY, "P4", "c-4-2") and await closed_on(world, TODAY, "P2", "c-2-1")
    assert (await states(world))["prompt"] == (await states(world))["reminder"] == "skipped"
    assert "学校が休み" in heard(world, "hana")[-1] and "学校が おやすみ" in heard(world, "sora")[-1]
    assert "小川" not in heard(world, "ito")[-1] and "休み" in heard(world, "ito")[-1]


async def test_yes_twice_closes_once(world: LineWorld) -> None:
    await world.say("ogawa", "明日は休校")
    await world.say("ogawa", "はい")
    before = len(heard(world, "hana"))
    await world.say("ogawa", "はい")
    async with world.core.database.read() as connection:
        assert len((await connection.scalars(select(Closure.id))).all()) == 1
    assert len(heard(world, "hana")) == before


async def test_a_no_closes_nothing(world: LineWorld) -> None:
    await world.say("ogawa", "明日は休校")
    [said] = await world.say("ogawa", "やめる")
    assert "何も変えていません" in said
    await world.say("ogawa", "はい")
    assert not await closed_on(world, TODAY + timedelta(days=1), "P4", "c-4-2")


async def test_only_leads_close_school(world: LineWorld) -> None:
    [said] = await world.say("ito", "明日は休校")
    assert "小川先生" in said
    await world.say("ito", "はい")
    assert not await closed_on(world, TODAY + timedelta(days=1), "P4", "c-4-2")


async def test_who_lost_the_role_meanwhile_closes_nothing(world: LineWorld) -> None:
    await world.say("ogawa", "明日は休校")
    async with world.core.database.write() as connection:
        await connection.execute(
            update(Role).where(Role.user_sourced_id == "p-ogawa").values(end_date=TODAY - timedelta(days=1))
        )
    await world.say("ogawa", "はい")
    assert not await closed_on(world, TODAY + timedelta(days=1), "P4", "c-4-2")


async def test_a_closed_class_is_no_matter_of_the_others(world: LineWorld) -> None:
    await planned(world, "prompt")
    await planned(world, "prompt", person="s-sora", name="sora")
    before = len(heard(world, "sora"))
    await world.say("ogawa", "4年2組を今日から水曜まで学級閉鎖（インフルエンザ）")
    await world.tap("ogawa", "はい")
    assert (await states(world))["prompt"] == "skipped" and (await states(world, "s-sora"))["prompt"] == "pending"
    assert len(heard(world, "sora")) == before
    assert await closed_on(world, TODAY + timedelta(days=2), "P4", "c-4-2")
    assert not await closed_on(world, TODAY + timedelta(days=3), "P4", "c-4-2")
    assert not await closed_on(world, TODAY, "P2", "c-2-1")


async def test_learning_at_home_keeps_the_check_ins(world: LineWorld) -> None:
    await planned(world, "prompt", "reminder")
    await world.say("ogawa", "今日は休校")
    await world.tap("ogawa", "家での学習を続ける")
    [done] = await world.tap("ogawa", "はい")
    assert await states(world) | {"messages": ""} == {"prompt": "pending", "reminder": "skipped", "messages": ""}
    assert "声かけ0通、お知らせ・リマインド1通" in done and "学習メニュー" in done


async def test_nobody_is_told_where_the_lead_says_so(world: LineWorld) -> None:
    await world.say("ogawa", "明日は休校")
    await world.tap("ogawa", "お知らせは送らない")
    before = len(heard(world, "hana"))
    await world.tap("ogawa", "はい")
    assert len(heard(world, "hana")) == before


async def test_at_night_the_news_can_wait_for_the_morning(world: LineWorld) -> None:
    world.clock.moment = datetime.combine(TODAY, time(21), TOKYO)
    [preview] = await world.say("ogawa", "明日は休校（台風）")
    assert "07:00" in preview
    await world.tap("ogawa", "安否確認も送る")
    await world.tap("ogawa", "朝になってから送る")
    before = len(heard(world, "hana"))
    [done] = await world.tap("ogawa", "はい")
    assert "07:00" in done and len(heard(world, "hana")) == before
    world.clock.moment = datetime.combine(TODAY + timedelta(days=1), time(7), TOKYO)
    await world.core.drain()
    assert len(heard(world, "hana")) == before + 2


async def test_what_is_called_off_before_the_morning_is_told_to_nobody(world: LineWorld) -> None:
    world.clock.moment = datetime.combine(TODAY, time(21), TOKYO)
    await world.say("ogawa", "明日は休校（台風）")
    await world.tap("ogawa", "安否確認も送る")
    await world.tap("ogawa", "朝になってから送る")
    await world.tap("ogawa", "はい")
    before = len(heard(world, "hana"))
    await world.say("ogawa", "休校を終わる")
    await world.tap("ogawa", "取りやめる")
    world.clock.moment = datetime.combine(TODAY + timedelta(days=1), time(7), TOKYO)
    await world.core.drain()
    assert len(heard(world, "hana")) == before
    assert not await closed_on(world, TODAY + timedelta(days=1), "P4", "c-4-2")


async def test_an_old_button_closes_nothing(world: LineWorld) -> None:
    await world.say("ogawa", "明日は休校")
    [old] = [action for label, action in world.line.quick_replies_to(user_id("ogawa")) if label == "はい"]
    await world.say("ogawa", "4年2組を明日から学級閉鎖")
    assert await world.send(world.line.events.postback(user_id("ogawa"), old["data"])) == 200
    await world.core.drain()
    assert "使えません" in heard(world, "ogawa")[-1]
    assert not await closed_on(world, TODAY + timedelta(days=1), "P2", "c-2-1")


async def test_a_question_is_answered_from_the_calendar(world: LineWorld) -> None:
    assert "学校があるよ" in (await world.say("hana", "明日は休校？"))[0]
    await world.say("ogawa", "明日は休校")
    await world.tap("ogawa", "はい")
    assert "休みになった" in (await world.say("hana", "明日は休校？"))[0]
    assert "学校が ある" in (await world.say("sora", "あさって学校ある？"))[0]
    assert "もともと" in (await world.say("hana", "土曜日は学校ある？"))[0]
    assert "学校が休みです" in (await world.say("ito", "明日は休校ですか"))[0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("昨日は休校", "過ぎた日"),
        ("13月40日は休校", "13月40日"),
        ("9年7組を明日から学級閉鎖", "9年7組"),
        ("学級閉鎖にする", "どの学級"),
        ("休校にする", "いつのこと"),
        ("5/15から5/13まで休校", "前になっています"),
    ],
)
async def test_what_is_missing_or_wrong_is_asked_back(world: LineWorld, text: str, said: str) -> None:
    assert said in (await world.say("ogawa", text))[0]


async def test_opening_again_brings_back_what_was_stopped_today(world: LineWorld) -> None:
    await planned(world, "prompt")
    await world.say("ogawa", "今日から休校")
    await world.tap("ogawa", "はい")
    assert (await states(world))["prompt"] == "skipped"
    await world.say("ogawa", "休校を終わる")
    [ended] = await world.tap("ogawa", "今日から学校")
    assert "5月11日（月）から" in ended and "今日の1通" in ended
    assert (await states(world))["prompt"] == "pending"
    assert not await closed_on(world, TODAY, "P4", "c-4-2")


async def test_ending_ends_the_closure_that_was_named(world: LineWorld) -> None:
    for text in ("4年2組を今日から学級閉鎖", "2年1組を今日から学級閉鎖"):
        await world.say("ogawa", text)
        await world.tap("ogawa", "はい")
    [asked] = await world.say("ogawa", "4年2組の学級閉鎖を解除")
    assert "4年2組" in asked and "2年1組" not in asked
    await world.tap("ogawa", "明日から学校")
    tomorrow = TODAY + timedelta(days=1)
    assert not await closed_on(world, tomorrow, "P4", "c-4-2") and await closed_on(world, tomorrow, "P2", "c-2-1")


async def test_figures_expect_nothing_of_a_closed_class(world: LineWorld) -> None:
    scope = Scope(kind=ScopeKind.CLASS, ids=("c-4-2",), label="4年2組")
    week = Period(start=TODAY, end=TODAY + timedelta(days=3), label="")
    question = Question(metric=Metric.REFLECTION_RATE, shape=Shape.VALUE, scope=scope, period=week)
    at = datetime.combine(TODAY + timedelta(days=3), time(18), TOKYO)

    async def expected() -> int | None:
        async with world.core.database.read() as connection:
            viewer = await load_viewer(connection, "p-ogawa", at.date())
            return (await answer(connection, viewer, question, at=at, timezone=TOKYO)).n

    assert await expected() == 8
    await world.say("ogawa", "4年2組を明日から水曜まで学級閉鎖")
    await world.tap("ogawa", "はい")
    assert await expected() == 4


async def test_a_closed_class_is_not_prompted_and_the_others_are(world: LineWorld) -> None:
    await world.say("ogawa", "4年2組を今日から学級閉鎖")
    await world.tap("ogawa", "はい")
    before = {name: len(heard(world, name)) for name in ("hana", "sora")}
    world.clock.moment = datetime.combine(TODAY, time(8, 20), TOKYO)
    services = world.core.services
    assert await Prompts(services.database, TOKYO, services.times, ["line"]).plan(world.clock.now()) == 1
    await world.core.drain()
    assert len(heard(world, "hana")) == before["hana"] and len(heard(world, "sora")) == before["sora"] + 1
