"""Asking for one thing that a draft lacks, with what may be tapped in answer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta

from assistant.dialogue.reminder_draft import Asking, ReminderDraft
from assistant.dialogue.turn import Turn
from assistant.handlers.reminders.plan import Obstacle, allowed
from assistant.messages import Choice, Tone, Words
from assistant.wording.occasions import say_day, say_rule
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.calendar import load_calendars
from knowledge.records.scope import load_viewer
from knowledge.reminding import Audience, AudienceKind

DRAFT = "r/d/"  # a button's value: r/d/<key of the draft>/<action>[/<value>]
OFFERED = 8  # classes offered to tap
CLOCK = ("08:00", "12:30", "15:30", "16:30")
SCHOOL_WEEK = ("MO", "TU", "WE", "TH", "FR")


async def ask_for(turn: Turn, obstacle: Obstacle) -> None:
    """Ask for one thing, with what may be tapped; the draft waits for it."""
    draft = replace(obstacle.draft, at=turn.now, asks=obstacle.asks, is_latest=True)
    turn.change(reminder=draft)
    args = {
        name: say_day(value, turn.speaker) if isinstance(value, date) else value
        for name, value in obstacle.args.items()
    }
    choices = [*await _answers(turn, draft, obstacle.key), button(turn, draft, "cancel", tone=Tone.CONTROL)]
    turn.say(f"reminders.{obstacle.key}", choices, **args)


async def _answers(turn: Turn, draft: ReminderDraft, key: str) -> list[Choice]:
    """What may be tapped in answer to what is asked."""
    match draft.asks:
        case Asking.TIME:
            return [
                choice(draft, Words.of(f"{at:%H:%M}".lstrip("0")), f"time/{at:%H:%M}") for at in _times(turn, draft)
            ]
        case Asking.DAY if key == "no_day":
            weekly = [f"FREQ=WEEKLY;BYDAY={day}" for day in SCHOOL_WEEK]
            return [choice(draft, say_rule(each, turn.speaker), f"day/{each}") for each in weekly]
        case Asking.DAY:
            rule = f"FREQ=WEEKLY;BYDAY={','.join(SCHOOL_WEEK)}"
            days = [choice(draft, say_day(day, turn.speaker), f"day/{day}") for day in await _school_days(turn, draft)]
            now = choice(draft, turn.words("reminders.right_now"), "now")
            return [now, *days, choice(draft, say_rule(rule, turn.speaker), f"day/{rule}")]
        case Asking.WHOM:
            classes = [choice(draft, Words.own(each.label), f"whom/{each.ids[0]}") for each in await own_classes(turn)]
            return [*classes, choice(draft, turn.words("reminders.oneself"), f"whom/{AudienceKind.SELF}")]
        case Asking.ANY_DAY:
            return [
                choice(draft, turn.words("reminders.send_all_the_same"), "yes"),
                choice(draft, turn.words("reminders.other_day"), "day"),
            ]
        case Asking.CHANGE:
            parts = ["day", "time", "whom", *([] if draft.announcement_id else ["words"])]
            return [choice(draft, turn.words(f"reminders.change_{part}"), part) for part in parts]
        case _:
            return []


def _times(turn: Turn, draft: ReminderDraft) -> list[time]:
    """Times of day to tap, none in quiet hours, none that is over on the day that was named."""
    times = turn.services.times.of(draft.school_id)
    offered = {time.fromisoformat(each) for each in CLOCK}
    if draft.is_children:
        offered = {each for each in (*offered, *allowed(times)) if not times.is_quiet(each)}
    if draft.rrule is None and draft.starts_on == turn.today:
        offered = {each for each in offered if each > turn.now.time()}
    return sorted(offered)


async def _school_days(turn: Turn, draft: ReminderDraft) -> list[date]:
    """The next days with school, today as long as the time is to come."""
    is_over = draft.time is not None and draft.time <= f"{turn.now:%H:%M}"
    first = turn.today + timedelta(days=is_over)
    last = first + timedelta(days=14)
    async with turn.services.database.read() as connection:
        calendars = await load_calendars(connection, [draft.school_id], first, last)
    return calendars[draft.school_id].school_days(first, last)[:4]


async def own_classes(turn: Turn) -> list[Audience]:
    """The classes that the person teaches; of somebody with a whole school its first ones."""
    async with turn.services.database.read() as connection:
        viewer = await load_viewer(connection, turn.known.id, turn.today)
        vocabulary = await load_vocabulary(connection, viewer, turn.services.timezone)
    mine = viewer.homerooms | viewer.subject_classes
    classes = [each for each in vocabulary.classes if each.id in mine] or [
        each for each in vocabulary.classes if each.homeroom and each.school_id in viewer.schools
    ]
    return [Audience(kind=AudienceKind.CLASS, ids=(each.id,), label=each.title) for each in classes[:OFFERED]]


def button(turn: Turn, draft: ReminderDraft, action: str, tone: Tone = Tone.ANSWER) -> Choice:
    return turn.button(f"reminders.{action}", f"{DRAFT}{draft.key}/{action}", tone)


def choice(draft: ReminderDraft, label: Words, action: str) -> Choice:
    return Choice(label=label, value=f"{DRAFT}{draft.key}/{action}")
