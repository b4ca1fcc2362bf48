"""あとで: a check-in that a child put off, asked again at the time it named."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import date, datetime

import uuid_utils
from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.questions.model import Phase
from scheduler import outbox
from scheduler.checkin_planner import message_key
from scheduler.outbox import HELD, PENDING, Item, Outbox, State

KIND = "later"


def later_key(phase: Phase, day: date, student_id: str) -> str:
    """The idempotency key: a phase of a day is asked again once, at the time named last."""
    return message_key(KIND, phase, day, student_id)


def later_item(
    account_id: str, student_id: str, phase: Phase, *, due_at: datetime, until: datetime, now: datetime
) -> Item:
    """The send; times in the school's time zone. It counts against no limit, as the child asked for it."""
    day = due_at.date()
    return Item(
        id=_id_in((due_at - now).total_seconds()),
        key=later_key(phase, day, student_id),
        account_id=account_id,
        kind=KIND,
        payload={"phase": phase, "date": day.isoformat(), "person_id": student_id},
        due_at=due_at,
        created_at=now,
        expires_at=until,
        person_id=student_id,
    )


def _id_in(seconds: float) -> str:
    """An id as young as if it were made that much later: sends of an account go out in the order of their ids, and what
    is said meanwhile must not wait behind this one."""
    return str(uuid_utils.uuid7(int(time.time() + seconds), 0))


async def move(connection: AsyncConnection, items: Sequence[Item]) -> None:
    """Store the sends, each in place of the one that has its key, sent already or not."""
    await connection.execute(delete(Outbox).where(Outbox.key.in_([item.key for item in items])))
    await outbox.put(connection, items)


async def drop(connection: AsyncConnection, key: str, now: datetime) -> None:
    """The child does not want to be asked again after all. Nothing to do where it was asked already."""
    await connection.execute(
        update(Outbox)
        .where(Outbox.key == key, Outbox.state.in_([PENDING, HELD]))
        .values(state=State.SKIPPED, done_at=now, problem="not wanted any more")
    )
