"""The outbox: everything that is to reach a person, stored with what caused it and sent afterwards.

A row is one send to one account. ``id`` grows with time, so rows of an account go out in its order, and is the
idempotency key that the platform gets (a UUID, as LINE's ``X-Line-Retry-Key`` wants it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

import uuid_utils
from sqlalchemy import (
    ColumnElement,
    Index,
    Integer,
    String,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base, upsert

Id = TypeVar("Id", str, int)
AT_ONCE = 8192  # ids in one statement; PostgreSQL's protocol takes 32,767 values


class State(StrEnum):
    """Where a send stands."""

    PENDING = "pending"
    SENDING = "sending"  # claimed by a process; its result is not known yet
    SENT = "sent"
    HELD = "held"  # the channel cannot send now (quota used up); goes out with the person's next message
    SKIPPED = "skipped"  # no longer wanted: answered meanwhile, too late, person gone
    FAILED = "failed"  # for good


class Outbox(Base):
    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_channel",
            "channel",  # what waits on one channel does not stand in the way of another
            "due_at",
            "id",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
        ),
        Index(
            "ix_outbox_asked",
            "channel",
            "due_at",
            "id",
            sqlite_where=text("state = 'pending' AND key IS NULL"),
            postgresql_where=text("state = 'pending' AND key IS NULL"),
        ),
        Index(
            "ix_outbox_sending",
            "channel",
            sqlite_where=text("state = 'sending'"),
            postgresql_where=text("state = 'sending'"),
        ),
        Index(
            "ix_outbox_open",
            "account_id",
            "id",
            sqlite_where=text("state IN ('pending', 'sending', 'held')"),
            postgresql_where=text("state IN ('pending', 'sending', 'held')"),
        ),
        Index(
            "ix_outbox_counted",
            "person_id",
            "counts_on",
            sqlite_where=text("counts_on IS NOT NULL"),
            postgresql_where=text("counts_on IS NOT NULL"),
        ),
        Index(
            "ix_outbox_source",
            "source",
            sqlite_where=text("source IS NOT NULL"),
            postgresql_where=text("source IS NOT NULL"),
        ),
        Index(
            "ix_outbox_equal",
            "source",
            "variant",
            "id",
            sqlite_where=text("state = 'pending' AND variant IS NOT NULL"),
            postgresql_where=text("state = 'pending' AND variant IS NOT NULL"),
        ),
        Index(
            "ix_outbox_batch",
            "batch",
            "id",
            sqlite_where=text("batch IS NOT NULL"),
            postgresql_where=text("batch IS NOT NULL"),
        ),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    # What a planned send is: stored once. Room for an event, a person and words between them.
    key: Mapped[str | None] = mapped_column(String(600), unique=True)
    account_id: Mapped[str] = mapped_column(String(255))
    channel: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(32))  # messages, prompt, home …: how the payload is to be read
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime]  # not before
    expires_at: Mapped[datetime | None]  # only before: then skipped and reported
    attempts: Mapped[int]
    claimed_at: Mapped[datetime | None]  # by the database's clock; renewed as long as its process is at it
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]  # sent, skipped or failed
    problem: Mapped[str | None]  # why it is late, held, skipped or failed; never a person's text
    person_id: Mapped[str | None] = mapped_column(String(255))  # whom a planned send is for
    counts_on: Mapped[date | None]  # the day whose limit of messages it counts against; None: it was asked for
    source: Mapped[str | None] = mapped_column(String(64))  # the sending it belongs to: a reminder's id and moment
    variant: Mapped[str | None] = mapped_column(String(16))  # sends of a source with one variant say the very same
    batch: Mapped[str | None] = mapped_column(String(36))  # those that went in one request share it: its retry key


@dataclass(frozen=True, kw_only=True)
class Item:
    """A send, as the queue and the channels see it."""

    account_id: str
    kind: str
    payload: Mapping[str, Any]
    due_at: datetime
    created_at: datetime
    expires_at: datetime | None = None
    key: str | None = None
    person_id: str | None = None
    counts_on: date | None = None
    source: str | None = None
    variant: str | None = None
    batch: str | None = None  # those that go in one request share it: its retry key
    attempts: int = 0  # how often it was tried, this time included
    problem: str | None = None  # what became of the try before
    id: str = field(default_factory=lambda: str(uuid_utils.uuid7()))

    @property
    def channel(self) -> str:
        return self.account_id.partition(":")[0]

    @property
    def keep_until(self) -> datetime | None:
        """Until when it is worth being told with a reply, should the channel not be able to send it by itself: the
        payload's ``keep_until``, ISO 8601 with an offset. None: as long as it would have been sent anyway."""
        value = self.payload.get("keep_until")
        return None if value is None else datetime.fromisoformat(value)


PENDING: ColumnElement[str] = literal_column(f"'{State.PENDING}'", String)
SENDING: ColumnElement[str] = literal_column(f"'{State.SENDING}'", String)
HELD: ColumnElement[str] = literal_column(f"'{State.HELD}'", String)

ITEM = (
    Outbox.id,
    Outbox.key,
    Outbox.account_id,
    Outbox.kind,
    Outbox.payload,
    Outbox.due_at,
    Outbox.expires_at,
    Outbox.attempts,
    Outbox.problem,
    Outbox.created_at,
    Outbox.person_id,
    Outbox.counts_on,
    Outbox.source,
    Outbox.variant,
    Outbox.batch,
)


def is_open(table: Any) -> ColumnElement[bool]:
    """The condition of ``ix_outbox_open``, to the letter: SQLite uses a partial index only where it stands so."""
    return table.state.in_([PENDING, SENDING, HELD])


# Statements of the hot path are built once: building them costs more than running them.
OPEN = or_(Outbox.state == SENDING, Outbox.state == HELD)
# A try that another process took over has no say any more; but what is known to have arrived is never sent again.
SAME_TRY = Outbox.attempts == func.coalesce(bindparam("n", type_=Integer), Outbox.attempts)
OWN_TRY = and_(Outbox.id == bindparam("row_id"), OPEN, SAME_TRY)
ARRIVED = (
    update(Outbox)
    .where(Outbox.id.in_(bindparam("ids", expanding=True)), or_(OPEN, Outbox.state == PENDING))
    .values(state=State.SENT, done_at=bindparam("d"), problem=None)
)
DONE = (
    update(Outbox)
    .where(OWN_TRY)
    .values(
        state=bindparam("s"),
        done_at=bindparam("d"),
        problem=bindparam("p"),
        expires_at=func.coalesce(bindparam("e", type_=Outbox.expires_at.type), Outbox.expires_at),
    )
)
AGAIN = (
    update(Outbox)
    .where(OWN_TRY)
    .values(
        state=bindparam("s"),
        due_at=bindparam("w"),
        problem=bindparam("p"),
        batch=bindparam("b"),
        attempts=Outbox.attempts - bindparam("untried", type_=Integer),
    )
)


async def put(connection: AsyncConnection, items: Iterable[Item]) -> None:
    """Store sends within the caller's transaction. One whose ``key`` is there already is left as it is. Raises
    ``ValueError`` for a ``keep_until`` that is no moment."""
    items = list(items)
    if any(item.keep_until is not None and item.keep_until.tzinfo is None for item in items):
        raise ValueError("a keep_until without a time zone cannot be stored")
    rows = [
        {
            "id": item.id,
            "key": item.key,
            "account_id": item.account_id,
            "channel": item.channel,
            "kind": item.kind,
            "payload": item.payload,
            "state": State.PENDING,
            "due_at": item.due_at,
            "expires_at": item.expires_at,
            "attempts": item.attempts,
            "created_at": item.created_at,
            "person_id": item.person_id,
            "counts_on": item.counts_on,
            "source": item.source,
            "variant": item.variant,
        }
        for item in items
    ]
    await upsert(connection, Outbox, rows, key=["key"])


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a send."""

    id: str
    state: State  # PENDING: to be tried again at ``due_at``
    attempts: int | None = None  # which try this is the outcome of; None: whichever is under way
    was_tried: bool = True  # False: given back untouched, the try does not count
    done_at: datetime | None = None
    due_at: datetime | None = None  # None: unchanged
    batch: str | None = None  # with which it is to be tried again; None: by itself
    expires_at: datetime | None = None  # of what is held; None: unchanged
    problem: str | None = None


async def settle(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Store outcomes of claimed or held sends; one that was settled elsewhere meanwhile is left as it is."""
    done = [o for o in outcomes if o.due_at is None]
    again = [o for o in outcomes if o.due_at is not None]
    arrived = [o for o in done if o.state is State.SENT]
    ended = [o for o in done if o.state is not State.SENT]
    if arrived:  # many in one statement, so they share the moment of the last
        at = max((o.done_at for o in arrived if o.done_at is not None), default=None)
        for start in range(0, len(arrived), AT_ONCE):
            ids = filled([o.id for o in arrived[start : start + AT_ONCE]])
            await connection.execute(ARRIVED, {"ids": ids, "d": at})
    if ended:
        rows = [
            {"row_id": o.id, "n": o.attempts, "s": o.state, "d": o.done_at, "p": o.problem, "e": o.expires_at}
            for o in ended
        ]
        await connection.execute(DONE, rows)
    if again:
        rows = [
            {
                "row_id": o.id,
                "n": o.attempts,
                "s": o.state,
                "w": o.due_at,
                "p": o.problem,
                "b": o.batch,
                "untried": 0 if o.was_tried else 1,
            }
            for o in again
        ]
        await connection.execute(AGAIN, rows)


def filled(ids: list[Id]) -> list[Id]:
    """The ids, the last one repeated up to a power of two: a statement over a list is read anew for every length that
    the database has not seen yet."""
    return ids + ids[-1:] * ((1 << (len(ids) - 1).bit_length()) - len(ids)) if ids else ids


async def cancel(connection: AsyncConnection, account_id: str, now: datetime, reason: str) -> None:
    """Drop what is still open for an account (the person blocked us or left); what is being sent is not tried again."""
    await connection.execute(
        update(Outbox)
        .where(Outbox.account_id == account_id, is_open(Outbox))
        .values(state=State.SKIPPED, done_at=now, problem=reason)
    )


async def cancel_of_others(connection: AsyncConnection, account_id: str, person_id: str, now: datetime) -> None:
    """Drop what waits on an account for anybody but ``person_id``: it changed hands."""
    await connection.execute(
        update(Outbox)
        .where(
            Outbox.account_id == account_id,
            is_open(Outbox),
            Outbox.person_id.is_not(None),
            Outbox.person_id != person_id,
        )
        .values(state=State.SKIPPED, done_at=now, problem="the account changed hands")
    )
