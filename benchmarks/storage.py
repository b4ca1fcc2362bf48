"""What does a student cost a school year long on the disk, and a process in memory, connections and sends?

Children of one grade go through real school days: prompted, answering morning and evening, by a clock that is moved by
hand. Then the tables are measured, indexes and TOAST included, on PostgreSQL after VACUUM. Everything is kept: the
check-ins, conversations, and the rows of inbox and outbox. The first day holds what there is once for a student; the
days after it are what a day costs, and 200 of them are a school year. Then one process of each role is started on
PostgreSQL and looked at, idle and with mornings and pushes to work on.

    python -m benchmarks.storage [--students 200] [--days 4]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import structlog
import uvloop
from sqlalchemy import insert, text

from assistant.bootstrap import Core, build_core, build_services
from assistant.channels.line.webhook import raw_events
from assistant.running import build_channels
from assistant.schema import migrate
from benchmarks.cluster import Line, Mornings, post_all
from benchmarks.installation import Installation
from benchmarks.line_turns import with_students
from benchmarks.machine import free_port, morning_zone, process, until_up
from benchmarks.people import make_people, vacuum
from benchmarks.postgres import postgres_server
from benchmarks.recovery import put_pushes
from benchmarks.webhooks import Poster, account, body_of, morning
from knowledge.db import Database
from knowledge.records.roster import Course, Enrollment, SchoolClass
from scheduler.prompts import Prompts
from scheduler.schools import SchoolTimes
from tests.worlds import LINE_SECRET, LINE_TOKEN, TOKYO, HandClock, settings_of

SCHOOL_DAYS = 200  # of a school year, a little more than the curriculum's 35 weeks of five
PER = 10_000  # students the table is for
CLASS_SIZE = 33
MONDAY = date(2026, 5, 11)
MORNING, EVENING = (8, 20), (15, 10)
ROLES = ("scheduler", "worker", "web")
IDLE = 5.0  # seconds processes are left alone before they are looked at
CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
TABLES = """
SELECT relname, pg_total_relation_size(oid) FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
"""
SQLITE_TABLES = """
SELECT master.tbl_name, sum(stat.pgsize) FROM dbstat AS stat JOIN sqlite_schema AS master ON master.name = stat.name
WHERE stat.aggregate = TRUE GROUP BY master.tbl_name
"""
SQLITE_SIZE = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"


def evening(day: str) -> Sequence[tuple[bool, str]]:
    """The five turns of an evening, as ``morning``."""
    prefix = f"c/reflection/{day}"
    return (
        (True, f"{prefix}/achievement/mostly"),
        (False, "分数のわり算の計算がはやくできた"),
        (False, "文章題の式を立てるところ"),
        (False, "図をかいてから考える"),
        (True, f"{prefix}/mood/sunny"),
    )


class School:
    """Children in an empty database, and their days."""

    def __init__(self, database: Database, core: Core, clock: HandClock, students: int) -> None:
        self._database, self._core, self._clock = database, core, clock
        self._users = [account(number) for number in range(students)]
        self._prompts = Prompts(database, TOKYO, SchoolTimes(), ["line"])
        self._number = 0

    async def enrol(self) -> None:
        await with_students(self._database, self._users)
        homes = [f"class-{number // CLASS_SIZE}" for number in range(len(self._users))]
        year = {"begin_date": date(2026, 4, 1), "end_date": date(2027, 3, 31)}
        of_class: dict[str, Any] = {"title": "4年1組", "grades": ["P4"], "course_sourced_id": "course"}
        of_class |= {"class_type": "homeroom", "school_sourced_id": "school", "term_sourced_ids": []}
        of_class |= {"subjects": [], "subject_codes": []}
        member: dict[str, Any] = {**year, "role": "student", "school_sourced_id": "school", "is_primary": False}
        async with self._database.write() as connection:
            course: dict[str, Any] = {
                "sourced_id": "course",
                "title": "",
                "org_sourced_id": "school",
                "grades": [],
                "subjects": [],
            }
            await connection.execute(insert(Course), [course])
            await connection.execute(insert(SchoolClass), [{**of_class, "sourced_id": each} for each in {*homes}])
            rows = [
                {**member, "sourced_id": f"e-{user}", "user_sourced_id": user, "class_sourced_id": home}
                for user, home in zip(self._users, homes, strict=True)
            ]
            await connection.execute(insert(Enrollment), rows)

    async def live(self, day: date) -> None:
        """Everybody is prompted and answers, morning and evening."""
        for at, turns in ((MORNING, morning(day.isoformat())[1:]), (EVENING, evening(day.isoformat()))):
            self._clock.moment = datetime(day.year, day.month, day.day, *at, tzinfo=TOKYO)
            planned = await self._prompts.plan(self._clock.now())
            assert planned == len(self._users), planned
            await self._core.drain()
            for is_tap, content in turns:
                self._clock.forward(seconds=20)
                bodies = [self._body(user, is_tap, content) for user in self._users]
                for body in bodies:
                    await self._core.inbox.receive(raw_events(body, self._clock.now()))
                await self._core.drain()

    def _body(self, user: str, is_tap: bool, content: str) -> bytes:
        self._number += 1
        return body_of(user, self._number, is_tap, content, self._clock.seconds())


async def sizes(database: Database) -> dict[str, int]:
    """Bytes of each table with all that belongs to it, and of the ``whole``."""
    if database.is_sqlite:
        await database.empty_log()
    else:
        await vacuum(database)
    async with database.read() as connection:
        tables = await connection.execute(text(SQLITE_TABLES if database.is_sqlite else TABLES))
        held = {name: int(size) for name, size in tables}
        if database.is_sqlite:
            return {**held, "whole": int(await connection.scalar(text(SQLITE_SIZE)) or 0)}
    return {**held, "whole": sum(held.values())}


async def grown(url: str, folder: Path, line: str, students: int, days: int) -> Mapping[str, float]:
    """Bytes a student costs on the disk in a school year, by table."""
    database = Database(url)
    await migrate(database)
    clock = HandClock()
    keys = {"line_channel_secret": LINE_SECRET, "line_channel_access_token": LINE_TOKEN}
    settings = settings_of(folder, "", line_api_base_url=line, **keys)
    async with aiohttp.ClientSession(trust_env=False) as http:
        channels = build_channels(settings, database, http, clock.now)
        core = build_core(build_services(settings, database), {"line": channels["line"]}, clock.now)
        school = School(database, core, clock, students)
        await school.enrol()
        await school.live(MONDAY)
        before = await sizes(database)
        for number in range(1, days + 1):
            await school.live(MONDAY + timedelta(days=number))
        after = await sizes(database)
    await database.close()
    return {name: (size - before.get(name, 0)) / students / days * SCHOOL_DAYS for name, size in after.items()}


def show(kind: str, yearly: Mapping[str, float]) -> None:
    """The tables that grow, the largest first."""
    for name, size in sorted(yearly.items(), key=lambda item: -item[1]):
        if size >= 1024:
            print(f"| {kind}: {name} | {size / 1024:,.0f} KB | {size * PER / 1e9:,.2f} GB |", flush=True)


async def processes(address: str, folder: Path, line: str, students: int) -> None:
    """Print what a process of each role holds."""
    zone = morning_zone()
    day = datetime.now(zone).date()
    database = await make_people(address, students, day)
    installed = Installation(address, line, folder, zone)
    idle: dict[str, float] = {}
    held = {"": 0}
    try:
        async with aiohttp.ClientSession(trust_env=False) as http:
            stand_in, mornings = Line(http, line), Mornings(students, day.isoformat())
            await stand_in.reset()
            for role in ROLES:
                installed.start(**{role: 1})
                await installed.ready()
                await asyncio.sleep(IDLE)
                idle[role] = installed.memory()[role][0]
                held[role] = await connections(database)
            begun = time.perf_counter()
            await post_all(Poster(installed.ports), mornings.requests())
            await stand_in.until(mornings.count)
            turned = mornings.count / (time.perf_counter() - begun)
            await put_pushes(database, students)
            begun = time.perf_counter()
            await stand_in.until(mornings.count + students)
            sent = students / (time.perf_counter() - begun)
            loaded, busy = installed.memory(), await connections(database)
    finally:
        installed.stop()
    await database.close()
    print(f"\n| A process | Idle | After {mornings.count:,} turns and {students:,} pushes | Connections, idle |")
    print("|---|---|---|---|")
    for role, before in zip(ROLES, held.values(), strict=False):
        print(f"| {role} | {idle[role]:.0f} MB | {loaded[role][0]:.0f} MB | {held[role] - before} |")
    print(f"| one of each | {sum(idle.values()):.0f} MB | – | {held[ROLES[-1]]}, {busy} under load |")
    print(f"| one worker and one web | {turned:,.0f} turns/s | {sent:,.0f} sends/s | |", flush=True)


async def connections(database: Database) -> int:
    """Held by all others than we."""
    await database.close()  # ours is not to be counted
    async with database.read() as connection:
        return await connection.scalar(text(CONNECTIONS)) or 0


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200)
    parser.add_argument("--days", type=int, default=4, choices=range(1, 5), help="after the first, within its week")
    given = parser.parse_args()
    os.environ.setdefault("XDG_RUNTIME_DIR", "/tmp")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))  # errors alone
    folder = Path(tempfile.mkdtemp(prefix="ayumi-bench-"))
    port = free_port()
    line = f"http://127.0.0.1:{port}"
    with process("-m", "benchmarks.line_sink", "--port", str(port)):
        async with aiohttp.ClientSession(trust_env=False) as http:
            await until_up(http, f"{line}/_stats")
        print(f"| Kept for a school year of {SCHOOL_DAYS} days | a student | {PER:,} students |\n|---|---|---|")
        show("SQLite", await grown(f"sqlite:///{folder / 'a.db'}", folder, line, given.students, given.days))
        with postgres_server() as server:
            show("PostgreSQL", await grown(server.address, folder, line, given.students, given.days))
        with postgres_server() as server:
            await processes(server.address, folder, line, 1000)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    uvloop.run(main())
