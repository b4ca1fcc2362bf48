"""Taking sends from the outbox: the oldest open one of each account, and those that say the very same together.

Sends of one source with the same variant and kind go to many accounts in one request where the channel can (LINE's
multicast). Such a batch is stamped in the transaction that claims it; its id is the retry key of the request. What was
tried together is tried again together, never in part: only so does the platform know the request again. The oldest open
send of a batch leads: by it the whole batch is taken up again, and when it is cancelled the next one leads.

When a send was claimed, and whether that is too long ago, the database says by its own clock: no machine whose clock is
wrong takes over what another is about to send, or hides what it leaves behind.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import uuid_utils
from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    Integer,
    Select,
    and_,
    bindparam,
    exists,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from knowledge.db import Moment
from scheduler.outbox import AT_ONCE, HELD, ITEM, PENDING, SENDING, Item, Outbox, State, filled, is_open


def _is_first(*, overtakes: bool = False) -> ColumnElement[bool]:
    """Nothing older of the account is open. What is held does not stand in the way, nor what was planned for a later
    moment; what is tried again later does. ``overtakes``: nor what was planned and not begun."""
    earlier = aliased(Outbox)
    is_under_way = or_(earlier.state == SENDING, earlier.attempts > 0, earlier.due_at <= bindparam("now"))
    is_untouched = and_(earlier.key.is_not(None), earlier.state == PENDING, earlier.attempts == 0)
    return ~exists().where(
        earlier.account_id == Outbox.account_id,
        earlier.id < Outbox.id,
        is_open(earlier),
        earlier.state != HELD,
        is_under_way,
        *([~is_untouched] if overtakes else []),
    )


def _leads() -> ColumnElement[bool]:
    """It goes by itself, or is the oldest open send of its batch."""
    other = aliased(Outbox)
    older = exists().where(
        other.batch == Outbox.batch, other.id < Outbox.id, or_(other.state == PENDING, other.state == SENDING)
    )
    return or_(Outbox.batch.is_(None), and_(Outbox.batch.is_not(None), ~older))


def _take(chosen: Select[str], **stamp: ColumnElement[str]) -> Executable:
    # A CTE is worked out once: PostgreSQL would run a plain subquery again for every row.
    rows = chosen.with_for_update(skip_locked=True, of=Outbox).cte("due")
    return (
        update(Outbox)
        .where(Outbox.id.in_(select(rows.c.id)), Outbox.state == PENDING)
        .values(state=State.SENDING, claimed_at=Moment(), attempts=Outbox.attempts + 1, **stamp)
        .returning(*ITEM)
    )


def _claim(*, asked: bool, account_id: str | None = None) -> Executable:
    """``asked``: what somebody waits for, such as a reply (it has no key); else what was planned. A school that is
    prompted must not keep the child waiting who has just answered."""
    due = (
        select(Outbox.id)
        .where(
            Outbox.state == PENDING,
            Outbox.due_at <= bindparam("now"),
            Outbox.channel.in_(bindparam("channels", expanding=True)),
            Outbox.key.is_(None) if asked else Outbox.key.is_not(None),
            _leads(),
            _is_first(overtakes=asked),
        )
        .order_by(Outbox.due_at, Outbox.id)
        .limit(bindparam("room"))
    )
    return _take(due if account_id is None else due.where(Outbox.account_id == account_id))


TAKEN_UP = "its process was lost"  # whether that try arrived is not known

# Statements of the hot path are built once: building them costs more than running them.
CLAIM_ASKED, CLAIM_PLANNED = _claim(asked=True), _claim(asked=False)
GATHER = _take(  # what was tried before, alone or in another batch, keeps the retry key it had
    select(Outbox.id)
    .where(
        Outbox.source == bindparam("of_source"),
        Outbox.state == PENDING,
        Outbox.variant == bindparam("of_variant"),
        Outbox.kind == bindparam("of_kind"),
        Outbox.channel == bindparam("of_channel"),
        Outbox.due_at <= bindparam("now"),
        Outbox.attempts == 0,
        _is_first(),
    )
    .order_by(Outbox.id)
    .limit(bindparam("room")),
    batch=bindparam("stamp"),
)
STAMP = (
    update(Outbox)
    .where(Outbox.id.in_(bindparam("ids", expanding=True)))
    .values(batch=bindparam("stamp"))
)  # fmt: skip
FOLLOW = (
    update(Outbox)
    .where(Outbox.batch.in_(bindparam("batches", expanding=True)), Outbox.state == PENDING)
    .values(state=State.SENDING, claimed_at=Moment(), attempts=Outbox.attempts + 1)
    .returning(*ITEM)
)
RENEW = (
    update(Outbox)
    .where(
        Outbox.id.in_(bindparam("ids", expanding=True)),
        Outbox.state == SENDING,
        Outbox.attempts == bindparam("n", type_=Integer),
    )
    .values(claimed_at=Moment())
    .returning(Outbox.id)
)
WAITING = (
    select(*ITEM).where(
        Outbox.account_id.in_(bindparam("accounts", expanding=True)), is_open(Outbox), Outbox.state == HELD
    )
).order_by(Outbox.id)


async def claim(
    connection: AsyncConnection,
    channels: Mapping[str, int],
    now: datetime,
    limit: int,
    account_id: str | None = None,
    planned: int | None = None,
) -> list[Item]:
    """Take due sends for up to ``limit`` requests, what somebody waits for before what was planned, and of that no more
    than ``planned`` (None: as many): the oldest open one of each account, and none behind one that is still open.
    ``channels`` says how many accounts one request of each channel can reach; with more than one, those that say the
    same come along, as a batch."""
    values = {"now": now, "channels": list(channels)}
    asked = CLAIM_ASKED if account_id is None else _claim(asked=True, account_id=account_id)
    items = _items(await connection.execute(asked, {**values, "room": limit}))
    room = min(limit - len(items), limit if planned is None else planned)
    if room > 0:
        later = CLAIM_PLANNED if account_id is None else _claim(asked=False, account_id=account_id)
        items += _items(await connection.execute(later, {**values, "room": room}))
    taken: list[Item] = []
    equal: dict[tuple[str, str, str | None, str | None], list[Item]] = {}
    for item in items:
        is_new = item.batch is None and item.attempts == 1
        if is_new and channels[item.channel] > 1 and item.source is not None and item.variant is not None:
            equal.setdefault((item.channel, item.kind, item.source, item.variant), []).append(item)
        else:
            taken.append(item)
    taken += await _followers(connection, [item.batch for item in taken if item.batch is not None])
    for found in equal.values():
        size = channels[found[0].channel]
        for start in range(0, len(found), size):
            taken += await _batch(connection, found[start : start + size], size, now)
    return sorted(taken, key=lambda item: (item.key is not None, item.id))


async def _followers(connection: AsyncConnection, batches: Collection[str]) -> list[Item]:
    """What else is open of batches that were taken up again by their first."""
    if not batches:
        return []
    return _items(await connection.execute(FOLLOW, {"batches": list(batches)}))


async def _batch(connection: AsyncConnection, found: Sequence[Item], size: int, now: datetime) -> Sequence[Item]:
    """What was claimed together with what else says the same, stamped as one batch; a single one stays by itself."""
    first, batch = found[0], str(uuid_utils.uuid7())
    gathered: list[Item] = []
    if len(found) < size:
        wanted: dict[str, object] = {
            "of_source": first.source,
            "of_variant": first.variant,
            "of_kind": first.kind,
            "of_channel": first.channel,
        }
        wanted |= {"now": now, "room": size - len(found), "stamp": batch}
        gathered = _items(await connection.execute(GATHER, wanted))
    if len(found) + len(gathered) == 1:
        return found
    await connection.execute(STAMP, {"ids": [item.id for item in found], "stamp": batch})
    return [*(replace(item, batch=batch) for item in found), *gathered]


def _items(result: CursorResult[*tuple[Any, ...]]) -> list[Item]:
    names = list(result.keys())
    return [Item(**dict(zip(names, row, strict=True))) for row in result]


async def renew(connection: AsyncConnection, claims: Mapping[str, int]) -> Collection[str]:
    """Say that claims, by id the try that each is for, are held still. Returns the ids of those that are: another
    process may have taken one over, or it was cancelled. No claims, nothing done."""
    kept: set[str] = set()
    for attempts in sorted(set(claims.values())):
        ids = [id for id, tried in claims.items() if tried == attempts]
        for start in range(0, len(ids), AT_ONCE):
            some = {"ids": filled(ids[start : start + AT_ONCE]), "n": attempts}
            kept.update(await connection.scalars(RENEW, some))
    return kept


async def requeue_stale(connection: AsyncConnection, stale_after: float | None, channels: Collection[str]) -> int:
    """Put back sends whose claim was not renewed for so many seconds by the database's clock: their process was killed
    or stands still. None: every claim there is. Returns how many."""
    stale = update(Outbox).where(Outbox.state == SENDING, Outbox.channel.in_(channels))
    if stale_after is not None:  # one from the future was made before the database's clock was set back
        stale = stale.where(~Outbox.claimed_at.between(Moment(-stale_after), Moment(stale_after)))
    return (await connection.execute(stale.values(state=State.PENDING, problem=TAKEN_UP))).rowcount


async def held(connection: AsyncConnection, account_ids: Collection[str]) -> dict[str, list[Item]]:
    """What waits for a person's next message, by account, the oldest first. Nobody named, nothing read."""
    waiting: dict[str, list[Item]] = {}
    if account_ids:
        for item in _items(await connection.execute(WAITING, {"accounts": list(account_ids)})):
            waiting.setdefault(item.account_id, []).append(item)
    return waiting
