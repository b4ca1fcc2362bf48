"""What turns about reminders want stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Self

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.dialogue.reminder_draft import ReminderDraft
from knowledge.db import upsert
from knowledge.records.reminders import Reminder
from knowledge.reminding import ReminderState, What
from scheduler.reminders import Reminders
from scheduler.upcoming import cancel_open


@dataclass(frozen=True, kw_only=True)
class AddReminder:
    reminder_id: str  # made of the event that confirmed it, so that it is stored once
    owner_id: str
    draft: ReminderDraft
    next_at: datetime
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        rows = [
            {
                **_columns(write.draft),
                "id": write.reminder_id,
                "owner_id": write.owner_id,
                "state": ReminderState.ACTIVE,
                "next_at": write.next_at,
                "created_at": write.at,
                "changed_at": write.at,
            }
            for write in writes
        ]
        await upsert(connection, Reminder, rows, key=["id"])


@dataclass(frozen=True, kw_only=True)
class ChangeReminder:
    """A stored reminder becomes what its new preview said, and is active again."""

    reminder_id: str
    draft: ReminderDraft
    next_at: datetime
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            changed = update(Reminder).where(Reminder.id == write.reminder_id)
            state = {"state": ReminderState.ACTIVE, "next_at": write.next_at, "changed_at": write.at}
            await connection.execute(changed.values(**_columns(write.draft), **state))
            await cancel_open(connection, write.reminder_id, write.at, "the reminder was changed")


@dataclass(frozen=True, kw_only=True)
class StopReminder:
    """Paused or cancelled; what it planned and has not sent is not sent any more."""

    reminder_id: str
    state: ReminderState
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            changed = update(Reminder).where(Reminder.id == write.reminder_id)
            await connection.execute(changed.values(state=write.state, next_at=None, changed_at=write.at))
            await cancel_open(connection, write.reminder_id, write.at, f"the reminder was {write.state}")


@dataclass(frozen=True, kw_only=True)
class ResumeReminder:
    reminder_id: str
    next_at: datetime
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            changed = update(Reminder).where(Reminder.id == write.reminder_id)
            state = {"state": ReminderState.ACTIVE, "next_at": write.next_at, "changed_at": write.at}
            await connection.execute(changed.values(**state))


@dataclass(frozen=True, kw_only=True)
class SendReminderNow:
    """One sending beside those of its rule. Who is left in peace is reported to the owner."""

    reminder_id: str
    planner: Reminders
    at: datetime

    @classmethod
    async def store(cls, connection: AsyncConnection, writes: Sequence[Self]) -> None:
        for write in writes:
            statement = select(*Reminder.__table__.c).where(Reminder.id == write.reminder_id)
            row = (await connection.execute(statement)).one_or_none()
            if row is not None:
                await write.planner.send_now(connection, row, write.at)


def as_row(draft: ReminderDraft, owner_id: str) -> Any:
    """The draft as the row of ``reminders`` that it would become, for what is worked out beforehand. An announcement
    that is not stored yet goes to the same people as words."""
    what = What.TEXT if draft.what is What.ANNOUNCEMENT and draft.announcement_id is None else draft.what
    return SimpleNamespace(
        **{**_columns(draft), "what": what}, id=draft.reminder_id or "", owner_id=owner_id, next_at=None
    )


def _columns(draft: ReminderDraft) -> dict[str, Any]:
    """The columns that a draft decides."""
    return {
        "school_id": draft.school_id,
        "audience_kind": draft.audience_kind,
        "audience_ids": [*draft.audience_ids],
        "audience_label": draft.audience_label,
        "left_out": [*draft.left_out],
        "only_missing": draft.only_missing,
        "what": draft.what,
        "text": draft.text,
        "announcement_id": draft.announcement_id,
        "rrule": draft.rrule,
        "starts_on": draft.starts_on,
        "time": draft.time,
        "event_title": draft.event_title,
        "event_first": draft.event_first,
        "event_last": draft.event_last,
        "any_day": draft.any_day,
    }
