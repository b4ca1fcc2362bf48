"""``ayumi link-code`` and ``ayumi alerts``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import orjson
import typer

from assistant.cli.database import open_database
from assistant.settings import Settings
from knowledge.records.alerts import list_alerts
from knowledge.records.audit import Act, Entry, Kind, append, record
from knowledge.records.linking import create_code


async def run_link_code(settings: Settings, persons: Sequence[str]) -> None:
    """Every person gets a code, or, where one is unknown, nobody does."""
    now = datetime.now(UTC)
    async with open_database(settings) as database, database.write() as connection:
        codes = [
            await create_code(
                connection,
                person,
                at=now,
                expires_at=now + timedelta(hours=settings.link_code_hours),
                secret=settings.secret(),
            )
            for person in persons
        ]
        entry = Entry(
            actor_id=None,
            act=Act.CHANGE,
            kind=Kind.ACCOUNTS,
            subject_ids=persons,
            channel="cli",
            at=now.astimezone(settings.zone),
            detail="link code made",
        )
        await append(connection, [entry])
    for person, code in zip(persons, codes, strict=True):
        typer.echo(f"{person} {code}")


async def run_alerts(settings: Settings, *, json: bool) -> None:
    async with open_database(settings) as database:
        async with database.read() as connection:
            alerts = await list_alerts(connection)
        entry = Entry(
            actor_id=None,
            act=Act.READ,
            kind=Kind.ALERTS,
            subject_ids={alert.student_id for alert in alerts},
            channel="cli",
            at=datetime.now(settings.zone),
        )
        await record(database, [entry] if alerts else [])
    shown = [
        {
            "id": alert.id,
            "person": alert.student_id,
            "level": alert.level,
            "state": alert.state,
            "at": alert.at.astimezone(settings.zone).isoformat(),
        }
        for alert in alerts
    ]
    if json:
        typer.echo(orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode())
        return
    for alert in shown:
        typer.echo(f"{alert['at']}  {alert['level']:<6}  {alert['state']:<13}  {alert['person']}  {alert['id']}")
    if not shown:
        typer.echo("no alerts")
