"""Those an announcement asked, with their answers, and who may see them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.model import ScopeKind
from knowledge.records.announcements import IS_ANSWERED, Announced, AnnouncementAnswer, AnnouncementRecipient
from knowledge.records.roster import Enrollment, Org, SchoolClass, User
from knowledge.records.scope import Access, Place, Viewer, valid_on


@dataclass(frozen=True, kw_only=True)
class Response:
    """One person who was asked and is still at school, answered or not."""

    person_id: str
    name: str  # 「佐藤 花」
    class_title: str  # of the homeroom; "" for staff
    is_student: bool
    places: tuple[Place, ...]  # of a student: where in the roster
    value: str | None
    answered_at: datetime | None

    def is_seen_by(self, viewer: Viewer, announcement: Announced, led: Collection[str]) -> bool:
        """Whether the viewer, who leads the schools ``led``, may see this person's answer: who announced it and the
        school's leads as far as they may ask about the child at all, a homeroom teacher of their own class."""
        is_whole = announcement.owner_id == viewer.person_id or announcement.school_id in led
        if not self.is_student:
            return is_whole
        if is_whole:
            return viewer.access(ScopeKind.STUDENT, self.person_id, self.places) >= Access.SUBJECT
        return any(place.class_id in viewer.homerooms for place in self.places)


async def responses_of(connection: AsyncConnection, announcement_id: str, on: date) -> list[Response]:
    """Everybody who was asked and is still there on a day, by class, number and name. Who left the school is left out,
    with their answer."""
    places, rooms = await _places(connection, announcement_id, on)
    statement = (
        select(
            User.sourced_id,
            User.family_name,
            User.given_name,
            User.grade,
            AnnouncementAnswer.value,
            AnnouncementAnswer.answered_at,
        )
        .join(AnnouncementRecipient, AnnouncementRecipient.person_id == User.sourced_id)
        .outerjoin(AnnouncementAnswer, IS_ANSWERED)
        .where(AnnouncementRecipient.announcement_id == announcement_id, User.enabled)
    )
    found: list[tuple[tuple[str, int, str], Response]] = []
    for row in await connection.execute(statement):
        where = places.get(row.sourced_id, ())
        if row.grade is not None and not where:
            continue  # a child without an enrolment
        title, number = rooms.get(row.sourced_id, ("", 0))
        response = Response(
            person_id=row.sourced_id,
            name=f"{row.family_name} {row.given_name}",
            class_title=title,
            is_student=bool(where),
            places=tuple(where),
            value=row.value,
            answered_at=row.answered_at,
        )
        found.append(((title, number, response.name), response))
    return [response for _, response in sorted(found, key=lambda each: each[0])]


async def _places(
    connection: AsyncConnection, announcement_id: str, on: date
) -> tuple[dict[str, list[Place]], dict[str, tuple[str, int]]]:
    """Of every child who was asked the classes of a day, and title and number in the homeroom."""
    statement = (
        select(
            Enrollment.user_sourced_id,
            Enrollment.attendance_number,
            SchoolClass.sourced_id,
            SchoolClass.title,
            SchoolClass.class_type,
            Org.sourced_id.label("school_id"),
            Org.parent_sourced_id,
        )
        .join(AnnouncementRecipient, AnnouncementRecipient.person_id == Enrollment.user_sourced_id)
        .join(SchoolClass, SchoolClass.sourced_id == Enrollment.class_sourced_id)
        .join(Org, Org.sourced_id == SchoolClass.school_sourced_id)
        .where(
            AnnouncementRecipient.announcement_id == announcement_id,
            Enrollment.role == "student",
            valid_on(Enrollment.begin_date, Enrollment.end_date, on),
        )
    )
    places: dict[str, list[Place]] = {}
    rooms: dict[str, tuple[str, int]] = {}
    for row in await connection.execute(statement):
        place = Place(class_id=row.sourced_id, school_id=row.school_id, district_id=row.parent_sourced_id)
        places.setdefault(row.user_sourced_id, []).append(place)
        if row.class_type == "homeroom":
            rooms[row.user_sourced_id] = (row.title, row.attendance_number or 0)
    return places, rooms
