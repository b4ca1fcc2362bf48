"""Children who let their last prompts go by: nobody writes to them by themselves until they write again (care.md)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Float, and_, exists, extract, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from knowledge.records.accounts import SEEN_EVERY, Account
from knowledge.records.checkins import CheckIn
from knowledge.records.roster import Enrollment, User
from knowledge.records.scope import valid_on
from scheduler.outbox import Outbox, State


def has_ignored(
    student_id: Any, newer: int | BindParameter[int], closed: tuple[datetime, datetime] | None = None
) -> ColumnElement[bool]:
    """Whether the child of a column gave no sign since the prompt that has ``newer`` newer ones: wrote from no account,
    touched no check-in. Only prompts that reached a platform count. ``closed``: and the window of the newest of them
    closed after the first of the two moments, and not after the second."""
    sent, of = aliased(Outbox), student_id.table
    prompts = (
        select(sent.key, sent.done_at, sent.counts_on, sent.expires_at)
        .where(
            sent.person_id == student_id,
            sent.counts_on.is_not(None),  # read backwards from ``ix_outbox_counted``: as few as are needed
            sent.kind == "prompt",
            sent.state == State.SENT,
        )
        .order_by(sent.counts_on.desc(), sent.id.desc())
        .limit(1)
        .correlate(of)
    )
    first = prompts.offset(newer).subquery()
    silent = (
        select(first.c.done_at)
        .where(
            ~exists()
            .where(
                Account.person_id == student_id,
                # A word that came soon after another one is not noted by itself.
                or_(
                    _seconds(Account.last_seen_at) > _seconds(first.c.done_at) - SEEN_EVERY.total_seconds(),
                    Account.linked_at >= first.c.done_at,
                ),
            )
            .correlate(of, first),
            ~exists()
            .where(
                CheckIn.student_id == student_id,
                CheckIn.date >= first.c.counts_on,
                # What is imported afterwards bears the time of the answer, or that of the day's beginning.
                or_(
                    CheckIn.updated_at >= first.c.done_at,
                    and_(CheckIn.date == first.c.counts_on, first.c.key.startswith("prompt:" + CheckIn.phase)),
                ),
            )
            .correlate(of, first),
        )
        .correlate(of)
    )
    if closed is not None:
        last = prompts.subquery()
        after, until = closed
        silent = silent.where(
            exists(select(last.c.done_at).where(last.c.expires_at > after, last.c.expires_at <= until).correlate(of))
        )
    return silent.exists()


def _seconds(moment: Any) -> ColumnElement[float]:
    return extract("epoch", moment).cast(Float)


async def newly_silent(
    connection: AsyncConnection, class_id: str, day: date, limit: int, closed: tuple[datetime, datetime]
) -> list[tuple[str, str, str]]:
    """(id, family name, given name) of a class's children who are not asked any more since a time between two moments,
    when the last of ``limit`` prompts in a row stayed without a word; in the order of the roll."""
    if not limit:
        return []
    rows = await connection.execute(
        select(User.sourced_id, User.family_name, User.given_name)
        .join(Enrollment, Enrollment.user_sourced_id == User.sourced_id)
        .where(
            Enrollment.class_sourced_id == class_id,
            Enrollment.role == "student",
            User.enabled,
            valid_on(Enrollment.begin_date, Enrollment.end_date, day),
            has_ignored(User.sourced_id, limit - 1, closed),
        )
        .order_by(Enrollment.attendance_number, User.sourced_id)
    )
    return [(id, family, given) for id, family, given in rows]
