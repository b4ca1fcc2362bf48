"""The documents that can be answered from: what there is, its passages, its files.

These tables hold the truth. What is searched (the lexical index in memory, the vectors in Chroma) is made from them
and can be made again.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.db import Base


class Document(Base):
    """One document, in its present version."""

    __tablename__ = "documents"
    __table_args__ = (Index("ix_documents_org_id", "org_id"),)

    id: Mapped[str] = mapped_column(String(128), primary_key=True)  # made from the file's name, to be typed
    source: Mapped[str] = mapped_column(String(2000), unique=True)  # where it came from: what comes again replaces it
    kind: Mapped[str] = mapped_column(String(16))  # knowledge.documents.model.DocumentKind
    title: Mapped[str]
    file_name: Mapped[str]
    media_type: Mapped[str] = mapped_column(String(128))
    audience: Mapped[str] = mapped_column(String(16))  # knowledge.documents.model.DocumentAudience
    org_id: Mapped[str | None] = mapped_column(String(255))  # school or district it is for; None: all of them
    valid_until: Mapped[date | None]  # last day on which it is found; None: without end
    author: Mapped[str | None]  # as shown in a citation, where it matters (practices)
    dated: Mapped[date | None]  # of what it says, where it matters (practices)
    sha256: Mapped[str] = mapped_column(String(64))  # of the file's bytes
    version: Mapped[str] = mapped_column(String(36))  # a new one for every new content
    embeddings: Mapped[str]  # the model its vectors in Chroma are from (AYUMI_EMBEDDINGS); "": it has none
    pages: Mapped[int | None]
    passages: Mapped[int]  # how many
    added_by: Mapped[str | None] = mapped_column(String(255))  # sourcedId; None: an operator at the command line
    added_at: Mapped[datetime]
    updated_at: Mapped[datetime]  # when its content last changed


class DocumentPassage(Base):
    """One passage of a document's present version."""

    __tablename__ = "document_passages"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    section: Mapped[str]
    page: Mapped[int | None]
    text: Mapped[str]
    terms: Mapped[bytes] = mapped_column(
        LargeBinary
    )  # what the lexical index counts; see knowledge/documents/lexical.py


class DocumentFile(Base):
    """The file as it was added, to be opened from a citation."""

    __tablename__ = "document_files"

    document_id: Mapped[str] = mapped_column(ForeignKey("documents.id", ondelete="CASCADE"), primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class DocumentRevision(Base):
    """One row: how often anything about the documents has changed. Whoever keeps an index looks here first."""

    __tablename__ = "document_revision"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 1
    revision: Mapped[int]
