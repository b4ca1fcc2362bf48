"""What an import is given to work with, and what a kind of import is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar, cast
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Select, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Base
from knowledge.imports.problems import Problems, Summary
from knowledge.records.sign_in_names import SignInNames

CHUNK = 2_000  # rows per statement; times the columns of a key this stays under SQLite's 32,766 parameters

Progress = Callable[[int, float], None]  # (rows done, part of the bytes read, from 0 to 1)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class ImportRun:
    """One import under way. The connection is inside the transaction that ``run_import`` opened."""

    kind: str  # its name
    connection: AsyncConnection
    path: Path
    timezone: ZoneInfo  # the school's: for times without offset
    dry_run: bool  # read and compare, write nothing
    progress: Progress
    problems: Problems = field(default_factory=Problems)
    sign_in: SignInNames | None = (
        None  # the names by which people sign in with the school's accounts; None: nobody does
    )


@dataclass(frozen=True, kw_only=True)
class ImportKind:
    """``run`` returns the summary, having written everything; it raises ``ImportFailedError`` for a bad file."""

    run: Callable[[ImportRun], Awaitable[Summary]]


def table_of(model: type[Base]) -> Table:
    return cast("Table", model.__table__)  # every model of the product is one plain table


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """``items`` in lists of at most ``size``; nothing for no items."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


async def select_in(
    connection: AsyncConnection, statement: Select[*tuple[Any, ...]], column: ColumnElement[Any], values: Iterable[Any]
) -> list[Sequence[Any]]:
    """The rows of ``statement`` whose ``column`` is one of ``values``, asked for in chunks."""
    rows: list[Sequence[Any]] = []
    for chunk in chunks(values):
        rows.extend((await connection.execute(statement.where(column.in_(chunk)))).all())
    return rows
