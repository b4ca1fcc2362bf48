"""The daily check-in: start, answers, とばす, あとで, もどる, 直す, 今日は答えない, やめる."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from assistant.checkins.model import PhaseScript, Question
from assistant.dialogue import flow
from assistant.dialogue.state import Pending
from assistant.dialogue.taps import Tap
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import SaveCheckIn
from assistant.messages import Choice, Kind, Outgoing, Words
from assistant.wording.grade_fit import to_kana
from intents.commands import Command
from intents.normalise import fold
from knowledge.questions.model import Phase
from knowledge.records.checkins import CheckInRecord, Status, notes_of

NOON = 12  # o'clock: before it the check-in of the hour is the morning's (questions.md)
STARTING = {Command.START, Command.START_ANTICIPATION, Command.START_REFLECTION, Command.RESUME}
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
    elif tap.value.startswith("!"):
        await _tapped_command(turn, tap)
    elif tap.question == "":
        await _tapped_what_to_correct(turn, tap)
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
            await start(turn, _left_open(turn) or phase_of_the_hour(turn))
        case Command.EDIT:
            await _choose_what_to_correct(turn)
        case Command.DECLINE if pending is None:
            await _decline(turn, phase_of_the_hour(turn))
        case Command.LATER if pending is None:
            turn.say("checkin.later")
        case _ if pending is not None:
            return await _steer(turn, pending, command)
        case Command.SKIP | Command.BACK | Command.STOP:
            turn.say("checkin.nothing_waits", choices=[start_button(turn)])
        case _:
            return False
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
    record = _record(turn, pending.phase)
    script = script_of(turn, pending.phase)
    if pending.question == "":
        return await _named_what_to_correct(turn)
    question = script.question(pending.question)
    if question is None:  # the school changed its script meanwhile
        await _continue(turn, record)
        return True
    match flow.read_answer(question, turn.incoming.text, turn.language, turn.grade, pending.offer):
        case None:
            return False
        case flow.TooLong(limit=limit):
            length = len(turn.incoming.text.strip())
            await ask_again(turn, lead=[turn.words("checkin.too_long", limit=limit, length=length)])
        case str(value):
            await _store(turn, record, question, value, editing=pending.editing)
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
    record = _record(turn, tap.phase)
    for question in script_of(turn, tap.phase).questions:
        value = flow.read_answer(question, turn.incoming.form.get(question.id, ""), turn.language, turn.grade)
        if isinstance(value, str):
            record = _with_answer(turn, record, question, value)
    await _continue(turn, record, changed=True)
    return True


async def start(turn: Turn, phase: Phase) -> None:
    """Begin the check-in, go on where it was left, or say that it is done."""
    record = turn.records.get((turn.today, phase))
    if record is not None and record.status is Status.FINISHED:
        turn.change(pending=None)
        turn.say(f"checkin.done_already_{phase}")
    elif record is None or not flow.answers_of(record):
        await _continue(turn, _record(turn, phase), lead=[_local(turn, script_of(turn, phase).opening)])
    else:
        await _continue(turn, record, lead=[turn.words("checkin.go_on")])


async def ask_again(turn: Turn, lead: Sequence[Words] = ()) -> None:
    """Ask the waiting question once more; nothing where none waits."""
    pending = pending_today(turn)
    if pending is None:
        return
    record = _record(turn, pending.phase)
    question = script_of(turn, pending.phase).question(pending.question)
    if pending.question == "":
        await _choose_what_to_correct(turn, lead)
    elif question is None:
        await _continue(turn, record, lead=lead)
    else:
        await _ask(turn, record, question, lead=lead, editing=pending.editing)


def start_button(turn: Turn) -> Choice:
    return turn.button("checkin.start_button", "!start")


def phase_of_the_hour(turn: Turn) -> Phase:
    return Phase.ANTICIPATION if turn.now.hour < NOON else Phase.REFLECTION


def script_of(turn: Turn, phase: Phase) -> PhaseScript:
    """The questions that fit the student's grade and school."""
    person = turn.person
    if person is None:
        raise ValueError("a check-in needs a person")
    return turn.services.scripts.of(person.grade or "P1", person.school_id).phase(phase)


async def _tapped_answer(turn: Turn, tap: Tap) -> None:
    record, pending = _record(turn, tap.phase), pending_today(turn)
    question = script_of(turn, tap.phase).question(tap.question)
    if question is None:
        await _continue(turn, record)
        return
    value = flow.tapped_answer(question, tap.value, turn.language, turn.grade, pending.offer if pending else None)
    if value is None and tap.value == flow.OFFER:
        value = turn.last_next_step
    is_asked = pending is not None and (pending.phase, pending.question) == (tap.phase, tap.question)
    if value is None:
        await _continue(turn, record)
    elif not is_asked and flow.answers_of(record).get(question.id) == value:
        return  # tapped twice
    else:
        await _store(turn, record, question, value, editing=not is_asked or (pending is not None and pending.editing))


async def _tapped_what_to_correct(turn: Turn, tap: Tap) -> None:
    question = script_of(turn, tap.phase).question(tap.value)
    if question is None:
        await _choose_what_to_correct(turn)
    else:
        await _ask(turn, _record(turn, tap.phase), question, editing=True)


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
        await _continue(turn, flow.with_skip(_record(turn, tap.phase), tap.question, turn.now), changed=True)
    else:
        turn.say("checkin.later")


async def _steer(turn: Turn, pending: Pending, command: Command) -> bool:
    record = _record(turn, pending.phase)
    if command not in STEERING:
        return False
    if pending.editing and record.status is not Status.OPEN:
        turn.change(pending=None)  # whichever the word: what was finished stays as it was
        turn.say("checkin.left_as_it_was")
        return True
    match command:
        case Command.SKIP if pending.editing:
            await _continue(turn, record)
        case Command.SKIP:
            await _continue(turn, flow.with_skip(record, pending.question, turn.now), changed=True)
        case Command.DECLINE:
            await _decline(turn, pending.phase)
        case Command.BACK:
            before = flow.previous_question(script_of(turn, pending.phase), record, pending.question)
            if before is None:
                await ask_again(turn, lead=[turn.words("checkin.nothing_before")])
            else:
                await _ask(turn, record, before, editing=True)
        case Command.EDIT:
            await _choose_what_to_correct(turn)
        case _:  # あとで, やめる
            turn.change(pending=None)
            turn.say("checkin.later" if command is Command.LATER else "checkin.stopped")
    return True


async def _decline(turn: Turn, phase: Phase) -> None:
    record = _record(turn, phase)
    turn.change(pending=None)
    if record.status is Status.FINISHED:
        turn.say(f"checkin.done_already_{phase}")
        return
    turn.writes.append(SaveCheckIn(record=flow.declined(record, turn.now)))
    turn.say(f"checkin.declined_{phase}")


async def _answers_the_prompt(turn: Turn) -> bool:
    """Whether the text answers the first question of the check-in of the hour, which the prompt asked."""
    phase = phase_of_the_hour(turn)
    script, record = script_of(turn, phase), turn.records.get((turn.today, phase))
    if turn.is_stale or record is not None:
        return False
    first = flow.next_question(script, _record(turn, phase), {})
    if first is None or first.kind == "text":
        return False
    value = flow.read_answer(first, turn.incoming.text, turn.language, turn.grade)
    if not isinstance(value, str) or turn.incoming.text.strip().isdecimal():
        return False
    await _store(turn, _record(turn, phase), first, value, editing=False)
    return True


async def _choose_what_to_correct(turn: Turn, lead: Sequence[Words] = ()) -> None:
    """Show today's answers, the latest check-in first, to tap the one to correct."""
    answered = _answered_today(turn)
    if not answered:
        if pending_today(turn) is not None:
            await ask_again(turn, lead=[*lead, turn.words("checkin.nothing_to_correct_yet")])
        else:
            turn.say("checkin.nothing_to_correct", choices=[start_button(turn)])
        return
    newest = answered[0][0]
    turn.change(pending=Pending(date=turn.today, phase=newest, question="", editing=True))
    controls = _controls(turn, Tap.prefix(newest, turn.today, ""))
    choices = [
        Choice(label=_correct_label(turn, phase, question), value=f"{Tap.prefix(phase, turn.today, '')}{question.id}")
        for phase, question in answered
    ]
    text = Words.join([*lead, turn.words("checkin.what_to_correct")], "\n")
    shown = choices[: flow.MAX_CHOICES - len(controls)]
    turn.outgoing.append(Outgoing(text=text, choices=(*shown, *controls)))


async def _named_what_to_correct(turn: Turn) -> bool:
    """「めあて」, or the label of a button, typed instead of tapped."""
    wanted = fold(turn.incoming.text)
    for phase, question in _answered_today(turn):
        label = str(_correct_label(turn, phase, question))
        names = [label, to_kana(label, turn.grade), *question.name.values()]
        if wanted in map(fold, names):
            await _ask(turn, _record(turn, phase), question, editing=True)
            return True
    return False


def _answered_today(turn: Turn) -> list[tuple[Phase, Question]]:
    """Today's answered questions, those of the evening first."""
    return [
        (phase, question)
        for phase in reversed(Phase)
        for question in script_of(turn, phase).questions
        if question.id in flow.answers_of(turn.records.get((turn.today, phase)))
    ]


def _correct_label(turn: Turn, phase: Phase, question: Question) -> Words:
    return turn.words(f"checkin.correct_{phase}", name=_local(turn, question.name))


async def _store(turn: Turn, record: CheckInRecord, question: Question, value: str, *, editing: bool) -> None:
    """Keep an answer, then ask on, or close. A correction of what was finished asks nothing new."""
    was_answered = question.id in flow.answers_of(record)
    record = _with_answer(turn, record, question, value)
    option = question.option(value)
    lead = [_local(turn, option.reply)] if option and option.reply else []
    if editing and was_answered:
        shown = _local(turn, option.label) if option else Words.own(value)
        lead = [turn.words("checkin.corrected", name=_local(turn, question.name), value=shown)]
    if editing and record.status is not Status.OPEN:
        turn.writes.append(SaveCheckIn(record=record))
        turn.change(pending=None)
        turn.outgoing.append(Outgoing(text=lead[0] if lead else turn.words("checkin.kept")))
        return
    await _continue(turn, record, lead=lead, changed=True)


def _with_answer(turn: Turn, record: CheckInRecord, question: Question, value: str) -> CheckInRecord:
    record = flow.with_answer(flow.without_skip(record, question.id), question.id, value, turn.now)
    # A row has one visibility: the most private answer decides.
    return replace(record, visibility="self") if question.readers == "self" else record


async def _continue(turn: Turn, record: CheckInRecord, *, lead: Sequence[Words] = (), changed: bool = False) -> None:
    """Ask the next question, or end the check-in; store the record where it is new or changed."""
    script = script_of(turn, record.phase)
    is_new = (record.date, record.phase) not in turn.records
    notes = await _notes(turn, record)
    answers = flow.known(record, _morning(turn), notes)
    question = flow.next_question(script, record, answers)
    if question is None:
        if record.status is not Status.FINISHED:
            record, changed = flow.finished(record, turn.now), True
        turn.change(pending=None)
        turn.outgoing.append(Outgoing(text=Words.join([*lead, flow.closing(script, answers, turn.language)], "\n")))
    else:
        if notes and not flow.answers_of(record):
            listed = Words.join([Words((*Words.of("・").spans, *Words.own(note).spans)) for note in notes], "\n")
            lead = [*lead, turn.words("checkin.notes_of_today", notes=listed)]
        await _ask(turn, record, question, lead=lead, answers=answers)
    if changed or is_new:
        turn.writes.append(SaveCheckIn(record=record))


async def _ask(
    turn: Turn,
    record: CheckInRecord,
    question: Question,
    *,
    lead: Sequence[Words] = (),
    editing: bool = False,
    answers: Mapping[str, str] | None = None,
) -> None:
    offer = turn.last_next_step if question.offer else None
    if offer is not None:
        lead = [*lead, turn.words("checkin.offer", text=Words.own(offer))]
    prefix = Tap.prefix(record.phase, record.date, question.id)
    turn.outgoing.append(
        flow.ask(
            question,
            prefix=prefix,
            answers=answers if answers is not None else flow.known(record, _morning(turn), ()),
            language=turn.language,
            controls=_controls(turn, prefix),
            readers=turn.words(f"checkin.readers_{question.readers}"),
            lead=lead,
            offer=turn.words("checkin.offer_button") if offer is not None else None,
        )
    )
    turn.change(
        pending=Pending(date=record.date, phase=record.phase, question=question.id, editing=editing, offer=offer)
    )


def _controls(turn: Turn, prefix: str) -> list[Choice]:
    """The three ways out that every question offers."""
    return [
        flow.control(turn.words("checkin.skip_button"), prefix, Command.SKIP),
        flow.control(turn.words("checkin.later_button"), prefix, Command.LATER),
        flow.control(turn.words("checkin.decline_button"), prefix, Command.DECLINE),
    ]


def pending_today(turn: Turn) -> Pending | None:
    """The waiting question; one of an earlier day waits no longer."""
    pending = turn.state.pending
    return pending if pending is not None and pending.date == turn.today else None


def _record(turn: Turn, phase: Phase) -> CheckInRecord:
    """Today's check-in of a phase, or a new one."""
    record = turn.records.get((turn.today, phase))
    if record is not None:
        return record
    if turn.person is None:
        raise ValueError("a check-in needs a person")
    return CheckInRecord(
        student_id=turn.person.id,
        date=turn.today,
        phase=phase,
        status=Status.OPEN,
        started_at=turn.now,
        updated_at=turn.now,
    )


def _left_open(turn: Turn) -> Phase | None:
    """The phase of the check-in that was begun last and not ended."""
    begun = [record for (day, _), record in turn.records.items() if day == turn.today and record.status is Status.OPEN]
    return max(begun, key=lambda record: record.updated_at).phase if begun else None


def _morning(turn: Turn) -> CheckInRecord | None:
    return turn.records.get((turn.today, Phase.ANTICIPATION))


async def _notes(turn: Turn, record: CheckInRecord) -> list[str]:
    """The notes that the evening shows at its start and its end; none are read in between."""
    script = script_of(turn, record.phase)
    at_start = not flow.answers_of(record)
    at_end = flow.next_question(script, record, flow.known(record, _morning(turn), ())) is None
    if record.phase is Phase.ANTICIPATION or not (at_start or at_end):
        return []
    async with turn.services.database.read() as connection:
        return await notes_of(connection, record.student_id, record.date)


def _local(turn: Turn, text: Mapping[str, str]) -> Words:
    return Words.of(flow.localised(text, turn.language))
