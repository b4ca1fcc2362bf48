"""The reminders that are there: which ones a person may see and change, and each in a line of words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, or_, select

from assistant.dialogue.people_store import load_people
from assistant.dialogue.reminder_draft import ReminderDraft
from assistant.dialogue.turn import Turn
from assistant.messages import Words
from assistant.wording.occasions import say_moment, say_when
from assistant.wording.texts import Speaker
from knowledge.records.announcements import Announcement
from knowledge.records.leads import schools_led
from knowledge.records.reminders import Reminder
from knowledge.reminding import AnswerKind, AudienceKind, ReminderState, What

STATES = (ReminderState.ACTIVE, ReminderState.PAUSED)
SHOWN_TEXT = 30  # characters of the words in a line


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A stored reminder."""

    row: Any  # the columns of ``Reminder``
    draft: ReminderDraft  # the same as a draft that would change it
    owner: str  # family name; "" for one's own

    @property
    def id(self) -> str:
        return self.row.id

    @property
    def state(self) -> ReminderState:
        return ReminderState(self.row.state)


async def reminders_of(turn: Turn, ids: Collection[str] | None = None) -> list[Stored]:
    """Those that the person may change and that are not over, the oldest first: their own, and of a school that they
    lead all that go to others. ``ids``: these alone, over or not."""
    async with turn.services.database.read() as connection:
        led = await schools_led(connection, turn.known.id, turn.today)
        of_school = and_(Reminder.school_id.in_(led), Reminder.audience_kind != AudienceKind.SELF)
        may_change = or_(Reminder.owner_id == turn.known.id, of_school)
        which = Reminder.state.in_(STATES) if ids is None else Reminder.id.in_(ids)
        statement = (
            select(*Reminder.__table__.c, Announcement.answer_kind, Announcement.choices, Announcement.closes_at)
            .outerjoin(Announcement, Announcement.id == Reminder.announcement_id)
            .where(may_change, which)
            .order_by(Reminder.created_at, Reminder.id)
        )
        rows = (await connection.execute(statement)).all()
        others = {row.owner_id for row in rows} - {turn.known.id}
        owners = await load_people(connection, others, turn.today)
    return [
        Stored(
            row=row,
            draft=to_draft(row, turn.now),
            owner=owners[row.owner_id].called(turn.language) if row.owner_id in owners else "",
        )
        for row in rows
    ]


async def exists(turn: Turn, reminder_id: str) -> bool:
    """Whether there is such a reminder, theirs to change or not."""
    async with turn.services.database.read() as connection:
        return await connection.scalar(select(Reminder.id).where(Reminder.id == reminder_id)) is not None


def line(draft: ReminderDraft, speaker: Speaker) -> Words:
    """「毎週金曜 15:00　4年2組へ　ふりかえり」"""
    text = draft.text if len(draft.text) <= SHOWN_TEXT else f"{draft.text[:SHOWN_TEXT]}…"
    is_self = draft.audience_kind is AudienceKind.SELF
    return speaker.say(
        "reminders.line",
        when=say_when(draft, speaker),
        label=speaker.say("reminders.oneself") if is_self else Words.own(draft.audience_label),
        what=speaker.say(f"reminders.what_{draft.what}", text=Words.own(text)),
    )


def described(turn: Turn, each: Stored) -> Words:
    """Its line, whose it is, and how it stands."""
    parts = [line(each.draft, turn.speaker)]
    if each.owner:
        parts.append(turn.words("reminders.line_by", name=Words.own(each.owner)))
    if each.state is ReminderState.PAUSED:
        parts.append(turn.words("reminders.state_paused"))
    elif each.row.next_at is not None and each.draft.rrule is not None:  # of one day it says all there is to say
        moment = each.row.next_at.astimezone(turn.services.timezone)
        parts.append(turn.words("reminders.state_active", next=say_moment(moment, turn.speaker)))
    return Words.join(parts, "")


def named_by(words: str, found: Sequence[Stored], speaker: Speaker) -> list[Stored]:
    """Those in whose line, or words to send, ``words`` stand; all of them where nothing more was said."""
    bare = _bare(words)
    return [each for each in found if bare in _bare(f"{line(each.draft, speaker)} {each.draft.text}")]


def _bare(text: str) -> str:
    """Without what differs between 「6年1組のふりかえり」 and 「6年1組へ　ふりかえり」."""
    return "".join(each for each in text.lower() if each.isalnum() and each not in "のへ曜日")


def to_draft(row: Any, now: datetime) -> ReminderDraft:
    """A stored reminder as a draft that would change it. ``row`` may lack the columns of its announcement."""
    closes_at: datetime | None = getattr(row, "closes_at", None)
    answer_kind: str | None = getattr(row, "answer_kind", None)
    return ReminderDraft(
        at=now,
        school_id=row.school_id,
        audience_kind=AudienceKind(row.audience_kind),
        audience_ids=tuple(row.audience_ids),
        audience_label=row.audience_label,
        what=What(row.what),
        text=row.text,
        rrule=row.rrule,
        starts_on=row.starts_on,
        time=row.time,
        event_title=row.event_title,
        event_first=row.event_first,
        event_last=row.event_last,
        any_day=row.any_day,
        only_missing=row.only_missing,
        left_out=tuple(row.left_out),
        answers=AnswerKind(answer_kind) if answer_kind else None,
        choices=tuple(getattr(row, "choices", None) or ()),
        closes_on=closes_at and closes_at.astimezone(now.tzinfo).date(),
        announcement_id=row.announcement_id,
        reminder_id=row.id,
    )
