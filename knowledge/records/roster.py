"""The roster: who is who, and where, as OneRoster 1.2 names it.

Tables hold what the product needs of each OneRoster file; ids are sourcedIds. Rows that a delta file marks
``tobedeleted`` are removed by the import.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ForeignKey, Index, String, case, func
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base

Id = String(255)


class AcademicSession(Base):
    __tablename__ = "academic_sessions"

    sourced_id: Mapped[str] = mapped_column(Id, primary_key=True)
    title: Mapped[str]
    type: Mapped[str]  # schoolYear, term, semester, gradingPeriod
    start_date: Mapped[date]
    end_date: Mapped[date]  # included
    parent_sourced_id: Mapped[str | None] = mapped_column(Id)
    school_year: Mapped[str]


class Org(Base):
    __tablename__ = "orgs"

    sourced_id: Mapped[str] = mapped_column(Id, primary_key=True)
    name: Mapped[str]
    type: Mapped[str]  # district, school, …
    identifier: Mapped[str | None]
    parent_sourced_id: Mapped[str | None] = mapped_column(Id)


class Course(Base):
    __tablename__ = "courses"

    sourced_id: Mapped[str] = mapped_column(Id, primary_key=True)
    title: Mapped[str]
    org_sourced_id: Mapped[str] = mapped_column(Id)
    grades: Mapped[list[Any]]  # grade codes: P1–P6, J1–J3, H1–H3, E1–E3
    subjects: Mapped[list[Any]]


class SchoolClass(Base):
    __tablename__ = "classes"

    sourced_id: Mapped[str] = mapped_column(Id, primary_key=True)
    title: Mapped[str]  # free: 「4年2組」
    grades: Mapped[list[Any]]
    course_sourced_id: Mapped[str] = mapped_column(Id)
    class_type: Mapped[str]  # homeroom, scheduled
    school_sourced_id: Mapped[str] = mapped_column(Id, index=True)
    term_sourced_ids: Mapped[list[Any]]
    subjects: Mapped[list[Any]]
    subject_codes: Mapped[list[Any]]


class User(Base):
    __tablename__ = "users"

    sourced_id: Mapped[str] = mapped_column(Id, primary_key=True)
    enabled: Mapped[bool]
    given_name: Mapped[str]
    family_name: Mapped[str]
    kana_given_name: Mapped[str | None]
    kana_family_name: Mapped[str | None]
    grade: Mapped[str | None]  # the first of OneRoster's grades
    agent_sourced_ids: Mapped[list[Any]]  # guardian ↔ child
    primary_org_sourced_id: Mapped[str | None] = mapped_column(Id, index=True)


class Role(Base):
    __tablename__ = "roles"

    sourced_id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_sourced_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"), index=True)
    role_type: Mapped[str]  # primary, secondary
    role: Mapped[str]  # student, teacher, principal, … or ext:…
    begin_date: Mapped[date | None]
    end_date: Mapped[date | None]  # included
    org_sourced_id: Mapped[str] = mapped_column(Id, index=True)


class Enrollment(Base):
    __tablename__ = "enrollments"
    __table_args__ = (
        Index("ix_enrollments_class_role", "class_sourced_id", "role"),
        Index("ix_enrollments_user_role", "user_sourced_id", "role"),
    )

    sourced_id: Mapped[str] = mapped_column(Id, primary_key=True)
    class_sourced_id: Mapped[str] = mapped_column(ForeignKey("classes.sourced_id"))
    school_sourced_id: Mapped[str] = mapped_column(Id, index=True)
    user_sourced_id: Mapped[str] = mapped_column(ForeignKey("users.sourced_id"))
    role: Mapped[str]  # student, teacher, …
    is_primary: Mapped[bool]  # the homeroom teacher
    begin_date: Mapped[date | None]
    end_date: Mapped[date | None]  # included
    attendance_number: Mapped[int | None]  # 出席番号 (metadata.jp.ShussekiNo)


# The grade whose calendar holds for an enrolment: a class of one grade has that grade's; in a class of several grades
# (複式学級), or where the roster leaves the class's grades out, each child has their own.
GRADE = func.coalesce(
    case((SchoolClass.grades[1].as_string().is_(None), SchoolClass.grades[0].as_string())),
    User.grade,
    "",
)
