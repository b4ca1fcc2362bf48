"""All tables of the product, and bringing a database up to date."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from itertools import count
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

# Every module with tables: importing it adds them to the metadata.
from assistant import attachments as _attachments
from assistant import inbox as _inbox
from assistant import installation as _installation
from assistant.channels.browser import store as _browser
from assistant.dialogue import conversation as _conversation
from assistant.errors import AssistantError
from knowledge.db import Base, Database
from knowledge.records import accounts as _accounts
from knowledge.records import activities as _activities
from knowledge.records import alerts as _alerts
from knowledge.records import announcements as _announcements
from knowledge.records import assessments as _assessments
from knowledge.records import attendance as _attendance
from knowledge.records import audit as _audit
from knowledge.records import calendar as _calendar
from knowledge.records import checkins as _checkins
from knowledge.records import closures as _closures
from knowledge.records import collected as _collected
from knowledge.records import consents as _consents
from knowledge.records import content as _content
from knowledge.records import documents as _documents
from knowledge.records import flags as _flags
from knowledge.records import nurse_visits as _nurse_visits
from knowledge.records import observations as _observations
from knowledge.records import practices as _practices
from knowledge.records import reminders as _reminders
from knowledge.records import replies as _replies
from knowledge.records import roster as _roster
from knowledge.records import sign_in_names as _sign_in_names
from knowledge.records import study_log as _study_log
from knowledge.records import talk_requests as _talk_requests
from knowledge.records import thresholds as _thresholds
from scheduler import leadership as _leadership
from scheduler import outbox as _outbox
from scheduler import rates as _rates
from scheduler import tellings as _tellings
from scheduler.engines.pgqueuer_ports import is_queue_ready, prepare_queue

TABLE_MODULES = (
    _inbox,
    _installation,
    _attachments,
    _browser,
    _conversation,
    _accounts,
    _activities,
    _alerts,
    _announcements,
    _assessments,
    _attendance,
    _audit,
    _calendar,
    _checkins,
    _closures,
    _collected,
    _consents,
    _content,
    _documents,
    _flags,
    _nurse_visits,
    _observations,
    _practices,
    _reminders,
    _replies,
    _roster,
    _sign_in_names,
    _study_log,
    _talk_requests,
    _thresholds,
    _leadership,
    _outbox,
    _rates,
    _tellings,
)
METADATA = Base.metadata

MIGRATING = 20260401  # key of PostgreSQL's advisory lock
ASK_AGAIN = 0.5  # seconds between looks whether another process has done migrating
LOCK_TIMEOUT = 1.0  # seconds that a migration waits for a lock: less than a webhook behind it can wait
TRIES = 20
LONGEST_PAUSE = 5.0  # seconds between tries, in which the others get on
COLLISIONS = ("55P03", "40P01")  # PostgreSQL's codes: lock not available, deadlock detected

log = structlog.get_logger(__name__)


class SchemaState(StrEnum):
    """How a database's schema stands to the one that this version of the code knows."""

    BEHIND = "behind"  # to be migrated before this version can work on it
    CURRENT = "current"
    AHEAD = "ahead"  # migrated by a newer version; migrations only expand, so that this one works on


async def state_of(database: Database) -> SchemaState:
    """Raises ``StorageDownError``."""
    async with database.read() as connection:
        revision = await connection.run_sync(_revision)
        is_whole = database.is_sqlite or await is_queue_ready(connection)
    if revision is not None and revision not in _known():
        return SchemaState.AHEAD
    return SchemaState.CURRENT if revision == _known()[0] and is_whole else SchemaState.BEHIND


async def migrate(database: Database) -> None:
    """Bring the schema up to date; one that is, or that a newer version has migrated, is left as it is.

    SQLite: all or nothing. PostgreSQL: each migration is a transaction of its own, also while others work on the
    database, and only one process migrates at a time. Raises ``StorageDownError``, and ``AssistantError`` when others
    kept locked what was to be changed."""
    if database.is_sqlite:
        if not await _is_ahead(database):
            async with database.write() as connection:
                await connection.run_sync(_upgrade)
        return
    async with database.session() as session:
        await _wait_for_turn(session)
        if not await _is_ahead(database):
            await _upgrade_under_load(session)
            await prepare_queue(database)


async def _is_ahead(database: Database) -> bool:
    if await state_of(database) is not SchemaState.AHEAD:
        return False
    log.warning("schema_is_ahead")
    return True


async def _wait_for_turn(session: AsyncConnection) -> None:
    """Be the only one that migrates, until the session ends. To ask again and again beats waiting within PostgreSQL: a
    statement that waits keeps an index from being built beside the others' work."""
    for turn in count():
        taken = await session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATING})
        await session.commit()
        if taken:
            return
        if turn == 0:
            log.warning("another_process_migrates")  # who waits wants to know for what
        await asyncio.sleep(ASK_AGAIN)


async def _upgrade_under_load(session: AsyncConnection) -> None:
    """Whoever waits for a lock makes all others wait behind it: so we give up soon, let them pass, and try again from
    the migration that did not get through."""
    for turn in range(1, TRIES + 1):
        try:
            await session.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}s'")
            await session.commit()
            await session.run_sync(_upgrade)
        except DBAPIError as error:
            await session.rollback()
            if getattr(error.orig, "sqlstate", None) not in COLLISIONS:
                raise
            at = await session.run_sync(_revision)
            await session.commit()
            log.warning("migration_waits", after=at, turn=turn)
            if turn == TRIES:
                raise AssistantError(
                    f"the database is too busy to be migrated beyond {at}: tables were locked {TRIES} times. Nothing "
                    "is half done and everybody works on. Run 'ayumi migrate' again when less goes on, or look for a "
                    "transaction that never ends (pg_stat_activity)"
                ) from error
            await asyncio.sleep(min(turn * 0.5, LONGEST_PAUSE))
        else:
            return


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@cache
def _known() -> Sequence[str]:
    """The migrations of this version, the newest first."""
    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()]


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
