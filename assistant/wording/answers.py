"""Answers of the data store in words: the figure first, then whom and when it is about, then names or a small table.

Staff and guardians read a figure, a line that says what it is about, and a table. Children read about themselves: what
they did, in words they know, beside nobody else and without an order.
"""

from __future__ import annotations

from assistant.messages import Words
from assistant.wording.about import (
    about,
    details,
    metric_name,
    period_words,
    row_label,
    scope_words,
    separator,
    what,
)
from assistant.wording.figures import CHILDREN, SUMS, YOUNG, Kind, figure, first_of, how_many, say, share
from assistant.wording.rows import bound_of, counts_moods, is_missing, is_one, pages_of, rows_words
from assistant.wording.texts import Speaker
from knowledge.questions.metrics import catalogue
from knowledge.questions.model import (
    Answer,
    Metric,
    Period,
    Question,
    Reason,
    Scope,
    ScopeKind,
    Shape,
    Status,
)

GROUPS = frozenset({ScopeKind.CLASS, ScopeKind.GRADE, ScopeKind.SCHOOL, ScopeKind.DISTRICT})


def word(answer: Answer, speaker: Speaker, *, page: int = 0) -> Words:
    """The answer as a person reads it; names and what was written stay as they are. A page beyond the last is the last.

    Whatever has no figure is a sentence without one.
    """
    question = answer.question
    match answer.status:
        case Status.ANSWERED if question is not None:
            return _answered(answer, question, speaker, page)
        case Status.EMPTY if question is not None:
            return _empty(answer, question, speaker)
        case Status.REFUSED | Status.EMPTY:
            return _refused(question, speaker)
        case Status.CLARIFY if question is not None:
            return confirm(question, speaker)
        case Status.CLARIFY:
            options = [Words.own(option.label) for option in answer.options]
            return say(speaker, "clarify", options=Words.join(options, separator(speaker)))
        case _:
            return say(speaker, "future" if answer.reason is Reason.FUTURE else "unsupported")


def pages(answer: Answer) -> int:
    """How many pages the rows of an answer fill, at least one."""
    return len(pages_of(answer))


def confirm(question: Question, speaker: Speaker) -> Words:
    """How a question was understood, to be confirmed with はい."""
    metric = Words.join([what(speaker, question), *details(speaker, question)], separator(speaker, "about_separator"))
    sides = [period_words(speaker, question, side) for side in question.compare if isinstance(side, Period)]
    period = Words.join([period_words(speaker, question), *sides], separator(speaker))
    return say(speaker, "understood", scope=_all_scopes(question, speaker), period=period, metric=metric)


def explain(answer: Answer, speaker: Speaker) -> Words:
    """「どうやって計算した?」: who, when and what it was taken to be about, how it is counted, from how much, and what
    was left out. What has no question has no explanation: it is worded as the answer is."""
    question = answer.question
    if question is None or answer.status not in (Status.ANSWERED, Status.EMPTY):
        return word(answer, speaker)
    comma = separator(speaker)
    periods = [question.period, *(side for side in question.compare if isinstance(side, Period))]
    when = Words.join([period_words(speaker, question, period) for period in periods], comma)
    asked = [what(speaker, question, answer.unit), *details(speaker, question, answer.unit)]
    lines = [
        *([] if speaker.band in CHILDREN else [say(speaker, "explain_who", scope=_all_scopes(question, speaker))]),
        say(speaker, "explain_when", period=when),
        say(speaker, "explain_what", metric=Words.join(asked, separator(speaker, "about_separator"))),
        *_definitions(answer, question, speaker),
        _based_on(answer, question, speaker),
        _left_out(answer, speaker),
    ]
    return Words.join(lines, "\n")


# --- an answer


def _answered(answer: Answer, question: Question, speaker: Speaker, page: int) -> Words:
    if question.shape is Shape.VALUE:
        return _value(answer, question, speaker)
    cuts = pages_of(answer)
    page = min(max(page, 0), len(cuts) - 1)
    shown = cuts[page]
    lines = [
        Words() if speaker.band in CHILDREN else _headline(answer, question, speaker),
        say(speaker, "lead", about=_about(answer, question, speaker)),
        rows_words(answer, question, speaker, shown),
    ]
    if not answer.rows:
        lines.append(say(speaker, "none_missing" if is_missing(question) else "none_found"))
    if page == 0:
        lines += [_difference(answer, question, speaker), _based_on(answer, question, speaker)]
        lines.append(_left_out(answer, speaker))
        lines.append(say(speaker, "tied", answer.tied, count=answer.tied) if answer.tied else Words())
    if len(cuts) > 1:
        first, last, count = shown.start + 1, shown.stop, len(answer.rows)
        is_last = page == len(cuts) - 1
        more = speaker.say("asking.more")
        lines.append(say(speaker, "page_last" if is_last else "page", first=first, last=last, count=count, more=more))
    return Words.join(lines, "\n")


def _value(answer: Answer, question: Question, speaker: Speaker) -> Words:
    if speaker.band in CHILDREN:
        own = _cell_of_all(answer, question, speaker)
        lines = [say(speaker, "own", about=_about(answer, question, speaker), value=own)]
        lines.append(_based_on(answer, question, speaker))
        if answer.value == 0 and question.metric is not None and catalogue()[question.metric].phases:
            lines.append(say(speaker, "own_zero"))
        return Words.join(lines, "\n")
    lines = [
        figure(speaker, answer.value, answer.unit, question.metric, bound=bound_of(question)),
        say(speaker, "lead", about=_about(answer, question, speaker)),
        _based_on(answer, question, speaker),
        _left_out(answer, speaker),
    ]
    return Words.join(lines, "\n")


def _cell_of_all(answer: Answer, question: Question, speaker: Speaker) -> Words:
    value = answer.value
    shared = share(speaker, value, answer.unit, answer.n, question.metric) if value is not None else Words()
    return shared or figure(speaker, value, answer.unit, question.metric)


def _headline(answer: Answer, question: Question, speaker: Speaker) -> Words:
    """The figure that stands first: of a list how many, of a comparison the difference, of a trend from where to where,
    of a breakdown the range. An overview has many figures and none that comes first."""
    unit, metric = answer.unit, question.metric
    values = [float(row.value) for row in answer.rows if isinstance(row.value, float | int)]
    shown = [figure(speaker, value, unit, metric, kind=Kind.CELL) for value in values]
    match question.shape:
        case Shape.STUDENTS:
            key = "students" if answer.students is None else "students_of"
            return say(speaker, key, len(answer.rows), count=len(answer.rows), students=answer.students)
        case Shape.TEXTS:
            return say(speaker, "texts", len(answer.rows), count=len(answer.rows))
        case Shape.OVERVIEW:
            return Words()
        case _ if not values:
            return say(speaker, "none")
        case Shape.COMPARE if answer.difference is not None:
            return say(speaker, "signed", sign=_sign(answer.difference), difference=_distance(answer, speaker))
        case Shape.BREAKDOWN if counts_moods(question):
            return figure(speaker, answer.n, "count", metric)
        case Shape.TREND if len(values) > 1:
            return say(speaker, "from_to", first=shown[0], last=shown[-1])
        case Shape.BREAKDOWN if min(values) < max(values):
            low, high = (shown[values.index(value)] for value in (min(values), max(values)))
            return say(speaker, "range", low=low, high=high)
        case Shape.COMPARE:
            return Words.join(shown, " / ")
        case _:
            return shown[0]


def _about(answer: Answer, question: Question, speaker: Speaker) -> Words:
    """What the answer is about; a comparison names in its rows what differs."""
    if question.shape is not Shape.COMPARE:
        return about(speaker, question, answer.unit)
    who = not any(isinstance(side, Scope) for side in question.compare)
    when = not any(isinstance(side, Period) for side in question.compare)
    return about(speaker, question, answer.unit, who=who, when=when)


# --- what stands under the rows


def _difference(answer: Answer, question: Question, speaker: Speaker) -> Words:
    """How the first two sides differ. The young read both figures and no judgement between them."""
    if question.shape is not Shape.COMPARE or answer.difference is None or speaker.band in YOUNG:
        return Words()
    first, second = (row_label(speaker, question, answer.rows[index], index) for index in (0, 1))
    if not answer.difference:
        return say(speaker, "difference_none", first=first, second=second)
    key = "difference_up" if answer.difference > 0 else "difference_down"
    distance = _distance(answer, speaker)
    names = (f"{key}_{answer.unit}", key)
    return first_of(speaker, *names, first=first, second=second, difference=distance)


def _distance(answer: Answer, speaker: Speaker) -> Words:
    metric = answer.question.metric if answer.question is not None else None
    return figure(speaker, abs(answer.difference or 0), answer.unit, metric, kind=Kind.DIFF)


def _sign(difference: float) -> str:
    return "+" if difference > 0 else "-" if difference < 0 else "±"


def _based_on(answer: Answer, question: Question, speaker: Speaker) -> Words:
    """From how much the figures are: answered check-ins one by one, else ``n`` in words that fit the metric. Nothing
    where the first line or each row says it."""
    if question.shape in (Shape.OVERVIEW, Shape.TEXTS, Shape.COMPARE) or speaker.band in YOUNG:
        return Words()
    if answer.unit in SUMS and not answer.counts and (question.shape is Shape.STUDENTS or counts_moods(question)):
        return Words()
    if answer.counts:
        key = "count" if question.period.start == question.period.end else "count_days"
        if is_one(question):
            key = "count_one"
        counts = [
            say(
                speaker,
                key,
                count.expected,
                phase=say(speaker, f"phase_{count.phase}"),
                answered=f"{count.answered:,}",
                expected=f"{count.expected:,}",
            )
            for count in answer.counts
        ]
        return Words.join(counts, separator(speaker))
    n = how_many(speaker, answer.n, answer.unit, question.metric, one=is_one(question))
    return say(speaker, "based_on", n=n) if n else Words()


def _left_out(answer: Answer, speaker: Speaker) -> Words:
    return say(speaker, "left_out", answer.left_out, count=answer.left_out) if answer.left_out else Words()


# --- no figure


def _empty(answer: Answer, question: Question, speaker: Speaker) -> Words:
    if answer.reason is Reason.NOT_PERMITTED:
        return _refused(question, speaker)
    sentence = say(speaker, answer.reason or Reason.NO_RECORDS, about=about(speaker, question))
    return Words.join([sentence, _left_out(answer, speaker)], "\n")


def _refused(question: Question | None, speaker: Speaker) -> Words:
    """A group is named back; a student is not, as the label would tell whom the roster knows by that name."""
    if speaker.band in CHILDREN:
        return say(speaker, "refused_student")
    if question is None or question.scope.kind not in GROUPS or not question.scope.label:
        return say(speaker, "refused")
    return say(speaker, "refused_about", about=about(speaker, question))


# --- explanations


def _definitions(answer: Answer, question: Question, speaker: Speaker) -> list[Words]:
    if speaker.band in YOUNG:
        return [say(speaker, "explain_young")]
    if answer.definition:
        return [say(speaker, "explain_definition", definition=answer.definition)]
    metrics = [Metric(row.id) for row in answer.rows if question.shape is Shape.OVERVIEW and row.id in set(Metric)]
    return [
        say(
            speaker,
            "explain_one",
            metric=metric_name(speaker, metric),
            definition=catalogue()[metric].definition[speaker.language],
        )
        for metric in metrics
    ]


def _all_scopes(question: Question, speaker: Speaker) -> Words:
    labels = [question.scope.label, *(side.label for side in question.compare if isinstance(side, Scope))]
    return Words.join([Words.own(label) for label in labels if label], separator(speaker)) or scope_words(question)
