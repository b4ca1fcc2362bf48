"""``ayumi export``: data of a class, or of all schools, as a file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import typer

from assistant.cli.database import open_database
from assistant.errors import SettingsError
from assistant.masking import without_names
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.exports.activity import children_of_class
from knowledge.exports.registry import KINDS, OF_ALL, run_export, run_export_of_all
from knowledge.records.audit import Act, Entry, Kind, record

USUAL = timedelta(days=27)  # four weeks, today included
EARLIEST, LATEST = 1970, 2999  # years


async def run_export_command(
    settings: Settings, kind: str, class_id: str, first: str | None, last: str | None, out: Path
) -> None:
    """Write the file and say where. Raises ``SettingsError`` for a kind, a day or a place that there is not,
    ``ExportError`` for data that is not there."""
    if kind not in KINDS and kind not in OF_ALL:
        raise SettingsError(f"export {kind}: use one of {', '.join((*KINDS, *OF_ALL))}")
    if kind in OF_ALL and class_id:
        raise SettingsError(f"export {kind} is of all schools together: leave --class out")
    if kind in KINDS and not class_id:
        raise SettingsError(f"export {kind} needs --class ID, the sourcedId of a homeroom class")
    end = _day("--to", last) or datetime.now(UTC).astimezone(settings.zone).date()
    start = _day("--from", first) or end - USUAL
    if end < start:
        raise SettingsError(f"--from {start} lies after --to {end}")
    if not out.parent.is_dir() or out.is_dir():
        raise SettingsError(f"--out {out}: expected a file in a folder that exists")
    async with open_database(settings) as database:
        content = await _content(database, settings, kind, class_id, start, end)
    try:
        out.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"--out {out}: {error.strerror}") from error
    typer.echo(f"{out}: {kind}{f' of {class_id}' if class_id else ''} from {start} to {end}")


async def _content(database: Database, settings: Settings, kind: str, class_id: str, start: date, end: date) -> bytes:
    """The file; that children's data leave in it is in the audit before it is written."""
    async with database.read() as connection:
        if kind in OF_ALL:
            return await run_export_of_all(connection, kind, start, end, settings.zone, without_names)
        content = await run_export(connection, kind, class_id, start, end, settings.zone)
        children = await children_of_class(connection, class_id, start, end)
    entry = Entry(
        actor_id=None,
        act=Act.EXPORT,
        kind=Kind.PERSON,
        subject_ids=children,
        channel="cli",
        at=datetime.now(settings.zone),
        detail=f"{kind} class:{class_id} {start}/{end}",
    )
    await record(database, [entry])
    return content


def _day(option: str, value: str | None) -> date | None:
    if value is None:
        return None
    try:
        day = date.fromisoformat(value)
    except ValueError as error:
        raise SettingsError(f"{option} {value!r}: expected a date such as 2026-11-24") from error
    if not EARLIEST <= day.year <= LATEST:
        raise SettingsError(f"{option} {value!r}: expected a year from {EARLIEST} to {LATEST}")
    return day
