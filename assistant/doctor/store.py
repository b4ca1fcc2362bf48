"""The database as a machine: whether it answers, what it is, and whether all that leans on it can."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.doctor.finding import PATIENCE, Finding, Patient, bad, fine, note
from assistant.installation import key_fits
from assistant.schema import SchemaState, state_of
from assistant.standing import database_clock
from knowledge.db import FORBIDDEN, Database, is_forbidden
from knowledge.errors import StorageDownError
from scheduler.engines.pgqueuer_ports import connect, is_queue_ready

OLDEST = 140_000  # the oldest PostgreSQL we know to work, as server_version_num has it
# Connections, as assistant/running.py gives them out: a worker takes 20 and one to listen, web 10, a scheduler 5.
MOST_EACH = 21
ONE_OF_EACH = 36  # of the smallest installation on PostgreSQL
FREE = 10  # that somebody may still want
SKEW = 2.0  # seconds that clocks may differ
HEARD_WITHIN = 3.0  # seconds for a notification
CHANNEL = "ayumi_doctor"

URL = "AYUMI_DATABASE_URL"


async def look_at_server(patient: Patient, database: Database) -> AsyncIterator[Finding]:
    """PostgreSQL before anything is asked of it; nothing with SQLite, and nothing more where it does not let us in."""
    if database.is_sqlite:
        return
    try:
        connection: Any = await connect(database)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
        yield bad(URL, _refused(error))
        return
    try:
        version = int(await connection.fetchval("SHOW server_version_num"))
        if version < OLDEST:
            says = f"PostgreSQL {version // 10_000} is too old: move to {OLDEST // 10_000} or newer"
            yield bad("PostgreSQL", says)
        if await connection.fetchval("SELECT pg_is_in_recovery()"):
            yield bad("PostgreSQL", f"a standby, which takes no writes: let {URL} name the primary")
        async for finding in _connections(connection):
            yield finding
    finally:
        await connection.close(timeout=PATIENCE)
    yield await _hears(database)


def _refused(error: BaseException) -> str:
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return "the server refuses the user or the password: check both in the address, and pg_hba.conf"
        case asyncpg.InvalidCatalogNameError():
            return "the server has no database of that name: make it with createdb, or mend the address"
        case asyncpg.TooManyConnectionsError():
            return "the server has no connection left: raise max_connections, or run fewer processes"
        case asyncpg.CannotConnectNowError():
            return "the server is starting or stopping: try again; if it stays so, look into its log"
        case _:
            return (
                f"cannot be reached ({type(error).__name__}): check the host and port in it, and that the server runs"
            )


async def _connections(connection: Any) -> AsyncIterator[Finding]:
    """Whether there are enough for the processes: each may take its pool, and a worker one more to listen."""
    most = int(await connection.fetchval("SHOW max_connections"))
    most -= int(await connection.fetchval("SHOW superuser_reserved_connections"))
    used = await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'")
    if most < ONE_OF_EACH or most - used < FREE:
        says = f"{used} of {most} connections are taken, and a process of Ayumi may take {MOST_EACH}: raise"
        yield bad(
            "max_connections", f"{says} max_connections of PostgreSQL to {MOST_EACH} times the processes, and some"
        )
    else:
        yield fine("max_connections", f"{used} of {most} connections are taken")


async def _hears(database: Database) -> Finding:
    """Whether LISTEN works: behind a proxy that pools transactions the notifications go to whoever comes next."""
    heard = asyncio.Event()

    def on_news(*_: object) -> None:
        heard.set()

    try:
        listening: Any = await connect(database)
        try:
            async with asyncio.timeout(PATIENCE):
                await listening.add_listener(CHANNEL, on_news)
                speaking: Any = await connect(database)
                try:
                    await speaking.execute("SELECT pg_notify($1, '')", CHANNEL)
                finally:
                    await speaking.close(timeout=PATIENCE)
                async with asyncio.timeout(HEARD_WITHIN):
                    await heard.wait()
        finally:
            listening.terminate()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
        says = "notifications (LISTEN) do not arrive: is a proxy in between that pools transactions (PgBouncer)?"
        return bad("LISTEN", f"{says} Let {URL} name PostgreSQL itself, or pool sessions (pool_mode = session)")
    return fine("LISTEN", "notifications arrive")


async def look_at_schema(patient: Patient, database: Database) -> AsyncIterator[Finding]:
    """Whether the tables are those of this version. The last finding is not bad when they can be read."""
    about, kind = "database", database.engine.dialect.name
    try:
        state = await state_of(database)
    except (StorageDownError, SQLAlchemyError) as error:
        yield bad(about, unreadable(error))
        return
    if state is SchemaState.CURRENT:
        yield fine(about, f"{kind}, schema up to date")
    elif state is SchemaState.AHEAD:
        says = "the schema is of a newer version than this machine's, which works on it as long as it is one behind:"
        yield note(about, f"{says} unless you went back on purpose, install here what the others have")
    elif not database.is_sqlite and not await _has_queue(database):
        yield bad(about, "the tables of the queue engine are missing: run 'ayumi migrate'")
    else:
        yield bad(about, "the schema is not up to date: run 'ayumi migrate'")


async def _has_queue(database: Database) -> bool:
    async with database.read() as connection:
        return await is_queue_ready(connection)


async def look_at_what_leans_on_it(patient: Patient, database: Database) -> AsyncIterator[Finding]:
    """The clock, the secret key."""
    async with database.read() as connection:
        yield await _clock(patient, connection)
    if not await key_fits(database, patient.settings.secret(), patient.now()):
        says = "not that of the installation: links and codes made elsewhere are refused here. Set the same"
        says = f"{says} on every machine; if it was changed on purpose on all of them, run 'ayumi doctor --new-key'"
        yield bad("AYUMI_SECRET_KEY", says)


async def _clock(patient: Patient, connection: AsyncConnection) -> Finding:
    await connection.execute(text("SELECT 1"))  # the way to the server is not the clock's fault
    ahead = (patient.now() - await database_clock(connection)).total_seconds()
    if abs(ahead) > SKEW:
        way = "ahead of" if ahead > 0 else "behind"
        says = f"this machine's is {abs(ahead):.0f} seconds {way} the database's: let both be set by NTP"
        return bad("clock", f"{says} (timedatectl, chronyc tracking)")
    return fine("clock", "the same as the database's")


def unreadable(error: Exception) -> str:
    """Why the tables cannot be read or written: our own words, of others only the type."""
    if is_forbidden(error):
        return f"{FORBIDDEN}: let the user of {URL} own the database and its tables"
    word = str(error) if isinstance(error, StorageDownError) else type(error).__name__
    return f"cannot be read ({word}): check {URL} and that the server runs"
