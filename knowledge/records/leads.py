"""School leads: those who may change what others of their school set, reach its staff, and close the school."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.roster import Org, Role, User
from knowledge.records.scope import valid_on

LEADING = frozenset({"principal", "administrator", "siteAdministrator"})


async def schools_led(connection: AsyncConnection, person_id: str, on: date) -> frozenset[str]:
    """The schools that the person leads on a day; none for somebody who is not enabled, or unknown."""
    statement = (
        select(Role.org_sourced_id)
        .join(User, User.sourced_id == Role.user_sourced_id)
        .join(Org, Org.sourced_id == Role.org_sourced_id)
        .where(
            Role.user_sourced_id == person_id,
            Role.role.in_(LEADING),
            User.enabled,
            Org.type == "school",
            valid_on(Role.begin_date, Role.end_date, on),
        )
    )
    return frozenset((await connection.scalars(statement)).all())


async def is_lead(connection: AsyncConnection, person_id: str, school_id: str, on: date) -> bool:
    """Whether the person leads that school on a day."""
    return school_id in await schools_led(connection, person_id, on)


async def ids_of_leads(connection: AsyncConnection, school_id: str, on: date) -> frozenset[str]:
    """Those who lead the school on a day."""
    statement = (
        select(Role.user_sourced_id)
        .join(User, User.sourced_id == Role.user_sourced_id)
        .where(
            Role.org_sourced_id == school_id,
            Role.role.in_(LEADING),
            User.enabled,
            valid_on(Role.begin_date, Role.end_date, on),
        )
    )
    return frozenset((await connection.scalars(statement)).all())


async def leads_of(connection: AsyncConnection, school_id: str, on: date) -> list[str]:
    """The family names of those who lead the school on a day, principals first."""
    statement = (
        select(User.family_name, Role.role)
        .join(User, User.sourced_id == Role.user_sourced_id)
        .where(
            Role.org_sourced_id == school_id,
            Role.role.in_(LEADING),
            User.enabled,
            valid_on(Role.begin_date, Role.end_date, on),
        )
        .order_by(User.family_name)
    )
    rows = sorted(await connection.execute(statement), key=lambda row: row.role != "principal")
    return [*dict.fromkeys(row.family_name for row in rows)]
