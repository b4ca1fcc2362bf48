"""Setting a reminder: what is missing is asked, one thing at a time; a preview; はい; and only then it is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import func, select

from assistant.dialogue.asking import ask, understand
from assistant.dialogue.reminder_draft import Asking, ReminderDraft
from assistant.dialogue.reminder_writes import AddReminder, ChangeReminder
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import AddAnnouncement
from assistant.handlers import talk
from assistant.handlers.reminders import sending
from assistant.handlers.reminders.asking import DRAFT, ask_for, button, own_classes
from assistant.handlers.reminders.filling import (
    ASKED,
    at_days,
    at_once,
    draft_of,
    own_words,
    read_part,
    read_reminder,
    to,
    with_part,
    without,
)
from assistant.handlers.reminders.plan import Obstacle, Plan, work_out
from assistant.handlers.reminders.preview import closes_at, named, preview
from assistant.messages import Choice, Outgoing, Tone, Words
from assistant.wording.occasions import say_moment
from intents.announcing import find_results
from intents.asides import Aside, Naming, find_aside, find_naming
from intents.commands import Command, find_command
from intents.managing import Managing, find_managing
from intents.reminder_parts import Part
from intents.reminders import Problem, ReminderReading
from knowledge.questions.model import Status
from knowledge.records.reminders import Reminder
from knowledge.reminding import AnswerKind, Audience, AudienceKind, ReminderState, What

LONGEST = 500  # characters of a word to others
MOST = 50  # reminders of one person that are not over
OFFERED = 8  # people offered to tap
MAY_BE_WORDS = frozenset({"note", Command.GREETING, Command.THANKS})  # what words to send may be taken for


async def begin(turn: Turn, reading: ReminderReading) -> None:
    """A new draft; words to children that wait elsewhere are dropped, so that はい means one thing only."""
    turn.change(draft=None)
    draft = await draft_of(turn, reading)
    if (
        reading.problem is not None
        and reading.problem in ASKED
        and (reading.said or reading.problem is not Problem.DAY)
    ):
        key, asks = ASKED[reading.problem]
        await ask_for(turn, Obstacle(key=key, asks=asks, draft=draft, args={"said": Words.own(reading.said)}))
        return
    await show(turn, draft, reading.leftover)


async def show(turn: Turn, draft: ReminderDraft, not_explained: Sequence[str] = ()) -> None:
    """The preview of a draft, or what is to be asked first."""
    if len(draft.text) > LONGEST:
        draft = replace(draft, text="")
        await ask_for(turn, Obstacle(key="too_long", asks=Asking.WORDS, draft=draft, args={"most": LONGEST}))
        return
    result = await work_out(turn, draft)
    if isinstance(result, Plan) and draft.what is What.QUESTION:
        result = await _checked(turn, result)
    if isinstance(result, Obstacle):
        await ask_for(turn, result)
        return
    draft = replace(result.draft, at=turn.now, asks=Asking.PREVIEW, is_latest=True)
    turn.change(reminder=draft)
    text = await preview(turn, replace(result, draft=draft), not_explained)
    turn.outgoing.append(Outgoing(text=text, choices=tuple(_preview_choices(turn, draft))))


async def change(turn: Turn, draft: ReminderDraft, to: str | None = None) -> None:
    """Preview a stored reminder changed as ``to`` says (「16時」); without it ask what is to be changed."""
    turn.change(draft=None)
    if to is not None and (part := await read_part(turn, draft, to)):
        await _take(turn, draft, part)
        return
    await ask_for(turn, Obstacle(key="ask_change", asks=Asking.CHANGE, draft=draft, args={}))


def yes_or_no(turn: Turn) -> list[Choice]:
    """Buttons for what the open draft asks."""
    draft = turn.state.reminder
    return [] if draft is None else [button(turn, draft, "yes"), button(turn, draft, "cancel", Tone.CONTROL)]


async def go_on_by_words(turn: Turn, draft: ReminderDraft, text: str) -> bool:
    """What was written while a draft is open. False: it is about something else, and the draft waits."""
    aside, naming = find_aside(text), find_naming(text)
    if aside in (Aside.YES, Aside.NO, Aside.SEND) and not draft.is_latest:
        return False  # it answers what was said since
    if aside in (Aside.YES, Aside.SEND):
        await _yes(turn, draft)
    elif aside is Aside.NO and draft.asks is Asking.ANY_DAY and find_command(text) is not Command.STOP:
        await _act(turn, draft, "day", "")
    elif aside is Aside.NO or (find_command(text) is Command.STOP and draft.is_latest):
        _drop(turn, draft)
    elif aside is Aside.REWRITE:
        await _act(turn, draft, "change", "")
    elif (managed := find_managing(text)) is not None and managed.what is Managing.WHO and draft.is_latest:
        await _act(turn, draft, "who", "")
    elif naming is not None and naming.what is Naming.LEAVE_OUT and draft.asks is Asking.PREVIEW:
        return await _leave_out(turn, draft, naming.name)
    else:
        return await _fill(turn, draft, text)
    return True


async def go_on_by_button(turn: Turn, parts: Sequence[str]) -> None:
    """``parts``: key, action and value of a button of a draft."""
    draft = turn.state.reminder
    if draft is None or not draft.holds(turn.now) or parts[0] != draft.key or len(parts) < 2:
        turn.say("reminders.no_draft", talk.menu(turn))
        return
    await _act(turn, draft, parts[1], parts[2] if len(parts) > 2 else "")


async def _act(turn: Turn, draft: ReminderDraft, action: str, value: str) -> None:
    match action:
        case "yes":
            await _yes(turn, draft)
        case "change":
            await ask_for(turn, Obstacle(key="ask_change", asks=Asking.CHANGE, draft=draft, args={}))
        case "day" if not value:
            await ask_for(turn, Obstacle(key="ask_day", asks=Asking.DAY, draft=draft, args={}))
        case "day" if "FREQ" in value:
            await show(turn, at_days(draft, value, turn.today, None))
        case "day":
            await show(turn, at_days(draft, None, date.fromisoformat(value), None))
        case "time" if not value:
            await ask_for(turn, Obstacle(key="ask_time", asks=Asking.TIME, draft=draft, args={}))
        case "time":
            await show(turn, replace(draft, time=value, at_once=False))
        case "now":
            await show(turn, at_once(draft))
        case "whom" if value == AudienceKind.SELF:
            own = Audience(kind=AudienceKind.SELF, ids=(turn.known.id,), label="")
            await show(turn, await to(turn, draft, own))
        case "whom" if value:
            classes = [each for each in await own_classes(turn) if each.ids == (value,)]
            await show(turn, await to(turn, draft, classes[0]) if classes else replace(draft, audience_ids=()))
        case "whom":
            await ask_for(turn, Obstacle(key="ask_whom", asks=Asking.WHOM, draft=draft, args={}))
        case "words":
            await ask_for(turn, Obstacle(key=f"ask_{own_words(draft)}", asks=Asking.WORDS, draft=draft, args={}))
        case "who":
            await _who(turn, draft)
        case "out":
            await show(turn, replace(draft, left_out=(*draft.left_out, value)))
        case _:
            _drop(turn, draft)


async def _yes(turn: Turn, draft: ReminderDraft) -> None:
    match draft.asks:
        case Asking.PREVIEW:
            await _save(turn, draft)
        case Asking.ANY_DAY:
            await show(turn, replace(draft, any_day=True))
        case Asking.SEND_NOW:
            await sending.send_now(turn, draft.reminder_id or "")
        case _:
            await show(turn, draft)


async def _fill(turn: Turn, draft: ReminderDraft, text: str) -> bool:
    reading = await read_reminder(turn, text)
    if reading is not None and reading.text:  # without words to send it is a part: 16時にして
        await begin(turn, reading)
        return True
    is_ours = draft.is_latest and not await _is_for_others(turn, draft, text)
    if draft.asks is Asking.WORDS and is_ours:
        await show(turn, replace(draft, what=own_words(draft), text=text.strip('「」『』“”" \u3000')))
        return True
    if part := await read_part(turn, draft, text):
        await _take(turn, draft, part)
    elif is_ours and draft.asks is not Asking.PREVIEW:
        await ask_for(turn, Obstacle(key="not_understood", asks=draft.asks, draft=draft, args={}))
    else:
        return False
    return True


async def _take(turn: Turn, draft: ReminderDraft, part: Part) -> None:
    """A part of it said by itself: the draft with it, or what is wrong with it."""
    if part.problem is None:
        await show(turn, await with_part(turn, draft, part))
        return
    key, asks = ASKED[part.problem]
    left = without(await with_part(turn, draft, part), part.problem)
    await ask_for(turn, Obstacle(key=key, asks=asks, draft=left, args={"said": Words.own(part.said)}))


async def _leave_out(turn: Turn, draft: ReminderDraft, name: str) -> bool:
    """○○さんを外して"""
    result = await work_out(turn, draft)
    if isinstance(result, Obstacle):
        await ask_for(turn, result)
        return True
    bare = name.replace(" ", "").replace("\u3000", "")
    found = [each for each in result.people if bare in (*each.label.split(), each.label.replace(" ", ""))]
    if len(found) == 1:
        await show(turn, replace(draft, left_out=(*draft.left_out, found[0].id)))
        return True
    out = [_out(turn, draft, each.id, each.label) for each in found[:OFFERED]] or _preview_choices(turn, draft)
    turn.say("reaching.which_one" if found else "reaching.nobody_of_that_name", out, name=Words.own(name))
    turn.change(reminder=replace(draft, is_latest=False))
    return True


async def _who(turn: Turn, draft: ReminderDraft) -> None:
    """The receivers by name, each to be left out by a tap while there are few."""
    result = await work_out(turn, draft)
    if isinstance(result, Obstacle):
        await ask_for(turn, result)
        return
    turn.change(reminder=replace(draft, is_latest=True))
    out = [_out(turn, draft, each.id, each.label) for each in result.people[:OFFERED]] if len(result.people) > 1 else []
    shown = [each for each in _preview_choices(turn, draft) if not each.value.endswith("/who")]
    turn.outgoing.append(Outgoing(text=named(turn, result), choices=(*shown, *out)))


async def _save(turn: Turn, draft: ReminderDraft) -> None:
    """はい: worked out once more, since rights may have ended and time has passed."""
    result = await work_out(turn, draft)
    if isinstance(result, Obstacle):
        await ask_for(turn, result)
        return
    if draft.reminder_id is None and await _count(turn) >= MOST:
        turn.say("reminders.too_many", most=MOST)
        return
    turn.change(reminder=None)
    draft, first = result.draft, result.next[0]
    reminder_id = draft.reminder_id or str(uuid5(NAMESPACE_URL, f"reminder:{turn.incoming.event_id}"))
    if draft.what is What.ANNOUNCEMENT and draft.announcement_id is None:
        draft = replace(draft, announcement_id=str(uuid5(NAMESPACE_URL, f"announcement:{turn.incoming.event_id}")))
        turn.writes.append(_announcement(turn, draft))
    if draft.reminder_id is None:
        turn.writes.append(
            AddReminder(reminder_id=reminder_id, owner_id=turn.known.id, draft=draft, next_at=first, at=turn.now)
        )
    else:
        turn.writes.append(ChangeReminder(reminder_id=reminder_id, draft=draft, next_at=first, at=turn.now))
    choices = [
        turn.button("reminders.see_list", "r/list"),
        turn.button("reminders.remove", f"r/s/{reminder_id}/remove", Tone.CONTROL),
    ]
    key = "reminders.changed" if draft.reminder_id else "reminders.saved"
    if draft.at_once:
        key = "reminders.sending_now"
    turn.say(key, choices, next=say_moment(first, turn.speaker))


def _announcement(turn: Turn, draft: ReminderDraft) -> AddAnnouncement:
    return AddAnnouncement(
        announcement_id=draft.announcement_id or "",
        owner_id=turn.known.id,
        school_id=draft.school_id,
        text=draft.text,
        answers=draft.answers or AnswerKind.YES_NO,
        choices=draft.choices,
        closes_at=closes_at(turn, draft),
        at=turn.now,
    )


async def _checked(turn: Turn, plan: Plan) -> Plan | Obstacle:
    """The plan of a question that is understood for sure; otherwise it is asked back, or refused as it would be."""
    asked = await ask(turn.services, turn.known.id, plan.draft.text, turn.incoming.occurred_at, turn.speaker)
    cleared = replace(plan.draft, text="")
    if asked.answer.status in (Status.ANSWERED, Status.EMPTY) and asked.answer.question is not None:
        return plan
    if asked.answer.status is Status.REFUSED:
        turn.audit(asked.looked)
        return Obstacle(key="question_refused", asks=Asking.WORDS, draft=cleared, args={})
    return Obstacle(key="not_sure", asks=Asking.WORDS, draft=cleared, args={"said": Words.own(plan.draft.text)})


async def _count(turn: Turn) -> int:
    """How many reminders of the person are not over."""
    states = (ReminderState.ACTIVE, ReminderState.PAUSED)
    statement = select(func.count()).where(Reminder.owner_id == turn.known.id, Reminder.state.in_(states))
    async with turn.services.database.read() as connection:
        return await connection.scalar(statement) or 0


async def _is_for_others(turn: Turn, draft: ReminderDraft, text: str) -> bool:
    """Whether a text is a command, a greeting or a question, so no words to send and no part of a reminder. Where the
    words to send are waited for, only what is plainly no such words."""
    takes_words, request = draft.asks is Asking.WORDS, find_results(text)
    if find_managing(text) is not None or find_aside(text) is not None:
        return True
    if request is not None and (not takes_words or not (request.about or request.answer)):
        return True
    meant = await understand(turn.services, turn.known.id, text, turn.incoming.occurred_at, turn.state.topic)
    if not takes_words:
        return meant["intent"] != "none"
    return meant["confidence"] == "clear" and meant["intent"] not in MAY_BE_WORDS


def _drop(turn: Turn, draft: ReminderDraft) -> None:
    turn.change(reminder=None)
    turn.say("reminders.not_sent" if draft.asks is Asking.SEND_NOW else "reminders.dropped", talk.menu(turn))


def _preview_choices(turn: Turn, draft: ReminderDraft) -> list[Choice]:
    actions = ["yes", "change", *(["who"] if draft.audience_kind is not AudienceKind.SELF else [])]
    return [*(button(turn, draft, action) for action in actions), button(turn, draft, "cancel", tone=Tone.CONTROL)]


def _out(turn: Turn, draft: ReminderDraft, person_id: str, label: str) -> Choice:
    named_out = turn.words("reminders.leave_out", name=Words.own(label))
    return Choice(label=named_out, value=f"{DRAFT}{draft.key}/out/{person_id}", tone=Tone.CONTROL)
