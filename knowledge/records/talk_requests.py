"""Children who want to talk with somebody at school (相談したい), and whom they may choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, exists, select, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, aliased, mapped_column

from knowledge.db import Base
from knowledge.records.roster import Enrollment, Role, SchoolClass, User
from knowledge.records.scope import valid_on

NURSE, COUNSELOR = "ext:nurse", "counselor"  # OneRoster roles


class Chosen(StrEnum):
    """As what somebody was chosen."""

    HOMEROOM = "homeroom"
    TEACHER = "teacher"
    NURSE = "nurse"
    COUNSELOR = "counselor"
    ANYONE = "anyone"  # whoever the school tells first


class Passing(StrEnum):
    """Whether others than the one chosen may be told when nobody reads it."""

    ASKED = "asked"  # the child has not answered yet
    YES = "yes"
    NO = "no"


class TalkRequest(Base):
    """One request. It is open until a member of staff closes it, or the child takes it back."""

    __tablename__ = "talk_requests"
    __table_args__ = (
        Index("ix_talk_requests_student_id", "student_id", "closed_at"),
        Index(
            "ix_talk_requests_open",
            "requested_at",
            sqlite_where=text("closed_at IS NULL"),
            postgresql_where=text("closed_at IS NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(300), primary_key=True)  # of what brought it: stored once
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    date: Mapped[date]  # of the request, in the school's time zone
    requested_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(255))  # sourcedId; the child's own: taken back
    chosen_as: Mapped[str | None] = mapped_column(String(16))  # ``Chosen``; None, of old requests: anyone
    chosen_id: Mapped[str | None] = mapped_column(String(255))  # sourcedId; None: anyone
    subject: Mapped[str | None] = mapped_column(String(16))  # friends, study, home, future, other, unsaid
    read_at: Mapped[datetime | None]  # when somebody at school read it first
    read_by: Mapped[str | None] = mapped_column(String(255))  # sourcedId
    passing: Mapped[str | None] = mapped_column(String(16))  # ``Passing``; None: the child was not asked


@dataclass(frozen=True, kw_only=True)
class Confidant:
    """Somebody at school whom a child may choose."""

    person_id: str
    family_name: str
    given_name: str
    kana_family_name: str | None
    chosen_as: Chosen


async def confidants_of(connection: AsyncConnection, student_id: str, on: date) -> list[Confidant]:
    """The child's own teachers of a day, those of the homeroom first, then nurses and counsellors of the school. Nobody
    twice, nobody who left, and no guardian of the child. [] for a child who is in no class."""
    own, teaching = aliased(Enrollment), aliased(Enrollment)
    is_own = (own.user_sourced_id == student_id, own.role == "student", valid_on(own.begin_date, own.end_date, on))
    holds = (Role.user_sourced_id == User.sourced_id, valid_on(Role.begin_date, Role.end_date, on))
    columns = (User.sourced_id, User.family_name, User.given_name, User.kana_family_name)
    teachers = (
        select(*columns, SchoolClass.class_type)
        .join(teaching, teaching.user_sourced_id == User.sourced_id)
        .join(SchoolClass, SchoolClass.sourced_id == teaching.class_sourced_id)
        .join(own, own.class_sourced_id == teaching.class_sourced_id)
        .where(
            *is_own,
            User.enabled,
            teaching.role == "teacher",
            valid_on(teaching.begin_date, teaching.end_date, on),
            exists().where(*holds, Role.role == "teacher"),
        )
        .order_by(SchoolClass.class_type, teaching.is_primary.desc(), User.kana_family_name, User.sourced_id)
    )
    carers = (
        select(*columns, Role.role)
        .join(Role, Role.user_sourced_id == User.sourced_id)
        .where(
            *holds,
            User.enabled,
            Role.role.in_((NURSE, COUNSELOR)),
            Role.org_sourced_id.in_(select(own.school_sourced_id).where(*is_own)),
        )
        .order_by(Role.role.desc(), User.kana_family_name, User.sourced_id)
    )
    agents = await connection.scalar(select(User.agent_sourced_ids).where(User.sourced_id == student_id))
    parts = {"homeroom": Chosen.HOMEROOM, NURSE: Chosen.NURSE, COUNSELOR: Chosen.COUNSELOR}
    found: dict[str, Confidant] = {}
    for statement in (teachers, carers):
        for id, family_name, given_name, kana, part in await connection.execute(statement):
            confidant = Confidant(
                person_id=id,
                family_name=family_name,
                given_name=given_name,
                kana_family_name=kana,
                chosen_as=parts.get(part, Chosen.TEACHER),
            )
            if id not in (agents or ()):
                found.setdefault(id, confidant)
    order = [*Chosen]
    return sorted(found.values(), key=lambda each: order.index(each.chosen_as))


COLUMNS = tuple(TalkRequest.__table__.columns)


async def find_request(connection: AsyncConnection, request_id: str) -> Any:
    """The request as a row, None where there is none of this id."""
    return (await connection.execute(select(*COLUMNS).where(TalkRequest.id == request_id))).first()


async def open_requests(connection: AsyncConnection, student_id: str) -> Sequence[Any]:
    """What a child still waits for, the latest first, as rows."""
    statement = (
        select(*COLUMNS)
        .where(TalkRequest.student_id == student_id, TalkRequest.closed_at.is_(None))
        .order_by(TalkRequest.requested_at.desc(), TalkRequest.id)
    )
    return (await connection.execute(statement)).all()
