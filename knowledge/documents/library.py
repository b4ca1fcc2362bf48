"""The library: documents put in, found, opened and taken out.

The tables hold the truth; what is searched is made from them. Each process keeps the lexical index in memory and looks
at the revision before a search, so that all of them find the same.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import date, datetime
from hashlib import sha256
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Database
from knowledge.documents import store
from knowledge.documents.fusion import DEPTH, fuse, needs_vectors
from knowledge.documents.lexical import Found, Index, Place
from knowledge.documents.model import Hit, Listed, NewDocument, Outcome, Passage, Piece, Reader
from knowledge.documents.store import Draft
from knowledge.documents.terms import Counts, Terms, pack, terms_of, unpack
from knowledge.documents.vectors import Matrix, Session, Vectors

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

Hide = Callable[[str], Awaitable[str]]  # a text → the same without names

_log = structlog.get_logger()


class Library:
    """The documents of one installation. Nothing is opened or loaded before it is needed."""

    def __init__(
        self,
        database: Database,
        data_dir: Path,
        *,
        embeddings: Embeddings | None = None,  # None: lexical ranking alone
        embeddings_name: str = "",  # as in AYUMI_EMBEDDINGS
        chroma_url: str = "",  # of a Chroma server; empty: Chroma in the data folder
    ) -> None:
        self._database = database
        self._vectors = Vectors(data_dir, chroma_url, embeddings, embeddings_name)
        self._index = Index()
        self._indexed = 0  # the revision that the index is of
        self._refreshing = asyncio.Lock()
        self._is_clean = False  # whether no file holds what was replaced or removed; a process may have ended too soon

    @property
    def asks_model(self) -> bool:
        """Whether a question may be put to an embedding model."""
        return bool(self._vectors.name)

    async def search(
        self, text: str, reader: Reader, k: int = 5, *, hide: Hide | None = None, may_embed: bool = True
    ) -> list[Hit]:
        """The ``k`` best passages of what ``reader`` may read, best first; none for a text without words. The embedding
        model is asked only where the words do not decide; where it fails, it is done without. It gets
        what ``hide`` leaves of the words of staff, and of those of children and families nothing at all, nor of
        whom it may not be told anything (``may_embed``)."""
        if not any(character.isalnum() for character in text):
            return []
        async with self._database.read() as connection:
            index = await self._current(connection)
            found = await asyncio.to_thread(index.search, text, reader, max(k, DEPTH))
            rarity = await asyncio.to_thread(index.rarities, text, reader)
            if not (self.asks_model and may_embed and reader.is_staff) or not needs_vectors(text, found):
                return await _hits(connection, found[:k], reader, rarity)
        nearest = await self._nearest(await hide(text) if hide else text, index, reader)
        async with self._database.read() as connection:
            return await _hits(connection, fuse(found, nearest)[:k], reader, rarity)

    async def put(self, new: NewDocument, now: datetime) -> tuple[str, Outcome]:
        """Put a document in, in place of what came from the same source: the id, and what it came to. Either all of it
        is there afterwards, or what was there before. Where the embedding model or Chroma fails, it is put in without
        vectors (``Listed.embeddings`` is empty), and putting the same in again makes them."""
        return (await self.put_all([new], now))[0]

    async def put_all(self, news: Sequence[NewDocument], now: datetime) -> list[tuple[str, Outcome]]:
        """Put several documents in as ``put`` does, each of a source of its own, all of them or none: a transaction for
        each would wait for the disk each time."""
        async with self._database.read() as connection:
            known = await store.find_all(connection, [new.source for new in news])
        drafts: list[Draft] = []
        for new in news:
            before, digest = known.get(new.source), sha256(new.content).hexdigest()
            if before and before.sha256 == digest and not new.pieces:  # whoever puts it in did not read it again
                new = replace(new, pieces=await self._pieces(before.id))
            if not (before and before.sha256 == digest and before.title == new.title and self._has_vectors(before)):
                drafts.append(Draft(new=new, digest=digest, version=str(uuid.uuid4())))
        if not drafts and not any(store.changed_metadata(known[new.source], new) for new in news):
            return [(known[new.source].id, Outcome.UNCHANGED) for new in news]
        packed = await asyncio.to_thread(_packed, [draft.new for draft in drafts])
        drafts = [replace(draft, packed=terms) for draft, terms in zip(drafts, packed, strict=True)]
        vectors = await self._embedded([draft.new for draft in drafts])
        async with AsyncExitStack() as stack:
            session = await self._session(stack) if vectors or (known and self._vectors.are_kept) else None
            if session and vectors:
                drafts = await self._with_vectors(session, drafts, vectors)
            outcomes, has_replaced = await self._write(news, drafts, now)
            has_written = any(draft.embeddings for draft in drafts)
            if has_replaced or (has_written and not self._is_clean):
                await self._clear(session)
        return outcomes

    async def remove(self, document_id: str) -> bool:
        """Take a document out with every trace of it; False when there is none of that id. It is found by nobody from
        then on; where another process or a failure keeps us from clearing Chroma's files or SQLite's log, that is
        logged, and done with the next document that is put in with vectors, replaced or taken out."""
        async with self._database.write() as connection:
            await store.count_change(connection)
            if not await store.delete_document(connection, document_id):
                return False
        async with AsyncExitStack() as stack:
            await self._clear(await self._session(stack) if self._vectors.are_kept else None)
        return True

    async def listed(self, reader: Reader) -> list[Listed]:
        """What the reader may read, by title."""
        async with self._database.read() as connection:
            return await store.listed(connection, reader)

    async def find(self, source: str) -> Listed | None:
        """The document that came from a source; None when there is none."""
        async with self._database.read() as connection:
            return await store.find(connection, source)

    async def find_all(self, sources: Sequence[str]) -> dict[str, Listed]:
        """The documents that came from these sources, by source; those that there are none of are left out."""
        async with self._database.read() as connection:
            return await store.find_all(connection, sources)

    async def passages(self, document_id: str, reader: Reader) -> Sequence[Passage]:
        """All passages of a document in order; none when there is no such document, or not for this reader."""
        async with self._database.read() as connection:
            return await store.passages(connection, document_id, reader)

    async def file(self, document_id: str, reader: Reader) -> tuple[Listed, bytes] | None:
        """The file as it was added; None when there is no such document, or not for this reader."""
        async with self._database.read() as connection:
            found = await store.one(connection, document_id, reader)
            return None if found is None else (found, await store.content(connection, document_id))

    async def _current(self, connection: AsyncConnection) -> Index:
        """The index of the present revision: only documents that it does not know in their version are loaded."""
        if await store.revision(connection) == self._indexed:
            return self._index
        async with self._refreshing:
            revision = await store.revision(connection)
            if revision == self._indexed:
                return self._index
            entries = await store.entries(connection)
            known = {(entry.id, entry.version) for entry in self._index.entries}
            news = [entry.id for entry in entries if (entry.id, entry.version) not in known]
            stored = await store.terms(connection, news)
            stored = await self._made_anew(connection, stored)
            self._index = await asyncio.to_thread(_indexed, self._index, entries, news, stored)
            self._indexed = revision
            return self._index

    async def _made_anew(
        self, connection: AsyncConnection, stored: Sequence[store.StoredTerms]
    ) -> Sequence[store.StoredTerms]:
        """The same, with terms of an earlier version of ``terms`` made again and stored."""
        outdated = {each.document for each in stored if unpack(each.terms) is None}
        if not outdated:
            return stored
        texts = await store.texts(connection, sorted(outdated))
        made = await asyncio.to_thread(
            lambda: [
                replace(each, terms=pack(*terms_of(texts[each.document, each.position])))
                for each in stored
                if each.document in outdated
            ]
        )
        async with self._database.write() as writing:
            await store.set_terms(writing, made, before={(each.document, each.position): each.terms for each in stored})
        return [*made, *(each for each in stored if each.document not in outdated)]

    async def _nearest(self, text: str, index: Index, reader: Reader) -> list[Place]:
        """What the vectors find; nothing when the model or Chroma fails."""
        try:
            return await self._vectors.nearest(text, index, reader, DEPTH)
        except Exception as error:  # whatever the model's and Chroma's libraries raise: words alone must do
            _log.warning("question_vectors_failed", error=type(error).__name__)
            return []

    async def _embedded(self, news: Sequence[NewDocument]) -> list[Matrix]:
        """The vectors of the passages of each document; nothing without a model, or when it fails."""
        texts = [_counted(new, piece) for new in news for piece in new.pieces]
        if not self._vectors.name or not texts:
            return []
        try:
            matrix = await self._vectors.embed(texts)
        except Exception as error:  # whatever the model's library raises: the documents are found by their words
            _log.warning("document_vectors_failed", error=type(error).__name__)
            return []
        ends = list(accumulate(len(new.pieces) for new in news))
        return [matrix[end - len(new.pieces) : end] for new, end in zip(news, ends, strict=True)]

    async def _pieces(self, document_id: str) -> tuple[Piece, ...]:
        """The pieces of a document as they are stored."""
        async with self._database.read() as connection:
            found = await store.passages(connection, document_id, Reader(orgs=None, is_staff=True, on=date.min))
        return tuple(Piece(section=each.section, page=each.page, text=each.text) for each in found)

    def _has_vectors(self, document: Listed) -> bool:
        """Whether it has the vectors it should have."""
        return not self._vectors.name or not document.passages or document.embeddings == self._vectors.name

    async def _session(self, stack: AsyncExitStack) -> Session | None:
        """Chroma until the stack ends; None when it cannot be had."""
        try:
            return await stack.enter_async_context(self._vectors.session())
        except Exception as error:  # whatever Chroma raises: the documents are found by their words
            _log.warning("chroma_failed", error=type(error).__name__)
            return None

    async def _with_vectors(self, session: Session, drafts: Sequence[Draft], vectors: Sequence[Matrix]) -> list[Draft]:
        """The drafts with their vectors written, which count once the rows are; as they were when Chroma fails."""
        try:
            for draft, matrix in zip(drafts, vectors, strict=True):
                await asyncio.to_thread(session.add, draft.version, draft.new, matrix)
        except Exception as error:  # whatever Chroma raises: the documents are found by their words
            _log.warning("document_vectors_failed", error=type(error).__name__)
            return [*drafts]
        return [replace(draft, embeddings=self._vectors.name) for draft in drafts]

    async def _clear(self, session: Session | None) -> None:
        """Take what no document has any more out of Chroma's files and SQLite's log."""
        self._is_clean = session is not None or not self._vectors.are_kept
        if session:
            async with self._database.read() as connection:
                kept = {entry.version for entry in await store.entries(connection)}
            try:
                await asyncio.to_thread(session.keep_only, kept)
            except Exception as error:  # whatever Chroma raises: nothing reads them, and the next time takes them
                self._is_clean = False
                _log.error("document_vectors_left", error=type(error).__name__)
        if not await self._database.empty_log():
            self._is_clean = False
            _log.error("document_text_left_in_log", reason="the database is being read")

    async def _write(
        self, news: Sequence[NewDocument], drafts: Sequence[Draft], now: datetime
    ) -> tuple[list[tuple[str, Outcome]], bool]:
        """The rows of documents, in one transaction; what each came to, and whether any took the place of others."""
        async with self._database.write() as connection:
            await store.count_change(connection)  # first: two of the same source one after the other
            known = await store.find_all(connection, [new.source for new in news])
            ids = await store.write(connection, drafts, known, now)
            changed = {draft.new.source: draft for draft in drafts}
            outcomes: list[tuple[str, Outcome]] = []
            for new in news:
                before = known.get(new.source)
                if before is None:
                    outcomes.append((ids[new.source], Outcome.ADDED))
                    continue
                await store.write_metadata(connection, before, new)
                draft = changed.get(new.source)
                is_new = draft is not None and (draft.digest != before.sha256 or new.title != before.title)
                outcomes.append((before.id, Outcome.CHANGED if is_new else Outcome.UNCHANGED))
        return outcomes, any(source in known for source in changed)


async def _hits(
    connection: AsyncConnection, found: Sequence[Found], reader: Reader, rarity: Mapping[str, float]
) -> list[Hit]:
    """The passages that were found, but for those that were taken out at this very moment."""
    passages = await store.passages_at(connection, [each.place for each in found], reader)
    return [
        Hit(passage=passages[each.place], score=each.score, coverage=each.coverage, rarity=rarity)
        for each in found
        if each.place in passages
    ]


def _packed(news: Sequence[NewDocument]) -> list[list[bytes]]:
    """The terms of each piece of each document."""
    return [[pack(*terms_of(_counted(new, piece))) for piece in new.pieces] for new in news]


def _counted(new: NewDocument, piece: Piece) -> str:
    """What is counted of a piece."""
    return store.counted(new.title, piece.section, piece.text)


def _indexed(
    index: Index, entries: Sequence[store.Entry], news: Sequence[str], stored: Sequence[store.StoredTerms]
) -> Index:
    loaded: dict[str, list[tuple[int, Terms, Counts]]] = {document: [] for document in news}
    for each in stored:
        unpacked = unpack(each.terms)
        if unpacked is not None:
            loaded[each.document].append((each.position, *unpacked))
    return index.changed(entries, loaded)
