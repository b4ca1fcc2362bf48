"""PgQueuer's ports, filled with ours: over the caller's transaction, and over a connection that looks for jobs.

Whatever of PgQueuer's own names, settings and tables we rely on stands here.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import asyncpg
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.core.tm import TaskManager
from pgqueuer.domain.models import Job
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import QueueEntrypoint, QueueManagerId
from pgqueuer.ports.driver import Driver, NotifyCallback
from pgqueuer.ports.repository import EntrypointExecutionParameter
from pgqueuer.queries import Queries
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.errors import StorageDownError

LOOK_PACE = 0.02  # seconds between looks, however many notifications come: what comes within is taken together
CONNECT_TIMEOUT = 5  # seconds
CONVERGING = 20260403  # key of PostgreSQL's advisory lock

SETTINGS = DBSettings(prefix="ayumi_", durability=Durability.volatile)
TABLE = SETTINGS.qualified.queue_table
LOG = SETTINGS.qualified.queue_table_log
BUILDERS: Any = {
    "qbe": QueryBuilderEnvironment(SETTINGS),
    "qbq": QueryQueueBuilder(SETTINGS),
    "qbs": QuerySchedulerBuilder(SETTINGS),
}
CHANGED = '"table_changed_event"'  # in the notification of PgQueuer's trigger
BY_ACCOUNT = f"CREATE INDEX IF NOT EXISTS {TABLE}_account ON {TABLE} (payload)"


class OneNews(AsyncpgDriver):
    """Tells PgQueuer only once that its table changed until it looks: every commit notifies every worker."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        super().__init__(connection)
        self._is_told = False

    def looks(self) -> None:
        """What comes from now on is news again."""
        self._is_told = False

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        def tell(payload: str | bytes | bytearray) -> None:
            if CHANGED in str(payload):
                if self._is_told:
                    return
                self._is_told = True
            callback(payload)

        await super().add_listener(channel, tell)


class Looks(Queries):
    """PgQueuer's statements, its looks for jobs at most one every ``LOOK_PACE``."""

    def pace(self, news: OneNews, note: Callable[[], None]) -> None:
        """``note`` is called after each look."""
        self._news, self._note, self._next = news, note, 0.0

    async def dequeue(
        self,
        batch_size: int,
        entrypoints: dict[QueueEntrypoint, EntrypointExecutionParameter],
        queue_manager_id: QueueManagerId,
        global_concurrency_limit: int | None,
        heartbeat_timeout: timedelta,
    ) -> list[Job]:
        await asyncio.sleep(max(0.0, self._next - time.monotonic()))
        self._news.looks()
        jobs = await super().dequeue(
            batch_size, entrypoints, queue_manager_id, global_concurrency_limit, heartbeat_timeout
        )
        self._next = time.monotonic() + LOOK_PACE
        self._note()
        return jobs


class WithinTransaction(Driver):
    """PgQueuer's port to the database, over the caller's transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._shutdown = asyncio.Event()

    async def fetch(self, query: str, *args: object) -> list[dict[str, object]]:
        result = await self._connection.exec_driver_sql(query, args)
        return [dict(row) for row in result.mappings()]

    async def execute(self, query: str, *args: object) -> str:
        await self._connection.exec_driver_sql(query, args)
        return ""

    async def notify(self, channel: str, payload: str) -> None:
        await self._connection.exec_driver_sql("SELECT pg_notify($1, $2)", (channel, payload))

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        raise NotImplementedError("a transaction hears nothing")

    @property
    def shutdown(self) -> asyncio.Event:
        return self._shutdown

    @property
    def tm(self) -> TaskManager:
        return TaskManager()

    async def __aenter__(self) -> WithinTransaction:
        return self

    async def __aexit__(self, *_: object) -> None:
        return


async def connect(database: Database, command_timeout: float | None = None) -> asyncpg.Connection:
    """A connection of its own, outside of the pool: LISTEN lives as long as it does. ``command_timeout``: seconds of a
    statement, after which the connection is taken for lost; None: as long as it takes. Raises ``OSError``,
    ``asyncpg.PostgresError`` or ``TimeoutError``."""
    engine = database.engine
    _, options = engine.dialect.create_connect_args(engine.url)
    options["server_settings"] = {"application_name": "ayumi queue"}
    return cast(
        "asyncpg.Connection", await asyncpg.connect(**options, timeout=CONNECT_TIMEOUT, command_timeout=command_timeout)
    )


async def prepare_queue(database: Database) -> None:
    """Bring PgQueuer's tables up to date; safe with two processes at once. SQLite has none, and nothing is done. Raises
    ``StorageDownError``."""
    if database.is_sqlite:
        return
    try:
        connection = await connect(database)
    except (OSError, asyncpg.PostgresError, TimeoutError) as error:
        raise StorageDownError(type(error).__name__) from error
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", CONVERGING)
        queries = queries_over(AsyncpgDriver(connection))
        if await queries.schema_is_installed():
            await queries.apply_upgrade()
        else:
            await queries.install()
            await queries.optimize_autovacuum()
        await connection.execute(BY_ACCOUNT)
    finally:
        await connection.close()


async def is_queue_ready(connection: AsyncConnection) -> bool:
    """Whether PgQueuer's tables are there."""
    found = await connection.exec_driver_sql("SELECT to_regclass($1) IS NOT NULL", (TABLE,))
    return bool(found.scalar_one())


def looks_over(connection: asyncpg.Connection, note: Callable[[], None]) -> Queries:
    """PgQueuer's statements for a worker; ``note`` is called after each look for jobs."""
    news = OneNews(connection)
    looks = Looks(news, **BUILDERS)
    looks.pace(news, note)
    return looks


def queries_over(driver: Driver) -> Queries:
    """PgQueuer's statements, over a driver."""
    return Queries(driver, **BUILDERS)
