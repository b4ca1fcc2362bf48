"""The catalogue of learning content: videos, drills, pages; who was offered what, and what came of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Content(Base):
    """One row of the ``content`` CSV kind."""

    __tablename__ = "content"

    content_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    title: Mapped[str]
    url: Mapped[str]  # http or https
    provider: Mapped[str | None]
    subject: Mapped[str | None]
    grades: Mapped[list[Any]]  # grade codes; empty: every grade
    minutes: Mapped[int | None]
    description: Mapped[str | None]


class ContentOffer(Base):
    """A piece of content that was offered to somebody, and what came of it."""

    __tablename__ = "content_offers"
    __table_args__ = (
        Index("ix_content_offers_person_id_offered_at", "person_id", "offered_at"),
        Index("ix_content_offers_offered_at", "offered_at"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    content_id: Mapped[str] = mapped_column(ForeignKey("content.content_id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    source: Mapped[str] = mapped_column(String(16))  # search: it was asked for; next_step: suggested after a reflection
    offered_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]  # first time
    asked_at: Mapped[datetime | None]  # when its reader was asked how it was, which happens once
    is_useful: Mapped[bool | None]  # as its reader says
    comment: Mapped[str | None]


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """A piece of content that fits a grade; fields are those of ``Content``."""

    content_id: str
    title: str
    url: str
    subject: str


@dataclass(frozen=True, kw_only=True)
class Item:
    """A piece of content; fields are those of ``Content``."""

    content_id: str
    title: str
    url: str
    provider: str | None = None
    subject: str | None = None
    grades: tuple[str, ...] = ()
    minutes: int | None = None
    description: str | None = None

    def fits_grade(self, grade: str | None) -> bool:
        """Whether it is for that grade; anything fits where none is named."""
        return grade is None or not self.grades or grade in self.grades


@dataclass(frozen=True, kw_only=True)
class Opened:
    """An offer that was opened or judged; fields are those of ``ContentOffer`` and ``Content``."""

    id: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Use:
    """What came of one piece of content, in people."""

    title: str
    offered: int
    opened: int
    useful: int
    not_useful: int


async def content_for(connection: AsyncConnection, grade: str) -> list[Suggested]:
    """What the catalogue has for a grade, of a named subject, in the order of its ids."""
    statement = select(Content.content_id, Content.title, Content.url, Content.subject, Content.grades)
    statement = statement.where(Content.subject.is_not(None)).order_by(Content.content_id)
    return [
        Suggested(content_id=row.content_id, title=row.title, url=row.url, subject=row.subject)
        for row in await connection.execute(statement)
        if row.subject and (not row.grades or grade in row.grades)
    ]


async def catalogue(connection: AsyncConnection) -> list[Item]:
    """All content, in the order of its ids."""
    rows = await connection.execute(select(*Content.__table__.columns).order_by(Content.content_id))
    return [
        Item(
            content_id=row.content_id,
            title=row.title,
            url=row.url,
            provider=row.provider,
            subject=row.subject,
            grades=tuple(row.grades),
            minutes=row.minutes,
            description=row.description,
        )
        for row in rows
    ]


async def address_of(connection: AsyncConnection, offer_id: str) -> str | None:
    """Where the content of an offer is; None when there is no such offer."""
    statement = select(Content.url).join(ContentOffer, ContentOffer.content_id == Content.content_id)
    return await connection.scalar(statement.where(ContentOffer.id == offer_id))


async def record_opening(connection: AsyncConnection, offer_id: str, at: datetime) -> None:
    """Remember when an offer was opened first; later openings change nothing."""
    first = ContentOffer.id == offer_id, ContentOffer.opened_at.is_(None)
    await connection.execute(update(ContentOffer).where(*first).values(opened_at=at))


async def was_suggested(connection: AsyncConnection, person_id: str, since: datetime) -> bool:
    """Whether something was suggested to a person after a reflection from ``since`` on."""
    statement = select(ContentOffer.id).where(
        ContentOffer.person_id == person_id, ContentOffer.source == "next_step", ContentOffer.offered_at >= since
    )
    return await connection.scalar(statement.limit(1)) is not None


async def tried_by(connection: AsyncConnection, person_id: str) -> dict[str, bool | None]:
    """The content a person opened, and whether it was useful as they said last; None where they said nothing."""
    statement = (
        select(ContentOffer.content_id, ContentOffer.is_useful)
        .where(ContentOffer.person_id == person_id, ContentOffer.opened_at.is_not(None))
        .order_by(ContentOffer.is_useful.is_not(None), ContentOffer.opened_at)
    )
    return {row.content_id: row.is_useful for row in await connection.execute(statement)}


async def use_of(connection: AsyncConnection, student_ids: Collection[str], since: datetime) -> list[Use]:
    """What was offered to these people from ``since`` on, the most opened first; each person counts once per item."""
    people = (
        select(
            Content.content_id,
            Content.title,
            ContentOffer.person_id,
            func.max(case((ContentOffer.opened_at.is_not(None), 1), else_=0)).label("opened"),
            func.max(case((ContentOffer.is_useful.is_(True), 1), else_=0)).label("useful"),
            func.max(case((ContentOffer.is_useful.is_(False), 1), else_=0)).label("not_useful"),
        )
        .join(Content, Content.content_id == ContentOffer.content_id)
        .where(ContentOffer.person_id.in_(student_ids), ContentOffer.offered_at >= since)
        .group_by(Content.content_id, Content.title, ContentOffer.person_id)
        .subquery()
    )
    item = people.c.content_id, people.c.title
    counts = func.count(), func.sum(people.c.opened), func.sum(people.c.useful), func.sum(people.c.not_useful)
    rows = await connection.execute(select(people.c.title, *counts).group_by(*item))
    used = [Use(title=title, offered=o, opened=n, useful=u, not_useful=x) for title, o, n, u, x in rows]
    return sorted(used, key=lambda each: (-each.opened, -each.offered, each.title))


async def opened_unasked(connection: AsyncConnection, person_id: str, since: datetime) -> Opened | None:
    """What a person opened last, offered from ``since`` on, and were not asked about yet."""
    return await _latest(
        connection, person_id, since, ContentOffer.asked_at.is_(None), ContentOffer.is_useful.is_(None)
    )


async def latest_opened(connection: AsyncConnection, person_id: str, since: datetime) -> Opened | None:
    """What a comment of a person is about: what they opened last, offered from ``since`` on."""
    return await _latest(connection, person_id, since)


async def _latest(connection: AsyncConnection, person_id: str, since: datetime, *more: Any) -> Opened | None:
    statement = (
        select(ContentOffer.id, Content.title)
        .join(Content, Content.content_id == ContentOffer.content_id)
        .where(
            ContentOffer.person_id == person_id,
            ContentOffer.offered_at >= since,
            ContentOffer.opened_at.is_not(None),
            *more,
        )
        .order_by(ContentOffer.opened_at.desc(), ContentOffer.id)
        .limit(1)
    )
    row = (await connection.execute(statement)).first()
    return None if row is None else Opened(id=row.id, title=row.title)


async def mark_asked(connection: AsyncConnection, person_id: str, at: datetime) -> None:
    """The person was asked about what they opened last: nothing opened until then is asked about any more."""
    waiting = ContentOffer.person_id == person_id, ContentOffer.opened_at <= at, ContentOffer.asked_at.is_(None)
    await connection.execute(update(ContentOffer).where(*waiting).values(asked_at=at))


async def judge(connection: AsyncConnection, person_id: str, offer_id: str, *, is_useful: bool) -> None:
    """Whether an offer that was opened was useful, as the person it was made to says; the later of two words stays."""
    own = ContentOffer.id == offer_id, ContentOffer.person_id == person_id, ContentOffer.opened_at.is_not(None)
    await connection.execute(update(ContentOffer).where(*own).values(is_useful=is_useful))


async def comment_on(connection: AsyncConnection, person_id: str, offer_id: str, comment: str) -> None:
    """What the person an offer was made to says about it; the later of two comments stays."""
    own = ContentOffer.id == offer_id, ContentOffer.person_id == person_id
    await connection.execute(update(ContentOffer).where(*own).values(comment=comment))


async def forget_comment(connection: AsyncConnection, person_id: str, comment: str) -> None:
    """Remove a comment that its writer took back."""
    own = ContentOffer.person_id == person_id, ContentOffer.comment == comment
    await connection.execute(update(ContentOffer).where(*own).values(comment=None))
