"""What an announcement says and offers to tap, in the words of its reader's grade."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import select

from assistant.channels.sender import Composed
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.messages import LANGUAGES, Choice, Outgoing, Tone, Words
from assistant.wording.texts import BANDS, Speaker
from intents.announcing import read_word, same_words
from knowledge.records.accounts import Account
from knowledge.records.announcements import Announced, find_asked
from knowledge.records.reminders import Reminder
from knowledge.reminding import AnswerKind
from scheduler.outbox import Item

PREFIX = "%"  # a button's value: ``%<announcement's id>/<answer>``, or …/!<command>
WRITE, SHOW, TAKE, LEAVE = "!write", "!show", "!take", "!leave"
SPEAKERS = tuple(Speaker(language=language, band=band) for language in LANGUAGES for band in BANDS)


class Announcer:
    """Composes announcements. What everybody of a grade gets is the very same: it can be sent to all of them at once,
    so it names nobody and is in the installation's language."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """None when no answer is taken any more, the account changed hands, the person left or was not asked, or has
        answered meanwhile and only those who had not were to be reminded."""
        now, person_id = self._now(), item.payload["person_id"]
        today = now.astimezone(self._services.timezone).date()
        async with self._services.database.read() as connection:
            asked = await find_asked(connection, item.payload["announcement_id"], person_id)
            owner = await connection.scalar(select(Account.person_id).where(Account.id == item.account_id))
            person = (await load_people(connection, [person_id], today)).get(person_id)
            reminder_id = (item.source or "").partition("/")[0]
            only_missing = await connection.scalar(select(Reminder.only_missing).where(Reminder.id == reminder_id))
        if asked is None or owner != person_id or person is None or not person.roles:
            return None
        if not asked.announcement.takes_answers(now) or (only_missing and asked.value is not None):
            return None
        speaker = Speaker(language=self._services.language, band=person.band)
        message = announce(asked.announcement, speaker, self._services.timezone)
        return Composed(messages=[message], grade=person.grade if person.is_student else None)


def announce(announcement: Announced, speaker: Speaker, timezone: ZoneInfo) -> Outgoing:
    """The announcement as its reader gets it: from whom, how to answer, until when, and who will read the answer."""
    sender = sender_of(announcement, speaker)
    how = "safety" if announcement.is_safety_check else announcement.kind
    labels = [label_of(announcement, value, speaker) for value in announcement.values]
    listed = Words.join([Words((*Words.of("・").spans, *label.spans)) for label in labels], "\n")
    parts = [
        speaker.say("announcements.from", sender=sender, text=Words.of(announcement.text)),
        speaker.say(f"announcements.how_{how}", choices=listed),
    ]
    if (day := last_day(announcement, timezone)) is not None:
        parts.append(speaker.say("announcements.until", month=day.month, day=day.day))
    return Outgoing(
        text=Words.join(parts, "\n\n"),
        aside=speaker.say(f"announcements.readers{'_safety' if announcement.is_safety_check else ''}", sender=sender),
        choices=taps(announcement, speaker),
    )


def taps(announcement: Announced, speaker: Speaker) -> tuple[Choice, ...]:
    """What can be tapped: every answer, or, where it is free words, that one wants to write."""
    if not announcement.values:
        return (button(announcement, "write", WRITE, speaker),)
    return tuple(
        Choice(label=label_of(announcement, value, speaker), value=tap(announcement, value))
        for value in announcement.values
    )


def button(announcement: Announced, key: str, command: str, speaker: Speaker, tone: Tone = Tone.ANSWER) -> Choice:
    return Choice(label=speaker.say(f"announcements.{key}_button"), value=tap(announcement, command), tone=tone)


def tap(announcement: Announced, answer: str) -> str:
    return f"{PREFIX}{announcement.id}/{answer}"


def label_of(announcement: Announced, value: str, speaker: Speaker) -> Words:
    """How a stored answer reads."""
    if value not in announcement.values:
        return Words.own(value)
    if announcement.kind is AnswerKind.CHOICE and not announcement.is_safety_check:
        return Words.of(announcement.choices[int(value)])
    return speaker.say(f"announcements.answer_{value}")


def is_called(announcement: Announced, value: str, text: str) -> bool:
    """Whether a text names an answer: a word for it, or its label in either language, as any grade reads it."""
    labels = {str(label_of(announcement, value, speaker)) for speaker in SPEAKERS}
    return read_word(text, value) or any(same_words(text, label) for label in labels)


def sender_of(announcement: Announced, speaker: Speaker) -> Words:
    """Who announced it, as somebody of the school is named."""
    family, given = announcement.owner_family_name, announcement.owner_given_name
    return Words.own(f"{given} {family}" if speaker.language == "en" else family)


def last_day(announcement: Announced, timezone: ZoneInfo) -> date | None:
    """The last day on which it is answered; None without an end."""
    if announcement.closes_at is None:
        return None
    return (announcement.closes_at.astimezone(timezone) - timedelta(microseconds=1)).date()
