"""Closing school in a chat: a lead says it, sees what it stops, and only はい stops it. Anybody may ask about it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from assistant.dialogue.closing_draft import ClosureDraft
from assistant.dialogue.reminder_draft import Asking
from assistant.dialogue.turn import Turn
from assistant.handlers import activity, checkin, closing, declaring, menu, reopening, safety_results, school_days, talk
from assistant.messages import Choice, Kind, Tone, Words
from intents.asides import Aside, find_aside
from intents.closing import (
    Act,
    ClosingReading,
    Trouble,
    asks_for_menu,
    may_be_about,
    understand_closing,
    understand_days,
)
from intents.commands import Command, find_command
from knowledge.questions.vocabulary import load_vocabulary
from knowledge.records.leads import leads_of, schools_led
from knowledge.records.scope import load_viewer

PREFIX = "~"  # a button's value: something about a closure, ``~yes/<key of the draft>``


async def on_closures(turn: Turn) -> bool:
    """Everything about closures and the days of learning at home. Anything else is left to others."""
    if turn.person is None:
        return False
    choice = turn.incoming.choice or ""
    if turn.incoming.kind is Kind.CHOICE and choice.startswith(PREFIX):
        return await _tapped(turn, choice[len(PREFIX) :].split("/"))
    if turn.incoming.kind is not Kind.TEXT:
        return False
    if turn.is_remote and asks_for_menu(turn.incoming.text):
        return await menu.on_child_text(turn)
    if checkin.pending_today(turn) is not None:
        return await _asked_meanwhile(turn)
    if turn.person.band == "staff":
        if await _answers_preview(turn) or await menu.on_staff_text(turn):
            return True
        if _writes_words(turn):
            return False
    reading, led = await _understood(turn)
    return reading is not None and await _dealt_with(turn, reading, led)


async def _asked_meanwhile(turn: Turn) -> bool:
    """Whether there is school, while a check-in's question waits: answered, and the question asked again below."""
    reading, _ = await _understood(turn)
    if reading is None or reading.act is not Act.ASK or turn.is_stale:
        return False
    await school_days.on_question(turn, reading)
    await checkin.ask_again(turn)
    return True


async def _understood(turn: Turn) -> tuple[ClosingReading | None, frozenset[str]]:
    """What the text says about closures, and which schools the person leads. The names are looked up only where the
    words are about closures at all."""
    today = turn.today
    if not may_be_about(turn.incoming.text):
        return None, frozenset()
    async with turn.services.database.read() as connection:
        led = await schools_led(connection, turn.known.id, today)
        viewer = await load_viewer(connection, turn.known.id, today)
        viewer = replace(viewer, schools=viewer.schools | led, workplaces=viewer.workplaces | led)
        vocabulary = await load_vocabulary(connection, viewer, turn.services.timezone)
    return understand_closing(turn.incoming.text, vocabulary, turn.now), led


async def _dealt_with(turn: Turn, reading: ClosingReading, led: frozenset[str]) -> bool:
    is_staff = turn.known.band == "staff"
    match reading.act:
        case Act.ASK:
            await school_days.on_question(turn, reading)
        case Act.SAFETY | Act.WAITING if is_staff:
            return await safety_results.on_question(turn, named=reading.act is Act.SAFETY)
        case Act.ACTIVITY if is_staff:
            await activity.on_request(turn, reading)
        case Act.DECLARE | Act.END if not is_staff:
            await school_days.on_question(turn, reading)
        case Act.DECLARE | Act.END if not led:
            await _tell_who_can(turn)
        case Act.DECLARE | Act.END if reading.school_ids and led.isdisjoint(reading.school_ids):
            turn.say("closures.other_school")
        case Act.DECLARE:
            await _begin(turn, reading, led)
        case Act.END:
            await reopening.begin(turn, reading, led)
        case _:
            return False
    return True


async def _begin(turn: Turn, reading: ClosingReading, led: frozenset[str]) -> None:
    """From what was said to a preview, or a question for what is missing."""
    match reading.trouble:
        case Trouble.WHOM:
            turn.say("closures.no_such_class", said=Words.own(reading.said))
        case Trouble.DATE:
            turn.say("closures.no_such_day", said=Words.own(reading.said))
        case Trouble.PAST | Trouble.ORDER:
            turn.say(f"closures.{reading.trouble}")
        case None if reading.needs is not None:
            turn.say(f"closures.which_{reading.needs}")
        case None:
            draft = await closing.draft_of(turn, reading, led)
            if draft is None:
                await _tell_who_can(turn)
            elif draft.first is None:
                _ask_when(turn, draft)
            else:
                await closing.preview(turn, draft)


def _ask_when(turn: Turn, draft: ClosureDraft) -> None:
    """No day was said: today or tomorrow by a tap, anything else in words."""
    turn.change(closing=draft)
    days = ((turn.today, "today"), (turn.today + timedelta(days=1), "tomorrow"))
    choices = [turn.button(f"closures.{name}_button", _value("from", draft, day.isoformat())) for day, name in days]
    turn.say("closures.when", [*choices, _cancel(turn, draft)])


async def _tell_who_can(turn: Turn) -> None:
    """Only leads close a school: who they are."""
    async with turn.services.database.read() as connection:
        names = await leads_of(connection, turn.known.school_id or "", turn.today)
    if names:
        named = [turn.words("closures.lead_name", name=Words.own(name)) for name in names]
        turn.say("closures.only_leads", names=Words.join(named, str(turn.words("closures.comma"))))
    else:
        turn.say("closures.only_leads_unknown")


async def _answers_preview(turn: Turn) -> bool:
    """はい, 直す, やめる in words, as long as the preview was the last thing said."""
    draft = turn.state.closing
    if draft is None or not draft.holds(turn.now) or not draft.is_latest:
        return False
    aside = find_aside(turn.incoming.text)
    if draft.first is None and aside not in (Aside.NO, Aside.REWRITE) and not _stops(turn):
        return await _answers_when(turn, draft, is_yes=aside is Aside.YES)
    if aside is Aside.YES:
        await declaring.confirm(turn, draft)
    elif aside is Aside.NO or _stops(turn):
        _drop(turn, "closures.cancelled")
    elif aside is Aside.REWRITE:
        _drop(turn, "closures.say_again")
    else:
        return False
    return True


async def _answers_when(turn: Turn, draft: ClosureDraft, *, is_yes: bool) -> bool:
    """The day that was asked for, in words; はい names none, so it is asked again."""
    days = understand_days(turn.incoming.text, turn.today)
    if days is not None and not draft.ends:
        await closing.preview(turn, replace(draft, first=days[0], last=days[1]))
    elif draft.ends and (days is not None or is_yes):
        await reopening.go_on(turn, draft, days and days[0])
    elif is_yes:
        _ask_when(turn, replace(draft, at=turn.now))
    else:
        return False
    return True


def _stops(turn: Turn) -> bool:
    return find_command(turn.incoming.text) is Command.STOP


def _drop(turn: Turn, key: str) -> None:
    turn.change(closing=None)
    turn.say(key)


async def _tapped(turn: Turn, parts: list[str]) -> bool:
    """A button of ours."""
    match parts:
        case ["done", item_id] if turn.known.is_student:
            await menu.on_done(turn, item_id)
            return True
        case ["menu_yes" | "menu_no" as what, key]:
            await menu.on_button(turn, what, key)
            return True
        case ["end", closure_id, said] if (day := _day(said)) is not None:
            await reopening.end(turn, closure_id, day)
            return True
        case ["missing", announcement_id]:
            await safety_results.remind(turn, announcement_id)
            return True
        case _:
            pass
    draft = turn.state.closing
    if draft is None or len(parts) < 2 or parts[1] != draft.key or not draft.holds(turn.now):
        turn.say("closures.too_old", talk.menu(turn))
        return True
    match parts[0], parts[2:]:
        case "yes", [] if draft.first is not None:
            await declaring.confirm(turn, draft)
        case "fix", []:
            _drop(turn, "closures.say_again")
        case "from", [said] if (day := _day(said)) is not None and day >= turn.today and not draft.ends:
            await closing.preview(turn, replace(draft, first=day, last=day))
        case "list", [] if draft.first is not None:
            await closing.list_stopped(turn, draft)
        case "set", [("is_remote" | "safety" | "tells" | "waits") as name, value] if draft.first is not None:
            changes = {name: value == "1"}
            await closing.preview(turn, replace(draft, **changes))
        case _:
            _drop(turn, "closures.cancelled")
    return True


def _day(said: str) -> date | None:
    try:
        return date.fromisoformat(said)
    except ValueError:
        return None


def _writes_words(turn: Turn) -> bool:
    """Whether the text is awaited as words to somebody: 「明日は休校です」 may be those words."""
    draft, reminder = turn.state.draft, turn.state.reminder
    if draft is not None and draft.holds(turn.now) and draft.text is None:
        return True
    return reminder is not None and reminder.holds(turn.now) and reminder.asks is Asking.WORDS


def _value(what: str, draft: ClosureDraft, *rest: str) -> str:
    return PREFIX + "/".join([what, draft.key, *rest])


def _cancel(turn: Turn, draft: ClosureDraft) -> Choice:
    return turn.button("closures.cancel_button", _value("no", draft), Tone.CONTROL)
