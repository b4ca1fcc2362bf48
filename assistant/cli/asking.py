"""``ayumi ask`` and ``ayumi understand``: one text, or a file of them."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer

from assistant.bootstrap import build_services
from assistant.charts import draw
from assistant.cli.database import open_database
from assistant.dialogue.asking import Asked, ask, understand
from assistant.dialogue.people_store import load_people
from assistant.dialogue.topic import Topic
from assistant.dialogue.turn import Services
from assistant.errors import AssistantError
from assistant.settings import Settings
from assistant.wording.tables import csv_of
from assistant.wording.texts import Speaker
from knowledge.errors import NoSuchPersonError
from knowledge.questions.model import Status
from knowledge.records.audit import Act, record

YEARS = range(2000, 2101)  # that a line of a batch may name


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of a batch."""

    number: int  # in the file, from 1
    id: Any
    person_id: str
    text: str
    at: datetime
    conversation: str | None  # lines of one share their context


async def run_ask(
    settings: Settings,
    person_id: str,
    text: str,
    at: datetime | None,
    *,
    json: bool,
    chart: Path | None = None,
    csv: Path | None = None,
) -> None:
    """Print the answer; save it as a picture or as CSV too. Raises ``AssistantError`` where there is nothing to save,
    or no place for it; the table is saved first."""
    at = at or datetime.now(UTC)
    async with open_database(settings) as database:
        services = build_services(settings, database)
        speaker = await _speaker(services, person_id, at)
        asked = await ask(services, person_id, text, at, speaker)
        await _record(services, asked, exports=csv is not None or chart is not None)
    typer.echo(orjson.dumps(asked.answer.to_json(), option=orjson.OPT_INDENT_2).decode() if json else asked.answer.text)
    if csv is not None:
        is_answered = asked.answer.status is Status.ANSWERED
        _save(csv, csv_of(asked.answer, speaker) if is_answered else None, "a table of this answer")
    if chart is not None:
        _save(chart, draw(asked.answer, speaker), "a picture of this answer")


async def run_ask_batch(settings: Settings, path: Path) -> None:
    """One answer object per line, in order, each with the id of its line. A line that cannot be read stops it before
    anything is answered."""
    async with open_database(settings) as database:
        services = build_services(settings, database)
        topics: dict[str, Topic | None] = {}
        for line, speaker in await _read(path, settings, services):
            before = topics.get(line.conversation) if line.conversation else None
            asked = await ask(services, line.person_id, line.text, line.at, speaker, before)
            if line.conversation:
                topics[line.conversation] = asked.topic
            await _record(services, asked)
            typer.echo(orjson.dumps({"id": line.id, **asked.answer.to_json()}).decode())


async def run_understand(settings: Settings, person_id: str, text: str, at: datetime | None, *, json: bool) -> None:
    """Print what a text is taken to mean."""
    at = at or datetime.now(UTC)
    async with open_database(settings) as database:
        services = build_services(settings, database)
        await _speaker(services, person_id, at)
        meant = await understand(services, person_id, text, at)
    option = orjson.OPT_INDENT_2
    typer.echo(orjson.dumps({"id": None, **meant}, option=option).decode() if json else _in_short(meant))


async def run_understand_batch(settings: Settings, path: Path) -> None:
    """One object per line, in order. Lines of one conversation share the context of what was answered before."""
    async with open_database(settings) as database:
        services = build_services(settings, database)
        topics: dict[str, Topic | None] = {}
        for line, speaker in await _read(path, settings, services):
            before = topics.get(line.conversation) if line.conversation else None
            meant = await understand(services, line.person_id, line.text, line.at, before)
            typer.echo(orjson.dumps({"id": line.id, **meant}).decode())
            if line.conversation:  # what a later line leans on is the answer, with those it listed
                asked = await ask(services, line.person_id, line.text, line.at, speaker, before)
                topics[line.conversation] = asked.topic


async def _read(path: Path, settings: Settings, services: Services) -> list[tuple[Line, Speaker]]:
    """The lines of a batch with the readers of their answers. Raises ``AssistantError`` naming the line."""
    lines = _lines(path, settings)
    found: list[tuple[Line, Speaker]] = []
    for line in lines:
        try:
            found.append((line, await _speaker(services, line.person_id, line.at)))
        except NoSuchPersonError as error:
            raise AssistantError(f"{path}:{line.number}: {error}") from error
    return found


def _lines(path: Path, settings: Settings) -> list[Line]:
    try:
        content = path.read_bytes().removeprefix(BOM_UTF8).splitlines()
    except OSError as error:
        raise AssistantError(f"{path}: cannot be read: {error.strerror}") from error
    lines: list[Line] = []
    for number, line in enumerate(content, start=1):
        if not line.strip():
            continue
        try:
            lines.append(_line(number, orjson.loads(line), settings))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            # The line itself is not shown: it may hold names, and errors end up in logs.
            expected = 'one JSON object {"id","as","at","text","conversation"}'
            raise AssistantError(f"{path}:{number}: expected {expected}") from error
    return lines


def _line(number: int, value: Mapping[str, Any], settings: Settings) -> Line:
    at = datetime.fromisoformat(value["at"]) if value.get("at") else datetime.now(UTC)
    at = at if at.tzinfo else at.replace(tzinfo=settings.zone)
    texts = value["text"], value["as"]
    if not all(isinstance(each, str) and "\0" not in each for each in texts) or at.year not in YEARS:
        raise ValueError("not a question")
    conversation = value.get("conversation")
    return Line(
        number=number,
        id=value["id"],
        person_id=value["as"],
        text=value["text"],
        at=at,
        conversation=None if conversation is None else str(conversation),
    )


async def _record(services: Services, asked: Asked, *, exports: bool = False) -> None:
    """Keep in the audit what is about to be shown, at the time it is, whatever the time that was asked for."""
    if asked.looked is not None:
        act = Act.EXPORT if exports and asked.answer.status is Status.ANSWERED else asked.looked.act
        entry = replace(asked.looked, act=act, channel="cli", at=datetime.now(services.timezone))
        await record(services.database, [entry])


async def _speaker(services: Services, person_id: str, at: datetime) -> Speaker:
    """The reader that a person is. Raises ``NoSuchPersonError``."""
    async with services.database.read() as connection:
        people = await load_people(connection, [person_id], at.astimezone(services.timezone).date())
    if person_id not in people:
        raise NoSuchPersonError(person_id)
    return Speaker(language=services.language, band=people[person_id].band)


def _save(path: Path, content: bytes | None, what: str) -> None:
    if content is None:
        raise AssistantError(f"{path}: not written: there is nothing to make {what} from")
    try:
        path.write_bytes(content)
    except OSError as error:
        raise AssistantError(f"{path}: cannot be written: {error.strerror}") from error


def _in_short(meant: Mapping[str, Any]) -> str:
    question = meant.get("question")
    if not question:
        return str(meant["intent"])
    scope, period = question["scope"]["label"], question["period"]
    parts = [meant["intent"], meant["confidence"], question["metric"] or question["shape"], question["shape"], scope]
    return " · ".join([*map(str, parts), f"{period['start']}–{period['end']}"])
