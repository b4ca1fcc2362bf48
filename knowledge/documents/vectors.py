"""Vectors of passages: made by the embedding model of ``AYUMI_EMBEDDINGS``, kept in Chroma, compared here.

Chroma in a folder is for one process at a time: another one that has it open neither sees what was added nor what was
taken out, and what is taken out stays in its files. So it is opened only under a lock and closed again; taking out
writes what remains into a new folder. Each process keeps the vectors of the present versions in memory and compares all
of them that the reader may find: exact, the same in every process, and under the same mask as the lexical index.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from knowledge.bulkhead import Bulkhead
from knowledge.documents.lexical import Index, Place
from knowledge.documents.model import NewDocument, Reader

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

TEXTS_AT_ONCE = 64  # given to the model in one request
ROWS_AT_ONCE = 2_000  # written to or read from Chroma
VERSIONS_AT_ONCE = 500  # named in one condition
PATIENCE = 3.0  # seconds that a question waits for the model
AT_ONCE = 16  # questions that wait for it; more are answered by their words alone
LOCK_PATIENCE = 60.0  # seconds that a change waits for another process that has Chroma open
LOAD_PATIENCE = 2.0  # seconds that a question does

Matrix = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class _Stacked:
    """The vectors of the documents of an index, of length 1, one below the other."""

    index: Index
    matrix: Matrix
    owner: NDArray[np.int32]  # of each row: the document, as in ``index.entries``
    position: NDArray[np.int32]


class Vectors:
    """The vectors of one installation. Chroma is loaded only once something is read or written."""

    def __init__(self, data_dir: Path, chroma_url: str, embeddings: Embeddings | None, name: str) -> None:
        self.name = name if embeddings else ""
        self._embeddings = embeddings
        self._url = chroma_url
        self._folder = data_dir / "chroma"
        self._loaded: dict[str, tuple[NDArray[np.int32], Matrix]] = {}  # by version: positions, vectors
        self._stacked: _Stacked | None = None
        self._loading = asyncio.Lock()
        self._bulkhead = Bulkhead(AT_ONCE)

    @property
    def are_kept(self) -> bool:
        """Whether there is anything in Chroma, perhaps of an earlier model."""
        return bool(self.name or self._url or self._folder.exists() or self._spare.exists())

    async def embed(self, texts: Sequence[str]) -> Matrix:
        """The vectors of texts. Raises whatever the model raises."""
        model = self._model()
        found: list[list[float]] = []
        for start in range(0, len(texts), TEXTS_AT_ONCE):
            found += await asyncio.to_thread(model.embed_documents, [*texts[start : start + TEXTS_AT_ONCE]])
        matrix = _normalized(np.array(found, np.float32))
        if len(matrix) != len(texts):
            raise ValueError("the model gave another number of vectors")
        return matrix

    async def nearest(self, text: str, index: Index, reader: Reader, n: int) -> list[Place]:
        """The ``n`` passages nearest to a text of what the reader may find, nearest first. Raises whatever the model
        and Chroma raise, ``TimeoutError`` when the model takes too long, ``FullError`` when it is asked too much."""
        model = self._model()
        with self._bulkhead:
            async with asyncio.timeout(PATIENCE):
                asked = _normalized(np.array([await model.aembed_query(text)], np.float32))[0]
        async with self._loading:
            if self._stacked is None or self._stacked.index is not index:
                self._stacked = await asyncio.to_thread(self._stack, index)
            stacked = self._stacked
        if not len(stacked.matrix):
            return []
        return await asyncio.to_thread(_compared, stacked, asked, reader, n)

    @asynccontextmanager
    async def session(self) -> AsyncGenerator[Session]:
        """Chroma, for this one alone until the block ends. Raises whatever Chroma raises, ``sqlite3.OperationalError``
        when another process has it for too long."""
        opened = self._opened(LOCK_PATIENCE)
        session = await asyncio.to_thread(opened.__enter__)
        try:
            yield session
        finally:
            await asyncio.to_thread(opened.__exit__, None, None, None)

    def _model(self) -> Embeddings:
        if self._embeddings is None:
            raise RuntimeError("no embedding model is configured")
        return self._embeddings

    def _stack(self, index: Index) -> _Stacked:
        present = {entry.version for entry in index.entries if entry.embeddings == self.name}
        missing = present - self._loaded.keys()
        if missing:
            with self._opened(LOAD_PATIENCE) as session:
                self._loaded |= session.load(missing)
        self._loaded = {version: rows for version, rows in self._loaded.items() if version in present}
        owners, positions, blocks = [np.empty(0, np.int32)], [np.empty(0, np.int32)], list[Matrix]()
        for place, entry in enumerate(index.entries):
            if entry.version in self._loaded:
                position, matrix = self._loaded[entry.version]
                owners.append(np.full(len(position), place, np.int32))
                positions.append(position)
                blocks.append(matrix)
        return _Stacked(
            index=index,
            matrix=np.concatenate(blocks) if blocks else np.empty((0, 0), np.float32),
            owner=np.concatenate(owners),
            position=np.concatenate(positions),
        )

    @property
    def _spare(self) -> Path:
        """Where what remains is written before it takes the folder's place."""
        return self._folder.with_name("chroma.new")

    @contextmanager
    def _opened(self, patience: float) -> Generator[Session]:
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        with _locked(self._folder.with_name("chroma.lock"), patience):
            if self._spare.exists() and not self._folder.exists():  # it ended between the two steps of ``keep_only``
                self._spare.rename(self._folder)
            session = Session(self._url, self.name, self._folder, self._spare)
            try:
                yield session
            finally:
                session.close()


class Session:
    """Chroma, opened. One collection for each model: their vectors have their own length."""

    def __init__(self, url: str, name: str, folder: Path, spare: Path) -> None:
        self._url = url
        self._client: Any = None
        self._collection_name = f"passages-{sha256(name.encode()).hexdigest()[:16]}"
        self._folder = folder
        self._spare = spare

    def add(self, version: str, new: NewDocument, matrix: Matrix) -> None:
        """Write the passages of a version with their vectors; versions of other models are of no use any more."""
        collection = self._collection()
        rows = [
            {"version": version, "position": at, "title": new.title, "section": piece.section, "page": piece.page or 0}
            for at, piece in enumerate(new.pieces)
        ]
        for start in range(0, len(rows), ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            collection.add(
                ids=[f"{version}:{row['position']}" for row in rows[part]],
                documents=[piece.text for piece in new.pieces[part]],
                metadatas=rows[part],
                embeddings=matrix[part],
            )

    def load(self, versions: Iterable[str]) -> dict[str, tuple[NDArray[np.int32], Matrix]]:
        """Positions and vectors of versions; those without any are left out."""
        collection, wanted = self._collection(), sorted(versions)
        found: dict[str, list[tuple[int, Matrix]]] = {}
        for start in range(0, len(wanted), VERSIONS_AT_ONCE):
            where = {"version": {"$in": wanted[start : start + VERSIONS_AT_ONCE]}}
            rows = collection.get(where=where, include=["metadatas", "embeddings"])
            for metadata, vector in zip(rows["metadatas"], rows["embeddings"], strict=True):
                found.setdefault(metadata["version"], []).append((metadata["position"], vector))
        return {
            version: (
                np.array([position for position, _ in rows], np.int32),
                _normalized(np.array([vector for _, vector in rows], np.float32)),
            )
            for version, rows in found.items()
        }

    def keep_only(self, versions: set[str]) -> None:
        """Forget everything but some versions. In a folder of our own nothing of the rest is left in any file."""
        shutil.rmtree(self._spare, ignore_errors=True)
        if not self._url and not self._folder.exists():
            return
        collections = self._opened().list_collections()
        others = [_versions(collection) - versions for collection in collections]
        if self._url:
            for collection, gone in zip(collections, others, strict=True):
                for version in sorted(gone):
                    collection.delete(where={"version": version})
        elif any(others):
            with _folder(self._spare) as spare:
                for collection in collections:
                    _copy(collection, spare, versions)
            self.close()
            shutil.rmtree(self._folder)
            self._spare.rename(self._folder)

    def close(self) -> None:
        if self._client is not None:
            _close(self._client, self._folder)
            self._client = None

    def _opened(self) -> Any:
        if self._client is None:
            self._client = _server(self._url) if self._url else _client(self._folder)
        return self._client

    def _collection(self) -> Any:
        return _collection(self._opened(), self._collection_name)


def _versions(collection: Any) -> set[str]:
    """The versions of which a collection holds anything."""
    return {metadata["version"] for metadata in collection.get(include=["metadatas"])["metadatas"]}


def _stack_rows(rows: Mapping[str, Any], versions: set[str]) -> list[int]:
    return [at for at, metadata in enumerate(rows["metadatas"]) if metadata["version"] in versions]


def _copy(source: Any, target_client: Any, versions: set[str]) -> None:
    """Write what a collection holds of some versions into another Chroma."""
    target = _collection(target_client, source.name)
    for start in range(0, source.count(), ROWS_AT_ONCE):
        rows = source.get(limit=ROWS_AT_ONCE, offset=start, include=["metadatas", "documents", "embeddings"])
        kept = _stack_rows(rows, versions)
        if kept:
            target.add(
                ids=[rows["ids"][at] for at in kept],
                documents=[rows["documents"][at] for at in kept],
                metadatas=[rows["metadatas"][at] for at in kept],
                embeddings=rows["embeddings"][kept],
            )


def _compared(stacked: _Stacked, asked: Matrix, reader: Reader, n: int) -> list[Place]:
    rows = np.flatnonzero(stacked.index.allowed(reader)[stacked.owner])
    likeness = stacked.matrix[rows] @ asked
    best = rows[np.argsort(-likeness, kind="stable")[:n]]
    entries = stacked.index.entries
    return [entries[stacked.owner[row]].place(int(stacked.position[row])) for row in best]


def _normalized(matrix: Matrix) -> Matrix:
    return matrix / np.maximum(np.linalg.norm(matrix, axis=-1, keepdims=True), np.float32(1e-12))


def _collection(client: Any, name: str) -> Any:
    """A collection; without Chroma's own embedding function, which would download a model."""
    return client.get_or_create_collection(name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}})


def _client(folder: Path) -> Any:
    """Chroma in a folder, telling nobody."""
    import chromadb  # takes a second to load: only where vectors are kept
    from chromadb.config import Settings

    return chromadb.PersistentClient(str(folder), settings=Settings(anonymized_telemetry=False))


@contextmanager
def _folder(path: Path) -> Generator[Any]:
    client = _client(path)
    try:
        yield client
    finally:
        _close(client, path)


def _close(client: Any, folder: Path) -> None:
    """Close Chroma. Index files to which it has not yet written any vector are deleted, it makes them again: it fills
    them with whatever this process had in memory, such as the text of a removed document."""
    client.close()
    for each in (client, client._admin_client):
        session = getattr(each._server, "_session", None)  # of a server: Chroma leaves its connections open
        if session is not None:
            session.close()
    for header in folder.glob("*/header.bin"):
        if not header.with_name("index_metadata.pickle").exists():
            shutil.rmtree(header.parent)


def _server(url: str) -> Any:
    """Chroma elsewhere. Raises whatever Chroma raises when it does not answer."""
    import chromadb  # takes a second to load: only where vectors are kept
    from chromadb.config import Settings

    address = urlsplit(url)
    is_safe = address.scheme == "https"
    return chromadb.HttpClient(
        host=address.hostname or "localhost",
        port=address.port or (443 if is_safe else 80),
        ssl=is_safe,
        settings=Settings(anonymized_telemetry=False),
    )


@contextmanager
def _locked(path: Path, patience: float) -> Generator[None]:
    """One process, one thread at a time; a lock of SQLite, which ends with the process that holds it."""
    with closing(sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        yield
