"""PDF files: paragraphs, headings and tables put together again from characters on pages."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pypdfium2

from knowledge.documents.reading.limits import MAX_CHARACTERS, MAX_PAGES
from knowledge.documents.reading.marks import ITEM, LONGEST_HEADING, SENTENCE_END, WIDE, heading_level, joined
from knowledge.documents.reading.model import ReadDocument, Reason, UnreadableError
from knowledge.documents.reading.outline import Outline
from knowledge.documents.reading.pdf_page import Page, Run, read_page
from knowledge.documents.reading.tables import lines_of

FILE_START = 1024  # bytes within which a PDF says that it is one
MARGIN = 0.1  # of the page's height, above and below: where running heads and page numbers stand
LARGER = 1.12  # times the size of the running text: a heading
SPACED = 1.3  # times the usual distance of two lines: a new paragraph
FEWEST_CHARACTERS = 3  # on a page, on average; fewer are the stamp of a scanner
MOST_UNKNOWN = 0.3  # of the characters: the file does not say which characters its pictures of them stand for
PAGE_NUMBER = re.compile(r"[\s\-–—－―]*(p\.?\s*)?\d{1,4}(\s*[/／]\s*\d{1,4})?(\s*ページ)?[\s\-–—－―]*", re.IGNORECASE)
LEADERS = re.compile(r"([.．…‥・·]\s?){4,}.{0,2}\d{1,4}\s*$|…{2,}\s*\d{1,4}\s*$")  # of a list of contents
CONTENTS = frozenset(["目次", "もくじ", "目 次", "contents", "tableofcontents"])
KANA_ONLY = re.compile(r"[ぁ-んァ-ヶー\s]+")
RUBY = 0.65  # of the running text's size: kana as small as this are readings over kanji


@dataclass(kw_only=True)
class _Line:
    text: str
    left: float
    right: float
    middle: float
    size: float
    table: int | None = None  # index of a table that stands here, in place of a text


def read_pdf(content: bytes) -> ReadDocument:
    """Without running heads, page numbers and the list of contents; the title where the first page says it too.
    Raises ``UnreadableError``."""
    if b"%PDF" not in content[:FILE_START]:
        raise UnreadableError(Reason.BROKEN)
    try:
        document: Any = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(Reason.ENCRYPTED if "password" in str(error).lower() else Reason.BROKEN) from error
    try:
        return _read(document)
    except pypdfium2.PdfiumError as error:
        raise UnreadableError(Reason.BROKEN) from error
    finally:
        document.close()


def _read(document: Any) -> ReadDocument:
    count = len(document)
    if count > MAX_PAGES:
        raise UnreadableError(Reason.TOO_LONG)
    pages: list[Page] = []
    characters = 0
    for index in range(count):
        page = document[index]
        pages.append(read_page(page, index + 1))
        page.close()
        characters += sum(len(run.text) for run in pages[-1].runs)
        if characters > MAX_CHARACTERS:
            raise UnreadableError(Reason.TOO_LONG)
    unknown = sum(
        run.text.count("\ufffd") + sum("\ue000" <= each <= "\uf8ff" for each in run.text)
        for page in pages
        for run in page.runs
    )
    if characters < FEWEST_CHARACTERS * count or unknown > MOST_UNKNOWN * characters:
        raise UnreadableError(Reason.NO_TEXT)
    return _put_together(pages, " ".join(str(document.get_metadata_dict().get("Title") or "").split()))


def _put_together(pages: list[Page], named: str) -> ReadDocument:
    first = _squeezed("".join(run.text for run in pages[0].runs))
    title = named if named and _squeezed(named) in first else None
    repeated = _running(pages)
    sizes: Counter[float] = Counter()
    for page in pages:
        for run in page.runs:
            sizes[run.size] += len(run.text)
    body = sizes.most_common(1)[0][0]
    shown = [(page, list(_lines(page, repeated, body))) for page in pages]
    spacing = _spacing([lines for _, lines in shown], body)
    larger = sorted({line.size for _, lines in shown for line in lines if line.size >= body * LARGER}, reverse=True)
    ranks = {size: rank for rank, size in enumerate(larger, 1)}
    outline = Outline()
    for page, lines in shown:
        _add_page(page, lines, outline, ranks, spacing, title)
    return outline.build(title, len(pages))


def _running(pages: list[Page]) -> frozenset[str]:
    """What stands at the top or bottom of many pages, numbers aside."""
    if len(pages) < 3:
        return frozenset()
    seen = Counter(key for page in pages for key in {_key(run) for run in page.runs if _is_in_margin(run, page)})
    return frozenset(key for key, times in seen.items() if times >= max(3, len(pages) // 3))


def _key(run: Run) -> str:
    return re.sub(r"\d+", "#", _squeezed(run.text))


def _is_in_margin(run: Run, page: Page) -> bool:
    return not MARGIN * page.height < run.middle < (1 - MARGIN) * page.height


def _lines(page: Page, repeated: frozenset[str], body: float) -> Iterator[_Line]:
    """The page line by line, a table as one."""
    tables: set[int] = set()
    line: _Line | None = None
    for run in page.runs:
        if _is_in_margin(run, page) and (_key(run) in repeated or PAGE_NUMBER.fullmatch(run.text)):
            continue
        if run.size <= body * RUBY and KANA_ONLY.fullmatch(run.text):
            continue
        if run.cell is not None and run.grid is not None:
            if line is not None:
                yield line
                line = None
            if run.grid not in tables:
                tables.add(run.grid)
                yield _Line(text="", left=0, right=0, middle=run.middle, size=0, table=run.grid)
        elif line is not None and abs(line.middle - run.middle) < run.size * 0.4 and run.left >= line.right - 1:
            line.text += f" {run.text}"
            line.right = run.right
        else:
            if line is not None:
                yield line
            line = _Line(text=run.text, left=run.left, right=run.right, middle=run.middle, size=run.size)
    if line is not None:
        yield line


def _spacing(pages: list[list[_Line]], body: float) -> float:
    """The usual distance of two lines of the running text, in points."""
    distances = Counter(
        round(one.middle - other.middle)
        for lines in pages
        for one, other in pairwise(lines)
        if one.size == other.size == body and 0 < one.middle - other.middle < body * 3
    )
    return float(distances.most_common(1)[0][0]) if distances else body * 1.5


def _add_page(
    page: Page, lines: list[_Line], outline: Outline, ranks: dict[float, int], spacing: float, title: str | None
) -> None:
    block: list[_Line] = []  # lines of one paragraph, or of one heading
    level: int | None = None  # of the heading that the block is

    def close() -> None:
        text = joined([line.text for line in block])
        block.clear()
        if not text or _squeezed(text).lower() in CONTENTS:
            return
        if level is None or (title and _squeezed(text) in _squeezed(title) and page.number == 1):
            outline.add(text, page.number)
        else:
            outline.heading(level, text, page.number)

    for line, right in zip(lines, _column_ends(lines), strict=True):
        if line.table is not None:
            close()
            for row in _rows(page, line.table):
                outline.add(row, page.number, is_row=True)
            level = None
            continue
        if LEADERS.search(line.text):
            continue
        its_level = _level(line, ranks)
        if block and (its_level != level or _begins(line, block[-1], right, spacing, is_heading=level is not None)):
            close()
        level = its_level
        block.append(line)
    close()


def _column_ends(lines: list[_Line]) -> list[float]:
    """How far to the right the column of each line goes: where a line stands above the one before it, another column
    begins."""
    columns: list[list[_Line]] = []
    for line in lines:
        if not columns or line.middle > columns[-1][-1].middle + line.size:
            columns.append([])
        columns[-1].append(line)
    return [max(each.right for each in column) for column in columns for _ in column]


def _level(line: _Line, ranks: dict[float, int]) -> int | None:
    """As a heading, 1 the outermost; None for running text. Larger letters count for more than a number."""
    if len(line.text) > LONGEST_HEADING or line.text.endswith(SENTENCE_END):
        return None
    if line.size in ranks:
        return ranks[line.size]
    numbered = heading_level(line.text, certain_only=True)
    return None if numbered is None else len(ranks) + numbered


def _begins(line: _Line, before: _Line, right: float, spacing: float, *, is_heading: bool) -> bool:
    """Whether a line begins a new paragraph (or heading) after the one before it."""
    distance = before.middle - line.middle
    if is_heading:
        return heading_level(line.text) is not None or not 0 < distance < line.size * 2
    if not 0 < distance < spacing * SPACED:
        return True  # further down, or up again: another column
    if ITEM.match(line.text) or line.size != before.size:
        return True
    most = before.size * (3 if WIDE.match(before.text[-1]) else 8)  # a longer gap would have held the next word
    is_indented = 0.6 * line.size < line.left - before.left < 3 * line.size
    return right - before.right > most or (is_indented and before.text.endswith(("。", ".")))


def _rows(page: Page, table: int) -> list[str]:
    grid = page.grids[table]
    texts: defaultdict[tuple[int, int], list[str]] = defaultdict(list)
    for run in page.runs:
        if run.grid == table and run.cell is not None:
            texts[run.cell].append(run.text)
    rows = [
        [
            joined(texts[root]) if (root := grid.root(row, column))[1] == column else ""
            for column in range(len(grid.xs) - 1)
        ]
        for row in range(len(grid.ys) - 1)
    ]
    return lines_of(rows)


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)
