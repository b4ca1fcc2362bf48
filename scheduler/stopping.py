"""Takes back what was planned for people who are not to get it any more: a closure stops the sends of the day."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from scheduler.outbox import Outbox, State

PROMPTS = frozenset({"prompt", "nudge", "later"})
REMINDERS = frozenset({"reminder", "reminder_checkin"})
WAITING = (State.PENDING, State.HELD)
CLOSED = "closed: "  # begins the cause of what a closure stopped; its id follows
AT_ONCE = 500  # people in one statement


async def waiting(
    connection: AsyncConnection, person_ids: Collection[str], kinds: Collection[str]
) -> Mapping[str, int]:
    """How many sends of these kinds wait for these people, by kind; kinds without any are left out."""
    counted: dict[str, int] = {}
    for some in _parts(person_ids):
        statement = (
            select(Outbox.kind, func.count())
            .where(Outbox.person_id.in_(some), Outbox.kind.in_(kinds), Outbox.state.in_(WAITING))
            .group_by(Outbox.kind)
        )
        for kind, count in await connection.execute(statement):
            counted[kind] = counted.get(kind, 0) + count
    return counted


async def stop(
    connection: AsyncConnection, person_ids: Collection[str], kinds: Collection[str], now: datetime, cause: str
) -> Mapping[str, int]:
    """Skip the sends of these kinds that wait for these people, and return how many were skipped for ``cause``, by
    kind. Done again for the same cause it returns the same. What is under way already cannot be taken back."""
    stopped: dict[str, int] = {}
    for some in _parts(person_ids):
        whom = (Outbox.person_id.in_(some), Outbox.kind.in_(kinds))
        await connection.execute(
            update(Outbox)
            .where(*whom, Outbox.state.in_(WAITING))
            .values(state=State.SKIPPED, done_at=now, problem=cause)
        )
        counts = select(Outbox.kind, func.count()).where(*whom, Outbox.problem == cause).group_by(Outbox.kind)
        for kind, count in await connection.execute(counts):
            stopped[kind] = stopped.get(kind, 0) + count
    return stopped


async def restore(connection: AsyncConnection, person_ids: Collection[str], now: datetime) -> int:
    """Put back the sends of these people that a closure stopped and that are not too late yet; how many."""
    restored = 0
    for some in _parts(person_ids):
        result = await connection.execute(
            update(Outbox)
            .where(
                Outbox.person_id.in_(some),
                Outbox.state == State.SKIPPED,
                Outbox.problem.startswith(CLOSED),
                or_(Outbox.expires_at.is_(None), Outbox.expires_at > now),
            )
            .values(state=State.PENDING, done_at=None, problem=None)
        )
        restored += result.rowcount
    return restored


async def drop(connection: AsyncConnection, sources: Collection[str], now: datetime) -> None:
    """Skip the sends of these sources that wait: what they would say is not so any more."""
    await connection.execute(
        update(Outbox)
        .where(Outbox.source.in_(sources), Outbox.state.in_(WAITING))
        .values(state=State.SKIPPED, done_at=now, problem="taken back")
    )


async def reached(connection: AsyncConnection, sources: Collection[str]) -> frozenset[str]:
    """The people who got a send of these sources, or are getting it now."""
    statement = select(Outbox.person_id).where(
        Outbox.source.in_(sources), Outbox.state.in_((State.SENT, State.SENDING)), Outbox.person_id.is_not(None)
    )
    return frozenset(id for id in await connection.scalars(statement) if id is not None)


def _parts(person_ids: Collection[str]) -> list[list[str]]:
    ids = sorted(person_ids)
    return [ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE)]
