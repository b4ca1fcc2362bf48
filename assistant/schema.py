"""All tables of the product, and bringing a database up to date."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

# Every module with tables: importing it adds them to the metadata.
from assistant import attachments as _attachments
from assistant import inbox as _inbox
from assistant.channels.browser import store as _browser
from assistant.dialogue import conversation as _conversation
from knowledge.db import Base, Database
from knowledge.records import accounts as _accounts
from knowledge.records import activities as _activities
from knowledge.records import alerts as _alerts
from knowledge.records import announcements as _announcements
from knowledge.records import assessments as _assessments
from knowledge.records import attendance as _attendance
from knowledge.records import calendar as _calendar
from knowledge.records import checkins as _checkins
from knowledge.records import closures as _closures
from knowledge.records import collected as _collected
from knowledge.records import content as _content
from knowledge.records import documents as _documents
from knowledge.records import nurse_visits as _nurse_visits
from knowledge.records import observations as _observations
from knowledge.records import practices as _practices
from knowledge.records import reminders as _reminders
from knowledge.records import replies as _replies
from knowledge.records import roster as _roster
from knowledge.records import study_log as _study_log
from knowledge.records import talk_requests as _talk_requests
from scheduler import leadership as _leadership
from scheduler import outbox as _outbox
from scheduler import rates as _rates

TABLE_MODULES = (
    _inbox,
    _attachments,
    _browser,
    _conversation,
    _accounts,
    _activities,
    _alerts,
    _announcements,
    _assessments,
    _attendance,
    _calendar,
    _checkins,
    _closures,
    _collected,
    _content,
    _documents,
    _nurse_visits,
    _observations,
    _practices,
    _reminders,
    _replies,
    _roster,
    _study_log,
    _talk_requests,
    _leadership,
    _outbox,
    _rates,
)
METADATA = Base.metadata


async def migrate(database: Database) -> None:
    """Bring the schema up to date; one that is changes nothing. All or nothing, also with two processes at once.

    Raises ``StorageDownError``.
    """
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.exec_driver_sql("SELECT pg_advisory_xact_lock(20260401)")  # one migrates, others wait
        await connection.run_sync(_upgrade)


async def is_current(database: Database) -> bool:
    """Whether the schema is the one that this version needs."""
    async with database.read() as connection:
        return await connection.run_sync(_revision) == ScriptDirectory.from_config(_config()).get_current_head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
