"""What is planned and sent, looked at once more: ids of any length, rules nobody can read, silence that is none."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from assistant.dialogue.writes import LinkAccount
from knowledge.db import Database
from knowledge.imports.registry import run_import
from knowledge.records.accounts import Account
from knowledge.records.roster import Enrollment, User
from scheduler.briefs import Briefs
from scheduler.errors import ScheduleError
from scheduler.nudges import Nudges
from scheduler.outbox import Outbox, State
from scheduler.prompts import Prompts
from scheduler.schools import SchoolTimes, Times
from scheduler.upcoming import refresh
from tests.builders.district import TOKYO, put
from tests.builders.reminding import account, next_at, planner, remind, reports, rows, sends, state, with_accounts
from tests.builders.reminding import at as on
from tests.worlds import MORNING, HandClock, LineWorld, line_world

MONDAY = MORNING.date()
TUESDAY, WEDNESDAY, THURSDAY = (MONDAY + timedelta(days=n) for n in (1, 2, 3))
LONGEST = "s:" + "あ" * 253  # OneRoster allows 255 characters, and any


def at(hour: int, minute: int = 0, *, day: date = MONDAY) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[LineWorld]:
    """Hana of P4 and her teacher have linked their phones on Monday morning."""
    async with line_world(database, tmp_path / "data", clock=HandClock(at(7))) as world:
        for name, person in (("hana", "s-hana"), ("ito", "t-ito")):
            await world.link(name, person)
        yield world


@pytest.fixture
async def district(database: Database) -> Database:
    await with_accounts(database)
    return database


async def pass_by(world: LineWorld, moment: datetime, times: Times | None = None) -> None:
    """It is this moment now: what is due is planned and sent."""
    world.clock.moment = moment
    schools = SchoolTimes(default=times or Times())
    for each in (Prompts, Nudges, Briefs):
        await each(world.core.database, TOKYO, schools, ["line"]).plan(world.clock.now())
    await world.core.drain()


async def kinds(world: LineWorld, state: State = State.SENT) -> list[str]:
    """What was sent to Hana by itself, in order."""
    async with world.core.database.read() as connection:
        statement = select(Outbox.kind).where(Outbox.person_id == "s-hana", Outbox.state == state)
        return list(await connection.scalars(statement.order_by(Outbox.id)))


# Ids as long as a roster may have them


async def test_a_child_whose_id_is_as_long_as_can_be_is_asked_like_all_others(world: LineWorld) -> None:
    child = {"sourced_id": LONGEST, "enabled": True, "given_name": "花", "family_name": "佐藤", "grade": "P4"}
    enrolled = {"sourced_id": "e-long", "class_sourced_id": "c-4-2", "school_sourced_id": "minami", "role": "student"}
    async with world.core.database.write() as connection:
        await connection.execute(insert(User).values(**child, agent_sourced_ids=[]))
        await connection.execute(insert(Enrollment).values(**enrolled, user_sourced_id=LONGEST, is_primary=False))
        await connection.execute(insert(Account).values(id="line:U", channel="line", person_id=LONGEST, reachable=True))
    assert await Prompts(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(at(8, 20)) == 2


async def test_a_reminder_reaches_a_child_whose_id_is_as_long_as_can_be(district: Database) -> None:
    child = {"sourced_id": LONGEST, "enabled": True, "given_name": "花", "family_name": "佐藤", "grade": "P4"}
    await put(district, User, child | {"agent_sourced_ids": []})
    enrolled = {"sourced_id": "e-long", "class_sourced_id": "c42", "school_sourced_id": "east", "role": "student"}
    await put(district, Enrollment, enrolled | {"user_sourced_id": LONGEST, "is_primary": False})
    await put(district, Account, account("b5") | {"person_id": LONGEST})
    await remind(district)
    await planner(district).plan(on(10))
    assert f"{LONGEST} 20260511T1000" in await sends(district)


# Rules that nobody can read


@pytest.mark.parametrize(
    "rrule", ["", "毎週", "INTERVAL=2", "FREQ=DAILY;UNTIL=20260601T000000Z", "FREQ=DAILY;INTERVAL=-1"]
)
async def test_a_rule_that_cannot_be_read_stops_no_other_reminder(district: Database, rrule: str) -> None:
    await remind(district, id="broken", rrule=rrule)
    await remind(district, id="sound")
    await planner(district).plan(on(10))
    assert "b1 20260511T1000" in await sends(district)
    assert await next_at(district, "sound") == on(10, day=MONDAY + timedelta(weeks=1))
    assert await state(district, "broken") == "done"


async def test_a_rule_that_cannot_be_read_stops_no_closure(district: Database) -> None:
    await remind(district, id="broken", rrule="毎週", next_at=on(10, day=TUESDAY))
    await remind(district, id="sound", next_at=on(10, day=TUESDAY))
    async with district.write() as connection:
        await refresh(connection, ["east"], on(9), TOKYO)
    assert await next_at(district, "sound") == on(10)


@pytest.mark.parametrize(
    ("rrule", "since", "following"),
    [
        ("FREQ=YEARLY;BYMONTH=9;BYMONTHDAY=1", date(2028, 9, 1), date(2031, 9, 1)),  # a Saturday, then a Sunday
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", date(2028, 2, 29), date(2036, 2, 29)),  # 2032 on a Sunday
    ],
)
async def test_a_yearly_reminder_outlives_years_in_which_its_day_has_no_school(
    district: Database, rrule: str, since: date, following: date
) -> None:
    await remind(district, rrule=rrule, starts_on=since, next_at=on(10, day=since))
    await planner(district).plan(on(10, day=since))
    assert await next_at(district) == on(10, day=following)


async def test_a_rule_that_counts_for_ever_holds_nothing_up(district: Database) -> None:
    await remind(district, id="broken", rrule="FREQ=DAILY;INTERVAL=0")
    await planner(district).plan(on(10))
    assert await state(district, "broken") == "done"


# What was missed


async def test_a_missed_reminder_to_oneself_is_reported(district: Database) -> None:
    await remind(district, audience_kind="self", audience_ids=["tanaka"])
    await planner(district).plan(on(10, 16))
    [report] = await reports(district)
    assert report["missed"] and report["occurrences"] == [on(10).isoformat()]


async def test_a_question_that_may_still_be_answered_is_not_reported_yet(district: Database) -> None:
    await remind(district, what="question", audience_kind="staff", audience_ids=["east"])
    await planner(district).plan(on(10))
    [report] = await rows(district, "reminder_report")
    assert report.due_at == on(12, 2)


def test_a_school_that_would_never_get_a_reminder_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "schools.yaml").write_text("minami: {late: 0}\n", "utf-8")
    with pytest.raises(ScheduleError, match="minami: late"):
        SchoolTimes.load(tmp_path / "schools.yaml")


# Accounts that change hands


async def test_what_waits_for_the_one_before_does_not_reach_who_has_the_account_now(district: Database) -> None:
    await remind(district)
    await planner(district).plan(on(10))
    async with district.write() as connection:
        await LinkAccount.store(connection, [LinkAccount(account_id="line:b1", person_id="w1", at=on(10, 1))])
        await LinkAccount.store(connection, [LinkAccount(account_id="line:b2", person_id="b2", at=on(10, 1))])
    states = {row.person_id: row.state for row in await rows(district, "reminder")}
    assert states == {"b1": State.SKIPPED, "b2": State.PENDING, "b3": State.PENDING, "b4": State.PENDING}


# Signs that somebody is there


async def test_a_word_soon_after_another_counts_as_an_answer_to_the_prompt_between_them(world: LineWorld) -> None:
    world.clock.moment = at(8, 15)
    await world.say("hana", "使い方")
    await pass_by(world, at(8, 20))
    world.clock.moment = at(8, 22)
    await world.say("hana", "使い方")
    for moment in (at(15, 10), at(8, 20, day=TUESDAY), at(15, 10, day=TUESDAY), at(8, 20, day=WEDNESDAY)):
        await pass_by(world, moment)
    assert [kind for kind in await kinds(world) if kind == "prompt"] == ["prompt"] * 4


@pytest.mark.parametrize("declined", ["true", "false"])
@pytest.mark.parametrize("answered_at", ["", "2026-05-11T15:05"])
async def test_an_answer_that_is_imported_afterwards_is_a_sign_too(
    world: LineWorld, tmp_path: Path, declined: str, answered_at: str
) -> None:
    await pass_by(world, at(15, 10))
    file = tmp_path / "checkins.csv"
    rows = ["studentId,date,phase,declined,answeredAt", f"s-hana,{MONDAY},reflection,{declined},{answered_at}"]
    file.write_text("\n".join(rows) + "\n", "utf-8")
    await run_import(world.core.database, "checkins", file, timezone=TOKYO)
    for moment in (at(8, 20, day=TUESDAY), at(15, 10, day=TUESDAY), at(8, 20, day=WEDNESDAY)):
        await pass_by(world, moment)
    assert (await kinds(world)).count("prompt") == 4


# Windows at their ends


async def test_at_the_end_of_the_window_nothing_more_goes_out(world: LineWorld) -> None:
    world.clock.moment = at(19, 59)
    assert await Prompts(world.core.database, TOKYO, SchoolTimes(), ["line"]).plan(world.clock.now()) == 1
    world.clock.moment = at(20)
    await world.core.drain()
    assert await kinds(world) == []


async def test_a_reminder_that_was_missed_by_just_as_long_as_may_be_goes_out(district: Database) -> None:
    await remind(district)
    await planner(district).plan(on(10, 15))
    assert "b1 20260511T1000" in await sends(district)
