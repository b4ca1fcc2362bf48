"""What a child asked for help with, and nobody at school has seen, goes to the next of those who are to be told.

One planner for everything that waits so (alerts, wishes to talk): the first are told in the turn of the child, and
begin a row of ``escalations``; here it is passed on, step by step, and from the end of the list to the whole list
again at growing intervals, until somebody has seen it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import and_, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database, upsert
from knowledge.records.calendar import SchoolCalendar, load_calendars
from knowledge.records.care_staff import Chain, Home, Told, Wanted, find_chains
from scheduler import outbox
from scheduler.outbox import Item, Outbox, State
from scheduler.school_hours import LOOK_BACK, school_hours
from scheduler.schools import SchoolTimes, Times
from scheduler.tellings import IS_SENT_BY, URGENT, Begun, Escalation, Telling, begin

LONGEST = timedelta(days=1)  # between two tellings of the whole list
LOOK_AGAIN = timedelta(minutes=1)  # until what became of a send that is under way is looked at
AT_ONCE = 500  # items of one look
NOT_ARRIVED = frozenset({State.HELD, State.FAILED, State.SKIPPED})
UNDER_WAY = frozenset({State.PENDING, State.SENDING})

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Something of a child that nobody at school has seen yet."""

    id: str
    student_id: str
    level: str  # urgent, soon, talk: how long it may wait
    entries: tuple[str, ...] = ()  # who is to be told, as in ``Wanted``; (): those of the school


class Source(Protocol):
    """A kind of things that wait to be seen. Its composer (``assistant/composing.py``) says what is told."""

    kind: str  # of the sends, too

    async def waiting(self, connection: AsyncConnection, ids: Collection[str]) -> Sequence[Waiting]:
        """Those of ``ids`` that nobody has seen."""
        ...

    async def forgotten(self, connection: AsyncConnection, now: datetime) -> Sequence[Begun]:
        """What waits without a row of ``escalations``: stored by a process of an earlier version."""
        ...


class Escalating:
    """Passes on what waits for too long."""

    def __init__(
        self,
        database: Database,
        zone: ZoneInfo,
        times: SchoolTimes,
        channels: Sequence[str],
        sources: Sequence[Source] = (),
    ) -> None:
        """``channels``: where staff can be told."""
        self._database = database
        self._zone = zone
        self._times = times
        self._channels = channels
        self._sources = sources

    async def plan(self, now: datetime) -> int:
        """Tell the next ones of everything that is due, and return how many were told. Safe to call at any time and in
        several processes: a step is taken by the one that finds it untaken."""
        now = now.astimezone(self._zone)
        count = 0
        for source in self._sources:
            async with self._database.read() as connection:
                forgotten = await source.forgotten(connection, now)
            if forgotten:
                async with self._database.write() as connection:
                    for begun in forgotten:
                        await begin(connection, begun)
            async with self._database.read() as connection:
                looks = await self._look(connection, source, now)
            if looks:
                async with self._database.write() as connection:
                    count += await self._store(connection, source.kind, looks, now)
        if count:
            log.info("passed_on", count=count)
        return count

    async def _look(self, connection: AsyncConnection, source: Source, now: datetime) -> list[_Look]:
        due = select(Escalation.__table__).where(Escalation.kind == source.kind, Escalation.next_at <= now)
        rows = (await connection.execute(due.order_by(Escalation.next_at).limit(AT_ONCE))).all()
        if not rows:
            return []
        waiting = {each.id: each for each in await source.waiting(connection, [row.item_id for row in rows])}
        wanted = {id: Wanted(student_id=each.student_id, entries=each.entries) for id, each in waiting.items()}
        chains = await find_chains(connection, {*wanted.values()}, self._times.care_of, now.date(), self._channels)
        told = await _tellings(connection, source.kind, list(waiting))
        calendars = await self._calendars(connection, chains.values(), now.date())
        looks: list[_Look] = []
        for row in rows:
            if row.item_id not in waiting:
                looks.append(_Look(row=row, is_over=True))
                continue
            chain = chains[wanted[row.item_id]]
            home = chain.home
            patience = _Patience(
                level=waiting[row.item_id].level,
                times=self._times.of(home.school_id or ""),
                calendar=calendars.get(home.school_id or ""),
                home=home,
            )
            looks.append(_judge(row, chain, told.get(row.item_id, ()), patience, now))
        return looks

    async def _calendars(
        self, connection: AsyncConnection, chains: Collection[Chain], today: date
    ) -> dict[str, SchoolCalendar]:
        schools = {chain.home.school_id for chain in chains if chain.home.school_id is not None}
        return await load_calendars(connection, sorted(schools), today - LOOK_BACK, today)

    async def _store(self, connection: AsyncConnection, kind: str, looks: Sequence[_Look], now: datetime) -> int:
        """Take the steps that nobody else took meanwhile."""
        count = 0
        for look in looks:
            row = look.row
            same = and_(
                Escalation.kind == kind,
                Escalation.item_id == row.item_id,
                Escalation.next_at == row.next_at,
                Escalation.step == row.step,
            )
            if look.is_over:
                await connection.execute(delete(Escalation).where(same))
                continue
            changes: dict[str, Any] = {"next_at": look.next_at}
            if look.told:
                changes |= {"step": row.step + 1, "told_at": now, "rounds": row.rounds + look.is_whole}
            if (await connection.execute(update(Escalation).where(same).values(changes))).rowcount and look.told:
                count += len(look.told)
                await _tell(connection, kind, look, now)
        return count


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What is to be done about one row."""

    row: Any
    is_over: bool = False  # somebody has seen it
    told: Sequence[Told] = ()  # who is told now; (): nobody
    is_whole: bool = False  # of the whole list, for everybody was told before
    next_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class _Past:
    """One telling of an item."""

    person_id: str
    step: int
    at: datetime
    state: State | None  # of the send; None: cleared away, so it is long past


@dataclass(frozen=True, kw_only=True)
class _Patience:
    """How long a thing may wait at a school."""

    level: str
    times: Times
    calendar: SchoolCalendar | None
    home: Home

    @property
    def span(self) -> timedelta:
        if self.level == URGENT:
            return timedelta(minutes=self.times.alert_urgent)
        if self.level == "soon":
            return timedelta(minutes=self.times.alert_soon)
        return timedelta(hours=self.times.talk_hours)

    def left(self, since: datetime, span: timedelta, now: datetime) -> timedelta:
        """How long it has to wait at least from now on. Urgent things wait by the clock, the others are not told at
        night, and hours of a wish to talk count at school only."""
        if self.level == "talk":
            return span - school_hours(self.calendar, self.home.grade, since, now)
        left = min(span - (now - since), span)  # not for ever, where the clock was set back
        if self.level == URGENT:
            return left
        then = now + max(left, timedelta())
        return (self._morning(then) if self.times.is_quiet(then.time()) else then) - now

    def _morning(self, moment: datetime) -> datetime:
        morning = datetime.combine(moment.date(), self.times.quiet_until, moment.tzinfo)
        return morning if morning > moment else morning + timedelta(days=1)


def _judge(row: Any, chain: Chain, told: Sequence[_Past], patience: _Patience, now: datetime) -> _Look:
    """Whom to tell now, or when to look again."""
    knowing = {each.person_id for each in told if each.at >= row.begun_at}
    nexts = next((step for step in chain.steps if not all(each.person_id in knowing for each in step)), ())
    fresh = tuple(each for each in nexts if each.person_id not in knowing)
    span = patience.span
    if not fresh:  # the end of the list: everybody once more
        span = max(span, min(span * 2 ** min(row.rounds + 1, 16), LONGEST))
    latest = {each.state for each in told if each.step == row.step and each.at >= row.begun_at}
    is_lost = bool(fresh) and latest <= NOT_ARRIVED  # also where nobody could be told before
    left = timedelta() if row.told_at is None or is_lost else patience.left(row.told_at, span, now)
    if left > timedelta():
        is_open = bool(fresh) and not latest.isdisjoint(UNDER_WAY)
        return _Look(row=row, next_at=now + (min(left, LOOK_AGAIN) if is_open else left))
    if not chain.steps:  # somebody may link an account
        return _Look(row=row, next_at=now + min(patience.span, LONGEST))
    return _Look(row=row, told=fresh or chain.everybody, is_whole=not fresh, next_at=now)


async def _tellings(connection: AsyncConnection, kind: str, ids: Collection[str]) -> dict[str, list[_Past]]:
    statement = (
        select(Telling.item_id, Telling.person_id, Telling.step, Telling.at, Outbox.state)
        .outerjoin(Outbox, IS_SENT_BY)
        .where(Telling.kind == kind, Telling.item_id.in_(ids))
    )
    found: dict[str, list[_Past]] = {}
    rows: Any = await connection.execute(statement)  # no send: its state is None, which no column type says
    for item, person, step, at, state in rows:
        past = _Past(person_id=person, step=step, at=at, state=None if state is None else State(state))
        found.setdefault(item, []).append(past)
    return found


async def _tell(connection: AsyncConnection, kind: str, look: _Look, now: datetime) -> None:
    """The sends of one step, and that they were made."""
    row, step = look.row, look.row.step + 1
    telling = f"{kind}:{row.item_id}:{row.begun_at:%y%m%d%H%M%S%f}:{step}"  # one that begins anew has steps of its own
    keys = {told.person_id: f"{telling}:{told.person_id}" for told in look.told}
    items = [
        Item(
            key=keys[told.person_id],
            account_id=told.account_id,
            kind=kind,
            payload={"item_id": row.item_id, "person_id": told.person_id, "again": True},
            due_at=now,
            created_at=now,
            person_id=told.person_id,
        )
        for told in look.told
    ]
    await outbox.put(connection, items)
    rows: list[Mapping[str, Any]] = [
        {"key": key, "kind": kind, "item_id": row.item_id, "person_id": person, "step": step, "at": now}
        for person, key in keys.items()
    ]
    await upsert(connection, Telling, rows, key=["key"])
