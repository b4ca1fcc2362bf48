"""CSV that a spreadsheet opens as it is meant: UTF-8 with BOM, and no cell that it would run."""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8
from collections.abc import Iterable, Sequence
from io import StringIO

# What a spreadsheet would take for a formula, full-width signs and leading blanks included (OWASP, "CSV Injection")
FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
Cell = str | int | float | None


def csv_file(lines: Iterable[Sequence[Cell]]) -> bytes:
    """Lines, the headings first, ended as RFC 4180 has it; None is an empty cell."""
    text = StringIO(newline="")
    csv.writer(text).writerows([_safe(cell) for cell in line] for line in lines)
    return BOM_UTF8 + text.getvalue().encode("utf-8")


def _safe(cell: Cell) -> Cell:
    """A text that would begin a formula gets an apostrophe before it."""
    return f"'{cell}" if isinstance(cell, str) and FORMULA.match(cell) else cell
