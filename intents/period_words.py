"""The words that name days, as compiled patterns; the words themselves are data per language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from intents.patterns import written_out
from knowledge.yaml_data import load_yaml

DATA = Path(__file__).with_name("data")
KINDS = ("date", "month", "weekday", "span", "ago", "year", "term")


@dataclass(frozen=True, kw_only=True)
class Join:
    """What stands about two periods that make one, or about one that lasts until today."""

    before: re.Pattern[str]  # ends where the period begins
    between: re.Pattern[str]
    after: re.Pattern[str]


@dataclass(frozen=True, kw_only=True)
class PeriodWords:
    """One language's words for days."""

    named: Mapping[str, re.Pattern[str]]
    patterns: Mapping[str, tuple[re.Pattern[str], ...]]  # by kind
    tables: Mapping[str, Mapping[str, Any]]  # by group, what each word stands for
    numerals: Mapping[str, int]  # numbers that are not written in digits
    ranges: tuple[Join, ...]
    since: tuple[Join, ...]
    narrowed: re.Pattern[str]  # between two periods of which one is part of the other
    lead: re.Pattern[str]  # claimed along with a period
    tail: re.Pattern[str]
    spoiled_before: re.Pattern[str]  # with these the words do not mean the period they name
    spoiled_after: re.Pattern[str]
    names: Mapping[str, str]  # the label of each named period
    labels: Mapping[str, Any]

    def value(self, match: re.Match[str], *groups: str) -> Any:
        """What the first of the groups that took part stands for; None when none did, or it is no number."""
        for group in groups:
            said = match.groupdict().get(group)
            if said is None:
                continue
            if group in self.tables:
                return self.tables[group][said]
            return int(said) if said.isdecimal() else self.numerals.get(said)
        return None

    def day_label(self, day: date, today: date, year: str | None = None) -> str:
        """「5月10日」; with its year when that was said or is not today's."""
        label = self.labels["date"].format(month=self.labels["months"][day.month - 1], day=day)
        return self.of_year("date_of", label, day.year, today.year, year)

    def weekday_label(self, day: date, today: date) -> str:
        weekday = self.labels["weekdays"][day.weekday()]
        return self.labels["weekday"].format(weekday=weekday, date=self.day_label(day, today))

    def month_label(self, day: date, today: date, year: str | None = None, third: int | None = None) -> str:
        label = self.labels["months"][day.month - 1]
        if third is not None:
            label = self.labels["thirds"][third].format(month=label)
        return self.of_year("month_of", label, day.year, today.year, year)

    def of_year(self, form: str, label: str, year: int, this: int, said: str | None = None) -> str:
        """The label with its year, as it was said or, where it goes without saying, not at all."""
        if said is None and year == this:
            return label
        shown = said or self.labels["school_year" if form == "term_of" else "year"].format(year=year)
        return self.labels[form].format(label=label, year=shown)


@cache
def load_period_words(language: str) -> PeriodWords:
    """The words of ``ja`` or ``en``, read and compiled once."""
    data: dict[str, Any] = load_yaml((DATA / language / "periods.yaml").read_text(encoding="utf-8"))
    groups: dict[str, str | dict[str, Any]] = data["groups"]

    def compiled(pattern: str, form: str = "{}") -> re.Pattern[str]:
        return re.compile(form.format(f"(?:{written_out(pattern, groups, data['macros'])})"))

    def joins(entries: Sequence[Mapping[str, str]]) -> tuple[Join, ...]:
        return tuple(
            Join(
                before=compiled(entry["before"], "{}$"),
                between=compiled(entry.get("between", "")),
                after=compiled(entry["after"]),
            )
            for entry in entries
        )

    return PeriodWords(
        named={name: compiled("|".join(entry["words"]) or "(?!)") for name, entry in data["named"].items()},
        patterns={kind: tuple(compiled(pattern) for pattern in data["patterns"][kind]) for kind in KINDS},
        tables={name: group for name, group in groups.items() if not isinstance(group, str)},
        numerals=data["numerals"],
        ranges=joins(data["ranges"]),
        since=joins(data["since"]),
        narrowed=compiled(data["narrowed"]),
        lead=compiled(data["lead"], "{}?$"),
        tail=compiled(data["tail"], "{}?"),
        spoiled_before=compiled(data["spoiled"]["before"], "{}$"),
        spoiled_after=compiled(data["spoiled"]["after"]),
        names={name: entry["label"] for name, entry in data["named"].items()},
        labels=data["labels"],
    )
