"""What each school set for its staff to be pointed to; a kind without a row was never switched on."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.care.kinds import Numbers, ThresholdKind, kinds
from knowledge.db import Base, upsert
from knowledge.records.roster import Id


class Threshold(Base):
    __tablename__ = "thresholds"

    school_id: Mapped[str] = mapped_column(Id, primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)  # of ``knowledge/care/thresholds.yaml``
    parameters: Mapped[dict[str, Any]]
    is_on: Mapped[bool]
    set_by: Mapped[str] = mapped_column(Id)
    set_at: Mapped[datetime]
    looked_on: Mapped[date | None]  # the last school day that was looked at as it is set; None: none yet


@dataclass(frozen=True, kw_only=True)
class Setting:
    """A kind as a school has it."""

    kind: ThresholdKind
    numbers: Numbers
    is_on: bool = False
    set_by: str | None = None  # None: never set, the numbers are those proposed
    set_at: datetime | None = None
    looked_on: date | None = None


async def settings_of(connection: AsyncConnection, school_id: str) -> Mapping[str, Setting]:
    """Every kind as the school has it, by id, in the order in which they are shown."""
    rows = await connection.execute(select(*Threshold.__table__.c).where(Threshold.school_id == school_id))
    stored = {row.kind: row for row in rows}
    return {id: _setting(kind, stored.get(id)) for id, kind in kinds().items()}


async def set_threshold(
    connection: AsyncConnection, school_id: str, kind: str, numbers: Numbers, *, is_on: bool, by: str, at: datetime
) -> None:
    """Set a kind anew; the last school day is looked at again."""
    row = {
        "school_id": school_id,
        "kind": kind,
        "parameters": {**numbers},
        "is_on": is_on,
        "set_by": by,
        "set_at": at,
        "looked_on": None,
    }
    update = ("parameters", "is_on", "set_by", "set_at", "looked_on")
    await upsert(connection, Threshold, [row], key=("school_id", "kind"), update=update)


async def schools_with(connection: AsyncConnection) -> Mapping[str, date | None]:
    """The schools that switched something on, and the last school day up to which all of it was looked at."""
    found: dict[str, list[date | None]] = {}
    statement = select(Threshold.school_id, Threshold.looked_on).where(Threshold.is_on)
    for school_id, looked_on in await connection.execute(statement):
        found.setdefault(school_id, []).append(looked_on)
    return {
        school_id: None if None in days else min(day for day in days if day is not None)
        for school_id, days in found.items()
    }


async def mark_looked(connection: AsyncConnection, school_id: str, looked: Collection[Setting], day: date) -> None:
    """A day was looked at with these settings; one that was set anew meanwhile waits to be looked at."""
    statement = (
        update(Threshold)
        .where(
            Threshold.school_id == school_id,
            Threshold.kind == bindparam("its_kind"),
            Threshold.set_at == bindparam("its_set_at"),
        )
        .values(looked_on=day)
    )
    rows = [{"its_kind": setting.kind.id, "its_set_at": setting.set_at} for setting in looked]
    if rows:
        await connection.execute(statement, rows)


def _setting(kind: ThresholdKind, row: Any) -> Setting:
    if row is None:
        return Setting(kind=kind, numbers=kind.defaults)
    return Setting(
        kind=kind,
        numbers=kind.complete(row.parameters),
        is_on=row.is_on,
        set_by=row.set_by,
        set_at=row.set_at,
        looked_on=row.looked_on,
    )
