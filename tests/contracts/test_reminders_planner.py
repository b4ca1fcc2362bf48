"""Reminders that are due: each moment and person once or reported, on school days."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, update

from assistant.cli.data import run_import_command
from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.closures import Closure
from knowledge.records.roster import User
from knowledge.reminding import Anchor
from scheduler import claiming
from scheduler.occurrences import resolve
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes
from scheduler.sending import INSTANT
from scheduler.upcoming import recompute, refresh_all
from tests.builders.district import FRI, MON, THU, TOKYO, TUE, WED, put
from tests.builders.reminding import (
    BERLIN,
    NEXT_MON,
    WEEKDAYS,
    account,
    at,
    closed,
    in_calendar,
    next_at,
    people,
    planner,
    remind,
    reports,
    rows,
    sends,
    state,
    stored,
    with_accounts,
)
from tests.worlds import settings_of


@pytest.fixture
async def district(database: Database) -> Database:
    """East and West, everybody with an account on LINE but b5."""
    await with_accounts(database)
    return database


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[Database]:
    """The same store, as another process sees it."""
    other = Database(database_url)
    yield other
    await other.close()


async def test_the_class_gets_it_at_its_moment_and_the_next_one_is_set(district: Database) -> None:
    await remind(district)
    assert await planner(district).plan(at(9, 59)) == 0
    assert await planner(district).plan(at(10)) == 5  # b5 is not linked; and one report
    assert await sends(district) == [f"{child} 20260511T1000" for child in ("b1", "b2", "b3", "b4")]
    assert await next_at(district) == at(10, day=NEXT_MON)


async def test_a_send_says_what_it_is(district: Database) -> None:
    await remind(district)
    await planner(district).plan(at(10, 1))
    first = (await rows(district, "reminder"))[0]
    assert (first.key, first.account_id, first.source) == ("reminder:r:20260511T1000:b1", "line:b1", "r/20260511T1000")
    assert (first.variant, first.counts_on, first.person_id) == ("P4", MON, "b1")
    assert (first.due_at, first.expires_at) == (at(10, 1), at(10, 15) + INSTANT)
    assert first.payload == {"reminder_id": "r", "person_id": "b1", "keep_until": at(20).isoformat()}


async def test_the_report_comes_when_nothing_can_go_out_any_more(district: Database) -> None:
    await remind(district)
    await planner(district).plan(at(10))
    [report] = await rows(district, "reminder_report")
    assert (report.due_at, report.account_id, report.source) == (at(10, 17), "line:tanaka", None)
    assert report.payload["occurrence"] == at(10).isoformat() and report.payload["withheld"] == {}


async def test_one_for_a_single_day_is_done_afterwards(district: Database) -> None:
    await remind(district, rrule=None)
    await planner(district).plan(at(10))
    assert (await state(district), await next_at(district)) == ("done", None)


@pytest.mark.parametrize("stopped", ["paused", "cancelled", "done"])
async def test_one_that_is_not_active_is_not_sent(district: Database, stopped: str) -> None:
    await remind(district, state=stopped)
    assert await planner(district).plan(at(10)) == 0


@pytest.mark.parametrize(
    ("kind", "ids", "reached"),
    [
        ("student", ["b1"], ["b1"]),
        ("list", ["b1", "e2", "nobody"], ["b1", "e2"]),
        ("class", ["c51", "m42"], ["b1", "b2", "e1", "e2", "e3"]),
        ("grade", ["c42", "c51"], ["b1", "b2", "b3", "b4", "e1", "e2", "e3"]),
        ("school", ["west"], ["w1", "w2", "w3", "w4", "w5", "w6"]),
        ("staff", ["east"], ["head", "maths", "tanaka"]),
        ("self", ["tanaka"], ["tanaka"]),
    ],
)
async def test_every_kind_of_audience_is_found(
    district: Database, kind: str, ids: list[str], reached: list[str]
) -> None:
    await remind(district, audience_kind=kind, audience_ids=ids)
    await planner(district).plan(at(10))
    assert await people(district) == reached


async def test_the_roster_of_the_day_holds(district: Database) -> None:
    await remind(district, rrule="FREQ=DAILY", next_at=at(10, day=TUE))
    await planner(district).plan(at(10, day=TUE))
    assert "mover 20260512T1000" not in await sends(district)
    await planner(district).plan(at(10, day=WED))
    assert "mover 20260513T1000" in await sends(district)


async def test_who_left_school_gets_nothing_by_name_either(district: Database) -> None:
    async with district.write() as connection:
        await connection.execute(update(User).where(User.sourced_id == "b1").values(enabled=False))
    await remind(district, audience_kind="list", audience_ids=["b1", "b2"])
    await planner(district).plan(at(10))
    assert await people(district) == ["b2"]


async def test_it_goes_where_the_person_was_last(district: Database) -> None:
    await put(district, Account, account("b1", "slack", at(8)))
    await remind(district, audience_kind="student", audience_ids=["b1"])
    both = Reminders(district, TOKYO, SchoolTimes(), ["line", "slack"])
    await both.plan(at(10))
    assert [row.account_id for row in await rows(district, "reminder")] == ["slack:b1"]


async def test_a_question_of_staff_is_theirs_and_reports_nothing(district: Database) -> None:
    await remind(district, what="question", audience_kind="self", audience_ids=["tanaka"])
    await planner(district).plan(at(10))
    [send] = await rows(district)
    assert (send.kind, send.payload["person_id"], send.counts_on, send.variant) == ("standing", "tanaka", None, None)
    assert send.expires_at == at(12) + INSTANT


# Exactly once


async def test_a_crash_between_planning_and_sending_loses_and_repeats_nothing(
    district: Database, other: Database
) -> None:
    await remind(district)
    await planner(district).plan(at(10))
    assert await planner(other).plan(at(10, 5)) == 0  # the process that came after
    async with other.write() as connection:
        claimed = await claiming.claim(connection, {"line": 1}, at(10, 5), 100)
    assert sorted(item.account_id for item in claimed) == ["line:b1", "line:b2", "line:b3", "line:b4"]


async def test_two_schedulers_at_once_plan_it_once(district: Database, other: Database) -> None:
    for number in range(20):
        await remind(district, f"r{number}", audience_kind="student", audience_ids=[f"b{number % 4 + 1}"])
    await asyncio.gather(*(planner(each, daily_limit=100).plan(at(10)) for each in (district, other)))
    planned = [row.source for row in await rows(district, "reminder")]
    assert sorted(planned) == sorted(f"r{number}/20260511T1000" for number in range(20))


async def test_a_transaction_that_fails_leaves_the_reminder_due(
    district: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await remind(district)

    async def fails(*_: Any) -> None:
        raise ConnectionError

    with monkeypatch.context() as broken:
        broken.setattr("scheduler.reminders.set_next", fails)
        with pytest.raises(ConnectionError):
            await planner(district).plan(at(10))
    assert await rows(district) == []
    assert await planner(district).plan(at(10, 1)) == 5


async def test_a_clock_moved_back_repeats_nothing(district: Database) -> None:
    await remind(district, rrule=WEEKDAYS)
    same = planner(district)
    await same.plan(at(10))
    assert await same.plan(at(9)) == 0
    assert await same.plan(at(10)) == 0
    assert len(await sends(district)) == 4


async def test_a_day_slept_through_is_reported_and_what_is_still_in_time_is_sent(district: Database) -> None:
    await remind(district, rrule="FREQ=DAILY")
    await planner(district).plan(at(10, 10, day=WED))
    assert {send[-13:] for send in await sends(district)} == {"20260513T1000"}
    [slept] = [report for report in await reports(district) if report["missed"]]
    assert slept["occurrences"] == [at(10, day=day).isoformat() for day in (MON, TUE)]
    assert await next_at(district) == at(10, day=THU)


async def test_later_than_its_window_it_is_reported_at_once(district: Database) -> None:
    await remind(district)
    await planner(district).plan(at(10, 16))
    [report] = await rows(district)
    assert (report.kind, report.due_at, report.payload["missed"]) == ("reminder_report", at(10, 16), True)
    assert await next_at(district) == at(10, day=NEXT_MON)


async def test_an_owner_without_an_account_stops_nothing(district: Database) -> None:
    await remind(district, owner_id="w1")
    async with district.write() as connection:
        await connection.execute(delete(Account).where(Account.person_id == "w1"))
    await planner(district).plan(at(10))
    assert len(await sends(district)) == 4 and await reports(district) == []


# The calendar


async def test_every_other_monday_stays_so_over_a_holiday(district: Database) -> None:
    await remind(district, rrule="FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", starts_on=date(2026, 4, 20))
    async with district.write() as connection:  # 4 May is Greenery Day
        await recompute(connection, await stored(district), at(9, day=date(2026, 4, 21)), TOKYO)
    assert await next_at(district) == at(10, day=date(2026, 5, 18))
    await planner(district).plan(at(10, day=date(2026, 5, 18)))
    assert await next_at(district) == at(10, day=date(2026, 6, 1))


async def test_a_day_lost_since_is_skipped_without_a_report(district: Database) -> None:
    await remind(district)
    await in_calendar(district, MON, "holiday")
    assert await planner(district).plan(at(10)) == 0
    assert await next_at(district) == at(10, day=NEXT_MON)


async def test_it_is_sent_on_a_day_off_when_that_very_day_was_named(district: Database) -> None:
    await remind(district, any_day=True, rrule=None)
    await in_calendar(district, MON, "holiday")
    await planner(district).plan(at(10))
    assert len(await sends(district)) == 4


async def test_children_of_a_closed_class_get_nothing(district: Database) -> None:
    await remind(district, audience_kind="grade", audience_ids=["c42", "c51"])
    await closed(district, class_ids=["c42"])
    await planner(district).plan(at(10))
    assert await people(district) == ["e1", "e2", "e3"]


async def test_children_of_a_grade_without_school_get_nothing(district: Database) -> None:
    await remind(district, audience_kind="school", audience_ids=["east"])
    await in_calendar(district, MON, "holiday", grades=["P4"])
    await planner(district).plan(at(10))
    assert await people(district) == ["e1", "e2", "e3"]


async def test_a_closure_without_an_end_does_not_end_a_reminder(district: Database) -> None:
    await remind(district, rrule=WEEKDAYS)
    await closed(district, last_day=None)
    assert await planner(district).plan(at(10)) == 0
    assert (await state(district), await next_at(district)) == ("active", at(10, day=TUE))


async def test_a_day_gained_is_taken_up_when_the_calendar_is_read_anew(district: Database) -> None:
    await remind(district, rrule=WEEKDAYS)
    await closed(district, last_day=FRI)
    await planner(district).plan(at(10))
    assert await next_at(district) == at(10, day=NEXT_MON)
    async with district.write() as connection:
        await connection.execute(update(Closure).values(last_day=MON))
    await refresh_all(district, at(12), TOKYO)
    assert await next_at(district) == at(10, day=TUE)


@pytest.mark.parametrize(
    ("day", "after", "hours"),
    [(date(2026, 3, 29), date(2026, 3, 28), 23), (date(2026, 10, 25), date(2026, 10, 24), 25)],
)
async def test_summer_time_moves_nothing(district: Database, day: date, after: date, hours: int) -> None:
    await remind(district, rrule="FREQ=DAILY", any_day=True, starts_on=after, next_at=at(10, day=after, zone=BERLIN))
    await planner(district, BERLIN).plan(at(10, day=after, zone=BERLIN))
    following = await next_at(district)
    assert following is not None and following == at(10, day=day, zone=BERLIN)
    assert following - at(10, day=after, zone=BERLIN).astimezone(UTC) == timedelta(hours=hours)


async def test_in_the_hour_that_comes_twice_it_is_sent_once(district: Database) -> None:
    night = date(2026, 10, 25)
    first = at(2, 30, day=night, zone=BERLIN)
    await remind(
        district, rrule="FREQ=DAILY", any_day=True, time="02:30", starts_on=night, next_at=first,
        audience_kind="staff", audience_ids=["east"],
    )  # fmt: skip
    await planner(district, BERLIN).plan(first)
    await planner(district, BERLIN).plan(first.replace(fold=1))
    assert len(await sends(district)) == 3
    assert await next_at(district) == at(2, 30, day=night + timedelta(days=1), zone=BERLIN)


async def test_a_day_gained_by_an_import_is_taken_up_at_once(
    district: Database, database_url: str, tmp_path: Path
) -> None:
    saturday = FRI + timedelta(days=1)
    await remind(district, rrule="FREQ=WEEKLY;BYDAY=SA,MO", next_at=at(10, day=NEXT_MON))
    file = tmp_path / "calendar.csv"
    file.write_text(f"schoolId,date,kind,grades\neast,{saturday},school_day,\n", "utf-8")
    settings, now = settings_of(tmp_path, database_url), at(9, day=FRI)
    await run_import_command(settings, "calendar", file, dry_run=True, now=now)
    assert await next_at(district) == at(10, day=NEXT_MON)
    await run_import_command(settings, "calendar", file, dry_run=False, now=now)
    assert await next_at(district) == at(10, day=saturday)


# Events


async def follows(database: Database, event: date, first: int, last: int, **more: Any) -> None:
    rrule, starts_on = resolve(Anchor(title="遠足", first=first, last=last), event)
    await remind(
        database, rrule=rrule, starts_on=starts_on, next_at=at(10, day=starts_on), event_title="遠足",
        event_first=first, event_last=last, **more,
    )  # fmt: skip


async def test_a_reminder_stays_with_its_event(district: Database) -> None:
    await in_calendar(district, FRI, "event", title="春の遠足")
    await in_calendar(district, FRI + timedelta(days=30), "event", title="秋の遠足")
    await follows(district, FRI, -1, -1)
    await planner(district).plan(at(9))
    assert await next_at(district) == at(10, day=THU)


async def test_an_event_that_is_moved_moves_its_reminder(district: Database) -> None:
    await in_calendar(district, NEXT_MON + timedelta(days=1), "event", title="春の遠足")
    await follows(district, FRI, -1, -1)
    assert await planner(district).plan(at(9)) == 0
    assert await next_at(district) == at(10, day=NEXT_MON)
    await planner(district).plan(at(10, day=THU))
    assert await sends(district) == []
    await planner(district).plan(at(10, day=NEXT_MON))
    assert await people(district) == ["b1", "b2", "b3", "b4", "mover"]
    assert await state(district) == "done"


async def test_the_days_before_an_event_move_with_it(district: Database) -> None:
    await in_calendar(district, FRI, "event", title="遠足")
    await follows(district, THU, -2, -1)
    await planner(district).plan(at(9))
    found = await stored(district)
    assert (found.starts_on, found.rrule) == (WED, "FREQ=DAILY;UNTIL=20260514T235959")


async def test_another_grades_event_is_not_theirs(district: Database) -> None:
    await in_calendar(district, NEXT_MON + timedelta(days=1), "event", title="遠足", grades=["P4"])
    await in_calendar(district, FRI, "event", title="遠足", grades=["P5"])
    await follows(district, FRI, -1, -1)
    await planner(district).plan(at(9))
    assert await next_at(district) == at(10, day=NEXT_MON)


async def test_an_event_that_is_no_more_ends_its_reminder_and_the_owner_is_told(district: Database) -> None:
    await follows(district, FRI, -1, -1)
    same = planner(district)
    assert await same.plan(at(9)) == 1
    assert await state(district) == "done"
    [report] = await reports(district)
    assert (report["event"], report["missed"]) == ("遠足", False)
    assert await planner(district).plan(at(9)) == 0


async def test_an_event_moved_too_near_ends_its_reminder_and_the_owner_is_told(district: Database) -> None:
    await in_calendar(district, TUE, "event", title="遠足")
    await follows(district, FRI, -3, -3, audience_kind="self", audience_ids=["tanaka"])
    assert await planner(district).plan(at(9)) == 1
    assert await state(district) == "done"
