"""The check-in prompt: one for everyone who should be asked, at their school's time, and never a second one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, insert, select, update

from assistant.bootstrap import build_core, build_services
from assistant.channels.line.channel import LineChannel
from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.questions.model import Phase
from knowledge.records.accounts import Account
from knowledge.records.attendance import NOT_EXPECTED, AttendanceEntry
from knowledge.records.checkins import CheckInRecord, Status, find_checkins, save_checkins
from knowledge.records.closures import Closure
from knowledge.records.roster import Enrollment, SchoolClass, User
from scheduler import outbox
from scheduler.errors import ScheduleError
from scheduler.outbox import Item, Outbox, State
from scheduler.prompts import Prompts
from scheduler.schools import LinePrompts, SchoolTimes, Times
from tests.platforms.line import Failure, user_id
from tests.worlds import LINE_TOKEN, MORNING, TOKYO, HandClock, LineWorld, files_of, line_world, settings_of

NAMES = ("hana", "ren", "sora", "yui")  # P4, P4, P2 of Minami; J1 of Higashi
EVERYONE = list(NAMES)
MONDAY = MORNING.date()
SATURDAY = date(2026, 5, 16)
GREENERY_DAY = date(2026, 5, 4)  # a Monday


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """All four children have linked their phones at seven on Monday."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(7, 0))) as world:
        for name in NAMES:
            await world.link(name, f"s-{name}")
        yield world


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


def planner(world: LineWorld, times: SchoolTimes | None = None, database: Database | None = None) -> Prompts:
    return Prompts(database or world.core.database, TOKYO, times or SchoolTimes(), ["line"])


async def pass_by(world: LineWorld, moment: datetime, times: SchoolTimes | None = None) -> None:
    """It is this moment now: what is due is planned and sent."""
    world.clock.moment = moment
    await planner(world, times).plan(world.clock.now())
    await world.core.drain()


def asked(world: LineWorld) -> list[str]:
    """Whom a prompt reached: a push, as nobody had written. Twice asked is twice in the list."""
    names = {user_id(name): name for name in (*NAMES, "hana-tablet")}
    return sorted(names[delivery.user_id] for delivery in world.line.delivered if delivery.via == "push")


async def states(world: LineWorld) -> list[str]:
    """Of all prompts there are."""
    async with world.core.database.read() as connection:
        return list(await connection.scalars(select(Outbox.state).where(Outbox.kind == "prompt")))


async def record_of(world: LineWorld, name: str, phase: Phase = Phase.ANTICIPATION) -> CheckInRecord | None:
    async with world.core.database.read() as connection:
        records = await find_checkins(connection, [f"s-{name}"], [MONDAY])
    return next((record for record in records if record.phase is phase), None)


async def answered(world: LineWorld, name: str, status: Status, phase: Phase = Phase.ANTICIPATION) -> None:
    moment = world.clock.now()
    record = CheckInRecord(
        student_id=f"s-{name}", date=MONDAY, phase=phase, status=status, started_at=moment, updated_at=moment
    )
    async with world.core.database.write() as connection:
        await save_checkins(connection, [record])


async def calendar(world: LineWorld, folder: Path, *rows: str) -> None:
    """Import days of a school calendar: school, date, kind, grades."""
    file = folder / "calendar.csv"
    file.write_text("\n".join(["schoolId,date,kind,grades", *rows]) + "\n", "utf-8")
    await run_import(world.core.database, "calendar", file, timezone=TOKYO)


async def change(world: LineWorld, model: Any, row_id: str, **values: Any) -> None:
    key = model.id if model is Account else model.sourced_id
    async with world.core.database.write() as connection:
        await connection.execute(update(model).where(key == row_id).values(**values))


# Who is asked


async def test_at_its_time_every_child_of_every_class_is_asked_once(world: LineWorld) -> None:
    await pass_by(world, at(8, 19))
    assert asked(world) == []
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE
    assert "天気" in world.line.texts_to(user_id("hana"))[-1]


async def test_in_the_afternoon_everyone_is_asked_again_whatever_they_did_in_the_morning(world: LineWorld) -> None:
    await answered(world, "hana", Status.FINISHED)
    await answered(world, "ren", Status.DECLINED)
    await pass_by(world, at(15, 9))
    assert asked(world) == []
    await pass_by(world, at(15, 10))
    assert asked(world) == EVERYONE


@pytest.mark.parametrize("status", [Status.FINISHED, Status.DECLINED])
async def test_who_has_answered_or_declined_is_not_asked(world: LineWorld, status: Status) -> None:
    await answered(world, "hana", status)
    await pass_by(world, at(8, 20))
    assert asked(world) == ["ren", "sora", "yui"]


async def test_a_decline_in_the_chat_before_the_prompt_holds(world: LineWorld) -> None:
    world.clock.moment = at(8, 0)
    await world.say("hana", "今日は答えない")
    await pass_by(world, at(8, 20))
    assert asked(world) == ["ren", "sora", "yui"]


async def test_who_is_in_the_middle_of_it_is_not_interrupted(world: LineWorld) -> None:
    await answered(world, "hana", Status.OPEN)
    await pass_by(world, at(8, 20))
    assert asked(world) == ["ren", "sora", "yui"]


async def test_who_is_not_linked_is_not_asked(world: LineWorld) -> None:
    await change(world, Account, f"line:{user_id('hana')}", person_id=None)
    await pass_by(world, at(8, 20))
    assert asked(world) == ["ren", "sora", "yui"]


async def test_teachers_and_parents_are_not_asked(world: LineWorld) -> None:
    for name, person in (("hana", "t-ito"), ("ren", "g-sato"), ("sora", "p-ogawa")):
        await change(world, Account, f"line:{user_id(name)}", person_id=person)
    await pass_by(world, at(8, 20))
    assert asked(world) == ["yui"]


async def test_who_unfollowed_is_not_asked_until_they_are_back(world: LineWorld) -> None:
    await world.send(world.line.events.unfollow(user_id("hana")))
    await world.core.drain()
    await pass_by(world, at(8, 20))
    assert asked(world) == ["ren", "sora", "yui"]
    await world.send(world.line.events.follow(user_id("hana"), unblocked=True))
    await world.core.drain()
    await pass_by(world, at(8, 40))
    assert asked(world) == EVERYONE


async def test_who_left_school_is_not_asked(world: LineWorld) -> None:
    await change(world, User, "s-hana", enabled=False)
    await change(world, Enrollment, "e-ren", end_date=MONDAY - timedelta(days=1))
    await change(world, Enrollment, "e-sora", begin_date=MONDAY + timedelta(days=1))
    await pass_by(world, at(8, 20))
    assert asked(world) == ["yui"]


async def test_the_prompt_goes_to_the_account_used_last(world: LineWorld) -> None:
    await world.link("hana-tablet", "s-hana")
    world.clock.moment = at(7, 40)
    await world.say("hana-tablet", "使い方")
    await pass_by(world, at(8, 20))
    assert asked(world) == ["hana-tablet", "ren", "sora", "yui"]
    world.clock.moment = at(12, 30)
    await world.say("hana", "使い方")
    await pass_by(world, at(15, 10))
    assert asked(world) == sorted(["hana-tablet", "ren", "sora", "yui", *EVERYONE])


async def test_where_the_account_used_last_is_lost_the_prompt_goes_to_the_other(world: LineWorld) -> None:
    await world.link("hana-tablet", "s-hana")
    world.clock.moment = at(7, 40)
    await world.say("hana-tablet", "使い方")
    await world.send(world.line.events.unfollow(user_id("hana-tablet")))
    await world.core.drain()
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE


async def test_an_account_that_now_belongs_to_another_child_does_not_get_the_first_ones_prompt(
    world: LineWorld,
) -> None:
    world.clock.moment = at(8, 20)
    await planner(world).plan(world.clock.now())
    await change(world, Account, f"line:{user_id('hana')}", person_id="s-ren")
    await world.core.drain()
    assert asked(world) == ["ren", "sora", "yui"]


@pytest.mark.parametrize("last_day_in_the_old_class", [MONDAY - timedelta(days=1), MONDAY])
async def test_a_change_of_class_or_school_on_the_day_is_one_prompt(
    world: LineWorld, last_day_in_the_old_class: date
) -> None:
    for name, new_class, school in (("hana", "c-2-1", "minami"), ("ren", "c-j1-1", "higashi")):
        await change(world, Enrollment, f"e-{name}", end_date=last_day_in_the_old_class)
        async with world.core.database.write() as connection:
            new = {"class_sourced_id": new_class, "school_sourced_id": school, "user_sourced_id": f"s-{name}"}
            row = {"sourced_id": f"new-{name}", "role": "student", "is_primary": False, "begin_date": MONDAY, **new}
            await connection.execute(insert(Enrollment).values(**row))
    await change(world, User, "s-hana", grade="P2")
    await change(world, User, "s-ren", grade="J1")
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE


async def test_a_child_whose_grade_the_roster_leaves_out_is_asked_with_the_class(world: LineWorld) -> None:
    await change(world, User, "s-hana", grade=None)
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE


async def test_a_class_whose_grades_the_roster_leaves_out_is_asked(world: LineWorld) -> None:
    await change(world, SchoolClass, "c-j1-1", grades=[])
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE


async def test_more_classes_than_one_query_looks_at_are_all_asked(
    world: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.checkin_planner.CLASSES", 1)
    ids = ["s-Ada", "s-bob", "S-carl", "s_dan", "s.eva", "あ", "０", "s-z", "s-Z"]
    person: dict[str, Any] = {
        "enabled": True,
        "given_name": "花",
        "family_name": "佐藤",
        "grade": "P4",
        "agent_sourced_ids": [],
    }
    enrolled = {"class_sourced_id": "c-4-2", "school_sourced_id": "minami", "role": "student", "is_primary": False}
    async with world.core.database.write() as connection:
        await connection.execute(insert(User), [{"sourced_id": i, **person} for i in ids])
        await connection.execute(
            insert(Enrollment), [{"sourced_id": f"e{i}", "user_sourced_id": i, **enrolled} for i in ids]
        )
        accounts = [{"id": f"line:{i}", "channel": "line", "person_id": i, "reachable": True} for i in ids]
        await connection.execute(insert(Account), accounts)
    assert await planner(world).plan(at(8, 20)) == len(ids) + len(NAMES)
    assert await world.count(Outbox, kind="prompt") == len(ids) + len(NAMES)


# On which days


@pytest.mark.parametrize("day", [SATURDAY, SATURDAY + timedelta(days=1), GREENERY_DAY])
async def test_nobody_is_asked_on_a_weekend_or_a_national_holiday(world: LineWorld, day: date) -> None:
    await pass_by(world, at(8, 20, day=day))
    await pass_by(world, at(15, 10, day=day))
    assert asked(world) == []


@pytest.mark.parametrize("kind", ["closed", "holiday"])
async def test_a_day_off_in_the_calendar_is_for_its_school_only(world: LineWorld, tmp_path: Path, kind: str) -> None:
    await calendar(world, tmp_path, f"minami,{MONDAY},{kind},")
    await pass_by(world, at(8, 20))
    assert asked(world) == ["yui"]


@pytest.mark.parametrize("day", [SATURDAY, GREENERY_DAY])
async def test_a_school_day_in_the_calendar_is_asked_on_even_on_a_saturday(
    world: LineWorld, tmp_path: Path, day: date
) -> None:
    await calendar(world, tmp_path, f"minami,{day},school_day,")
    await pass_by(world, at(8, 20, day=day))
    assert asked(world) == ["hana", "ren", "sora"]


async def test_a_row_of_the_calendar_is_for_its_grades_only(world: LineWorld, tmp_path: Path) -> None:
    await calendar(world, tmp_path, f"minami,{MONDAY},closed,P4", f"minami,{SATURDAY},school_day,P4;P5")
    await pass_by(world, at(8, 20))
    assert asked(world) == ["sora", "yui"]
    await pass_by(world, at(8, 20, day=SATURDAY))
    assert asked(world) == sorted(["sora", "yui", "hana", "ren"])


async def test_an_event_in_the_calendar_changes_nothing(world: LineWorld, tmp_path: Path) -> None:
    await calendar(world, tmp_path, f"minami,{MONDAY},event,", f"minami,{SATURDAY},event,")
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE
    await pass_by(world, at(8, 20, day=SATURDAY))
    assert asked(world) == EVERYONE


async def test_on_a_short_day_the_evenings_prompt_comes_when_the_children_go_home(
    world: LineWorld, tmp_path: Path
) -> None:
    await calendar(world, tmp_path, f"minami,{MONDAY},short_day,P4")
    await pass_by(world, at(12, 9))
    assert asked(world) == []
    await pass_by(world, at(12, 10))
    assert asked(world) == ["hana", "ren"]
    await pass_by(world, at(15, 10))
    assert asked(world) == EVERYONE


async def test_one_planner_asks_each_grade_at_its_time(world: LineWorld, tmp_path: Path) -> None:
    await calendar(world, tmp_path, f"minami,{MONDAY},short_day,P4")
    same = planner(world)
    assert [await same.plan(at(*moment)) for moment in ((12, 9), (12, 10), (15, 9), (15, 10), (15, 11))] == [
        0, 2, 0, 2, 0,
    ]  # fmt: skip


async def closed(world: LineWorld, where: dict[str, list[str]], *, is_remote: bool = False) -> None:
    """A lead of the school declares today closed, for all of it where no grades or classes are named."""
    async with world.core.database.write() as connection:
        row: dict[str, Any] = {"id": "closure", "school_id": "minami", "grades": [], "class_ids": [], "label": "学校"}
        row |= {"first_day": MONDAY, "last_day": MONDAY, "reason": "", "is_remote": is_remote}
        row |= {"declared_by": "p-ogawa", "declared_at": at(6)}
        await connection.execute(insert(Closure).values(**(row | where)))


@pytest.mark.parametrize(
    ("where", "still_asked"),
    [
        ({}, ["yui"]),
        ({"grades": ["P4"]}, ["sora", "yui"]),
        ({"class_ids": ["c-2-1"]}, ["hana", "ren", "yui"]),
    ],
)
async def test_a_closure_stops_the_prompts_of_those_it_closes(
    world: LineWorld, where: dict[str, list[str]], still_asked: list[str]
) -> None:
    await closed(world, where)
    await pass_by(world, at(8, 20))
    assert asked(world) == still_asked


@pytest.mark.parametrize("where", [{}, {"class_ids": ["c-4-2"]}, {"grades": ["P4"]}])
async def test_a_closure_declared_between_planning_and_sending_stops_them_too(
    world: LineWorld, where: dict[str, list[str]]
) -> None:
    world.clock.moment = at(8, 20)
    await planner(world).plan(world.clock.now())
    await closed(world, where)
    await world.core.drain()
    assert asked(world) == [name for name in EVERYONE if name == "yui" or (where and name == "sora")]


async def test_while_children_learn_at_home_they_are_asked_all_the_same(world: LineWorld) -> None:
    await closed(world, {}, is_remote=True)
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE
    await pass_by(world, at(8, 20, day=SATURDAY))
    assert asked(world) == EVERYONE


# With restraint


async def absent(world: LineWorld, name: str, status: str) -> None:
    async with world.core.database.write() as connection:
        entry = {"student_id": f"s-{name}", "date": MONDAY, "status": status}
        await connection.execute(insert(AttendanceEntry).values(**entry))


@pytest.mark.parametrize("status", NOT_EXPECTED)
async def test_who_is_away_today_is_not_asked(world: LineWorld, status: str) -> None:
    await absent(world, "hana", status)
    await pass_by(world, at(8, 20))
    assert asked(world) == ["ren", "sora", "yui"]


@pytest.mark.parametrize("status", ["present", "late", "attend_ict_home"])
async def test_who_is_late_or_learns_elsewhere_is_asked(world: LineWorld, status: str) -> None:
    await absent(world, "hana", status)
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE


async def test_who_is_marked_away_between_planning_and_sending_is_not_asked(world: LineWorld) -> None:
    world.clock.moment = at(8, 20)
    await planner(world).plan(world.clock.now())
    await absent(world, "hana", "absent_sick")
    await world.core.drain()
    assert asked(world) == ["ren", "sora", "yui"]


async def sent_today(world: LineWorld, *sent: State, day: date | None = MONDAY) -> None:
    """Other messages to Hana, and what became of them."""
    told: dict[str, Any] = {"account_id": f"line:{user_id('hana')}", "kind": "messages", "payload": {"messages": []}}
    told |= {"due_at": at(7), "created_at": at(7), "person_id": "s-hana", "counts_on": day}
    async with world.core.database.write() as connection:
        for state in sent:
            item = Item(**told)
            await outbox.put(connection, [item])
            await connection.execute(update(Outbox).where(Outbox.id == item.id).values(state=state))


async def test_who_had_as_many_messages_as_a_day_may_bring_is_not_asked(world: LineWorld) -> None:
    await sent_today(world, State.SENT, State.SENT, State.HELD)
    await pass_by(world, at(8, 20))
    assert asked(world) == ["ren", "sora", "yui"]


async def test_what_did_not_arrive_was_of_another_day_or_asked_for_does_not_count(world: LineWorld) -> None:
    await sent_today(world, State.SENT, State.SENT, State.SKIPPED, State.FAILED)
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE


@pytest.mark.parametrize("day", [None, MONDAY - timedelta(days=1)])
async def test_only_what_counts_on_this_day_counts(world: LineWorld, day: date | None) -> None:
    await sent_today(world, State.SENT, State.SENT, State.SENT, day=day)
    await pass_by(world, at(8, 20))
    assert asked(world) == EVERYONE


async def test_a_prompt_counts_on_its_day_for_its_child(world: LineWorld) -> None:
    await planner(world).plan(at(8, 20))
    async with world.core.database.read() as connection:
        rows = await connection.execute(select(Outbox.person_id, Outbox.counts_on, Outbox.key))
        assert {tuple(row) for row in rows if row.key} == {
            (f"s-{name}", MONDAY, f"prompt:anticipation:{MONDAY}:s-{name}") for name in NAMES
        }


async def test_in_quiet_hours_nobody_is_asked_and_nothing_is_left_to_be_sent_in_them(world: LineWorld) -> None:
    quiet = SchoolTimes(default=Times(quiet_from=time(16), quiet_until=time(8, 30)))
    await pass_by(world, at(8, 20), quiet)
    assert asked(world) == []
    await pass_by(world, at(8, 30), quiet)
    assert asked(world) == EVERYONE
    await planner(world, quiet).plan(at(15, 10))
    world.clock.moment = at(16, 1)
    await world.core.drain()
    assert asked(world) == EVERYONE


async def test_a_school_that_begins_from_the_menu_is_not_pushed_to_on_line(world: LineWorld) -> None:
    menu = SchoolTimes(by_school={"minami": Times(line_prompts=LinePrompts.MENU)})
    tablet = {"id": "browser:ren", "channel": "browser", "person_id": "s-ren", "reachable": True}
    async with world.core.database.write() as connection:
        await connection.execute(insert(Account).values(**tablet))
    await Prompts(world.core.database, TOKYO, menu, ["line", "browser"]).plan(at(8, 20))
    async with world.core.database.read() as connection:
        accounts = set(await connection.scalars(select(Outbox.account_id).where(Outbox.kind == "prompt")))
    assert accounts == {"browser:ren", f"line:{user_id('yui')}"}


# Again and again


async def test_who_is_linked_later_is_asked_within_minutes(world: LineWorld) -> None:
    await change(world, Account, f"line:{user_id('hana')}", person_id=None)
    same = planner(world)
    assert await same.plan(at(8, 20)) == 3
    await change(world, Account, f"line:{user_id('hana')}", person_id="s-hana")
    assert sum([await same.plan(at(8, minute)) for minute in range(21, 26)]) == 1


async def test_a_look_with_nothing_new_reads_no_child(world: LineWorld) -> None:
    same, read = planner(world), list[str]()
    await same.plan(at(8, 20))

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        read.append(statement)

    event.listen(world.core.database.engine.sync_engine, "before_cursor_execute", note)
    await same.plan(at(8, 20) + timedelta(seconds=15))
    assert [statement for statement in read if "enrollments" in statement or "accounts" in statement] == []
    read.clear()
    await same.plan(at(7, 0))
    assert read == []


async def test_a_child_of_two_homerooms_is_asked_once_and_while_one_of_them_has_school(world: LineWorld) -> None:
    new = {"class_sourced_id": "c-2-1", "school_sourced_id": "minami", "user_sourced_id": "s-hana"}
    async with world.core.database.write() as connection:
        row = {"sourced_id": "second", "role": "student", "is_primary": False, **new}
        await connection.execute(insert(Enrollment).values(**row))
    await closed(world, {"class_ids": ["c-4-2"]})
    assert await planner(world).plan(at(8, 20)) == 3
    await pass_by(world, at(8, 21))
    assert asked(world) == ["hana", "sora", "yui"]


# At which times


async def test_a_school_is_asked_at_its_own_times(world: LineWorld, tmp_path: Path) -> None:
    file = tmp_path / "schools.yaml"
    file.write_text("higashi: {anticipation: '07:50', anticipation_until: '08:10'}\ndefault: {anticipation: '08:30'}\n")
    times = SchoolTimes.load(file)
    await pass_by(world, at(7, 50), times)
    assert asked(world) == ["yui"]
    await pass_by(world, at(8, 20), times)
    assert asked(world) == ["yui"]
    await pass_by(world, at(8, 30), times)
    assert asked(world) == EVERYONE


@pytest.mark.parametrize("content", [None, "", "# nothing yet\n", "{}\n"])
def test_without_schools_in_the_file_the_default_times_hold(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "schools.yaml"
    if content is not None:
        file.write_text(content)
    assert SchoolTimes.load(file).of("minami") == Times()


@pytest.mark.parametrize("written", ["'15:40'", "15:40"])
def test_a_time_counts_with_and_without_quotes(tmp_path: Path, written: str) -> None:
    file = tmp_path / "schools.yaml"
    file.write_text(f"minami:\n  reflection: {written}\n")
    assert SchoolTimes.load(file).of("minami").reflection == time(15, 40)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("minami: {anticipaton: '08:20'}", ["minami", "anticipaton"]),
        ("minami: {anticipation: '25:00'}", ["minami", "anticipation", "25:00"]),
        ("minami: {anticipation: 'early'}", ["minami", "anticipation", "early"]),
        ("minami: {anticipation: '08:20+09:00'}", ["minami", "anticipation", "08:20+09:00"]),
        ("minami: {anticipation: 8}", ["minami", "anticipation", "8"]),
        ("minami: {anticipation: }", ["minami", "anticipation"]),
        ("minami: {anticipation: ['08:20']}", ["minami", "anticipation"]),
        ("minami: {reflection: '07:00'}", ["minami", "reflection"]),
        ("minami: {anticipation: '12:30'}", ["minami", "anticipation"]),
        ("higashi: {}\nminami: '08:20'", ["minami"]),
        ("minami:", ["minami"]),
        ("default: {morning: '08:20'}", ["default", "morning"]),
        ("minami: {short_day_reflection: '21:00'}", ["minami", "short_day_reflection"]),
        ("minami: {reflection_nudge: '14:00'}", ["minami", "reflection_nudge"]),
        ("minami: {anticipation_nudge: '12:00'}", ["minami", "anticipation_nudge"]),
        ("minami: {reflection_nudge: 'never'}", ["minami", "reflection_nudge", "never", "off"]),
        ("minami: {quiet_from: off}", ["minami", "quiet_from", "off"]),
        ("minami: {daily_limit: many}", ["minami", "daily_limit", "many"]),
        ("minami: {daily_limit: -1}", ["minami", "daily_limit", "-1"]),
        ("minami: {ignored_limit: 1.5}", ["minami", "ignored_limit", "1.5"]),
        ("minami: {later: }", ["minami", "later"]),
        ("minami: {line_prompts: pull}", ["minami", "line_prompts", "pull", "menu"]),
        ("- minami", []),
        ("08:20", []),
        ("minami: {anticipation: '08:20'", []),
        ("\x00", []),
    ],
)
def test_a_wrong_file_is_one_clear_error(tmp_path: Path, content: str, named: list[str]) -> None:
    file = tmp_path / "schools.yaml"
    file.write_text(content)
    with pytest.raises(ScheduleError) as caught:
        SchoolTimes.load(file)
    assert [part for part in (str(file), *named) if part not in str(caught.value)] == []


def test_every_rule_can_be_set_for_one_school_and_for_all(tmp_path: Path) -> None:
    file = tmp_path / "schools.yaml"
    file.write_text(
        "default: {daily_limit: 2, quiet_from: '19:30', line_prompts: menu}\n"
        "minami: {anticipation_nudge: '11:30', reflection_nudge: off, ignored_limit: 0, later: 20, late: 5}\n"
    )
    times = SchoolTimes.load(file)
    shared = Times(daily_limit=2, quiet_from=time(19, 30), line_prompts=LinePrompts.MENU)
    assert times.of("higashi") == shared
    assert times.of("minami") == replace(
        shared, anticipation_nudge=time(11, 30), reflection_nudge=None, ignored_limit=0, later=20, late=5
    )


def test_a_file_that_is_not_text_is_one_clear_error(tmp_path: Path) -> None:
    file = tmp_path / "schools.yaml"
    file.write_bytes("minami: {あ: '08:20'}".encode("cp932"))
    with pytest.raises(ScheduleError, match=r"schools\.yaml"):
        SchoolTimes.load(file)


# Answering it


async def test_a_tap_on_the_prompt_begins_the_check_in_with_that_answer(world: LineWorld) -> None:
    await pass_by(world, at(8, 20))
    world.clock.forward(minutes=2)
    (next_question,) = await world.tap("hana", "☀️晴れ")
    assert "めあて" in next_question
    record = await record_of(world, "hana")
    assert record is not None
    assert (record.mood, record.status) == ("sunny", Status.OPEN)


async def test_a_typed_mood_answers_the_prompt(world: LineWorld) -> None:
    await pass_by(world, at(8, 20))
    (next_question,) = await world.say("hana", "くもり")
    assert "めあて" in next_question
    record = await record_of(world, "hana")
    assert record is not None
    assert (record.mood, record.status) == ("cloudy", Status.OPEN)


async def test_the_prompt_offers_the_three_ways_out_and_a_decline_from_it_holds(world: LineWorld) -> None:
    await pass_by(world, at(8, 20))
    labels = [label for label, _ in world.line.quick_replies_to(user_id("hana"))]
    assert labels[-3:] == ["とばす", "あとで", "今日は答えない"]
    await world.tap("hana", "今日は答えない")
    record = await record_of(world, "hana")
    assert record is not None
    assert record.status is Status.DECLINED
    await pass_by(world, at(9, 0))
    assert asked(world) == EVERYONE


async def test_a_tap_on_yesterdays_prompt_answers_nothing_for_today(world: LineWorld) -> None:
    await pass_by(world, at(15, 10))
    world.clock.moment = at(8, 0, day=MONDAY + timedelta(days=1))
    label, _ = world.line.quick_replies_to(user_id("yui"))[0]
    await world.tap("yui", label)
    async with world.core.database.read() as connection:
        assert await find_checkins(connection, ["s-yui"], [MONDAY, MONDAY + timedelta(days=1)]) == []


async def test_a_prompt_is_dropped_when_the_child_answered_between_planning_and_sending(world: LineWorld) -> None:
    world.clock.moment = at(8, 20)
    await planner(world).plan(world.clock.now())
    await answered(world, "hana", Status.FINISHED)
    await answered(world, "ren", Status.DECLINED)
    await world.say("sora", "チェックイン")
    assert asked(world) == ["yui"]
    assert sorted(await states(world)) == [State.SENT, *[State.SKIPPED] * 3]


# Once, whatever happens


async def test_planned_again_and_again_it_is_one_prompt(world: LineWorld) -> None:
    assert await planner(world).plan(at(8, 20)) == 4
    for minute in range(20, 60, 5):
        assert await planner(world).plan(at(8, minute)) == 0
        await pass_by(world, at(8, minute))
    assert asked(world) == EVERYONE


async def test_two_planners_and_two_senders_at_once_make_one_prompt(
    world: LineWorld, database_url: str, tmp_path: Path
) -> None:
    world.clock.moment = at(8, 20)
    other = Database(database_url)
    files = files_of(other, world.clock)
    line = LineChannel(world.http, world.line.base_url, LINE_TOKEN, world.clock.now, files)
    core = build_core(build_services(settings_of(tmp_path, ""), other), {"line": line}, world.clock.now)
    now = world.clock.now()
    await asyncio.gather(*(planner(world, database=store).plan(now) for store in (world.core.database, other) * 3))
    assert await world.count(Outbox, kind="prompt") == 4
    await asyncio.gather(world.core.drain(), core.drain())
    await other.close()
    assert asked(world) == EVERYONE


async def test_after_a_restart_it_is_still_one_prompt(database: Database, tmp_path: Path) -> None:
    async with line_world(database, tmp_path / "data", clock=HandClock(at(7, 0))) as before:
        await before.link("hana", "s-hana")
        await before.link("ren", "s-ren")
        await planner(before).plan(at(8, 20))
        # The process dies here: nothing was sent yet.
    async with line_world(database, tmp_path / "data", clock=HandClock(at(8, 21))) as after:
        await pass_by(after, at(8, 21))
        await pass_by(after, at(8, 22))
        assert asked(after) == ["hana", "ren"]


async def test_a_process_that_slept_asks_late_and_once(world: LineWorld) -> None:
    await pass_by(world, at(8, 0))
    assert asked(world) == []
    await pass_by(world, at(9, 30))
    await pass_by(world, at(9, 31))
    assert asked(world) == EVERYONE


@pytest.mark.parametrize(("before", "after"), [(at(8, 0), at(12, 0)), (at(15, 0), at(20, 0)), (at(8, 0), at(23, 59))])
async def test_a_process_that_slept_past_the_window_asks_nobody(
    world: LineWorld, before: datetime, after: datetime
) -> None:
    await pass_by(world, before)
    await pass_by(world, after)
    assert asked(world) == []
    assert await states(world) == []


async def test_the_last_minute_of_the_window_still_counts(world: LineWorld) -> None:
    await pass_by(world, at(11, 59))
    assert asked(world) == EVERYONE


async def test_a_clock_that_is_set_back_asks_nobody_twice(world: LineWorld) -> None:
    await pass_by(world, at(8, 30))
    await pass_by(world, at(8, 10))
    await pass_by(world, at(8, 20))
    await pass_by(world, at(8, 31))
    assert asked(world) == EVERYONE


async def only_hana_is_left(world: LineWorld) -> None:
    for name in ("ren", "sora", "yui"):
        await change(world, Account, f"line:{user_id(name)}", reachable=False)


async def with_line_down(world: LineWorld, start: datetime, end: datetime) -> None:
    """Plan at ``start`` and try whenever a try is due, LINE answering 500, until ``end``."""
    world.line.fail_next("push", Failure.STATUS_500)
    await pass_by(world, start)
    while True:
        async with world.core.database.read() as connection:
            due = await connection.scalar(select(func.min(Outbox.due_at)).where(Outbox.state == State.PENDING))
        if due is None or due >= end:
            break
        world.line.fail_next("push", Failure.STATUS_500)
        await pass_by(world, due)
    world.clock.moment = end


async def test_a_prompt_that_line_did_not_take_for_an_hour_is_sent_while_its_window_is_open(world: LineWorld) -> None:
    await only_hana_is_left(world)
    await with_line_down(world, at(8, 20), at(9, 30))
    for minute in range(30, 60, 10):
        await pass_by(world, at(9, minute))
    assert asked(world) == ["hana"]


@pytest.mark.parametrize(("start", "end"), [(at(11, 50), at(12, 1)), (at(19, 50), at(20, 1))])
async def test_a_prompt_that_could_not_be_sent_before_its_window_closed_is_never_sent(
    world: LineWorld, start: datetime, end: datetime
) -> None:
    await only_hana_is_left(world)
    await with_line_down(world, start, end)
    assert await states(world) == [State.PENDING]
    await pass_by(world, end + timedelta(minutes=20))
    assert await states(world) == [State.SKIPPED]
    await world.core.drain()
    world.clock.moment = at(0, 0, day=MONDAY + timedelta(days=1))
    await world.core.drain()
    assert asked(world) == []


async def test_a_prompt_that_was_held_for_the_quota_is_not_shown_the_next_day(world: LineWorld) -> None:
    world.line.monthly_quota = 0
    await pass_by(world, at(8, 20))
    assert set(await states(world)) == {State.HELD}
    world.clock.moment = at(8, 0, day=MONDAY + timedelta(days=1))
    assert "天気" not in "\n".join(await world.say("hana", "使い方"))


async def test_a_prompt_whose_answer_was_lost_is_one_prompt(world: LineWorld) -> None:
    await only_hana_is_left(world)
    world.line.fail_next("push", Failure.DROP_AFTER)
    await pass_by(world, at(8, 20))
    await pass_by(world, at(8, 30))
    assert asked(world) == ["hana"]
    assert await states(world) == [State.SENT]
