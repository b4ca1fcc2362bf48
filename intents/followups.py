"""What carries over from the question before: じゃあ先月は?, 3組は?, その子たちの出席は?, 逆に高い順で, 花さんです."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from intents.comparisons import find_comparison
from intents.context import Previous
from intents.forms import COUNTED, SUMMED, find_order
from intents.hearing import Heard
from intents.scopes import union
from intents.topics import RATE_OF, NamedMetric
from knowledge.questions.model import (
    Condition,
    GroupBy,
    Operator,
    Order,
    Period,
    Question,
    Scope,
    ScopeKind,
    Shape,
    Vocabulary,
)

LONGEST_BARE = 14  # characters of 「遅刻は?」, which asks the same of another figure


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What a question that names its figure takes from the one before."""

    scope: Scope | None = None
    period: Period | None = None


def choose(heard: Heard, previous: Previous) -> Question | None:
    """Which of the questions it was asked between the text names (「佐藤花さんです」); None when not exactly one."""
    left = list(previous.choices)
    if not left:
        return None
    named = False
    if heard.sides:
        ids = {scope.ids for side in heard.sides for scope in side.scopes}
        left, named = [each for each in left if each.scope.ids in ids], True
    if heard.periods.periods:
        days = {(period.start, period.end) for period in heard.periods.periods}
        left, named = [each for each in left if (each.period.start, each.period.end) in days], True
    metrics = {each.metric for each in heard.metrics} | {RATE_OF[phase] for phase in heard.phases if not heard.metrics}
    if metrics:
        left, named = [each for each in left if each.metric in metrics], True
    elif heard.said & {"rate", "submission"}:  # 「今週の提出率は？」 is none of two ways to read 所見
        left = [each for each in left if each.metric in RATE_OF.values()]
    if heard.subjects:
        subjects = {each.subject for each in heard.subjects}
        left, named = [each for each in left if each.subject in subjects], True
    if not named or len(left) != 1:
        return None
    for subject in heard.subjects:
        heard.reader.claim(subject.match)
    _claim_small_words(heard)
    return left[0]


def carry(heard: Heard, previous: Previous, vocabulary: Vocabulary) -> Carried:
    """Scope and time for a question that names a figure and leans on the one before for the rest."""
    base, said = previous.question, heard.said
    scope: Scope | None = None
    if "those" in said and not heard.sides:
        scope = previous.students or (base.scope if base and base.scope.kind is ScopeKind.STUDENT else None)
    elif "same_class" in said and base is not None:
        scope = _class_of(base.scope, vocabulary)
    elif base is not None and not heard.sides and (heard.connector or _is_bare(heard)):
        scope = base.scope
    if scope is None and previous.students is not None and _too(heard):
        scope = previous.students
    leans = bool(said & {"those", "same_class", "same_period"}) or heard.connector or _is_bare(heard)
    leans = leans and not heard.periods.periods
    period = base.period if base is not None and leans and base.has_period else None
    return Carried(scope=scope, period=period)


def amend(heard: Heard, previous: Previous, vocabulary: Vocabulary, today: date) -> Question | None:
    """The question before with the parts the text names; None when the text names a figure itself, or no part."""
    base = previous.question
    if base is None or heard.metrics or heard.checkins or heard.periods.future or heard.periods.impossible:
        return None
    if "missing" in heard.said and "listing" in heard.said and base.phase is not None and not heard.is_named:
        _claim_small_words(heard)  # 「めあては?」「誰が出していない?」
        missing = Condition(op=Operator.MISSING)
        return replace(_flat(base), metric=RATE_OF[base.phase], shape=Shape.STUDENTS, condition=missing, subject=None)
    if heard.said & {"missing", "rate", "done", "submission", "count"} or len(heard.periods.periods) > 1:
        return None
    question = base
    if (comparison := find_comparison(heard, vocabulary, today)) is not None:
        scopes = tuple(_scopes(heard))
        others = heard.periods.periods[:1] or scopes[:1]
        if comparison.of_sides and not comparison.with_default:
            base, others = replace(base, scope=scopes[0]), scopes[1:]
        if base.scope in others or any(len(side.scopes) > 1 or side.outside for side in heard.sides):
            return None
        entry = heard.lexicon.metrics.get(base.metric) if base.metric is not None else None
        kinds = {side.kind for side in (base.scope, *others) if isinstance(side, Scope)}
        if len(kinds) > 1 and entry is not None and entry.unit in SUMMED:
            return None  # one child's sum beside that of a class
        same = others == (base.period,) and bool(comparison.periods)
        period = comparison.periods[0] if same else base.period
        question = replace(_flat(base), shape=Shape.COMPARE, period=period, has_period=True, compare=others)
    else:
        question = _with_whom(question, heard, previous, vocabulary)
        if question is not None and heard.periods.periods:
            question = replace(_unpaired(question, Period), period=heard.periods.periods[0], has_period=True)
        question = question and _with_form(_with_subject(question, heard), heard)
    if question is None or question == base or (heard.phases and question.phase not in heard.phases):
        return None
    _claim_small_words(heard)
    return question


def _with_whom(base: Question, heard: Heard, previous: Previous, vocabulary: Vocabulary) -> Question | None:
    scope: Scope | None = None
    if heard.sides:
        if any(len(side.scopes) != 1 or side.outside for side in heard.sides):
            return None
        scopes = [*_scopes(heard)]
        if len({each.kind for each in scopes}) > 1:
            return None
        scope = union(scopes, heard.lexicon.join)
    elif "those" in heard.said:
        scope = previous.students
    elif "same_class" in heard.said:
        scope = _class_of(base.scope, vocabulary)
    return base if scope is None else asked_of(base, scope)


def asked_of(base: Question, scope: Scope) -> Question:
    """The same question of somebody else; of one student a figure, where it was a list."""
    question = replace(_unpaired(base, Scope), scope=scope)
    missing = base.condition is not None and base.condition.op is Operator.MISSING
    if scope.kind is ScopeKind.STUDENT and base.shape in (Shape.STUDENTS, Shape.BREAKDOWN) and not missing:
        return replace(_flat(question), shape=Shape.VALUE)
    return question


def _with_subject(question: Question, heard: Heard) -> Question:
    if question.metric is None or len({each.subject for each in heard.subjects}) != 1:
        if len(heard.phases) == 1 and (question.metric in RATE_OF.values() or question.shape is Shape.TEXTS):
            phase = next(iter(heard.phases))
            return replace(question, phase=phase, metric=RATE_OF[phase] if question.metric else None)
        return question
    words = heard.lexicon.metrics.get(question.metric)
    if words is None or not words.by_subject or question.group_by is GroupBy.SUBJECT:
        return question
    for subject in heard.subjects:
        heard.reader.claim(subject.match)
    return replace(question, subject=heard.subjects[0].subject)


def _with_form(question: Question, heard: Heard) -> Question:
    metric = question.metric
    if metric is None:
        return question
    reader, words = heard.reader, heard.lexicon.words
    entry = heard.lexicon.metrics.get(metric)
    if heard.group is not None:
        subject = None if heard.group is GroupBy.SUBJECT else question.subject
        question = replace(_flat(question), shape=Shape.BREAKDOWN, group_by=heard.group, subject=subject)
        reader.take(words["drawing"])
    elif heard.bucket is not None or reader.take(words["trend"]):
        question = replace(_flat(question), shape=Shape.TREND, group_by=heard.bucket)
        reader.take(words["trend"])
    named = NamedMetric(metric=metric, end=len(reader.folded))
    lower_is_better = entry is not None and entry.lower_is_better
    unit = entry.unit if entry is not None else "percent"  # of a rate of check-ins
    condition = heard.thresholds[0].condition(unit) if heard.thresholds else None
    if condition is not None:
        heard.reader.claim(heard.thresholds[0].match)
        question = replace(_flat(question), shape=Shape.STUDENTS, condition=condition)
    listed = question.shape in _LISTS or "listing" in heard.said
    ordering = find_order(heard, named, listed=listed, lower_is_better=lower_is_better)
    reverse = bool(reader.take(words["reverse"])) or words["reverse"].match(reader.folded) is not None
    order = ordering.order
    if order is None and reverse and question.order is not None:
        order = Order.ASCENDING if question.order is Order.DESCENDING else Order.DESCENDING
    if order is not None:
        shape = question.shape if question.shape in _LISTS else Shape.STUDENTS
        question = replace(question, shape=shape, order=order, limit=ordering.limit or question.limit)
    elif "listing" in heard.said and question.shape is Shape.VALUE and entry is not None and entry.unit in COUNTED:
        question = replace(question, shape=Shape.STUDENTS, condition=Condition(op=Operator.AT_LEAST, value=1))
    return question


_LISTS = frozenset({Shape.STUDENTS, Shape.BREAKDOWN})


def _flat(question: Question) -> Question:
    """The same figure in no form yet."""
    return replace(question, shape=Shape.VALUE, condition=None, compare=(), group_by=None, order=None, limit=None)


def _unpaired(question: Question, kind: type[Period] | type[Scope]) -> Question:
    """A comparison whose sides are of ``kind`` as a plain figure: one new side does not say which is replaced."""
    if question.compare and isinstance(question.compare[0], kind):
        return replace(question, shape=Shape.VALUE, compare=())
    return question


def _too(heard: Heard) -> bool:
    """Whether students of a list are narrowed: 遅刻も3回以上の子は?"""
    also = heard.lexicon.words["also"]
    return bool(heard.thresholds) and any(also.match(heard.reader.folded, named.end) for named in heard.metrics)


def _class_of(scope: Scope, vocabulary: Vocabulary) -> Scope | None:
    if scope.kind is ScopeKind.CLASS:
        return scope
    ids = {each.class_id for each in vocabulary.students if each.id in scope.ids}
    classes = [each for each in vocabulary.classes if each.id in ids]
    if len(ids) != 1 or len(classes) != 1:
        return None
    return Scope(kind=ScopeKind.CLASS, ids=(classes[0].id,), label=classes[0].title)


def _scopes(heard: Heard) -> Iterable[Scope]:
    return (side.scopes[0] for side in heard.sides)


def _is_bare(heard: Heard) -> bool:
    shaped = heard.said & {"listing", "count", "each", "missing"} or heard.group or heard.bucket or heard.thresholds
    nothing_else = not heard.is_named and not shaped
    return (
        nothing_else
        and heard.asks
        and (len(heard.metrics) == 1 or "rate" in heard.said)
        and len(heard.reader.folded) <= LONGEST_BARE
    )


def _claim_small_words(heard: Heard) -> None:
    for name in ("carried", "fillers"):
        heard.reader.has(heard.lexicon.words[name])
