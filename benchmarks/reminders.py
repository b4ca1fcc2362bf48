"""How long does the planner of reminders take to look, to start and to plan, with 10,000 reminders stored?

10,000 linked children in 250 classes of 10 schools; each class has 40 reminders, one in fifty of which follows an event
of the calendar. The floors run on the same database and connection, in turns: the bare SELECT of what is due, and one
bare INSERT … SELECT that writes the very same rows into the outbox, with all its indexes, and commits.

    python -m benchmarks.reminders [--only sqlite|postgresql]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import tempfile
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import insert, text, update

from assistant.schema import migrate
from benchmarks.machine import median
from benchmarks.postgres import postgres
from knowledge.db import Database
from knowledge.records.accounts import Account
from knowledge.records.calendar import CalendarDay
from knowledge.records.reminders import Reminder
from knowledge.records.roster import Course, Enrollment, Org, SchoolClass, User
from scheduler.reminders import Reminders
from scheduler.schools import SchoolTimes, Times

TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY = date(2026, 5, 11)
AT = datetime(2026, 5, 11, 10, 0, tzinfo=TOKYO)
NEVER_DUE = AT + timedelta(days=3)
CLASSES, CHILDREN, STORED = 250, 40, 10_000
ROUNDS = 9
RULES = (
    "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    "FREQ=DAILY",
    "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
    "FREQ=MONTHLY;BYMONTHDAY=25",
)
BARE_LOOK = "SELECT id FROM reminders WHERE state = 'active' AND next_at <= '2026-05-11 01:00:00+00' ORDER BY next_at"


def child(number: int) -> str:
    """As long as the ids that rosters have."""
    return f"{10_000_000 + number}-0000-4000-8000-000000000000"


def school(of_class: int) -> str:
    return f"school-{of_class % 10}"


def tables() -> list[tuple[Any, list[dict[str, Any]]]]:
    """(table, rows) in the order in which they refer to each other."""
    children, classes = range(CLASSES * CHILDREN), range(CLASSES)
    named: dict[str, Any] = {"enabled": True, "given_name": "花", "family_name": "佐藤", "agent_sourced_ids": []}
    of_class: dict[str, Any] = {"class_type": "homeroom", "course_sourced_id": "course", "term_sourced_ids": []}
    year = {"begin_date": date(2026, 4, 1), "end_date": date(2027, 3, 31), "is_primary": False}
    events = [(f"school-{n}", MONDAY + timedelta(days=30), "event", "遠足") for n in range(10)]
    return [
        (Org, [{"sourced_id": f"school-{n}", "name": "小学校", "type": "school"} for n in range(10)]),
        (Course, [{"sourced_id": "course", "title": "", "org_sourced_id": "school-0", "grades": [], "subjects": []}]),
        (
            SchoolClass,
            [
                {**of_class, "sourced_id": f"class-{n}", "title": f"{n}組", "grades": [f"P{n % 6 + 1}"]}
                | {"school_sourced_id": school(n), "subjects": [], "subject_codes": []}
                for n in classes
            ],
        ),
        (User, [{**named, "sourced_id": child(n)} for n in children]),
        (User, [{**named, "sourced_id": f"teacher-{n}"} for n in classes]),
        (
            Enrollment,
            [
                {**year, "sourced_id": f"e-{n}", "user_sourced_id": child(n), "role": "student"}
                | {"class_sourced_id": f"class-{n % CLASSES}", "school_sourced_id": school(n % CLASSES)}
                for n in children
            ],
        ),
        (
            Account,
            [
                {"id": f"line:{person}", "channel": "line", "person_id": person, "reachable": True}
                for person in (*(child(n) for n in children), *(f"teacher-{n}" for n in classes))
            ],
        ),
        (
            CalendarDay,
            [
                {"school_id": id, "date": day, "kind": kind, "title": title, "grades": [], "grades_key": ""}
                for id, day, kind, title in events
            ],
        ),
        (Reminder, [reminder(n) for n in range(STORED)]),
    ]


def reminder(number: int) -> dict[str, Any]:
    of_class, follows = number % CLASSES, number % 50 == 0
    return {
        "id": f"{20_000_000 + number}-0000-4000-8000-000000000000",
        "owner_id": f"teacher-{of_class}",
        "school_id": school(of_class),
        "audience_kind": "class",
        "audience_ids": [f"class-{of_class}"],
        "audience_label": f"{of_class}組",
        "left_out": [],
        "only_missing": False,
        "what": "text",
        "text": "体操服を忘れずに",
        "rrule": None if follows else RULES[number % len(RULES)],
        "starts_on": MONDAY + timedelta(days=29) if follows else date(2025, 9, 1),
        "time": "10:00",
        "event_title": "遠足" if follows else None,
        "event_first": -1 if follows else None,
        "event_last": -1 if follows else None,
        "any_day": False,
        "state": "active",
        "next_at": NEVER_DUE,
        "created_at": AT,
        "changed_at": AT,
    }


async def made(address: str) -> Database:
    database = Database(address)
    await migrate(database)
    async with database.write() as connection:
        for table, rows in tables():
            for start in range(0, len(rows), 5_000):
                await connection.execute(insert(table), rows[start : start + 5_000])
    async with database.write_engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("ANALYZE")  # what the server does by itself in time
    return database


def planner(database: Database) -> Reminders:
    # No limit of a day: the same children are written to in every round.
    return Reminders(database, TOKYO, SchoolTimes(default=Times(daily_limit=1000)), ["line"])


async def due(database: Database, ids: Sequence[str], moment: datetime) -> None:
    async with database.write() as connection:
        await connection.execute(update(Reminder).where(Reminder.id.in_(ids)).values(next_at=moment))


async def timed_plan(same: Reminders, now: datetime) -> tuple[float, int]:
    """Milliseconds, and how many sends were planned."""
    started = time.perf_counter()
    planned = await same.plan(now)
    return (time.perf_counter() - started) * 1000, planned


async def bare_look(database: Database) -> float:
    started = time.perf_counter()
    async with database.write() as connection:
        (await connection.exec_driver_sql(BARE_LOOK)).all()
    return (time.perf_counter() - started) * 1000


async def bare_insert(database: Database) -> float:
    """Milliseconds to write the rows of the outbox once more; it is empty afterwards."""
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE kept AS SELECT * FROM outbox")
        await connection.exec_driver_sql("DELETE FROM outbox")
    started = time.perf_counter()
    async with database.write() as connection:
        await connection.exec_driver_sql("INSERT INTO outbox SELECT * FROM kept")
    milliseconds = (time.perf_counter() - started) * 1000
    async with database.write() as connection:
        await connection.execute(text("DELETE FROM outbox"))
        await connection.execute(text("DROP TABLE kept"))
    return milliseconds


def line(question: str, name: str, bar: str, ours: Sequence[float], floor: str, theirs: Sequence[float]) -> None:
    found, bare = median(ours), median(theirs)
    print(
        f"| {question}, {name} | {found / bare:.1f} | {bar} | {found:.1f} ms | {floor}: {bare:.1f} ms |",
        flush=True,
    )


async def measure(address: str, name: str) -> None:
    database = await made(address)
    started, _ = await timed_plan(planner(database), AT)
    looks = [await bare_look(database) for _ in range(ROUNDS)]
    line(f"{STORED:,} reminders: the planner starts", name, "< 2 s", [started], "bare SELECT of what is due", looks)
    same = planner(database)
    await same.plan(AT)
    ours, looks = list[float](), list[float]()
    for _ in range(ROUNDS):
        ours.append((await timed_plan(same, AT))[0])
        looks.append(await bare_look(database))
    line("… it looks, nothing is due", name, "< 100 ms", ours, "bare SELECT of what is due", looks)
    for question, bar, count in (("… one class of 40 is due", "< 50 ms", 1), ("… 50 classes of 40 are due", "–", 50)):
        ids = [reminder(number)["id"] for number in range(1, count + 1)]
        ours, inserts = list[float](), list[float]()
        for number in range(ROUNDS):
            moment = AT + timedelta(minutes=number)
            await due(database, ids, moment)
            took, planned = await timed_plan(same, moment)
            assert planned == count * (CHILDREN + 1), planned
            ours.append(took)
            inserts.append(await bare_insert(database))
        line(question, name, bar, ours, "bare INSERT … SELECT of the same rows", inserts)
    await one_child_each(database, same, name)
    await database.close()


async def one_child_each(database: Database, same: Reminders, name: str) -> None:
    ids = [reminder(number)["id"] for number in range(1, 51)]
    async with database.write() as connection:
        for number, id in enumerate(ids):
            alone = update(Reminder).where(Reminder.id == id)
            await connection.execute(alone.values(audience_kind="student", audience_ids=[child(number)]))
    ours, inserts = list[float](), list[float]()
    for number in range(ROUNDS):
        moment = AT + timedelta(hours=1, minutes=number)
        await due(database, ids, moment)
        took, planned = await timed_plan(same, moment)
        assert planned == len(ids) * 2, planned
        ours.append(took)
        inserts.append(await bare_insert(database))
    line("… 50 for one child each are due", name, "< 100 ms", ours, "bare INSERT … SELECT of the same rows", inserts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("sqlite", "postgresql"), default=None)
    only = parser.parse_args().only
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    if only != "postgresql":
        with tempfile.TemporaryDirectory(prefix="ayumi-bench-") as folder:
            asyncio.run(measure(f"sqlite:///{Path(folder) / 'ayumi.db'}", "SQLite"))
    if only != "sqlite":
        with postgres() as address:
            asyncio.run(measure(address, "PostgreSQL"))


if __name__ == "__main__":
    main()
