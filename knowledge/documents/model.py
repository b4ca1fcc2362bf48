"""What goes in and out of the documents: frozen values, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class DocumentAudience(StrEnum):
    """Who may read a document."""

    EVERYONE = "everyone"  # children and families too
    STAFF = "staff"


class DocumentKind(StrEnum):
    """Where a document comes from."""

    FILE = "file"
    PRACTICE = "practice"  # 実践メモ: a teacher's note that a school lead approved


class Outcome(StrEnum):
    """What putting a document in came to."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a document that is found and cited as one."""

    section: str  # headings above it, the outermost first, joined with " › "; "" where there are none
    page: int | None  # of a PDF, a slide, a sheet, from 1; None where the format has no pages
    text: str


@dataclass(frozen=True, kw_only=True)
class NewDocument:
    """A document that was read and split, about to be put into the library."""

    source: str  # where it came from; what comes again from there replaces it
    kind: DocumentKind = DocumentKind.FILE
    title: str
    file_name: str
    media_type: str
    audience: DocumentAudience
    org_id: str | None  # sourcedId of the school or district it is for; None: all of them
    valid_until: date | None = None  # last day on which it is found
    author: str | None = None
    dated: date | None = None
    content: bytes  # the file
    pieces: tuple[Piece, ...]
    pages: int | None = None
    added_by: str | None = None  # sourcedId; None: an operator at the command line


@dataclass(frozen=True, kw_only=True)
class Listed:
    """A document of the library, without its content; fields are those of ``knowledge.records.documents.Document``."""

    id: str
    source: str
    kind: DocumentKind
    title: str
    file_name: str
    media_type: str
    audience: DocumentAudience
    org_id: str | None
    valid_until: date | None
    author: str | None
    dated: date | None
    sha256: str
    version: str
    embeddings: str
    pages: int | None
    passages: int
    added_by: str | None
    updated_at: datetime


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Somebody who searches: what they may find is decided from this alone."""

    orgs: frozenset[str] | None  # sourcedIds of their schools and districts; None: an operator, who may find everything
    is_staff: bool
    on: date  # documents whose time is over on this day are not found
    # Of these schools and districts also what is for their staff, where ``is_staff``; None: of all of them. A teacher
    # who has a child at another school is a parent there.
    staff_orgs: frozenset[str] | None = None


@dataclass(frozen=True, kw_only=True)
class Passage:
    """A stored piece of a document, in one piece of its text, of at most some hundred characters."""

    document: str  # id of the document
    position: int  # of the passage within the document, from 0
    title: str  # of the document
    section: str  # headings above it, the outermost first, joined with " › "; "" where there are none
    page: int | None  # of a PDF or slide, from 1; None where the format has no pages
    text: str


@dataclass(frozen=True, kw_only=True)
class Hit:
    """A passage that was found."""

    passage: Passage
    score: float  # of one search only: the higher, the better; not to be compared between searches
    coverage: float = 0.0  # 0 to 1: how much of what the question asks for the passage contains
    # Of each word of the question by its form: 0 in every passage that the reader may find, 1 in none of them
    rarity: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, kw_only=True)
class Citation:
    """Where a statement stands."""

    document: str  # id
    title: str
    page: int | None
    section: str
    quote: str  # the words of the document, exactly
    position: int = 0  # of the passage it stands in


class AnswerStatus(StrEnum):
    ANSWERED = "answered"
    NOT_FOUND = "not_found"


@dataclass(frozen=True, kw_only=True)
class DocumentAnswer:
    """The answer to one question. ``not_found`` has neither text nor citations."""

    status: AnswerStatus
    text: str = ""
    citations: tuple[Citation, ...] = ()
    from_model: bool = False  # a language model put it into words; every sentence was verified
    hits: tuple[Hit, ...] = field(default=(), repr=False)  # what it was taken from, best first
