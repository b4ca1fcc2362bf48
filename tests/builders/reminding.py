"""Reminders of a class teacher in the small district, and what was planned of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update

from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.announcements import Announcement
from knowledge.records.calendar import CalendarDay
from knowledge.records.closures import Closure
from knowledge.records.reminders import Reminder
from knowledge.records.roster import User
from scheduler import outbox
from scheduler.outbox import Item, Outbox
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes, Times
from tests.builders.district import MON, TOKYO, put, with_district

SECOND_CLASS = ["b1", "b2", "b3", "b4", "b5"]  # 4-2 until Wednesday, when mover comes
BERLIN = ZoneInfo("Europe/Berlin")
NEXT_MON = MON + timedelta(weeks=1)
WEEKDAYS = "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"


def at(hour: int, minute: int = 0, *, day: date = MON, zone: ZoneInfo = TOKYO) -> datetime:
    return datetime.combine(day, time(hour, minute), zone)


def account(person: str, channel: str = "line", seen: datetime | None = None) -> dict[str, Any]:
    return {"id": f"{channel}:{person}", "channel": channel, "person_id": person, "linked_at": at(7)} | {
        "last_seen_at": seen,
        "reachable": True,
    }


async def remind(database: Database, id: str = "r", **more: Any) -> None:
    """A reminder of the class teacher of 4-2, to her class, weekly on Mondays at ten."""
    row: dict[str, Any] = {"owner_id": "tanaka", "school_id": "east", "audience_kind": "class", "audience_ids": ["c42"]}
    row |= {
        "audience_label": "4年2組",
        "left_out": [],
        "only_missing": False,
        "what": "text",
        "text": "体操服を忘れずに",
    }
    row |= {"announcement_id": None, "rrule": "FREQ=WEEKLY;BYDAY=MO", "starts_on": MON, "time": "10:00"}
    row |= {"event_title": None, "event_first": None, "event_last": None, "any_day": False, "state": "active"}
    row |= {"next_at": at(10), "created_at": at(7), "changed_at": at(7)}
    await put(database, Reminder, {**row, **more, "id": id})


async def announce(database: Database, **more: Any) -> None:
    row: dict[str, Any] = {"id": "n", "owner_id": "tanaka", "school_id": "east", "text": "来たいですか", "choices": []}
    row |= {"answer_kind": "yes_no", "closes_at": None, "is_safety_check": False, "state": "open", "created_at": at(7)}
    await put(database, Announcement, {**row, **more})
    await remind(database, what="announcement", announcement_id="n", rrule=None)


async def closed(database: Database, **more: Any) -> None:
    row: dict[str, Any] = {"id": "z", "school_id": "east", "grades": [], "class_ids": [], "label": "", "reason": ""}
    row |= {"first_day": MON, "last_day": MON, "is_remote": False, "announcement_id": None, "declared_by": "head"}
    await put(database, Closure, {**row, "declared_at": at(7), "ended_by": None, "ended_at": None, **more})


async def in_calendar(database: Database, day: date, kind: str, *, title: str = "", grades: Sequence[str] = ()) -> None:
    row = {"school_id": "east", "date": day, "kind": kind, "title": title, "grades": [*grades]}
    await put(database, CalendarDay, row | {"grades_key": ",".join(grades)})


def planner(database: Database, zone: ZoneInfo = TOKYO, **times: Any) -> Reminders:
    return Reminders(database, zone, SchoolTimes(default=Times(**times)), ["line"])


async def rows(database: Database, kind: str | None = None) -> list[Any]:
    async with database.read() as connection:
        found = await connection.execute(select(*Outbox.__table__.c).order_by(Outbox.id))
        return [row for row in found if kind in (None, row.kind)]


async def sends(database: Database) -> list[str]:
    """Everyone a send was planned for that is no report, and the day and hour of it."""
    return sorted(f"{row.person_id} {row.source[-13:]}" for row in await rows(database) if row.source)


async def people(database: Database) -> list[str]:
    """Everyone a send was planned for."""
    return sorted(row.person_id for row in await rows(database) if row.source)


async def reports(database: Database) -> list[dict[str, Any]]:
    return [row.payload for row in await rows(database, "reminder_report")]


async def next_at(database: Database, id: str = "r") -> datetime | None:
    async with database.read() as connection:
        return await connection.scalar(select(Reminder.next_at).where(Reminder.id == id))


async def state(database: Database, id: str = "r") -> str | None:
    async with database.read() as connection:
        return await connection.scalar(select(Reminder.state).where(Reminder.id == id))


async def stored(database: Database, id: str = "r") -> Any:
    async with database.read() as connection:
        return (await connection.execute(select(*Reminder.__table__.c).where(Reminder.id == id))).one()


async def to_child(database: Database, child: str, count: int, day: date = MON) -> None:
    """So many messages of the day that a child did not ask for."""
    items = [
        Item(account_id=f"line:{child}", kind="prompt", payload={}, due_at=at(8), created_at=at(8))
        for _ in range(count)
    ]
    async with database.write() as connection:
        await outbox.put(connection, items)
        ids = [item.id for item in items]
        await connection.execute(update(Outbox).where(Outbox.id.in_(ids)).values(person_id=child, counts_on=day))


async def with_accounts(database: Database) -> None:
    """East and West, everybody with an account on LINE but b5."""
    await with_district(database)
    async with database.read() as connection:
        people = list(await connection.scalars(select(User.sourced_id)))
    await put(database, Account, *(account(person) for person in people if person != "b5"))
