"""What stands on one page of a PDF: runs of characters, and the ruled lines of its tables."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pypdfium2.raw

from knowledge.documents.reading.marks import WIDE

raw: Any = pypdfium2.raw  # calls into a C library: they have no types

NEAR = 3.0  # points: lines as near as this are one
THIN = 3.0  # points: a rectangle as thin as this is a line
MAX_RULES = 1500  # of one page; beyond it is a drawing, not a table
APART = 1.2  # of the characters' height: a gap as wide as this parts two runs
FEWEST_DOWN = 4  # characters below each other; fewer may be so by chance
DOWNWARDS = re.compile(rf"{WIDE.pattern}|\d{{1,3}}|[A-Za-z]")  # what is drawn at once in a line that is read downwards
LINE_END_HYPHEN = 2  # what PDFium gives for a hyphen at the end of a line
RADICALS = range(0x2E80, 0x2FE0)  # that fonts give for kanji that look the same


@dataclass(frozen=True, kw_only=True)
class Rule:
    """A ruled line along one axis, in points from the lower left."""

    is_level: bool
    at: float  # on the other axis
    start: float
    end: float


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The cells of a table: lines from the left to the right and from the top to the bottom."""

    xs: tuple[float, ...]
    ys: tuple[float, ...]  # descending
    rules: tuple[Rule, ...]

    def cell(self, x: float, y: float) -> tuple[int, int] | None:
        """Row and column of a point, of a merged cell those of its upper left; None outside."""
        row = sum(y < each for each in self.ys) - 1
        column = sum(x > each for each in self.xs) - 1
        if not (0 <= row < len(self.ys) - 1 and 0 <= column < len(self.xs) - 1):
            return None
        return self.root(row, column)

    def root(self, row: int, column: int) -> tuple[int, int]:
        while column > 0 and not self._parted(False, self.xs[column], self._middle(self.ys, row)):
            column -= 1
        while row > 0 and not self._parted(True, self.ys[row], self._middle(self.xs, column)):
            row -= 1
        return row, column

    def _parted(self, is_level: bool, at: float, by: float) -> bool:
        return any(
            each.is_level is is_level and abs(each.at - at) <= NEAR and each.start <= by <= each.end
            for each in self.rules
        )

    @staticmethod
    def _middle(edges: Sequence[float], index: int) -> float:
        return (edges[index] + edges[index + 1]) / 2


@dataclass(kw_only=True)
class Run:
    """Characters beside each other, of one size, all in one cell or in none."""

    text: str
    left: float  # points from the lower left of the page
    right: float
    bottom: float
    top: float
    grid: int | None  # index of its table
    cell: tuple[int, int] | None  # row and column in it

    @property
    def size(self) -> float:
        """Height of its characters, rounded to half points."""
        return round((self.top - self.bottom) * 2) / 2

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(frozen=True, kw_only=True)
class Page:
    number: int  # from 1
    height: float  # points
    runs: list[Run] = field(default_factory=list[Run])  # in the order in which they are drawn
    grids: list[Grid]


def read_page(page: Any, number: int) -> Page:
    """The page ``number`` of a document."""
    grids = _grids(list(_rules(page)))
    found = Page(number=number, height=float(page.get_height()), grids=grids)
    text_page = page.get_textpage()
    try:
        found.runs.extend(lines_down(_runs(text_page.raw, grids)))
    finally:
        text_page.close()
    return found


def _runs(text_page: Any, grids: list[Grid]) -> Iterator[Run]:
    box = raw.FS_RECTF()
    run: Run | None = None
    space = high = 0  # a space to write before the next character; the first half of a pair
    for index in range(raw.FPDFText_CountChars(text_page)):
        code = raw.FPDFText_GetUnicode(text_page, index)
        if code in (10, 13):
            space = 0
            if run is not None:
                yield run
            run = None
            continue
        if code in (0, 9, 32, 160, 0x3000):
            space = 1
            continue
        if 0xD800 <= code < 0xDC00:
            high = code
            continue
        if 0xDC00 <= code < 0xE000:
            code = 0x10000 + ((high - 0xD800) << 10) + (code - 0xDC00) if high else 0xFFFD
        high = 0
        if not raw.FPDFText_GetLooseCharBox(text_page, index, ctypes.byref(box)):
            continue
        left, right, bottom, top = box.left, box.right, box.bottom, box.top
        grid, cell = _place(grids, (left + right) / 2, (bottom + top) / 2)
        # Of some characters PDFium knows only the ink: 一 is flat. The height of those before it counts, too.
        height = max(top - bottom, run.top - run.bottom if run is not None else 0.0)
        if run is not None and (
            abs((bottom + top) / 2 - run.middle) > height / 2
            or left - run.right > height * APART
            or left < run.left - height
            or (grid, cell) != (run.grid, run.cell)
        ):
            yield run
            run = None
        character = _character(code)
        if run is None:
            run = Run(text=character, left=left, right=right, bottom=bottom, top=top, grid=grid, cell=cell)
        else:
            is_wide = WIDE.match(run.text[-1]) is not None and WIDE.match(character) is not None
            run.text += f" {character}" if space and not (is_wide and left - run.right < height / 4) else character
            run.right = max(run.right, right)
            run.bottom, run.top = min(run.bottom, bottom), max(run.top, top)
        space = 0
    if run is not None:
        yield run


def lines_down(runs: Iterable[Run]) -> Iterator[Run]:
    """The runs, with those of lines that are read from the top to the bottom put together. Where such a line does not
    end a sentence, the next one to its left goes on with it."""
    whole: Run | None = None  # lines put together so far, where the last of them begins
    line: list[Run] = []
    for run in [*runs, None]:
        if run is not None and line and _stands_below(run, line[-1]):
            line.append(run)
            continue
        if line:
            goes_on = whole is not None and _goes_on(whole, line[0])
            if whole is not None and not goes_on:
                yield whole
            if goes_on or len(line) >= FEWEST_DOWN:
                before = whole.text if whole is not None and goes_on else ""
                whole = replace(line[0], text=before + "".join(each.text for each in line))
            else:
                yield from line
                whole = None
        line = [] if run is None else [run]
    if whole is not None:
        yield whole


def _stands_below(run: Run, above: Run) -> bool:
    """Whether a run is the next character of a line that is read downwards, or a number of few digits in it."""
    em = max(max(each.right - each.left, each.top - each.bottom) for each in (run, above))
    return (
        run.cell is None is above.cell
        and all(DOWNWARDS.fullmatch(each.text) for each in (run, above))
        and abs(run.left + run.right - above.left - above.right) < em
        and -em / 4 < above.bottom - run.top < em
    )


def _goes_on(whole: Run, first: Run) -> bool:
    """Whether a line that is read downwards goes on with the one to its right."""
    width = whole.right - whole.left
    return (
        not whole.text.endswith("。")
        and DOWNWARDS.fullmatch(first.text) is not None
        and width / 2 < whole.left - first.left < width * 2.5
        and abs(whole.size - first.size) <= 1
    )


def _character(code: int) -> str:
    if code == LINE_END_HYPHEN:
        return "-"
    if code in RADICALS:
        return unicodedata.normalize("NFKC", chr(code))
    return chr(code) if code >= 32 else "\ufffd"


def _place(grids: list[Grid], x: float, y: float) -> tuple[int | None, tuple[int, int] | None]:
    for index, grid in enumerate(grids):
        if grid.xs[0] < x < grid.xs[-1] and grid.ys[-1] < y < grid.ys[0]:
            return index, grid.cell(x, y)
    return None, None


def _rules(page: Any) -> Iterator[Rule]:
    """Thin rectangles, and the lines of stroked paths."""
    for drawn in page.get_objects(filter=[raw.FPDF_PAGEOBJ_PATH]):
        left, bottom, right, top = drawn.get_bounds()
        if top - bottom <= THIN < right - left:
            yield Rule(is_level=True, at=(top + bottom) / 2, start=left - NEAR, end=right + NEAR)
        elif right - left <= THIN < top - bottom:
            yield Rule(is_level=False, at=(left + right) / 2, start=bottom - NEAR, end=top + NEAR)
        elif _is_stroked(drawn.raw) and raw.FPDFPath_CountSegments(drawn.raw) <= 5:  # a rectangle
            for at in (bottom, top):
                yield Rule(is_level=True, at=at, start=left - NEAR, end=right + NEAR)
            for at in (left, right):
                yield Rule(is_level=False, at=at, start=bottom - NEAR, end=top + NEAR)


def _is_stroked(path: Any) -> bool:
    filling, stroke = ctypes.c_int(), ctypes.c_int()
    return bool(raw.FPDFPath_GetDrawMode(path, ctypes.byref(filling), ctypes.byref(stroke)) and stroke.value)


def _grids(rules: list[Rule]) -> list[Grid]:
    """Rules that touch each other are one table, when they make at least two rows of two cells."""
    if not 4 <= len(rules) <= MAX_RULES:
        return []
    grids: list[Grid] = []
    waiting = set(range(len(rules)))
    while waiting:
        group, reached = list[Rule](), [waiting.pop()]
        while reached:
            one = rules[reached.pop()]
            group.append(one)
            touching = [index for index in waiting if _touch(one, rules[index])]
            waiting.difference_update(touching)
            reached.extend(touching)
        level = [each for each in group if each.is_level]
        upright = [each for each in group if not each.is_level]
        if not upright or len(level) < 3:
            continue
        ends = [each.start + NEAR for each in level] + [each.end - NEAR for each in level]
        xs = _edges([*(each.at for each in upright), min(ends), max(ends)])
        ys = _edges([each.at for each in level])
        if len(xs) > 2 and len(ys) > 2:
            grids.append(Grid(xs=tuple(xs), ys=tuple(reversed(ys)), rules=tuple(group)))
    return grids


def _touch(one: Rule, other: Rule) -> bool:
    if one.is_level is other.is_level:
        return abs(one.at - other.at) <= NEAR and one.start <= other.end and other.start <= one.end
    return one.start <= other.at <= one.end and other.start <= one.at <= other.end


def _edges(values: list[float]) -> list[float]:
    """Ascending; those that are near each other are one."""
    found: list[float] = []
    for value in sorted(values):
        if not found or value - found[-1] > NEAR:
            found.append(value)
    return found
