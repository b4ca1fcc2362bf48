"""Closures declared by a school's lead: a day off for a storm, or weeks of learning at home."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


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
    kind: Mapped[str] = mapped_column(String(16))  # video, research, drill, live, paper
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
