"""The documents of an installation, for whatever process needs them: commands need nothing else of the assistant."""

from __future__ import annotations

from assistant.llm.embeddings import build_embeddings
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.documents.library import Library


def build_library(settings: Settings, database: Database) -> Library:
    """The documents of the installation. Raises ``SettingsError`` where the embedding model lacks its key."""
    name, base_url = settings.embeddings, settings.embeddings_base_url or settings.llm_base_url
    return Library(
        database,
        settings.data_dir,
        embeddings=build_embeddings(name, base_url) if name else None,
        embeddings_name=name,
        chroma_url=settings.chroma_url,
    )
