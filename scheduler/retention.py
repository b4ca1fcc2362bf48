"""What is older than its kind is kept goes at night, a little at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import and_, exists, not_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database, upsert
from knowledge.privacy.retention import Guards, Retention, clear
from knowledge.records.accounts import Account
from scheduler.leadership import Lease
from scheduler.outbox import Outbox

FILE = "retention.yaml"  # in the data folder
LEASE = "retention"  # its row remembers when all was cleared last
FROM, UNTIL = time(1), time(5)  # at night, in the school's time zone …
OVERDUE = timedelta(days=3)  # … but a machine that is off at night clears by day, once this long ago was the last time
AT_ONCE = 2.0  # seconds of clearing between other plans
NEVER = datetime(1970, 1, 1, tzinfo=UTC)

log = structlog.get_logger(__name__)

# A child who lets prompts go by is left in peace until they write again: what shows it stays until then.
UNANSWERED = and_(
    Outbox.kind == "prompt",
    Outbox.counts_on.is_not(None),
    ~exists().where(Account.person_id == Outbox.person_id, Account.last_seen_at >= Outbox.done_at),
)
GUARDS: Guards = {Outbox.__tablename__: not_(UNANSWERED)}


class Clearing:
    """A planner that sends nothing: each call clears for some seconds, until all is done for the day."""

    def __init__(self, database: Database, zone: ZoneInfo, retention: Retention) -> None:
        self._database = database
        self._zone = zone
        self._retention = retention
        self._done_on: date | None = None
        self._running: AsyncGenerator[tuple[str, int]] | None = None
        self._gone: dict[str, int] = {}

    async def plan(self, now: datetime) -> int:
        """Nothing is stored to be sent. Raises ``StorageDownError``."""
        local = now.astimezone(self._zone)
        if self._done_on == local.date() or not await self._is_time(local):
            return 0
        if self._running is None:
            self._running, self._gone = clear(self._database, self._retention, local, GUARDS), {}
        try:
            if await self._some(self._running):
                await note_cleared(self._database, now)
                self._done_on, self._running = local.date(), None
                log.info("cleared", **self._gone)
        except BaseException:
            self._running = None  # it ended with the error: begin again
            raise
        return 0

    async def _some(self, running: AsyncGenerator[tuple[str, int]]) -> bool:
        """Clear for some seconds; whether all is done."""
        until = asyncio.get_running_loop().time() + AT_ONCE
        async for table, rows in running:
            if rows:
                self._gone[table] = self._gone.get(table, 0) + rows
            if asyncio.get_running_loop().time() >= until:
                return False
        return True

    async def _is_time(self, local: datetime) -> bool:
        if FROM <= local.time() < UNTIL:
            return True
        async with self._database.read() as connection:
            last = await last_cleared(connection)
        if last is None:  # a new installation: from here it counts
            await note_cleared(self._database, local)
        return last is not None and local - last > OVERDUE


async def clear_now(database: Database, retention: Retention, local: datetime) -> dict[str, int]:
    """Clear all of it; how many rows went, by table."""
    gone: dict[str, int] = {}
    async with aclosing(clear(database, retention, local, GUARDS)) as batches:
        async for table, rows in batches:
            gone[table] = gone.get(table, 0) + rows
    await note_cleared(database, local)
    return gone


async def last_cleared(connection: AsyncConnection) -> datetime | None:
    """When all was cleared last; None: never."""
    return await connection.scalar(select(Lease.acted_at).where(Lease.name == LEASE))


async def note_cleared(database: Database, now: datetime) -> None:
    row: dict[str, Any] = {"name": LEASE, "holder": "", "until": NEVER, "acted_at": now}
    async with database.write() as connection:
        await upsert(connection, Lease, [row], key=["name"], update=["acted_at"])


def load_retention(data_dir: Path) -> Retention:
    """How long things are kept in this installation. Raises ``RetentionError``."""
    return Retention.load(data_dir / FILE)
