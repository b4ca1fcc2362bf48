"""``ayumi reminders``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import orjson
import typer
from sqlalchemy import select

from assistant.cli.database import open_database
from assistant.handlers.reminders.stored import line, to_draft
from assistant.settings import Settings
from assistant.wording.texts import Speaker
from knowledge.records.reminders import Reminder


async def run_reminders(settings: Settings, *, json: bool) -> None:
    """Every stored reminder, the oldest first. Drafts are in no table yet."""
    statement = select(*Reminder.__table__.c).order_by(Reminder.created_at, Reminder.id)
    async with open_database(settings) as database, database.read() as connection:
        rows = (await connection.execute(statement)).all()
    if json:
        shown = [_shown(row, settings) for row in rows]
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    speaker, now = Speaker(language=settings.language, band="staff"), datetime.now(UTC)
    for row in rows:
        following = _next_at(row, settings)
        said = line(to_draft(row, now), speaker)
        typer.echo(f"{row.state:<9}  {following or '-':<25}  {row.owner_id:<10}  {said}  {row.id}")
    if not rows:
        typer.echo("no reminders")


def _shown(row: Any, settings: Settings) -> dict[str, Any]:
    return {
        "id": row.id,
        "owner": row.owner_id,
        "audience": {"kind": row.audience_kind, "ids": row.audience_ids},
        "rrule": row.rrule,
        "time": row.time,
        "text": row.text,
        "next_at": _next_at(row, settings),
        "state": row.state,
    }


def _next_at(row: Any, settings: Settings) -> str | None:
    return row.next_at.astimezone(settings.zone).isoformat() if row.next_at else None
