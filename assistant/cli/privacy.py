"""``ayumi export person``, ``ayumi erase``, ``ayumi retention``, ``ayumi consents``: what is kept about people."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import typer

from assistant.cli.database import open_database
from assistant.errors import SettingsError
from assistant.library import build_library
from assistant.settings import Settings
from knowledge.privacy import erasing
from knowledge.privacy.erasing import Survey
from knowledge.privacy.exporting import Receiver, export_person
from knowledge.privacy.retention import due
from knowledge.records import audit
from knowledge.records.audit_check import verify
from scheduler.retention import GUARDS, clear_now, load_retention

SEARCHED = ("*.yaml", "*.yml")  # of the data folder: what people write there may name somebody
PERSON = "person"


async def run_export_person(settings: Settings, person_id: str, receiver: str, out: Path, *, now: datetime) -> None:
    """Write the zip and say what is in it. Raises ``SettingsError`` for a place or receiver that there is not,
    ``NoSuchPersonError``."""
    if not person_id:
        raise SettingsError("export person needs the sourcedId of the person: ayumi export person ID --out FILE.zip")
    if receiver not in list(Receiver):
        raise SettingsError(f"--for {receiver}: use one of {', '.join(Receiver)}")
    if not out.parent.is_dir() or out.is_dir():
        raise SettingsError(f"--out {out}: expected a file in a folder that exists")
    local = now.astimezone(settings.zone)
    async with open_database(settings) as database:
        async with database.read() as connection:
            content, rows = await export_person(connection, person_id, Receiver(receiver), local.date())
        entry = audit.Entry(
            actor_id=None,
            act=audit.Act.EXPORT,
            kind=audit.Kind.PERSON,
            subject_ids=[person_id],
            channel="cli",
            at=local,
            detail=f"for {receiver}",
        )
        await audit.record(database, [entry])
    try:
        out.write_bytes(content)
    except OSError as error:
        raise SettingsError(f"--out {out}: {error.strerror}") from error
    for table, count in rows.items():
        typer.echo(f"{count:>7}  {table}")
    typer.echo(f"{out}: everything about '{person_id}', for the {receiver}")


async def run_erase(settings: Settings, kind: str, person_id: str, *, yes: bool, now: datetime) -> None:
    """Erase a person and prove it; without ``yes`` say what that would do. Raises ``NothingToEraseError``."""
    if kind != PERSON:
        raise SettingsError(f"erase {kind}: only a person can be erased: ayumi erase person ID --yes")
    if not person_id:
        raise SettingsError("erase person needs the sourcedId of the person: ayumi erase person ID --yes")
    async with open_database(settings) as database:
        found = await erasing.survey_of(database, person_id)
        if not yes:
            _show(found, None)
            _tell_of_files(settings, found)
            typer.echo(f"nothing was changed. To erase '{person_id}' for good: ayumi erase person {person_id} --yes")
            return
        library = build_library(settings, database)
        left = await erasing.erase(database, found, now.astimezone(settings.zone), library.remove)
        _show(found, left)
        async with database.read() as connection:
            verdict = await verify(connection)
    _tell_of_files(settings, found)
    holds = "holds" if verdict.broken_at is None else f"is broken at entry {verdict.broken_at}"
    typer.echo(f"the audit chain {holds} ({verdict.entries} entries)")
    typer.echo(
        f"'{person_id}' is erased. Backups made before hold them until they are thrown away; LINE and Slack keep what "
        "they showed; a later import of the roster that lists them brings back their name, and nothing else"
    )


def _show(found: Survey, left: Survey | None) -> None:
    """What there was, and what there is now: rows of the person, and rows of others that mention them."""
    after = " after" if left is not None else ""
    typer.echo(f"{'table':<26}{'rows':>9}{'theirs':>9}{after:>6}{'mentions':>10}{after:>6}")
    for name, each in found.tables.items():
        now = left.tables.get(name) if left is not None else None
        theirs, mentions = (str(now.theirs if now else 0), str(len(now.mentions) if now else 0)) if left else ("", "")
        typer.echo(f"{name:<26}{each.rows:>9}{each.theirs:>9}{theirs:>6}{len(each.mentions):>10}{mentions:>6}")
    typer.echo(f"{'audit (digests stay)':<26}{'':>9}{found.audited:>9}{left.audited if left else '':>6}")
    if found.pictures:
        gone = "were" if left is not None else "would be"
        typer.echo(
            f"{len(found.pictures)} pictures made for others at their school {gone} deleted: they may show the name"
        )
    for document_id, title in found.documents.items():
        done = "was taken out" if left is not None else "would be taken out"
        typer.echo(f"document {document_id} ({title}) {done}, with its vectors: it is theirs, or names them")


def _tell_of_files(settings: Settings, found: Survey) -> None:
    """Say which files of the data folder name the person: those are the school's to change."""
    for pattern in SEARCHED:
        for path in sorted(settings.data_dir.glob(pattern)):
            if found.traces.are_in(path.read_text("utf-8", "replace")):
                typer.echo(f"{path} names them: take that out by hand")


async def run_retention(settings: Settings, *, dry_run: bool, now: datetime) -> None:
    """Clear what is older than its kind is kept, or only say what that would be. Raises ``RetentionError``."""
    retention, local = load_retention(settings.data_dir), now.astimezone(settings.zone)
    async with open_database(settings) as database:
        async with database.read() as connection:
            found = await due(connection, retention, local, GUARDS)
        gone = {} if dry_run else await clear_now(database, retention, local)
    typer.echo(f"{'kind':<15}{'days':>6}  {'table':<26}{'before':>11}{'due' if dry_run else 'gone':>10}")
    for each in found:
        rows = each.rows if dry_run else gone.get(each.table, 0)
        days = retention.days[each.kind]
        typer.echo(f"{each.kind:<15}{days:>6}  {each.table:<26}{each.before.isoformat():>11}{rows:>10}")
    if dry_run:
        typer.echo("nothing was changed")
