"""The words of one cell as a value. Every parser takes a cell that is not empty and raises ``FieldError``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

Parser = Callable[[str], Any]

EARLIEST = "1900"  # year: what is older is a slip of the pen
LATEST = "9999"  # year of the first moment that is refused: in UTC it might be past the end of the calendar
LONGEST_ID = 255  # characters of a sourcedId (OneRoster 1.2 allows 255)
GRADES = ("E1", "E2", "E3", "P1", "P2", "P3", "P4", "P5", "P6", "J1", "J2", "J3", "H1", "H2", "H3")

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,12}", re.ASCII)
_COUNT = re.compile(r"\d{1,9}", re.ASCII)  # what a column of 32 bits holds
_POINTS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)
_NO_ADDRESS = re.compile(r"[\s\x00-\x1f\x7f]")


class FieldError(ValueError):
    """A cell cannot be read; ``expected`` says what it should hold.

    ``column`` is named by a check of several columns of a row; a parser leaves it out.
    """

    def __init__(self, expected: str, *, column: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.column = column


def text(cell: str) -> str:
    return cell


def short_text(longest: int) -> Callable[[str], str]:
    """Text of at most ``longest`` characters: what is part of a key must fit the index of every database."""

    def parse(cell: str) -> str:
        if len(cell) > longest:
            raise FieldError(f"at most {longest} characters")
        return cell

    return parse


identifier = short_text(LONGEST_ID)


@lru_cache(maxsize=4096)  # a file names few days, many times
def day(cell: str) -> date:
    try:
        if _DATE.fullmatch(cell) and cell >= EARLIEST:
            return date.fromisoformat(cell)
    except ValueError:  # the 31st of June: named below like any other
        pass
    raise FieldError("a date YYYY-MM-DD")


def moment(timezone: ZoneInfo) -> Callable[[str], datetime]:
    """ISO 8601 with date and time; without offset, ``timezone`` is meant. The result is in UTC, so that one moment is
    one key however it is written."""

    def parse(cell: str) -> datetime:
        try:
            if _MOMENT.fullmatch(cell) and EARLIEST <= cell < LATEST:
                value = datetime.fromisoformat(cell)
                return (value if value.tzinfo else value.replace(tzinfo=timezone)).astimezone(UTC)
        except ValueError:
            pass
        raise FieldError("a time as in ISO 8601, such as 2026-05-11T08:30 or 2026-05-11T08:30:00+09:00")

    return parse


def boolean(cell: str) -> bool:
    """In any case of letters: spreadsheets rewrite ``true`` as ``TRUE``."""
    match cell.lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise FieldError("true or false")


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number from ``low`` to ``high``, both included."""

    def parse(cell: str) -> int:
        if _INTEGER.fullmatch(cell) and low <= int(cell) <= high:
            return int(cell)
        raise FieldError(f"a whole number from {low} to {high}")

    return parse


def count(cell: str) -> int:
    """How many, or how long in whole units."""
    if _COUNT.fullmatch(cell):
        return int(cell)
    raise FieldError("a whole number of 0 or more, of at most 9 digits")


def points(cell: str) -> float:
    if _POINTS.fullmatch(cell):
        return float(cell)
    raise FieldError("a number of 0 or more, such as 85 or 7.5")


def web_address(cell: str) -> str:
    try:
        parts = urlsplit(cell)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not _NO_ADDRESS.search(cell):
            return cell
    except ValueError:  # brackets that hold no address, a port that is no number
        pass
    raise FieldError("an address that begins with https:// or http://")


def choice(allowed: Iterable[str], *, extensible: bool = False) -> Callable[[str], str]:
    """One of ``allowed``; if ``extensible``, also OneRoster's extension form ``ext:…``."""
    words = tuple(allowed)
    known = frozenset(words)
    expected = "one of " + ", ".join([*words, "ext:…"] if extensible else words)

    def parse(cell: str) -> str:
        if cell in known or (extensible and cell.startswith("ext:") and len(cell) > len("ext:")):
            return cell
        raise FieldError(expected)

    return parse


def listed(parse_item: Parser, separator: str) -> Callable[[str], list[Any]]:
    """The items between separators, each read by ``parse_item``; spaces around them and empty items do not count."""

    def parse(cell: str) -> list[Any]:
        return [parse_item(item.strip()) for item in cell.split(separator) if item.strip()]

    return parse


grade = choice(GRADES)
