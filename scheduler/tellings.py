"""What of a child waits to be seen by somebody at school, and who was told of it when.

A row of ``escalations`` waits; it goes when somebody has seen what it stands for. ``scheduler/escalating.py`` passes on
what waits for too long; ``tellings`` keeps whom it was passed to.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Index, String, case, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, upsert
from scheduler.outbox import Outbox, State

URGENT = "urgent"


class Escalation(Base):
    """Something that waits to be seen, and how far it was passed on."""

    __tablename__ = "escalations"
    __table_args__ = (Index("ix_escalations_next_at", "next_at"),)

    kind: Mapped[str] = mapped_column(String(32), primary_key=True)  # alert, talk
    item_id: Mapped[str] = mapped_column(String(300), primary_key=True)
    student_id: Mapped[str] = mapped_column(String(255))
    level: Mapped[str] = mapped_column(String(16))  # how long it may wait: urgent, soon, talk
    begun_at: Mapped[datetime]
    step: Mapped[int]  # how often somebody was told; 0: nobody could be
    told_at: Mapped[datetime | None]  # the latest of these; None: nobody yet
    next_at: Mapped[datetime]  # when the planner looks at it again
    rounds: Mapped[int]  # how often the list came to its end


class Telling(Base):
    """Somebody who was told. It stays when nothing waits any more."""

    __tablename__ = "tellings"
    __table_args__ = (Index("ix_tellings_item_id_kind", "item_id", "kind"),)

    key: Mapped[str] = mapped_column(String(600), primary_key=True)  # of the send; its id where it has no key
    kind: Mapped[str] = mapped_column(String(32))
    item_id: Mapped[str] = mapped_column(String(300))
    person_id: Mapped[str] = mapped_column(String(255))  # of staff
    step: Mapped[int]  # the how manieth telling of the item; 0: of another text of what was waiting
    at: Mapped[datetime]


IS_SENT_BY = or_(Outbox.key == Telling.key, Outbox.id == Telling.key)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Something to be seen by staff, and who is told of it in the same transaction."""

    kind: str
    item_id: str
    student_id: str
    level: str
    at: datetime
    told: Sequence[
        tuple[str, str]
    ] = ()  # (person, key or id of the send); (): nobody could be told, the planner tries on


def first_key(kind: str, item_id: str, person_id: str) -> str:
    """The key of the send by which somebody is told first."""
    return f"{kind}:{item_id}:{person_id}"


async def begin(connection: AsyncConnection, begun: Begun) -> None:
    """Let it wait to be seen. What waits already goes on as it was, only sooner where it became urgent: somebody who
    writes again and again would otherwise never be passed on."""
    changes: dict[str, Any] = {"next_at": begun.at}  # the planner looks at it anew
    if begun.level == URGENT:
        changes["level"] = URGENT
    if begun.told:
        changes["told_at"] = func.coalesce(Escalation.told_at, begun.at)
        changes["step"] = case((Escalation.step == 0, 1), else_=Escalation.step)
    of_item = (Escalation.kind == begun.kind, Escalation.item_id == begun.item_id)
    waits = (await connection.execute(update(Escalation).where(*of_item).values(changes))).rowcount
    if not waits:
        row = {
            "kind": begun.kind,
            "item_id": begun.item_id,
            "student_id": begun.student_id,
            "level": begun.level,
            "begun_at": begun.at,
            "step": 1 if begun.told else 0,
            "told_at": begun.at if begun.told else None,
            "next_at": begun.at,
            "rounds": 0,
        }
        await upsert(connection, Escalation, [row], key=["kind", "item_id"])
    rows = [
        {
            "key": key,
            "kind": begun.kind,
            "item_id": begun.item_id,
            "person_id": person,
            "step": 0 if waits else 1,
            "at": begun.at,
        }
        for person, key in begun.told
    ]
    await upsert(connection, Telling, rows, key=["key"])


async def end(connection: AsyncConnection, kind: str, item_ids: Collection[str]) -> None:
    """Somebody has seen them: they are passed on no more."""
    await connection.execute(delete(Escalation).where(Escalation.kind == kind, Escalation.item_id.in_(item_ids)))


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One telling, and what became of it."""

    item_id: str
    person_id: str
    at: datetime
    state: State | None  # of the send; None: it was cleared away since


async def who_was_told(connection: AsyncConnection, kind: str, item_ids: Collection[str]) -> list[Sent]:
    """Everybody who was told of these, the first at first."""
    statement = (
        select(Telling.item_id, Telling.person_id, Telling.at, Outbox.state)
        .outerjoin(Outbox, IS_SENT_BY)
        .where(Telling.kind == kind, Telling.item_id.in_(item_ids))
        .order_by(Telling.at, Telling.step, Telling.person_id)
    )
    rows: Any = await connection.execute(statement)  # no send: its state is None, which no column type says
    return [
        Sent(item_id=item, person_id=person, at=at, state=None if state is None else State(state))
        for item, person, at, state in rows
    ]
