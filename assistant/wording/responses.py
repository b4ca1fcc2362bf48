"""What came of an announcement, in words and as a table, for staff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from assistant.announcing import label_of, last_day
from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.exports.table import csv_file
from knowledge.records.announcements import Announced
from knowledge.records.responses import Response

NAMED, READ = 40, 10  # names and written answers on one page
QUOTED = 60  # characters of an announcement
MISSING = "missing"  # stands for an answer where who gave none is meant


@dataclass(frozen=True, kw_only=True)
class Results:
    """An announcement and those who were asked, as far as the viewer may see them."""

    announcement: Announced
    seen: Sequence[Response]
    unseen: int  # people who were asked and whom the viewer may not ask about
    may_change: bool  # who announced it, or leads the school

    def who(self, value: str) -> list[Response]:
        """Those who gave an answer, or none."""
        return [each for each in self.seen if each.value == (None if value == MISSING else value)]

    @property
    def answered(self) -> list[Response]:
        return [each for each in self.seen if each.value is not None]


def say_figures(results: Results, now: datetime, speaker: Speaker, timezone: ZoneInfo) -> Words:
    """How many answered, and what, of those the viewer may see."""
    announcement, seen = results.announcement, results.seen
    if not seen:
        return Words.join([speaker.say("announcements.nobody_yet"), say_head(announcement, speaker)], "\n")
    count, is_open = len(results.answered), announcement.takes_answers(now)
    parts = [
        speaker.say("announcements.answered", asked=len(seen), count=count, missing=len(seen) - count),
        say_head(announcement, speaker),
    ]
    for value in announcement.values:
        answer = label_of(announcement, value, speaker)
        parts.append(speaker.say("announcements.line", answer=answer, count=len(results.who(value))))
    if not announcement.values:
        parts.append(speaker.say("announcements.written", count=count))
    day = last_day(announcement, timezone)
    if not is_open:
        parts.append(speaker.say("announcements.is_closed"))
    elif day is not None:
        parts.append(speaker.say("announcements.open_until", month=day.month, day=day.day))
    if results.unseen:
        parts.append(speaker.say("announcements.only_seen", count=results.unseen))
    return Words.join(parts, "\n")


def say_names(results: Results, value: str, page: int, speaker: Speaker) -> Words:
    """A page of those who gave an answer, or none, by class."""
    people = results.who(value)
    answer = label_of(results.announcement, value, speaker) if value != MISSING else Words()
    if not people:
        return speaker.say(
            f"announcements.{'nobody_missing' if value == MISSING else 'nobody_answered'}", answer=answer
        )
    key = "missing_names" if value == MISSING else "answer_names"
    return Words.join(
        [
            speaker.say(f"announcements.{key}", count=len(people), answer=answer),
            *(_person(each, speaker) for each in people[page * NAMED : (page + 1) * NAMED]),
        ],
        "\n",
    )


def say_written(results: Results, page: int, speaker: Speaker) -> Words:
    """A page of the written answers."""
    written = results.answered
    if not written:
        return speaker.say("announcements.no_texts")
    lines = [
        speaker.say("announcements.text_line", name=Words.own(each.name), text=Words.own(each.value or ""))
        for each in written[page * READ : (page + 1) * READ]
    ]
    return Words.join([speaker.say("announcements.written", count=len(written)), *lines], "\n")


def say_head(announcement: Announced, speaker: Speaker) -> Words:
    return speaker.say("announcements.head", text=quoted(announcement, QUOTED))


def quoted(announcement: Announced, longest: int) -> Words:
    text = announcement.text
    return Words.of(text if len(text) <= longest else f"{text[: longest - 1]}…")


def csv_of_results(results: Results, speaker: Speaker, timezone: ZoneInfo) -> bytes:
    """Everybody who was asked: class, name, answer, and when it was given."""
    headings = [
        str(speaker.say(f"announcements.csv_{name}")) for name in ("school_class", "name", "answer", "answered_at")
    ]
    lines = [
        (
            each.class_title,
            each.name,
            str(
                speaker.say("announcements.csv_not_yet")
                if each.value is None
                else label_of(results.announcement, each.value, speaker)
            ),
            f"{each.answered_at.astimezone(timezone):%Y-%m-%d %H:%M}" if each.answered_at is not None else "",
        )
        for each in results.seen
    ]
    return csv_file([headings, *lines])


def _person(each: Response, speaker: Speaker) -> Words:
    if not each.class_title:
        return Words.own(each.name)
    return speaker.say("announcements.name_line", school_class=Words.own(each.class_title), name=Words.own(each.name))
