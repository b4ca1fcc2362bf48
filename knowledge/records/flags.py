"""Flags: that a child's figures reached a threshold of the school. For staff alone, never for children or families."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Float, ForeignKey, Index, UniqueConstraint, and_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, aliased, mapped_column

from knowledge.db import Base
from knowledge.questions.roll import natural
from knowledge.records.care_staff import may_know
from knowledge.records.roster import Enrollment, Id, SchoolClass, User
from knowledge.records.scope import Viewer, valid_on

SHOWN_FOR = timedelta(days=14)  # after it ended, or was dealt with
LONGEST_NOTE = 500  # characters


class FlagState(StrEnum):
    """What staff made of a flag."""

    NEW = "new"
    SEEN = "seen"
    ADDRESSED = "addressed"
    NOT_A_CONCERN = "not_a_concern"


OPEN = (FlagState.NEW, FlagState.SEEN)  # somebody has still to look after the child


class Flag(Base):
    """One for a child and kind while it lasts."""

    __tablename__ = "flags"
    __table_args__ = (
        UniqueConstraint("student_id", "kind", "since"),
        Index("ix_flags_school_id_day", "school_id", "day"),
    )

    id: Mapped[str] = mapped_column(primary_key=True)
    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    school_id: Mapped[str] = mapped_column(Id)
    kind: Mapped[str]
    since: Mapped[date]  # the school day on which it was raised
    day: Mapped[date]  # the last school day on which it held
    ended_on: Mapped[date | None]  # the first one on which it did not; None: it lasts
    figures: Mapped[dict[str, Any]]  # of ``day``; empty: what it rested on is no longer so
    told_amount: Mapped[float] = mapped_column(Float(53))  # how far it was when staff were told of it last
    told_at: Mapped[datetime]
    state: Mapped[str]
    state_by: Mapped[str | None] = mapped_column(Id)
    state_at: Mapped[datetime | None]
    note: Mapped[str | None]  # of staff


@dataclass(frozen=True, kw_only=True)
class Flagged:
    """A flag as staff see it."""

    id: str
    student_id: str
    family_name: str
    given_name: str
    class_id: str | None
    class_title: str
    kind: str
    since: date
    day: date
    ended_on: date | None
    figures: dict[str, Any]
    state: FlagState
    state_by: tuple[str, str] | None  # family name, given name
    state_at: datetime | None
    note: str | None

    @property
    def is_open(self) -> bool:
        return self.state in OPEN


def flag_id(student_id: str, kind: str, since: date) -> str:
    """Stands in buttons: it says nothing, and whoever taps is asked for their rights."""
    return str(uuid5(NAMESPACE_URL, f"flag:{student_id}:{kind}:{since.isoformat()}"))


async def find_flags(
    connection: AsyncConnection,
    viewer: Viewer,
    *,
    ids: Collection[str] | None = None,
    class_id: str | None = None,
    states: Collection[FlagState] = tuple(FlagState),
) -> Sequence[Flagged]:
    """The flags that last, or ended a short while ago, of children the viewer may know of: homeroom teachers their
    class, school leads and nurses their school. In the order of the classes and the roll. ``ids``, ``class_id``: of
    these alone."""
    if not viewer.homerooms and not viewer.schools:
        return []
    home, by = aliased(Enrollment), aliased(User)
    conditions = [
        Flag.school_id.in_(viewer.schools | viewer.workplaces),  # what the index needs; the rights are looked at below
        Flag.state.in_(states),
        or_(Flag.ended_on.is_(None), Flag.ended_on > viewer.on - SHOWN_FOR),
        may_know(Flag.student_id.expression, viewer, ()),
    ]
    if ids is not None:
        conditions.append(Flag.id.in_(ids))
    if class_id is not None:
        conditions.append(SchoolClass.sourced_id == class_id)
    statement = (
        select(
            *Flag.__table__.c,
            User.family_name,
            User.given_name,
            SchoolClass.sourced_id.label("class_id"),
            SchoolClass.title,
            by.family_name.label("by_family"),
            by.given_name.label("by_given"),
        )
        .join(User, User.sourced_id == Flag.student_id)
        .outerjoin(by, by.sourced_id == Flag.state_by)
        .outerjoin(
            home,
            and_(
                home.user_sourced_id == Flag.student_id,
                home.role == "student",
                valid_on(home.begin_date, home.end_date, viewer.on),
                home.class_sourced_id.in_(
                    select(SchoolClass.sourced_id).where(SchoolClass.class_type == "homeroom").scalar_subquery()
                ),
            ),
        )
        .outerjoin(SchoolClass, SchoolClass.sourced_id == home.class_sourced_id)
        .where(*conditions)
        .order_by(home.attendance_number, Flag.student_id, Flag.since, Flag.kind)
    )
    found: dict[str, Flagged] = {}  # a child in two homerooms stands there once
    for row in await connection.execute(statement):
        found.setdefault(row.id, _flagged(row))
    return sorted(found.values(), key=lambda flag: natural(flag.class_title))


async def set_state(
    connection: AsyncConnection, flag_id: str, state: FlagState, by: str, at: datetime, note: str | None = None
) -> None:
    """What staff made of a flag; without a ``note`` the one there is stays. Whether ``by`` may is asked before."""
    values: dict[str, Any] = {"state": state, "state_by": by, "state_at": at}
    if note is not None:
        values["note"] = note or None
    await connection.execute(update(Flag).where(Flag.id == flag_id).values(values))


async def end_flags(connection: AsyncConnection, school_id: str, kind: str, on: date) -> None:
    """A threshold was switched off: what it raised is over."""
    await connection.execute(
        update(Flag).where(Flag.school_id == school_id, Flag.kind == kind, Flag.ended_on.is_(None)).values(ended_on=on)
    )


def _flagged(row: Any) -> Flagged:
    return Flagged(
        id=row.id,
        student_id=row.student_id,
        family_name=row.family_name,
        given_name=row.given_name,
        class_id=row.class_id,
        class_title=row.title or "",
        kind=row.kind,
        since=row.since,
        day=row.day,
        ended_on=row.ended_on,
        figures=row.figures,
        state=FlagState(row.state),
        state_by=None if row.by_family is None else (row.by_family, row.by_given),
        state_at=row.state_at,
        note=row.note,
    )
