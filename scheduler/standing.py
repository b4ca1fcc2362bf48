"""Standing questions that are due, into the outbox: once each, on school days, never long after their time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import func, select, update

from knowledge.db import Database
from knowledge.records.accounts import accounts_of
from knowledge.records.calendar import load_calendars
from knowledge.records.roster import Role, User
from knowledge.records.standing import StandingQuestion
from scheduler import outbox
from scheduler.outbox import Item
from scheduler.recurrence import AHEAD, next_school_day

LATE = timedelta(minutes=15)  # after that an answer is not sent but reported (interface.md)
PAGE = 500  # questions looked at in one query

# Where the owner works; "" (a school without a calendar of its own) when the roster does not say.
SCHOOL = func.coalesce(
    User.primary_org_sourced_id,
    select(func.min(Role.org_sourced_id))
    .where(Role.user_sourced_id == User.sourced_id, Role.role_type == "primary")
    .scalar_subquery(),
    "",
)

log = structlog.get_logger(__name__)


class Standing:
    """Plans the answers that are due."""

    def __init__(self, database: Database, zone: ZoneInfo, channels: Sequence[str]) -> None:
        """``channels``: where answers can be sent."""
        self._database = database
        self._zone = zone
        self._channels = channels

    async def plan(self, now: datetime) -> int:
        """Store a send for every question that is due at ``now`` and set when it is due next; return how many sends.

        Safe to call at any time and in several processes: a send's key is the question and its moment."""
        planned = 0
        while True:
            async with self._database.write() as connection:
                due = (
                    await connection.execute(
                        select(
                            StandingQuestion.id,
                            StandingQuestion.owner_id,
                            StandingQuestion.rrule,
                            StandingQuestion.time,
                            StandingQuestion.next_at,
                            SCHOOL.label("school_id"),
                        )
                        .join(User, User.sourced_id == StandingQuestion.owner_id)
                        .where(StandingQuestion.state == "active", StandingQuestion.next_at <= now)
                        .order_by(StandingQuestion.next_at, StandingQuestion.id)
                        .limit(PAGE)
                        .with_for_update(skip_locked=True, of=StandingQuestion)
                    )
                ).all()
                if not due:
                    return planned
                accounts = await accounts_of(connection, [row.owner_id for row in due], self._channels)
                today = now.astimezone(self._zone).date()
                calendars = await load_calendars(connection, {row.school_id for row in due}, today, today + AHEAD)
                items: list[Item] = []
                for row in due:
                    calendar = calendars[row.school_id]
                    if not calendar.is_school_day(today):  # the calendar was changed since
                        log.info("standing_question_skipped", question=row.id, why="no school day")
                    elif now - row.next_at > LATE:
                        log.warning("standing_question_skipped", question=row.id, why="too late")
                    elif row.owner_id not in accounts:
                        log.warning("standing_question_skipped", question=row.id, why="no account to send to")
                    else:
                        items.append(_item(row.id, row.owner_id, accounts[row.owner_id], row.next_at, now))
                    following = next_school_day(row.rrule, time.fromisoformat(row.time), now, self._zone, calendar)
                    await connection.execute(
                        update(StandingQuestion)
                        .where(StandingQuestion.id == row.id)
                        .values(next_at=following, state="active" if following else "done")
                    )
                await outbox.put(connection, items)
                planned += len(items)


def _item(question_id: str, owner_id: str, account_id: str, due_at: datetime, now: datetime) -> Item:
    return Item(
        key=f"standing:{due_at.isoformat()}:{question_id}"[:255],
        account_id=account_id,
        kind="standing",
        payload={"question_id": question_id, "person_id": owner_id},
        due_at=now,
        created_at=now,
        expires_at=due_at + timedelta(hours=2),
    )
