"""What people say when they ask about the data, as compiled patterns; the words themselves are data per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from knowledge.questions.model import GroupBy, Metric, Operator, Phase
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).with_name("data")
Patterns = Mapping[str, re.Pattern[str]]


@dataclass(frozen=True, kw_only=True)
class MetricWords:
    """What one figure is called."""

    said: re.Pattern[str]
    falls: re.Pattern[str]  # said so that only those count whose figure fell; matches nothing for most metrics
    rises: re.Pattern[str]
    zero: re.Pattern[str]  # a word for none at all: 皆勤
    besides: re.Pattern[str]  # words that belong to it where it was named
    unit: str  # what a threshold may be given in: percent, days, count, minutes, scale, score
    lower_is_better: bool
    by_subject: bool  # may be asked of one subject
    by_phase: bool  # may be asked of one of the two check-ins


@dataclass(frozen=True, kw_only=True)
class NameWords:
    """How students are called; see names.yaml."""

    title: re.Pattern[str]
    title_after_any: re.Pattern[str]
    staff: re.Pattern[str]
    before: frozenset[str]
    after: frozenset[str]
    after_words: tuple[str, ...]
    after_at_end: frozenset[str]
    common: frozenset[str]
    not_names: re.Pattern[str]
    not_people: frozenset[str]
    others: re.Pattern[str]
    variants: Mapping[int, str]  # for ``str.translate``
    number: re.Pattern[str]
    label: str  # format with ``name`` and ``class_title``
    label_with_number: str  # and ``number``


@dataclass(frozen=True, kw_only=True)
class Lexicon:
    """One language's words for questions about the data."""

    words: Patterns  # by the name of the list in shapes.yaml, scopes.yaml, talk.yaml, conditions.yaml, check_ins
    metrics: Mapping[Metric, MetricWords]
    phases: Mapping[Phase, re.Pattern[str]]
    subjects: Patterns  # by official name
    titles: Patterns  # always, sometimes
    present_term: str  # 今学期
    buckets: Mapping[GroupBy, re.Pattern[str]]  # of a trend
    groups: Mapping[GroupBy, re.Pattern[str]]  # of a breakdown
    which: Mapping[GroupBy, re.Pattern[str]]  # of a breakdown that is asked for as 「どのクラスが」
    order: Patterns  # high, low, bad
    operators: Mapping[Operator, tuple[re.Pattern[str], ...]]  # groups ``number`` and ``unit``
    halves: frozenset[str]
    units: Mapping[str, tuple[str, float]]  # a unit as written → its kind and how much one of it is
    names: NameWords
    classes: tuple[re.Pattern[str], ...]  # groups ``grade`` and ``name``
    class_alone: tuple[re.Pattern[str], ...]  # group ``name``
    grades: tuple[re.Pattern[str], ...]  # group ``grade``
    numerals: Mapping[str, int]  # numbers that are not written in digits
    grade_label: str  # format with ``number``
    join: str  # between the names of several
    light: frozenset[str]  # dictionary forms of verbs that say nothing by themselves
    spellings: tuple[str, ...]  # words that are recognised with one letter wrong


@cache
def load_lexicon(language: str) -> Lexicon:
    """The words of ``ja`` or ``en``, read and compiled once."""
    files = {
        name: _read(language, name) for name in ("metrics", "subjects", "titles", "shapes", "conditions", "scopes")
    }
    names, talk = _read(language, "names"), _read(language, "talk")
    shapes, scopes, conditions = files["shapes"], files["scopes"], files["conditions"]
    check_ins = files["metrics"].pop("check_ins")
    number = f"(?:{scopes['number']})"
    amount = conditions["number"] + conditions["unit"]

    def each(name: str) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(pattern.replace("<n>", number)) for pattern in scopes[name])

    def groups(of: Mapping[str, list[str]]) -> dict[GroupBy, re.Pattern[str]]:
        return {GroupBy(name): _any_of(patterns) for name, patterns in of.items()}

    plain_lists = {
        name: _any_of([pattern.replace("<top>", shapes["limit"]) for pattern in cast("list[str]", patterns)])
        for name, patterns in {**shapes, **scopes, **talk, **conditions, **check_ins}.items()
        if isinstance(patterns, list)
        and name not in ("light", "spellings", "halves", "classes", "class_alone", "grades")
    }
    plain_lists["sentence_end"] = re.compile(talk["sentence_end"])
    return Lexicon(
        words=plain_lists,
        metrics={Metric(name): _metric(entry, amount) for name, entry in files["metrics"].items()},
        phases={Phase(name): _any_of(patterns) for name, patterns in check_ins["phases"].items()},
        subjects={name: _any_of(patterns) for name, patterns in files["subjects"].items()},
        titles={name: _any_of(patterns) for name, patterns in files["titles"].items()},
        present_term=shapes["present_term"],
        buckets=groups(shapes["buckets"]),
        groups=groups(shapes["groups"]),
        which=groups(shapes["which"]),
        order={name: _any_of(patterns) for name, patterns in shapes["order"].items()},
        operators={
            Operator(sign): tuple(re.compile(pattern.replace("<amount>", amount)) for pattern in patterns)
            for sign, patterns in conditions["operators"].items()
        },
        halves=frozenset(conditions["halves"]),
        units={
            word: (kind, factor)
            for kind, sizes in conditions["units"].items()
            for word, factor in cast("dict[str, float]", sizes).items()
        },
        names=_names(names),
        classes=each("classes"),
        class_alone=each("class_alone"),
        grades=each("grades"),
        numerals=scopes["numerals"],
        grade_label=scopes["grade_label"],
        join=scopes["join"],
        light=frozenset(talk["light"]),
        spellings=tuple(talk["spellings"]),
    )


def _read(language: str, name: str) -> dict[str, Any]:
    return load_yaml((DATA / language / f"{name}.yaml").read_text(encoding="utf-8"))


def _metric(entry: Mapping[str, Any], amount: str) -> MetricWords:
    def words(name: str) -> re.Pattern[str]:
        return _any_of([pattern.replace("<amount>", amount) for pattern in entry.get(name, ())])

    return MetricWords(
        said=words("words"),
        falls=words("falls"),
        rises=words("rises"),
        zero=words("zero"),
        besides=words("besides"),
        unit=entry["unit"],
        lower_is_better=entry.get("lower_is_better", False),
        by_subject=entry.get("by_subject", False),
        by_phase=entry.get("by_phase", False),
    )


def _names(data: Mapping[str, Any]) -> NameWords:
    return NameWords(
        title=_any_of([re.escape(title) for title in data["titles"]]),
        title_after_any=re.compile(data["titles_after_any"]),
        staff=re.compile(data["staff"]),
        before=frozenset(data["before"]),
        after=frozenset(data["after"]),
        after_words=tuple(data["after_words"]),
        after_at_end=frozenset(data["after_at_end"]),
        common=frozenset(data["common"]),
        not_names=_any_of(data["not_names"]),
        not_people=frozenset(data["not_people"]),
        others=_any_of(data["others"]),
        variants=str.maketrans(data["variants"]),
        number=re.compile(data["number"]),
        label=data["label"],
        label_with_number=data["label_with_number"],
    )


def _any_of(patterns: list[str]) -> re.Pattern[str]:
    """One pattern for a list of them; an empty list matches nothing."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or r"(?!)")
