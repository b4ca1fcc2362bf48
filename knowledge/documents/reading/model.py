"""What reading a file gives, and why a file cannot be read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from knowledge.errors import KnowledgeError


class Reason(StrEnum):
    """Why a file is left out; interfaces word it by this key."""

    EMPTY = "empty"
    NO_TEXT = "no_text"  # pictures of pages, as a scanner makes them
    ENCRYPTED = "encrypted"
    BROKEN = "broken"
    TOO_LARGE = "too_large"  # bytes, also when unpacked
    TOO_LONG = "too_long"  # pages or characters
    TOO_SLOW = "too_slow"  # reading it takes more time or memory than a file may
    OLD_FORMAT = "old_format"  # of an office program: .doc, .xls, .ppt, .jtd
    PICTURE = "picture"
    UNKNOWN_FORMAT = "unknown_format"
    UNSAFE_NAME = "unsafe_name"  # within a zip: points out of it
    NESTED = "nested"  # a zip within a zip
    UNREADABLE = "unreadable"  # the system does not let us open it


EXPLAINED = {
    Reason.EMPTY: "the file is empty",
    Reason.NO_TEXT: "no text in it, only pictures of pages: use a file with text (OCR)",
    Reason.ENCRYPTED: "protected with a password: save it without one",
    Reason.BROKEN: "damaged, or not what its name says",
    Reason.TOO_LARGE: "too large",
    Reason.TOO_LONG: "too many pages or too much text: add it in parts",
    Reason.TOO_SLOW: "reading it takes too much time or memory: save it again, or add it in parts",
    Reason.OLD_FORMAT: "an old format: save it as .docx, .xlsx, .pptx or .pdf",
    Reason.PICTURE: "a picture has no text: use a file with text (OCR)",
    Reason.UNKNOWN_FORMAT: "not a known format: use pdf, docx, xlsx, pptx, html, md, txt or zip",
    Reason.UNSAFE_NAME: "its name points out of the zip",
    Reason.NESTED: "a zip within a zip: unpack it first",
    Reason.UNREADABLE: "cannot be opened",
}  # for operators, on the command line


class UnreadableError(KnowledgeError):
    """A file is left out. The message is the reason in one line, without the file's name and without its text."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(EXPLAINED[reason])
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Part:
    """A paragraph, a list item or a row of a table, with where it stands."""

    section: str  # headings above it, the outermost first, joined with " › "; "" where there are none
    page: int | None  # of a PDF, a slide, a sheet, from 1; None where the format has no pages
    text: str
    is_row: bool = False  # of a table: never cut


@dataclass(frozen=True, kw_only=True)
class ReadDocument:
    """A file's text in reading order."""

    title: str | None  # as the file says it; None where it does not
    parts: tuple[Part, ...]  # at least one
    pages: int | None
