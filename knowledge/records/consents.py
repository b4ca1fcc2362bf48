"""Which notices people were shown and took note of, and what was agreed to or withdrawn, by purpose."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, ForeignKey, Index, String, exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, upsert
from knowledge.records.roster import Id


class Purpose(StrEnum):
    """What can be agreed to or withdrawn by itself. Where nobody said anything, the school's own decision holds."""

    PROMPTS = "prompts"  # being written to without having asked: withdrawn, the person is not prompted any more
    MODEL = "model"  # a language model, where the board switched one on: withdrawn, it gets no word of the person


class NoticeShown(Base):
    """A version of the notice that a person was shown."""

    __tablename__ = "notices_shown"

    person_id: Mapped[str] = mapped_column(Id, ForeignKey("users.sourced_id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    shown_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]  # when the person tapped that they took note of it


class Consent(Base):
    """The latest word on a purpose; earlier ones are in the audit."""

    __tablename__ = "consents"
    __table_args__ = (
        Index(
            "ix_consents_withdrawn",
            "purpose",
            "person_id",
            sqlite_where=text("NOT is_given"),
            postgresql_where=text("NOT is_given"),
        ),
    )

    person_id: Mapped[str] = mapped_column(Id, ForeignKey("users.sourced_id"), primary_key=True)
    purpose: Mapped[str] = mapped_column(String(16), primary_key=True)
    is_given: Mapped[bool]
    decided_at: Mapped[datetime]
    decided_by: Mapped[str | None] = mapped_column(Id)  # sourcedId: the person, or a guardian; None: as on paper
    how: Mapped[str] = mapped_column(String(16))  # chat, paper


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A word on a purpose; fields are those of ``Consent``."""

    person_id: str
    purpose: Purpose
    is_given: bool
    decided_at: datetime
    decided_by: str | None
    how: str


async def decide(connection: AsyncConnection, decisions: Sequence[Decision]) -> None:
    """Store decisions; of a person and purpose the one decided last stays."""
    for each in sorted(decisions, key=lambda decision: decision.decided_at):
        known = await connection.scalar(
            select(Consent.decided_at).where(Consent.person_id == each.person_id, Consent.purpose == each.purpose)
        )
        if known is None or known <= each.decided_at:
            row = {**vars(each), "purpose": each.purpose.value}
            values = ["is_given", "decided_at", "decided_by", "how"]
            await upsert(connection, Consent, [row], key=["person_id", "purpose"], update=values)


def has_withdrawn(person_id: Any, purpose: Purpose) -> ColumnElement[bool]:
    """Whether the person of a column withdrew their consent to a purpose."""
    withdrawn = exists().where(
        Consent.person_id == person_id, Consent.purpose == purpose.value, Consent.is_given.is_(False)
    )
    return withdrawn.correlate_except(Consent)


async def withdrawn_by(connection: AsyncConnection, person_ids: Collection[str], purpose: Purpose) -> set[str]:
    """Those of some people who withdrew their consent to a purpose."""
    statement = select(Consent.person_id).where(
        Consent.person_id.in_(person_ids), Consent.purpose == purpose.value, Consent.is_given.is_(False)
    )
    return {*await connection.scalars(statement)}


async def note_shown(connection: AsyncConnection, person_id: str, version: int, at: datetime) -> None:
    """Remember that a person was shown a version; once."""
    row = {"person_id": person_id, "version": version, "shown_at": at}
    await upsert(connection, NoticeShown, [row], key=["person_id", "version"])


async def has_acknowledged(connection: AsyncConnection, person_id: str, version: int) -> bool:
    """Whether a person took note of a version."""
    shown = NoticeShown.person_id == person_id, NoticeShown.version == version
    return bool(await connection.scalar(select(exists().where(*shown, NoticeShown.acknowledged_at.is_not(None)))))


async def acknowledge(connection: AsyncConnection, person_id: str, version: int, at: datetime) -> None:
    """Remember that a person took note of a version that they were shown; the first time counts."""
    await note_shown(connection, person_id, version, at)
    shown = NoticeShown.person_id == person_id, NoticeShown.version == version
    await connection.execute(
        update(NoticeShown).where(*shown, NoticeShown.acknowledged_at.is_(None)).values(acknowledged_at=at)
    )
