"""Who keeps the documents of a school or a district: adds, changes and removes them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlalchemy import and_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.records.leads import LEADING
from knowledge.records.roster import Org, Role, User
from knowledge.records.scope import valid_on


async def orgs_kept(connection: AsyncConnection, person_id: str, on: date) -> Mapping[str, str]:
    """The schools that the person leads on a day and the districts that they administer, name by sourcedId; none for
    anybody else, and for somebody who is not enabled, or unknown."""
    leads = and_(Org.type == "school", Role.role.in_(LEADING))
    administers = and_(Org.type == "district", Role.role == "districtAdministrator")
    statement = (
        select(Org.sourced_id, Org.name)
        .join(Role, Role.org_sourced_id == Org.sourced_id)
        .join(User, User.sourced_id == Role.user_sourced_id)
        .where(
            Role.user_sourced_id == person_id,
            User.enabled,
            or_(leads, administers),
            valid_on(Role.begin_date, Role.end_date, on),
        )
        .order_by(Org.name)
        .distinct()
    )
    return {row.sourced_id: row.name for row in await connection.execute(statement)}
