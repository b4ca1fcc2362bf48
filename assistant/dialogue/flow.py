"""The check-in as a walk over data: which question comes next, what an answer means, how it ends. Pure functions."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from assistant.checkins.model import COLUMNS, MISSING, Closing, PhaseScript, Question
from assistant.messages import Choice, Outgoing, Tone, Words
from assistant.wording.grade_fit import to_kana
from assistant.wording.texts import fill
from intents.normalise import fold
from knowledge.questions.model import Phase
from knowledge.records import depth, goals
from knowledge.records.checkins import CheckInRecord, Status

SKIPPED = "_skipped"  # in ``extra``: ids of questions that the child passed over
CARRIED = ("goal", "plan")  # the morning's answers that the evening speaks of
MAX_CHOICES = 13  # what LINE shows under one message
OFFER = "offer"  # the value of a tap on the text of the child's own that was offered


@dataclass(frozen=True, kw_only=True)
class TooLong:
    """A typed answer over the question's limit."""

    limit: int  # characters


def answers_of(record: CheckInRecord | None) -> dict[str, str]:
    """The answers of a check-in by question id; {} without one."""
    if record is None:
        return {}
    found = {question: getattr(record, column) for question, column in COLUMNS.items()}
    found |= {key: value for key, value in record.extra.items() if key != SKIPPED}
    return {key: str(value) for key, value in found.items() if value is not None}


def known(record: CheckInRecord, morning: CheckInRecord | None, notes: Sequence[str]) -> dict[str, str]:
    """Everything conditions and closing words may speak of: the evening knows the morning's goal and the notes."""
    found = answers_of(record)
    if record.phase is Phase.REFLECTION:
        before = answers_of(morning)
        found = {key: before[key] for key in CARRIED if key in before} | found
        if notes:
            found |= {"notes": "\n".join(notes), "note": notes[-1]}
    return found


def with_answer(record: CheckInRecord, question_id: str, value: str, now: datetime) -> CheckInRecord:
    """The record with one answer more, or changed."""
    record = replace(record, updated_at=now)
    if question_id in COLUMNS:
        return replace(record, **{COLUMNS[question_id]: int(value) if question_id == "confidence" else value})
    return replace(record, extra={**record.extra, question_id: value})


def with_skip(record: CheckInRecord, question_id: str, now: datetime) -> CheckInRecord:
    """The record with one question passed over."""
    skipped = [*record.extra.get(SKIPPED, []), question_id]
    return replace(record, updated_at=now, extra={**record.extra, SKIPPED: skipped})


def without_skip(record: CheckInRecord, question_id: str) -> CheckInRecord:
    """The record with a question open again."""
    skipped = [each for each in record.extra.get(SKIPPED, []) if each != question_id]
    return replace(record, extra={**record.extra, SKIPPED: skipped})


def holds(when: Mapping[str, Sequence[str] | str], answers: Mapping[str, str]) -> bool:
    """Whether every named answer is given, or among those listed. No condition always holds."""
    return all(key in answers and (allowed == "given" or answers[key] in allowed) for key, allowed in when.items())


def next_question(script: PhaseScript, record: CheckInRecord, answers: Mapping[str, str]) -> Question | None:
    """The first question that is neither answered nor skipped and whose condition holds; None at the end."""
    own, skipped = answers_of(record), record.extra.get(SKIPPED, [])
    return next(
        (q for q in script.questions if q.id not in own and q.id not in skipped and holds(q.when, answers)), None
    )


def previous_question(script: PhaseScript, record: CheckInRecord, current: str) -> Question | None:
    """The last question before ``current`` that was answered or skipped; None at the beginning."""
    own, skipped = answers_of(record), record.extra.get(SKIPPED, [])
    ids = [question.id for question in script.questions]
    before = script.questions[: ids.index(current)] if current in ids else script.questions
    return next((q for q in reversed(before) if q.id in own or q.id in skipped), None)


def read_answer(
    question: Question, text: str, language: str, grade: str | None, offer: str | None = None
) -> str | TooLong | None:
    """What a typed or tapped text answers: an option's value, or the text itself. None: it answers nothing. Labels
    count in every language, and in the kana that a child of ``grade`` was shown."""
    text = text.strip()
    wanted = fold(text)
    number = _number(text)
    if question.kind != "text":
        for option in question.options:
            fitted = (to_kana(label, grade) for label in option.label.values())
            if text == option.value or wanted in map(fold, [*option.label.values(), *fitted, *option.also]):
                return option.value
        if number is not None and question.kind != "scale" and 1 <= number <= len(question.options):
            return question.options[number - 1].value
        return None
    offers = [*([offer] if offer else []), *suggestions_of(question, language, grade)]
    if number is not None and 1 <= number <= len(offers):
        return offers[number - 1]
    if len(text) > question.max_length:
        return TooLong(limit=question.max_length)
    return text or None


def tapped_answer(question: Question, value: str, language: str, grade: str | None, offer: str | None) -> str | None:
    """What the value behind a button answers; None for a value the question does not have."""
    if question.kind != "text":
        return value if question.option(value) else None
    if value == OFFER:
        return offer
    suggested = suggestions_of(question, language, grade)
    if value.startswith("s") and value[1:].isdigit() and int(value[1:]) < len(suggested):
        return suggested[int(value[1:])]
    return None


def suggestions_of(question: Question, language: str, grade: str | None) -> list[str]:
    """The texts to tap, spelt as the child sees them: a tap makes them the child's own words."""
    return [to_kana(localised(suggestion, language), grade) for suggestion in question.suggestions]


def ask(
    question: Question,
    *,
    prefix: str,
    answers: Mapping[str, str],
    language: str,
    controls: Sequence[Choice],
    readers: Words,
    lead: Sequence[Words] = (),
    offer: Words | None = None,
) -> Outgoing:
    """The message that asks ``question``. ``prefix`` goes before each choice's value, so that a tap names what it
    answers; ``lead`` is said before; ``offer`` is the label of a text of the child's own."""
    choices = [
        Choice(label=Words.of(localised(option.label, language)), value=f"{prefix}{option.value}")
        for option in question.options
    ]
    if offer is not None:
        choices.append(Choice(label=offer, value=f"{prefix}{OFFER}"))
    choices += [
        Choice(label=Words.of(localised(suggestion, language)), value=f"{prefix}s{index}")
        for index, suggestion in enumerate(question.suggestions)
    ]
    return Outgoing(
        text=Words.join([*lead, fill(localised(question.ask, language), quoted(answers))], "\n"),
        aside=readers,
        choices=(*choices, *controls),
    )


def closing(script: PhaseScript, record: CheckInRecord, answers: Mapping[str, str], language: str) -> Words:
    """The last words: one thing noticed, one word on the process, a hint where the text could say more, one next step.
    Hints of the same point take turns by the day."""
    said = quoted(answers)
    hints = [part for part in script.hint if holds(part.when, {**answers, MISSING: missing_point(record)})]
    parts = [
        _first(script.noticed, answers, language),
        _first(script.process, answers, language),
        localised(hints[record.date.toordinal() % len(hints)].say, language) if hints else None,
        _first(script.ahead, answers, language),
    ]
    return Words.join([fill(part, said) for part in parts if part is not None], "\n")


def missing_point(record: CheckInRecord) -> str:
    """The first point of its rubric that the goal, or the reflection, does not have yet; "" where it has all of them,
    or where the child wrote nothing that could say more."""
    if record.phase is Phase.ANTICIPATION:
        points, seen = goals.POINTS, goals.seen_in(record.goal, record.plan)
    else:
        points, seen = depth.POINTS, depth.seen_in(record.went_well, record.difficult, record.next_step)
    return next((point for point in points if point not in seen), "") if seen else ""


def quoted(answers: Mapping[str, str]) -> dict[str, Words]:
    """Answers as the child's own words, to be put into texts unaltered."""
    return {key: Words.own(value) for key, value in answers.items()}


def finished(record: CheckInRecord, now: datetime) -> CheckInRecord:
    return replace(record, status=Status.FINISHED, answered_at=now, updated_at=now)


def declined(record: CheckInRecord, now: datetime) -> CheckInRecord:
    return replace(record, status=Status.DECLINED, answered_at=now, updated_at=now)


def control(label: Words, prefix: str, command: str) -> Choice:
    """とばす, あとで, 今日は答えない: beside the answers."""
    return Choice(label=label, value=f"{prefix}!{command}", tone=Tone.CONTROL)


def _first(parts: Sequence[Closing], answers: Mapping[str, str], language: str) -> str | None:
    return next((localised(part.say, language) for part in parts if holds(part.when, answers)), None)


def localised(text: Mapping[Any, str], language: str) -> str:
    """A text in the language, else in Japanese: a school's own script may have one language only."""
    return text.get(language) or text["ja"]


def _number(text: str) -> int | None:
    plain = unicodedata.normalize("NFKC", text).strip()
    return int(plain) if plain.isdecimal() and len(plain) <= 2 else None
