"""Standing questions and the evening's brief, where rights, calendars and clocks get in their way."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import delete, insert, select, update

from knowledge.db import Database
from knowledge.records.calendar import CalendarDay
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Enrollment, Role, User
from scheduler.briefs import Briefs
from scheduler.occurrences import next_occurrences
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
NEXT_MONDAY = date(2026, 5, 18)
ASKED = "毎週月曜8時に先週のふりかえりの提出率を送って"


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at nine; the teacher of 4年2組 has linked her phone."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(9))) as world:
        await world.link("ito", "t-ito")
        yield world


async def pass_by(world: LineWorld, moment: datetime) -> list[str]:
    """It is this moment now; what the teacher got by itself."""
    before = len(world.line.texts_to(user_id("ito")))
    world.clock.moment = moment
    await Reminders(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await Briefs(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()
    return world.line.texts_to(user_id("ito"))[before:]


async def ask_for(world: LineWorld, words: str = ASKED) -> list[str]:
    """The teacher asks for it, and says yes to what she is shown."""
    await world.say("ito", words)
    return await world.tap("ito", "はい")


async def count(world: LineWorld) -> int:
    async with world.core.database.read() as connection:
        return len([*await connection.scalars(select(Reminder.id))])


async def test_who_left_the_school_gets_no_more_answers(world: LineWorld) -> None:
    await ask_for(world)
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "t-ito").values(enabled=False))
    assert await pass_by(world, at(8, day=NEXT_MONDAY)) == []


async def test_who_is_no_longer_staff_gets_no_more_answers(world: LineWorld) -> None:
    await ask_for(world)
    async with world.core.database.write() as connection:
        await connection.execute(update(Role).where(Role.user_sourced_id == "t-ito").values(role="guardian"))
    assert await pass_by(world, at(8, day=NEXT_MONDAY)) == []


async def test_who_lost_the_class_gets_no_figure(world: LineWorld) -> None:
    await ask_for(world)
    async with world.core.database.write() as connection:
        ended = update(Enrollment).where(Enrollment.user_sourced_id == "t-ito")
        await connection.execute(ended.values(end_date=MONDAY))
    assert not any("%" in text for text in await pass_by(world, at(8, day=NEXT_MONDAY)))


async def test_nobody_stops_the_question_of_somebody_else(world: LineWorld) -> None:
    await world.link("kato", "t-kato")
    await ask_for(world)
    async with world.core.database.read() as connection:
        [id] = await connection.scalars(select(Reminder.id))
    await world.send(world.line.events.postback(user_id("kato"), f"r/s/{id}/remove"))
    await world.core.drain()
    assert len(await pass_by(world, at(8, day=NEXT_MONDAY))) == 1


async def test_the_next_time_named_is_a_school_day(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        row = {"school_id": "minami", "date": NEXT_MONDAY, "kind": "holiday", "grades": list[str](), "grades_key": ""}
        await connection.execute(insert(CalendarDay), [row])
    [said] = await ask_for(world)
    assert "5月25日（月）" in said
    assert await pass_by(world, at(8, day=NEXT_MONDAY)) == []
    assert len(await pass_by(world, at(8, day=NEXT_MONDAY + timedelta(weeks=1)))) == 1


async def test_a_day_that_never_has_school_is_said_so_and_not_stored(world: LineWorld) -> None:
    [said] = await world.say("ito", "毎週日曜8時に先週のふりかえりの提出率を送って")
    assert "授業" in said and "次は" not in said
    assert await count(world) == 0


async def test_staff_without_a_primary_school_have_holidays_too(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "t-ito").values(primary_org_sourced_id=None))
    await ask_for(world, "毎日8時に先週のふりかえりの提出率を送って")
    got = [await pass_by(world, at(8, day=MONDAY + timedelta(days=ahead))) for ahead in range(1, 8)]
    assert [len(texts) for texts in got] == [1, 1, 1, 1, 0, 0, 1]


@pytest.mark.parametrize(
    "text", ["今週の毎日の提出率を見せて", "平日の出席率を教えて", "show me the daily mood this week"]
)
async def test_a_question_about_days_is_answered_and_not_asked_for_a_time(world: LineWorld, text: str) -> None:
    [said] = await world.say("ito", text)
    assert "何時" not in said
    assert await count(world) == 0


@pytest.mark.parametrize(
    "text", ["毎週月曜8時に2年1組の先週の提出率を送って", "毎週月曜8時に6年9組の先週の提出率を送って"]
)
async def test_a_question_that_would_never_be_answered_is_not_stored(world: LineWorld, text: str) -> None:
    await world.say("ito", text)
    assert await count(world) == 0


async def test_two_planners_at_once_send_one_answer(world: LineWorld) -> None:
    await ask_for(world)
    world.clock.moment = at(8, day=NEXT_MONDAY)
    standing = Reminders(world.core.database, TOKYO, SchoolTimes(), ["line"])
    await asyncio.gather(*(standing.plan(world.clock.now()) for _ in range(4)))
    before = len(world.line.texts_to(user_id("ito")))
    await world.core.drain()
    assert len(world.line.texts_to(user_id("ito"))) == before + 1


def test_the_hour_that_comes_twice_is_over_after_the_first() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    second_time = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 on the wall, for the second time
    [found] = next_occurrences("FREQ=DAILY", MONDAY, time(2, 30), second_time, berlin, lambda day: True, 1)
    assert found > second_time
    assert found.date() == date(2026, 10, 26)


async def test_a_class_without_school_is_not_in_the_brief(world: LineWorld) -> None:
    """The teacher has two classes, and the younger has a day off."""
    async with world.core.database.write() as connection:
        row = {"school_id": "minami", "date": MONDAY, "kind": "holiday", "grades": ["P2"], "grades_key": "P2"}
        await connection.execute(insert(CalendarDay), [row])
        second = select(Enrollment).where(Enrollment.sourced_id == "e-ito")
        [mine] = (await connection.execute(second)).mappings()
        await connection.execute(insert(Enrollment), [{**mine, "sourced_id": "e-ito-2", "class_sourced_id": "c-2-1"}])
    texts = await pass_by(world, at(16, 30))
    assert [text.split("・")[0] for text in texts] == ["4年2組"]


async def test_a_class_without_children_has_no_brief(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        pupils = delete(Enrollment).where(Enrollment.class_sourced_id == "c-4-2", Enrollment.role == "student")
        await connection.execute(pupils)
    assert await pass_by(world, at(16, 30)) == []
