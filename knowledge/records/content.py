"""The catalogue of learning content: videos, drills, pages."""

from __future__ import annotations

from typing import Any

from sqlalchemy import String
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
