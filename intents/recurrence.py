"""From words for how often to an RRULE (RFC 5545), and the first day on which it is due."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date, datetime, time, timedelta

from dateutil.rrule import rrulestr

from intents.occasion_words import OccasionWords

WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MOST_WEEKS = 5  # in which a weekday of a month may lie
AHEAD = 366  # days: a rule that is not due within so many never is
_UNTIL = re.compile(r";UNTIL=([0-9T]+)")
_YEARLY = re.compile(r"BYMONTH=([0-9]+);BYMONTHDAY=([0-9]+)")
_INTERVAL = re.compile(r";INTERVAL=[0-9]+")


def filled(template: str, match: re.Match[str], words: OccasionWords) -> str | None:
    """The rule with what was said in its places; None for a day that does not exist (毎月32日)."""
    places: dict[str, str] = {}
    if "{days}" in template:
        places["days"] = ",".join(_days(match, words))
    if "{others}" in template:  # 水曜以外の平日
        but = _days(match, words)
        every = WEEKDAYS[:5] if words.said(match, "school_days") is not None else WEEKDAYS
        places["others"] = ",".join(day for day in every if day not in but)
        if not places["others"]:
            return None
    if "{nths}" in template:
        numbers = _numbers(words.said(match, "nths") or "", words, "nth")
        days = _days(match, words)
        if not all(1 <= number <= MOST_WEEKS for number in numbers):
            return None
        places["nths"] = ",".join(f"{number}{day}" for number in numbers for day in days)
    if "{monthdays}" in template:
        numbers = _numbers(words.said(match, "monthdays") or "", words, "day")
        if not numbers or not all(1 <= number <= 31 for number in numbers):
            return None
        places["monthdays"] = ",".join(map(str, numbers))
    for name, most in (("month", 12), ("day", 31), ("number", AHEAD)):
        if "{" + name + "}" in template:
            number = words.value(match, name)
            if number is None or not 1 <= number <= most:
                return None
            places[name] = str(number)
    return template.format(**places).replace(";INTERVAL=1", "")


def until(rule: str, last: date) -> str:
    """The rule, ended: the last day included."""
    return f"{rule};UNTIL={last:%Y%m%d}T235959"


def first_due(rule: str, since: date) -> date | None:
    """The first day from ``since`` on that the rule names; None when there is none within a year. Of a rule for every
    other week it is the first such weekday, from which the weeks are counted."""
    if (yearly := _YEARLY.search(rule)) is not None and not _is_day(*map(int, yearly.groups())):
        return None  # dateutil would look for it until the year 9999
    start = datetime.combine(since, time())  # naive, as the rule's days have no zone
    end = start + timedelta(days=AHEAD)
    if (ended := _UNTIL.search(rule)) is not None:
        end = min(end, datetime.fromisoformat(ended[1]))
    bare = _INTERVAL.sub("", _UNTIL.sub("", rule))
    found = next(iter(rrulestr(f"{bare};UNTIL={end:%Y%m%dT%H%M%S}", dtstart=start)), None)
    return found and found.date()


def _is_day(month: int, day: int) -> bool:
    return day <= monthrange(2000, month)[1]  # a leap year


def _days(match: re.Match[str], words: OccasionWords) -> list[str]:
    """As RRULE writes them, from Monday on."""
    named = match.groupdict()
    if named.get("from_day") is not None:
        first, last = (_weekdays(named[name], words)[0] for name in ("from_day", "to_day"))
        span = range(first, last + 1) if first <= last else (*range(first, 7), *range(last + 1))
        return [WEEKDAYS[day] for day in sorted(span)]
    return [WEEKDAYS[day] for day in sorted(set(_weekdays(words.said(match, "days") or "", words)))]


def _weekdays(said: str, words: OccasionWords) -> list[int]:
    table = words.tables["weekday"]
    names = sorted(table, key=len, reverse=True)
    if words.ten is not None:  # 曜日, whose 日 is no Sunday
        said = re.sub("曜日?", "", said)
    return [table[name] for name in re.findall("|".join(names), said)]


def _numbers(said: str, words: OccasionWords, group: str) -> list[int]:
    """The numbers in a list of them: 1日と15日, first and third."""
    if (table := words.tables.get(group)) is not None:
        return [table[name] for name in re.findall("|".join(table), said)]
    parts = re.findall(r"[0-9]+|[一二三四五六七八九十]+", said)
    return sorted({number for part in parts if (number := words.number(part)) is not None})
