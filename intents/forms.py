"""In which form a figure is wanted: one value, a list of students, a trend, a comparison, a breakdown."""

from __future__ import annotations

import re
from dataclasses import dataclass

from intents.conditions import number
from intents.hearing import Heard
from intents.topics import NamedMetric
from knowledge.questions.model import Condition, GroupBy, Metric, Operator, Order, Shape

SUMMED = frozenset({"days", "count", "minutes"})
COUNTED = frozenset({"days", "count"})  # units of what one has or has not: 「欠席した子」 is once or more


@dataclass(frozen=True, kw_only=True)
class Form:
    """How the answer is to be shaped."""

    shape: Shape
    condition: Condition | None = None
    group_by: GroupBy | None = None
    order: Order | None = None
    limit: int | None = None
    doubtful: bool = False  # said in a way this cannot quite hold: to be confirmed


@dataclass(frozen=True, kw_only=True)
class Ordering:
    order: Order | None = None
    limit: int | None = None
    asked: bool = False  # said by a word that only a list has: 順, トップ5
    both: bool = False  # both ends were asked for: 上位3人と下位3人


def find_form(heard: Heard, named: NamedMetric, *, of_one_student: bool, comparing: bool) -> Form:
    """The form in which a figure that was named is wanted, its words claimed."""
    reader, said = heard.reader, heard.said
    entry = heard.lexicon.metrics.get(named.metric)
    unit = entry.unit if entry else "percent"
    condition, doubtful = find_condition(heard, named, unit)
    reader.take(heard.lexicon.words["how_much"])
    reader.take(heard.lexicon.words["sum" if unit in SUMMED else "mean"])  # 平均学習時間 is not the sum: left over
    lists = bool(said & {"listing", "each"}) or (unit in COUNTED and "count" in said)
    group = heard.group
    if group is None and named.metric is Metric.MOOD and reader.has(heard.lexicon.words["by_mood"]):
        group = GroupBy.MOOD
    ordering = find_order(
        heard,
        named,
        listed=lists or group is not None or condition is not None or named.metric is Metric.STREAK,
        lower_is_better=entry is not None and entry.lower_is_better,
    )
    doubtful = doubtful or ordering.both
    if group is not None:
        reader.take(heard.lexicon.words["drawing"])
        unfit = group is GroupBy.SUBJECT and not (entry and entry.by_subject)
        return Form(
            shape=Shape.BREAKDOWN,
            group_by=group,
            order=ordering.order,
            limit=ordering.limit,
            doubtful=doubtful or unfit or condition is not None or ("listing" in said and not heard.which),
        )
    if comparing:
        reader.take(heard.lexicon.words["drawing"])
        return Form(shape=Shape.COMPARE, doubtful=doubtful or condition is not None or "listing" in said)
    lists = lists or ordering.asked or condition is not None
    if heard.bucket is not None or (not lists and _is_trend(heard)):
        _is_trend(heard)
        return Form(shape=Shape.TREND, group_by=heard.bucket, doubtful=doubtful or lists)
    if of_one_student:
        return Form(shape=Shape.VALUE, doubtful=doubtful or ordering.order is not None)
    if named.metric is Metric.STREAK and not lists:
        return Form(shape=Shape.STUDENTS, order=Order.DESCENDING)  # of a class each student's (questions.md)
    if not lists:
        return Form(shape=Shape.VALUE, doubtful=doubtful)
    return _of_students(heard, named, unit, condition, ordering, doubtful=doubtful)


def find_condition(heard: Heard, named: NamedMetric, unit: str) -> tuple[Condition | None, bool]:
    """The condition that is put on a figure, its words claimed, and whether some of it stays open."""
    reader, words = heard.reader, heard.lexicon.words
    found: list[Condition] = []
    for threshold in heard.thresholds:
        if (condition := threshold.condition(unit)) is not None and not found:
            reader.claim(threshold.match)
            found.append(condition)
    if not found:
        none = words["none"].match(reader.folded, named.end)
        if none is not None and unit in COUNTED:
            reader.claim(none)
            reader.take(words["never"])
            found.append(Condition(op=Operator.EQUAL, value=0))
        elif heard.said & {"listing", "count"} and (unit in COUNTED | {"percent"}) and reader.take(words["zero"]):
            found.append(Condition(op=Operator.EQUAL, value=0))
    if named.condition is not None and not found:
        listed = bool(heard.said & {"listing", "count"}) or named.condition.op is Operator.EQUAL
        return (named.condition if listed else None), False
    return (found[0] if found else None), named.condition is not None and bool(found)


def find_order(heard: Heard, named: NamedMetric, *, listed: bool, lower_is_better: bool) -> Ordering:
    """In which order and how many, the words claimed; 「高い」 of no list says nothing about an order and stays."""
    reader, lexicon = heard.reader, heard.lexicon
    words = lexicon.words
    worst_first = Order.DESCENDING if lower_is_better else Order.ASCENDING
    limit: int | None = None
    order: Order | None = None
    asked = both = False
    for name, direction in (("best", Order.DESCENDING), ("last", Order.ASCENDING), ("worst", worst_first)):
        for match in reader.take(words[name]):
            both = both or (order is not None and order is not direction)
            order, asked = direction, True
            limit = limit or _limit(match, heard)
    asked = bool(reader.take(words["ranked"])) or asked
    single = {name for name in ("high_superlative", "low_superlative") if words[name].search(reader.folded)}
    superlative = [*words["superlative"].finditer(reader.folded)]
    if not (listed or asked):
        return Ordering()
    for name, direction in (("high", Order.DESCENDING), ("low", Order.ASCENDING), ("bad", worst_first)):
        if reader.take(lexicon.order[name]):
            both = both or (order is not None and order is not direction)
            order = order or direction
    for match in superlative:
        reader.claim(match)
    if order is None and single:
        order = Order.DESCENDING if "high_superlative" in single else Order.ASCENDING
    if order is None and named.condition is not None and (superlative or asked):
        order = Order.ASCENDING if named.condition.op is Operator.AT_MOST else Order.DESCENDING
    order = order or (Order.DESCENDING if asked or superlative else None)
    if order is not None:
        for match in reader.take(words["limits"]):
            limit = limit or _limit(match, heard)
    if superlative and heard.group is None and limit is None and not asked:
        limit = 1
    return Ordering(order=order, limit=limit, asked=asked, both=both)


def _of_students(
    heard: Heard, named: NamedMetric, unit: str, condition: Condition | None, ordering: Ordering, *, doubtful: bool
) -> Form:
    if ordering.order is not None and named.condition is not None:
        condition = None  # 気分が一番下がった子: the lowest, not all who fell
    order = ordering.order or (Order.DESCENDING if named.metric is Metric.STREAK else None)
    if condition is None and order is None and "each" not in heard.said:
        if unit in COUNTED:
            condition = Condition(op=Operator.AT_LEAST, value=1)
        elif unit == "minutes":
            condition = Condition(op=Operator.MORE, value=0)
        else:
            doubtful = True  # 「自信がある子」: from which figure on?
    return Form(shape=Shape.STUDENTS, condition=condition, order=order, limit=ordering.limit, doubtful=doubtful)


def _is_trend(heard: Heard) -> bool:
    words = heard.lexicon.words
    said = [heard.reader.take(words[name]) for name in ("drawing", "trend", "rising")]  # each, so that all are claimed
    return any(said)


def _limit(match: re.Match[str], heard: Heard) -> int | None:
    said = match.groupdict().get("limit")
    return number(said, heard.lexicon.numerals) if said else None
