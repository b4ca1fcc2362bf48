"""Who may find what: from the roster of the day, never from a text."""

from __future__ import annotations

from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.documents.model import Reader
from knowledge.errors import NoSuchPersonError
from knowledge.records.roster import Enrollment, Org, Role, User
from knowledge.records.scope import FAMILY, valid_on


async def load_reader(connection: AsyncConnection, person_id: str, on: date) -> Reader:
    """The person as a reader on a day: the schools and districts of their roles and enrolments, and the districts of
    those schools; a guardian also has those of their children. Somebody who is not enabled, or whose roles have ended,
    is of no school and no staff. Raises ``NoSuchPersonError`` when the roster does not know the person.
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
    roles = {role for role, _ in held}
    if not roles:
        return nobody
    orgs = {org for _, org in held} | await _schools_of(connection, [person_id], on)
    if "guardian" in roles:
        children = await connection.scalar(select(User.agent_sourced_ids).where(User.sourced_id == person_id))
        orgs |= await _schools_of(connection, [str(child) for child in children or ()], on)
    above = select(Org.parent_sourced_id).where(Org.sourced_id.in_(orgs), Org.parent_sourced_id.is_not(None))
    orgs |= {str(org) for org in (await connection.scalars(above)).all()}
    return Reader(orgs=frozenset(orgs), is_staff=bool(roles - FAMILY), on=on)


async def _schools_of(connection: AsyncConnection, people: list[str], on: date) -> set[str]:
    """The schools of the people's enrolments on a day."""
    statement = select(Enrollment.school_sourced_id).where(
        Enrollment.user_sourced_id.in_(people), valid_on(Enrollment.begin_date, Enrollment.end_date, on)
    )
    return set((await connection.scalars(statement)).all())
