"""What ``ayumi audit`` does."""

from __future__ import annotations

import re

import orjson
import typer

from assistant.cli.database import open_database
from assistant.errors import SettingsError
from assistant.settings import Settings
from knowledge.records.audit_check import verify
from knowledge.records.audit_reading import Listed, listed

HOLDS, BROKEN = 0, 1  # exit statuses
HASH = re.compile("[0-9a-f]{64}")


async def run_verify(settings: Settings, expect: str | None) -> int:
    """Say whether the chain holds, and the hash to note down elsewhere. The exit status: 1 when it does not. Raises
    ``SettingsError`` for what is no hash, such as an empty variable of a script."""
    expect = None if expect is None else expect.strip().lower()
    if expect is not None and not HASH.fullmatch(expect):
        raise SettingsError("--expect: expected the 64 hexadecimal digits that 'ayumi audit verify' said before")
    async with open_database(settings) as database, database.read() as connection:
        verdict = await verify(connection, expect)
    if verdict.cut_before is not None:
        typer.echo(f"entries before {verdict.cut_before} were cut off when they were old enough")
    if verdict.broken_at is not None:
        typer.echo(f"BROKEN: entry {verdict.broken_at} {verdict.reason}; {verdict.entries} entries before it hold")
    elif not verdict.is_expected:
        typer.echo(f"BROKEN: the hash {expect} is not in the chain: it was written anew, or cut off behind it")
    else:
        typer.echo(f"{verdict.entries} entries hold; note this down elsewhere: {verdict.last_hash or 'nothing yet'}")
    return HOLDS if verdict.holds else BROKEN


async def run_list(settings: Settings, person: str | None, limit: int, *, json: bool) -> None:
    async with open_database(settings) as database, database.read() as connection:
        entries = await listed(connection, limit, person)
    if json:
        shown = [_json(entry, settings) for entry in entries]
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    for entry in entries:
        at = entry.at.astimezone(settings.zone).isoformat(timespec="seconds")
        who = entry.actor_id or "-"
        whose = " ".join(entry.subject_ids) or "-"
        parts = [str(entry.id), at, f"{entry.act:<8}", f"{entry.kind:<13}", f"{entry.channel:<8}", who, "of", whose]
        typer.echo("  ".join([*parts, entry.detail]).rstrip())
    if not entries:
        typer.echo("no entries")


def _json(entry: Listed, settings: Settings) -> dict[str, object]:
    return {
        "id": entry.id,
        "at": entry.at.astimezone(settings.zone).isoformat(),
        "actor": entry.actor_id,
        "role": entry.role,
        "act": entry.act,
        "kind": entry.kind,
        "channel": entry.channel,
        "subjects": [*entry.subject_ids],
        "detail": entry.detail,
        "hash": entry.hash,
    }
