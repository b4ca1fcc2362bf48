"""直す: which of today's answers to correct, and the waiting question asked once more."""

from __future__ import annotations

from collections.abc import Sequence

from assistant.checkins.model import Question
from assistant.dialogue import flow
from assistant.dialogue.state import Pending
from assistant.dialogue.taps import Tap
from assistant.dialogue.turn import Turn
from assistant.handlers.checkin_steps import (
    ask,
    controls,
    go_on,
    local,
    pending_today,
    record_of,
    script_of,
    start_button,
)
from assistant.messages import Choice, Outgoing, Words
from assistant.wording.grade_fit import to_kana
from intents.normalise import fold
from knowledge.questions.model import Phase


async def ask_again(turn: Turn, lead: Sequence[Words] = ()) -> None:
    """Ask the waiting question once more; nothing where none waits."""
    pending = pending_today(turn)
    if pending is None:
        return
    record = record_of(turn, pending.phase)
    question = script_of(turn, pending.phase).question(pending.question)
    if pending.question == "":
        await choose_what_to_correct(turn, lead)
    elif question is None:
        await go_on(turn, record, lead=lead)
    else:
        await ask(turn, record, question, lead=lead, editing=pending.editing)


async def choose_what_to_correct(turn: Turn, lead: Sequence[Words] = ()) -> None:
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
    ways_out = controls(turn, Tap.prefix(newest, turn.today, ""))
    choices = [
        Choice(label=_correct_label(turn, phase, question), value=f"{Tap.prefix(phase, turn.today, '')}{question.id}")
        for phase, question in answered
    ]
    text = Words.join([*lead, turn.words("checkin.what_to_correct")], "\n")
    shown = choices[: flow.MAX_CHOICES - len(ways_out)]
    turn.outgoing.append(Outgoing(text=text, choices=(*shown, *ways_out)))


async def named_what_to_correct(turn: Turn) -> bool:
    """「めあて」, or the label of a button, typed instead of tapped."""
    wanted = fold(turn.incoming.text)
    for phase, question in _answered_today(turn):
        label = str(_correct_label(turn, phase, question))
        names = [label, to_kana(label, turn.grade), *question.name.values()]
        if wanted in map(fold, names):
            await ask(turn, record_of(turn, phase), question, editing=True)
            return True
    return False


async def tapped_what_to_correct(turn: Turn, tap: Tap) -> None:
    question = script_of(turn, tap.phase).question(tap.value)
    if question is None:
        await choose_what_to_correct(turn)
    else:
        await ask(turn, record_of(turn, tap.phase), question, editing=True)


def _answered_today(turn: Turn) -> list[tuple[Phase, Question]]:
    """Today's answered questions, those of the evening first."""
    return [
        (phase, question)
        for phase in reversed(Phase)
        for question in script_of(turn, phase).questions
        if question.id in flow.answers_of(turn.records.get((turn.today, phase)))
    ]


def _correct_label(turn: Turn, phase: Phase, question: Question) -> Words:
    return turn.words(f"checkin.correct_{phase}", name=local(turn, question.name))
