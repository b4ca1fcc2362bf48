"""Files put into the library: read, split, stored; one file after the other, each in one step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import PurePath
from time import monotonic

from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, Listed, NewDocument, Outcome
from knowledge.documents.reading.apart import ReaderApart
from knowledge.documents.reading.model import Reason, UnreadableError
from knowledge.documents.reading.registry import media_type
from knowledge.documents.sources import Source, one_line
from knowledge.documents.splitting import split

IN_THREAD = 20_000  # characters of text that are split in a thread rather than at once
TOGETHER = 250  # files that are stored in one transaction, at most: each transaction waits for the disk
BYTES_TOGETHER = 4 << 20  # of those files
SECONDS_TOGETHER = 2.0  # that the first of them waits for the others


@dataclass(frozen=True, kw_only=True)
class Added:
    """What adding one file came to."""

    source: str
    name: str
    title: str = ""  # empty: skipped
    id: str | None = None  # of the document; None: skipped
    outcome: Outcome | None = None  # None: skipped
    audience: DocumentAudience | None = None  # who may read it; None: skipped
    org_id: str | None = None
    reason: Reason | None = None  # why it was skipped


async def add_file(
    library: Library,
    *,
    name: str,
    content: bytes,
    source: str,
    title: str | None,  # None: as the file says it, else its name
    audience: DocumentAudience,
    org_id: str | None,
    valid_until: date | None,
    added_by: str | None,
    now: datetime,
) -> Added:
    """Put one file into the library, all of it or nothing. One that cannot be read comes back with its reason, and
    what was there before stays. The same content again is not read again."""
    wanted = _Wanted(
        source=source,
        name=name,
        title=title,
        audience=audience,
        org_id=org_id,
        valid_until=valid_until,
        added_by=added_by,
        before=await library.find(source),
    )
    reader = ReaderApart()
    try:
        new = await _read(reader, wanted, content)
    except UnreadableError as error:
        return Added(source=source, name=name, reason=error.reason)
    finally:
        await reader.close()
    return _added(new, *await library.put(new, now))


async def add_sources(
    library: Library,
    sources: Sequence[Source],
    *,
    title: str | None = None,
    audience: DocumentAudience | None = None,
    org_id: str | None = None,
    valid_until: date | None = None,
    now: datetime,
) -> AsyncGenerator[Added]:
    """Put files into the library, and say of each what it came to. What is not said stays as it was when the document
    was added before, so that adding a folder again does not open to everyone what is for the staff; a new document is
    for everyone, of all schools, without end. Small files are stored together, each all of it or not at all."""
    reader = ReaderApart()
    try:
        for first in range(0, len(sources), TOGETHER):
            some = sources[first : first + TOGETHER]
            known = await library.find_all([source.id for source in some])
            waiting: list[NewDocument] = []
            since = monotonic()
            for source in some:
                before = known.get(source.id)
                wanted = _Wanted(
                    source=source.id,
                    name=source.name,
                    title=title,
                    audience=audience or (before.audience if before else DocumentAudience.EVERYONE),
                    org_id=org_id or (before.org_id if before else None),
                    valid_until=valid_until or (before.valid_until if before else None),
                    added_by=before.added_by if before else None,
                    before=before,
                )
                try:
                    waiting.append(await _read(reader, wanted, source.load()))
                except UnreadableError as error:
                    yield Added(source=source.id, name=source.name, reason=error.reason)
                if sum(len(new.content) for new in waiting) > BYTES_TOGETHER or monotonic() - since > SECONDS_TOGETHER:
                    for added in await _put(library, waiting, now):
                        yield added
                    waiting, since = [], monotonic()
            for added in await _put(library, waiting, now):
                yield added
    finally:
        await reader.close()


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """How a file is to be put into the library."""

    source: str
    name: str
    title: str | None
    audience: DocumentAudience
    org_id: str | None
    valid_until: date | None
    added_by: str | None
    before: Listed | None  # what came from the same source


async def _read(reader: ReaderApart, wanted: _Wanted, content: bytes) -> NewDocument:
    """The document as it is to be stored; without pieces where its content is stored already. Raises
    ``UnreadableError``."""
    before, title = wanted.before, wanted.title and one_line(wanted.title)
    if before and before.sha256 == sha256(content).hexdigest() and title in (None, before.title):
        title, pages, pieces = before.title, before.pages, ()
    else:
        read = await reader.read(wanted.name, content)
        title, pages = title or read.title or one_line(PurePath(wanted.name).stem), read.pages
        is_long = sum(len(part.text) for part in read.parts) > IN_THREAD
        pieces = await asyncio.to_thread(split, read) if is_long else split(read)
    return NewDocument(
        source=wanted.source,
        title=title,
        file_name=wanted.name,
        media_type=media_type(wanted.name),
        audience=wanted.audience,
        org_id=wanted.org_id,
        valid_until=wanted.valid_until,
        content=content,
        pieces=pieces,
        pages=pages,
        added_by=wanted.added_by,
    )


async def _put(library: Library, news: Sequence[NewDocument], now: datetime) -> list[Added]:
    if not news:
        return []
    return [_added(new, *each) for new, each in zip(news, await library.put_all(news, now), strict=True)]


def _added(new: NewDocument, document_id: str, outcome: Outcome) -> Added:
    return Added(
        source=new.source,
        name=new.file_name,
        title=new.title,
        id=document_id,
        outcome=outcome,
        audience=new.audience,
        org_id=new.org_id,
    )
