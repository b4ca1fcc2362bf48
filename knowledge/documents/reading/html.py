"""HTML pages, and Markdown by way of them."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from bs4.element import NavigableString, PreformattedString
from markdown_it import MarkdownIt

from knowledge.documents.reading.marks import joined
from knowledge.documents.reading.model import ReadDocument
from knowledge.documents.reading.outline import Outline
from knowledge.documents.reading.tables import lines_of
from knowledge.documents.reading.text import decoded

CHARSET = re.compile(rb"""<(?:meta|\?xml)[^>]*(?:charset|encoding)\s*=\s*["']?\s*([\w.:-]+)""", re.IGNORECASE)
SHIFT_JIS = ("shift_jis", "shift-jis", "sjis", "x-sjis", "windows-31j", "ms_kanji")
NOT_SHOWN = frozenset(
    re.findall(r"\w+", "script style template noscript nav head rt rp select textarea svg iframe object")
)
HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|opacity\s*:\s*0(?![.\d])")
HEADINGS = {f"h{level}": level for level in range(1, 7)}
BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption "
        "figure footer form h1 h2 h3 h4 h5 h6 header hr html legend li main menu ol p pre section summary table "
        "tbody td tfoot th thead tr ul",
    )
)
MOST_COLUMNS = 200  # of a table; a few bytes may ask for millions of cells
DEEPEST = 200  # levels of nesting; below it elements are taken as text
FRONT_MATTER = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
FRONT_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)


def read_html(content: bytes) -> ReadDocument:
    """What a reader of the page sees: without scripts, navigation and hidden text. Raises ``UnreadableError``."""
    return _read(_html(content))


def read_markdown(content: bytes) -> ReadDocument:
    """Markdown with tables; its title is that of the front matter, else its first heading where that stands above
    everything. Raises ``UnreadableError``."""
    text = decoded(content).replace("\r\n", "\n")
    front = FRONT_MATTER.match(text)
    title = FRONT_TITLE.search(front[1]) if front else None
    page = MarkdownIt("commonmark").enable("table").render(text[front.end() :] if front else text)
    return _read(page, title[1] if title else None)


def _html(content: bytes) -> str:
    named = CHARSET.search(content[:4096])
    if named and named[1].decode("ascii").lower() in SHIFT_JIS:  # pages say so and mean Microsoft's, with ① and ㈱
        return content.decode("cp932", "replace")
    if named:
        try:
            return content.decode(named[1].decode("ascii"))
        except (LookupError, UnicodeDecodeError):
            pass  # it does not say what it is: look at the bytes
    return decoded(content)


def _read(page: str, title: str | None = None) -> ReadDocument:
    soup = BeautifulSoup(page, "lxml")
    if title is None and soup.title is not None:
        title = " ".join(soup.title.get_text().split()) or None
    for each in [each for each in soup.descendants if isinstance(each, Tag) and _is_hidden(each)]:
        each.extract()
    outline = Outline()
    _walk(soup, outline)
    return outline.build(title or outline.first)


def _is_hidden(element: Tag) -> bool:
    if element.name in NOT_SHOWN:
        return True
    attributes = element.attrs
    return bool(attributes) and (
        "hidden" in attributes or HIDING.search(str(attributes.get("style") or "")) is not None
    )


def _walk(element: Tag, outline: Outline, depth: int = 0) -> None:
    """Blocks one after the other; what stands between them is a paragraph of its own."""
    between: list[str] = []
    for child in element.children:
        if isinstance(child, Tag) and depth < DEEPEST and _has_block(child):
            _add(between, outline)
            between = []
            if child.name in HEADINGS:
                outline.heading(HEADINGS[child.name], _inline(child))
            elif child.name == "table" and not child.find("table"):
                _add_table(child, outline)
            elif child.name == "pre":
                outline.add(child.get_text())
            else:
                _walk(child, outline, depth + 1)
        else:
            between.append(_inline(child))
    _add(between, outline)


def _has_block(element: Tag) -> bool:
    return element.name in BLOCKS or any(isinstance(each, Tag) and each.name in BLOCKS for each in element.descendants)


def _add(between: list[str], outline: Outline) -> None:
    outline.add("\n".join(joined(line.split("\v")) for line in "".join(between).split("\f")))


def _inline(node: object) -> str:
    r"""Text as a line of it is shown: \v stands for a line break of the source, \f for one of the page."""
    if isinstance(node, Tag):
        return "".join([_written(node), *map(_written, node.descendants)])
    return _written(node)


def _written(node: object) -> str:
    """What an element or a text says by itself, whatever stands within it."""
    match node:
        case PreformattedString():  # comments and the like
            return ""
        case NavigableString():
            return re.sub(r"[ \t]*[\r\n\v]\s*", "\v", re.sub(r"[ \t\f]+", " ", str(node)))
        case Tag(name="br"):
            return "\f"
        case Tag(name="img"):
            return str(node.get("alt") or "")
        case _:
            return ""


def _cell(cell: Tag) -> str:
    return joined(re.split(r"[\v\f]", _inline(cell)))


def _add_table(table: Tag, outline: Outline) -> None:
    """Cells that span rows or columns count for each of them."""
    caption = table.find("caption")
    if isinstance(caption, Tag):
        outline.add(_cell(caption))
    rows: list[list[str]] = []
    waiting: dict[int, tuple[int, str]] = {}  # column → rows still to fill, with what
    header = False
    for row in table.find_all("tr"):
        cells: list[str] = []
        found = row.find_all(["td", "th"])
        if not rows:
            header = bool(found) and all(each.name == "th" for each in found)
        for cell in found:
            _fill(cells, waiting)
            text = _cell(cell)
            for _ in range(_span(cell, "colspan")):
                if (more := _span(cell, "rowspan") - 1) > 0:
                    waiting[len(cells)] = (more, text)
                cells.append(text)
            if len(cells) > MOST_COLUMNS:
                break
        _fill(cells, waiting)
        rows.append(cells)
    for line in lines_of(rows, has_header=header or None):
        outline.add(line, is_row=True)


def _fill(cells: list[str], waiting: dict[int, tuple[int, str]]) -> None:
    while (column := len(cells)) in waiting:
        left, text = waiting.pop(column)
        cells.append(text)
        if left > 1:
            waiting[column] = (left - 1, text)


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name) or "1")
    return min(int(value), 100) if value.isdecimal() and int(value) else 1
