"""The daily check-in: start, answers, とばす, あとで, もどる, 直す, 今日は答えない, やめる."""

from __future__ import annotations

from assistant.dialogue import flow
from assistant.dialogue.state import Pending
from assistant.dialogue.taps import Tap
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import SaveCheckIn
from assistant.handlers import later
from assistant.handlers.checkin_steps import (
    ask,
    go_on,
    left_open,
    local,
    morning_of,
    notes_of_day,
    offer_to_talk,
    pending_today,
    phase_of_the_hour,
    put_off_today,
    record_of,
    script_of,
    start_button,
    store,
    with_answer,
)
from assistant.handlers.corrections import (
    ask_again,
    choose_what_to_correct,
    named_what_to_correct,
    tapped_what_to_correct,
)
from assistant.messages import Kind, Words
from intents.commands import Command
from intents.later import LaterRequest, find_later
from knowledge.questions.model import Phase
from knowledge.records.checkins import Status

STARTING = {Command.START, Command.START_ANTICIPATION, Command.START_REFLECTION, Command.RESUME}
BARE_LATER = LaterRequest(puts_off=True)
STEERING = {Command.SKIP, Command.LATER, Command.STOP, Command.DECLINE, Command.BACK, Command.EDIT}


async def on_tap(turn: Turn) -> bool:
    """A tapped button. One from before what has happened since, or of another day, changes nothing."""
    tap = Tap.parse(turn.incoming.choice)
    if tap is None or turn.incoming.kind is not Kind.CHOICE or turn.person is None or not turn.person.is_student:
        return False
    if turn.is_stale:
        return True  # sent again, or overtaken
    if tap.date != turn.today:
        turn.say("checkin.that_day_is_over", choices=[start_button(turn)])
    elif (request := later.tapped_request(tap.value)) is not None:
        await _put_off(turn, tap.phase, request)
    elif tap.value.startswith("!"):
        await _tapped_command(turn, tap)
    elif tap.question == "":
        await tapped_what_to_correct(turn, tap)
    else:
        await _tapped_answer(turn, tap)
    return True


async def on_command(turn: Turn, command: Command) -> bool:
    """Words that start or steer a check-in. False: this one is not about check-ins, or there is none to steer."""
    if turn.person is None or not turn.person.is_student:
        return False
    pending = pending_today(turn)
    if pending is not None and pending.question == "" and await on_text(turn):
        return True  # 「めあて」 names the answer to correct here
    if turn.is_stale and command in STEERING | STARTING:
        await ask_again(turn, lead=[turn.words("checkin.arrived_late")])  # the newer state stands
        return True
    match command:
        case Command.START | Command.RESUME | Command.GREETING if pending is not None:
            await ask_again(turn)
        case Command.START_ANTICIPATION:
            await start(turn, Phase.ANTICIPATION)
        case Command.START_REFLECTION:
            await start(turn, Phase.REFLECTION)
        case Command.START:
            await start(turn, phase_of_the_hour(turn))
        case Command.RESUME:
            await start(turn, left_open(turn) or put_off_today(turn) or phase_of_the_hour(turn))
        case Command.EDIT:
            await choose_what_to_correct(turn)
        case Command.DECLINE if pending is None:
            await _decline(turn, put_off_today(turn) or phase_of_the_hour(turn))
        case Command.LATER if pending is None:
            await _put_off(turn, phase_of_the_hour(turn), BARE_LATER)
        case _ if pending is not None:
            return await _steer(turn, pending, command)
        case Command.SKIP | Command.BACK | Command.STOP:
            turn.say("checkin.nothing_waits", choices=[start_button(turn)])
        case _:
            return False
    return True


async def on_later(turn: Turn) -> bool:
    """「あとで、5時に」; and a time alone while a check-in is put off to another one."""
    if turn.person is None or not turn.person.is_student or turn.incoming.kind is not Kind.TEXT:
        return False
    request, pending = find_later(turn.incoming.text), pending_today(turn)
    if request is None or not (request.puts_off or (pending is None and put_off_today(turn) is not None)):
        return False
    if turn.is_stale:
        await ask_again(turn, lead=[turn.words("checkin.arrived_late")])
    elif pending is None:
        await _put_off(turn, put_off_today(turn) or phase_of_the_hour(turn), request)
    else:
        await _steer(turn, pending, Command.LATER, request)
    return True


async def on_text(turn: Turn) -> bool:
    """A typed text. While a question waits it is the answer; before, only the words of the first question's options
    count, as they answer the prompt. False: it answers nothing."""
    if turn.person is None or not turn.person.is_student or turn.incoming.kind is not Kind.TEXT:
        return False
    pending = pending_today(turn)
    if pending is None:
        return await _answers_the_prompt(turn)
    if turn.is_stale:
        await ask_again(turn, lead=[turn.words("checkin.arrived_late")])
        return True
    record = record_of(turn, pending.phase)
    script = script_of(turn, pending.phase)
    if pending.question == "":
        return await named_what_to_correct(turn)
    question = script.question(pending.question)
    if question is None:  # the school changed its script meanwhile
        await go_on(turn, record)
        return True
    match flow.read_answer(question, turn.incoming.text, turn.language, turn.grade, pending.offer):
        case None:
            return False
        case flow.TooLong(limit=limit):
            length = len(turn.incoming.text.strip())
            await ask_again(turn, lead=[turn.words("checkin.too_long", limit=limit, length=length)])
        case str(value):
            await store(turn, record, question, value, editing=pending.editing)
    return True


async def on_form(turn: Turn) -> bool:
    """Several answers at once. Those that do not fit their question are asked again one by one."""
    tap = Tap.parse(turn.incoming.choice)
    if turn.incoming.kind is not Kind.FORM or tap is None or turn.person is None or not turn.person.is_student:
        return False
    if turn.is_stale:
        return True
    if tap.date != turn.today:
        turn.say("checkin.that_day_is_over", choices=[start_button(turn)])
        return True
    record = record_of(turn, tap.phase)
    for question in script_of(turn, tap.phase).questions:
        value = flow.read_answer(question, turn.incoming.form.get(question.id, ""), turn.language, turn.grade)
        if isinstance(value, str):
            record = with_answer(turn, record, question, value)
    await go_on(turn, record, changed=True)
    return True


async def start(turn: Turn, phase: Phase, *, lead: Words | None = None) -> None:
    """Begin the check-in, go on where it was left, or say that it is done. ``lead``: said instead of the usual words
    before the question."""
    record = turn.records.get((turn.today, phase))
    if record is not None and record.status is Status.FINISHED:
        turn.change(pending=None)
        turn.say(f"checkin.done_already_{phase}")
    elif record is None or not flow.answers_of(record):
        await go_on(turn, record_of(turn, phase), lead=[lead or local(turn, script_of(turn, phase).opening)])
    else:
        await go_on(turn, record, lead=[lead or turn.words("checkin.go_on")])


async def _tapped_answer(turn: Turn, tap: Tap) -> None:
    record, pending = record_of(turn, tap.phase), pending_today(turn)
    question = script_of(turn, tap.phase).question(tap.question)
    if question is None:
        await go_on(turn, record)
        return
    value = flow.tapped_answer(question, tap.value, turn.language, turn.grade, pending.offer if pending else None)
    if value is None and tap.value == flow.OFFER:
        value = turn.last_next_step
    is_asked = pending is not None and (pending.phase, pending.question) == (tap.phase, tap.question)
    if value is None:
        await go_on(turn, record)
    elif not is_asked and flow.answers_of(record).get(question.id) == value:
        return  # tapped twice
    else:
        await store(turn, record, question, value, editing=not is_asked or (pending is not None and pending.editing))


async def _tapped_command(turn: Turn, tap: Tap) -> None:
    command, pending = Command(tap.value[1:]), pending_today(turn)
    record = turn.records.get((tap.date, tap.phase))
    if pending is not None and (pending.phase, pending.question) == (tap.phase, tap.question):
        await _steer(turn, pending, command)
    elif pending is not None:
        await ask_again(turn)  # a button under an earlier question: nothing to steer there any more
    elif record is not None and record.status is not Status.OPEN:
        turn.say(f"checkin.done_already_{tap.phase}")
    elif command is Command.DECLINE:
        await _decline(turn, tap.phase)
    elif command is Command.SKIP:
        await go_on(turn, flow.with_skip(record_of(turn, tap.phase), tap.question, turn.now), changed=True)
    else:
        await _put_off(turn, tap.phase, BARE_LATER)


async def _steer(turn: Turn, pending: Pending, command: Command, request: LaterRequest | None = None) -> bool:
    record = record_of(turn, pending.phase)
    if command not in STEERING:
        return False
    if pending.editing and record.status is not Status.OPEN:
        turn.change(pending=None)  # whichever the word: what was finished stays as it was
        turn.say("checkin.left_as_it_was")
        return True
    match command:
        case Command.SKIP if pending.editing:
            await go_on(turn, record)
        case Command.SKIP:
            await go_on(turn, flow.with_skip(record, pending.question, turn.now), changed=True)
        case Command.DECLINE:
            await _decline(turn, pending.phase)
        case Command.BACK:
            before = flow.previous_question(script_of(turn, pending.phase), record, pending.question)
            if before is None:
                await ask_again(turn, lead=[turn.words("checkin.nothing_before")])
            else:
                await ask(turn, record, before, editing=True)
        case Command.EDIT:
            await choose_what_to_correct(turn)
        case Command.LATER:
            await _put_off(turn, pending.phase, request or BARE_LATER)
        case _:  # やめる
            turn.change(pending=None)
            turn.say("checkin.stopped")
    return True


async def _put_off(turn: Turn, phase: Phase, request: LaterRequest) -> None:
    """Leave the check-in for later; the question that would come next is the one to be asked again."""
    record = record_of(turn, phase)
    waiting = None
    if record.status is Status.OPEN:
        answers = flow.known(record, morning_of(turn), await notes_of_day(turn, record))
        question = flow.next_question(script_of(turn, phase), record, answers)
        if question is not None:
            offer = turn.last_next_step if question.offer else None
            waiting = Pending(date=record.date, phase=phase, question=question.id, offer=offer)
    await later.put_off(turn, phase, request, waiting)


async def _decline(turn: Turn, phase: Phase) -> None:
    record = record_of(turn, phase)
    turn.change(pending=None)
    if record.status is Status.FINISHED:
        turn.say(f"checkin.done_already_{phase}")
        return
    turn.writes.append(SaveCheckIn(record=flow.declined(record, turn.now)))
    turn.say(f"checkin.declined_{phase}", [offer_to_talk(turn)])


async def _answers_the_prompt(turn: Turn) -> bool:
    """Whether the text answers the first question of the check-in of the hour, which the prompt asked."""
    phase = phase_of_the_hour(turn)
    script, record = script_of(turn, phase), turn.records.get((turn.today, phase))
    if turn.is_stale or record is not None:
        return False
    first = flow.next_question(script, record_of(turn, phase), {})
    if first is None or first.kind == "text":
        return False
    value = flow.read_answer(first, turn.incoming.text, turn.language, turn.grade)
    if not isinstance(value, str) or turn.incoming.text.strip().isdecimal():
        return False
    await store(turn, record_of(turn, phase), first, value, editing=False)
    return True
