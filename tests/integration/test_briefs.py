"""The evening's brief: once on every school day, to the teachers of homeroom classes, and only what they may see."""

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.checkins import CheckInRecord, Status, save_checkins
from knowledge.records.talk_requests import TalkRequest
from scheduler.briefs import Briefs
from scheduler.errors import ScheduleError
from scheduler.schools import SchoolTimes, Times
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
SATURDAY = date(2026, 5, 16)


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """The teachers of 4年2組 and of the mathematics class have linked their phones on Monday morning."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(7))) as world:
        await world.link("ito", "t-ito")
        await world.link("mori", "t-mori")
        yield world


async def pass_by(world: LineWorld, moment: datetime, times: SchoolTimes | None = None) -> None:
    """It is this moment now: what is due is planned and sent."""
    world.clock.moment = moment
    await Briefs(world.core.database, TOKYO, times or SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()


def pushed(world: LineWorld, name: str) -> int:
    """How many messages reached somebody who had not written."""
    return sum(d.via == "push" for d in world.line.delivered if d.user_id == user_id(name))


def record(day: date, mood: str, **more: str) -> CheckInRecord:
    moment = at(15, 30, day=day)
    return CheckInRecord(
        student_id="s-hana",
        date=day,
        phase=Phase.REFLECTION,
        status=Status.FINISHED,
        started_at=moment,
        updated_at=moment,
        answered_at=moment,
        mood=mood,
        **more,  # pyright: ignore[reportArgumentType] -- texts of the check-in
    )


async def test_at_its_time_the_homeroom_teacher_gets_it_once(world: LineWorld) -> None:
    await pass_by(world, at(16, 29))
    assert pushed(world, "ito") == 0
    await pass_by(world, at(16, 30))
    await pass_by(world, at(16, 31))
    assert pushed(world, "ito") == 1
    assert pushed(world, "mori") == 0  # teaches a subject, has no homeroom class


async def test_it_says_who_is_missing_who_wants_to_talk_and_whose_reflection_waits(world: LineWorld) -> None:
    friday = MONDAY - timedelta(days=3)
    async with world.core.database.write() as connection:
        await save_checkins(connection, [record(friday, "sunny", went_well="本を読んだ"), record(MONDAY, "rainy")])
        wish = {"id": "t1", "student_id": "s-ren", "date": MONDAY, "requested_at": at(9)}
        await connection.execute(insert(TalkRequest), [wish])
    await pass_by(world, at(16, 30))
    brief = world.line.texts_to(user_id("ito"))[-1]
    assert brief.startswith("4年2組・5月11日")
    assert "2人中1人" in brief
    assert "まだの子：鈴木 蓮" in brief
    assert "先週より2.0低く" in brief
    assert "話したいと言っている子（1人）：鈴木 蓮" in brief
    assert "佐藤 花（3日前）" in brief
    assert "本を読んだ" not in brief  # the child's words are shown when the teacher asks for them


async def test_on_a_day_without_school_nobody_gets_it(world: LineWorld) -> None:
    await pass_by(world, at(16, 30, day=SATURDAY))
    assert pushed(world, "ito") == 0


async def test_a_school_sets_its_own_time_or_switches_it_off(world: LineWorld) -> None:
    later = SchoolTimes(by_school={"minami": Times(brief=time(18, 15))})
    await pass_by(world, at(16, 30), later)
    assert pushed(world, "ito") == 0
    await pass_by(world, at(18, 15), later)
    assert pushed(world, "ito") == 1
    off = SchoolTimes(by_school={"minami": Times(brief=None)})
    await pass_by(world, at(16, 30, day=MONDAY + timedelta(days=1)), off)
    assert pushed(world, "ito") == 1


async def test_a_brief_missed_by_hours_is_not_sent_at_night(world: LineWorld) -> None:
    await pass_by(world, at(18, 31))
    assert pushed(world, "ito") == 0


def test_the_time_stands_in_schools_yaml(tmp_path: Path) -> None:
    file = tmp_path / "schools.yaml"
    file.write_text("default:\n  brief: '17:00'\nminami:\n  brief: off\n", "utf-8")
    times = SchoolTimes.load(file)
    assert times.of("higashi").brief == time(17)
    assert times.of("minami").brief is None
    file.write_text("minami:\n  brief: five\n", "utf-8")
    with pytest.raises(ScheduleError, match="minami: brief: 'five'"):
        SchoolTimes.load(file)
