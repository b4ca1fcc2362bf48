"""Reminders that follow an event, and what their owner hears: from the planner to the phone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete

from knowledge.db import Database
from knowledge.records.calendar import CalendarDay
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes
from tests.builders.district import put
from tests.builders.reminding import remind
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
EXCURSION = date(2026, 5, 15)


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Monday at nine; hana and her teacher have linked, and a reminder for the day before the excursion is stored."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(9))) as world:
        await world.link("ito", "t-ito")
        await world.link("hana", "s-hana")
        day_before = EXCURSION - timedelta(days=1)
        await remind(
            database, owner_id="t-ito", school_id="minami", audience_ids=["c-4-2"], rrule=None,
            starts_on=day_before, next_at=at(10, day=day_before), event_title="遠足", event_first=-1, event_last=-1,
        )  # fmt: skip
        row: dict[str, Any] = {"school_id": "minami", "kind": "event", "grades": [], "grades_key": ""}
        await put(database, CalendarDay, {**row, "date": EXCURSION, "title": "春の遠足"})
        yield world


async def pass_by(world: LineWorld, moment: datetime, who: str) -> list[str]:
    """It is this moment now; what somebody got by itself."""
    before = len(world.line.texts_to(user_id(who)))
    world.clock.moment = moment
    await Reminders(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()
    return world.line.texts_to(user_id(who))[before:]


async def test_the_child_gets_the_words_the_day_before(world: LineWorld) -> None:
    assert await pass_by(world, at(10), "hana") == []
    [got] = await pass_by(world, at(10, day=EXCURSION - timedelta(days=1)), "hana")
    assert "服をわすれずに" in got  # in the kanji of her grade


async def test_the_owner_hears_nothing_when_it_reached_everybody(world: LineWorld) -> None:
    eve = EXCURSION - timedelta(days=1)
    await pass_by(world, at(10, day=eve), "hana")
    assert await pass_by(world, at(10, 30, day=eve), "ito") == []


async def test_a_report_to_come_holds_up_nothing_that_is_said_meanwhile(world: LineWorld) -> None:
    await pass_by(world, at(10, day=EXCURSION - timedelta(days=1)), "hana")
    assert await world.say("ito", "使い方") != []


async def test_the_owner_hears_that_it_was_too_late(world: LineWorld) -> None:
    [told] = await pass_by(world, at(11, day=EXCURSION - timedelta(days=1)), "ito")
    assert "5月14日（木） 10:00" in told and "送っていません" in told


async def test_the_owner_hears_that_the_event_is_no_more(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        await connection.execute(delete(CalendarDay))
    [told] = await pass_by(world, at(10), "ito")
    assert "「遠足」" in told and "終えました" in told
    assert await pass_by(world, at(10, day=EXCURSION - timedelta(days=1)), "hana") == []
