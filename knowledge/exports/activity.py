"""What each child of a class did, day by day: evidence for the school the child belongs to.

Whether a day at home counts as attended is the principal's decision; nothing here decides it, and the file says so. No
answer of a child is in it that the child kept to themself: of such a check-in only that, and when, it was done.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.exports.table import Cell, csv_file
from knowledge.questions.model import Phase
from knowledge.records.announcements import Announcement, AnnouncementAnswer
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.checkins import CheckInRecord, Status, find_checkins
from knowledge.records.closures import MenuDone, MenuItem
from knowledge.records.roster import GRADE, Enrollment, SchoolClass, User
from knowledge.records.study_log import StudyEntry

HEADER = (
    "studentId",
    "name",
    "className",
    "number",
    "date",
    "day",  # school, home (learning goes on at home), closed, off
    "anticipation",  # finished, declined, open; empty: not begun
    "anticipationAt",
    "goal",
    "reflection",
    "reflectionAt",
    "achievement",
    "menuSet",
    "menuDone",
    "menuDoneItems",
    "studyMinutes",
    "questionsAnswered",
    "study",  # by subject: 算数 20min 15
    "safetyAnswer",  # ok, trouble, help
    "safetyAnsweredAt",
    "note",
)
NOTE = "出席の取り扱いは校長が判断します / Attendance is decided by the principal"


@dataclass(frozen=True, kw_only=True)
class _Child:
    id: str
    name: str
    title: str  # of the class
    number: int | None
    school_id: str
    grade: str
    begin: date | None
    end: date | None

    def is_enrolled(self, day: date) -> bool:
        return (self.begin is None or self.begin <= day) and (self.end is None or day <= self.end)


@dataclass(kw_only=True)
class _Study:
    seconds: int = 0
    answered: int = 0
    by_subject: dict[str, list[int]] = field(default_factory=dict[str, list[int]])  # seconds, answered


async def activity_report(
    connection: AsyncConnection, class_id: str, first: date, last: date, timezone: ZoneInfo
) -> bytes:
    """A line for each child and day of the class from ``first`` to ``last``, days off without any activity left out."""
    children = await _children(connection, class_id, first, last)
    ids = sorted({child.id for child in children})
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    calendars = await load_calendars(connection, {child.school_id for child in children}, first, last)
    checkins = {(each.student_id, each.date, each.phase): each for each in await find_checkins(connection, ids, days)}
    menus = await _menus(connection, children, first, last)
    done = await _done(connection, ids, first, last)
    study = await _study(connection, ids, first, last)
    safety = await _safety(connection, ids, first, last, timezone)
    rows: list[Sequence[Cell]] = []
    for child in children:
        for day in days:
            if not child.is_enrolled(day):
                continue
            kind = _kind(calendars[child.school_id], day, child.grade or None, class_id)
            records = [checkins.get((child.id, day, phase)) for phase in Phase]
            items = done.get((child.id, day), [])
            log = study.get((child.id, day))
            answer = safety.get((child.id, day))
            if kind == "off" and not (any(records) or items or log or answer):
                continue
            menu = menus.get((child.school_id, child.grade, day), 0)
            rows.append(_row(child, day, kind, records, menu, items, log, answer, timezone))
    return csv_file([HEADER, *rows])


async def children_of_class(connection: AsyncConnection, class_id: str, first: date, last: date) -> list[str]:
    """Who is in such a report."""
    return sorted({child.id for child in await _children(connection, class_id, first, last)})


def _row(
    child: _Child,
    day: date,
    kind: str,
    records: Sequence[CheckInRecord | None],
    menu: int,
    items: Sequence[str],
    log: _Study | None,
    answer: tuple[str, datetime] | None,
    timezone: ZoneInfo,
) -> Sequence[Cell]:
    morning, evening = records
    about: list[Cell] = [child.id, child.name, child.title, child.number, day.isoformat(), kind]
    did: list[Cell] = [
        *_checkin(morning, timezone),
        _told(morning, "goal"),
        *_checkin(evening, timezone),
        _told(evening, "achievement"),
    ]
    learned: list[Cell] = [
        menu,
        len(items),
        " / ".join(items),
        round(log.seconds / 60) if log else None,
        log.answered if log else None,
        _by_subject(log),
    ]
    safe: list[Cell] = [answer[0], _clock(answer[1], timezone)] if answer else [None, None]
    return [*about, *did, *learned, *safe, NOTE]


def _checkin(record: CheckInRecord | None, timezone: ZoneInfo) -> tuple[Cell, Cell]:
    if record is None:
        return None, None
    at = record.answered_at or (record.started_at if record.status is Status.OPEN else None)
    return record.status.value, _clock(at, timezone) if at is not None else None


def _told(record: CheckInRecord | None, name: str) -> Cell:
    """An answer, unless the child keeps it to themself."""
    return None if record is None else record.shared(name)


def _by_subject(log: _Study | None) -> Cell:
    if log is None:
        return None
    return " / ".join(
        f"{subject} {round(seconds / 60)}min {answered}"
        for subject, (seconds, answered) in sorted(log.by_subject.items())
    )


def _kind(calendar: SchoolCalendar, day: date, grade: str | None, class_id: str) -> str:
    if calendar.is_school_day(day, grade, class_id):
        return "school"
    if calendar.is_remote(day, grade, class_id):
        return "home"
    return "closed" if calendar.is_closed(day, grade, class_id) else "off"


def _clock(moment: datetime, timezone: ZoneInfo) -> str:
    return f"{moment.astimezone(timezone):%H:%M}"


async def _children(connection: AsyncConnection, class_id: str, first: date, last: date) -> list[_Child]:
    """The enrolments of the class in the period, by attendance number; of who left and came back both."""
    statement = (
        select(
            User.sourced_id,
            User.family_name,
            User.given_name,
            SchoolClass.title,
            SchoolClass.school_sourced_id,
            GRADE.label("grade"),
            Enrollment.attendance_number,
            Enrollment.begin_date,
            Enrollment.end_date,
        )
        .select_from(Enrollment)
        .join(User, User.sourced_id == Enrollment.user_sourced_id)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .where(
            Enrollment.class_sourced_id == class_id,
            Enrollment.role == "student",
            User.enabled,
            or_(Enrollment.begin_date.is_(None), Enrollment.begin_date <= last),
            or_(Enrollment.end_date.is_(None), Enrollment.end_date >= first),
        )
    )
    rows = (await connection.execute(statement)).all()
    found = [
        _Child(
            id=row.sourced_id,
            name=f"{row.family_name} {row.given_name}",
            title=row.title,
            number=row.attendance_number,
            school_id=row.school_sourced_id,
            grade=row.grade,
            begin=row.begin_date,
            end=row.end_date,
        )
        for row in rows
    ]
    return sorted(found, key=lambda child: (child.number is None, child.number or 0, child.id, child.begin or date.min))


async def _menus(
    connection: AsyncConnection, children: Sequence[_Child], first: date, last: date
) -> Mapping[tuple[str, str, date], int]:
    """How many items were set, by school, grade and day."""
    counted: dict[tuple[str, str, date], int] = defaultdict(int)
    statement = select(MenuItem.school_id, MenuItem.grade, MenuItem.date).where(
        MenuItem.school_id.in_({child.school_id for child in children}), MenuItem.date.between(first, last)
    )
    for school, grade, day in await connection.execute(statement):
        counted[school, grade, day] += 1
    return counted


async def _done(
    connection: AsyncConnection, ids: Sequence[str], first: date, last: date
) -> Mapping[tuple[str, date], list[str]]:
    """What was done, by child and day of the menu."""
    found: dict[tuple[str, date], list[str]] = defaultdict(list)
    statement = (
        select(MenuDone.person_id, MenuItem.date, MenuItem.subject, MenuItem.kind, MenuItem.title)
        .join(MenuItem, MenuItem.id == MenuDone.item_id)
        .where(MenuDone.person_id.in_(ids), MenuItem.date.between(first, last))
        .order_by(MenuItem.place)
    )
    for person, day, subject, kind, title in await connection.execute(statement):
        found[person, day].append(" ".join(part for part in (subject, f"({kind})", title) if part))
    return found


async def _study(
    connection: AsyncConnection, ids: Sequence[str], first: date, last: date
) -> Mapping[tuple[str, date], _Study]:
    """Minutes and questions of the study log, by child and day."""
    found: dict[tuple[str, date], _Study] = defaultdict(_Study)
    columns = (
        StudyEntry.student_id,
        StudyEntry.date,
        StudyEntry.subject,
        StudyEntry.duration_seconds,
        StudyEntry.answered,
    )
    statement = select(*columns).where(StudyEntry.student_id.in_(ids), StudyEntry.date.between(first, last))
    for student, day, subject, seconds, answered in await connection.execute(statement):
        log = found[student, day]
        log.seconds += seconds or 0
        log.answered += answered or 0
        of_subject = log.by_subject.setdefault(subject or "-", [0, 0])
        of_subject[0] += seconds or 0
        of_subject[1] += answered or 0
    return found


async def _safety(
    connection: AsyncConnection, ids: Sequence[str], first: date, last: date, timezone: ZoneInfo
) -> Mapping[tuple[str, date], tuple[str, datetime]]:
    """The last answer to a safety check, by child and the day it was given."""
    statement = (
        select(AnnouncementAnswer.person_id, AnnouncementAnswer.value, AnnouncementAnswer.answered_at)
        .join(Announcement, Announcement.id == AnnouncementAnswer.announcement_id)
        .where(Announcement.is_safety_check, AnnouncementAnswer.person_id.in_(ids))
        .order_by(AnnouncementAnswer.answered_at)
    )
    found: dict[tuple[str, date], tuple[str, datetime]] = {}
    for person, value, at in await connection.execute(statement):
        day = at.astimezone(timezone).date()
        if first <= day <= last:
            found[person, day] = value, at
    return found
