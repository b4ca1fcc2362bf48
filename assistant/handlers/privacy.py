"""ひみつ, 🔒: a child keeps an answer of today to themself, and may let go of it again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from assistant.checkins.model import Question
from assistant.dialogue import flow
from assistant.dialogue.turn import Turn
from assistant.dialogue.writes import SaveCheckIn
from assistant.handlers.checkin_steps import column_of, local, pending_today, record_of, script_of, start_button, store
from assistant.handlers.corrections import ask_again
from assistant.messages import Choice, Kind, Outgoing, Tone
from intents.commands import Command, find_command, find_kept
from knowledge.questions.model import Phase
from knowledge.records.checkins import SELF, CheckInRecord

PREFIX = "k"  # values of buttons: k/<phase>/<date>/<question>/<keep or share>
OFFERED = 8  # other answers that can be kept by a tap


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of today."""

    record: CheckInRecord
    question: Question

    @property
    def is_kept(self) -> bool:
        return self.record.is_kept(column_of(self.question))


async def on_private(turn: Turn) -> bool:
    """「ひみつ」 is about the answer that is being corrected, else about the last one; 「🔒 …」 is both at once.
    Words in need of help were looked for before: that never depends on who may read them."""
    if turn.person is None or not turn.person.is_student or turn.is_stale:
        return False
    if turn.incoming.kind is Kind.CHOICE:
        return await _tapped(turn, (turn.incoming.choice or "").split("/"))
    if turn.incoming.kind is not Kind.TEXT:
        return False
    command = find_command(turn.incoming.text)
    if command not in (Command.KEEP, Command.SHARE):
        return await _answered(turn)
    answer = _last(turn)
    if answer is None:
        if pending_today(turn) is None:
            turn.say("privacy.nothing_yet", [start_button(turn)])
        else:
            await ask_again(turn, lead=[turn.words("privacy.nothing_yet")])
    else:
        await _set(turn, answer, is_kept=command is Command.KEEP)
    return True


async def _tapped(turn: Turn, parts: list[str]) -> bool:
    if len(parts) != 5 or parts[0] != PREFIX:
        return False
    _, phase, day, id, wish = parts
    answer = next((each for each in _answers(turn) if (each.record.phase, each.question.id) == (phase, id)), None)
    if day != turn.today.isoformat() or answer is None:
        turn.say("checkin.that_day_is_over", [start_button(turn)])
    else:
        await _set(turn, answer, is_kept=wish == Command.KEEP)
    return True


async def _answered(turn: Turn) -> bool:
    """Whether it is an answer to the waiting question that is to be kept to oneself."""
    pending, text = pending_today(turn), find_kept(turn.incoming.text)
    if pending is None or text is None:
        return False
    record, question = record_of(turn, pending.phase), script_of(turn, pending.phase).question(pending.question)
    value = question and flow.read_answer(question, text, turn.language, turn.grade)
    if question is None or not isinstance(value, str):
        return False
    await store(turn, record.keep({*record.kept, column_of(question)}), question, value, editing=pending.editing)
    turn.outgoing.insert(0, Outgoing(text=turn.words("privacy.kept", name=local(turn, question.name))))
    return True


async def _set(turn: Turn, answer: Answer, *, is_kept: bool) -> None:
    column, record = column_of(answer.question), answer.record
    if record.visibility == SELF and not is_kept:  # all of it was: now the others are, one by one
        columns = {column_of(each.question) for each in _answers(turn) if each.record.phase is record.phase}
        record = replace(record.keep(columns), visibility="teacher")
    kept = {*record.kept, column} if is_kept else record.kept - {column}
    turn.writes.append(SaveCheckIn(record=replace(record.keep(kept), updated_at=turn.now)))
    said = turn.words(f"privacy.{'kept' if is_kept else 'shared'}", name=local(turn, answer.question.name))
    if pending_today(turn) is not None:
        await ask_again(turn, lead=[said])
        return
    back = _button(turn, answer, is_kept=not is_kept)
    others = [
        _button(turn, each, is_kept=True)
        for each in _answers(turn)
        if not each.is_kept and (each.record.phase, each.question.id) != (record.phase, answer.question.id)
    ]
    turn.outgoing.append(Outgoing(text=said, choices=(back, *others[-OFFERED:])))


def _button(turn: Turn, answer: Answer, *, is_kept: bool) -> Choice:
    name = local(turn, answer.question.name)
    label = turn.words(f"privacy.{'keep' if is_kept else 'share'}_button", name=name)
    wish = Command.KEEP if is_kept else Command.SHARE
    value = f"{PREFIX}/{answer.record.phase}/{turn.today.isoformat()}/{answer.question.id}/{wish}"
    return Choice(label=label, value=value, tone=Tone.CONTROL)


def _last(turn: Turn) -> Answer | None:
    """The answer that is being corrected, else the one before the waiting question, else the last of the check-in that
    changed last; None where nothing was answered today."""
    pending = pending_today(turn)
    answers = [*_answers(turn)]
    if pending is not None:
        script, own = script_of(turn, pending.phase), [each for each in answers if each.record.phase is pending.phase]
        current = next((each for each in own if each.question.id == pending.question), None)
        if pending.editing and current is not None:
            return current
        ids = [question.id for question in script.questions]
        if pending.question in ids:
            before = ids[: ids.index(pending.question)]
            answers = [each for each in own if each.question.id in before] or answers
    return max(reversed(answers), key=lambda each: each.record.updated_at, default=None)


def _answers(turn: Turn) -> Iterator[Answer]:
    """Today's answers, in the order in which they are asked."""
    for phase in Phase:
        record = turn.records.get((turn.today, phase))
        if record is not None:
            given = flow.answers_of(record)
            for question in script_of(turn, phase).questions:
                if question.id in given:
                    yield Answer(record=record, question=question)
