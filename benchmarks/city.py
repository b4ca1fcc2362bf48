"""A generated city: 200 schools, 3,300 classes, 100,000 students and 10,000,000 check-ins of 50 school days.

The roster comes from Python, everything else from INSERT … SELECT, day by day as a city's children write it, so that
the rows of a class lie scattered. What varies between children and days varies by arithmetic: the same city every time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import (
    Column,
    ColumnElement,
    Date,
    Integer,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    case,
    event,
    insert,
    literal,
    null,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.schema import AddConstraint, CreateIndex, DropConstraint, DropIndex

from assistant.schema import migrate
from knowledge.db import Database, UtcDateTime
from knowledge.questions.model import Phase
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.calendar import CalendarDay, SchoolCalendar
from knowledge.records.checkins import CheckIn
from knowledge.records.collected import Collected
from knowledge.records.roster import AcademicSession, Course, Enrollment, Org, Role, SchoolClass, User

TOKYO = ZoneInfo("Asia/Tokyo")
DISTRICT = "city"
BOARD = "board"
TERM_STARTS = date(2026, 4, 8)
DAYS = 51  # school days until today, one of which each school has off
MONDAYS_OFF = (date(2026, 5, 18), date(2026, 5, 25), date(2026, 6, 1), date(2026, 6, 8))  # after the sports day
VACATION = tuple(date(2026, 4, 1) + timedelta(days=n) for n in range(7))
_USUAL = SchoolCalendar((day, "holiday", ()) for day in VACATION)
SCHOOL_DAYS = tuple(_USUAL.school_days(TERM_STARTS, TERM_STARTS + timedelta(days=DAYS * 2))[:DAYS])
TODAY = SCHOOL_DAYS[-1]
AT = datetime.combine(TODAY, time(15, 30), TOKYO)  # when all questions are asked

FAMILIES = """
佐藤/サトウ 鈴木/スズキ 高橋/タカハシ 田中/タナカ 伊藤/イトウ 渡辺/ワタナベ 山本/ヤマモト 中村/ナカムラ
小林/コバヤシ 加藤/カトウ 吉田/ヨシダ 山田/ヤマダ 佐々木/ササキ 山口/ヤマグチ 松本/マツモト 井上/イノウエ
木村/キムラ 林/ハヤシ 斎藤/サイトウ 清水/シミズ
"""
FAMILY, FAMILY_KANA = zip(*(each.split("/") for each in FAMILIES.split()), strict=True)
GIVENS = """
陽翔/ハルト 蓮/レン 湊/ミナト 蒼/アオイ 律/リツ 樹/イツキ 大翔/ヒロト 悠真/ユウマ 朝陽/アサヒ
結翔/ユイト 陽葵/ヒマリ 凛/リン 紬/ツムギ 結菜/ユイナ 葵/アオイ 芽依/メイ 莉子/リコ 美桜/ミオ
心春/コハル 咲良/サクラ 颯太/ソウタ 翼/ツバサ 新/アラタ 旭/アキラ 大和/ヤマト 奏/カナデ 暖/ダン
陸/リク 詩/ウタ 杏/アン 琴音/コトネ 楓/カエデ 千尋/チヒロ 花/ハナ 健/ケン 空/ソラ 碧/アオ
悠斗/ユウト さくら/サクラ 結衣/ユイ
"""
GIVEN, GIVEN_KANA = zip(*(each.split("/") for each in GIVENS.split()), strict=True)

PUPILS = Table(  # only while the city is made
    "bench_pupils",
    MetaData(),
    Column("n", Integer, primary_key=True, autoincrement=False),
    Column("id", String(255)),
    Column("off", Date),  # the school's Monday off
)


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much of the whole city is made."""

    scale: float = 1.0

    @property
    def students(self) -> int:
        return round(100_000 * self.scale)

    @property
    def schools(self) -> int:
        """Three of four are primary schools."""
        return max(4, round(200 * self.scale))


def school_id(number: int) -> str:
    return f"school-{number:03}"


def monday_off(class_id: str) -> date:
    """The Monday that a class's school has off."""
    return MONDAYS_OFF[int(_school_of(class_id).removeprefix("school-")) % len(MONDAYS_OFF)]


def principal_of(school: str) -> str:
    return f"principal-{school}"


def teacher_of(class_id: str) -> str:
    return f"teacher-{class_id}"


def student_id(number: int) -> str:
    """As long as the ids that rosters have, and in the order of the numbers."""
    return f"{10_000_000 + number}-0000-4000-8000-000000000000"


def class_ids(size: Size) -> list[tuple[str, str, str]]:
    """(class, title, grade) of every homeroom: three a grade in primary, four in junior high schools."""
    found: list[tuple[str, str, str]] = []
    for number in range(size.schools):
        stage, grades, classes = ("P", 6, 3) if number % 4 else ("J", 3, 4)
        found += [
            (f"{school_id(number)}-{stage}{grade}-{each}", f"{grade}年{each}組", f"{stage}{grade}")
            for grade in range(1, grades + 1)
            for each in range(1, classes + 1)
        ]
    return found


async def make_city(database: Database, size: Size) -> None:
    """Fill an empty database. Takes minutes at full size."""
    if database.is_sqlite:
        event.listen(database.write_engine.sync_engine, "connect", _in_a_hurry)
    await migrate(database)
    await _roster(database, size)
    heavy: tuple[Any, ...] = (CheckIn.__table__, AttendanceEntry.__table__)
    async with database.write() as connection:
        await _hurry(connection)
        for table in heavy:
            await _drop_indexes(connection, table)
    for number, day in enumerate(SCHOOL_DAYS):
        async with database.write() as connection:
            await _hurry(connection)
            for phase in Phase:
                await connection.execute(_check_ins(number, day, phase))
            await connection.execute(_register(number, day))
    async with database.write() as connection:
        await _hurry(connection)
        for table in heavy:
            await _create_indexes(connection, table)
        await connection.run_sync(PUPILS.drop)
    async with database.write_engine.connect() as connection:
        if database.is_sqlite:
            await connection.exec_driver_sql("ANALYZE")
            await connection.commit()
        else:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.exec_driver_sql("VACUUM ANALYZE")  # what the server does by itself in time


def _in_a_hurry(connection: Any, _record: Any) -> None:
    for pragma in ("foreign_keys=OFF", "synchronous=OFF", "cache_size=-1500000"):
        connection.execute(f"PRAGMA {pragma}")


async def _hurry(connection: AsyncConnection) -> None:
    """What is made here is right: references are not looked up one by one."""
    if connection.dialect.name == "postgresql":
        for setting in ("session_replication_role = replica", "maintenance_work_mem = '512MB'"):
            await connection.exec_driver_sql(f"SET LOCAL {setting}")


def _constraints(connection: AsyncConnection, table: Table) -> Iterable[UniqueConstraint]:
    """Those that can be added later; SQLite cannot."""
    if connection.dialect.name == "sqlite":
        return []
    return [each for each in table.constraints if isinstance(each, UniqueConstraint)]


async def _drop_indexes(connection: AsyncConnection, table: Table) -> None:
    for index in table.indexes:
        await connection.execute(DropIndex(index))
    for constraint in _constraints(connection, table):
        await connection.execute(DropConstraint(constraint))


async def _create_indexes(connection: AsyncConnection, table: Table) -> None:
    for constraint in _constraints(connection, table):
        await connection.execute(AddConstraint(constraint))
    for index in table.indexes:
        await connection.execute(CreateIndex(index))


def _pick(number: ColumnElement[int], *values: str | None) -> ColumnElement[str | None]:
    """One of the values by a number's remainder."""
    chosen = [(number % len(values) == place, literal(each, String)) for place, each in enumerate(values) if each]
    return case(*chosen, else_=null())


def _luck(day: int, salt: int) -> ColumnElement[int]:
    """0–10006, by child and day."""
    return ((PUPILS.c.n * 7_919 + day * 104_729 + salt * 1_299_709) % 10_007).expression


def _check_ins(number: int, day: date, phase: Phase) -> Any:
    """One phase of a day: 82 % finished, 3 % declined, 15 % begun and left."""
    is_reflection = phase is Phase.REFLECTION
    luck, other = _luck(number, 1 + is_reflection), _luck(number, 3 + is_reflection)
    done, answered = luck % 100 < 82, luck % 100 < 85
    opened = datetime.combine(day, time(15, 0) if is_reflection else time(8, 20), TOKYO)
    closed = opened + timedelta(minutes=4)

    def if_done(value: ColumnElement[Any]) -> ColumnElement[Any]:
        return case((done, value), else_=null())

    evening: dict[str, ColumnElement[Any]] = {
        "achievement": if_done(_pick(other, "achieved", "mostly", "mostly", "partly", "not_yet")),
        "went_well": if_done(_pick(other, "分数のわり算を自分でとけた", None, "友だちに説明できた")),
        "difficult": if_done(_pick(luck, None, None, "文章題の式をたてるところ")),
        "next_step": if_done(_pick(other, "図をかいてから考える", None, None)),
        "depth": if_done(other % 5),
    }
    morning: dict[str, ColumnElement[Any]] = {
        "goal": if_done(_pick(other, "分数のわり算を三問とく", "漢字を十個おぼえる", "音読をすらすら読む")),
        "plan": if_done(_pick(luck, "ドリルをくり返す", None)),
        "confidence": if_done(other % 5 + 1),
    }
    columns: dict[str, ColumnElement[Any]] = {
        "student_id": PUPILS.c.id.expression,
        "date": literal(day, Date),
        "phase": literal(phase.value, String),
        "status": case((done, "finished"), (answered, "declined"), else_="open"),
        "started_at": literal(opened, UtcDateTime),
        "answered_at": case((answered, literal(closed, UtcDateTime)), else_=null()),
        "updated_at": literal(closed, UtcDateTime),
        "mood": if_done(_pick(other, "sunny", "sunny", "sunny", "cloudy", "cloudy", "rainy", "thunder", None)),
        "subject": if_done(_pick(luck, "算数", "国語", "理科", None)),
        "visibility": case((luck % 25 == 0, "self"), else_="teacher"),
        "extra": literal({}, CheckIn.extra.type),
        **(evening if is_reflection else morning),
    }
    return _inserted(CheckIn.__table__, columns, day)


def _register(number: int, day: date) -> Any:
    """A full register: 3 % absent, some late, some leave early."""
    luck = _luck(number, 7) % 200
    status = case(
        (luck < 4, "absent_sick"), (luck < 6, "absent_other"), (luck < 9, "late"), (luck < 10, "early_leave"),
        else_="present",
    )  # fmt: skip
    columns: dict[str, ColumnElement[Any]] = {
        "student_id": PUPILS.c.id.expression,
        "date": literal(day, Date),
        "status": status,
    }
    return _inserted(AttendanceEntry.__table__, columns, day)


def _inserted(table: Any, columns: dict[str, ColumnElement[Any]], day: date) -> Any:
    found = select(*(value.label(name) for name, value in columns.items())).where(PUPILS.c.off != day)
    return insert(table).from_select(list(columns), found.order_by(PUPILS.c.n))


async def _roster(database: Database, size: Size) -> None:
    schools = [school_id(number) for number in range(size.schools)]
    classes = class_ids(size)
    homes = [classes[number % len(classes)] for number in range(size.students)]
    off = {school: monday_off(school) for school in schools}
    async with database.write() as connection:
        await connection.run_sync(PUPILS.create)
        for table, rows in _rows(schools, classes, homes, off):
            for start in range(0, len(rows), 10_000):
                await connection.execute(insert(table), rows[start : start + 10_000])


def _school_of(class_id: str) -> str:
    return class_id[: len(school_id(0))]


def _rows(
    schools: Sequence[str],
    classes: Sequence[tuple[str, str, str]],
    homes: Sequence[tuple[str, str, str]],
    off: dict[str, date],
) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    """(table, rows) in the order in which they refer to each other; ``homes``: the class of each student."""
    org: dict[str, Any] = {"identifier": None}
    yield (
        Org,
        [
            {**org, "sourced_id": DISTRICT, "name": "あゆみ市", "type": "district", "parent_sourced_id": None},
            *(
                {**org, "sourced_id": school, "name": f"あゆみ市立第{number + 1}{'小' if number % 4 else '中'}学校"}
                | {"type": "school", "parent_sourced_id": DISTRICT}
                for number, school in enumerate(schools)
            ),
        ],
    )
    session: dict[str, Any] = {"school_year": "2026", "parent_sourced_id": None}
    yield (
        AcademicSession,
        [
            {**session, "sourced_id": id, "title": title, "type": kind, "start_date": start, "end_date": end}
            for id, title, kind, start, end in (
                ("y", "令和8年度", "schoolYear", date(2026, 4, 1), date(2027, 3, 31)),
                ("t1", "1学期", "term", TERM_STARTS, date(2026, 7, 17)),
            )
        ],
    )
    yield (
        Course,
        [{"sourced_id": "course", "title": "", "org_sourced_id": DISTRICT, "grades": [], "subjects": ["算数", "国語"]}],
    )
    of_class: dict[str, Any] = {"class_type": "homeroom", "course_sourced_id": "course", "term_sourced_ids": ["y"]}
    of_class |= {"subjects": [], "subject_codes": []}
    yield (
        SchoolClass,
        [
            {**of_class, "sourced_id": id, "title": title, "grades": [grade], "school_sourced_id": _school_of(id)}
            for id, title, grade in classes
        ],
    )
    staff = [(BOARD, "districtAdministrator", DISTRICT)]
    staff += [(principal_of(school), "principal", school) for school in schools]
    staff += [(teacher_of(id), "teacher", _school_of(id)) for id, *_ in classes]
    students = [(student_id(n), home) for n, home in enumerate(homes)]
    blank: dict[str, Any] = {"enabled": True, "agent_sourced_ids": []}
    adult = {**blank, "family_name": "石田", "given_name": "真", "kana_family_name": None, "kana_given_name": None}
    yield User, [{**adult, "sourced_id": id, "grade": None, "primary_org_sourced_id": org} for id, _, org in staff]
    yield (
        User,
        [
            {**blank, "sourced_id": id, "grade": grade, "primary_org_sourced_id": _school_of(class_id)}
            | dict(zip(("family_name", "kana_family_name", "given_name", "kana_given_name"), _name(n), strict=True))
            for n, (id, (class_id, _, grade)) in enumerate(students)
        ],
    )
    role: dict[str, Any] = {"role_type": "primary", "begin_date": None, "end_date": None}
    held = [*staff, *((id, "student", _school_of(class_id)) for id, (class_id, *_) in students)]
    yield (
        Role,
        [
            {**role, "sourced_id": f"r-{id}", "user_sourced_id": id, "role": name, "org_sourced_id": org}
            for id, name, org in held
        ],
    )
    enrolled = [(teacher_of(id), "teacher", id, None) for id, *_ in classes]
    enrolled += [(id, "student", home[0], n // len(classes) + 1) for n, (id, home) in enumerate(students)]
    year: dict[str, Any] = {"begin_date": date(2026, 4, 1), "end_date": date(2027, 3, 31)}
    yield (
        Enrollment,
        [
            {**year, "sourced_id": f"e-{id}", "user_sourced_id": id, "role": role, "attendance_number": number}
            | {"class_sourced_id": class_id, "school_sourced_id": _school_of(class_id), "is_primary": role == "teacher"}
            for id, role, class_id, number in enrolled
        ],
    )
    days = [(day, "holiday", "春休み") for day in VACATION]
    yield (
        CalendarDay,
        [
            {"school_id": school, "date": day, "kind": kind, "title": title, "grades": [], "grades_key": ""}
            for school in schools
            for day, kind, title in (*days, (off[school], "closed", "運動会の代休"))
        ],
    )
    yield Collected, [{"school_id": school, "kind": "attendance"} for school in schools]
    yield PUPILS, [{"n": n, "id": id, "off": off[_school_of(home[0])]} for n, (id, home) in enumerate(students)]


def _name(number: int) -> tuple[str, str, str, str]:
    family, given = (number // 7) % len(FAMILY), (number * 13 // 5) % len(GIVEN)
    return FAMILY[family], FAMILY_KANA[family], GIVEN[given], GIVEN_KANA[given]
