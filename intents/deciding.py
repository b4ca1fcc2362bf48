"""What the parts of a text amount to: one typed question, several to choose from, or none; and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from itertools import pairwise
from typing import Literal

from intents.comparisons import Comparison, find_comparison
from intents.context import Previous
from intents.followups import Carried
from intents.forms import SUMMED, Form, find_form
from intents.hearing import Heard
from intents.matters import Matter, find_matters
from intents.names import find_strangers, names_somebody
from intents.periods import named_period
from intents.residue import leftover
from intents.whom import Whom, find_whom, widened
from knowledge.questions.model import (
    GroupBy,
    Metric,
    Operator,
    Period,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Vocabulary,
)

NOBODY = Scope(kind=ScopeKind.CLASS, ids=(), label="")
# the period a figure is asked of when no time was named (questions.md); all others: this week
WITHOUT_LIMIT = frozenset({Metric.TALK_REQUESTS, Metric.AWAITING_REPLY})
OF_THE_YEAR = frozenset(
    {
        Metric.ABSENT_DAYS,
        Metric.LATE_COUNT,
        Metric.EARLY_LEAVE_COUNT,
        Metric.ATTENDANCE_RATE,
        Metric.NURSE_VISITS,
        Metric.OBSERVATIONS,
        Metric.ASSESSMENT_SCORE,
    }
)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a text was taken to ask. With ``confirm`` the question is shown and asked about, never answered at once."""

    question: Question | None  # None: about the future, impossible, or one of ``choices``
    confidence: Literal["clear", "confirm"]
    leftover: tuple[str, ...] = ()  # content words that no rule explained
    choices: tuple[Question, ...] = ()  # the questions the text may mean: ask which
    about: Literal["scope", "metric", "period", "second"] | None = None  # what was unclear, to be put right by a tap
    outside: str | None = None  # a class, grade, school or person that was named and that the asker's schools have not
    others: bool = False  # a student or guardian named somebody else: refused, whether they exist or not
    future: bool = False  # it asks about days to come
    impossible: str | None = None  # a day that does not exist (2月30日), a threshold without a number (以上)
    second: bool = False  # two questions in one message: this is the first


@dataclass(frozen=True, kw_only=True)
class Asker:
    """Who asks, when, and after what."""

    vocabulary: Vocabulary
    today: date
    previous: Previous | None


def decide(heard: Heard, asker: Asker, carried: Carried) -> Reading | None:
    """What the parts amount to; None when no figure, text or overview is asked for."""
    reader, lexicon, vocabulary = heard.reader, heard.lexicon, asker.vocabulary
    matters = find_matters(heard, vocabulary)
    if not matters:
        return None
    if heard.periods.impossible is not None:
        return Reading(question=None, confidence="confirm", impossible=heard.periods.impossible, about="period")
    comparison = find_comparison(heard, vocabulary, asker.today)
    if comparison is not None and comparison.periods:
        matters = tuple(_of_mood(matter) for matter in matters)
    whom = _whom(heard, asker, carried, comparison, matters[0])
    questions: list[tuple[Question, ...]] = []
    if _leaves_out(heard):
        return None  # somebody is left out: nothing here counts so, and without that word it is another question
    doubtful = whom.between or _of_subjects(comparison)
    for matter in matters:
        form = _form(heard, matter, whom, comparison)
        subject, subject_open = _subject(heard, matter, comparison)
        form = replace(form, group_by=GroupBy.SUBJECT, shape=Shape.BREAKDOWN) if _of_subjects(comparison) else form
        doubtful = doubtful or form.doubtful or subject_open
        questions.append(tuple(_questions(heard, asker, carried, comparison, whom, matter, form, subject)))
        if matter.single_day and (each := questions[-1][0].period) and each.start != each.end:
            doubtful = True
    bare = next(reader.unclaimed(lexicon.words["bare"]), None)
    if bare is not None and (heard.asks or heard.said & {"listing", "each", "count"}):
        return Reading(question=None, confidence="confirm", impossible=bare[0], about="metric")
    strangers = find_strangers(reader, lexicon)
    reader.has(lexicon.words["fillers"])
    if asker.previous is not None:
        reader.take(lexicon.words["carried"])
    return _judged(
        heard, matters, whom, questions, doubtful=doubtful, compared=comparison is not None, strangers=strangers
    )


def _judged(
    heard: Heard,
    matters: tuple[Matter, ...],
    whom: Whom,
    questions: list[tuple[Question, ...]],
    *,
    doubtful: bool,
    compared: bool,
    strangers: tuple[str, ...],
) -> Reading | None:
    """How sure the reading is, by what is left over."""
    reader, lexicon = heard.reader, heard.lexicon
    left = leftover(reader, lexicon).words
    strong = any(matter.strong for matter in matters) or compared
    if heard.of_board and (strangers or (left and _names_student(heard))):
        return Reading(question=None, confidence="confirm", others=True)
    if heard.is_child:
        if (
            lexicon.names.others.search(reader.folded)
            or strangers
            or (whom.outside and heard.sides[0].scopes[0].kind is ScopeKind.STUDENT)
            or (left and names_somebody(reader, lexicon))
        ):
            return Reading(question=None, confidence="confirm", others=True)
        if not heard.asks and not strong:
            return None
    if left and (not strong or any(lexicon.words["negations"].fullmatch(word) for word in left)):
        return None
    if heard.periods.future:
        asked = heard.asks or strong
        return Reading(question=None, confidence="clear", future=True) if asked and not left else None
    alternatives = [question for each in questions for question in each]
    outside = whom.outside
    if strangers:
        outside = strangers[0]
        nobody = Scope(kind=ScopeKind.STUDENT, ids=(), label=outside)
        alternatives = [replace(question, scope=nobody, compare=()) for question in alternatives[:1]]
    about = None
    if len(alternatives) > 1:
        about = "metric" if len(questions) > 1 else "scope" if len(whom.alternatives) > 1 else "period"
        if len(questions) == 1 and len(whom.alternatives) == 1 and len({each.subject for each in alternatives}) > 1:
            about = "metric"
        return Reading(
            question=None,
            confidence="confirm" if left or doubtful or about != "scope" else "clear",
            leftover=left,
            choices=tuple(dict.fromkeys(alternatives)),
            about=about,
            outside=outside,
        )
    return Reading(
        question=alternatives[0],
        confidence="confirm" if left or doubtful else "clear",
        leftover=left,
        outside=outside,
    )


def _names_student(heard: Heard) -> bool:
    """Whether words that nothing explained name a person: 佐藤花; in Latin letters two with capitals."""
    reader, lexicon = heard.reader, heard.lexicon
    if reader.language == "ja":
        return names_somebody(reader, lexicon)
    capitals = [word for word in leftover(reader, lexicon).people if word.lower() not in lexicon.names.not_people]
    return any(f"{one} {other}" in reader.typed for one, other in pairwise(capitals))


def _whom(heard: Heard, asker: Asker, carried: Carried, comparison: Comparison | None, matter: Matter) -> Whom:
    vocabulary = asker.vocabulary
    lists = matter.lists_children or "listing" in heard.said
    if heard.is_child and lists and not heard.sides:
        return Whom(alternatives=((NOBODY,),))  # a child asking who: about others, never answered
    scope = carried.scope
    if scope is None and not heard.sides:
        scope = widened(heard.group, vocabulary)
    return find_whom(
        heard,
        vocabulary,
        carried=scope,
        sides_compared=comparison is not None and comparison.of_sides,
        with_default=comparison is not None and comparison.with_default,
    )


def _form(heard: Heard, matter: Matter, whom: Whom, comparison: Comparison | None) -> Form:
    if matter.named is None:
        return Form(shape=matter.shape or Shape.OVERVIEW, doubtful=comparison is not None or heard.group is not None)
    of_one_student = all(len(sides) == 1 and sides[0].kind is ScopeKind.STUDENT for sides in whom.alternatives)
    comparing = comparison is not None and not comparison.of_subjects
    form = find_form(heard, matter.named, of_one_student=of_one_student, comparing=comparing)
    entry = heard.lexicon.metrics.get(matter.named.metric)
    mixed = any(len({side.kind for side in sides}) > 1 for sides in whom.alternatives)
    if mixed and entry is not None and entry.unit in SUMMED:
        form = replace(form, doubtful=True)  # one child's sum beside that of a class
    if matter.shape is Shape.STUDENTS:  # missing, or handed in
        extra = matter.single_day and form.order is not None
        extra = extra or form.condition is not None or form.shape not in (Shape.VALUE, Shape.STUDENTS)
        return Form(
            shape=Shape.STUDENTS,
            condition=matter.condition,
            order=form.order,
            limit=form.limit,
            doubtful=extra,
        )
    if matter.shape is not None:
        return replace(form, shape=matter.shape, condition=None)
    of_list = all(len(sides) == 1 and sides[0].kind is ScopeKind.LIST for sides in whom.alternatives)
    if form.shape is Shape.VALUE and of_list:
        return replace(form, shape=Shape.STUDENTS)
    if form.shape is Shape.STUDENTS and heard.said >= {"count", "rate"} and form.condition is None:
        return replace(form, shape=Shape.VALUE, doubtful=False)
    return form


def _of_mood(matter: Matter) -> Matter:
    """「昨日より気分は良くなった?」 compares the mood of two times; the change of mood is of one."""
    if matter.named is None or matter.named.metric is not Metric.MOOD_CHANGE:
        return matter
    return replace(matter, named=replace(matter.named, metric=Metric.MOOD, condition=None))


def _subject(heard: Heard, matter: Matter, comparison: Comparison | None) -> tuple[tuple[str | None, ...], bool]:
    """The subjects asked about, their words claimed where the figure has subjects; and whether that stays open."""
    entry = heard.lexicon.metrics.get(matter.named.metric) if matter.named is not None else None
    has_subjects = (entry is not None and entry.by_subject) or matter.shape is Shape.TEXTS
    if not heard.subjects or not has_subjects:
        return (None,), False
    for named in heard.subjects:
        heard.reader.claim(named.match)
    if _of_subjects(comparison):
        return (None,), False
    return tuple(dict.fromkeys(named.subject for named in heard.subjects)), False


def _leaves_out(heard: Heard) -> bool:
    """Whether somebody named is said to be left out: 佐藤さん以外, without Sato."""
    text, leaves = heard.reader.folded, heard.lexicon.words["except"]
    if heard.reader.language == "ja":
        return any(leaves.match(text, side.end) for side in heard.sides)
    return any(
        match.end() == len(text[: side.start].rstrip()) for side in heard.sides for match in leaves.finditer(text)
    )


def _of_subjects(comparison: Comparison | None) -> bool:
    return comparison is not None and comparison.of_subjects


def _questions(
    heard: Heard,
    asker: Asker,
    carried: Carried,
    comparison: Comparison | None,
    whom: Whom,
    matter: Matter,
    form: Form,
    subjects: tuple[str | None, ...],
) -> list[Question]:
    periods = heard.periods.periods
    compared = comparison.periods if comparison is not None else ()
    times: tuple[Period | None, ...] = (compared[0],) if compared else periods or (carried.period,)
    found: list[Question] = []
    for sides in whom.alternatives:
        for subject in subjects:
            for period in times:
                found.append(
                    Question(
                        metric=matter.named.metric if matter.named is not None else None,
                        shape=form.shape,
                        phase=matter.phase,
                        subject=subject,
                        scope=sides[0],
                        period=period or default_period(matter, form, heard.reader.language, asker.today),
                        condition=form.condition,
                        compare=(*compared[1:], *sides[1:]),
                        group_by=form.group_by,
                        order=form.order,
                        limit=form.limit,
                        title=heard.title if _has_titles(matter) else None,
                        has_period=period is not None,
                    )
                )
    return found


def default_period(matter: Matter, form: Form, language: str, today: date) -> Period:
    """The period of a question that names none (questions.md)."""
    metric = matter.named.metric if matter.named is not None else None
    missing = form.condition is not None and form.condition.op is Operator.MISSING
    if missing or matter.single_day:
        name = "today"
    elif metric in WITHOUT_LIMIT:
        name = "always"
    else:
        name = "school_year" if metric in OF_THE_YEAR else "this_week"
    return named_period(name, language, today)


def _has_titles(matter: Matter) -> bool:
    return matter.named is not None and matter.named.metric is Metric.ASSESSMENT_SCORE
