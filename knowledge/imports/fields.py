"""The words of one cell as a value. Every parser takes a cell that is not empty and raises ``FieldError``."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

Parser = Callable[[str], Any]

EARLIEST = "1900"  # year: what is older is a slip of the pen
LATEST = "9999"  # year of the first moment that is refused: in UTC it might be past the end of the calendar
LONGEST_ID = 255  # characters of a sourcedId (OneRoster 1.2 allows 255)
GRADES = ("E1", "E2", "E3", "P1", "P2", "P3", "P4", "P5", "P6", "J1", "J2", "J3", "H1", "H2", "H3")

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)?", re.ASCII)
_INTEGER = re.compile(r"-?\d{1,12}", re.ASCII)


class FieldError(ValueError):
    """A cell cannot be read; ``expected`` says what it should hold."""

    def __init__(self, expected: str) -> None:
        super().__init__(expected)
        self.expected = expected


def text(cell: str) -> str:
    return cell


def identifier(cell: str) -> str:
    if len(cell) > LONGEST_ID:
        raise FieldError(f"at most {LONGEST_ID} characters")
    return cell


@lru_cache(maxsize=4096)  # a file names few days, many times
def day(cell: str) -> date:
    try:
        if _DATE.fullmatch(cell) and cell >= EARLIEST:
            return date.fromisoformat(cell)
    except ValueError:  # the 31st of June: named below like any other
        pass
    raise FieldError("a date YYYY-MM-DD")


def moment(timezone: ZoneInfo) -> Callable[[str], datetime]:
    """ISO 8601 with date and time; without offset, ``timezone`` is meant. The result is aware."""

    def parse(cell: str) -> datetime:
        try:
            if _MOMENT.fullmatch(cell) and EARLIEST <= cell < LATEST:
                value = datetime.fromisoformat(cell)
                return value if value.tzinfo else value.replace(tzinfo=timezone)
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
