"""A generated district with everything in it that is easy to count wrongly.

Two schools. East: one class of grade 3, two of grade 4, a class of two grades (複式), a support class whose children
also sit in another homeroom, a scheduled class. West: a class of six and one of three, and one kind of records that it
never sent. The days are 2026-04-06 to 2026-05-29, Golden Week included. The same seed gives the same district.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Base
from knowledge.records.assessments import Assessment
from knowledge.records.attendance import STATUSES, AttendanceEntry
from knowledge.records.calendar import CalendarDay
from knowledge.records.checkins import CheckIn
from knowledge.records.closures import Closure
from knowledge.records.collected import Collected
from knowledge.records.nurse_visits import NurseVisit
from knowledge.records.observations import Observation
from knowledge.records.replies import Reply
from knowledge.records.roster import Course, Enrollment, Org, Role, SchoolClass, User
from knowledge.records.study_log import StudyEntry
from knowledge.records.talk_requests import TalkRequest

Row = dict[str, Any]
TOKYO = ZoneInfo("Asia/Tokyo")
FIRST, LAST = date(2026, 4, 6), date(2026, 5, 29)
KINDS = ("attendance", "study-log", "assessments", "nurse-visits", "observations")
SUBJECTS = ("国語", "算数", None)

# id, school, grades, type, children from the first day on
CLASSES: tuple[tuple[str, str, tuple[str, ...], str, str], ...] = (
    ("c31", "east", ("P3",), "homeroom", "a1 a2 a3 a4"),
    ("c41", "east", ("P4",), "homeroom", "b1 b2 b3 b4 b5 b6"),
    ("c42", "east", ("P4",), "homeroom", "d1 d2 d3 d4 d5"),
    ("c56", "east", ("P5", "P6"), "homeroom", "e1 e2 e3 e4"),
    ("sn", "east", ("P3", "P4", "P5"), "homeroom", "s1"),
    ("m4", "east", ("P4",), "scheduled", "b1 b2 d1 d2 d3"),
    ("w31", "west", ("P3",), "homeroom", "w1 w2 w3 w4 w5 w6"),
    ("w41", "west", ("P4",), "homeroom", "x1 x2 x3"),
)
# Enrolments with dates: (class, child, begin, end)
MOVES: tuple[tuple[str, str, date | None, date | None], ...] = (
    ("c41", "mover", date(2026, 4, 1), date(2026, 5, 6)),
    ("c42", "mover", date(2026, 5, 7), None),
    ("c31", "late", date(2026, 5, 12), date(2027, 3, 31)),
    ("c42", "gone", None, date(2026, 5, 8)),
    ("c41", "back", None, date(2026, 4, 30)),
    ("c41", "back", date(2026, 5, 13), None),
    ("c42", "twice", None, None),
    ("c42", "twice", date(2026, 4, 20), date(2026, 5, 20)),  # the same class once more: one child all the same
    ("sn", "b3", None, None),  # b3 and b4 sit in two homerooms
    ("sn", "b4", date(2026, 4, 20), date(2026, 5, 13)),
    ("m4", "mover", None, None),
)
GRADES = {"a": "P3", "b": "P4", "d": "P4", "e": "P5", "s": "P5", "w": "P3", "x": "P4", "l": "P3"}
STAFF: tuple[tuple[str, str, str], ...] = (
    ("head", "principal", "east"),
    ("westhead", "principal", "west"),
    ("tanaka", "teacher", "east"),  # homeroom teacher of c42
    ("maths", "teacher", "east"),  # teacher of m4
    ("board", "districtAdministrator", "city"),
    ("mother", "guardian", "east"),  # of d1
)


@dataclass(frozen=True, kw_only=True)
class World:
    """Every row of the district, by table."""

    rows: dict[type[Base], list[Row]]

    def of(self, table: type[Base]) -> list[Row]:
        return self.rows.get(table, [])


def make_world(seed: int) -> World:
    """The district of a seed."""
    random = Random(seed)
    rows: dict[type[Base], list[Row]] = {Org: _orgs(), Course: _courses(), SchoolClass: _classes()}
    children = sorted({child for *_, names in CLASSES for child in names.split()} | {child for _, child, *_ in MOVES})
    rows[User] = [_user(child, _grade(child)) for child in children] + [_user(person, None) for person, *_ in STAFF]
    rows[Role] = [_role(child, "student", "west" if child[0] in "wx" else "east") for child in children]
    rows[Role] += [_role(*each) for each in STAFF]
    rows[Enrollment] = _enrolments(random)
    rows[CalendarDay] = _calendar()
    rows[Closure] = _closures()
    left_out = KINDS[seed % len(KINDS)]  # what West never sent
    rows[Collected] = [
        {"school_id": school, "kind": kind}
        for school in ("east", "west")
        for kind in KINDS
        if (school, kind) != ("west", left_out)
    ]
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    for child in children:
        sent = [kind for kind in KINDS if child[0] not in "wx" or kind != left_out]
        for table, records in _records(random, child, days, sent).items():
            rows.setdefault(table, []).extend(records)
    return World(rows=rows)


async def write_world(connection: AsyncConnection, world: World) -> None:
    """Store every row, those that others refer to first."""
    for table in Base.metadata.sorted_tables:
        for written, rows in world.rows.items():
            if written.__table__ is table and rows:
                await connection.execute(insert(written), rows)


def moment(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), TOKYO)


def _records(random: Random, child: str, days: list[date], sent: list[str]) -> dict[type[Base], list[Row]]:
    """All that was written about one child. Some of it lies on days off or outside the enrolment."""
    rows: dict[type[Base], list[Row]] = {}
    diligence = random.choice((0.3, 0.7, 0.95, 1.0))
    for day in days:
        off = day.weekday() > 4
        for phase, hour in (("anticipation", 8), ("reflection", 15)):
            if random.random() < (0.05 if off else diligence):
                row = _check_in(random, child, day, phase, hour)
                rows.setdefault(CheckIn, []).append(row)
                if phase == "reflection" and random.random() < 0.4:
                    rows.setdefault(Reply, []).append(_reply(random, child, day))
        chance = random.random
        if "attendance" in sent and chance() < (0.02 if off else 0.5) and day.day % 10 != 4:
            status = "present" if chance() < 0.5 else random.choice(STATUSES)
            entry = {"student_id": child, "date": day, "status": status, "note": None}
            rows.setdefault(AttendanceEntry, []).append(entry)
        if "study-log" in sent and chance() < 0.25:
            rows.setdefault(StudyEntry, []).extend(_study(random, child, day) for _ in range(1))
        if "nurse-visits" in sent and chance() < 0.05:
            for hour in sorted(random.sample(range(9, 15), random.choice((1, 1, 2)))):
                visit = {"student_id": child, "visited_at": moment(day, hour), "date": day}
                rows.setdefault(NurseVisit, []).append(visit | {"reason": "頭痛", "outcome": None})
        if "observations" in sent and chance() < 0.05:
            note = {"student_id": child, "recorded_at": moment(day, random.choice((9, 16))), "date": day}
            note |= {"recorded_by": "tanaka", "subject": random.choice(SUBJECTS), "text": f"{day}の様子"}
            rows.setdefault(Observation, []).append(note)
        if chance() < 0.03:
            closed = random.choice((None, moment(day + timedelta(days=random.choice((0, 2, 9))), 17)))
            request = {"id": f"{child}-{day}", "student_id": child, "date": day, "requested_at": moment(day, 9)}
            request |= {"closed_at": closed, "closed_by": closed and "tanaka"}
            rows.setdefault(TalkRequest, []).append(request)
    if "assessments" in sent and child != "d5":
        rows[Assessment] = _tests(random, child)
    return rows


def _check_in(random: Random, child: str, day: date, phase: str, hour: int) -> Row:
    """Finished, declined or still open; some without the time, some much later, some kept to the child."""
    status = random.choices(("finished", "declined", "open"), (8, 1, 1))[0]
    late = random.choices((0, 3), (19, 1))[0]  # days
    answered = moment(day + timedelta(days=late), hour + random.choice((0, 0, 2)), random.choice((0, 30)))
    known = status != "open" and random.random() < 0.9
    told = status != "declined"
    row: Row = {"student_id": child, "date": day, "phase": phase, "status": status, "visibility": "teacher"}
    row |= {"started_at": moment(day, 7), "updated_at": answered, "answered_at": answered if known else None}
    row |= dict.fromkeys(("mood", "goal", "plan", "subject", "confidence", "achievement"))
    row |= dict.fromkeys(("went_well", "difficult", "next_step", "depth")) | {"extra": {}}
    if random.random() < 0.15:
        row["visibility"] = random.choice(("self", "class"))
    if told and random.random() < 0.8:
        row["mood"] = random.choice(("sunny", "sunny", "cloudy", "rainy", "thunder"))
    if told and random.random() < 0.6:
        row |= {"subject": random.choice(SUBJECTS), "confidence": random.choice((None, 1, 2, 3, 4, 5))}
    if told and phase == "anticipation" and random.random() < 0.7:
        row |= {"goal": f"{child}のめあて", "plan": random.choice((None, f"{day}の計画"))}
    if told and phase == "reflection":
        row["achievement"] = random.choice((None, "achieved", "mostly", "partly", "not_yet"))
        if random.random() < 0.6:
            row |= {"went_well": f"{child}は{day}にできた", "depth": random.randint(0, 4)}
            row["next_step"] = random.choice((None, "次もがんばる"))
    return row


def _reply(random: Random, child: str, day: date) -> Row:
    sent = moment(day + timedelta(days=random.choice((0, 1, 6))), 18)
    key = {"id": f"reply-{child}-{day}", "student_id": child, "date": day}
    return key | {"author_id": "tanaka", "text": "よくできました", "sent_at": sent}


def _study(random: Random, child: str, day: date) -> Row:
    answered = random.choice((None, 5, 10, 20))
    row: Row = {"student_id": child, "started_at": moment(day, random.choice((7, 13, 21))), "date": day}
    row |= {"subject": random.choice(SUBJECTS), "content_id": "", "title": None, "answered": answered}
    correct = None if answered is None or random.random() < 0.15 else random.randint(0, answered)
    return row | {"correct": correct, "duration_seconds": random.choice((None, 90, 600, 1500))}


def _tests(random: Random, child: str) -> list[Row]:
    """One test of every child, one of two subjects, one whose full score differs from grade to grade."""
    highest = 30.0 if _grade(child) == "P3" else 50.0
    planned = [("4月の単元テスト", "算数", date(2026, 4, 24), 40.0), ("中間テスト", "国語", date(2026, 5, 14), 100.0)]
    planned += [("中間テスト", "算数", date(2026, 5, 14), 100.0), ("学力調査", "", date(2026, 5, 7), highest)]
    return [
        {"student_id": child, "date": day, "title": title, "subject": subject, "max_score": full}
        | {"score": float(random.randint(0, int(full)))}
        for title, subject, day, full in planned
        if random.random() < 0.85
    ]


def _calendar() -> list[Row]:
    rows: list[tuple[str, date, str, tuple[str, ...]]] = [
        ("east", date(2026, 4, 18), "school_day", ()),  # a Saturday
        ("east", date(2026, 4, 20), "closed", ()),
        ("east", date(2026, 4, 28), "short_day", ()),
        ("east", date(2026, 5, 12), "event", ()),
        ("east", date(2026, 5, 13), "closed", ("P4", "P6")),
        ("east", date(2026, 5, 16), "school_day", ("P3",)),  # a Saturday
        ("east", date(2026, 5, 4), "event", ()),  # on a holiday: still a holiday
        ("west", date(2026, 5, 6), "school_day", ()),  # a holiday otherwise
        ("west", date(2026, 5, 7), "holiday", ()),
    ]
    return [
        {"school_id": school, "date": day, "kind": kind, "title": None, "grades": [*grades]}
        | {"grades_key": ";".join(grades)}
        for school, day, kind, grades in rows
    ]


def _closures() -> list[Row]:
    """A closed class, one of a child in two homerooms, a closed grade, one that was called off before it began."""
    closures: tuple[tuple[str, tuple[str, ...], tuple[str, ...], date, date | None], ...] = (
        ("east", (), ("c42",), date(2026, 5, 12), date(2026, 5, 14)),
        ("east", (), ("c42",), date(2026, 5, 14), date(2026, 5, 15)),  # once more: a day is closed once
        ("east", (), ("sn",), date(2026, 4, 23), date(2026, 4, 24)),
        ("west", ("P3",), (), date(2026, 4, 15), date(2026, 4, 16)),
        ("west", (), ("w41",), date(2026, 5, 28), None),
        ("east", (), (), date(2026, 5, 21), date(2026, 5, 20)),
    )
    return [
        {"id": f"closure-{number}", "school_id": school, "grades": [*grades], "class_ids": [*classes]}
        | {"label": "", "first_day": first, "last_day": last, "reason": "", "is_remote": False}
        | {"announcement_id": None, "declared_by": "head", "declared_at": moment(first, 7)}
        | {"ended_by": None, "ended_at": None}
        for number, (school, grades, classes, first, last) in enumerate(closures)
    ]


def _enrolments(random: Random) -> list[Row]:
    begun = (None, date(2026, 4, 1))
    listed = [
        (class_id, child, random.choice(begun), random.choice((None, date(2027, 3, 31))))
        for class_id, *_, children in CLASSES
        for child in children.split()
    ]
    rows = [(*each, "student") for each in (*listed, *MOVES)]
    rows += [("c42", "tanaka", None, None, "teacher"), ("m4", "maths", None, None, "teacher")]
    schools = {class_id: school for class_id, school, *_ in CLASSES}
    return [
        {"sourced_id": f"e{number}", "class_sourced_id": class_id, "school_sourced_id": schools[class_id]}
        | {"user_sourced_id": person, "role": role, "is_primary": False, "begin_date": begin, "end_date": end}
        | {"attendance_number": None if number % 4 == 0 else number}
        for number, (class_id, person, begin, end, role) in enumerate(rows)
    ]


def _orgs() -> list[Row]:
    orgs = (("city", "district", None), ("east", "school", "city"), ("west", "school", "city"))
    return [
        {"sourced_id": id, "name": id, "type": kind, "identifier": None, "parent_sourced_id": parent}
        for id, kind, parent in orgs
    ]


def _courses() -> list[Row]:
    return [{"sourced_id": "course", "title": "算数", "org_sourced_id": "east", "grades": ["P4"], "subjects": ["算数"]}]


def _classes() -> list[Row]:
    return [
        {"sourced_id": id, "title": id, "grades": [*grades], "course_sourced_id": "course", "class_type": kind}
        | {"school_sourced_id": school, "term_sourced_ids": [], "subject_codes": []}
        | {"subjects": ["算数"] if kind == "scheduled" else []}
        for id, school, grades, kind, _ in CLASSES
    ]


def _grade(child: str) -> str:
    return "P6" if child in ("e3", "e4") else "P3" if child == "late" else GRADES.get(child[0], "P4")


def _user(id: str, grade: str | None) -> Row:
    agents = ["mother"] if id == "d1" else []
    name = {"given_name": id, "family_name": "児童", "kana_given_name": None, "kana_family_name": None}
    return (
        {"sourced_id": id, "enabled": True, "grade": grade, "agent_sourced_ids": agents}
        | name
        | {"primary_org_sourced_id": None}
    )


def _role(person: str, role: str, org: str) -> Row:
    key = {"sourced_id": f"r-{person}", "user_sourced_id": person, "role_type": "primary", "role": role}
    return key | {"org_sourced_id": org, "begin_date": None, "end_date": None}
