"""Migrations: on an empty store and a full one, while others work on it, by one process and by two at once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import create_async_engine

import assistant
from assistant import schema
from assistant.errors import AssistantError
from assistant.inbox import InboxEvent
from assistant.schema import METADATA, SchemaState, migrate, state_of
from knowledge.db import Database
from tests.shapes import contractions, shape_of

FIRST_THAT_ONLY_EXPANDS = "0006"  # before it, an installation with several processes was stopped to be migrated
PATIENCE = 10.0  # seconds; a webhook waits 1.5, but this machine may be busy
AT = datetime(2026, 5, 11, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a store without any tables, once on each database."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
    else:
        yield request.getfixturevalue("empty_postgres_url")


@pytest.fixture
def empty_postgres_url(postgres: URL) -> Iterator[str]:
    """The address of a database without any tables."""
    url = postgres.set(database=f"empty_{uuid.uuid4().hex[:12]}")
    asyncio.run(_execute(postgres, f'CREATE DATABASE "{url.database}"'))
    yield url.render_as_string(hide_password=False)
    asyncio.run(_execute(postgres, f'DROP DATABASE "{url.database}" WITH (FORCE)'))


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    async with opened(empty_url) as database:
        yield database


@pytest.fixture
async def on_postgres(empty_postgres_url: str) -> AsyncIterator[Database]:
    async with opened(empty_postgres_url) as database:
        yield database


async def test_an_empty_store_gets_all_tables(empty: Database) -> None:
    assert await state_of(empty) is SchemaState.BEHIND
    await migrate(empty)
    assert await state_of(empty) is SchemaState.CURRENT


async def test_the_migrations_make_the_very_tables_that_the_code_declares(database: Database) -> None:
    def is_ours(name: str, kind: str, _: object) -> bool:  # the queue engine keeps its own tables
        return kind != "table" or name in METADATA.tables

    def differences(connection: Connection) -> list[Any]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"include_name": is_ours}), METADATA))

    async with database.read() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_store_that_is_up_to_date_is_left_as_it_is(database: Database) -> None:
    async with database.read() as connection:
        before = await connection.run_sync(shape_of)
    await migrate(database)
    async with database.read() as connection:
        assert await connection.run_sync(shape_of) == before


async def test_two_processes_that_migrate_at_once_do_it_once(empty_url: str) -> None:
    async with opened(empty_url) as one, opened(empty_url) as other:
        await asyncio.gather(migrate(one), migrate(other))
        assert await state_of(one) is SchemaState.CURRENT


async def test_a_store_of_the_version_before_is_behind(empty: Database) -> None:
    await upgrade(empty, "0005")
    assert await state_of(empty) is SchemaState.BEHIND
    await migrate(empty)
    assert await state_of(empty) is SchemaState.CURRENT


async def test_a_store_that_a_newer_version_has_migrated_is_ahead_and_left_alone(database: Database) -> None:
    newest = ScriptDirectory.from_config(config()).get_current_head()
    async with database.write() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        assert await state_of(database) is SchemaState.AHEAD
        await migrate(database)
        assert await state_of(database) is SchemaState.AHEAD
    finally:
        async with database.write() as connection:
            await connection.execute(text(f"UPDATE alembic_version SET version_num = '{newest}'"))


async def test_without_the_tables_of_the_queue_a_database_is_behind(on_postgres: Database) -> None:
    await upgrade(on_postgres, "head")
    assert await state_of(on_postgres) is SchemaState.BEHIND
    await migrate(on_postgres)
    assert await state_of(on_postgres) is SchemaState.CURRENT


async def test_a_migration_that_breaks_leaves_sqlite_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(f"sqlite:///{tmp_path / 'ayumi.db'}") as database:
        await upgrade(database, "0003")
        async with database.read() as connection:
            before = await connection.run_sync(shape_of)

        def breaks(*_: object, **__: object) -> None:
            raise RuntimeError("power cut")

        with monkeypatch.context() as patch, pytest.raises(RuntimeError):
            patch.setattr("assistant.migrations.online.create_index_online.__code__", breaks.__code__)
            await migrate(database)
        async with database.read() as connection:
            assert await connection.run_sync(shape_of) == before
        await migrate(database)
        assert await state_of(database) is SchemaState.CURRENT


async def test_messages_are_stored_without_a_pause_while_a_migration_runs(on_postgres: Database) -> None:
    await upgrade(on_postgres, "0005")
    await receive(on_postgres, range(2000))
    slowest, stored = 0.0, 2000
    loop = asyncio.get_running_loop()
    migrating = asyncio.create_task(migrate(on_postgres))
    while not migrating.done():
        begun = loop.time()
        await receive(on_postgres, range(stored, stored + 10))
        slowest, stored = max(slowest, loop.time() - begun), stored + 10
    await migrating
    assert stored > 2000
    assert slowest < PATIENCE
    async with on_postgres.read() as connection:
        assert await connection.scalar(text("SELECT count(*) FROM inbox")) == stored


async def test_a_migration_that_waits_for_a_lock_lets_the_others_pass_and_comes_again(on_postgres: Database) -> None:
    await upgrade(on_postgres, "0004")  # the next one refers to the roster, for which it has to lock it
    async with on_postgres.write() as holder:
        await holder.execute(text("LOCK TABLE users IN ROW EXCLUSIVE MODE"))
        migrating = asyncio.create_task(migrate(on_postgres))
        await until_somebody_waits(on_postgres)
        begun = asyncio.get_running_loop().time()
        async with on_postgres.write() as other:  # stands behind the migration, until that gives up
            await other.execute(text("LOCK TABLE users IN ROW EXCLUSIVE MODE"))
        waited = asyncio.get_running_loop().time() - begun
        assert not migrating.done()
    await migrating
    assert waited < PATIENCE
    assert await state_of(on_postgres) is SchemaState.CURRENT


async def test_a_migration_that_never_gets_its_lock_says_so_and_has_done_nothing_by_halves(
    on_postgres: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "TRIES", 2)
    monkeypatch.setattr(schema, "LOCK_TIMEOUT", 0.1)
    await upgrade(on_postgres, "0003")
    async with on_postgres.write() as holder:
        await holder.execute(text("LOCK TABLE users IN ROW EXCLUSIVE MODE"))
        with pytest.raises(AssistantError, match=r"beyond 0003: tables were locked 2 times.*Run 'ayumi migrate' again"):
            await migrate(on_postgres)
    assert await state_of(on_postgres) is SchemaState.BEHIND
    await migrate(on_postgres)
    assert await state_of(on_postgres) is SchemaState.CURRENT


async def test_an_index_whose_building_was_cut_off_is_built_again(on_postgres: Database) -> None:
    await upgrade(on_postgres, "0005")
    async with on_postgres.write() as connection:
        await connection.execute(text("CREATE INDEX ix_inbox_waiting ON inbox (account_id)"))
        await connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_inbox_waiting'::regclass")
        )
    await migrate(on_postgres)
    async with on_postgres.read() as connection:
        row = await connection.execute(
            text("SELECT indisvalid, indnatts FROM pg_index WHERE indexrelid = 'ix_inbox_waiting'::regclass")
        )
        assert tuple(row.one()) == (True, 3)


async def test_no_migration_takes_away_what_the_version_before_works_with(empty: Database) -> None:
    """Processes of the version before go on until they are restarted. What they use is taken away by a later release,
    in a migration that says ``contracts = "<the migration that brought what stands in its place>"``."""
    scripts = list(reversed(list(ScriptDirectory.from_config(config()).walk_revisions())))
    names = [script.revision for script in scripts]
    await upgrade(empty, names[names.index(FIRST_THAT_ONLY_EXPANDS) - 1])
    for script in scripts[names.index(FIRST_THAT_ONLY_EXPANDS) :]:
        async with empty.read() as connection:
            before = await connection.run_sync(shape_of)
        await upgrade(empty, script.revision)
        async with empty.read() as connection:
            found = contractions(before, await connection.run_sync(shape_of))
        expanded_by = getattr(script.module, "contracts", None)
        if expanded_by is None:
            assert found == [], f"{script.revision} contracts: see docs/howto/change-the-schema.md"
        else:
            assert expanded_by in names[: names.index(script.revision)]
            assert found, f"{script.revision} contracts nothing"


TEXT, NUMBER = sa.String(10), sa.Integer()


CHANGES: list[tuple[Callable[[Any], object], list[str]]] = [
    (lambda op: op.drop_table("people"), ["people is gone"]),
    (lambda op: op.rename_table("people", "persons"), ["people is gone"]),
    (lambda op: op.create_table("more", sa.Column("id", NUMBER, primary_key=True)), []),
    (lambda op: op.drop_column("name"), ["people.name is gone"]),
    (
        lambda op: op.alter_column("name", new_column_name="called", existing_type=TEXT),
        ["people.name is gone"],
    ),
    (lambda op: op.alter_column("name", nullable=False), ["people.name may no longer be empty"]),
    (lambda op: op.alter_column("age", nullable=True), []),
    (lambda op: op.alter_column("name", type_=sa.String(5)), ["people.name has another type"]),
    (lambda op: op.alter_column("name", type_=sa.String(20)), []),
    (lambda op: op.alter_column("name", type_=sa.Text()), []),
    (lambda op: op.alter_column("age", type_=TEXT), ["people.age has another type"]),
    (lambda op: op.alter_column("age", type_=sa.BigInteger()), []),
    (lambda op: op.add_column(sa.Column("town", TEXT)), []),
    (lambda op: op.add_column(sa.Column("town", TEXT, nullable=False, server_default="")), []),
    (lambda op: op.create_unique_constraint("uq", ["name"]), ["people: a new rule, unique ['name']"]),
    (lambda op: op.create_index("ix", ["name"], unique=True), ["people: a new rule, unique ['name']"]),
    (lambda op: op.create_index("ix", ["name"]), []),
    (lambda op: op.create_check_constraint("ck", sa.text("age > 0")), ["people: a new rule, check age > 0"]),
    (lambda op: op.create_foreign_key("fk", "towns", ["age"], ["id"]), ["people: a new rule, ['age'] in towns"]),
]


@pytest.mark.parametrize(("change", "found"), CHANGES)
def test_what_takes_something_away_is_found(change: Callable[[Any], object], found: list[str]) -> None:
    with sa.create_engine("sqlite://").begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        op.create_table("towns", sa.Column("id", NUMBER, primary_key=True))
        op.create_table("people", sa.Column("name", TEXT), sa.Column("age", NUMBER, nullable=False))
        before = shape_of(connection)
        if "_table" in change.__code__.co_names[0]:
            change(op)
        else:
            with op.batch_alter_table("people") as table:
                change(table)
        assert contractions(before, shape_of(connection)) == found


def test_a_new_column_that_old_code_does_not_fill_is_found() -> None:
    with sa.create_engine("sqlite://").begin() as connection:
        op = Operations(MigrationContext.configure(connection))
        op.create_table("people", sa.Column("name", TEXT))
        before = shape_of(connection)
        op.drop_table("people")
        op.create_table("people", sa.Column("name", TEXT), sa.Column("town", TEXT, nullable=False))
        assert contractions(before, shape_of(connection)) == ["people.town is new and required"]


def config() -> Config:
    found = Config()
    found.set_main_option("script_location", str(Path(assistant.__file__).parent / "migrations"))
    return found


@asynccontextmanager
async def opened(url: str) -> AsyncGenerator[Database]:
    database = Database(url)
    yield database
    await database.close()


async def upgrade(database: Database, revision: str) -> None:
    """As far as ``revision``, as an older version of the code would have done."""

    def run(connection: Connection) -> None:
        found = config()
        found.attributes["connection"] = connection
        command.upgrade(found, revision)

    if database.is_sqlite:
        async with database.write() as connection:
            await connection.run_sync(run)
    else:
        async with database.session() as connection:
            await connection.run_sync(run)


async def receive(database: Database, numbers: range) -> None:
    """Store messages in one transaction, as a webhook does."""
    async with database.write() as connection:
        await connection.execute(
            sa.insert(InboxEvent),
            [
                {
                    "event_id": f"line:{number}",
                    "channel": "line",
                    "account_id": f"line:U{number % 50}",
                    "occurred_at": AT,
                    "received_at": AT,
                    "body": {},
                    "state": "new",
                    "attempts": 0,
                }
                for number in numbers
            ],
        )


async def until_somebody_waits(database: Database) -> None:
    """Returns when a session waits for a lock on a table."""
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'relation'")
    async with asyncio.timeout(60), database.session() as session:
        while not await session.scalar(waiting):
            await asyncio.sleep(0.02)


async def _execute(server: URL, statement: str) -> None:
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()
