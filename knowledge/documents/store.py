"""Documents in the tables: rows in and out, and who may read which."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import PurePath
from typing import Any

from sqlalchemy import ColumnElement, Row, bindparam, delete, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import upsert
from knowledge.documents.lexical import Entry, Place
from knowledge.documents.model import DocumentAudience, DocumentKind, Listed, NewDocument, Passage, Reader
from knowledge.records.documents import Document, DocumentFile, DocumentPassage, DocumentRevision

IDS_AT_ONCE = 500  # in one statement
ID_LENGTH = 100  # characters of an id, before its number
LISTED = (
    Document.id, Document.source, Document.kind, Document.title, Document.file_name, Document.media_type,
    Document.audience, Document.org_id, Document.valid_until, Document.author, Document.dated, Document.sha256,
    Document.version, Document.embeddings, Document.pages, Document.passages, Document.added_by, Document.updated_at,
)  # fmt: skip
PASSAGE = (
    DocumentPassage.document_id, DocumentPassage.position, Document.title, DocumentPassage.section,
    DocumentPassage.page, DocumentPassage.text,
)  # fmt: skip
_NOT_IN_AN_ID = re.compile(r"[^\w.]+")


@dataclass(frozen=True, kw_only=True)
class StoredTerms:
    """The terms of a passage as they are stored."""

    document: str
    position: int
    terms: bytes


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A document as it is about to be written."""

    new: NewDocument
    digest: str  # SHA-256 of its content
    version: str
    packed: Sequence[bytes] = ()  # the terms of each piece
    embeddings: str = ""  # the model that its vectors are from


def may_read(reader: Reader) -> ColumnElement[bool]:
    """The condition on ``documents`` under which the reader may have one; as ``lexical.Index.allowed``."""
    conditions: list[ColumnElement[bool]] = [
        or_(Document.valid_until.is_(None), Document.valid_until >= reader.on),
    ]
    if not reader.is_staff:
        conditions.append(Document.audience == DocumentAudience.EVERYONE)
    elif reader.staff_orgs is not None:
        is_theirs = or_(Document.org_id.is_(None), Document.org_id.in_(sorted(reader.staff_orgs)))
        conditions.append(or_(Document.audience == DocumentAudience.EVERYONE, is_theirs))
    if reader.orgs is not None:
        conditions.append(or_(Document.org_id.is_(None), Document.org_id.in_(sorted(reader.orgs))))
    condition = true()
    for each in conditions:
        condition = condition & each
    return condition


async def revision(connection: AsyncConnection) -> int:
    """How often anything about the documents has changed."""
    return await connection.scalar(select(DocumentRevision.revision)) or 0


async def count_change(connection: AsyncConnection) -> None:
    """Tell every process. First in a transaction: it makes others that change documents wait for their turn."""
    await upsert(connection, DocumentRevision, [{"id": 1, "revision": 0}], key=["id"])
    await connection.execute(update(DocumentRevision).values(revision=DocumentRevision.revision + 1))


async def find(connection: AsyncConnection, source: str) -> Listed | None:
    row = (await connection.execute(select(*LISTED).where(Document.source == source))).one_or_none()
    return _listed(row) if row else None


async def find_all(connection: AsyncConnection, sources: Sequence[str]) -> dict[str, Listed]:
    """The documents that came from some sources, by source."""
    found: dict[str, Listed] = {}
    for start in range(0, len(sources), IDS_AT_ONCE):
        statement = select(*LISTED).where(Document.source.in_(sources[start : start + IDS_AT_ONCE]))
        found |= {row.source: _listed(row) for row in await connection.execute(statement)}
    return found


async def listed(connection: AsyncConnection, reader: Reader) -> list[Listed]:
    statement = select(*LISTED).where(may_read(reader)).order_by(Document.title, Document.id)
    return [_listed(row) for row in await connection.execute(statement)]


async def one(connection: AsyncConnection, document_id: str, reader: Reader) -> Listed | None:
    statement = select(*LISTED).where(Document.id == document_id, may_read(reader))
    row = (await connection.execute(statement)).one_or_none()
    return _listed(row) if row else None


async def content(connection: AsyncConnection, document_id: str) -> bytes:
    statement = select(DocumentFile.content).where(DocumentFile.document_id == document_id)
    return (await connection.execute(statement)).scalar_one()


async def passages(connection: AsyncConnection, document_id: str, reader: Reader) -> list[Passage]:
    """All passages of a document in order."""
    statement = (
        select(*PASSAGE)
        .join(Document, Document.id == DocumentPassage.document_id)
        .where(Document.id == document_id, may_read(reader))
        .order_by(DocumentPassage.position)
    )
    return [_passage(row) for row in await connection.execute(statement)]


async def passages_at(connection: AsyncConnection, places: Sequence[Place], reader: Reader) -> dict[Place, Passage]:
    """Passages by their place, of those that are still there and that the reader may have."""
    statement = (
        select(Document.version, *PASSAGE)
        .join(Document, Document.id == DocumentPassage.document_id)
        .where(
            DocumentPassage.document_id.in_({place.document for place in places}),
            DocumentPassage.position.in_({place.position for place in places}),
            may_read(reader),
        )
    )
    return {Place(row[1], row[0], row[2]): _passage(row[1:]) for row in await connection.execute(statement)}


async def entries(connection: AsyncConnection) -> list[Entry]:
    """All documents, as the lexical index knows them."""
    statement = select(
        Document.id,
        Document.version,
        Document.audience,
        Document.org_id,
        Document.valid_until,
        Document.embeddings,
    ).order_by(Document.id)
    return [
        Entry(
            id=row.id,
            version=row.version,
            audience=DocumentAudience(row.audience),
            org_id=row.org_id,
            valid_until=row.valid_until,
            embeddings=row.embeddings,
        )
        for row in await connection.execute(statement)
    ]


async def terms(connection: AsyncConnection, documents: Sequence[str]) -> list[StoredTerms]:
    """The terms of all passages of some documents."""
    found: list[StoredTerms] = []
    for start in range(0, len(documents), IDS_AT_ONCE):
        ids = documents[start : start + IDS_AT_ONCE]
        statement = select(DocumentPassage.document_id, DocumentPassage.position, DocumentPassage.terms)
        rows = await connection.execute(statement.where(DocumentPassage.document_id.in_(ids)))
        found += [StoredTerms(document=row[0], position=row[1], terms=row[2]) for row in rows]
    return found


async def texts(connection: AsyncConnection, documents: Sequence[str]) -> dict[tuple[str, int], str]:
    """What is counted of all passages of some documents, by document and position."""
    found: dict[tuple[str, int], str] = {}
    for start in range(0, len(documents), IDS_AT_ONCE):
        statement = (
            select(*PASSAGE)
            .join(Document, Document.id == DocumentPassage.document_id)
            .where(Document.id.in_(documents[start : start + IDS_AT_ONCE]))
        )
        passages = [_passage(row) for row in await connection.execute(statement)]
        found |= {(each.document, each.position): counted(each.title, each.section, each.text) for each in passages}
    return found


async def set_terms(
    connection: AsyncConnection, made: Sequence[StoredTerms], before: Mapping[tuple[str, int], bytes]
) -> None:
    """Store terms that were made again, where those ``before`` are still there."""
    statement = (
        update(DocumentPassage)
        .where(
            DocumentPassage.document_id == bindparam("of"),
            DocumentPassage.position == bindparam("at"),
            DocumentPassage.terms == bindparam("before"),
        )
        .values(terms=bindparam("made"))
    )
    rows = [
        {"of": each.document, "at": each.position, "before": before[each.document, each.position], "made": each.terms}
        for each in made
    ]
    await connection.execute(statement, rows)


def counted(title: str, section: str, text: str) -> str:
    """What is counted of a passage: also its headings and the document's title, so that a school's name is found."""
    return f"{title}\n{section}\n{text}"


async def write(
    connection: AsyncConnection, drafts: Sequence[Draft], known: Mapping[str, Listed], now: datetime
) -> dict[str, str]:
    """Write documents with passages and files, in place of those that are ``known``; their ids by source."""
    taken = set((await connection.scalars(select(Document.id))).all()) if drafts else set[str]()
    ids: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    for draft in drafts:
        before, new = known.get(draft.new.source), draft.new
        ids[new.source] = before.id if before else _free_id(new.file_name, taken)
        taken.add(ids[new.source])
        is_same = before is not None and (before.sha256, before.title) == (draft.digest, new.title)
        values = _metadata_of(new) | {
            "sha256": draft.digest,
            "version": draft.version,
            "embeddings": draft.embeddings,
            "pages": new.pages,
            "passages": len(new.pieces),
            "updated_at": before.updated_at if before and is_same else now,
        }
        if before is None:
            rows.append(
                {"id": ids[new.source], "source": new.source, "added_by": new.added_by, "added_at": now} | values
            )
        else:
            await connection.execute(update(Document).where(Document.id == before.id).values(**values))
            for table in (DocumentPassage, DocumentFile):
                await connection.execute(delete(table).where(table.document_id == before.id))
    files = [{"document_id": ids[draft.new.source], "content": draft.new.content} for draft in drafts]
    passages = [
        {
            "document_id": ids[draft.new.source],
            "position": position,
            "section": piece.section,
            "page": piece.page,
            "text": piece.text,
            "terms": terms,
        }
        for draft in drafts
        for position, (piece, terms) in enumerate(zip(draft.new.pieces, draft.packed, strict=True))
    ]
    for table, values in ((Document, rows), (DocumentFile, files), (DocumentPassage, passages)):
        if values:
            await connection.execute(insert(table), values)
    return ids


async def write_metadata(connection: AsyncConnection, before: Listed, new: NewDocument) -> None:
    """What is known about a document besides its content, where it has changed."""
    if changed := changed_metadata(before, new):
        await connection.execute(update(Document).where(Document.id == before.id).values(**changed))


async def delete_document(connection: AsyncConnection, document_id: str) -> bool:
    """Take a document's rows out; False when there is none of that id."""
    return (await connection.execute(delete(Document).where(Document.id == document_id))).rowcount > 0  # the rest too


def changed_metadata(before: Listed, new: NewDocument) -> dict[str, Any]:
    """The columns that would change though the content does not."""
    return {name: value for name, value in _metadata_of(new).items() if getattr(before, name) != value}


def _free_id(file_name: str, taken: set[str]) -> str:
    """An id that is not taken, made from a file's name: 学校のきまり.pdf → 学校のきまり, 学校のきまり-2."""
    stem = unicodedata.normalize("NFKC", PurePath(file_name.replace("\\", "/")).stem).lower()
    slug = _NOT_IN_AN_ID.sub("-", stem).strip("-._")[:ID_LENGTH] or "document"
    numbered = (f"{slug}-{number}" for number in count(2))
    return slug if slug not in taken else next(each for each in numbered if each not in taken)


def _metadata_of(new: NewDocument) -> dict[str, Any]:
    """What is known about a document besides its content, as columns."""
    return {
        "kind": new.kind,
        "title": new.title,
        "file_name": new.file_name,
        "media_type": new.media_type,
        "audience": new.audience,
        "org_id": new.org_id,
        "valid_until": new.valid_until,
        "author": new.author,
        "dated": new.dated,
    }


def _listed(row: Row[*tuple[Any, ...]]) -> Listed:
    values: dict[str, Any] = dict(row._mapping)
    kind, audience = DocumentKind(values.pop("kind")), DocumentAudience(values.pop("audience"))
    return Listed(kind=kind, audience=audience, **values)


def _passage(row: Any) -> Passage:
    document, position, title, section, page, text = row
    return Passage(document=document, position=position, title=title, section=section, page=page, text=text)
