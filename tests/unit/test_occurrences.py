"""When something that comes back falls due."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from knowledge.reminding import Anchor
from scheduler.occurrences import next_occurrences, resolve

TOKYO = ZoneInfo("Asia/Tokyo")
BERLIN = ZoneInfo("Europe/Berlin")
MONDAY = date(2026, 5, 11)


def any_day(day: date) -> bool:
    return True


def dates(rrule: str | None, starts_on: date = MONDAY, *, without: tuple[date, ...] = (), count: int = 3) -> list[date]:
    """The next days at half past eight, seen on Sunday the 10th."""
    after = datetime(2026, 5, 10, 12, tzinfo=TOKYO)
    found = next_occurrences(rrule, starts_on, time(8, 30), after, TOKYO, lambda day: day not in without, count)
    assert all((moment.hour, moment.minute, moment.tzinfo) == (8, 30, TOKYO) for moment in found)
    return [moment.date() for moment in found]


def may(*days: int) -> list[date]:
    return [date(2026, 5, day) for day in days]


@pytest.mark.parametrize(
    ("rrule", "found"),
    [
        ("FREQ=WEEKLY;BYDAY=FR", may(15, 22, 29)),
        ("FREQ=DAILY", may(11, 12, 13)),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", [*may(11, 25), date(2026, 6, 8)]),
        ("FREQ=MONTHLY;BYDAY=-1FR", [*may(29), date(2026, 6, 26), date(2026, 7, 31)]),
        ("FREQ=MONTHLY;BYMONTHDAY=31", [*may(31), date(2026, 7, 31), date(2026, 8, 31)]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", [*may(31), date(2026, 6, 30), date(2026, 7, 31)]),
        ("FREQ=DAILY;UNTIL=20260512T235959", may(11, 12)),
        ("FREQ=DAILY;COUNT=1", may(11)),
        (None, may(11)),
    ],
)
def test_a_rule_is_counted_from_its_first_day(rrule: str | None, found: list[date]) -> None:
    assert dates(rrule) == found


def test_days_that_do_not_count_leave_phase_and_count_as_they_are() -> None:
    assert dates("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", without=(MONDAY,)) == [
        *may(25),
        date(2026, 6, 8),
        date(2026, 6, 22),
    ]
    assert dates("FREQ=DAILY;COUNT=3", without=(MONDAY,)) == may(12, 13)
    assert dates(None, without=(MONDAY,)) == []


def test_a_rule_that_began_long_ago_keeps_its_phase() -> None:
    assert dates("FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", date(2026, 4, 20)) == [
        *may(18),
        date(2026, 6, 1),
        date(2026, 6, 15),
    ]


def test_what_is_past_or_never_occurs_has_no_moment() -> None:
    assert dates(None, date(2026, 5, 9)) == []
    assert dates("FREQ=WEEKLY;BYDAY=FR;UNTIL=20260514T235959") == []
    assert dates("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30") == []


def test_no_further_than_a_year_ahead_is_looked() -> None:
    after = datetime(2026, 5, 10, tzinfo=TOKYO)
    assert next_occurrences("FREQ=DAILY", MONDAY, time(8), after, TOKYO, lambda day: day.year > 2027, 1) == []
    assert dates(None, date(2028, 4, 7)) == [date(2028, 4, 7)]  # a year from its own first day


def test_the_moment_itself_is_not_after_itself() -> None:
    moment = datetime(2026, 5, 11, 8, 30, tzinfo=TOKYO)
    for same in (moment, moment.astimezone(UTC)):
        assert next_occurrences("FREQ=DAILY", MONDAY, time(8, 30), same, TOKYO, any_day, 1) == [
            moment + timedelta(days=1)
        ]


def test_the_clock_at_the_wall_holds_when_summer_time_begins_and_ends() -> None:
    for change, hours in ((date(2026, 3, 29), (7, 6)), (date(2026, 10, 25), (6, 7))):
        after = datetime.combine(change - timedelta(days=2), time(12), BERLIN)
        found = next_occurrences("FREQ=DAILY", change - timedelta(days=9), time(8), after, BERLIN, any_day, 2)
        assert tuple(moment.astimezone(UTC).hour for moment in found) == hours


def test_in_the_hour_that_comes_twice_it_falls_due_once() -> None:
    night = date(2026, 10, 25)
    due = datetime.combine(night, time(2, 30), BERLIN)
    again = due.replace(fold=1).astimezone(UTC)
    for after in (due, again - timedelta(minutes=1), again):
        [following] = next_occurrences("FREQ=DAILY", night, time(2, 30), after, BERLIN, any_day, 1)
        assert following.date() == night + timedelta(days=1)


@pytest.mark.parametrize("rrule", ["FREQ=OFTEN", "weekly", "FREQ=WEEKLY;BYDAY=XX"])
def test_a_rule_that_is_none_is_refused(rrule: str) -> None:
    with pytest.raises(ValueError):
        dates(rrule)


@pytest.mark.parametrize(
    ("first", "last", "rule", "starts_on"),
    [
        (-1, -1, None, date(2026, 5, 14)),
        (0, 0, None, date(2026, 5, 15)),
        (-7, -1, "FREQ=DAILY;UNTIL=20260514T235959", date(2026, 5, 8)),
    ],
)
def test_days_are_counted_from_an_event(first: int, last: int, rule: str | None, starts_on: date) -> None:
    assert resolve(Anchor(title="遠足", first=first, last=last), date(2026, 5, 15)) == (rule, starts_on)


def test_the_days_before_an_event_are_all_found() -> None:
    rule, starts_on = resolve(Anchor(title="テスト", first=-3, last=-1), date(2026, 5, 15))
    assert dates(rule, starts_on, count=9) == may(12, 13, 14)
