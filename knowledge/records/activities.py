"""Clubs and events that children may join: programming schools, community ICT clubs, museum days."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, String, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class ActivityKind(StrEnum):
    CLUB = "club"
    EVENT = "event"


class Activity(Base):
    """One row of the ``activities`` CSV kind."""

    __tablename__ = "activities"
    __table_args__ = (Index("ix_activities_org_id_end_date", "org_id", "end_date"),)

    activity_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    org_id: Mapped[str | None] = mapped_column(String(255))  # school or district it is for; None: all of them
    kind: Mapped[str] = mapped_column(String(16))  # ``ActivityKind``
    name: Mapped[str]
    place: Mapped[str | None]
    start_date: Mapped[date | None]
    end_date: Mapped[date | None]  # included; afterwards it is never offered; None: without end
    schedule: Mapped[str | None]  # 「毎週土曜 10時〜12時」
    apply_until: Mapped[date | None]  # last day to apply, included
    grades: Mapped[list[Any]]  # grade codes; empty: every grade
    contact: Mapped[str | None]
    is_online: Mapped[bool]
    url: Mapped[str | None]
    description: Mapped[str | None]


@dataclass(frozen=True, kw_only=True)
class Joinable:
    """An activity as somebody may find it; fields are those of ``Activity``."""

    activity_id: str
    kind: ActivityKind
    name: str
    place: str | None
    start_date: date | None
    end_date: date | None
    schedule: str | None
    apply_until: date | None
    grades: tuple[str, ...]
    contact: str | None
    is_online: bool
    url: str | None
    description: str | None

    @property
    def last_day(self) -> date | None:
        """The last day on which it takes place; None for a club without end."""
        return self.end_date or (self.start_date if self.kind is ActivityKind.EVENT else None)

    def is_over(self, on: date) -> bool:
        return self.last_day is not None and self.last_day < on

    def takes_applications(self, on: date) -> bool:
        """Whether one may still ask to join: it is not over, and neither is the time to apply."""
        return not self.is_over(on) and (self.apply_until is None or on <= self.apply_until)

    def lies_in(self, first: date, last: date) -> bool:
        """Whether any of its days may lie within two days, both included."""
        begins = self.start_date is None or self.start_date <= last
        return begins and (self.last_day is None or self.last_day >= first)

    def is_for(self, grades: Collection[str]) -> bool:
        """Whether it is for somebody of one of the grades."""
        return not self.grades or not set(self.grades).isdisjoint(grades)


async def activities_of(connection: AsyncConnection, orgs: Collection[str] | None) -> list[Joinable]:
    """What these schools and districts have, over or not, the soonest first; ``None``: what all of them have."""
    statement = select(*Activity.__table__.c)
    if orgs is not None:
        statement = statement.where(or_(Activity.org_id.is_(None), Activity.org_id.in_(orgs)))
    found = [
        Joinable(
            activity_id=row.activity_id,
            kind=ActivityKind(row.kind),
            name=row.name,
            place=row.place,
            start_date=row.start_date,
            end_date=row.end_date,
            schedule=row.schedule,
            apply_until=row.apply_until,
            grades=tuple(row.grades),
            contact=row.contact,
            is_online=row.is_online,
            url=row.url,
            description=row.description,
        )
        for row in await connection.execute(statement)
    ]
    return sorted(found, key=lambda each: (each.start_date or date.min, each.name, each.activity_id))
