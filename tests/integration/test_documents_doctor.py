"""What ``ayumi doctor`` says about documents, the embedding model and Chroma."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from assistant.bootstrap import build_library
from assistant.cli import doctor
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.documents.model import DocumentAudience, NewDocument, Piece
from tests.platforms.openai import openai_stand_in
from tests.worlds import settings_of

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
NOBODY = "http://127.0.0.1:9"
MODEL = {"embeddings": "openai:stand-in"}
RULES = NewDocument(
    source="file:/notes/rules.md",
    title="きまり",
    file_name="rules.md",
    media_type="text/markdown",
    audience=DocumentAudience.EVERYONE,
    org_id=None,
    content=b"rules",
    pieces=(Piece(section="", page=None, text="水筒は一年中もってきてよいです。"),),
)


async def says(settings: Settings) -> dict[str, tuple[bool | None, str]]:
    about = ("documents", "AYUMI_EMBEDDINGS", "AYUMI_CHROMA_URL")
    return {each.about: (each.ok, each.says) async for each in doctor.examine(settings) if each.about in about}


async def test_without_documents_and_model(sqlite_url: str, tmp_path: Path) -> None:
    assert await says(settings_of(tmp_path, sqlite_url)) == {
        "documents": (None, "none yet: run 'ayumi documents add FILE'"),
        "AYUMI_EMBEDDINGS": (True, "none: documents are found by their words"),
    }


async def test_documents_that_wait_for_their_vectors(sqlite_url: str, tmp_path: Path) -> None:
    async with openai_stand_in() as model:
        settings = settings_of(tmp_path, sqlite_url, embeddings_base_url=model.url, **MODEL)
        database = Database(sqlite_url)
        library = build_library(settings, database)
        model.status = 500
        await library.put(RULES, NOW)
        found = await says(settings)
        ok, text = found["documents"]
        assert ok is None
        assert "1 of 1 have no vectors of openai:stand-in: adding the same files again makes them" in text
        assert found["AYUMI_EMBEDDINGS"][0] is False
        assert "openai:stand-in gives no vectors (InternalServerError)" in found["AYUMI_EMBEDDINGS"][1]
        model.status = 200
        await library.put(RULES, NOW)
        await database.close()
        assert await says(settings) == {
            "documents": (True, "1 are searched"),
            "AYUMI_EMBEDDINGS": (True, "openai:stand-in answers"),
        }


async def test_a_chroma_server_that_does_not_answer(sqlite_url: str, tmp_path: Path) -> None:
    async with openai_stand_in() as model:
        wanted: dict[str, Any] = {"embeddings_base_url": model.url, "chroma_url": NOBODY, **MODEL}
        ok, text = (await says(settings_of(tmp_path, sqlite_url, **wanted)))["AYUMI_CHROMA_URL"]
    assert ok is False
    assert text.startswith(f"{NOBODY}: no answer")
    assert "documents are found by their words" in text
