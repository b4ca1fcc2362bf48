"""A child wants to talk: exactly the one it chose is told and reads it, and the child hears what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from assistant.planning import planners_of
from assistant.talking import PREFIX
from knowledge.db import Database
from knowledge.records.alerts import Alert
from knowledge.records.audit import Act, AuditEntry
from knowledge.records.roster import Role, User
from knowledge.records.talk_requests import TalkRequest
from scheduler.outbox import Outbox
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = datetime(2026, 5, 11, 10, tzinfo=TOKYO)
PEOPLE = {"hana": "s-hana", "ren": "s-ren", "yui": "s-yui", "ito": "t-ito", "mori": "t-mori", "abe": "t-abe"} | {
    "hayashi": "n-hayashi",
    "ogawa": "p-ogawa",
    "sato": "g-sato",
}


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at ten: children, their teachers, nurse, principal and a guardian have LINE."""
    async with line_world(database, tmp_path / "data", clock=HandClock(MONDAY)) as world:
        for name, person in PEOPLE.items():
            await world.link(name, person)
        yield world


def heard(world: LineWorld, name: str) -> list[str]:
    return world.line.texts_to(user_id(name))


def value_of(world: LineWorld, name: str, label: str) -> str:
    return dict(world.line.quick_replies_to(user_id(name)))[label]["data"]


async def postback(world: LineWorld, name: str, data: str) -> list[str]:
    """A tap on a button that somebody made up, kept, or was sent by somebody else."""
    before = len(heard(world, name))
    assert await world.send(world.line.events.postback(user_id(name), data)) == 200
    await world.core.drain()
    world.clock.forward(seconds=1)
    return heard(world, name)[before:]


async def wishes(world: LineWorld) -> list[Any]:
    async with world.core.database.read() as connection:
        statement = select(TalkRequest.__table__).order_by(TalkRequest.requested_at)
        return [*await connection.execute(statement)]


async def audited(world: LineWorld) -> list[str]:
    async with world.core.database.read() as connection:
        statement = (
            select(AuditEntry.act)
            .where(AuditEntry.kind == "talk_requests", AuditEntry.act != Act.TOLD)
            .order_by(AuditEntry.id)
        )
        return [*await connection.scalars(statement)]


async def plan(world: LineWorld, *, at: datetime | None = None) -> None:
    """The planners at work: once, twice, and what they stored is sent."""
    world.clock.moment = at or world.clock.moment
    for planner in (*planners_of(world.core.services, ["line"])[:2],) * 3:
        await planner.plan(world.clock.now())
    await world.core.drain()


async def choose(world: LineWorld, whom: str, about: str = "家のこと", name: str = "hana") -> list[str]:
    await world.say(name, "相談したい")
    await world.tap(name, whom)
    return await world.tap(name, about)


async def test_only_the_one_who_was_chosen_is_told(world: LineWorld) -> None:
    before = {name: len(heard(world, name)) for name in PEOPLE}
    [said] = await choose(world, "ほけん室の先生")
    assert "ほけん室の林先生に伝えたよ" in said
    told = {name: heard(world, name)[count:] for name, count in before.items()}
    assert {name for name, texts in told.items() if texts} == {"hana", "hayashi"}
    [notice] = told["hayashi"]
    assert "4年2組の佐藤 花さん" in notice and "家のこと" in notice and "ほかの人には知らせていません" in notice
    assert [label for label, _ in world.line.quick_replies_to(user_id("hayashi"))] == ["読みました", "話しました"]


async def test_the_child_hears_once_that_it_was_read(world: LineWorld) -> None:
    await choose(world, "ほけん室の先生")
    before, read = len(heard(world, "hana")), value_of(world, "hayashi", "読みました")
    [said] = await postback(world, "hayashi", read)
    assert "佐藤 花さんに伝えます" in said
    [receipt] = heard(world, "hana")[before:]
    assert receipt.startswith("ほけん室の林先生が「話したい」を読んだよ")
    await postback(world, "hayashi", read)
    assert len(heard(world, "hana")) == before + 1
    [wish] = await wishes(world)
    assert (wish.read_by, wish.closed_at, wish.subject) == ("n-hayashi", None, "home")
    assert await audited(world) == ["read", "read"]


async def test_what_is_read_at_night_is_told_in_the_morning(world: LineWorld) -> None:
    await choose(world, "ほけん室の先生")
    world.clock.moment = MONDAY.replace(hour=22)
    before = len(heard(world, "hana"))
    [said] = await world.tap("hayashi", "読みました")
    assert "朝になってから" in said and len(heard(world, "hana")) == before
    world.clock.moment = MONDAY.replace(day=12, hour=7)
    await world.core.drain()
    assert "読んだよ" in heard(world, "hana")[-1]


async def test_out_of_school_hours_the_child_is_told_that_nobody_reads_now(world: LineWorld) -> None:
    world.clock.moment = MONDAY.replace(hour=19)
    [said] = await choose(world, "たんにんの先生")
    assert "だれも読んでいない時間" in said and "0120-0-78310" in said


async def test_somebody_else_of_staff_learns_how_many_and_nothing_more(world: LineWorld) -> None:
    await choose(world, "ほけん室の先生")
    [wish] = await wishes(world)
    for name in ("ito", "ogawa"):
        [listed] = await world.say(name, "相談一覧")
        assert "1件" in listed and "佐藤" not in listed and "家" not in listed
    known = await postback(world, "ito", f"{PREFIX}read/{wish.id}")
    assert known == await postback(world, "ito", f"{PREFIX}read/made-up") == ["お見せできる相談はありません。"]
    assert await postback(world, "sato", f"{PREFIX}done/{wish.id}") == known
    assert await audited(world) == ["refused"] * 3
    assert (await wishes(world))[0].read_at is None


async def test_who_was_not_chosen_cannot_mark_it_as_done(world: LineWorld) -> None:
    await choose(world, "ほけん室の先生")
    await world.say("ito", "相談したいと言っている子は？")
    [said] = await world.tap("ito", "対応した：佐藤 花")
    assert "別の人を選んでいる" in said
    assert (await wishes(world))[0].closed_at is None


async def test_the_list_shows_what_is_theirs_and_counts_as_read(world: LineWorld) -> None:
    await choose(world, "たんにんの先生", "友だちのこと")
    await choose(world, "たんにんの先生", "言いたくない", name="ren")
    before = len(heard(world, "hana"))
    [listed] = await world.say("ito", "相談したい子")
    assert "佐藤 花さん：友だちのこと（5/11 10:0" in listed and "鈴木 蓮さん：内容は言いたくない" in listed
    assert "読んだよ" in heard(world, "hana")[before]
    [said] = await world.tap("ito", "話しました：佐藤")
    assert "対応済み" in said
    assert [wish.closed_by for wish in await wishes(world)] == ["t-ito", None]
    assert await audited(world) == ["read", "change"]


async def test_done_without_having_read_lets_the_child_say_that_it_is_not_true(world: LineWorld) -> None:
    await choose(world, "たんにんの先生")
    before = len(heard(world, "hana"))
    await world.tap("ito", "話しました")
    [news] = heard(world, "hana")[before:]
    assert "「話しました」と知らせが来たよ" in news and "「相談」" in news
    [wish] = await wishes(world)
    assert (wish.read_by, wish.closed_by) == ("t-ito", "t-ito")


async def test_the_same_tap_again_tells_nobody_twice(world: LineWorld) -> None:
    await world.say("hana", "相談したい")
    await world.tap("hana", "たんにんの先生")
    friends, home = value_of(world, "hana", "友だちのこと"), value_of(world, "hana", "家のこと")
    before = len(heard(world, "ito"))
    await postback(world, "hana", friends)
    for data in (friends, home):
        [said] = await postback(world, "hana", data)
        assert "もう伝えてあるよ" in said
    assert len(heard(world, "ito")) == before + 1 and len(await wishes(world)) == 1
    await world.tap("ito", "話しました")
    [over] = await postback(world, "hana", friends)
    assert "もう終わっているよ" in over and len(await wishes(world)) == 1


async def test_a_button_of_another_day_asks_anew(world: LineWorld) -> None:
    await world.say("hana", "相談したい")
    await world.tap("hana", "たんにんの先生")
    old = value_of(world, "hana", "友だちのこと")
    world.clock.forward(days=2)
    [said] = await postback(world, "hana", old)
    assert "だれと話したい" in said and await wishes(world) == []


async def test_who_is_not_there_for_the_child_cannot_be_chosen_by_a_made_up_button(world: LineWorld) -> None:
    await world.say("hana", "相談したい")
    key, before = value_of(world, "hana", "たんにんの先生").split("/")[2], len(heard(world, "abe"))
    people = ("t-abe", "p-ogawa", "s-ren", "g-sato", "nobody", "")
    for data in (f"{PREFIX}{what}/{person}" for person in people for what in (f"with/{key}", f"about/{key}/home")):
        world.clock.forward(seconds=10)
        [said] = await postback(world, "hana", data)
        assert "今は選べないよ" in said, data
    assert await wishes(world) == [] and len(heard(world, "abe")) == before
    assert await audited(world) == ["refused"] * 2 * len(people)


async def test_a_made_up_button_never_breaks_anything(world: LineWorld) -> None:
    for data in ("", "with", "about/x/y", "about/zz/home/t-ito", "whom/999999", "x/y", "never", "yes/"):
        world.clock.forward(seconds=10)
        for name in ("hana", "ito"):
            assert len(await postback(world, name, PREFIX + data)) == 1, data
    assert await wishes(world) == []


async def test_what_somebody_made_up_does_not_stand_in_the_audit(world: LineWorld) -> None:
    for name in ("hana", "ito"):
        await postback(world, name, f"{PREFIX}佐藤花/s-hana")
    async with world.core.database.read() as connection:
        refused = select(AuditEntry.detail).where(AuditEntry.act == Act.REFUSED)
        details = [*await connection.scalars(refused)]
    assert details and not any("佐藤" in detail for detail in details)


async def test_the_wish_of_another_child_can_be_neither_taken_back_nor_passed_on(world: LineWorld) -> None:
    await choose(world, "たんにんの先生")
    [wish] = await wishes(world)
    answers = [await postback(world, "ren", f"{PREFIX}{what}/{wish.id}") for what in ("never", "yes", "no")]
    made_up = await postback(world, "ren", f"{PREFIX}never/made-up")
    assert answers == [made_up] * 3
    assert await wishes(world) == [wish]
    assert await audited(world) == ["refused"] * 4


async def test_a_teacher_who_left_is_neither_offered_nor_told_nor_reads(world: LineWorld) -> None:
    await world.say("hana", "相談したい")
    key = value_of(world, "hana", "ほけん室の先生").split("/")[2]
    await choose(world, "ほけん室の先生")
    read = value_of(world, "hayashi", "読みました")
    async with world.core.database.write() as connection:
        await connection.execute(
            update(Role).where(Role.user_sourced_id == "n-hayashi").values(end_date=date(2026, 5, 10))
        )
    assert await postback(world, "hayashi", read) == ["お見せできる相談はありません。"]
    [said] = await postback(world, "hana", f"{PREFIX}with/{key}/n-hayashi")
    assert "今は選べないよ" in said
    assert "ほけん室の先生" not in dict(world.line.quick_replies_to(user_id("hana")))


async def test_a_notice_that_waits_is_not_sent_to_who_left_meanwhile(world: LineWorld) -> None:
    await world.say("hana", "相談したい")
    await world.tap("hana", "ほけん室の先生")
    data, before = value_of(world, "hana", "家のこと"), len(heard(world, "hayashi"))
    async with world.core.database.write() as connection:
        later = update(Outbox).where(Outbox.kind == "talk").values(due_at=world.clock.now() + timedelta(hours=1))
        await world.send(world.line.events.postback(user_id("hana"), data))
        await connection.execute(later)
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "n-hayashi").values(enabled=False))
    await world.core.drain()
    assert len(heard(world, "hayashi")) == before


async def test_a_wish_that_nobody_reads_is_passed_on_only_when_the_child_agrees(world: LineWorld) -> None:
    await choose(world, "ほけん室の先生")
    count = {name: len(heard(world, name)) for name in PEOPLE}
    await plan(world, at=MONDAY.replace(hour=13, minute=55))
    assert {name: len(heard(world, name)) for name in PEOPLE} == count
    await plan(world, at=MONDAY.replace(hour=14, minute=10))
    assert "まだ読まれていません" in heard(world, "hayashi")[-1]
    [question] = heard(world, "hana")[count["hana"] :]
    assert "伝えてもいい？" in question and "林先生がまだ読めていない" in question
    assert len(heard(world, "ito")) == count["ito"] and len(heard(world, "ogawa")) == count["ogawa"]
    await world.tap("hana", "伝えていい")
    await plan(world)
    assert "佐藤 花" in heard(world, "ogawa")[-1] and len(heard(world, "ito")) == count["ito"]
    assert "小川先生にも伝えたよ" in heard(world, "hana")[-1]
    before = len(heard(world, "hana"))
    await world.tap("ogawa", "読みました")
    assert [text.split("。")[0] for text in heard(world, "hana")[before:]] == ["小川先生が「話したい」を読んだよ"]
    await plan(world, at=MONDAY.replace(day=13, hour=16))
    assert len(heard(world, "hana")) == before + 1


async def test_a_child_who_says_no_waits_for_the_one_it_chose(world: LineWorld) -> None:
    await choose(world, "ほけん室の先生")
    await plan(world, at=MONDAY.replace(hour=14, minute=10))
    [said] = await world.tap("hana", "このまま待つ")
    assert "ほかの人には伝えないね" in said
    count = {name: len(heard(world, name)) for name in ("ito", "ogawa", "hana")}
    await plan(world, at=MONDAY.replace(day=13, hour=16))
    assert {name: len(heard(world, name)) for name in count} == count
    assert "まだ読まれていません" in heard(world, "hayashi")[-1]


async def test_hours_count_at_school_only_and_the_child_is_not_asked_at_night(world: LineWorld) -> None:
    world.clock.moment = MONDAY.replace(hour=16)
    await choose(world, "ほけん室の先生")
    count = len(heard(world, "hana"))
    for moment in (MONDAY.replace(hour=23), MONDAY.replace(day=12, hour=10, minute=30)):
        await plan(world, at=moment)
        assert len(heard(world, "hana")) == count
    await plan(world, at=MONDAY.replace(day=12, hour=11, minute=30))
    assert "伝えてもいい？" in heard(world, "hana")[-1]


async def test_a_wish_for_anyone_goes_on_by_the_list_of_the_school_and_the_child_hears_to_whom(
    world: LineWorld,
) -> None:
    before = len(heard(world, "ogawa"))
    await choose(world, "だれでもいい")
    assert "佐藤 花" in heard(world, "ito")[-1]
    await plan(world, at=MONDAY.replace(hour=14, minute=10))
    assert "佐藤 花" in heard(world, "ogawa")[before] and "佐藤 花" in heard(world, "hayashi")[-1]
    assert "林先生と小川先生にも伝えたよ" in heard(world, "hana")[-1]
    assert not any("伝えてもいい" in text for text in heard(world, "hana"))


async def test_what_the_child_takes_back_is_open_no_more(world: LineWorld) -> None:
    await choose(world, "たんにんの先生")
    [said] = await world.tap("hana", "やっぱりいい")
    assert "取り消したよ" in said
    assert (await wishes(world))[0].closed_by == "s-hana"
    [over] = await world.tap("ito", "読みました")
    assert "もう終わっています" in over
    count = len(heard(world, "hana"))
    await plan(world, at=MONDAY.replace(day=13, hour=16))
    assert len(heard(world, "hana")) == count
    [listed] = await world.say("ito", "相談一覧")
    assert "いません" in listed


async def test_a_teacher_who_is_the_parent_of_the_child_is_not_offered(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "s-hana").values(agent_sourced_ids=["t-ito"]))
    await world.say("hana", "相談したい")
    assert "たんにんの先生" not in dict(world.line.quick_replies_to(user_id("hana")))


async def test_a_subject_teacher_reads_what_was_meant_for_them_and_nothing_else(world: LineWorld) -> None:
    await choose(world, "森先生", name="yui")
    await choose(world, "担任の先生", name="yui")
    [listed] = await world.say("mori", "相談一覧")
    assert "1人" in listed and "このほか" not in listed
    [listed] = await world.say("abe", "相談一覧")
    assert "1人" in listed and "1件" in listed


async def test_requests_of_before_are_read_by_those_who_look_after_the_child(world: LineWorld) -> None:
    row = {"id": "old", "student_id": "s-hana", "date": MONDAY.date(), "requested_at": MONDAY}
    async with world.core.database.write() as connection:
        await connection.execute(insert(TalkRequest), [row])
    await plan(world, at=datetime.combine(MONDAY.date(), time(10, 5), TOKYO))
    assert "佐藤 花" in heard(world, "ito")[-1] and "内容は聞いていません" in heard(world, "ito")[-1]


async def test_words_of_distress_raise_an_alert_also_in_the_middle_of_it(world: LineWorld) -> None:
    await world.say("hana", "相談したい")
    await world.tap("hana", "たんにんの先生")
    await world.say("hana", "もう しにたい")
    async with world.core.database.read() as connection:
        assert [*await connection.scalars(select(Alert.student_id))] == ["s-hana"]
