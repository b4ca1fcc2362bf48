"""The evening's brief for a homeroom teacher: typed questions, each worded in its own line."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.channels.sender import Composed
from assistant.dialogue.turn import Services
from assistant.flagging import PAGE, PREFIX, entry, say_names
from assistant.messages import Choice, Link, Outgoing, Words
from assistant.wording.texts import Speaker
from knowledge.questions.answer import answer
from knowledge.questions.looking import looked
from knowledge.questions.model import (
    Answer,
    AnswerRow,
    ClassName,
    Condition,
    Metric,
    Operator,
    Order,
    Period,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Status,
)
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.accounts import Account
from knowledge.records.audit import Act, Entry, Kind, record
from knowledge.records.calendar import load_calendars
from knowledge.records.flags import FlagState, find_flags
from knowledge.records.roster import SchoolClass
from knowledge.records.scope import Viewer, load_viewer
from scheduler.briefs import has_school, told_at
from scheduler.ignored import newly_silent
from scheduler.outbox import Item
from scheduler.talks import talks_for

NAMED = 10  # children named in a line; the rest is counted
WAITING = 3  # reflections shown that have waited longest
ALWAYS = date(1900, 1, 1)  # what has no limit begins here (as the period of the same question does)
LONGEST_BREAK = timedelta(days=60)  # looked back for the last school day
FELL = -1.0  # points of mood (questions.md)


class Briefer:
    """Works the brief out when it is sent, so that it counts the last answer too."""

    def __init__(self, services: Services, now: Callable[[], datetime]) -> None:
        self._services = services
        self._now = now

    async def compose(self, item: Item) -> Composed | None:
        """One message for each class that has school today. None when there is nothing to say, the account changed
        hands, the teacher lost the class, or the day is over."""
        person_id, day = item.payload["person_id"], date.fromisoformat(item.payload["date"])
        now = self._now().astimezone(self._services.timezone)
        if now.date() != day:
            return None
        seen: list[Entry] = []
        async with self._services.database.read() as connection:
            if await connection.scalar(select(Account.person_id).where(Account.id == item.account_id)) != person_id:
                return None
            viewer = await load_viewer(connection, person_id, day)
            vocabulary = await load_vocabulary(connection, viewer, self._services.timezone)
            silent = await self._silent(connection, viewer, now, seen)
            classes = [each for each in vocabulary.classes if each.id in silent]
            if item.payload.get("only_silent", False):
                briefs = [self._lines(each.title, day, [silent[each.id]]) for each in classes]
            else:
                briefs = [
                    await self._of_class(connection, viewer, each, now, silent[each.id], seen) for each in classes
                ]
        messages = [brief for brief in briefs if brief is not None]
        if messages:
            await record(self._services.database, [replace(each, channel=item.channel) for each in seen])
        return Composed(messages=messages) if messages else None

    async def _of_class(
        self,
        connection: AsyncConnection,
        viewer: Viewer,
        known: ClassName,
        now: datetime,
        silent: Words,
        seen: list[Entry],
    ) -> Outgoing | None:
        """None when there is nothing to say: nobody was expected, nobody waits. ``silent``: the line about children who
        are not asked any more. ``seen`` gets, for the audit, which children were named."""
        today = now.date()
        day = Period(start=today, end=today, label="")
        monday = today - timedelta(days=today.weekday())
        week = Period(start=monday, end=today, label="")
        week_before = Period(start=monday - timedelta(days=7), end=monday - timedelta(days=1), label="")
        always = Period(start=ALWAYS, end=today, label="")
        speaker = self._speaker
        scope = Scope(kind=ScopeKind.CLASS, ids=(known.id,), label=known.title)
        base = Question(metric=None, shape=Shape.STUDENTS, scope=scope, period=day)

        async def ask(metric: Metric, only: Collection[str] | None = None, **more: Any) -> Answer:
            """``only``: the children who may be named, if not all."""
            question = replace(base, metric=metric, **more)
            found = await answer(
                connection, viewer, question, at=now, timezone=self._services.timezone, language=speaker.language
            )
            if only is not None:
                found = replace(found, rows=tuple(row for row in found.rows if row.id in only))
            entry = looked(found, viewer, now)
            seen.extend([entry] if entry is not None and entry.subject_ids else [])
            return found

        missing = await ask(Metric.REFLECTION_RATE, condition=Condition(op=Operator.MISSING))
        mood = await ask(Metric.MOOD, shape=Shape.COMPARE, period=week, compare=(week_before,))
        falls = Condition(op=Operator.AT_MOST, value=FELL)
        fell = await ask(Metric.MOOD_CHANGE, period=week, condition=falls, order=Order.ASCENDING)
        wishes = await talks_for(connection, viewer, self._services.times.care_of)  # not those for somebody else
        talk = await ask(Metric.TALK_REQUESTS, {wish.student_id for wish in wishes}, period=always)
        waiting = await ask(Metric.AWAITING_REPLY, shape=Shape.TEXTS, period=always, limit=WAITING)
        flags = await find_flags(connection, viewer, class_id=known.id, states=[FlagState.NEW])
        subjects = [flag.student_id for flag in flags]
        seen.extend([entry(viewer.person_id, Act.READ, subjects, "", now)] if flags else [])
        lines = [
            _missing(speaker, missing),
            _mood(speaker, mood),
            _named(speaker, "brief.talk", talk),
            _named(speaker, "brief.fell", fell),
            say_names(flags, speaker),
            _waiting(speaker, waiting, today),
            silent,
        ]
        choices = [
            Choice(
                label=speaker.say(f"brief.{key}_button"), value=f"?{scope.label}{speaker.say(f'brief.{key}_question')}"
            )
            for key, result in (("missing", missing), ("waiting", waiting))
            if result.rows
        ]
        links: tuple[Link, ...] = ()
        if flags:
            choices.append(Choice(label=speaker.say("brief.flags_button"), value=f"{PREFIX}list/"))
            links = (Link(label=speaker.say("care_flags.chat_page"), address=PAGE),)
        return self._lines(known.title, today, lines, choices, links)

    def _lines(
        self,
        title: str,
        day: date,
        lines: Sequence[Words],
        choices: Sequence[Choice] = (),
        links: tuple[Link, ...] = (),
    ) -> Outgoing | None:
        """The message about a class; None when no line says anything."""
        if not any(lines):
            return None
        head = self._speaker.say("brief.head", school_class=Words.own(title), month=day.month, day=day.day)
        return Outgoing(text=Words.join([head, *lines], "\n"), choices=tuple(choices), links=links)

    @property
    def _speaker(self) -> Speaker:
        return Speaker(language=self._services.language, band="staff")

    async def _silent(
        self, connection: AsyncConnection, viewer: Viewer, now: datetime, seen: list[Entry]
    ) -> dict[str, Words]:
        """Of the teacher's classes that have school today the line about children who are not asked any more since the
        teacher was told last; empty where there are none. ``seen`` as in ``_of_class``."""
        day = now.date()
        columns = (SchoolClass.sourced_id, SchoolClass.school_sourced_id, SchoolClass.grades)
        rows = (await connection.execute(select(*columns).where(SchoolClass.sourced_id.in_(viewer.homerooms)))).all()
        calendars = await load_calendars(connection, {school for _, school, _ in rows}, day - LONGEST_BREAK, day)
        lines: dict[str, Words] = {}
        for class_id, school, grades in rows:
            calendar, times = calendars[school], self._services.times.of(school)
            if not has_school(calendar, day, grades, class_id):
                continue
            before = (day - timedelta(days=n) for n in range(1, LONGEST_BREAK.days + 1))
            last = next((each for each in before if has_school(calendar, each, grades, class_id)), day - LONGEST_BREAK)
            closed = (told_at(times, last, self._services.timezone), told_at(times, day, self._services.timezone))
            children = await newly_silent(connection, class_id, day, times.ignored_limit, closed)
            names = [Words.own(f"{family} {given}") for _, family, given in children]
            if children:
                subjects = [id for id, *_ in children]
                seen.append(
                    Entry(
                        actor_id=viewer.person_id,
                        act=Act.READ,
                        kind=Kind.CHECKINS,
                        subject_ids=subjects,
                        channel="",
                        at=now,
                        detail="silent",
                    )
                )
            listed = Words.join(names, str(self._speaker.say("brief.comma")))
            lines[class_id] = (
                self._speaker.say("brief.silent", count=times.ignored_limit, names=listed) if names else Words()
            )
        return lines


def _missing(speaker: Speaker, result: Answer) -> Words:
    if result.status is not Status.ANSWERED or not result.counts:
        return Words()
    count = result.counts[0]
    said = speaker.say("brief.answered", answered=count.answered, expected=count.expected)
    if not result.rows:
        return said
    return Words.join([said, speaker.say("brief.missing", names=_names(speaker, result.rows))], "\n")


def _mood(speaker: Speaker, result: Answer) -> Words:
    """Nothing when one of the weeks has no mood to compare with."""
    if result.status is not Status.ANSWERED or result.difference is None or not result.rows:
        return Words()
    now, change = result.rows[0].value, round(result.difference, 1)
    direction = "same" if change == 0 else "up" if change > 0 else "down"
    return speaker.say(f"brief.mood_{direction}", mood=f"{now:.1f}", change=f"{abs(change):.1f}")


def _named(speaker: Speaker, key: str, result: Answer) -> Words:
    if result.status is not Status.ANSWERED or not result.rows:
        return Words()
    return speaker.say(key, count=len(result.rows), names=_names(speaker, result.rows))


def _waiting(speaker: Speaker, result: Answer, today: date) -> Words:
    """The reflections that have waited longest for a reply, without their words: a phone lies open on a desk."""
    rows = [row for row in result.rows if row.day is not None] if result.status is Status.ANSWERED else []
    if not rows:
        return Words()
    shown = [
        speaker.say("brief.waiting_one", name=Words.own(row.label), days=(today - row.day).days)
        for row in rows
        if row.day is not None
    ]
    return speaker.say("brief.waiting", names=Words.join(shown, str(speaker.say("brief.comma"))))


def _names(speaker: Speaker, rows: tuple[AnswerRow, ...]) -> Words:
    names = [Words.own(row.label) for row in rows[:NAMED]]
    if len(rows) > NAMED:
        names.append(speaker.say("brief.others", count=len(rows) - NAMED))
    return Words.join(names, str(speaker.say("brief.comma")))
