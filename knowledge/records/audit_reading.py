"""The audit as people read it: all of it for administrators, and for a child who looked at what of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.audit import Act, AuditEntry, AuditPerson, Kind, Part
from knowledge.records.roster import User

LOOKING = (Act.READ, Act.EXPORT, Act.CHANGE)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """An entry with its people; erased ones are left out."""

    id: int
    at: datetime
    actor_id: str | None
    role: str
    act: str
    kind: str
    channel: str
    detail: str
    subject_ids: Sequence[str]
    hash: str


@dataclass(frozen=True, kw_only=True)
class Look:
    """Somebody looked at something of a child."""

    at: datetime
    kind: Kind
    act: Act
    role: str  # of who looked, on that day
    name: str | None  # family name of who looked; None when nobody knows any more
    person_id: str | None


async def listed(connection: AsyncConnection, limit: int, person_id: str | None = None) -> list[Listed]:
    """The newest entries, the newest first; of one person those that they acted in or were the subject of."""
    statement = select(AuditEntry).with_only_columns(*AuditEntry.__table__.columns)
    if person_id is not None:
        about = select(AuditPerson.entry_id).where(AuditPerson.person_id == person_id)
        statement = statement.where(AuditEntry.id.in_(about))
    rows = (await connection.execute(statement.order_by(AuditEntry.id.desc()).limit(limit))).all()
    named = await connection.execute(
        select(AuditPerson.entry_id, AuditPerson.part, AuditPerson.person_id)
        .where(AuditPerson.entry_id.in_([row.id for row in rows]), AuditPerson.person_id.is_not(None))
        .order_by(AuditPerson.person_id)
    )
    people: dict[tuple[int, str], list[str]] = {}
    for entry_id, part, id in named:
        people.setdefault((entry_id, part), []).append(id or "")
    return [
        Listed(
            id=row.id,
            at=row.at,
            actor_id=next(iter(people.get((row.id, Part.ACTOR), ())), None),
            role=row.role,
            act=row.act,
            kind=row.kind,
            channel=row.channel,
            detail=row.detail,
            subject_ids=people.get((row.id, Part.SUBJECT), []),
            hash=row.hash,
        )
        for row in rows
    ]


async def looks_at(connection: AsyncConnection, child_id: str, since: datetime, limit: int) -> list[Look]:
    """Who looked at, took along or changed data of a child, the newest first; what the child did is left out."""
    subject, actor = AuditPerson.__table__.alias("subject"), AuditPerson.__table__.alias("actor")
    statement = (
        select(AuditEntry.at, AuditEntry.kind, AuditEntry.act, AuditEntry.role, User.family_name, actor.c.person_id)
        .join(subject, subject.c.entry_id == AuditEntry.id)
        .outerjoin(actor, (actor.c.entry_id == AuditEntry.id) & (actor.c.part == Part.ACTOR))
        .outerjoin(User, User.sourced_id == actor.c.person_id)
        .where(
            subject.c.person_id == child_id,
            subject.c.part == Part.SUBJECT,
            AuditEntry.act.in_(LOOKING),
            AuditEntry.at >= since,
            (actor.c.person_id != child_id) | actor.c.person_id.is_(None),
        )
        .order_by(AuditEntry.id.desc())
        .limit(limit)
    )
    return [
        Look(
            at=row.at,
            kind=Kind(row.kind),
            act=Act(row.act),
            role=row.role,
            name=row.family_name,
            person_id=row.person_id,
        )
        for row in await connection.execute(statement)
    ]
