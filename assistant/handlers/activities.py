"""Clubs and events in a chat: what fits who asks, and announcing one to children. What is over is never offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from sqlalchemy import select

from assistant.dialogue.documents import answer_from_documents
from assistant.dialogue.turn import Turn
from assistant.handlers import checkin
from assistant.handlers.reminders import setting
from assistant.handlers.reminders.filling import read_reminder
from assistant.messages import Kind, Outgoing, Words
from assistant.wording.activities import link_to, say_activity, say_announcement
from assistant.wording.grade_fit import to_kana
from assistant.wording.occasions import say_day
from assistant.wording.texts import Speaker
from intents.activities import ENOUGH, ActivityRequest, likeness, may_be_about, understand_activity
from intents.announcing import same_words
from intents.knowing import Sureness, find_knowing
from intents.recurrence import until
from knowledge.documents.model import AnswerStatus
from knowledge.documents.readers import load_reader
from knowledge.records.activities import Joinable, activities_of
from knowledge.records.roster import User
from knowledge.records.scope import load_viewer
from knowledge.reminding import What

SHOWN = 4  # clubs and events in an answer


async def on_announcing(turn: Turn) -> bool:
    """「プログラミング教室を5年生にお知らせして」: a reminder is begun with words made of the entry. Its preview,
    and who may be reached, are the reminder's. Anything else is left to others."""
    if turn.person is None or not turn.person.is_staff or turn.incoming.kind is not Kind.TEXT:
        return False
    reading = await read_reminder(turn, turn.incoming.text)
    if reading is None or reading.what is not What.TEXT or not reading.text:
        return False
    every = await _visible(turn)
    meant = [each for each in every if _is_name(reading.text, each.name)]
    if len(meant) != 1:
        return False
    [activity] = meant
    obstacle = _obstacle(turn, activity, reading.start or turn.today)
    if obstacle is not None:
        turn.outgoing.append(Outgoing(text=obstacle))
        return True
    words = say_announcement(activity, Speaker(language=turn.services.language, band="upper"), turn.today)
    ends = min((day for day in (activity.apply_until, activity.last_day) if day is not None), default=None)
    rrule = reading.rrule if ends is None or reading.rrule is None else until(reading.rrule, ends)
    await setting.begin(turn, replace(reading, text=words[: setting.LONGEST], rrule=rrule, leftover=()))
    return True


async def on_activities(turn: Turn) -> bool:
    """A question about clubs and events. While a check-in waits, only what is plainly a question; then its question is
    asked again. Anything else is left to others."""
    text = turn.incoming.text
    if turn.person is None or turn.incoming.kind is not Kind.TEXT or turn.is_stale or not may_be_about(text):
        return False
    every = await _visible(turn)
    request = understand_activity(text, turn.today, [name for each in every for name in _names(turn, each)])
    is_waiting = checkin.pending_today(turn) is not None
    if request is None or (is_waiting and not (request.is_plain and request.has_noun)):
        return False
    fitting, over = _fitting(turn, request, every)
    if not fitting and await _is_for_documents(turn, request):
        return False
    said = _worded(turn, request, fitting, over)
    turn.outgoing.append(said)
    if is_waiting:
        await checkin.ask_again(turn)
    return True


async def _visible(turn: Turn) -> list[Joinable]:
    """What the person's schools and districts have for them: a child for their grade, a guardian for those of their
    children, staff all of it; what is over too."""
    async with turn.services.database.read() as connection:
        reader = await load_reader(connection, turn.known.id, turn.today)
        every = await activities_of(connection, reader.orgs)
        if reader.is_staff:
            return every
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        own = viewer.children | {turn.known.id}
        grades = [
            grade for grade in await connection.scalars(select(User.grade).where(User.sourced_id.in_(own))) if grade
        ]
    return [each for each in every if each.is_for(grades)]


def _fitting(turn: Turn, request: ActivityRequest, every: Sequence[Joinable]) -> tuple[list[Joinable], list[Joinable]]:
    """What was asked for and is not over; and what was named and is."""
    named = [each for each in every if not _names(turn, each).isdisjoint(request.named)]
    if not named and request.words:
        scores = [(_fit(each, request.words), each) for each in every]
        best = max((score for score, _ in scores), default=0.0)
        named = [each for score, each in scores if score >= max(ENOUGH, best * 0.8)]
        every = named
    found = [each for each in (named or every) if not each.is_over(turn.today)]
    if request.kind is not None:
        found = [each for each in found if each.kind == request.kind]
    if request.is_online:
        found = [each for each in found if each.is_online]
    if request.first is not None and request.last is not None:
        found = [each for each in found if each.lies_in(request.first, request.last)]
    if request.grades and turn.known.band == "staff":
        found = [each for each in found if each.is_for(request.grades)]
    is_open_question = not named and (request.is_joining or request.is_applying or turn.known.band != "staff")
    if is_open_question:
        found = [each for each in found if each.takes_applications(turn.today)]
    if request.is_applying and not named:
        found = [each for each in found if each.apply_until is not None] or found
    return found, [each for each in named if each.is_over(turn.today)]


def _names(turn: Turn, each: Joinable) -> set[str]:
    """What it is called, also as a child was shown it: 科学かんの日."""
    return {each.name, to_kana(each.name, turn.grade)} if turn.grade else {each.name}


def _fit(each: Joinable, words: Sequence[str]) -> float:
    """How well an entry fits what was said: the worst of the words, by its name or by what else is told of it."""
    entry = f"{each.name} {each.description or ''} {each.place or ''}"
    return min(max(likeness(word, each.name), likeness(word, entry) * 0.9) for word in words)


async def _is_for_documents(turn: Turn, request: ActivityRequest) -> bool:
    """Whether there is nothing of ours, and the documents say it: 「クラブ活動は何曜日？」"""
    if not request.has_noun and not request.is_online:
        return True
    knowing = find_knowing(turn.incoming.text)
    if knowing is None or knowing.sureness is not Sureness.CLEAR:
        return False
    found = await answer_from_documents(turn.services, turn.known.id, knowing.about, turn.incoming.occurred_at)
    return found.status is AnswerStatus.ANSWERED


def _worded(turn: Turn, request: ActivityRequest, fitting: Sequence[Joinable], over: Sequence[Joinable]) -> Outgoing:
    if not fitting:
        if over:
            return Outgoing(text=turn.words("activities.is_over", name=over[0].name))
        if request.said:
            return Outgoing(text=turn.words("activities.none_of_that", said=Words.own(request.said)))
        return Outgoing(text=turn.words("activities.none"))
    shown = fitting[:SHOWN]
    can_apply = all(each.takes_applications(turn.today) for each in fitting)
    key = "joinable" if can_apply and (request.is_joining or request.is_applying) else "found"
    parts = [
        turn.words(f"activities.{key}"),
        *(say_activity(each, turn.speaker, turn.today) for each in shown),
        turn.words("activities.more", count=len(fitting) - SHOWN) if len(fitting) > SHOWN else Words(),
        turn.words("activities.home") if can_apply and turn.known.is_student else Words(),
    ]
    links = [link_to(each, turn.speaker, is_only=len(shown) == 1) for each in shown]
    return Outgoing(text=Words.join(parts, "\n\n"), links=tuple(link for link in links if link is not None))


def _is_name(said: str, name: str) -> bool:
    """Whether words to send are the name of an entry and nothing more."""
    return same_words(said.strip('「」『』“”" \u3000'), name)


def _obstacle(turn: Turn, activity: Joinable, sent_on: date) -> Words | None:
    """Why it is not announced: it is over, or will be when it is sent; None where nothing stands against it."""
    name = Words.of(activity.name)
    last, apply_until, start = activity.last_day, activity.apply_until, activity.start_date

    def refused(key: str, day: date, **args: object) -> Words:
        return turn.words(f"activities.{key}", name=name, day=say_day(day, turn.speaker), **args)

    if last is not None and activity.is_over(turn.today):
        return refused("tell_over", last)
    if apply_until is not None and apply_until < turn.today:
        return refused("tell_applied", apply_until)
    if start is not None and start < sent_on and apply_until is None:
        return refused("tell_started", start)
    if apply_until is not None and apply_until < sent_on:
        return refused("tell_late", apply_until, what=turn.words("activities.tell_late_apply"))
    if last is not None and last < sent_on:
        return refused("tell_late", last, what=turn.words("activities.tell_late_end"))
    return None
