"""``ayumi documents add``, ``list`` and ``remove``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from sqlalchemy import select

from assistant.cli.database import open_database
from assistant.errors import AssistantError, SettingsError
from assistant.library import build_library
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.documents.ingest import Added, add_sources
from knowledge.documents.library import Library
from knowledge.documents.model import DocumentAudience, Listed, Reader
from knowledge.documents.reading.model import EXPLAINED, Reason
from knowledge.documents.sources import find_sources, one_line
from knowledge.records.roster import Org

OPERATOR = Reader(orgs=None, is_staff=True, on=date.min)  # may see everything, also what has run out
WITH_SKIPPED = 1  # exit status when files were left out


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The options of ``documents add``, as typed."""

    title: str | None
    audience: str | None
    school: str | None
    district: str | None
    valid_until: str | None
    replaces: str | None


async def run_add(settings: Settings, paths: Sequence[Path], wanted: Wanted, *, now: datetime) -> None:
    """Print a line per document, the summary as the last one; name on standard error what was skipped, and fail then.
    Raises ``SettingsError`` for wrong options, before anything is changed."""
    audience = _audience(wanted.audience)
    valid_until = _day(wanted.valid_until)
    try:
        sources = find_sources(paths)
    except FileNotFoundError as error:
        raise SettingsError(f"{error}: no such file or folder") from error
    except OSError as error:
        raise SettingsError(f"{error.filename}: cannot be opened") from error
    for option, value in (("--title", wanted.title), ("--replaces", wanted.replaces)):
        if value is not None and (not value.strip() or len(sources) != 1):
            raise SettingsError(f"{option}: takes a value, for one file only")
    console = Console(stderr=True)
    outcomes: Counter[str] = Counter()
    lines: list[str] = []  # kept until the bar has gone: it takes what is printed to standard error
    async with open_database(settings) as database:
        library = build_library(settings, database)
        org_id = await _org(database, wanted)
        if wanted.replaces is not None:
            await _known(library, [wanted.replaces])
        with Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        ) as bar:
            task = bar.add_task("documents", total=len(sources))
            async for added in add_sources(
                library,
                sources,
                title=wanted.title,
                audience=audience,
                org_id=org_id,
                valid_until=valid_until,
                now=now,
            ):
                outcomes[added.outcome or "skipped"] += 1
                bar.advance(task)
                if added.reason is not None:
                    bar.console.print(_skipped(added, added.reason), soft_wrap=True, markup=False, highlight=False)
                else:
                    readers = _readers(added.audience, added.org_id)
                    lines.append(f"{added.outcome}  {added.id}  {added.title}  {readers}")
                if wanted.replaces is not None and added.id not in (None, wanted.replaces):
                    await library.remove(wanted.replaces)
    for line in lines:
        typer.echo(line)
    typer.echo(" ".join(f"{name}={outcomes[name]}" for name in ("added", "changed", "unchanged", "skipped")))
    if outcomes["skipped"]:
        raise typer.Exit(WITH_SKIPPED)


async def run_list(settings: Settings, *, json: bool) -> None:
    async with open_database(settings) as database:
        listed = await build_library(settings, database).listed(OPERATOR)
    if json:
        typer.echo(orjson.dumps([_shown(each, settings) for each in listed], option=orjson.OPT_INDENT_2).decode())
        return
    for line in _aligned([_row(each) for each in listed]):
        typer.echo(line)
    if not listed:
        typer.echo("no documents")


async def run_remove(settings: Settings, ids: Sequence[str]) -> None:
    """Take all of them out, or, where one is unknown, none. Raises ``AssistantError``."""
    async with open_database(settings) as database:
        library = build_library(settings, database)
        await _known(library, ids)
        for each in dict.fromkeys(ids):
            await library.remove(each)
    typer.echo(f"removed={len(set(ids))}")


async def _known(library: Library, ids: Sequence[str]) -> None:
    known = {each.id for each in await library.listed(OPERATOR)}
    for each in ids:
        if each not in known:
            raise AssistantError(f"no document '{each}': 'ayumi documents list' shows the ids")


def _audience(value: str | None) -> DocumentAudience | None:
    try:
        return None if value is None else DocumentAudience(value)
    except ValueError as error:
        raise SettingsError(f"--audience {value}: use {' or '.join(DocumentAudience)}") from error


def _day(value: str | None) -> date | None:
    try:
        return None if value is None else date.fromisoformat(value)
    except ValueError as error:
        raise SettingsError(f"--valid-until {value}: expected a date such as 2027-03-31") from error


async def _org(database: Database, wanted: Wanted) -> str | None:
    """The school or district that the documents are for. Raises ``SettingsError`` for one that is not in the roster."""
    if wanted.school is not None and wanted.district is not None:
        raise SettingsError("--school and --district: use one of them")
    for kind, org_id in (("school", wanted.school), ("district", wanted.district)):
        if org_id is None:
            continue
        async with database.read() as connection:
            found = await connection.scalar(select(Org.type).where(Org.sourced_id == org_id))
        if found != kind:
            raise SettingsError(f"--{kind} {org_id}: no {kind} with this sourcedId in the roster")
        return org_id
    return None


def _skipped(added: Added, reason: Reason) -> str:
    """One line, with the whole way to the file."""
    return f"{one_line(added.source.partition(':')[2])}: {EXPLAINED[reason]}"


def _readers(audience: DocumentAudience | None, org_id: str | None) -> str:
    return f"for {audience} of {org_id or 'all schools'}"


def _row(each: Listed) -> tuple[str, ...]:
    counts = [_counted(each.pages, "page")] if each.pages else []
    counts += [_counted(each.passages, "passage"), *(["vectors"] if each.embeddings else [])]
    until = f"until {each.valid_until}" if each.valid_until else ""
    return each.id, each.title, _readers(each.audience, each.org_id), ", ".join(counts), until


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """A line per row, in columns; a Japanese letter is two cells of a terminal wide."""
    widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell + " " * (width - cell_len(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def _shown(each: Listed, settings: Settings) -> dict[str, Any]:
    return {
        "id": each.id,
        "title": each.title,
        "file": each.file_name,
        "audience": each.audience,
        "org": each.org_id,
        "pages": each.pages,
        "passages": each.passages,
        "valid_until": each.valid_until,
        "updated_at": each.updated_at.astimezone(settings.zone).isoformat(),
        "vectors": bool(each.embeddings),
    }
