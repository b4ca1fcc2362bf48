"""The reminders that are there: the list, one of them, stopping, resuming, changing, sending now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from assistant.dialogue.reminder_draft import Asking, Listed
from assistant.dialogue.reminder_writes import ResumeReminder, StopReminder
from assistant.dialogue.turn import Turn
from assistant.handlers import talk
from assistant.handlers.reminders import setting
from assistant.handlers.reminders.audience import may_reach, receivers
from assistant.handlers.reminders.stored import Stored, described, exists, line, named_by, reminders_of
from assistant.messages import Choice, Outgoing, Tone, Words
from assistant.wording.occasions import say_moment
from intents.managing import Managed, Managing
from knowledge.reminding import ReminderState
from scheduler.upcoming import upcoming

STORED = "r/s/"  # a button's value: r/s/<id of the reminder>/<action>
LIST = "r/list"
OFFERED = 10  # reminders that can be opened by a tap: LINE shows 13


async def on_words(turn: Turn, managed: Managed) -> bool:
    """「2番を止めて」, 「金曜のリマインドをやめて」. False where no list was shown that a number could mean."""
    if managed.what is Managing.LIST:
        await show_list(turn)
        return True
    listed = turn.state.listed if turn.state.listed is not None and turn.state.listed.holds(turn.now) else None
    if managed.what is Managing.WHO or (listed is None and (managed.what is Managing.SHOW or managed.is_it)):
        return False
    found = await reminders_of(turn, listed.ids if listed is not None and managed.words is None else None)
    if managed.number is not None:
        ids = listed.ids if listed is not None else tuple(each.id for each in found)
        chosen = ids[managed.number - 1 : managed.number] if managed.number else ()
        found = [each for each in found if each.id in chosen]
    elif managed.words is not None:
        found = named_by(managed.words, found, turn.speaker)
    elif listed is not None and len(listed.ids) > 1:
        found = []
    if len(found) == 1:
        await act(turn, found[0], managed.what, managed.to)
    else:
        turn.say("reminders.which" if found else "reminders.no_such", [turn.button("reminders.see_list", LIST)])
        if found:
            _show(turn, found)
    return True


async def on_button(turn: Turn, reminder_id: str, action: str) -> None:
    found = await reminders_of(turn, [reminder_id])
    if found and action in {each.value for each in Managing}:
        await act(turn, found[0], Managing(action))
    else:
        turn.say("reminders.not_allowed" if await exists(turn, reminder_id) else "reminders.gone", talk.menu(turn))


async def show_list(turn: Turn) -> None:
    found = await reminders_of(turn)
    if found:
        turn.outgoing.append(Outgoing(text=turn.words("reminders.list")))
        _show(turn, found)
    else:
        turn.change(listed=None)
        turn.say("reminders.list_none", talk.menu(turn))


async def act(turn: Turn, each: Stored, what: Managing, to: str | None = None) -> None:
    """One thing done to one reminder that the person may change. ``to``: what it is to be changed to."""
    is_over = each.state in (ReminderState.CANCELLED, ReminderState.DONE)
    said = line(each.draft, turn.speaker)
    match what:
        case Managing.PAUSE if not is_over:
            turn.writes.append(StopReminder(reminder_id=each.id, state=ReminderState.PAUSED, at=turn.now))
            turn.say("reminders.paused", [_button(turn, each, Managing.RESUME, "undo")], line=said)
        case Managing.REMOVE if not is_over:
            turn.writes.append(StopReminder(reminder_id=each.id, state=ReminderState.CANCELLED, at=turn.now))
            turn.say("reminders.removed", [_button(turn, each, Managing.RESUME, "undo")], line=said)
        case Managing.RESUME:
            await _resume(turn, each, said)
        case Managing.CHANGE:
            await setting.change(turn, each.draft, to)
        case Managing.SEND_NOW:
            await _ask_to_send(turn, each, said)
        case Managing.SHOW if not is_over:
            turn.change(listed=Listed(at=turn.now, ids=(each.id,)))
            turn.outgoing.append(Outgoing(text=described(turn, each), choices=tuple(_actions(turn, each))))
        case _:
            turn.say("reminders.gone", [turn.button("reminders.see_list", LIST)])


async def _resume(turn: Turn, each: Stored, said: Words) -> None:
    async with turn.services.database.read() as connection:
        draft = each.draft
        allowed = await may_reach(connection, each.row.owner_id, draft.audience_kind, draft.audience_ids, turn.today)
        [moments] = await upcoming(connection, [each.row], turn.now, turn.services.timezone)
    if not allowed:
        turn.say("reminders.not_allowed", talk.menu(turn))
    elif not moments:
        turn.say("reminders.ended", [_button(turn, each, Managing.CHANGE, "change")])
    else:
        turn.writes.append(ResumeReminder(reminder_id=each.id, next_at=moments[0], at=turn.now))
        turn.say(
            "reminders.resumed",
            [_button(turn, each, Managing.PAUSE, "pause")],
            line=said,
            next=say_moment(moments[0], turn.speaker),
        )


async def _ask_to_send(turn: Turn, each: Stored, said: Words) -> None:
    draft, times = each.draft, turn.services.times.of(each.draft.school_id)
    async with turn.services.database.read() as connection:
        allowed = await may_reach(connection, each.row.owner_id, draft.audience_kind, draft.audience_ids, turn.today)
        people = await receivers(connection, draft.audience_kind, draft.audience_ids, turn.today)
    if not allowed:
        turn.say("reminders.not_allowed", talk.menu(turn))
        return
    if draft.is_children and times.is_quiet(turn.now.time()):
        span = {"start": f"{times.quiet_from:%H:%M}", "end": f"{times.quiet_until:%H:%M}"}
        turn.say("reminders.send_now_quiet", talk.menu(turn), **span)
        return
    count = sum(person.id not in draft.left_out for person in people)
    turn.change(reminder=replace(draft, at=turn.now, asks=Asking.SEND_NOW), draft=None)
    choices = setting.yes_or_no(turn)
    turn.say("reminders.send_now_ask", choices, line=said, count=count)


def _show(turn: Turn, found: Sequence[Stored]) -> None:
    """A numbered list, added to what was said."""
    turn.change(listed=Listed(at=turn.now, ids=tuple(each.id for each in found)))
    lines = [
        turn.words("reminders.line_numbered", number=number, line=described(turn, each))
        for number, each in enumerate(found, start=1)
    ]
    choices = [
        Choice(label=Words.of(str(number)), value=f"{STORED}{each.id}/{Managing.SHOW}")
        for number, each in enumerate(found[:OFFERED], start=1)
    ]
    last = turn.outgoing.pop()
    turn.outgoing.append(Outgoing(text=Words.join([last.text, *lines], "\n"), choices=tuple(choices)))


def _actions(turn: Turn, each: Stored) -> list[Choice]:
    is_paused = each.state is ReminderState.PAUSED
    return [
        _button(turn, each, Managing.SEND_NOW, "send_now"),
        _button(turn, each, Managing.RESUME, "resume") if is_paused else _button(turn, each, Managing.PAUSE, "pause"),
        _button(turn, each, Managing.CHANGE, "change"),
        _button(turn, each, Managing.REMOVE, "remove", Tone.CONTROL),
    ]


def _button(turn: Turn, each: Stored, what: Managing, key: str, tone: Tone = Tone.ANSWER) -> Choice:
    return turn.button(f"reminders.{key}", f"{STORED}{each.id}/{what}", tone)
