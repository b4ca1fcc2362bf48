"""PowerPoint slides."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import Any

from pptx import Presentation

from knowledge.documents.reading.model import ReadDocument
from knowledge.documents.reading.outline import Outline
from knowledge.documents.reading.tables import lines_of


def read_pptx(content: bytes) -> ReadDocument:
    """A slide is a page, its title a heading; the speaker's notes follow the slide. Hidden slides are left out.
    Raises whatever a damaged file causes."""
    show: Any = Presentation(BytesIO(content))
    outline = Outline()
    for page, slide in enumerate(show.slides, 1):
        if slide._element.get("show") == "0":
            continue
        title = slide.shapes.title
        outline.heading(1, _shown(title.text_frame.text) if title is not None else f"{page}", page)
        for shape in _in_reading_order(slide.shapes):
            if title is not None and shape.shape_id == title.shape_id:
                continue
            if getattr(shape, "has_table", False) and shape.has_table:
                rows = [[cell.text for cell in row.cells] for row in shape.table.rows]
                for line in lines_of(rows, has_header=bool(shape.table.first_row)):
                    outline.add(line, page, is_row=True)
            elif shape.has_text_frame:
                outline.add(_shown(shape.text_frame.text), page)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            outline.add(_shown(slide.notes_slide.notes_text_frame.text), page)
    return outline.build(None, len(show.slides))


def _in_reading_order(shapes: Iterable[Any]) -> Iterator[Any]:
    """From the top to the bottom, then from the left; the shapes of a group in its place. Hidden ones are left out."""
    for shape in sorted(shapes, key=lambda each: (each.top or 0, each.left or 0)):
        if shape._element._nvXxPr.cNvPr.get("hidden") in ("1", "true"):
            continue
        if hasattr(shape, "shapes"):
            yield from _in_reading_order(shape.shapes)
        else:
            yield shape


def _shown(text: str) -> str:
    return text.replace("\v", "\n")
