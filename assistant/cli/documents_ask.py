"""``ayumi documents ask``: one question, or a file of them."""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer

from assistant.bootstrap import build_services
from assistant.cli.database import open_database
from assistant.dialogue.documents import answer_from_documents
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.wording.texts import Speaker
from knowledge.documents.model import AnswerStatus, Citation, DocumentAnswer


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a batch."""

    id: Any
    text: str


async def run_ask(settings: Settings, text: str, person_id: str | None, at: datetime | None, *, json: bool) -> None:
    """Print the answer with its sources, or that the documents do not say it. Raises ``NoSuchPersonError``."""
    at = at or datetime.now(UTC)
    async with open_database(settings) as database:
        services = build_services(settings, database)
        answer = await answer_from_documents(services, person_id, text, at)
        said = await _said(services, person_id, at, answer)
    if json:
        shown = {"id": None, **_to_json(answer, said)}
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    typer.echo(said)
    for source in dict.fromkeys(_source(citation) for citation in answer.citations):
        typer.echo(f"  — {source}")


async def run_ask_batch(settings: Settings, path: Path, person_id: str | None, at: datetime | None) -> None:
    """One answer object per line, in order, each with the id of its line. A line that cannot be read stops it before
    anything is answered."""
    at = at or datetime.now(UTC)
    lines = read_lines(path)
    async with open_database(settings) as database:
        services = build_services(settings, database)
        for line in lines:
            answer = await answer_from_documents(services, person_id, line.text, at)
            said = await _said(services, person_id, at, answer)
            typer.echo(orjson.dumps({"id": line.id, **_to_json(answer, said)}).decode())


async def _said(services: Services, person_id: str | None, at: datetime, answer: DocumentAnswer) -> str:
    """The text of the answer; where there is none, that it is not in the documents, in words for the asker."""
    if answer.status is AnswerStatus.ANSWERED:
        return answer.text
    band = "staff"
    if person_id is not None:
        async with services.database.read() as connection:
            people = await load_people(connection, [person_id], at.astimezone(services.timezone).date())
        band = people[person_id].band if person_id in people else band
    return str(Speaker(language=services.language, band=band).say("documents.not_found"))


def _to_json(answer: DocumentAnswer, said: str) -> dict[str, Any]:
    return {
        "status": answer.status.value,
        "text": said,
        "citations": [
            {
                "document": citation.document,
                "title": citation.title,
                "page": citation.page,
                "section": citation.section,
                "quote": citation.quote,
            }
            for citation in answer.citations
        ],
    }


def _source(citation: Citation) -> str:
    """Title, section and page, those that there are."""
    page = f"p. {citation.page}" if citation.page is not None else ""
    return " · ".join(part for part in (citation.title, citation.section, page) if part)


def read_lines(path: Path) -> list[Line]:
    """The lines of a batch. Raises ``AssistantError`` naming the line; what it holds is not shown."""
    try:
        content = path.read_bytes().removeprefix(BOM_UTF8).splitlines()
    except OSError as error:
        raise AssistantError(f"{path}: cannot be read: {error.strerror}") from error
    lines: list[Line] = []
    for number, line in enumerate(content, start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
            if not isinstance(value["text"], str):
                raise TypeError("not a text")
            lines.append(Line(id=value["id"], text=value["text"]))
        except (ValueError, KeyError, TypeError) as error:
            raise AssistantError(f'{path}:{number}: expected one JSON object {{"id","text"}}') from error
    return lines
