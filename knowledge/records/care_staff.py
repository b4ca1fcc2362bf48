"""Who at school is told about a child (care.md: with nobody named by the school, the homeroom teachers, then principal
and nurse)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from knowledge.records.accounts import Account
from knowledge.records.roster import Enrollment, Role, SchoolClass, User
from knowledge.records.scope import valid_on

LEADS = ("principal", "ext:nurse")


async def accounts_of_staff(
    connection: AsyncConnection, student_id: str, on: date, channels: Collection[str]
) -> tuple[str, list[str]]:
    """The child's class by title ("" without one), and the accounts to tell: those of the homeroom teachers, or, when
    none of them has one, of principal and nurse; of each person the one on ``channels`` that was used last. Nobody to
    tell: an empty list."""
    own, teaching = aliased(Enrollment), aliased(Enrollment)
    homeroom = (
        select(SchoolClass.sourced_id, SchoolClass.title, SchoolClass.school_sourced_id)
        .join(own, own.class_sourced_id == SchoolClass.sourced_id)
        .where(
            own.user_sourced_id == student_id,
            own.role == "student",
            SchoolClass.class_type == "homeroom",
            valid_on(own.begin_date, own.end_date, on),
        )
    )
    room = (await connection.execute(homeroom)).first()
    if room is None:
        return "", []
    teachers = select(teaching.user_sourced_id).where(
        teaching.class_sourced_id == room.sourced_id,
        teaching.role == "teacher",
        valid_on(teaching.begin_date, teaching.end_date, on),
    )
    leads = select(Role.user_sourced_id).where(
        Role.org_sourced_id == room.school_sourced_id,
        Role.role.in_(LEADS),
        valid_on(Role.begin_date, Role.end_date, on),
    )
    for people in (teachers, leads):
        accounts = await connection.execute(
            select(Account.person_id, Account.id)
            .join(User, User.sourced_id == Account.person_id)
            .where(Account.person_id.in_(people), User.enabled, Account.reachable, Account.channel.in_(channels))
            .order_by(Account.last_seen_at.nulls_first())
        )
        found = {row.person_id: row.id for row in accounts}
        if found:
            return room.title, list(found.values())
    return room.title, []
