"""A small district in the store, and records to put into it, one line each.

The week is Monday 2026-05-11 to Friday 2026-05-15. School east: 4-1 with a1…a6, 4-2 with b1…b5, and mover, who went
from 4-1 to 4-2 on Wednesday; 5-1 with e1…e3; the scheduled class m42 (算数) with b1 and b2. School west: 4-1 with
w1…w6. Whoever comes first has attendance number 1.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from knowledge.db import Database
from knowledge.questions.answer import answer
from knowledge.questions.model import Answer, Metric, Period, Phase, Question, Scope, ScopeKind, Shape
from knowledge.records.assessments import Assessment
from knowledge.records.attendance import AttendanceEntry
from knowledge.records.checkins import CheckIn
from knowledge.records.collected import Collected
from knowledge.records.roster import Course, Enrollment, Org, Role, SchoolClass, User
from knowledge.records.scope import load_viewer
from knowledge.records.study_log import StudyEntry

TOKYO = ZoneInfo("Asia/Tokyo")
MON, TUE, WED, THU, FRI = (date(2026, 5, day) for day in range(11, 16))
EVENING = datetime(2026, 5, 15, 20, tzinfo=TOKYO)  # of Friday, when all questions are asked that do not say otherwise

CLASSES = {
    "c41": ("4年1組", "P4", "homeroom", "east", ["a1", "a2", "a3", "a4", "a5", "a6"]),
    "c42": ("4年2組", "P4", "homeroom", "east", ["b1", "b2", "b3", "b4", "b5"]),
    "c51": ("5年1組", "P5", "homeroom", "east", ["e1", "e2", "e3"]),
    "m42": ("4年2組 算数", "P4", "scheduled", "east", ["b1", "b2"]),
    "w41": ("4年1組", "P4", "homeroom", "west", ["w1", "w2", "w3", "w4", "w5", "w6"]),
}
STAFF = {
    "head": ("principal", "east"),
    "tanaka": ("teacher", "east"),
    "maths": ("teacher", "east"),
    "board": ("districtAdministrator", "city"),
    "mother": ("guardian", "east"),
}
TAUGHT = {"tanaka": "c42", "maths": "m42"}

C41, C42, C51, M42 = (Scope(kind=ScopeKind.CLASS, ids=(id,), label=id) for id in ("c41", "c42", "c51", "m42"))
EAST, WEST = (Scope(kind=ScopeKind.SCHOOL, ids=(id,), label=id) for id in ("east", "west"))
CITY = Scope(kind=ScopeKind.DISTRICT, ids=("city",), label="city")


def student(*ids: str) -> Scope:
    return Scope(kind=ScopeKind.STUDENT, ids=ids, label="・".join(ids))


def period(start: date, end: date | None = None) -> Period:
    return Period(start=start, end=end or start, label=start.isoformat())


WEEK = period(MON, FRI)


def question(
    metric: Metric | None, shape: Shape = Shape.VALUE, scope: Scope = C42, during: Period = WEEK, **more: Any
) -> Question:
    return Question(metric=metric, shape=shape, scope=scope, period=during, **more)


async def ask(database: Database, asked: Question, *, by: str = "head", at: datetime = EVENING) -> Answer:
    async with database.read() as connection:
        viewer = await load_viewer(connection, by, at.astimezone(TOKYO).date())
        return await answer(connection, viewer, asked, at=at, timezone=TOKYO)


def figures(given: Answer) -> dict[str, Any]:
    """The values of the rows, by id."""
    return {row.id: row.value for row in given.rows}


async def put(database: Database, table: Any, *rows: dict[str, Any]) -> None:
    async with database.write() as connection:
        await connection.execute(insert(table), list(rows))


async def with_district(database: Database) -> None:
    """Everybody and every class."""
    everybody = sorted({id for *_, ids in CLASSES.values() for id in ids} | {"mover"})
    orgs = [("city", "市", "district", None), ("east", "東小", "school", "city"), ("west", "西小", "school", "city")]
    await put(
        database,
        Org,
        *(
            {"sourced_id": id, "name": name, "type": kind, "identifier": None, "parent_sourced_id": above}
            for id, name, kind, above in orgs
        ),
    )
    await put(
        database,
        Course,
        {"sourced_id": "course", "title": "", "org_sourced_id": "east", "grades": [], "subjects": []},
    )
    await put(
        database,
        SchoolClass,
        *(
            {"sourced_id": id, "title": title, "grades": [grade], "course_sourced_id": "course", "class_type": kind}
            | {"school_sourced_id": school, "term_sourced_ids": [], "subject_codes": []}
            | {"subjects": ["算数"] if kind == "scheduled" else []}
            for id, (title, grade, kind, school, _) in CLASSES.items()
        ),
    )
    await put(
        database,
        User,
        *(
            {"sourced_id": id, "enabled": True, "family_name": "姓", "given_name": id, "kana_family_name": None}
            | {"kana_given_name": None, "grade": None, "primary_org_sourced_id": None}
            | {"agent_sourced_ids": ["mother"] if id == "b1" else []}
            for id in (*everybody, *STAFF)
        ),
    )
    roles = [(id, "student", "west" if id.startswith("w") else "east") for id in everybody]
    await put(
        database,
        Role,
        *(
            {"sourced_id": f"r-{id}", "user_sourced_id": id, "role_type": "primary", "role": role}
            | {"org_sourced_id": org, "begin_date": None, "end_date": None}
            for id, role, org in [*roles, *((id, *role) for id, role in STAFF.items())]
        ),
    )
    for id, (_, _, _, _, ids) in CLASSES.items():
        for number, each in enumerate(ids, start=1):
            await enroll(database, each, id, number=number)
    await enroll(database, "mover", "c41", end=TUE, number=7)
    await enroll(database, "mover", "c42", begin=WED, number=6)
    for id, taught in TAUGHT.items():
        await enroll(database, id, taught, role="teacher")


async def enroll(
    database: Database,
    id: str,
    class_id: str,
    *,
    role: str = "student",
    begin: date | None = None,
    end: date | None = None,
    number: int | None = None,
) -> None:
    row = {"sourced_id": f"{id}-{class_id}-{begin}", "class_sourced_id": class_id, "user_sourced_id": id, "role": role}
    row |= {"school_sourced_id": CLASSES[class_id][3], "is_primary": False, "attendance_number": number}
    await put(database, Enrollment, row | {"begin_date": begin, "end_date": end})


async def check_in(
    database: Database, id: str, day: date, phase: Phase = Phase.REFLECTION, *, hour: int = 15, **answers: Any
) -> None:
    moment = datetime(day.year, day.month, day.day, hour, tzinfo=TOKYO)
    row = {"student_id": id, "date": day, "phase": phase.value, "status": "finished", "visibility": "teacher"}
    row |= {"started_at": moment, "answered_at": moment, "updated_at": moment, "extra": {}}
    await put(database, CheckIn, row | answers)


async def mark(database: Database, status: str, day: date, *ids: str) -> None:
    """Entries of the register; the school has sent it then."""
    await put(database, AttendanceEntry, *({"student_id": id, "date": day, "status": status} for id in ids))


async def study(database: Database, id: str, day: date, **values: Any) -> None:
    moment = values.pop("started_at", datetime(day.year, day.month, day.day, 16, tzinfo=TOKYO))
    row = {"student_id": id, "date": day, "started_at": moment, "content_id": f"{values}"}
    await put(database, StudyEntry, row | values)


async def sit_test(
    database: Database, id: str, score: float, *, title: str = "単元テスト", subject: str = "算数", full: float = 50
) -> None:
    row = {"student_id": id, "date": WED, "title": title, "subject": subject, "score": score, "max_score": full}
    await put(database, Assessment, row)


async def collects(database: Database, *kinds: str, school: str = "east") -> None:
    """The school has sent records of these kinds once."""
    await put(database, Collected, *({"school_id": school, "kind": kind} for kind in kinds))
