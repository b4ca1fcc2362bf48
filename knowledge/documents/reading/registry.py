"""Which reader reads which file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath

from knowledge.documents.reading.limits import MAX_BYTES, MAX_CHARACTERS, MAX_PAGES
from knowledge.documents.reading.model import ReadDocument, Reason, UnreadableError

MEDIA_TYPES = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".html": "text/html",
    ".htm": "text/html",
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".txt": "text/plain",
}
SIMPLE = frozenset([".txt"])  # read without a parser that a file could harm
OLD = frozenset([".doc", ".dot", ".xls", ".ppt", ".pps", ".jtd", ".jtt", ".rtf", ".odt", ".ods", ".odp", ".xdw"])
PICTURES = frozenset([".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif", ".svg"])


def ending(name: str) -> str:
    return PurePath(name).suffix.lower()


def media_type(name: str) -> str:
    """By the name's ending; of a file that ``check_name`` accepts."""
    return MEDIA_TYPES[ending(name)]


def check_name(name: str) -> None:
    """Raises ``UnreadableError`` when the name alone says that the file cannot be read."""
    kind = ending(name)
    if kind not in MEDIA_TYPES:
        raise UnreadableError(
            Reason.OLD_FORMAT if kind in OLD else Reason.PICTURE if kind in PICTURES else Reason.UNKNOWN_FORMAT
        )


def read_file(name: str, content: bytes) -> ReadDocument:
    """The text of a file, told by its name's ending. Raises ``UnreadableError``. What comes from people is read in a
    process of its own: see ``reading.apart``."""
    check_name(name)
    if not content.strip(b" \t\r\n\0"):
        raise UnreadableError(Reason.EMPTY)
    if len(content) > MAX_BYTES:
        raise UnreadableError(Reason.TOO_LARGE)
    document = _reader(ending(name))(content)
    if not document.parts:
        raise UnreadableError(Reason.EMPTY)
    if sum(len(part.text) for part in document.parts) > MAX_CHARACTERS or (document.pages or 0) > MAX_PAGES:
        raise UnreadableError(Reason.TOO_LONG)
    return document


def _reader(kind: str) -> Callable[[bytes], ReadDocument]:
    """Each brings its library along: none is loaded before a file needs it."""
    match kind:
        case ".pdf":
            from knowledge.documents.reading.pdf import read_pdf

            return read_pdf
        case ".docx":
            from knowledge.documents.reading.docx import read_docx

            return _office(read_docx)
        case ".xlsx":
            from knowledge.documents.reading.xlsx import read_xlsx

            return _office(read_xlsx)
        case ".pptx":
            from knowledge.documents.reading.pptx import read_pptx

            return _office(read_pptx)
        case ".html" | ".htm":
            from knowledge.documents.reading.html import read_html

            return read_html
        case ".md" | ".markdown":
            from knowledge.documents.reading.html import read_markdown

            return read_markdown
        case _:
            from knowledge.documents.reading.text import read_text

            return read_text


def _office(read: Callable[[bytes], ReadDocument]) -> Callable[[bytes], ReadDocument]:
    from knowledge.documents.reading.office import read_office

    return lambda content: read_office(content, read)
