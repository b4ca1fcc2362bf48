"""``ayumi migrate`` and ``ayumi import``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from assistant.cli.database import open_database
from assistant.errors import SettingsError
from assistant.schema import migrate
from assistant.settings import Settings
from assistant.sign_in_names import sign_in_names
from knowledge.db import Database
from knowledge.imports.problems import ImportFailedError
from knowledge.imports.registry import KINDS, run_import
from knowledge.records.audit import Act, Entry, Kind, record
from scheduler.upcoming import refresh_all

# What kind of data of people an import changes; the others are what a school sets.
AUDITED = {
    "oneroster": Kind.PERSON,
    "checkins": Kind.CHECKINS,
    "attendance": Kind.ATTENDANCE,
    "nurse-visits": Kind.NURSE_VISITS,
    "study-log": Kind.STUDY,
    "assessments": Kind.ASSESSMENTS,
    "observations": Kind.OBSERVATIONS,
    "consents": Kind.CONSENTS,
}


async def run_migrate(settings: Settings) -> None:
    database = Database(settings.database)
    try:
        await migrate(database)
    finally:
        await database.close()
    typer.echo("schema is up to date")


async def run_import_command(settings: Settings, kind: str, path: Path, *, dry_run: bool, now: datetime) -> None:
    """Print every problem with its place and fail, or the summary as the last line; after a new calendar reminders
    are due on its school days. Raises ``SettingsError`` for a kind that there is not."""
    if kind not in KINDS:
        raise SettingsError(f"import {kind}: use one of {', '.join(KINDS)}")
    async with open_database(settings) as database:
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not Console(stderr=True).is_terminal,
        ) as bar:
            task = bar.add_task(kind, total=1.0)
            try:
                summary = await run_import(
                    database,
                    kind,
                    path,
                    timezone=settings.zone,
                    dry_run=dry_run,
                    progress=lambda _rows, fraction: bar.update(task, completed=fraction),
                    sign_in=sign_in_names(settings),
                )
            except ImportFailedError as error:
                bar.stop()
                for problem in error.problems:
                    typer.echo(str(problem), err=True)
                if error.total > len(error.problems):
                    typer.echo(f"… and {error.total - len(error.problems)} more", err=True)
                typer.echo(str(error.summary))
                raise typer.Exit(1) from error
        if not dry_run:
            entry = Entry(
                actor_id=None,
                act=Act.CHANGE,
                kind=AUDITED.get(kind, Kind.SETTINGS),
                channel="cli",
                at=now.astimezone(settings.zone),
                detail=f"import {kind} {summary}",
            )
            await record(database, [entry])
        if kind == "calendar" and not dry_run:
            await refresh_all(database, now, settings.zone)
    typer.echo(str(summary))
