"""``ayumi say``, ``ayumi chat`` and ``ayumi ask``."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import typer
import uuid_utils

from assistant.bootstrap import build_core, build_services
from assistant.channels.console import ConsoleChannel, as_json, as_text
from assistant.cli.data import open_database
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.errors import AssistantError
from assistant.handlers.questions import ask
from assistant.inbox import RawEvent
from assistant.messages import Outgoing
from assistant.settings import Settings
from assistant.wording.texts import Speaker
from knowledge.db import Database, upsert
from knowledge.errors import NoSuchPersonError
from knowledge.records.accounts import Account

YEARS = range(2000, 2101)  # that a line of a batch may name
Shown = list[tuple[Outgoing, str | None]]


async def run_say(settings: Settings, person_id: str, text: str, at: datetime | None, *, json: bool) -> None:
    async with open_database(settings) as database:
        shown = await say(settings, build_services(settings, database), person_id, text, at or datetime.now(UTC))
    if json:
        replies = [as_json(message, grade) for message, grade in shown]
        typer.echo(orjson.dumps({"replies": replies}, option=orjson.OPT_INDENT_2).decode())
    else:
        typer.echo("\n\n".join(as_text(message, grade) for message, grade in shown))


async def run_chat(settings: Settings, person_id: str, at: datetime | None) -> None:
    """A loop over ``say``; a number picks a choice of the last message."""
    async with open_database(settings) as database:
        services = build_services(settings, database)
        started = datetime.now(UTC)
        await _link(database, person_id, f"console:{person_id}", at or started)
        while True:
            try:
                text = await asyncio.to_thread(input, "> " if sys.stdin.isatty() else "")
            except EOFError:
                return
            if not text.strip():
                return
            elapsed = datetime.now(UTC) - started
            for message, grade in await say(settings, services, person_id, text, (at or started) + elapsed):
                typer.echo(as_text(message, grade))


async def say(settings: Settings, services: Services, person_id: str, text: str, at: datetime) -> Shown:
    """One message of a person as a turn of its own, from inbox to outbox; what was answered. Raises
    ``NoSuchPersonError``."""
    shown: Shown = []
    account_id = f"console:{person_id}"
    channel = ConsoleChannel(lambda message, grade: shown.append((message, grade)))
    await _link(services.database, person_id, account_id, at)
    core = build_core(services, {channel.name: channel}, lambda: at, only=account_id)
    event_id = f"console:{uuid_utils.uuid7()}"
    await core.inbox.receive(
        [RawEvent(event_id=event_id, channel="console", account_id=account_id, occurred_at=at, body={"text": text})]
    )
    await core.drain()
    return shown


async def run_ask(settings: Settings, person_id: str, text: str, at: datetime | None, *, json: bool) -> None:
    async with open_database(settings) as database:
        answer = await _ask(build_services(settings, database), person_id, text, at or datetime.now(UTC))
    typer.echo(orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode() if json else answer["text"])


async def run_ask_batch(settings: Settings, path: Path) -> None:
    """One answer object per line, in order, each with the id of its line. A line that cannot be read stops it."""
    lines = _read_lines(path, settings)
    async with open_database(settings) as database:
        services = build_services(settings, database)
        for line in lines:  # before anything is answered: a batch is answered whole or not at all
            try:
                await _band(services, line["as"], line["at"])
            except NoSuchPersonError as error:
                raise AssistantError(f"{path}:{line['line']}: {error}") from error
        for line in lines:
            answer = await _ask(services, line["as"], line["text"], line["at"])
            typer.echo(orjson.dumps({"id": line["id"], **answer}).decode())


async def _ask(services: Services, person_id: str, text: str, at: datetime) -> dict[str, Any]:
    speaker = Speaker(language=services.language, band=await _band(services, person_id, at))
    return (await ask(services, person_id, text, at, speaker)).to_json()


async def _band(services: Services, person_id: str, at: datetime) -> str:
    async with services.database.read() as connection:
        people = await load_people(connection, [person_id], at.astimezone(services.timezone).date())
    if person_id not in people:
        raise NoSuchPersonError(person_id)
    return people[person_id].band


async def _link(database: Database, person_id: str, account_id: str, at: datetime) -> None:
    async with database.write() as connection:
        if person_id not in await load_people(connection, [person_id], at.date()):
            raise NoSuchPersonError(person_id)
        row = {
            "id": account_id,
            "channel": "console",
            "person_id": person_id,
            "linked_at": at,
            "last_seen_at": at,
            "reachable": True,
        }
        await upsert(connection, Account, [row], key=["id"])


def _read_lines(path: Path, settings: Settings) -> list[Mapping[str, Any]]:
    try:
        content = path.read_bytes().splitlines()
    except OSError as error:
        raise AssistantError(f"{path}: cannot be read: {error.strerror}") from error
    lines: list[Mapping[str, Any]] = []
    for number, line in enumerate(content, start=1):
        if not line.strip():
            continue
        try:
            value = orjson.loads(line)
            at = datetime.fromisoformat(value["at"]) if value.get("at") else datetime.now(UTC)
            at = at if at.tzinfo else at.replace(tzinfo=settings.zone)
            if not isinstance(value["text"], str) or not isinstance(value["as"], str) or at.year not in YEARS:
                raise ValueError("not a question")
            lines.append({"id": value["id"], "as": value["as"], "text": value["text"], "at": at, "line": number})
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AssistantError(f'{path}:{number}: expected {{"id","as","at","text"}}, got {line[:80]!r}') from error
    return lines
