"""From what was said to a draft: a whole request, or a part that completes or changes a draft."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from assistant.dialogue.reminder_draft import Asking, ReminderDraft
from assistant.dialogue.turn import Turn
from assistant.handlers.reminders.audience import school_of
from intents.reminder_parts import Part, may_be_reminder, understand_part
from intents.reminders import Problem, ReminderReading, understand_reminder
from knowledge.questions.model import Scope, ScopeKind, Vocabulary
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.scope import load_viewer
from knowledge.reminding import Anchor, Audience, AudienceKind, What

# What a problem of understanding is asked with, and what it waits for then.
ASKED = {
    Problem.DAY: ("no_day", Asking.DAY),
    Problem.DATE: ("bad_date", Asking.DAY),
    Problem.PAST: ("past", Asking.DAY),
    Problem.EVENT: ("no_event", Asking.DAY),
    Problem.NEVER: ("never", Asking.DAY),
    Problem.TIME: ("bad_time", Asking.TIME),
    Problem.CLASS: ("no_class", Asking.WHOM),
    Problem.PERSON: ("no_person", Asking.WHOM),
}


async def read_reminder(turn: Turn, text: str) -> ReminderReading | None:
    """The text as a whole request; None for anything else. Of those who set none for others no names are read."""
    if not may_be_reminder(text):
        return None
    if turn.known.band != "staff":
        nobody = Scope(kind=ScopeKind.CLASS, ids=(), label="")
        return understand_reminder(text, Vocabulary(timezone=turn.services.timezone, default=nobody), turn.now)
    return understand_reminder(text, await _vocabulary(turn), turn.now, turn.known.id)


async def read_part(turn: Turn, draft: ReminderDraft, text: str) -> Part:
    """The text as a part of one; an empty part for anything else. A day alone is one of each week where the draft, or
    what was said before, comes back weekly: 「毎週に送って」 and then 「金曜」."""
    vocabulary = await _vocabulary(turn)
    part = understand_part(text, vocabulary, turn.now, turn.known.id)
    begun = draft.begun or _begun(turn, draft)
    if begun and part.start is not None and part.rrule is None:
        whole = understand_part(f"{begun}{text}", vocabulary, turn.now, turn.known.id)
        return whole if whole.rrule is not None and whole.problem is None else part
    return part


def _begun(turn: Turn, draft: ReminderDraft) -> str:
    """「毎週」 before the day of a weekly draft."""
    if draft.rrule is None or not draft.rrule.startswith("FREQ=WEEKLY"):
        return ""
    return str(turn.words("reminders.begun_two_weeks" if "INTERVAL=2" in draft.rrule else "reminders.begun_week"))


async def draft_of(turn: Turn, reading: ReminderReading) -> ReminderDraft:
    """A new draft of what was understood; what is missing or impossible is left open."""
    audience = reading.audience
    if reading.what is What.QUESTION and (audience is None or audience.is_children):
        audience = Audience(kind=AudienceKind.SELF, ids=(turn.known.id,), label="")  # figures are for who asked
    draft = ReminderDraft(
        at=turn.now,
        school_id=turn.known.school_id or "",
        audience_kind=audience.kind if audience else AudienceKind.CLASS,
        audience_ids=(),
        audience_label="",
        what=reading.what,
        text=reading.text,
        only_missing=reading.only_missing,
        answers=reading.answers,
        choices=reading.choices,
        closes_on=reading.closes_on,
    )
    if audience is not None:
        draft = await to(turn, draft, audience)
    draft = at_days(draft, reading.rrule, reading.start, reading.anchor)
    if reading.at is not None:
        draft = replace(draft, time=f"{reading.at:%H:%M}")
    if reading.at_once or (_says_no_time(reading) and draft.audience_kind is not AudienceKind.SELF):
        return at_once(draft)
    draft = replace(draft, begun=reading.said if reading.problem is Problem.DAY else "")
    return without(draft, reading.problem)


def _says_no_time(reading: ReminderReading) -> bool:
    """Whether not a word was about when: then it is meant for now."""
    is_said = reading.rrule or reading.start or reading.anchor or reading.at or reading.said
    return not is_said and reading.problem in (Problem.DAY, Problem.TEXT)


async def to(turn: Turn, draft: ReminderDraft, audience: Audience) -> ReminderDraft:
    """The draft for another audience; nobody is left out of it yet."""
    async with turn.services.database.read() as connection:
        school = await school_of(connection, audience.kind, audience.ids, turn.today)
    is_staff = audience.kind is AudienceKind.STAFF
    label = str(turn.words("reminders.staff_of", school=audience.label)) if is_staff else audience.label
    return replace(
        draft,
        audience_kind=audience.kind,
        audience_ids=audience.ids,
        audience_label=label,
        left_out=(),
        school_id=school or turn.known.school_id or "",
    )


def at_once(draft: ReminderDraft) -> ReminderDraft:
    """The draft to be sent as soon as it is confirmed."""
    return replace(at_days(draft, None, draft.at.date(), None), time=f"{draft.at:%H:%M}", at_once=True)


def at_days(draft: ReminderDraft, rrule: str | None, start: date | None, anchor: Anchor | None) -> ReminderDraft:
    """The draft on other days, at the same time of day: that of いますぐ is none."""
    return replace(
        draft,
        time=None if draft.at_once else draft.time,
        at_once=False,
        rrule=rrule,
        starts_on=start,
        event_title=anchor and anchor.title,
        event_first=anchor and anchor.first,
        event_last=anchor and anchor.last,
        any_day=False,
    )


def without(draft: ReminderDraft, problem: Problem | None) -> ReminderDraft:
    """The draft without what the problem is about, to be asked for."""
    match problem and ASKED.get(problem, (None, None))[1]:
        case Asking.DAY:
            return at_days(draft, None, None, None)
        case Asking.TIME:
            return replace(draft, time=None, at_once=False)
        case Asking.WHOM:
            return replace(draft, audience_ids=())
        case _:
            return draft


async def with_part(turn: Turn, draft: ReminderDraft, part: Part) -> ReminderDraft:
    """The draft with what the part says in place of what it said before."""
    if part.audience is not None:
        draft = await to(turn, draft, part.audience)
    if part.says_day:
        draft = at_days(draft, part.rrule, part.start, part.anchor)
    if part.at is not None:
        draft = replace(draft, time=f"{part.at:%H:%M}", at_once=False)
    if part.at_once:
        draft = at_once(draft)
    if part.text is not None and draft.announcement_id is None:  # what was announced stays what it was
        draft = replace(draft, what=own_words(draft), text=part.text)
    return draft


def own_words(draft: ReminderDraft) -> What:
    """What words that are written for a draft are: in place of a check-in, words of one's own."""
    return draft.what if draft.what in (What.QUESTION, What.ANNOUNCEMENT) else What.TEXT


async def _vocabulary(turn: Turn) -> Vocabulary:
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        return await load_vocabulary(connection, viewer, turn.services.timezone)
