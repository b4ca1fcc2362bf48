"""The database: one engine, one way to read, one way to write.

SQLite (WAL) and PostgreSQL run the same statements. Reads and writes are apart because SQLite knows one writer: a
write starts with ``BEGIN IMMEDIATE`` and, within the process, waits for its turn on a lock instead of on the
database's busy time-out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import orjson
from sqlalchemy import JSON, DateTime, Dialect, Insert, MetaData, event, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from knowledge.errors import DatabaseAddressError, StorageDownError

BUSY_TIMEOUT = 10.0  # seconds another process may hold SQLite's write lock before we give up
POOL_SIZE = 10  # connections of one process to PostgreSQL, where the caller does not say
POOL_PATIENCE = 2.0  # seconds to wait for one of them, and to make one: a webhook has to be answered by then
SQLITE_READERS = 4  # connections of one process that read SQLite; each has a thread

# PostgreSQL's SQLSTATE (its manual, appendix "Error Codes"): no connection, no resources, shut down or starting up, a
# fault of the system or of its own, a transaction that the server broke off. What it names otherwise is our mistake.
AWAY = ("08", "53", "57", "58", "XX", "25P02", "25P03")
OWN_FAULT = frozenset({"57014"})  # a statement that was cancelled
NO_RIGHT = "42501"
FORBIDDEN = "the database does not let its user do that"

# What may follow the ? of an address: of libpq's words those that asyncpg knows as well, and asyncpg's own.
ADDRESS_OPTIONS = frozenset(
    {"host", "port", "user", "password", "passfile", "sslmode", "ssl", "target_session_attrs"}
    | {"prepared_statement_cache_size"}  # 0 for an old PgBouncer
)

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. Stored in UTC; a naive value is refused, so that no clock time is ever guessed."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Moment(FunctionElement[datetime]):
    """So many seconds from now by the database's own clock, which goes on within a transaction."""

    type = UtcDateTime()
    inherit_cache = True

    def __init__(self, ahead: float = 0.0) -> None:
        super().__init__(literal(ahead))


@compiles(Moment)
def _by_postgresql(moment: Moment, compiler: Any, **more: Any) -> str:  # pyright: ignore[reportUnusedFunction] -- SQLAlchemy's
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(moment.clauses, **more)}))"


@compiles(Moment, "sqlite")
def _by_sqlite(moment: Moment, compiler: Any, **more: Any) -> str:  # pyright: ignore[reportUnusedFunction] -- SQLAlchemy's
    return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', {compiler.process(moment.clauses, **more)} || ' seconds')"


class Base(DeclarativeBase):
    """All tables of the product, of every package: one schema, one migration history."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
    }


class Database:
    """Connections to one database. Build it on call, ``await close()`` it at the end."""

    def __init__(self, url: str, connections: int = POOL_SIZE) -> None:
        """``connections``: to PostgreSQL, at most; of SQLite see above. Raises ``DatabaseAddressError`` when ``url`` is
        not a database address that we can drive."""
        self.engine = _engine(url, connections=connections)
        self.is_sqlite = self.engine.dialect.name == "sqlite"
        # SQLite has one writer: it keeps a connection of its own, so that it never waits for readers to hand one back.
        self.write_engine = _engine(url, is_writer=True) if self.is_sqlite else self.engine
        # PostgreSQL gives every statement a snapshot of its own anyway: a transaction would cost two round trips more.
        autocommit = {} if self.is_sqlite else {"isolation_level": "AUTOCOMMIT"}
        self._read_engine = self.engine.execution_options(**autocommit)
        self._write_lock = asyncio.Lock() if self.is_sqlite else None

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncConnection]:
        """A connection to read with; nothing may be written on it. Raises ``StorageDownError``."""
        async with AsyncExitStack() as stack:
            connection = await _enter(stack, self._read_engine)
            try:
                yield connection
            except DBAPIError as error:
                raise _translated(error) from error

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction: all of it is stored when the block ends, nothing when it raises.

        Raises ``StorageDownError``."""
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._write_lock or nullcontext())
            connection = await _enter(stack, self.write_engine)
            try:
                async with connection.begin():
                    yield connection
            except DBAPIError as error:
                raise _translated(error) from error

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[AsyncConnection]:
        """A connection whose transactions and settings are the caller's business; it is closed at the end, and with it
        go its locks. For PostgreSQL. Raises ``StorageDownError``."""
        async with AsyncExitStack() as stack:
            connection = await _enter(stack, self.engine)
            try:
                yield connection
            except DBAPIError as error:
                raise _translated(error) from error
            finally:
                await connection.invalidate()

    async def empty_log(self) -> bool:
        """Write SQLite's log back into its file and empty it, so that nothing that was deleted stays in a file;
        PostgreSQL sees to that by itself. False when somebody reads or writes for longer than we wait. Raises
        ``StorageDownError``."""
        if self._write_lock is None:
            return True
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._write_lock)
            connection = await _enter(stack, self.write_engine)
            driver: Any = (await connection.get_raw_connection()).driver_connection  # there: not within a transaction
            async with driver.execute("PRAGMA wal_checkpoint(TRUNCATE)") as answer:
                is_busy, *_ = await answer.fetchone()
            return not is_busy

    async def close(self) -> None:
        await self.write_engine.dispose()
        await self.engine.dispose()


async def upsert(
    connection: AsyncConnection,
    table: Any,
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Iterable[str],
    update: Iterable[str] | None = None,
) -> int:
    """Insert ``rows``; where ``key`` is there already, set the columns of ``update`` (none named: leave the row).

    ``rows`` may be empty, then nothing is done. Returns how many rows the database says it inserted or changed,
    -1 where the driver does not say.
    """
    if not rows:
        return 0
    statement = upsert_statement(table, connection.dialect.name, tuple(key), None if update is None else tuple(update))
    return (await connection.execute(statement, list(rows))).rowcount


@lru_cache(maxsize=256)
def upsert_statement(table: Any, dialect_name: str, key: tuple[str, ...], update: tuple[str, ...] | None) -> Insert:
    """The statement of ``upsert``, built once: building costs more than running it."""
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    statement = dialect.insert(table)
    if update is None:
        return statement.on_conflict_do_nothing(index_elements=list(key))
    return statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in update}
    )


async def _enter(stack: AsyncExitStack, engine: AsyncEngine) -> AsyncConnection:
    """A connection, given back with the stack. Raises ``StorageDownError`` when none can be had."""
    # Whether a connection still works is asked before it is given out; of a server that hangs nothing would come.
    patience = None if engine.dialect.name == "sqlite" else POOL_PATIENCE
    try:
        async with asyncio.timeout(patience):
            return await stack.enter_async_context(engine.connect())
    except (OSError, PoolTimeoutError) as error:
        raise StorageDownError(type(error).__name__) from error
    except DBAPIError as error:
        raise _translated(error) from error


def _translated(error: DBAPIError) -> Exception:
    """An unreachable, locked or broken store as our own error; a mistake in our SQL stays what it is."""
    kind, state = type(error.orig).__name__, getattr(error.orig, "sqlstate", None) or ""
    is_away = state.startswith(AWAY) and state not in OWN_FAULT
    if error.connection_invalidated or isinstance(error, OperationalError) or "Connection" in kind or is_away:
        return StorageDownError(state or kind)
    return error


def is_forbidden(error: BaseException) -> bool:
    """Whether PostgreSQL refused because its user lacks a right, which no restart will give."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) == NO_RIGHT


def _engine(url: str, *, connections: int = POOL_SIZE, is_writer: bool = False) -> AsyncEngine:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseAddressError("not a database address: use sqlite:///… or postgresql://…") from error
    match parsed.get_backend_name():
        case "sqlite":
            parsed = parsed.set(drivername="sqlite+aiosqlite")
            if parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_async_engine(
                parsed,
                pool_size=1 if is_writer else SQLITE_READERS,
                max_overflow=0,
                connect_args={"timeout": BUSY_TIMEOUT},
                json_serializer=_dumps,
                hide_parameters=True,  # an error's text must not carry a child's
                json_deserializer=orjson.loads,
            )
            _prepare_sqlite(engine, is_writer=is_writer)
            return engine
        case "postgresql" | "postgres":
            return create_async_engine(
                _for_asyncpg(parsed),
                pool_size=connections,
                max_overflow=0,
                pool_timeout=POOL_PATIENCE,
                pool_pre_ping=True,
                connect_args={"timeout": POOL_PATIENCE, "server_settings": {"application_name": "ayumi"}},
                json_serializer=_dumps,
                hide_parameters=True,  # an error's text must not carry a child's
                json_deserializer=orjson.loads,
            )
        case other:
            raise DatabaseAddressError(f"'{other}' is not supported: use sqlite:///… or postgresql://…")


def _for_asyncpg(url: URL) -> URL:
    """The address as the driver wants it: it takes libpq's ``sslmode`` under another name. Raises
    ``DatabaseAddressError`` for what it would stumble over."""
    query = dict(url.query)
    unknown = sorted(query.keys() - ADDRESS_OPTIONS)
    if unknown:
        known = ", ".join(sorted(ADDRESS_OPTIONS))
        raise DatabaseAddressError(f"its option {unknown[0]} is not understood: leave it out (known are {known})")
    if "sslmode" in query:
        query["ssl"] = query.pop("sslmode")
    return url.set(drivername="postgresql+asyncpg", query=query)


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


def _prepare_sqlite(engine: AsyncEngine, *, is_writer: bool) -> None:
    """WAL, full durability, foreign keys; and transactions that begin when we say so, not when the driver guesses."""

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(connection: Any, _record: Any) -> None:  # pyright: ignore[reportUnusedFunction] -- a listener
        connection.isolation_level = None  # the driver must not open transactions of its own
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "cache_size=-16000",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Any) -> None:  # pyright: ignore[reportUnusedFunction] -- a listener
        connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")
