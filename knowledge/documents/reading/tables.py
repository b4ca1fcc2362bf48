"""Tables as lines that can be understood alone: every row with the names of its columns."""

from __future__ import annotations

from collections.abc import Sequence

from knowledge.documents.reading.marks import WIDE


def lines_of(rows: Sequence[Sequence[str]], *, has_header: bool | None = None) -> list[str]:
    """A line per row: ``学年：3年／時数：10時間``. Without a header, and in a table of two columns that does not say
    it has one, what stands in the first column names the second. ``has_header`` None: told by how it looks."""
    rows = [[" ".join(cell.split()) for cell in row] for row in rows]
    rows = [row for row in rows if any(row)]
    if not rows:
        return []
    width = max(len(row) for row in rows)
    rows = [[*row, *[""] * (width - len(row))] for row in rows]
    used = [column for column in range(width) if any(row[column] for row in rows)]
    rows = [[row[column] for column in used] for row in rows]
    is_wide = any(WIDE.search(cell) for row in rows for cell in row)
    names, between = ("：", "／") if is_wide else (": ", " / ")
    if has_header is None:
        has_header = len(used) > 2 and _looks_like_header(rows)
    if has_header and len(rows) > 1:
        header = rows[0]
        return [
            between.join(
                f"{name}{names}{cell}" if name else cell for name, cell in zip(header, row, strict=True) if cell
            )
            for row in rows[1:]
        ]
    if len(used) == 2:
        return [names.join(cell for cell in row if cell) for row in rows]
    return [" | ".join(cell for cell in row if cell) for row in rows]


def _looks_like_header(rows: Sequence[Sequence[str]]) -> bool:
    """Short names, all different, none of them a number; the corner may be empty."""
    first = rows[0]
    names = [cell for cell in first if cell]
    return (
        len(rows) > 1
        and all(first[1:])
        and len(set(names)) == len(names)
        and all(len(name) <= 30 and not name.replace(".", "").replace(",", "").isdecimal() for name in names)
    )
