"""The inbox: every event is stored as it came, once, before anybody is told that it arrived."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import Any, cast

import structlog
from sqlalchemy import (
    BigInteger,
    Executable,
    FromClause,
    Index,
    Integer,
    String,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from assistant.keeping_up import PATIENCE, Commits
from assistant.metrics import EVENTS, REFUSED
from knowledge.db import Base, Database, upsert
from knowledge.errors import StorageDownError
from knowledge.records.accounts import Account
from scheduler.queue import Queue, WakeUp
from scheduler.trace import places

LARGEST_BATCH = 500  # requests whose events are stored in one transaction
MOST_WAITING = 5000  # requests, however fast the store is; what they carry is bounded by ``channels/guard.py``
LONGEST_COMMIT = 10.0  # seconds; then its connection counts as lost, as after a fail-over that nobody told us of
LOOKED_AT = 500  # latest events of an account among which a message to be forgotten is looked for
KNOWN_ACCOUNTS = 100_000  # accounts remembered, so that only a new one costs an insert
KNOWN_FOR = 600.0  # seconds; then they are inserted again, for a person may have been erased with theirs meanwhile


log = structlog.get_logger(__name__)


class InboxState(StrEnum):
    NEW = "new"
    DONE = "done"
    IGNORED = "ignored"  # nothing in it for us; kept and counted
    FAILED = "failed"  # handling it broke too often


class InboxEvent(Base):
    __tablename__ = "inbox"
    __table_args__ = (
        Index(
            "ix_inbox_new",
            "occurred_at",
            "id",
            sqlite_where=text("state = 'new'"),
            postgresql_where=text("state = 'new'"),
        ),
        Index(
            "ix_inbox_waiting",
            "account_id",
            "occurred_at",
            "id",
            sqlite_where=text("state = 'new'"),
            postgresql_where=text("state = 'new'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    event_id: Mapped[str] = mapped_column(String(255), unique=True)  # "<channel>:<the platform's id of the event>"
    channel: Mapped[str] = mapped_column(String(32))
    account_id: Mapped[str | None] = mapped_column(String(255), index=True)
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    body: Mapped[dict[str, Any]]  # as the platform sent it
    state: Mapped[str] = mapped_column(String(16))
    attempts: Mapped[int]
    done_at: Mapped[datetime | None]


@dataclass(frozen=True, kw_only=True)
class RawEvent:
    """One event of a webhook, read only as far as storing needs."""

    event_id: str
    channel: str
    account_id: str | None  # None: nobody in particular (unknown events)
    occurred_at: datetime
    body: Mapping[str, Any]
    is_for_us: bool = True  # False: stored and counted, never handled


Waiting = tuple[Sequence[RawEvent], "asyncio.Future[None]"]  # the events of one request, and who waits for them


class Inbox:
    """Stores events of many requests together (group commit): each caller waits only for its own to be safe."""

    def __init__(self, database: Database, now: Callable[[], datetime], queue: Queue) -> None:
        """``queue`` wakes those who answer."""
        self._database = database
        self._now = now
        self._queue = queue
        self._waiting: list[Waiting] = []
        self._commits = Commits()
        self._writer: asyncio.Task[None] | None = None
        self._known: set[str] = set()
        self._known_until = 0.0  # seconds of a clock that nobody sets

    async def receive(self, events: Sequence[RawEvent]) -> None:
        """Store the events; one that is there already is left as it is. Returns after the commit; no events, nothing
        done. Raises ``StorageDownError`` when the store does not answer in time, and at once when it could not. What
        waited in vain is stored all the same if it can be; when it is sent again it is known."""
        if not events:
            return
        is_full = len(self._waiting) >= MOST_WAITING
        refusal = "full" if is_full else self._commits.refusal(len(self._waiting) // LARGEST_BATCH + 1)
        if refusal is not None:
            REFUSED.labels(reason=refusal).inc()
            raise StorageDownError(f"the store cannot keep up: {refusal}")
        stored: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((events, stored))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all(), name="inbox")
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(stored)
        except TimeoutError as error:
            REFUSED.labels(reason="late").inc()
            raise StorageDownError("the store did not answer in time") from error
        log.info("events_stored", channel=events[0].channel, events=[event.event_id for event in events])

    async def _write_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
            if not await self._try(batch):
                for each in batch:  # one that cannot be stored must not take the others with it
                    await self._try([each])
            if self._commits.is_down:  # the others need not wait to hear it
                gone, self._waiting = self._waiting, []
                _let_go(gone, StorageDownError("the store is down"))

    async def _try(self, batch: Sequence[Waiting]) -> bool:
        """Store the events of some requests and let them go on; False when they are to be tried one by one."""
        was_down, is_down = self._commits.is_down, False
        self._commits.begin()
        try:
            try:
                async with asyncio.timeout(LONGEST_COMMIT):
                    await self._write([event for events, _ in batch for event in events])
            except TimeoutError as error:
                raise StorageDownError("no answer") from error
        except Exception as error:  # each waiting webhook answers for itself; none may hang
            is_down = isinstance(error, StorageDownError)
            if len(batch) > 1 and not is_down:
                return False
            if not is_down:
                log.error("event_not_stored", error=type(error).__name__, at=places(error))
            elif not was_down:  # logged once, not for every webhook that tries
                log.error("storage_down", job="inbox", problem=str(error))
            _let_go(batch, error)
            return True
        finally:
            self._commits.end(is_down=is_down)
        for _, stored in batch:
            if not stored.done():
                stored.set_result(None)
        self._queue.committed()
        return True

    async def _write(self, events: Sequence[RawEvent]) -> None:
        now = self._now()
        if len(self._known) > KNOWN_ACCOUNTS or monotonic() >= self._known_until:
            self._known.clear()
            self._known_until = monotonic() + KNOWN_FOR
        events = sorted(events, key=lambda event: event.event_id)  # one order everywhere: two processes never deadlock
        accounts = {e.account_id: e for e in events if e.account_id is not None and e.account_id not in self._known}
        async with self._database.write() as connection:
            await upsert(
                connection,
                Account,
                [
                    {
                        "id": account_id,
                        "channel": event.channel,
                        "last_seen_at": now,
                        "reachable": True,
                    }
                    for account_id, event in sorted(accounts.items())
                ],
                key=["id"],
            )
            await upsert(
                connection,
                InboxEvent,
                [
                    {
                        "event_id": event.event_id,
                        "channel": event.channel,
                        "account_id": event.account_id,
                        "occurred_at": event.occurred_at,
                        "received_at": now,
                        "body": dict(event.body),
                        "state": InboxState.NEW if event.is_for_us and event.account_id else InboxState.IGNORED,
                        "attempts": 0,
                    }
                    for event in events
                ],
                key=["event_id"],
            )
            await self._queue.enqueue(
                connection,
                [
                    WakeUp(key=event.event_id, channel=event.channel, account_id=event.account_id)
                    for event in events
                    if event.is_for_us and event.account_id
                ],
            )
        for event in events:
            EVENTS.labels(channel=event.channel, handled="yes" if event.is_for_us else "no").inc()
        self._known.update(accounts)


def _let_go(batch: Sequence[Waiting], error: Exception) -> None:
    """Tell those who wait that it failed."""
    for _, stored in batch:
        if not stored.done():
            stored.set_exception(error)
            stored.exception()  # its webhook may have given up waiting


def events_without_job(jobs: FromClause, limit: int) -> Executable:
    """At most ``limit`` new events of the parameter ``channels``, the oldest first, whose account is not among
    ``jobs.c.account``: their wake-up was lost."""
    return (
        select(InboxEvent.event_id.label("key"), InboxEvent.channel, InboxEvent.account_id)
        .where(
            InboxEvent.state == literal_column(f"'{InboxState.NEW}'"),  # as it stands in the partial index
            InboxEvent.channel.in_(bindparam("channels", expanding=True)),
            ~select(jobs.c.account)
            .where(jobs.c.account == func.convert_to(InboxEvent.account_id, literal_column("'UTF8'")))
            .exists(),
        )
        .order_by(InboxEvent.occurred_at, InboxEvent.id)
        .limit(limit)
    )


@dataclass(frozen=True, kw_only=True)
class Withdrawn:
    """A message that was taken back."""

    text: str
    occurred_at: datetime


async def forget_message(connection: AsyncConnection, account_id: str, message_id: str) -> list[Withdrawn]:
    """Strike the text of a message that was taken back, also what it was changed to, and return what it said, the
    newest first; [] when it is not there (any more)."""
    found: list[Withdrawn] = []
    recent = (
        select(InboxEvent.id, InboxEvent.body, InboxEvent.occurred_at)
        .where(InboxEvent.account_id == account_id)
        .order_by(InboxEvent.id.desc())
        .limit(LOOKED_AT)
    )
    for row in await connection.execute(recent):
        body: dict[str, Any] = row.body
        message: Any = body.get("message")
        if isinstance(message, dict) and cast("dict[str, Any]", message).get("id") == message_id:
            body = {**body, "message": {"id": message_id, "type": "withdrawn"}}
            await connection.execute(update(InboxEvent).where(InboxEvent.id == row.id).values(body=body))
            text: Any = cast("dict[str, Any]", message).get("text")
            if isinstance(text, str):
                found.append(Withdrawn(text=text, occurred_at=row.occurred_at))
    return found
