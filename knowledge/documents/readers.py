"""Who may find what: from the roster of the day, never from a text."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.documents.model import Reader
from knowledge.errors import NoSuchPersonError
from knowledge.records.roster import Enrollment, Org, Role, User
from knowledge.records.scope import FAMILY, children_of, valid_on


async def load_reader(connection: AsyncConnection, person_id: str, on: date) -> Reader:
    """The person as a reader on a day: the schools and districts of their roles and enrolments, and the districts of
    those schools; a guardian also has those of their children, whose staff they are not by that. A student is no staff,
    whatever else they are. Somebody who is not enabled, or whose roles have ended, is of no school and no staff.
    Raises ``NoSuchPersonError`` when the roster does not know the person.
    """
    found = await connection.scalar(select(User.enabled).where(User.sourced_id == person_id))
    if found is None:
        raise NoSuchPersonError(person_id)
    nobody = Reader(orgs=frozenset(), is_staff=False, on=on)
    if not found:
        return nobody
    held = (
        await connection.execute(
            select(Role.role, Role.org_sourced_id).where(
                Role.user_sourced_id == person_id, valid_on(Role.begin_date, Role.end_date, on)
            )
        )
    ).all()
    if not held:
        return nobody
    roles = {role for role, _ in held}
    enrolled = await _schools_of(connection, [person_id], on)
    children = await children_of(connection, person_id, on) if "guardian" in roles else frozenset[str]()
    family = await _schools_of(connection, children, on)
    is_staff = bool(roles - FAMILY) and "student" not in roles
    works_at = {org for role, org in held if role not in FAMILY} | enrolled
    return Reader(
        orgs=await _with_districts(connection, {org for _, org in held} | enrolled | family),
        is_staff=is_staff,
        staff_orgs=await _with_districts(connection, works_at) if is_staff else frozenset(),
        on=on,
    )


async def _schools_of(connection: AsyncConnection, people: Collection[str], on: date) -> set[str]:
    """The schools of the people's enrolments on a day."""
    statement = select(Enrollment.school_sourced_id).where(
        Enrollment.user_sourced_id.in_(people), valid_on(Enrollment.begin_date, Enrollment.end_date, on)
    )
    return set((await connection.scalars(statement)).all())


async def _with_districts(connection: AsyncConnection, orgs: set[str]) -> frozenset[str]:
    """These schools and districts, and what is above them."""
    above = select(Org.parent_sourced_id).where(Org.sourced_id.in_(orgs), Org.parent_sourced_id.is_not(None))
    return frozenset(orgs) | {str(org) for org in (await connection.scalars(above)).all()}
