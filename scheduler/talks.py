"""Wishes to talk that wait to be read: who may read which, who is told next, and what the child hears of it.

A child chooses one person. Nobody else reads what it is about, until the child lets others be told; then it is whoever
was told. A wish for anyone is read by those who may know of the child's troubles at all.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import ColumnElement, Select, String, and_, cast, exists, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import load_calendars
from knowledge.records.care_staff import Lists, find_homes, may_know, named_at
from knowledge.records.roster import Enrollment, SchoolClass, User
from knowledge.records.scope import Viewer, valid_on
from knowledge.records.talk_requests import COUNSELOR, NURSE, Passing, TalkRequest
from scheduler import outbox
from scheduler.escalating import Waiting
from scheduler.outbox import Item, Outbox
from scheduler.school_hours import LOOK_BACK, school_hours
from scheduler.schools import SchoolTimes, Times
from scheduler.tellings import Begun, Escalation, Telling

KIND = "talk"  # of the sends to staff, and the level of waiting
READ, DONE, ASK, PASSED = "talk_read", "talk_done", "talk_ask", "talk_passed"  # of the sends to the child
AFTER_CHOSEN = (NURSE, COUNSELOR, "principal")  # once the child lets others be told: not the homeroom teacher unasked
AT_ONCE = 500  # wishes of one look
RECENT = timedelta(days=1)  # what happened before it is no news

STUDENT: ColumnElement[str] = TalkRequest.__table__.c.student_id

log = structlog.get_logger(__name__)


def is_open() -> ColumnElement[bool]:
    return TalkRequest.closed_at.is_(None)


def may_read(viewer: Viewer, lists: Lists) -> ColumnElement[bool]:
    """That the viewer may read a wish, also what it is about: whoever the child chose or agreed to be told, as long as
    they are the child's teacher or of its school. Rights end with the roster's."""
    me = viewer.person_id
    knows = may_know(STUDENT, viewer, named_at(viewer, lists))
    teaches = and_(
        STUDENT.not_in(viewer.children),
        exists().where(
            Enrollment.user_sourced_id == STUDENT,
            Enrollment.role == "student",
            valid_on(Enrollment.begin_date, Enrollment.end_date, viewer.on),
            Enrollment.class_sourced_id.in_(viewer.subject_classes),
        ),
    )
    was_told = exists().where(Telling.kind == KIND, Telling.item_id == TalkRequest.id, Telling.person_id == me)
    return or_(
        and_(TalkRequest.chosen_id == me, or_(knows, teaches)),
        and_(or_(TalkRequest.chosen_id.is_(None), was_told), knows),
    )


async def talks_for(connection: AsyncConnection, viewer: Viewer, lists: Lists) -> Sequence[Any]:
    """The open wishes that the viewer may read, the oldest first: the columns of ``TalkRequest`` with family_name,
    given_name and school_class of the child ("" or None without one)."""
    statement = _with_child(viewer).where(is_open(), may_read(viewer, lists)).order_by(TalkRequest.requested_at)
    return (await connection.execute(statement.limit(AT_ONCE))).all()


async def talk_for(connection: AsyncConnection, viewer: Viewer, lists: Lists, request_id: str) -> Any:
    """One wish as ``talks_for`` has it, open or not; None where there is none, or none for this viewer."""
    statement = _with_child(viewer).where(TalkRequest.id == request_id, may_read(viewer, lists))
    return (await connection.execute(statement)).first()


async def count_for_others(connection: AsyncConnection, viewer: Viewer, lists: Lists) -> int:
    """How many open wishes of children that the viewer looks after went to somebody else."""
    knows = may_know(STUDENT, viewer, named_at(viewer, lists))
    statement = select(func.count()).select_from(TalkRequest).where(is_open(), knows, ~may_read(viewer, lists))
    return await connection.scalar(statement) or 0


def _with_child(viewer: Viewer) -> Select[*tuple[Any, ...]]:
    title = (
        select(SchoolClass.title)
        .join(Enrollment, Enrollment.class_sourced_id == SchoolClass.sourced_id)
        .where(
            Enrollment.user_sourced_id == TalkRequest.student_id,
            Enrollment.role == "student",
            SchoolClass.class_type == "homeroom",
            valid_on(Enrollment.begin_date, Enrollment.end_date, viewer.on),
        )
        .limit(1)
        .scalar_subquery()
    )
    return select(*TalkRequest.__table__.columns, User.family_name, User.given_name, title.label("school_class")).join(
        User, User.sourced_id == TalkRequest.student_id
    )


def when_awake(times: Times, now: datetime) -> datetime:
    """``now``, in the school's time zone, or the end of the quiet hours in which it lies."""
    if not times.is_quiet(now.time()):
        return now
    morning = datetime.combine(now.date(), times.quiet_until, now.tzinfo)
    return morning if morning > now else morning + timedelta(days=1)


def news(kind: str, request_id: str, account_id: str, *, due_at: datetime, now: datetime, step: int = 0) -> Item:
    """A word to the child about its wish, said once, or once for each ``step`` of telling."""
    return Item(
        key=f"{kind}:{request_id}:{step}" if step else f"{kind}:{request_id}",
        account_id=account_id,
        kind=kind,
        payload={"item_id": request_id, "step": step},
        due_at=due_at,
        created_at=now,
    )


async def tell_now(connection: AsyncConnection, request_ids: Collection[str], at: datetime) -> None:
    """Let the next ones, or where nobody is left all of them again, be told at once."""
    waits = (Escalation.kind == KIND, Escalation.item_id.in_(request_ids))
    await connection.execute(update(Escalation).where(*waits).values(told_at=None, next_at=at))


class TalkSource:
    """What ``scheduler/escalating.py`` has to know of wishes that nobody has read."""

    kind = KIND

    async def waiting(self, connection: AsyncConnection, ids: Collection[str]) -> Sequence[Waiting]:
        """Until the child lets others be told, only the one it chose is reminded."""
        statement = select(TalkRequest.id, TalkRequest.student_id, TalkRequest.chosen_id, TalkRequest.passing).where(
            TalkRequest.id.in_(ids), is_open(), TalkRequest.read_at.is_(None)
        )
        return [
            Waiting(id=id, student_id=student_id, level=KIND, entries=_entries(chosen_id, passing))
            for id, student_id, chosen_id, passing in await connection.execute(statement)
        ]

    async def forgotten(self, connection: AsyncConnection, now: datetime) -> Sequence[Begun]:
        statement = (
            select(TalkRequest.id, TalkRequest.student_id)
            .where(
                is_open(),
                TalkRequest.read_at.is_(None),
                TalkRequest.requested_at > now - LOOK_BACK,
                ~exists().where(Escalation.kind == KIND, Escalation.item_id == TalkRequest.id),
            )
            .limit(AT_ONCE)
        )
        return [
            Begun(kind=KIND, item_id=id, student_id=student_id, level=KIND, at=now)
            for id, student_id in await connection.execute(statement)
        ]


def _entries(chosen_id: str | None, passing: str | None) -> tuple[str, ...]:
    if chosen_id is None:
        return ()
    return (chosen_id, *AFTER_CHOSEN) if passing == Passing.YES else (chosen_id,)


class TalkNews:
    """What children hear by themselves of their wishes: to whom one was passed on, and, when the one they chose has not
    read it for the school's ``talk_hours``, the question whether others may be told. Never in the quiet hours."""

    def __init__(self, database: Database, zone: ZoneInfo, times: SchoolTimes, channels: Sequence[str]) -> None:
        """``channels``: where children can be written to."""
        self._database = database
        self._zone = zone
        self._times = times
        self._channels = channels

    async def plan(self, now: datetime) -> int:
        """Store a send for each child who is to hear something, once for each thing, and return how many."""
        now = now.astimezone(self._zone)
        async with self._database.read() as connection:
            asked = await self._to_be_asked(connection, now)
            passed = await self._passed_on(connection, now)
            accounts = await accounts_of(connection, {each.student_id for each in [*asked, *passed]}, self._channels)
        items = [
            news(each.kind, each.request_id, accounts[each.student_id], due_at=now, now=now, step=each.step)
            for each in [*asked, *passed]
            if each.student_id in accounts
        ]
        if items:
            async with self._database.write() as connection:
                await outbox.put(connection, items)
                ids = [item.payload["item_id"] for item in items if item.kind == ASK]
                unasked = update(TalkRequest).where(TalkRequest.id.in_(ids), TalkRequest.passing.is_(None))
                await connection.execute(unasked.values(passing=Passing.ASKED))
                await tell_now(connection, ids, now)
            log.info("talk_news_planned", count=len(items))
        return len(items)

    async def _to_be_asked(self, connection: AsyncConnection, now: datetime) -> list[_News]:
        statement = (
            select(TalkRequest.id, TalkRequest.student_id, TalkRequest.requested_at)
            .where(
                is_open(),
                TalkRequest.read_at.is_(None),
                TalkRequest.chosen_id.is_not(None),
                TalkRequest.passing.is_(None),
                TalkRequest.requested_at > now - LOOK_BACK,
            )
            .order_by(TalkRequest.requested_at)
            .limit(AT_ONCE)
        )
        rows = (await connection.execute(statement)).all()
        if not rows:
            return []
        homes = await find_homes(connection, {row.student_id for row in rows}, now.date())
        schools = {home.school_id for home in homes.values() if home.school_id is not None}
        calendars = await load_calendars(connection, sorted(schools), (now - LOOK_BACK).date(), now.date())
        found: list[_News] = []
        for id, student_id, requested_at in rows:
            home = homes[student_id]
            times = self._times.of(home.school_id or "")
            waited = school_hours(calendars.get(home.school_id or ""), home.grade, requested_at, now)
            if waited >= timedelta(hours=times.talk_hours) and not times.is_quiet(now.time()):
                found.append(_News(kind=ASK, request_id=id, student_id=student_id))
        return found

    async def _passed_on(self, connection: AsyncConnection, now: datetime) -> list[_News]:
        """A word for each step in which somebody was told for the first time, but those whom the child chose."""
        first = (
            select(Telling.item_id, Telling.person_id, func.min(Telling.step).label("step"))
            .join(Escalation, and_(Escalation.kind == Telling.kind, Escalation.item_id == Telling.item_id))
            .where(Telling.kind == KIND)
            .group_by(Telling.item_id, Telling.person_id)
            .having(func.max(Telling.at) > now - RECENT)  # what was sent may be cleared away, and is not sent again
            .subquery()
        )
        key = f"{PASSED}:" + TalkRequest.id + ":" + cast(first.c.step, String)
        statement = (
            select(TalkRequest.id, TalkRequest.student_id, first.c.step)
            .join(first, first.c.item_id == TalkRequest.id)
            .where(
                is_open(),
                TalkRequest.read_at.is_(None),
                first.c.step > 1,
                first.c.person_id != func.coalesce(TalkRequest.chosen_id, ""),
                ~exists().where(Outbox.key == key),
            )
            .distinct()
            .limit(AT_ONCE)
        )
        rows = (await connection.execute(statement)).all()
        homes = await find_homes(connection, {row.student_id for row in rows}, now.date()) if rows else {}
        return [
            _News(kind=PASSED, request_id=id, student_id=student_id, step=step)
            for id, student_id, step in rows
            if not self._times.of(homes[student_id].school_id or "").is_quiet(now.time())
        ]


async def told_in(connection: AsyncConnection, request_id: str, step: int) -> list[tuple[str, str, str | None]]:
    """Those who were told of a wish in one step, but whom the child chose: family and given name, the first in kana."""
    statement = (
        select(User.family_name, User.given_name, User.kana_family_name)
        .join(Telling, Telling.person_id == User.sourced_id)
        .join(TalkRequest, TalkRequest.id == Telling.item_id)
        .where(
            Telling.kind == KIND,
            Telling.item_id == request_id,
            Telling.step == step,
            User.sourced_id != func.coalesce(TalkRequest.chosen_id, ""),
        )
        .order_by(User.sourced_id)
    )
    return [(family, given, kana) for family, given, kana in await connection.execute(statement)]


@dataclass(frozen=True, kw_only=True)
class _News:
    kind: str
    request_id: str
    student_id: str
    step: int = 0  # of the telling
