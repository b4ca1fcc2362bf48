"""The children of a benchmark in PostgreSQL: schools, classes, roster, linked accounts, made by INSERT … SELECT."""

from __future__ import annotations

from datetime import date

from sqlalchemy import delete, text

from assistant.dialogue.conversation import Conversation
from assistant.inbox import InboxEvent
from benchmarks.planning import made
from knowledge.db import Database
from knowledge.records.checkins import CheckIn
from scheduler.outbox import Outbox

ROLES = (
    "INSERT INTO roles (sourced_id, user_sourced_id, role_type, role, org_sourced_id)"
    " SELECT 'r-' || sourced_id, sourced_id, 'primary', 'student', primary_org_sourced_id FROM users"
)
SCHOOL_DAY = (  # whatever the weekday is on which the benchmark runs
    "INSERT INTO calendar_days (school_id, date, kind, grades, grades_key)"
    " SELECT sourced_id, :day, 'school_day', '[]', '' FROM orgs"
)
CLASS_SIZE = 33


async def make_people(address: str, students: int, day: date) -> Database:
    """Fill an empty database with so many students, for whom ``day`` is a school day."""
    database = await made(address, students, max(1, students // CLASS_SIZE))
    async with database.write() as connection:
        await connection.execute(text(ROLES))
        await connection.execute(text(SCHOOL_DAY), {"day": day})
    await vacuum(database)
    return database


async def forget_everything_said(database: Database) -> None:
    """As if nobody had written yet: every run begins with the same tables."""
    async with database.write() as connection:
        for table in (CheckIn, Conversation, InboxEvent, Outbox):
            await connection.execute(delete(table))
    await vacuum(database)


async def vacuum(database: Database) -> None:
    """What the server does by itself in time."""
    async with database.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.exec_driver_sql("VACUUM ANALYZE")
