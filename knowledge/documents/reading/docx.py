"""Word documents."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from docx import Document
from docx.oxml.parser import parse_xml
from docx.table import Table

from knowledge.documents.reading.marks import heading_level
from knowledge.documents.reading.model import ReadDocument
from knowledge.documents.reading.outline import Outline
from knowledge.documents.reading.tables import lines_of

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"  # the same again for old programs
# Deleted text, the readings over kanji, and text boxes, which are paragraphs of their own.
LEFT_OUT = frozenset([f"{W}del", f"{W}rt", f"{W}txbxContent", f"{W}moveFrom", f"{W}instrText", FALLBACK])
BREAKS = {f"{W}tab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "-"}
HEADING_STYLE = re.compile(r"(?:heading|見出し)\s*(\d)", re.IGNORECASE)
CONTENTS_STYLE = re.compile(r"(?:toc|目次)\s*\d", re.IGNORECASE)


def read_docx(content: bytes) -> ReadDocument:
    """What a reader of the page sees: headings by their styles, else by their numbering; notes at the end. Raises
    whatever a damaged file causes."""
    document: Any = Document(BytesIO(content))
    _strip_hidden(document)
    outline = Outline()
    title: str | None = None
    for block in document.iter_inner_content():
        if isinstance(block, Table):
            _add_table(block, outline)
        else:
            title = _add_paragraph(block, outline, title)
    for note in _notes(document):
        outline.add(note)
    return outline.build(title or outline.first)


def _strip_hidden(document: Any) -> None:
    """Take out what Word does not show, and the frames of content controls: what stands in them is text like other."""
    body = document.element.body
    for frame in list(body.iter(f"{W}sdt", f"{W}customXml")):
        for holder in list(frame.iterchildren(f"{W}sdtContent")) if frame.tag == f"{W}sdt" else [frame]:
            for child in list(holder):
                frame.addprevious(child)
        frame.getparent().remove(frame)
    hiding = {style.style_id for style in document.styles if _hides(style)}
    rows = [row for row in body.iter(f"{W}tr") if row.find(f"{W}trPr/{W}del") is not None]
    for each in [*rows, *(run for run in body.iter(f"{W}r") if _is_hidden(run, hiding))]:
        each.getparent().remove(each)


def _hides(style: Any) -> bool:
    """Whether a style, or the one that it is based on, hides text."""
    if not hasattr(style, "font"):
        return False  # of lists
    return bool(style.font.hidden or (style.font.hidden is None and style.base_style and _hides(style.base_style)))


def _is_hidden(run: Any, hiding: set[str]) -> bool:
    mark = run.find(f"{W}rPr/{W}vanish")
    if mark is not None:
        return mark.get(f"{W}val") not in ("0", "false", "off")
    styles = (run.find(f"{W}rPr/{W}rStyle"), run.getparent().find(f"{W}pPr/{W}pStyle"))
    return any(style is not None and style.get(f"{W}val") in hiding for style in styles)


def _add_paragraph(paragraph: Any, outline: Outline, title: str | None) -> str | None:
    """The title, where this paragraph is it; else the one known so far."""
    text = _text(paragraph._p).strip()
    style = str(paragraph.style.name if paragraph.style is not None else "")
    level = _level(style, text)
    if CONTENTS_STYLE.match(style):
        pass  # the list of contents: the headings follow
    elif style in {"Title", "表題"} and title is None:
        title = " ".join(text.split()) or None
    elif level is not None:
        outline.heading(level, text)
    else:
        outline.add(text)
    for box in paragraph._p.iter(f"{W}txbxContent"):
        if not any(each.tag == FALLBACK for each in box.iterancestors()):
            outline.add("\n".join(filter(None, (_text(each).strip() for each in box.iter(f"{W}p")))))
    return title


def _level(style: str, text: str) -> int | None:
    named = HEADING_STYLE.match(style)
    if named:
        return int(named[1])
    return heading_level(text, certain_only=True)


def _text(element: Any) -> str:
    """All text below an element as it is shown."""
    return "".join(_pieces(element))


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag in LEFT_OUT:
            continue
        if child.tag == f"{W}t":
            yield child.text or ""
        elif child.tag in BREAKS and child.getparent().tag == f"{W}r":
            yield BREAKS[child.tag]
        else:
            yield from _pieces(child)


def _add_table(table: Table, outline: Outline) -> None:
    """Cells that span rows or columns count for each of them."""
    rows = [[_cell(cell) for cell in row.cells] for row in table.rows]
    is_marked = bool(rows) and table.rows[0]._tr.find(f"{W}trPr/{W}tblHeader") is not None
    for line in lines_of(rows, has_header=is_marked or None):
        outline.add(line, is_row=True)


def _cell(cell: Any) -> str:
    return "\n".join(_text(paragraph) for paragraph in cell._tc.iter(f"{W}p"))


def _notes(document: Any) -> Iterator[str]:
    for relation in document.part.rels.values():
        if not relation.is_external and relation.reltype.endswith(("/footnotes", "/endnotes")):
            notes: Any = parse_xml(relation.target_part.blob)
            for note in notes:
                if note.get(f"{W}type") is None:  # others are the lines drawn above the notes
                    yield _text(note)
