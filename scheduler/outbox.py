"""The outbox: everything that is to reach a person, stored with what caused it and sent afterwards.

A row is one send to one account. ``id`` grows with time, so rows of an account go out in its order, and is the
idempotency key that the platform gets (a UUID, as LINE's ``X-Line-Retry-Key`` wants it).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import uuid_utils
from sqlalchemy import (
    ColumnElement,
    Executable,
    Index,
    Integer,
    String,
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import Mapped, aliased, mapped_column

from knowledge.db import Base, upsert


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
            "ix_outbox_due",
            "due_at",
            sqlite_where=text("state = 'pending'"),
            postgresql_where=text("state = 'pending'"),
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
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    key: Mapped[str | None] = mapped_column(String(255), unique=True)  # what a planned send is: stored once
    account_id: Mapped[str] = mapped_column(String(255))
    channel: Mapped[str] = mapped_column(String(32))
    kind: Mapped[str] = mapped_column(String(32))  # messages, prompt, home …: how the payload is to be read
    payload: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(16))
    due_at: Mapped[datetime]  # not before
    expires_at: Mapped[datetime | None]  # not after: then skipped and reported
    attempts: Mapped[int]
    claimed_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    done_at: Mapped[datetime | None]  # sent, skipped or failed
    problem: Mapped[str | None]  # why it is late, held, skipped or failed; never a person's text
    person_id: Mapped[str | None] = mapped_column(String(255))  # whom a planned send is for
    counts_on: Mapped[date | None]  # the day whose limit of messages it counts against; None: it was asked for
    source: Mapped[str | None] = mapped_column(String(64))  # the sending it belongs to: a reminder's id and moment
    variant: Mapped[str | None] = mapped_column(String(16))  # sends of a source with one variant say the very same
    batch: Mapped[str | None] = mapped_column(String(36))  # those that went in one request share it: its retry key
    leads_batch: Mapped[bool]  # the one of a batch by which all of it is taken up again


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
    attempts: int = 0  # how often it was tried, this time included
    id: str = field(default_factory=lambda: str(uuid_utils.uuid7()))

    @property
    def channel(self) -> str:
        return self.account_id.partition(":")[0]


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
    Outbox.created_at,
    Outbox.person_id,
    Outbox.counts_on,
    Outbox.source,
    Outbox.variant,
)


def _is_open(table: Any) -> ColumnElement[bool]:
    """The condition of ``ix_outbox_open``, to the letter: SQLite uses a partial index only where it stands so."""
    return table.state.in_([PENDING, SENDING, HELD])


def _claim(account_id: str | None = None) -> Executable:
    earlier = aliased(Outbox)
    due = (
        select(Outbox.id)
        .where(
            Outbox.state == PENDING,
            Outbox.due_at <= bindparam("now"),
            Outbox.channel.in_(bindparam("channels", expanding=True)),
            ~exists().where(
                earlier.account_id == Outbox.account_id,
                earlier.id < Outbox.id,
                _is_open(earlier),
                earlier.state != HELD,  # what is held does not stand in the way
            ),
        )
        .order_by(Outbox.due_at, Outbox.id)
        .limit(bindparam("room"))
        .with_for_update(skip_locked=True, of=Outbox)
    )
    if account_id is not None:
        due = due.where(Outbox.account_id == account_id)
    chosen = due.cte("due")  # worked out once: PostgreSQL would run a plain subquery again for every row
    return (
        update(Outbox)
        .where(Outbox.id.in_(select(chosen.c.id)), Outbox.state == PENDING)
        .values(state=State.SENDING, claimed_at=bindparam("now"), attempts=Outbox.attempts + 1)
        .returning(*ITEM)
    )


# Statements of the hot path are built once: building them costs more than running them.
CLAIM = _claim()
WAITING = (
    select(*ITEM).where(
        Outbox.account_id.in_(bindparam("accounts", expanding=True)), _is_open(Outbox), Outbox.state == HELD
    )
).order_by(Outbox.id)
OPEN = or_(Outbox.state == SENDING, Outbox.state == HELD)
# A try that another process took over has no say any more; but what is known to have arrived is never sent again.
SAME_TRY = Outbox.attempts == func.coalesce(bindparam("n", type_=Integer), Outbox.attempts)
OWN_TRY = and_(Outbox.id == bindparam("row_id"), OPEN, SAME_TRY)
ARRIVED = (
    update(Outbox)
    .where(Outbox.id == bindparam("row_id"), or_(OPEN, Outbox.state == PENDING))
    .values(state=State.SENT, done_at=bindparam("d"), problem=None)
)
DONE = update(Outbox).where(OWN_TRY).values(state=bindparam("s"), done_at=bindparam("d"), problem=bindparam("p"))
AGAIN = update(Outbox).where(OWN_TRY).values(state=bindparam("s"), due_at=bindparam("w"), problem=bindparam("p"))


async def put(connection: AsyncConnection, items: Iterable[Item]) -> None:
    """Store sends within the caller's transaction. One whose ``key`` is there already is left as it is."""
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
            "leads_batch": False,
        }
        for item in items
    ]
    await upsert(connection, Outbox, rows, key=["key"])


async def claim(
    connection: AsyncConnection, channels: Sequence[str], now: datetime, limit: int, account_id: str | None = None
) -> list[Item]:
    """Take up to ``limit`` due sends: the oldest open one of each account, and none behind one that is still open."""
    claimed = CLAIM if account_id is None else _claim(account_id)
    rows = await connection.execute(claimed, {"now": now, "channels": list(channels), "room": limit})
    return sorted((Item(**row._mapping) for row in rows), key=lambda item: item.id)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a send."""

    id: str
    state: State  # PENDING: to be tried again at ``due_at``
    attempts: int | None = None  # which try this is the outcome of; None: whichever is under way
    done_at: datetime | None = None
    due_at: datetime | None = None  # None: unchanged
    problem: str | None = None


async def settle(connection: AsyncConnection, outcomes: Sequence[Outcome]) -> None:
    """Store outcomes of claimed or held sends; one that was settled elsewhere meanwhile is left as it is."""
    done = [o for o in outcomes if o.due_at is None]
    again = [o for o in outcomes if o.due_at is not None]
    arrived = [o for o in done if o.state is State.SENT]
    ended = [o for o in done if o.state is not State.SENT]
    if arrived:
        await connection.execute(ARRIVED, [{"row_id": o.id, "d": o.done_at} for o in arrived])
    if ended:
        rows = [{"row_id": o.id, "n": o.attempts, "s": o.state, "d": o.done_at, "p": o.problem} for o in ended]
        await connection.execute(DONE, rows)
    if again:
        rows = [{"row_id": o.id, "n": o.attempts, "s": o.state, "w": o.due_at, "p": o.problem} for o in again]
        await connection.execute(AGAIN, rows)


async def requeue_stale(connection: AsyncConnection, claimed_before: datetime, channels: Sequence[str]) -> int:
    """Put back sends that a process claimed and never settled (it was killed). Returns how many."""
    result = await connection.execute(
        update(Outbox)
        .where(
            _is_open(Outbox),
            Outbox.state == SENDING,
            Outbox.claimed_at < claimed_before,
            Outbox.channel.in_(channels),
        )
        .values(state=State.PENDING)
    )
    return result.rowcount


async def held(connection: AsyncConnection, account_ids: Sequence[str]) -> dict[str, list[Item]]:
    """What waits for a person's next message, by account, the oldest first. Nobody named, nothing read."""
    waiting: dict[str, list[Item]] = {}
    if account_ids:
        for row in await connection.execute(WAITING, {"accounts": list(account_ids)}):
            waiting.setdefault(row.account_id, []).append(Item(**row._mapping))
    return waiting


async def cancel(connection: AsyncConnection, account_id: str, now: datetime, reason: str) -> None:
    """Drop what is still open for an account (the person blocked us or left); what is being sent is not tried again."""
    await connection.execute(
        update(Outbox)
        .where(Outbox.account_id == account_id, _is_open(Outbox))
        .values(state=State.SKIPPED, done_at=now, problem=reason)
    )
