"""Which days a text is about."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from intents.lexicon import Lexicon
from intents.spans import Reader
from knowledge.questions.model import Period

REIWA = 2018  # 令和1年 is 2019
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def _monday(today: date) -> date:
    return today - timedelta(days=today.weekday())


# first and last day by the name of the period in the lexicon
NAMED: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "today": lambda today: (today, today),
    "yesterday": lambda today: (today - timedelta(days=1), today - timedelta(days=1)),
    "day_before_yesterday": lambda today: (today - timedelta(days=2), today - timedelta(days=2)),
    "this_week": lambda today: (_monday(today), today),
    "last_week": lambda today: (_monday(today) - timedelta(days=7), _monday(today) - timedelta(days=1)),
}


def find_period(reader: Reader, lexicon: Lexicon, today: date) -> Period | None:
    """The first period of the text, its words claimed; None when none is named. A second one stays unexplained.

    A period that begins after ``today`` is returned as it was said: what to make of it is the caller's.
    """
    found: list[tuple[int, re.Match[str], Period]] = []
    for pattern in lexicon.dates:
        for match in reader.unclaimed(pattern):
            if (day := _date(match, today)) is not None:
                period = Period(start=day, end=day, label=lexicon.date_label.format(date=day))
                found.append((match.start(), match, period))
    for name, words in lexicon.periods.items():
        for match in reader.unclaimed(words.pattern):
            found.append((match.start(), match, named_period(name, lexicon, today)))
    if not found:
        return None
    _, match, period = min(found, key=lambda each: (each[0], -len(each[1][0])))
    for _, other, same in found:
        if (same.start, same.end) == (period.start, period.end):  # 今日、今朝
            reader.claim(other)
    reader.claim(match)
    return period


def named_period(name: str, lexicon: Lexicon, today: date) -> Period:
    """A period by its name in the lexicon: today, this_week …"""
    start, end = NAMED[name](today)
    return Period(start=start, end=end, label=lexicon.periods[name].label)


def _date(match: re.Match[str], today: date) -> date | None:
    """The day a date names; without a year the latest that is not to come. None when there is no such day."""
    said = match.groupdict()
    month = MONTHS.index(said["monthname"]) + 1 if said.get("monthname") else int(said["month"])
    day = int(said["day"])
    if said.get("year"):
        years = [int(said["year"])]
    elif said.get("reiwa"):
        years = [REIWA + int(said["reiwa"])]
    else:
        years = range(today.year, today.year - 5, -1)  # 29 February may be up to four years back, or eight over 2100
    for year in years:
        try:
            named = date(year, month, day)
        except ValueError:
            continue
        if named <= today or len(years) == 1:
            return named
    return None
