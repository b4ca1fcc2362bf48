"""Tells open pages that there is something new for them.

The channel that writes a message and the page that waits for it know the database they share, nothing of each other.
Within a process a waiting page is woken at once; what another process wrote is found by one look for all pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

from sqlalchemy import func, select

from assistant.channels.browser.store import BrowserMessage
from knowledge.db import Database
from knowledge.errors import StorageDownError

LOOK_EVERY = 2.0  # seconds between looks for messages that other processes wrote


class Listeners:
    """The pages of one process that wait for news."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._looking: asyncio.Task[None] | None = None

    def wake(self, account_id: str) -> None:
        """There is something new for this account. Nobody listening: nothing happens."""
        for event in self._waiting.get(account_id, ()):
            event.set()

    def count(self, account_id: str) -> int:
        """How many pages of this account wait."""
        return len(self._waiting.get(account_id, ()))

    @contextmanager
    def listen(self, account_id: str, database: Database) -> Generator[asyncio.Event]:
        """An event that is set whenever there may be news, until the block ends. The listener clears it."""
        event = asyncio.Event()
        self._waiting.setdefault(account_id, set()).add(event)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look(database), name="browser-news")
        try:
            yield event
        finally:
            self._waiting[account_id].discard(event)
            if not self._waiting[account_id]:
                del self._waiting[account_id]
            if not self._waiting:
                looking, self._looking = self._looking, None
                looking.cancel()

    async def _look(self, database: Database) -> None:
        newest: int | None = None
        while True:
            try:
                async with database.read() as connection:
                    latest = await connection.scalar(select(func.max(BrowserMessage.id))) or 0
                    since = latest if newest is None else newest
                    fresh = select(BrowserMessage.account_id).where(BrowserMessage.id > since).distinct()
                    accounts = (await connection.scalars(fresh)).all()
            except StorageDownError:
                pass  # the pages themselves say that they wait
            else:
                newest = latest
                for account_id in accounts:
                    self.wake(account_id)
            await asyncio.sleep(LOOK_EVERY)


_BY_DATABASE: WeakKeyDictionary[Database, Listeners] = WeakKeyDictionary()


def listeners_of(database: Database) -> Listeners:
    """The listeners of this process to one database."""
    return _BY_DATABASE.setdefault(database, Listeners())
