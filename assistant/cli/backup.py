"""``ayumi backup`` and ``ayumi restore``."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import typer
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from assistant import backup, restoring
from assistant.backup import BackupError, Manifest
from assistant.bootstrap import build_services
from assistant.errors import SettingsError
from assistant.library import build_library
from assistant.restoring import Settled
from assistant.schema import SchemaState, migrate, state_of
from assistant.settings import Settings
from knowledge.db import Database

DUMP = 'pg_dump --format=custom --no-owner --no-unlogged-table-data --file=FILE "$AYUMI_DATABASE_URL"'
FETCH = 'pg_restore --no-owner --exit-on-error --single-transaction --dbname="$AYUMI_DATABASE_URL" FILE'
PAGE = "docs/howto/back-up-and-restore.md"
USUAL = {"lost+found"}  # in the root of a volume that is empty


def run_backup(settings: Settings, out: Path, *, overwrite: bool, now: datetime) -> None:
    """Write an archive and say what is in it. Raises ``SettingsError`` for PostgreSQL, ``BackupError``."""
    if not settings.is_embedded:
        raise SettingsError(f"the data is on PostgreSQL; back it up with its own tool: {DUMP} ({PAGE})")
    made = backup.make_backup(_file_of(settings), settings.data_dir, out, now, overwrite=overwrite)
    with suppress(OSError):  # the archive is there; only the doctor will ask for one
        (settings.data_dir / backup.LAST).touch()
    typer.echo(f"{out}: {_told(made, settings)}")
    if settings.secret_key:
        typer.echo("AYUMI_SECRET_KEY and the other settings are not in it: keep them as you keep passwords")


async def run_restore(settings: Settings, file: Path, stopped_at: datetime | None, *, now: datetime) -> None:
    """Check an archive, put it into the empty data folder, and say what was done. Raises ``SettingsError`` for
    PostgreSQL, ``BackupError``; then nothing is changed."""
    if not settings.is_embedded:
        raise SettingsError(f"the data is on PostgreSQL: first {FETCH}, then ayumi restore --settle ({PAGE})")
    database_file = _file_of(settings)
    _check_empty(settings.data_dir, database_file)
    with backup.opened(file) as archive:
        manifest = backup.read_manifest(archive)
        if "secret_key" not in manifest.files and not settings.secret_key:
            raise BackupError("AYUMI_SECRET_KEY: not set; set the one that was in force when the backup was made")
        if stopped_at is not None and stopped_at < manifest.made_at:
            raise SettingsError("--stopped-at: that was before the backup was made")
        with _staging(settings.data_dir) as staged:
            backup.unpack(archive, manifest, staged)
            # Nothing of the outside: what is planned needs the school's own rules and check-ins alone.
            own = {"data_dir": staged, "database_url": SecretStr(""), "llm": "", "embeddings": ""}
            database = Database(f"sqlite:///{staged / backup.DATABASE}")
            try:
                if await state_of(database) is SchemaState.AHEAD:
                    raise BackupError(f"its schema is newer than this Ayumi: install {manifest.ayumi} first")
                await migrate(database)
                services = build_services(settings.model_copy(update=own), database)
                settled = await restoring.settle(services, stopped_at or now, now)
            finally:
                await database.close()  # which puts SQLite's log back into its file
            backup.move_into(staged, settings.data_dir, database_file)
    typer.echo(f"restored {file}: {_told(manifest, settings)}; all checksums right")
    await _finish(settings, settled, stopped_at or now, now)


async def run_settle(settings: Settings, stopped_at: datetime | None, *, now: datetime) -> None:
    """Make a PostgreSQL database that was brought back safe to start. Raises ``SettingsError`` for another one,
    ``AssistantError`` while other processes work on it."""
    if settings.is_embedded:
        raise SettingsError("--settle is for PostgreSQL: ayumi restore FILE does it by itself")
    database = Database(settings.database)
    try:
        await restoring.check_alone(database)
        await migrate(database)
        settled = await restoring.settle(build_services(settings, database), stopped_at or now, now)
    finally:
        await database.close()
    await _finish(settings, settled, stopped_at or now, now)


async def _finish(settings: Settings, settled: Settled, stopped_at: datetime, now: datetime) -> None:
    """Make the vectors again, and say what became of everything."""
    until = stopped_at.astimezone(settings.zone).isoformat(" ", "minutes")
    kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(settled.left.items()))
    typer.echo(f"not sent any more, as it was due until {until} and may have arrived: {kinds or 'nothing'}")
    typer.echo(f"waiting for an answer, given at the next start: {settled.waiting} events")
    typer.echo(f"void: {settled.codes} link codes (ayumi link-code makes new ones), {settled.sessions} sign-ins")
    typer.echo(f"alerts that nobody has looked at: {settled.alerts} (ayumi alerts)")
    if settings.embeddings:
        database = Database(settings.database)
        try:
            done, of = await restoring.make_vectors(build_library(settings, database), now)
        finally:
            await database.close()
        rest = "" if done == of else "; the others are found by their words until they are added again"
        typer.echo(f"vectors made again: for {done} of {of} documents{rest}")
    typer.echo(f"What happened after the backup is not in it: {PAGE} says what to look at before the next start.")


def _file_of(settings: Settings) -> Path:
    """The SQLite file."""
    return Path(make_url(settings.database).database or "")


def _check_empty(data_dir: Path, database: Path) -> None:
    found = sorted({path.name for path in data_dir.iterdir()} - USUAL) if data_dir.is_dir() else []
    if found:
        raise BackupError(f"{data_dir}: not empty ({found[0]}): restore into an empty AYUMI_DATA_DIR")
    if database.exists():
        raise BackupError(f"{database}: there already")


@contextmanager
def _staging(data_dir: Path) -> Generator[Path]:
    """A folder of our own in the data folder; both are gone when the block raises, as far as they were made here."""
    was_there = data_dir.exists()
    data_dir.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(dir=data_dir, prefix=".restoring-"))
    try:
        yield staged
    except BaseException:
        shutil.rmtree(staged)
        if not was_there:
            data_dir.rmdir()
        raise
    shutil.rmtree(staged)


def _told(manifest: Manifest, settings: Settings) -> str:
    made = manifest.made_at.astimezone(settings.zone).isoformat(" ", "seconds")
    return (
        f"{len(manifest.files)} files, {manifest.size:,} bytes, made {made} by Ayumi {manifest.ayumi}, "
        f"schema {manifest.schema_revision}"
    )
