"""``ayumi say`` and ``ayumi chat``."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime

import orjson
import typer
import uuid_utils

from assistant.bootstrap import build_core, command_services
from assistant.channels.console import ConsoleChannel, as_json, as_text
from assistant.cli.database import open_database
from assistant.dialogue.people_store import load_people
from assistant.dialogue.turn import Services
from assistant.inbox import RawEvent
from assistant.messages import Outgoing
from assistant.settings import Settings
from knowledge.db import Database, upsert
from knowledge.errors import NoSuchPersonError
from knowledge.records.accounts import Account

Shown = list[tuple[Outgoing, str | None]]


async def run_say(settings: Settings, person_id: str, text: str, at: datetime | None, *, json: bool) -> None:
    async with open_database(settings) as database, command_services(settings, database) as services:
        shown = await say(settings, services, person_id, text, at or datetime.now(UTC))
    if json:
        replies = [as_json(message, grade) for message, grade in shown]
        typer.echo(orjson.dumps({"replies": replies}, option=orjson.OPT_INDENT_2).decode())
    else:
        typer.echo("\n\n".join(as_text(message, grade) for message, grade in shown))


async def run_chat(settings: Settings, person_id: str, at: datetime | None) -> None:
    """A loop over ``say``; a number picks a choice of the last message."""
    async with open_database(settings) as database, command_services(settings, database) as services:
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
