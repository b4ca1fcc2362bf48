"""The catalogue of learning content: videos, drills, pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, select
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
    __table_args__ = (Index("ix_content_offers_person_id_offered_at", "person_id", "offered_at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    content_id: Mapped[str] = mapped_column(ForeignKey("content.content_id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    source: Mapped[str] = mapped_column(String(16))  # search: it was asked for; next_step: suggested after a reflection
    offered_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]  # first time
    is_useful: Mapped[bool | None]  # as its reader says
    comment: Mapped[str | None]


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """A piece of content that fits a grade; fields are those of ``Content``."""

    content_id: str
    title: str
    url: str
    subject: str


async def content_for(connection: AsyncConnection, grade: str) -> list[Suggested]:
    """What the catalogue has for a grade, of a named subject, in the order of its ids."""
    statement = select(Content.content_id, Content.title, Content.url, Content.subject, Content.grades)
    statement = statement.where(Content.subject.is_not(None)).order_by(Content.content_id)
    return [
        Suggested(content_id=row.content_id, title=row.title, url=row.url, subject=row.subject)
        for row in await connection.execute(statement)
        if row.subject and (not row.grades or grade in row.grades)
    ]
