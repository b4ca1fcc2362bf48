"""A store that goes away in the middle of something is a store that is down, whatever the driver calls it: nothing of
it may count as a fault of the event that was being answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.engine import URL

from knowledge.db import Database
from knowledge.errors import StorageDownError
from tests.faults.postgres import Postgres
from tests.faults.postgres import postgres as own_postgres


@pytest.fixture
async def database(postgres: URL) -> AsyncIterator[Database]:
    """Connections to the server of the tests; nothing is written."""
    database = Database(postgres.render_as_string(hide_password=False))
    yield database
    await database.close()


@pytest.mark.parametrize("mode", ["read", "write"])
async def test_a_session_that_is_ended_under_a_statement_is_a_store_that_is_down(database: Database, mode: str) -> None:
    with pytest.raises(StorageDownError):
        async with database.read() if mode == "read" else database.write() as connection:
            await connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
            await connection.execute(text("SELECT 1"))


@pytest.mark.parametrize("mode", ["read", "write"])
async def test_a_session_that_is_ended_between_two_statements_is_a_store_that_is_down(
    database: Database, mode: str
) -> None:
    with pytest.raises(StorageDownError):
        async with database.read() if mode == "read" else database.write() as connection:
            own = await connection.scalar(text("SELECT pg_backend_pid()"))
            async with database.write() as other:
                await other.execute(text("SELECT pg_terminate_backend(:own)"), {"own": own})
            await connection.execute(text("SELECT 1"))


async def test_a_transaction_that_its_server_broke_off_is_a_store_that_is_down(database: Database) -> None:
    with pytest.raises(StorageDownError):
        async with database.write() as connection:
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = '20ms'"))
            await asyncio.sleep(0.2)
            await connection.execute(text("SELECT 1"))


async def test_whatever_a_restarted_server_says_is_a_store_that_is_down() -> None:
    async with own_postgres(20) as server:
        database = Database(server.url)
        try:
            for how in ("fast", "immediate"):
                await _restarted_under_load(server, database, how)
        finally:
            await database.close()


async def test_a_server_that_takes_no_more_connections_is_a_store_that_is_down() -> None:
    async with own_postgres(10) as server:
        database = Database(server.url)
        try:
            async with server.exhausted():
                with pytest.raises(StorageDownError):
                    async with database.write():
                        pass
        finally:
            await database.close()


async def _restarted_under_load(server: Postgres, database: Database, how: str) -> None:
    """Statements all the while, ours and the pool's own: each answers, or says that the store is down."""
    stopped = asyncio.Event()
    failed: list[str] = []

    async def work() -> None:
        while not stopped.is_set():
            try:
                async with database.write() as connection:
                    await connection.execute(text("SELECT pg_sleep(0.01)"))
            except StorageDownError as error:
                failed.append(str(error))
                await asyncio.sleep(0.01)

    workers = [asyncio.create_task(work()) for _ in range(8)]
    for _ in range(2):
        await asyncio.sleep(0.1)
        await server.restart(how)
    stopped.set()
    await asyncio.gather(*workers)  # raises what was not a StorageDownError
    assert failed  # the restart was noticed
