"""Good practice (優良事例): what a teacher told, and what a school lead decided about it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, String, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, aliased, mapped_column

from knowledge.db import Base
from knowledge.records.roster import Org, User


class PracticeState(StrEnum):
    WAITING = "waiting"  # for a lead of the school
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"  # its words are gone; the row goes with its document


class Practice(Base):
    """One 実践メモ. Once approved it is a document of the district."""

    __tablename__ = "practices"
    __table_args__ = (Index("ix_practices_school_id_state", "school_id", "state"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    author_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    school_id: Mapped[str] = mapped_column(String(255))  # whose leads decide
    told_on: Mapped[date]
    subject: Mapped[str | None]
    grades: Mapped[list[Any]]  # grade codes; empty: any
    text: Mapped[str]
    state: Mapped[str] = mapped_column(String(16))  # ``PracticeState``
    decided_by: Mapped[str | None] = mapped_column(ForeignKey("users.sourced_id"))
    decided_at: Mapped[datetime | None]
    document_id: Mapped[str | None] = mapped_column(String(128))  # once it is in the library
    created_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class Told:
    """A practice with who told it, where, and who decided; fields are those of ``Practice`` where they share a name."""

    id: str
    author_id: str
    author_family_name: str
    author_given_name: str
    school_id: str
    school: str  # its name
    district_id: str | None
    told_on: date
    subject: str | None
    grades: tuple[str, ...]
    text: str
    state: PracticeState
    decided_by: str | None
    decided_by_name: str | None  # family name
    decided_at: datetime | None

    @property
    def org_id(self) -> str:
        """Whose practice it is once approved: the district's, or the school's where it is of none."""
        return self.district_id or self.school_id


async def find_told(connection: AsyncConnection, practice_id: str) -> Told | None:
    found = await _all(connection, _told().where(Practice.id == practice_id))
    return found[0] if found else None


async def waiting_at(connection: AsyncConnection, schools: Collection[str]) -> list[Told]:
    """Those that wait for a lead of these schools, the oldest first."""
    waits = and_(Practice.state == PracticeState.WAITING, Practice.school_id.in_(schools))
    return await _all(connection, _told().where(waits).order_by(Practice.created_at, Practice.id))


async def shown_to(connection: AsyncConnection, orgs: Collection[str] | None) -> list[Told]:
    """Approved practices of these schools, and of all schools of these districts, the newest first; ``None``: all."""
    statement = _told().where(Practice.state == PracticeState.APPROVED)
    if orgs is not None:
        statement = statement.where(or_(Practice.school_id.in_(orgs), Org.parent_sourced_id.in_(orgs)))
    return await _all(connection, statement.order_by(Practice.told_on.desc(), Practice.id))


async def withdrawable(connection: AsyncConnection, person_id: str, led: Collection[str]) -> list[Told]:
    """What a person told, and what was told at the schools they lead, as far as it waits or was approved; the newest
    first."""
    states = (PracticeState.WAITING, PracticeState.APPROVED)
    may = or_(Practice.author_id == person_id, Practice.school_id.in_(led))
    statement = _told().where(may, Practice.state.in_(states)).order_by(Practice.created_at.desc(), Practice.id)
    return await _all(connection, statement)


async def decide(connection: AsyncConnection, practice_id: str, state: PracticeState, by: str, at: datetime) -> bool:
    """Decide about a practice that waits; False when it does not (any more)."""
    waits = and_(Practice.id == practice_id, Practice.state == PracticeState.WAITING)
    changed = update(Practice).where(waits).values(state=state, decided_by=by, decided_at=at).returning(Practice.id)
    return await connection.scalar(changed) is not None


async def withdraw(connection: AsyncConnection, practice_id: str, by: str, at: datetime) -> bool:
    """Take a practice back, its words at once; False when there is none to take back."""
    is_there = and_(Practice.id == practice_id, Practice.state.in_((PracticeState.WAITING, PracticeState.APPROVED)))
    gone = {"state": PracticeState.WITHDRAWN, "text": "", "decided_by": by, "decided_at": at}
    changed = update(Practice).where(is_there).values(**gone).returning(Practice.id)
    return await connection.scalar(changed) is not None


async def unpublished(connection: AsyncConnection) -> list[Told]:
    """Approved practices that are not in the library yet."""
    return await _all(
        connection, _told().where(Practice.state == PracticeState.APPROVED, Practice.document_id.is_(None))
    )


async def withdrawn(connection: AsyncConnection) -> list[str]:
    """The ids of those that were taken back and may still be in the library."""
    return [*await connection.scalars(select(Practice.id).where(Practice.state == PracticeState.WITHDRAWN))]


async def publish(connection: AsyncConnection, practice_id: str, document_id: str) -> bool:
    """Keep which document it became; False when it was taken back meanwhile."""
    is_approved = and_(Practice.id == practice_id, Practice.state == PracticeState.APPROVED)
    changed = update(Practice).where(is_approved).values(document_id=document_id).returning(Practice.id)
    return await connection.scalar(changed) is not None


async def forget(connection: AsyncConnection, practice_id: str) -> None:
    """Drop the row of one that was taken back, its document being gone."""
    is_gone = and_(Practice.id == practice_id, Practice.state == PracticeState.WITHDRAWN)
    await connection.execute(delete(Practice).where(is_gone))


async def count_waiting(connection: AsyncConnection, author_id: str) -> int:
    waits = and_(Practice.author_id == author_id, Practice.state == PracticeState.WAITING)
    return await connection.scalar(select(func.count()).select_from(Practice).where(waits)) or 0


def _told() -> Select[Any]:
    author, decider = aliased(User), aliased(User)
    return (
        select(
            *Practice.__table__.c,
            author.family_name.label("author_family_name"),
            author.given_name.label("author_given_name"),
            decider.family_name.label("decided_by_name"),
            Org.name.label("school"),
            Org.parent_sourced_id.label("district_id"),
        )
        .join(author, author.sourced_id == Practice.author_id)
        .outerjoin(decider, decider.sourced_id == Practice.decided_by)
        .outerjoin(Org, Org.sourced_id == Practice.school_id)
    )


async def _all(connection: AsyncConnection, statement: Select[Any]) -> list[Told]:
    return [
        Told(
            id=row.id,
            author_id=row.author_id,
            author_family_name=row.author_family_name,
            author_given_name=row.author_given_name,
            school_id=row.school_id,
            school=row.school or "",
            district_id=row.district_id,
            told_on=row.told_on,
            subject=row.subject,
            grades=tuple(row.grades),
            text=row.text,
            state=PracticeState(row.state),
            decided_by=row.decided_by,
            decided_by_name=row.decided_by_name,
            decided_at=row.decided_at,
        )
        for row in await connection.execute(statement)
    ]
