"""Answers of the data store in words: the figure first, then the names, with period and counts."""

from __future__ import annotations

from assistant.messages import Words
from assistant.wording.texts import Speaker
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import Answer, Question, Reason, Shape, Status

NAMES_SHOWN = 40  # a whole class; beyond it the rest is counted, never cut silently


def word(answer: Answer, speaker: Speaker) -> Words:
    """The answer as a person reads it; names stay as they are written."""
    question = answer.question
    match answer.status:
        case Status.REFUSED:
            student = speaker.band not in ("staff", "guardian")
            return speaker.say("answers.refused_student" if student else "answers.refused")
        case Status.EMPTY if question is not None:
            return _about(speaker, f"answers.{answer.reason or Reason.NO_RECORDS}", question)
        case Status.CLARIFY if question is not None and question.metric is not None:
            metric = catalogue()[question.metric].name[speaker.language]
            return _about(speaker, "answers.confirm", question, metric=metric)
        case Status.ANSWERED if question is not None:
            return _answered(answer, question, speaker)
        case Status.CLARIFY:
            options = ", ".join(option.label for option in answer.options)
            return speaker.say("answers.clarify", options=Words.own(options))
        case _:
            return speaker.say("answers.future" if answer.reason is Reason.FUTURE else "answers.unsupported")


def _answered(answer: Answer, question: Question, speaker: Speaker) -> Words:
    one_day = question.period.start == question.period.end
    counts = Words.join(
        [
            speaker.say(
                "answers.count" if one_day else "answers.count_days",
                phase=speaker.say(f"answers.phase_{count.phase}"),
                answered=count.answered,
                expected=count.expected,
            )
            for count in answer.counts
        ],
        "、" if speaker.language == "ja" else ", ",
    )
    if question.shape is Shape.VALUE:
        value = f"{answer.value:.1f}" if answer.value is not None else "–"
        return _about(speaker, "answers.rate", question, value=value, n=answer.n, counts=counts)
    if not answer.rows:
        return _about(speaker, "answers.missing_none", question, counts=counts)
    key = "answers.missing_name" if one_day else "answers.missing_name_days"
    names = [
        speaker.say(key, name=Words.own(row.label), days=f"{row.value:g}" if isinstance(row.value, float | int) else "")
        for row in answer.rows[:NAMES_SHOWN]
    ]
    if len(answer.rows) > NAMES_SHOWN:
        names.append(speaker.say("answers.names_more", count=len(answer.rows) - NAMES_SHOWN))
    listed = Words.join(names, "、" if speaker.language == "ja" else ", ")
    return _about(speaker, "answers.missing", question, count=len(answer.rows), counts=counts, names=listed)


def _about(speaker: Speaker, key: str, question: Question, **args: object) -> Words:
    return speaker.say(key, scope=Words.own(question.scope.label), period=question.period.label, **args)
