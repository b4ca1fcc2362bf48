"""Closures declared by a school's lead: a day off for a storm, or weeks of learning at home."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, upsert


class Closure(Base):
    """School is closed for the whole school, some grades or some classes."""

    __tablename__ = "closures"
    __table_args__ = (Index("ix_closures_school_id_first_day", "school_id", "first_day"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(255))
    grades: Mapped[list[Any]]  # closed grades; with ``class_ids`` empty too: the whole school
    class_ids: Mapped[list[Any]]  # closed homeroom classes (学級閉鎖)
    label: Mapped[str]  # 「学校全体」, 「5年生」, 「3年2組」
    first_day: Mapped[date]
    last_day: Mapped[date | None]  # included; None: until it is ended, which sets it
    reason: Mapped[str]  # in the lead's words; "" for none
    is_remote: Mapped[bool]  # learning goes on at home: check-ins in their remote form and a daily menu
    announcement_id: Mapped[str | None] = mapped_column(ForeignKey("announcements.id"))  # the safety check
    declared_by: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    declared_at: Mapped[datetime]
    ended_by: Mapped[str | None] = mapped_column(ForeignKey("users.sourced_id"))
    ended_at: Mapped[datetime | None]


class MenuItem(Base):
    """One thing to learn at home on one day."""

    __tablename__ = "menu_items"
    __table_args__ = (Index("ix_menu_items_school_id_date", "school_id", "date"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    school_id: Mapped[str] = mapped_column(String(255))
    grade: Mapped[str]  # P4
    date: Mapped[date]
    place: Mapped[int]  # in the day's menu, from 1
    subject: Mapped[str]
    kind: Mapped[str] = mapped_column(String(16))  # video, research, drill, live, paper; page: from the catalogue
    title: Mapped[str]
    url: Mapped[str | None]
    starts_at: Mapped[str | None] = mapped_column(String(5))  # HH:MM of a live lesson
    created_by: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))


class MenuDone(Base):
    """A child says that they did an item."""

    __tablename__ = "menu_done"

    item_id: Mapped[str] = mapped_column(ForeignKey("menu_items.id"), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), primary_key=True)
    done_at: Mapped[datetime]


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A closure as it is stored; fields are those of ``Closure``."""

    id: str
    school_id: str
    grades: tuple[str, ...]
    class_ids: tuple[str, ...]
    label: str
    first_day: date
    last_day: date | None
    reason: str
    is_remote: bool
    announcement_id: str | None

    def covers(self, day: date) -> bool:
        return self.first_day <= day and (self.last_day is None or day <= self.last_day)


async def declare(connection: AsyncConnection, closure: Declared, person_id: str, at: datetime) -> None:
    """Store a closure, once however often: its id is that of the event that declared it."""
    row = {
        **vars(closure),
        "grades": [*closure.grades],
        "class_ids": [*closure.class_ids],
        "declared_by": person_id,
        "declared_at": at,
        "ended_by": None,
        "ended_at": None,
    }
    await upsert(connection, Closure, [row], key=["id"])


async def end_closures(
    connection: AsyncConnection, ids: Collection[str], last_day: date, person_id: str, at: datetime
) -> None:
    """Set the last day of closures; one before their first day means that they never were."""
    await connection.execute(
        update(Closure).where(Closure.id.in_(ids)).values(last_day=last_day, ended_by=person_id, ended_at=at)
    )


async def find_closures(connection: AsyncConnection, school_ids: Collection[str], since: date) -> list[Declared]:
    """Closures of these schools that last to ``since`` or beyond, the earliest first."""
    columns = [getattr(Closure, name) for name in Declared.__dataclass_fields__]
    statement = (
        select(*columns)
        .where(
            Closure.school_id.in_(school_ids),
            or_(Closure.last_day.is_(None), Closure.last_day >= since),
            or_(Closure.last_day.is_(None), Closure.last_day >= Closure.first_day),
        )
        .order_by(Closure.first_day, Closure.id)
    )
    rows: list[dict[str, Any]] = [{**row._mapping} for row in await connection.execute(statement)]
    for row in rows:
        row |= {name: tuple(row[name]) for name in ("grades", "class_ids")}
    return [Declared(**row) for row in rows]


@dataclass(frozen=True, kw_only=True)
class MenuLine:
    """One item of a day's menu; fields are those of ``MenuItem``."""

    id: str
    place: int
    subject: str
    kind: str
    title: str
    url: str | None
    starts_at: str | None


def menu_id(school_id: str, grade: str, day: date, *said: str) -> str:
    """The id of an item: of the same words on the same day the same, so that what children did of it is kept."""
    text = "\n".join([school_id, grade, day.isoformat(), *said])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


async def find_menu(connection: AsyncConnection, school_id: str, grade: str, day: date) -> list[MenuLine]:
    """The menu of a grade on a day, in its order; nothing where none was set."""
    columns = [getattr(MenuItem, name) for name in MenuLine.__dataclass_fields__]
    statement = (
        select(*columns)
        .where(MenuItem.school_id == school_id, MenuItem.grade == grade, MenuItem.date == day)
        .order_by(MenuItem.place)
    )
    return [MenuLine(**row._mapping) for row in await connection.execute(statement)]


async def save_menu(
    connection: AsyncConnection, school_id: str, grade: str, day: date, lines: Sequence[MenuLine], person_id: str
) -> None:
    """Store the menu of a grade on a day in place of an earlier one. What children did of lines that stay is kept."""
    place = {"school_id": school_id, "grade": grade, "date": day}
    old = {line.id for line in await find_menu(connection, school_id, grade, day)}
    gone = old - {line.id for line in lines}
    await connection.execute(delete(MenuDone).where(MenuDone.item_id.in_(gone)))
    await connection.execute(delete(MenuItem).where(MenuItem.id.in_(gone)))
    rows: list[Mapping[str, Any]] = [{**vars(line), **place, "created_by": person_id} for line in lines]
    await upsert(connection, MenuItem, rows, key=["id"], update=["place", "url", "starts_at", "created_by"])


async def done_items(connection: AsyncConnection, person_id: str, item_ids: Collection[str]) -> frozenset[str]:
    """Those of the items that a child did."""
    statement = select(MenuDone.item_id).where(MenuDone.person_id == person_id, MenuDone.item_id.in_(item_ids))
    return frozenset((await connection.scalars(statement)).all())


async def first_remote_day(connection: AsyncConnection, school_id: str, until: date) -> date | None:
    """The first day of the school's latest learning at home that has begun by ``until``; None without one."""
    statement = (
        select(Closure.first_day)
        .where(
            Closure.school_id == school_id,
            Closure.is_remote,
            Closure.first_day <= until,
            or_(Closure.last_day.is_(None), Closure.last_day >= Closure.first_day),
        )
        .order_by(Closure.first_day.desc())
        .limit(1)
    )
    return await connection.scalar(statement)
