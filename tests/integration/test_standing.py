"""Standing questions: reminders to oneself that are answered at their time on school days, and stopped by a word."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from knowledge.db import Database
from knowledge.records.reminders import Reminder
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
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
    await world.core.drain()
    return world.line.texts_to(user_id("ito"))[before:]


async def ask_for(world: LineWorld, words: str = ASKED) -> list[str]:
    """The teacher asks for it, and says yes to what she is shown."""
    await world.say("ito", words)
    return await world.tap("ito", "はい")


async def stored(world: LineWorld) -> list[tuple[str, str | None, str]]:
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(Reminder.text, Reminder.rrule, Reminder.state))
        return [(text, rrule, state) for text, rrule, state in rows]


async def test_it_is_stored_and_answered_at_its_time_every_week(world: LineWorld) -> None:
    [preview] = await world.say("ito", ASKED)
    assert "今の答え" in preview and "5月18日（月）" in preview
    assert await stored(world) == []
    [said] = await world.tap("ito", "はい")
    assert "5月18日（月） 08:00" in said
    assert await stored(world) == [("先週のふりかえりの提出率", "FREQ=WEEKLY;BYDAY=MO", "active")]
    assert await pass_by(world, at(7, 59, day=date(2026, 5, 18))) == []
    [answer] = await pass_by(world, at(8, day=date(2026, 5, 18)))
    assert "先週のふりかえりの提出率" in answer and "%" in answer
    assert await pass_by(world, at(8, 1, day=date(2026, 5, 18))) == []
    assert len(await pass_by(world, at(8, day=date(2026, 5, 25)))) == 1


async def test_it_pauses_on_a_holiday(world: LineWorld) -> None:
    await ask_for(world)
    marine_day = date(2026, 7, 20)
    for monday in (MONDAY + timedelta(weeks=week) for week in range(1, 10)):
        await pass_by(world, at(8, day=monday))
    assert await pass_by(world, at(8, day=marine_day)) == []


async def test_what_was_slept_through_is_reported_and_not_answered_late(world: LineWorld) -> None:
    await ask_for(world)
    [report] = await pass_by(world, at(8, 16, day=date(2026, 5, 18)))
    assert "送っていません" in report
    assert "%" not in report
    assert len(await pass_by(world, at(8, day=date(2026, 5, 25)))) == 1


async def test_it_can_be_seen_and_stopped(world: LineWorld) -> None:
    await ask_for(world)
    [listed] = await world.say("ito", "定期の質問")
    assert "先週のふりかえりの提出率" in listed
    [said] = await world.say("ito", "1番をやめて")
    assert "取り消しました" in said
    assert await pass_by(world, at(8, day=date(2026, 5, 18))) == []
    [none] = await world.say("ito", "定期の質問")
    assert "ありません" in none


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("毎週月曜に先週のふりかえりの提出率を送って", "何時"),
        ("毎週月曜8時に先週のふりかえりのキラキラ提出率を送って", "分かりませんでした"),
    ],
)
async def test_what_is_not_clear_is_asked_back_and_not_stored(world: LineWorld, text: str, answer: str) -> None:
    [said] = await world.say("ito", text)
    assert answer in said
    assert await stored(world) == []
