"""The attendance register (出席簿): one entry per student and day."""

from __future__ import annotations

from datetime import date

from sqlalchemy import ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base

# Ayumi's codes; the register's marks are 病 事 チ 早 停 忌.
STATUSES = (
    "present",
    "absent_sick",
    "absent_other",
    "late",
    "early_leave",
    "suspended",
    "bereavement",
    "attend_nurse_room",
    "attend_ict_home",
    "attend_outside_facility",
    "not_enrolled",
    "no_school_day",
)
ABSENT = ("absent_sick", "absent_other")
OUTSIDE = ("suspended", "bereavement", "not_enrolled", "no_school_day")  # days that are not the student's to attend
NOT_EXPECTED = (*ABSENT, *OUTSIDE)  # no check-in is expected on such a day


class AttendanceEntry(Base):
    """One row of the ``attendance`` CSV kind."""

    __tablename__ = "attendance"
    __table_args__ = (Index("ix_attendance_date_status", "date", "status", "student_id"),)

    student_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), primary_key=True)
    date: Mapped[date] = mapped_column(primary_key=True)
    status: Mapped[str]  # one of STATUSES
    note: Mapped[str | None]
