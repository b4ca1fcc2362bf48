"""Thresholds of a school, the flags they raise, and who hears of them: staff with rights, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import date, datetime, time, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import delete, insert, select, update

from assistant.flagging import PREFIX
from knowledge.care.kinds import kinds
from knowledge.care.looking import preview_of
from knowledge.db import Database
from knowledge.privacy.exporting import Receiver, export_person
from knowledge.questions.model import Phase
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.audit import AuditEntry
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn, CheckInRecord, Status, save_checkins
from knowledge.records.closures import Closure
from knowledge.records.flags import Flag, FlagState, set_state
from knowledge.records.nurse_visits import NurseVisit
from knowledge.records.roster import Enrollment, User
from knowledge.records.thresholds import set_threshold
from scheduler.briefs import Briefs
from scheduler.flags import Flagging
from scheduler.schools import SchoolTimes
from tests.platforms.line import user_id
from tests.worlds import TOKYO, HandClock, LineWorld, line_world

MONDAY = date(2026, 5, 11)
DAYS = (date(2026, 5, 7), date(2026, 5, 8), MONDAY)  # the three last school days: before them was Golden Week
TUESDAY = MONDAY + timedelta(days=1)
WHY = "3日つづけて雨か雷（5/7〜5/11）"


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Children, staff and a guardian have LINE. It is Monday morning, and 3 rainy days are to be told."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(7))) as world:
        people = {"hana": "s-hana", "ren": "s-ren", "ito": "t-ito", "kato": "t-kato", "mori": "t-mori"}
        for name, person in {**people, "ogawa": "p-ogawa", "sato": "g-sato", "nakano": "b-nakano"}.items():
            await world.link(name, person)
        await switch(world, "low_mood_days")
        yield world


async def switch(world: LineWorld, kind: str, *, is_on: bool = True, moment: datetime | None = None) -> None:
    async with world.core.database.write() as connection:
        await set_threshold(
            connection,
            "minami",
            kind,
            kinds()[kind].defaults,
            is_on=is_on,
            by="p-ogawa",
            at=moment or world.clock.now(),
        )


def answer(student: str, day: date, mood: str | None = "rainy", **more: Any) -> CheckInRecord:
    moment = at(15, 30, day=day)
    return CheckInRecord(
        student_id=student,
        date=day,
        phase=Phase.REFLECTION,
        status=more.pop("status", Status.FINISHED),
        started_at=moment,
        updated_at=moment,
        answered_at=moment,
        mood=mood,
        **more,
    )


async def store(world: LineWorld, records: Iterable[CheckInRecord]) -> None:
    async with world.core.database.write() as connection:
        await save_checkins(connection, records)


async def rain(world: LineWorld, student: str = "s-hana", days: Iterable[date] = DAYS) -> None:
    await store(world, [answer(student, day) for day in days])


async def evening(world: LineWorld, moment: datetime | None = None) -> None:
    """The planner of a fresh process looks."""
    world.clock.moment = moment or at(20)
    await Flagging(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())


async def flags(world: LineWorld) -> list[Any]:
    async with world.core.database.read() as connection:
        statement = select(*Flag.__table__.c).order_by(Flag.student_id, Flag.kind, Flag.since)
        return [*(await connection.execute(statement)).all()]


async def raised(world: LineWorld) -> dict[str, str]:
    """The state of each flag that lasts, by child."""
    return {row.student_id: row.state for row in await flags(world) if row.ended_on is None}


async def audited(world: LineWorld) -> list[str]:
    async with world.core.database.read() as connection:
        statement = select(AuditEntry.act).where(AuditEntry.kind == "flags").order_by(AuditEntry.id)
        return [*await connection.scalars(statement)]


async def postback(world: LineWorld, name: str, data: str) -> list[str]:
    """A tap on a button that somebody made up, or forwarded."""
    before = len(world.line.texts_to(user_id(name)))
    assert await world.send(world.line.events.postback(user_id(name), data)) == 200
    await world.core.drain()
    world.clock.forward(seconds=1)
    return world.line.texts_to(user_id(name))[before:]


async def test_three_rainy_days_raise_a_flag_once_the_evening_is_over(world: LineWorld) -> None:
    await rain(world)
    await store(world, [answer("s-ren", day, "sunny") for day in DAYS])
    await evening(world, at(19, 59))
    assert await raised(world) == {}
    await evening(world)
    await evening(world, at(20, 5))
    assert await raised(world) == {"s-hana": "new"}
    (flag,) = await flags(world)
    assert (flag.since, flag.day, flag.figures["days"]) == (MONDAY, MONDAY, 3)


async def test_it_lasts_without_being_told_again_gets_worse_and_ends(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    (flag,) = await flags(world)
    async with world.core.database.write() as connection:
        await set_state(connection, flag.id, FlagState.ADDRESSED, "t-ito", at(21), "話した")
    await rain(world, days=[TUESDAY])
    await evening(world, at(20, day=TUESDAY))
    assert await raised(world) == {"s-hana": "addressed"}
    later = [TUESDAY + timedelta(days=n) for n in (1, 2)]
    await rain(world, days=later)
    for day in later:
        await evening(world, at(20, day=day))
    assert await raised(world) == {"s-hana": "new"}  # six days: three more than when staff were told
    friday = later[-1] + timedelta(days=1)
    await store(world, [answer("s-hana", friday, "sunny")])
    await evening(world, at(20, day=friday))
    (flag,) = await flags(world)
    assert (flag.ended_on, flag.figures["days"], flag.note) == (friday, 6, "話した")


async def test_answers_kept_to_oneself_raise_nothing_and_are_no_silence(world: LineWorld) -> None:
    for kind in kinds():
        await switch(world, kind)
    weeks = [MONDAY - timedelta(days=n) for n in range(60)]
    await store(
        world,
        [
            *(answer("s-hana", day, "thunder", visibility="self") for day in weeks),
            *(answer("s-ren", day, "thunder").keep(["mood"]) for day in weeks),
            *(answer("s-sora", day, None, status=Status.DECLINED, visibility="self") for day in weeks),
        ],
    )
    await evening(world)
    assert await flags(world) == []


async def test_who_was_sick_is_not_silent_and_who_was_there_is(world: LineWorld) -> None:
    await switch(world, "silence")
    before = [date(2026, 4, 6) + timedelta(days=n) for n in range(30)]  # to the 5th of May
    silent = [*DAYS, TUESDAY]
    await store(world, [answer(student, day, "sunny") for student in ("s-hana", "s-ren") for day in before])
    async with world.core.database.write() as connection:
        rows = [{"student_id": "s-ren", "date": day, "status": "absent_sick", "note": None} for day in silent]
        await connection.execute(insert(AttendanceEntry), rows)
    await evening(world, at(20, day=TUESDAY))
    (flag,) = await flags(world)
    assert (flag.student_id, flag.kind, flag.figures["days"]) == ("s-hana", "silence", 4)


async def test_visits_and_lateness_are_counted_from_their_records(world: LineWorld) -> None:
    await switch(world, "nurse_visits")
    await switch(world, "late_or_absent")
    days = [MONDAY - timedelta(days=n) for n in range(4)]
    async with world.core.database.write() as connection:
        visits = [{"student_id": "s-ren", "visited_at": at(10, day=day), "date": day} for day in days[:3]]
        await connection.execute(insert(NurseVisit), visits)
        marks = [{"student_id": "s-hana", "date": day, "status": "late", "note": None} for day in days]
        await connection.execute(insert(AttendanceEntry), marks)
    await evening(world)
    found = {(row.student_id, row.kind): row.figures for row in await flags(world)}
    assert found["s-ren", "nurse_visits"]["visits"] == 3
    assert (found["s-hana", "late_or_absent"]["late"], len(found)) == (4, 2)


async def test_what_came_in_late_is_looked_at_the_next_school_day(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    async with world.core.database.write() as connection:  # it was somebody else's answer: it goes again
        await connection.execute(delete(CheckIn).where(CheckIn.date == DAYS[1]))
    await evening(world, at(20, day=TUESDAY))
    assert await flags(world) == []


async def test_a_note_of_staff_stays_when_figures_turn_out_wrong(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    (flag,) = await flags(world)
    async with world.core.database.write() as connection:
        await set_state(connection, flag.id, FlagState.ADDRESSED, "t-ito", at(21), "話した")
        await connection.execute(delete(CheckIn))
    await evening(world, at(20, day=TUESDAY))
    (flag,) = await flags(world)
    assert (flag.note, flag.figures, flag.ended_on) == ("話した", {}, TUESDAY)


async def test_days_without_school_are_not_looked_at_and_do_not_interrupt(world: LineWorld) -> None:
    saturday = date(2026, 5, 16)
    tail = (date(2026, 5, 14), date(2026, 5, 15), date(2026, 5, 18))
    async with world.core.database.write() as connection:
        closed = {"school_id": "minami", "date": tail[1], "kind": "closed", "title": None}
        await connection.execute(insert(CalendarDay), [{**closed, "grades": [], "grades_key": ""}])
    await rain(world, days=(tail[0], tail[2], date(2026, 5, 19)))
    await evening(world, at(20, day=saturday))
    assert await flags(world) == []
    await evening(world, at(20, day=date(2026, 5, 19)))
    assert await raised(world) == {"s-hana": "new"}


async def test_a_declared_closure_of_a_class_is_no_school_day_of_its_children(world: LineWorld) -> None:
    async with world.core.database.write() as connection:
        closure = {
            "id": "cl-1",
            "school_id": "minami",
            "label": "4年2組",
            "first_day": DAYS[1],
            "last_day": DAYS[1],
            "grades": [],
            "class_ids": ["c-4-2"],
            "reason": "",
            "is_remote": False,
            "declared_by": "p-ogawa",
            "declared_at": at(7),
        }
        await connection.execute(insert(Closure), [closure])
    await rain(world, days=(DAYS[0], DAYS[2], TUESDAY))
    await evening(world, at(20, day=TUESDAY))
    (flag,) = await flags(world)
    assert flag.figures == {"days": 3, "first": "2026-05-07", "last": "2026-05-12"}


async def test_an_evening_that_nobody_looked_at_is_made_up_for_in_the_morning(world: LineWorld) -> None:
    await rain(world)
    await evening(world, at(7, day=TUESDAY))
    assert await raised(world) == {"s-hana": "new"}


async def test_a_school_that_cannot_be_looked_at_does_not_keep_the_others_waiting(
    world: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world.core.database.write() as connection:
        numbers = kinds()["low_mood_days"].defaults
        await set_threshold(connection, "higashi", "low_mood_days", numbers, is_on=True, by="t-abe", at=at(7))
    tried: list[str] = []

    async def look(_database: Database, school_id: str, _day: date, _at: datetime) -> int:
        tried.append(school_id)
        raise OSError

    monkeypatch.setattr("scheduler.flags.look_at_school", look)
    planner = Flagging(world.core.database, TOKYO, SchoolTimes(), ["line"])
    for minute in range(2):
        with pytest.raises(OSError):  # planners are called one by one, and what one raises is logged
            await planner.plan(at(20, minute))
    assert sorted(tried) == ["higashi", "minami"]


async def test_a_child_who_left_is_not_pointed_out_any_more(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    async with world.core.database.write() as connection:
        await connection.execute(update(Enrollment).where(Enrollment.sourced_id == "e-hana").values(end_date=MONDAY))
    await evening(world, at(20, day=TUESDAY))
    assert await raised(world) == {}


async def test_switching_on_again_brings_back_what_still_holds(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    async with world.core.database.write() as connection:
        await connection.execute(update(Flag).values(ended_on=MONDAY))
    await switch(world, "low_mood_days", moment=at(20, 10))
    await evening(world, at(20, 11))
    assert await raised(world) == {"s-hana": "new"}


async def test_a_preview_says_what_would_have_been(world: LineWorld) -> None:
    await rain(world)
    kind = kinds()["low_mood_days"]
    seen = await preview_of(world.core.database, "minami", kind, {"days": 2}, MONDAY, at(21))
    assert (dict(seen.raised), seen.times) == ({"s-hana": 1}, 1)
    none = await preview_of(world.core.database, "minami", kind, {"days": 4}, MONDAY, at(21))
    assert none.times == 0


async def test_the_brief_names_the_child_and_the_chat_says_why(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    world.clock.moment = at(16, 30, day=TUESDAY)
    await Briefs(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now())
    await world.core.drain()
    brief = world.line.texts_to(user_id("ito"))[-1]
    assert "見守りの印がついた子（1人）：佐藤 花" in brief
    assert "つづけて" not in brief  # a phone lies open on a desk
    (said,) = await world.tap("ito", "気になる子のわけ")
    assert "佐藤 花さん（4年2組）" in said and WHY in said and "最近どう？" in said
    (done,) = await world.tap("ito", "対応しました")
    assert done == "佐藤 花さん（4年2組）の「雨か雷の日がつづく」を「対応しました」にしました。"
    assert await raised(world) == {"s-hana": "addressed"}
    assert await audited(world) == ["read", "read", "change"]
    (none,) = await world.say("ito", "気になる子は？")
    assert "いま印のついた子はいません" in none


async def test_several_children_are_listed_each_with_a_button(world: LineWorld) -> None:
    await rain(world)
    await rain(world, "s-ren")
    await evening(world)
    for name in ("ito", "ogawa"):
        (said,) = await world.say(name, "気になる子は？")
        assert said.count(WHY) == 2
    (one,) = await world.tap("ogawa", "2 鈴木 蓮")
    assert "鈴木 蓮さん" in one and "佐藤 花" not in one
    await world.tap("ogawa", "見ました")
    assert await raised(world) == {"s-hana": "new", "s-ren": "seen"}


async def test_a_teacher_of_another_class_hears_of_nobody_and_changes_nothing(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    (flag,) = await flags(world)
    (said,) = await world.say("kato", "気になる子は？")
    assert "佐藤" not in said
    there = await postback(world, "kato", f"{PREFIX}addressed/{flag.id}")
    nowhere = await postback(world, "kato", f"{PREFIX}addressed/{flag.id[::-1]}")
    assert there == nowhere == ["その印は、ここにはありません。"]
    assert await raised(world) == {"s-hana": "new"}
    assert await audited(world) == ["refused", "refused"]


async def test_subject_teachers_and_the_board_are_refused_as_of_any_record(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    for name in ("mori", "nakano"):
        (said,) = await world.say(name, "気になる子は？")
        assert said.startswith("その人やクラスの記録を見る権限がありません")


async def test_a_member_of_staff_does_not_hear_of_their_own_child(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    async with world.core.database.write() as connection:
        row = update(User).where(User.sourced_id == "s-hana").values(agent_sourced_ids=["t-ito"])
        await connection.execute(row)
    (said,) = await world.say("ito", "気になる子は？")
    assert "佐藤" not in said


TYPED = (
    "気になる子は？",
    "who should I look out for?",
    "今日のわたし",
    "だれが見た？",
    "わたしの今週の様子は？",
    "ヘルプ",
    "印",
)


def secrets() -> list[str]:
    """Words that only a flag would say."""
    said = [said for kind in kinds().values() for said in kind.said.values()]
    return [
        *(each.name for each in said),
        "つづけて雨か雷",
        "running",
        "flag",
        "フラグ",
        "見守り",
        "気づき",
        "threshold",
    ]


@pytest.mark.parametrize("name", ["hana", "ren", "sato"])
async def test_neither_child_nor_family_nor_classmate_ever_hears_of_a_flag(world: LineWorld, name: str) -> None:
    await rain(world)
    await evening(world)
    await world.say("ito", "気になる子は？")
    await world.tap("ito", "見ました")
    (flag,) = await flags(world)
    for text in TYPED:
        for said in await world.say(name, text):
            assert [word for word in secrets() if word in said] == [], text
    for what in ("list/", f"show/{flag.id}", f"addressed/{flag.id}"):
        for said in await postback(world, name, f"{PREFIX}{what}"):
            assert [word for word in secrets() if word in said] == [], what
            assert "佐藤" not in said or name == "sato"
    assert await raised(world) == {"s-hana": "seen"}
    assert (await audited(world)).count("refused") == 3


async def test_a_child_who_asks_is_answered_as_of_anything_unknown(world: LineWorld) -> None:
    await rain(world)
    before = await world.say("hana", "気になる子は？")
    await evening(world)
    assert await world.say("hana", "気になる子は？") == before


async def test_what_a_child_or_family_is_given_has_no_flag(world: LineWorld) -> None:
    await rain(world)
    await evening(world)
    await world.say("ito", "気になる子は？")
    await world.tap("ito", "見ました")
    for receiver in Receiver:
        async with world.core.database.read() as connection:
            content, counts = await export_person(connection, "s-hana", receiver, TUESDAY)
        assert "flags" not in counts
        with ZipFile(BytesIO(content)) as archive:
            given = "\n".join(archive.read(name).decode() for name in archive.namelist())
        assert "s-hana" in given
        assert [word for word in ("flag", "low_mood", "not_a_concern", "雨か雷の日がつづく") if word in given] == []
