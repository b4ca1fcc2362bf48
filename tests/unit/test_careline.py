"""Which help lines are named first: those that somebody answers at this very moment."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from assistant.handlers.care import DAYS, HELP_LINES, is_open
from knowledge.yaml_data import load_yaml
from tests.worlds import TOKYO

LINES: dict[str, dict[str, Any]] = {each["number"]: each for each in load_yaml(HELP_LINES.read_text("utf-8"))}
CHILDLINE, RIGHTS = "0120-99-7777", "0120-007-110"
ALWAYS = {"0120-0-78310", "0120-279-338", "189"}


def open_at(moment: str) -> set[str]:
    """The numbers beside those that are always open."""
    at = datetime.fromisoformat(moment).replace(tzinfo=TOKYO)
    return {number for number, line in LINES.items() if is_open(line, at)} - ALWAYS


def test_the_lines_are_those_of_the_contract() -> None:
    assert {*LINES} == ALWAYS | {CHILDLINE, RIGHTS}
    assert all(is_open(LINES[number], datetime(2026, 1, 1, 3, 0, tzinfo=TOKYO)) for number in ALWAYS)


@pytest.mark.parametrize(
    ("moment", "numbers"),
    [
        ("2026-05-11T08:29:59", set[str]()),  # a Monday
        ("2026-05-11T08:30", {RIGHTS}),
        ("2026-05-11T15:59:59", {RIGHTS}),
        ("2026-05-11T16:00", {RIGHTS, CHILDLINE}),
        ("2026-05-11T17:14:59", {RIGHTS, CHILDLINE}),
        ("2026-05-11T17:15", {CHILDLINE}),
        ("2026-05-11T20:59:59", {CHILDLINE}),
        ("2026-05-11T21:00", set[str]()),
        ("2026-05-11T00:00", set[str]()),
        ("2026-05-15T16:30", {RIGHTS, CHILDLINE}),  # Friday
        ("2026-05-16T16:30", {CHILDLINE}),  # Saturday
        ("2026-05-17T10:00", set[str]()),  # Sunday
        ("2026-05-05T10:00", set[str]()),  # a Tuesday, こどもの日
        ("2026-05-05T16:00", {CHILDLINE}),
        ("2026-05-06T10:00", set[str]()),  # a Wednesday, 振替休日
        ("2026-05-07T10:00", {RIGHTS}),
        ("2026-08-20T10:00", {RIGHTS}),  # school holidays are none of the lines'
        ("2026-12-28T16:30", {RIGHTS, CHILDLINE}),
        ("2026-12-29T16:30", set[str]()),
        ("2027-01-03T16:30", set[str]()),
        ("2027-01-04T16:30", {RIGHTS, CHILDLINE}),
    ],
)
def test_a_line_is_open_in_its_hours_alone(moment: str, numbers: set[str]) -> None:
    assert open_at(moment) == numbers


def test_the_file_says_when_it_was_checked_and_holds_nothing_that_is_not_read() -> None:
    text = Path(HELP_LINES).read_text("utf-8")
    found = re.search(r"^# checked: (\S+)$", text, re.MULTILINE)
    assert found is not None and date.fromisoformat(found[1]) >= date(2026, 11, 21)
    for line in LINES.values():
        assert {*line} - {"hours"} == {"name", "number", "note"}
        assert {*line["name"]} == {*line["note"]} == {"ja", "en"}
        hours = line.get("hours", {})
        assert {*hours} <= {"days", "from", "to", "not_on", "not_on_holidays"}
        assert {*hours.get("days", ())} <= {*DAYS}
