"""The library: documents put in, found, opened and taken out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.db import Database
from knowledge.documents.model import Hit, Listed, NewDocument, Outcome, Passage, Reader

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


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
        self._data_dir = data_dir
        self._embeddings = embeddings
        self._embeddings_name = embeddings_name
        self._chroma_url = chroma_url

    async def search(self, text: str, reader: Reader, k: int = 5) -> list[Hit]:
        """The ``k`` best passages of what ``reader`` may read, best first; none for a text without words."""
        raise NotImplementedError

    async def put(self, new: NewDocument, now: datetime) -> tuple[str, Outcome]:
        """Put a document in, in place of what came from the same source: the id, and what it came to. Either all of it
        is there afterwards, or what was there before."""
        raise NotImplementedError

    async def remove(self, document_id: str) -> bool:
        """Take a document out with every trace of it; False when there is none of that id."""
        raise NotImplementedError

    async def listed(self, reader: Reader) -> list[Listed]:
        """What the reader may read, by title."""
        raise NotImplementedError

    async def find(self, source: str) -> Listed | None:
        """The document that came from a source; None when there is none."""
        raise NotImplementedError

    async def passages(self, document_id: str, reader: Reader) -> Sequence[Passage]:
        """All passages of a document in order; none when there is no such document, or not for this reader."""
        raise NotImplementedError

    async def file(self, document_id: str, reader: Reader) -> tuple[Listed, bytes] | None:
        """The file as it was added; None when there is no such document, or not for this reader."""
        raise NotImplementedError
