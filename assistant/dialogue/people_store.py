"""Reads the people of a batch of events from the roster."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.people import Person
from knowledge.records.roster import Role, User

ROLES = select(Role.user_sourced_id, Role.role, Role.role_type, Role.org_sourced_id).where(
    Role.user_sourced_id.in_(bindparam("ids", expanding=True)),
    or_(Role.begin_date.is_(None), Role.begin_date <= bindparam("on")),
    or_(Role.end_date.is_(None), Role.end_date >= bindparam("on")),
)
USERS = select(
    User.sourced_id,
    User.given_name,
    User.family_name,
    User.kana_given_name,
    User.kana_family_name,
    User.grade,
    User.primary_org_sourced_id,
).where(User.sourced_id.in_(bindparam("ids", expanding=True)), User.enabled)


async def load_people(connection: AsyncConnection, person_ids: Collection[str], on: date) -> dict[str, Person]:
    """The people with these ids who are enabled, with the roles that hold on a day; unknown ids are left out."""
    if not person_ids:
        return {}
    roles: dict[str, set[str]] = {}
    schools: dict[str, str] = {}
    for user_id, role, role_type, org_id in await connection.execute(ROLES, {"ids": [*person_ids], "on": on}):
        roles.setdefault(user_id, set()).add(role)
        if role_type == "primary" or user_id not in schools:
            schools[user_id] = org_id
    return {
        row.sourced_id: Person(
            id=row.sourced_id,
            given_name=row.given_name,
            family_name=row.family_name,
            kana_given_name=row.kana_given_name,
            kana_family_name=row.kana_family_name,
            grade=row.grade,
            school_id=row.primary_org_sourced_id or schools.get(row.sourced_id),
            roles=frozenset(roles.get(row.sourced_id, ())),
        )
        for row in await connection.execute(USERS, {"ids": [*person_ids]})
    }
