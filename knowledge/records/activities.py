"""Clubs and events that children may join: programming schools, community ICT clubs, museum days."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Activity(Base):
    """One row of the ``activities`` CSV kind."""

    __tablename__ = "activities"
    __table_args__ = (Index("ix_activities_org_id_end_date", "org_id", "end_date"),)

    activity_id: Mapped[str] = mapped_column(String(255), primary_key=True)
    org_id: Mapped[str | None] = mapped_column(String(255))  # school or district it is for; None: all of them
    kind: Mapped[str] = mapped_column(String(16))  # club, event
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
