"""Which of the schedulers acts: the one that holds the lease. The others stand by and take over when it runs out.

Every comparison is made by the database, with its clock; a process only counts the seconds since it asked (its loop's
monotonic time). So no clock of a machine matters, whichever way it is set. One that cannot renew its lease stops a
moment before anybody else may take it.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime

import structlog
from sqlalchemy import String, or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, Database, Moment
from knowledge.errors import StorageDownError

TTL = 10.0  # seconds that a lease is good for
RENEW_EVERY = 3.0  # seconds between renewals: two may fail before the lease runs out
PATIENCE = 1.5  # seconds that the database may take to answer
MARGIN = 1.0  # seconds before its end in which the holder no longer acts

log = structlog.get_logger(__name__)


class Lease(Base):
    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)  # what is to be done by one process alone
    holder: Mapped[str] = mapped_column(String(64))  # the process that does it: a UUID made when it started
    until: Mapped[datetime]  # by the database's clock; then anybody may take it
    acted_at: Mapped[datetime | None]  # when a holder last did all of it


class Leadership:
    """One process's claim to a lease."""

    def __init__(self, database: Database, name: str, holder: str | None = None, *, ttl: float = TTL) -> None:
        """``holder``: who this is; None: somebody new. ``ttl``: seconds that the lease is good for without being
        renewed, all contenders alike."""
        self._database = database
        self._name = name
        self._holder = holder or str(uuid.uuid4())
        self._ttl = ttl
        self._safe_until = 0.0  # by the loop's time
        self._limit: asyncio.Timeout | None = None  # of what this process does as the leader just now

    @property
    def leads(self) -> bool:
        """Whether this process may act: it holds the lease, and nobody else can have taken it meanwhile."""
        return asyncio.get_running_loop().time() < self._safe_until

    async def tick(self) -> bool:
        """Take the lease, renew it, or stand by; whether this process leads. Raises ``StorageDownError``."""
        led, asked = self.leads, asyncio.get_running_loop().time()
        async with self._write() as connection:
            holds = await self._claim(connection)
        self._safe_until = asked + self._ttl - min(MARGIN, self._ttl / 2) if holds else 0.0
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._safe_until)
        if self.leads != led:
            log.info("leads" if self.leads else "stands_by", lease=self._name, holder=self._holder)
        return self.leads

    async def act(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Do what only the leader does, and note when all of it was done: ``work`` says whether it was. Nothing is
        done unless this process leads; when the lease cannot be renewed in time, the work is cut off."""
        if not self.leads:
            return
        self._limit = asyncio.timeout_at(self._safe_until)
        try:
            async with self._limit:
                if await work():
                    await self._note()
        except TimeoutError:
            if not self._limit.expired():
                raise
            log.warning("lease_ran_out", lease=self._name, holder=self._holder)
        finally:
            self._limit = None

    async def release(self) -> None:
        """Let another take the lease at once. Nothing happens when this process does not hold it. Raises
        ``StorageDownError``."""
        self._safe_until = 0.0
        async with self._write() as connection:
            await self._update(connection, until=Moment())

    async def _claim(self, connection: AsyncConnection) -> bool:
        """Put this process's name into the row, if it is there already or the lease is free."""
        now, until = Moment(), Moment(self._ttl)
        insert = (sqlite if connection.dialect.name == "sqlite" else postgresql).insert(Lease)
        statement = insert.values(name=self._name, holder=self._holder, until=until).on_conflict_do_update(
            index_elements=["name"],
            set_={"holder": self._holder, "until": until},
            where=or_(
                Lease.holder == self._holder,
                Lease.until <= now,
                Lease.until > until,  # given before the database's clock was set back: it could last for hours
            ),
        )
        return (await connection.execute(statement.returning(Lease.holder))).first() is not None

    async def _note(self) -> None:
        async with self._write() as connection:
            await self._update(connection, acted_at=Moment())

    async def _update(self, connection: AsyncConnection, **values: Moment) -> None:
        own = update(Lease).where(Lease.name == self._name, Lease.holder == self._holder)
        await connection.execute(own.values(values))

    @asynccontextmanager
    async def _write(self) -> AsyncGenerator[AsyncConnection]:
        """A transaction that is not waited for longer than renewals can afford. Raises ``StorageDownError``."""
        try:
            async with asyncio.timeout(PATIENCE), self._database.write() as connection:
                yield connection
        except TimeoutError as error:
            raise StorageDownError("no answer in time") from error
