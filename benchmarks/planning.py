"""How long does it take until a whole city's check-in prompts, all due at 08:20, stand in the outbox?

The city is made in PostgreSQL by INSERT … SELECT: schools of 20 classes, 33 or 34 linked children in each, nobody
answered yet. The floor is one bare INSERT … SELECT that writes the very same rows into a table like the outbox, with
all its indexes: what the database needs when nobody has to find out for whom.

    python -m benchmarks.planning [--students 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import resource
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import text

from assistant.schema import migrate
from benchmarks.machine import median
from benchmarks.postgres import postgres
from knowledge.db import Database
from scheduler.prompts import Prompts
from scheduler.schools import SchoolTimes

TOKYO = ZoneInfo("Asia/Tokyo")
AT = datetime(2026, 5, 11, 8, 20, tzinfo=TOKYO)  # a Monday, a school day
TICK = timedelta(seconds=15)
CITY = (
    "INSERT INTO orgs (sourced_id, name, type) SELECT 'school-' || n, 'school', 'school'"
    " FROM generate_series(0, (:classes - 1) / 20) AS n",
    "INSERT INTO courses (sourced_id, title, org_sourced_id, grades, subjects)"
    " VALUES ('course', '', 'school-0', '[]', '[]')",
    "INSERT INTO classes (sourced_id, title, grades, course_sourced_id, class_type, school_sourced_id,"
    " term_sourced_ids, subjects, subject_codes) SELECT 'class-' || n, 'class',"
    " json_build_array('P' || (1 + n % 6)), 'course', 'homeroom', 'school-' || n / 20, '[]', '[]', '[]'"
    " FROM generate_series(0, :classes - 1) AS n",
    # Ids as rosters have them: long, and in no order.
    "INSERT INTO users (sourced_id, enabled, given_name, family_name, grade, agent_sourced_ids, primary_org_sourced_id)"
    " SELECT md5(n::text)::uuid::text, true, 'given', 'family', 'P' || (1 + n % :classes % 6), '[]',"
    " 'school-' || n % :classes / 20 FROM generate_series(0, :students - 1) AS n",
    "INSERT INTO enrollments (sourced_id, class_sourced_id, school_sourced_id, user_sourced_id, role, is_primary,"
    " begin_date, end_date) SELECT 'e-' || n, 'class-' || n % :classes, 'school-' || n % :classes / 20,"
    " md5(n::text)::uuid::text, 'student', false, '2026-04-01', '2027-03-31'"
    " FROM generate_series(0, :students - 1) AS n",
    "INSERT INTO accounts (id, channel, person_id, linked_at, last_seen_at, reachable) SELECT"
    " 'line:U' || md5('line' || n), 'line', md5(n::text)::uuid::text, '2026-04-06 12:00+09', '2026-05-08 15:20+09',"
    " true"
    " FROM generate_series(0, :students - 1) AS n",
)


async def made(address: str, students: int, classes: int) -> Database:
    database = Database(address)
    await migrate(database)
    async with database.write() as connection:
        await connection.exec_driver_sql("SET LOCAL session_replication_role = replica")  # what is made here is right
        for statement in CITY:
            await connection.execute(text(_filled(statement, students, classes)))
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE")  # what the server does by itself in time
    return database


def _filled(statement: str, students: int, classes: int) -> str:
    return statement.replace(":students", str(students)).replace(":classes", str(classes))


def prompts(database: Database) -> Prompts:
    return Prompts(database, TOKYO, SchoolTimes(), ["line"])


async def timed(work: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    """Seconds, and what came of it."""
    started = time.perf_counter()
    result = await work()
    return time.perf_counter() - started, result


async def floor(database: Database) -> float:
    """Seconds of the bare statement."""
    async with database.write() as connection:
        await connection.exec_driver_sql("CREATE TABLE bare (LIKE outbox INCLUDING ALL)")
    started = time.perf_counter()
    async with database.write() as connection:
        await connection.exec_driver_sql("INSERT INTO bare SELECT * FROM outbox ORDER BY id")
    seconds = time.perf_counter() - started
    async with database.write() as connection:
        await connection.exec_driver_sql("DROP TABLE bare")
    return seconds


async def city(address: str, students: int) -> None:
    classes = max(1, students * 3 // 100)
    database = await made(address, students, classes)
    planner = prompts(database)
    took, planned = await timed(lambda: planner.plan(AT))
    assert planned == students, planned
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    bare = await floor(database)
    print(
        f"| {students:,} prompts of {classes:,} classes due at once, PostgreSQL | {took / bare:.2f} | < 120 s |"
        f" {took:.1f} s, {students / took:,.0f} a second | bare INSERT … SELECT of the same rows: {bare:.1f} s |"
    )
    print(f"| … memory of the process | – | < 500 MB | {peak} MB at most | |")
    ticks = [(await timed(lambda: planner.plan(AT + TICK)))[0] for _ in range(9)]
    print(f"| … the next ticks, nothing new | – | – | {median(ticks) * 1000:.1f} ms | |")
    again, planned = await timed(lambda: prompts(database).plan(AT + TICK))
    assert planned == 0, planned
    print(f"| … looking for late-comers, every five minutes | {again / bare:.2f} | – | {again:.1f} s | |", flush=True)
    await database.close()


async def one_class(address: str) -> None:
    database = await made(address, 40, 1)
    seconds: list[float] = []
    for day in range(5):  # Monday to Friday; the first pays for connecting
        took, planned = await timed(lambda day=day: prompts(database).plan(AT + timedelta(days=day)))
        assert planned == 40, planned
        seconds.append(took)
    print(
        f"| 40 prompts of one class, PostgreSQL | – | < 50 ms | {median(seconds[1:]) * 1000:.0f} ms,"
        f" the first of the process {seconds[0] * 1000:.0f} ms | |",
        flush=True,
    )
    await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100_000)
    students = parser.parse_args().students
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with postgres() as address:
        asyncio.run(one_class(address))
    with postgres() as address:
        asyncio.run(city(address, students))


if __name__ == "__main__":
    main()
