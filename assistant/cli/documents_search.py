"""``ayumi documents search``: the passages that fit a text, or each text of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer

from assistant.cli.database import open_database
from assistant.cli.documents_ask import read_lines
from assistant.dialogue.documents import hiding
from assistant.library import build_library
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.documents.model import Hit, Reader
from knowledge.documents.readers import load_reader


async def run_search(
    settings: Settings, text: str, person_id: str | None, at: datetime | None, *, k: int, json: bool
) -> None:
    """Print the best passages of what the person may find, of everything without one. Raises ``NoSuchPersonError``."""
    async with open_database(settings) as database:
        reader = await _reader(database, settings, person_id, at)
        hide = hiding(database, settings.zone, person_id, at or datetime.now(UTC))
        hits = await build_library(settings, database).search(text, reader, k, hide=hide)
    if json:
        typer.echo(orjson.dumps({"id": None, **_to_json(hits)}, option=orjson.OPT_INDENT_2).decode())
        return
    for number, hit in enumerate(hits, start=1):
        typer.echo(f"{number}. {_source(hit)}\n   {' '.join(hit.passage.text.split())}")


async def run_search_batch(
    settings: Settings, path: Path, person_id: str | None, at: datetime | None, *, k: int
) -> None:
    """One object per line, in order, each with the id of its line. A line that cannot be read stops it before anything
    is looked for."""
    lines = read_lines(path)
    async with open_database(settings) as database:
        reader = await _reader(database, settings, person_id, at)
        library = build_library(settings, database)
        hide = hiding(database, settings.zone, person_id, at or datetime.now(UTC))
        for line in lines:
            hits = await library.search(line.text, reader, k, hide=hide)
            typer.echo(orjson.dumps({"id": line.id, **_to_json(hits)}).decode())


async def _reader(database: Database, settings: Settings, person_id: str | None, at: datetime | None) -> Reader:
    on = (at or datetime.now(UTC)).astimezone(settings.zone).date()
    if person_id is None:
        return Reader(orgs=None, is_staff=True, on=on)
    async with database.read() as connection:
        return await load_reader(connection, person_id, on)


def _to_json(hits: Sequence[Hit]) -> Mapping[str, Any]:
    return {
        "results": [
            {
                "document": hit.passage.document,
                "title": hit.passage.title,
                "section": hit.passage.section,
                "page": hit.passage.page,
                "score": round(hit.score, 6),
                "text": hit.passage.text,
            }
            for hit in hits
        ]
    }


def _source(hit: Hit) -> str:
    """Title, section and page, those that there are, and the document's id."""
    page = f"p. {hit.passage.page}" if hit.passage.page is not None else ""
    parts = " · ".join(part for part in (hit.passage.title, hit.passage.section, page) if part)
    return f"{parts} [{hit.passage.document}]"
