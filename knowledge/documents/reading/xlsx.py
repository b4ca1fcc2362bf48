"""Excel workbooks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from typing import Any

from openpyxl import load_workbook

from knowledge.documents.reading.limits import MAX_CHARACTERS
from knowledge.documents.reading.model import ReadDocument
from knowledge.documents.reading.number_format import shown_moment, shown_number
from knowledge.documents.reading.outline import Outline
from knowledge.documents.reading.tables import lines_of

MAX_CELLS = MAX_CHARACTERS  # of one sheet; a sheet may claim to be a million rows long


def read_xlsx(content: bytes) -> ReadDocument:
    """A sheet is a page and a heading; empty rows part tables; hidden sheets, rows and columns are left out.
    Raises whatever a damaged file causes."""
    book: Any = load_workbook(BytesIO(content), data_only=True)
    outline = Outline()
    for page, sheet in enumerate(book.worksheets, 1):
        if sheet.sheet_state != "visible":
            continue
        outline.heading(1, sheet.title, page)
        for block in _blocks(sheet):
            while block and sum(map(bool, block[0])) == 1:  # a line above the table
                outline.add("".join(block.pop(0)), page)
            for line in lines_of(block, has_header=True if block and _is_header(block) else None):
                outline.add(line, page, is_row=True)
    return outline.build(None, len(book.worksheets))


def _blocks(sheet: Any) -> Iterator[list[list[str]]]:
    """Rows between empty rows."""
    spanned, hidden = _spanned(sheet), _hidden_columns(sheet)
    block: list[list[str]] = []
    if sheet.max_row * sheet.max_column > MAX_CELLS:
        sheet = sheet.iter_rows(max_row=MAX_CELLS // sheet.max_column)
    for number, row in enumerate(getattr(sheet, "rows", sheet), 1):
        if getattr(row[0], "parent", None) is not None and row[0].parent.row_dimensions[number].hidden:
            continue
        cells = [_shown(cell) or spanned.get((cell.row, cell.column), "") for cell in row if cell.column not in hidden]
        if any(cells):
            block.append(cells)
        elif block:
            yield block
            block = []
    if block:
        yield block


def _spanned(sheet: Any) -> dict[tuple[int, int], str]:
    """What stands in cells that were made one with the cell above them, by row and column."""
    return {
        (row, area.min_col): _shown(sheet.cell(area.min_row, area.min_col))
        for area in sheet.merged_cells.ranges
        if area.max_row - area.min_row < 1000
        for row in range(area.min_row + 1, area.max_row + 1)
    }


def _hidden_columns(sheet: Any) -> frozenset[int]:
    return frozenset(
        column
        for each in sheet.column_dimensions.values()
        if each.hidden and each.min and each.max  # one entry may stand for several columns
        for column in range(each.min, min(each.max, sheet.max_column) + 1)
    )


def _is_header(block: list[list[str]]) -> bool:
    """In a workbook a full first row of short names over rows of the same width is a header, with two columns too."""
    filled = [cell for cell in block[0] if cell]
    return len(block) > 2 and len(set(filled)) == len(filled) > 1 and all(len(cell) <= 30 for cell in filled)


def _shown(cell: Any) -> str:
    """A cell's value as it is read on the screen."""
    match cell.value:
        case None:
            return ""
        case bool(value):
            return "TRUE" if value else "FALSE"
        case datetime() | date() | time() | timedelta() as moment:
            return shown_moment(moment, cell.number_format)
        case int() | float() as number:
            return shown_number(number, cell.number_format)
        case value:
            return str(value).strip()
