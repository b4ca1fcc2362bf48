"""Reminders that are due: who is left in peace, what is asked of whom, what is stopped."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select, update

from knowledge.db import Database
from knowledge.questions.model import Phase
from knowledge.records.announcements import AnnouncementAnswer, AnnouncementRecipient
from knowledge.records.reminders import Reminder
from scheduler.outbox import Outbox, State
from scheduler.schools import LinePrompts
from scheduler.sending import Reason, Sending
from scheduler.upcoming import cancel_open, recompute, upcoming
from tests.builders.district import FRI, MON, TOKYO, TUE, check_in, mark, put
from tests.builders.reminding import (
    NEXT_MON,
    SECOND_CLASS,
    WEEKDAYS,
    announce,
    at,
    closed,
    next_at,
    people,
    planner,
    remind,
    reports,
    rows,
    sends,
    state,
    stored,
    to_child,
    with_accounts,
)


@pytest.fixture
async def district(database: Database) -> Database:
    """East and West, everybody with an account on LINE but b5."""
    await with_accounts(database)
    return database


# Restraint


async def test_a_child_who_is_absent_is_left_in_peace(district: Database) -> None:
    await remind(district)
    await mark(district, "absent_sick", MON, "b1")
    await mark(district, "late", MON, "b2")
    await planner(district).plan(at(10))
    assert await people(district) == ["b2", "b3", "b4"]
    assert (await reports(district))[0]["withheld"] == {}


async def test_who_was_left_out_stays_out(district: Database) -> None:
    await remind(district, left_out=["b1", "b2"])
    await planner(district).plan(at(10))
    assert await people(district) == ["b3", "b4"]


async def test_in_quiet_hours_children_get_nothing_and_the_owner_hears_of_it(district: Database) -> None:
    await remind(district, time="20:30", next_at=at(20, 30))
    await planner(district).plan(at(20, 30))
    [report] = await rows(district)
    assert report.payload["withheld"] == {"quiet": ["b1", "b2", "b3", "b4"]}


async def test_quiet_hours_are_for_children_only(district: Database) -> None:
    await remind(district, time="20:30", next_at=at(20, 30), audience_kind="staff", audience_ids=["east"])
    await planner(district).plan(at(20, 30))
    assert await people(district) == ["head", "maths", "tanaka"]
    assert {(row.variant, row.counts_on) for row in await rows(district, "reminder")} == {("staff", None)}


async def test_nothing_is_sent_to_a_child_after_quiet_hours_began(district: Database) -> None:
    await remind(district, time="19:55", next_at=at(19, 55))
    await planner(district).plan(at(19, 55))
    assert {row.expires_at for row in await rows(district, "reminder")} == {at(20)}


async def test_what_is_looked_at_after_quiet_hours_began_is_withheld(district: Database) -> None:
    await remind(district, time="19:55", next_at=at(19, 55))
    await planner(district).plan(at(20, 1))
    assert (await reports(district))[0]["withheld"] == {"quiet": ["b1", "b2", "b3", "b4"]}


async def test_at_the_days_limit_a_child_gets_nothing_and_the_owner_hears_of_it(district: Database) -> None:
    await remind(district, time="16:00", next_at=at(16))
    await to_child(district, "b1", 3)
    await to_child(district, "b2", 2)
    await to_child(district, "b3", 3, day=FRI)
    await planner(district).plan(at(16))
    assert await people(district) == ["b2", "b3", "b4"]
    assert (await reports(district))[0]["withheld"] == {"limit": ["b1"]}


async def test_room_is_kept_for_the_check_ins_still_to_come(district: Database) -> None:
    await remind(district)  # at ten: the reflection is still to come
    await to_child(district, "b1", 2)
    await to_child(district, "b2", 2)
    await check_in(district, "b2", MON, Phase.REFLECTION)
    await planner(district).plan(at(10))
    assert await people(district) == ["b2", "b3", "b4"]


async def test_no_room_is_kept_for_prompts_that_are_not_sent(district: Database) -> None:
    await remind(district)
    await to_child(district, "b1", 2)
    await planner(district, line_prompts=LinePrompts.MENU).plan(at(10))
    assert "b1" in await people(district)


async def test_two_reminders_of_one_minute_count_together(district: Database) -> None:
    await remind(district, "r1", time="16:00", next_at=at(16))
    await remind(district, "r2", time="16:00", next_at=at(16))
    await planner(district, daily_limit=1).plan(at(16))
    assert sorted(await people(district)) == ["b1", "b2", "b3", "b4"]


async def test_sends_that_never_went_out_do_not_count(district: Database) -> None:
    await remind(district, time="16:00", next_at=at(16))
    await to_child(district, "b1", 3)
    async with district.write() as connection:
        await connection.execute(update(Outbox).values(state=State.SKIPPED))
    await planner(district).plan(at(16))
    assert "b1" in await people(district)


async def test_only_who_has_not_answered_is_reminded(district: Database) -> None:
    await remind(district, only_missing=True, time="15:30", next_at=at(15, 30))
    await check_in(district, "b1", MON)
    await check_in(district, "b2", MON, status="declined")
    await check_in(district, "b3", MON, status="open")
    await check_in(district, "b4", MON, Phase.ANTICIPATION)
    await planner(district).plan(at(15, 30))
    assert await people(district) == ["b3", "b4"]


@pytest.mark.parametrize(
    ("what", "hour", "phase"),
    [("checkin", 9, "anticipation"), ("checkin", 15, "reflection"), ("reflection", 9, "reflection")],
)
async def test_a_check_in_is_that_of_its_name_or_of_the_hour(
    district: Database, what: str, hour: int, phase: str
) -> None:
    await remind(district, what=what, time=f"{hour:02}:00", next_at=at(hour))
    await check_in(district, "b1", MON, Phase(phase))
    await planner(district).plan(at(hour))
    found = await rows(district, "reminder_checkin")
    assert {(row.payload["phase"], row.payload["date"]) for row in found} == {(phase, MON.isoformat())}
    assert await people(district) == ["b2", "b3", "b4"]


# Announcements


async def recipients(database: Database) -> list[str]:
    async with database.read() as connection:
        return sorted(await connection.scalars(select(AnnouncementRecipient.person_id)))


async def test_an_announcement_asks_everyone_and_knows_whom(district: Database) -> None:
    await announce(district)
    await mark(district, "absent_sick", MON, "b1")
    await planner(district).plan(at(10))
    assert await recipients(district) == SECOND_CLASS
    found = await rows(district, "announcement")
    assert [row.person_id for row in found] == ["b2", "b3", "b4"]
    assert found[0].payload == {
        "announcement_id": "n", "person_id": "b2", "keep_until": at(10, day=NEXT_MON).isoformat()
    }  # fmt: skip


async def test_an_announcement_is_repeated_to_the_missing_only(district: Database) -> None:
    await announce(district, closes_at=at(12, day=FRI))
    await planner(district).plan(at(10))
    answer = {"announcement_id": "n", "value": "yes", "answered_at": at(11)}
    await put(district, AnnouncementAnswer, answer | {"person_id": "b1"}, answer | {"person_id": "b2"})
    again = {"what": "announcement", "announcement_id": "n", "only_missing": True, "rrule": None}
    await remind(district, "again", **again, starts_on=TUE, next_at=at(10, day=TUE))
    await planner(district).plan(at(10, day=TUE))
    found = [row for row in await rows(district, "announcement") if row.source.startswith("again")]
    assert [row.person_id for row in found] == ["b3", "b4"]
    assert found[0].payload["keep_until"] == at(12, day=FRI).astimezone(UTC).isoformat()


@pytest.mark.parametrize("over", [{"state": "closed"}, {"closes_at": at(9)}])
async def test_an_announcement_that_is_closed_is_not_sent(district: Database, over: dict[str, Any]) -> None:
    await announce(district, **over)
    async with district.write() as connection:
        await connection.execute(update(Reminder).values(rrule=WEEKDAYS))
    assert await planner(district).plan(at(10)) == 0
    assert await state(district) == "done" and await recipients(district) == []


async def test_a_safety_check_goes_out_at_any_hour_beside_every_limit(district: Database) -> None:
    await announce(district, is_safety_check=True)
    await to_child(district, "b1", 3)
    await mark(district, "absent_sick", MON, "b2")
    await closed(district)
    async with district.write() as connection:
        await planner(district).send_now(connection, await stored(district), at(21))
    found = await rows(district, "announcement")
    assert [row.person_id for row in found] == ["b1", "b2", "b3", "b4"]
    assert {row.counts_on for row in found} == {None}


# By hand


async def sent_now(database: Database, now: datetime) -> Sending:
    async with database.write() as connection:
        return await planner(database).send_now(connection, await stored(database), now)


async def test_sending_now_leaves_the_rule_alone(district: Database) -> None:
    await remind(district)
    await mark(district, "absent_sick", MON, "b1")
    sending = await sent_now(district, at(9, 30))
    assert [item.person_id for item in sending.items] == ["b2", "b3", "b4"]
    assert sending.withheld == {Reason.ABSENT: ["b1"], Reason.UNLINKED: ["b5"]}
    assert await next_at(district) == at(10)
    assert await sends(district) == [f"{child} 20260511T0930" for child in ("b2", "b3", "b4")]


async def test_sending_now_twice_in_a_minute_sends_once(district: Database) -> None:
    await remind(district)
    await sent_now(district, at(9, 30))
    await sent_now(district, at(9, 30))
    assert len(await sends(district)) == 4


async def test_what_passed_while_it_was_paused_is_not_made_up_for(district: Database) -> None:
    await remind(district, state="paused", next_at=None)
    async with district.write() as connection:
        found = await recompute(connection, await stored(district), at(11), TOKYO)
    assert found == await next_at(district) == at(10, day=NEXT_MON)
    assert await state(district) == "active"


async def test_one_whose_rule_ended_while_it_was_paused_is_done(district: Database) -> None:
    await remind(district, state="paused", next_at=None, rrule=None)
    async with district.write() as connection:
        assert await recompute(connection, await stored(district), at(11), TOKYO) is None
    assert await state(district) == "done"


async def test_the_next_dates_leave_out_holidays(district: Database) -> None:
    await remind(district, rrule="FREQ=MONTHLY;BYDAY=3MO")
    async with district.read() as connection:  # 20 July is Marine Day, 21 September Respect for the Aged Day
        [found] = await upcoming(connection, [await stored(district)], at(9), TOKYO, 3)
    assert [each.date() for each in found] == [date(2026, 5, 18), date(2026, 6, 15), date(2026, 8, 17)]


async def test_cancelling_skips_what_has_not_been_sent(district: Database) -> None:
    await remind(district)
    await remind(district, "r2")
    await planner(district).plan(at(10))
    async with district.write() as connection:
        assert await cancel_open(connection, "r", at(10), "cancelled") == 4
    assert {row.state for row in await rows(district, "reminder") if row.source.startswith("r/")} == {State.SKIPPED}
    assert {row.state for row in await rows(district, "reminder") if row.source.startswith("r2/")} == {State.PENDING}


async def test_nothing_due_writes_nothing(district: Database) -> None:
    await remind(district, next_at=at(10, day=NEXT_MON))
    assert await planner(district).plan(at(10)) == 0
    assert await rows(district) == []


async def test_what_goes_to_a_whole_school_is_planned_in_pages(
    district: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scheduler.reminders.ROWS", 2)
    monkeypatch.setattr("scheduler.reminders.PAGE", 1)
    await remind(district, audience_kind="school", audience_ids=["east"])
    await planner(district).plan(at(10))
    assert len(await sends(district)) == 6 + 1 + 4 + 3  # 4-1 with mover, 4-2 without b5, 5-1
