"""What the handlers of a check-in share: where it stands, and the step from one question to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from assistant.checkins.model import COLUMNS, PhaseScript, Question
from assistant.dialogue import flow
from assistant.dialogue.state import Pending
from assistant.dialogue.taps import Tap
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import SaveCheckIn
from assistant.handlers.suggesting import with_next_step
from assistant.messages import Choice, Outgoing, Tone, Words
from intents.commands import Command
from knowledge.questions.model import Phase
from knowledge.records.checkins import CheckInRecord, Status, notes_of

NOON = 12  # o'clock: before it the check-in of the hour is the morning's (questions.md)


def offer_to_talk(turn: Turn) -> Choice:
    """The quiet button at the end of a check-in: it asks nothing."""
    return turn.button("wishes.offer_button", "!talk", Tone.CONTROL)


def start_button(turn: Turn) -> Choice:
    return turn.button("checkin.start_button", "!start")


def phase_of_the_hour(turn: Turn) -> Phase:
    return Phase.ANTICIPATION if turn.now.hour < NOON else Phase.REFLECTION


def script_of(turn: Turn, phase: Phase) -> PhaseScript:
    """The questions that fit the student's grade and school, and whether the day is one of learning at home."""
    person = turn.person
    if person is None:
        raise ValueError("a check-in needs a person")
    script = turn.services.scripts.of(person.grade or "P1", person.school_id).phase(phase)
    return script.at_home if turn.is_remote else script


def pending_today(turn: Turn) -> Pending | None:
    """The waiting question, also one that was put off until now; one of an earlier day waits no longer."""
    pending, put_off = turn.state.pending, turn.state.put_off
    if pending is None and put_off is not None and put_off.until <= turn.now:
        pending = put_off.pending
    return pending if pending is not None and pending.date == turn.today else None


def put_off_today(turn: Turn) -> Phase | None:
    """The phase whose check-in was put off."""
    put_off = turn.state.put_off
    return put_off.pending.phase if put_off is not None and put_off.pending.date == turn.today else None


def record_of(turn: Turn, phase: Phase) -> CheckInRecord:
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


def left_open(turn: Turn) -> Phase | None:
    """The phase of the check-in that was begun last and not ended."""
    begun = [record for (day, _), record in turn.records.items() if day == turn.today and record.status is Status.OPEN]
    return max(begun, key=lambda record: record.updated_at).phase if begun else None


def morning_of(turn: Turn) -> CheckInRecord | None:
    return turn.records.get((turn.today, Phase.ANTICIPATION))


def local(turn: Turn, text: Mapping[str, str]) -> Words:
    return Words.of(flow.localised(text, turn.language))


def controls(turn: Turn, prefix: str) -> list[Choice]:
    """The three ways out that every question offers."""
    return [
        flow.control(turn.words("checkin.skip_button"), prefix, Command.SKIP),
        flow.control(turn.words("checkin.later_button"), prefix, Command.LATER),
        flow.control(turn.words("checkin.decline_button"), prefix, Command.DECLINE),
    ]


async def go_on(turn: Turn, record: CheckInRecord, *, lead: Sequence[Words] = (), changed: bool = False) -> None:
    """Ask the next question, or end the check-in; store the record where it is new or changed."""
    script = script_of(turn, record.phase)
    is_new = (record.date, record.phase) not in turn.records
    notes = await notes_of_day(turn, record)
    answers = flow.known(record, morning_of(turn), notes)
    question = flow.next_question(script, record, answers)
    if question is None:
        if record.status is not Status.FINISHED:
            record, changed = flow.finished(record, turn.now), True
        turn.change(pending=None)
        ending = Outgoing(
            text=Words.join([*lead, flow.closing(script, record, answers, turn.language)], "\n"),
            choices=(offer_to_talk(turn),),
        )
        is_reflected = record.phase is Phase.REFLECTION and changed
        turn.outgoing.append(await with_next_step(turn, ending) if is_reflected else ending)
    else:
        if notes and not flow.answers_of(record):
            listed = Words.join([Words((*Words.of("・").spans, *Words.own(note).spans)) for note in notes], "\n")
            lead = [*lead, turn.words("checkin.notes_of_today", notes=listed)]
        await ask(turn, record, question, lead=lead, answers=answers)
    if changed or is_new:
        turn.writes.append(SaveCheckIn(record=record))


async def ask(
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
            answers=answers if answers is not None else flow.known(record, morning_of(turn), ()),
            language=turn.language,
            controls=controls(turn, prefix),
            readers=turn.words(f"checkin.readers_{question.readers}"),
            lead=lead,
            offer=turn.words("checkin.offer_button") if offer is not None else None,
        )
    )
    turn.change(
        pending=Pending(date=record.date, phase=record.phase, question=question.id, editing=editing, offer=offer)
    )


async def store(turn: Turn, record: CheckInRecord, question: Question, value: str, *, editing: bool) -> None:
    """Keep an answer, then ask on, or close. A correction of what was finished asks nothing new."""
    was_answered = question.id in flow.answers_of(record)
    record = with_answer(turn, record, question, value)
    option = question.option(value)
    lead = [local(turn, option.reply)] if option and option.reply else []
    if editing and was_answered:
        shown = local(turn, option.label) if option else Words.own(value)
        lead = [turn.words("checkin.corrected", name=local(turn, question.name), value=shown)]
    if editing and record.status is not Status.OPEN:
        turn.writes.append(SaveCheckIn(record=record))
        turn.change(pending=None)
        turn.outgoing.append(Outgoing(text=lead[0] if lead else turn.words("checkin.kept")))
        return
    await go_on(turn, record, lead=lead, changed=True)


def with_answer(turn: Turn, record: CheckInRecord, question: Question, value: str) -> CheckInRecord:
    record = flow.with_answer(flow.without_skip(record, question.id), question.id, value, turn.now)
    return record.keep({*record.kept, column_of(question)}) if question.readers == "self" else record


def is_kept(turn: Turn, phase: Phase, question: Question) -> bool:
    """Whether the child keeps today's answer to themself."""
    record = turn.records.get((turn.today, phase))
    return record is not None and record.is_kept(column_of(question))


def column_of(question: Question) -> str:
    """What an answer is called where it is stored."""
    return COLUMNS.get(question.id, question.id)


async def notes_of_day(turn: Turn, record: CheckInRecord) -> list[str]:
    """The notes that the evening shows at its start and its end; none are read in between."""
    if record.phase is Phase.ANTICIPATION:
        return []
    script = script_of(turn, record.phase)
    at_start = not flow.answers_of(record)
    at_end = flow.next_question(script, record, flow.known(record, morning_of(turn), ())) is None
    if not (at_start or at_end):
        return []
    async with turn.services.database.read() as connection:
        return await notes_of(connection, record.student_id, record.date)
