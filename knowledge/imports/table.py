"""The way of every kind that is one CSV file for one table: read, check, compare, write, a chunk at a time.

A kind says its columns, its natural key and how a row becomes a row of its table; see ``checkins.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column as TableColumn
from sqlalchemy import ColumnElement, MetaData, Table, and_, delete, insert, literal, select

from knowledge.db import upsert_statement
from knowledge.imports import fields
from knowledge.imports.bulk import BulkInsert
from knowledge.imports.csvfile import CsvReader, CsvSource, open_csv, path_source
from knowledge.imports.fields import FieldError, Parser
from knowledge.imports.problems import Problem, Summary
from knowledge.imports.run import ImportKind, ImportRun, chunks, select_in
from knowledge.records.collected import mark_collected
from knowledge.records.roster import User


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the file."""

    name: str
    parse: Parser
    required: bool = False
    default: Any = None  # the value of an empty cell, and of a column that is not there
    refers: ColumnElement[Any] | None = None  # the value must be in this column of the store
    refers_to: str = ""  # what ``refers`` holds, for the problem: "a student of the roster"


# Where a kind has this column, its rows are a student's, and the student's schools count as collecting the kind.
STUDENT = Column(
    name="studentId", parse=fields.identifier, required=True,
    refers=User.__table__.c.sourced_id, refers_to="the sourcedId of someone in the roster",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class TableKind:
    """A kind of file. A second row with the same key in one file is a problem; in a later file it replaces."""

    table: Table
    columns: Callable[[ZoneInfo], Sequence[Column]]
    row: Callable[[Mapping[str, Any], ZoneInfo], dict[str, Any]]  # values by column name → a row of the table
    key: Mapping[str, str]  # the natural key: column of the table → column of the file
    only_new: Mapping[str, Any]  # columns of the table that a file does not touch → their value in a new row

    @cached_property
    def values(self) -> tuple[str, ...]:
        """The columns of the table that a file sets, but those of the key."""
        untouched = {*self.key, *self.only_new, *self.table.primary_key.columns.keys()}
        return tuple(column.name for column in self.table.c if column.name not in untouched)

    @cached_property
    def asked(self) -> Table:
        """A temporary table for the keys of one chunk: joined, they are found by index on every database, and both
        statements are compiled once. (SQLite scans the whole table for ``(a, b) IN (VALUES …)``.)"""
        columns = [TableColumn(name, self.table.c[name].type) for name in self.key]
        return Table("import_keys", MetaData(), *columns, prefixes=["TEMPORARY"])


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A row of the file that is right as far as it can be told alone."""

    line: int
    values: dict[str, Any]  # by column of the file
    row: dict[str, Any]  # by column of the table


def table_kind(kind: TableKind) -> ImportKind:
    return ImportKind(run=partial(_run, kind))


async def _run(kind: TableKind, run: ImportRun) -> Summary:
    with open_csv(path_source(run.path), run.problems) as reader:
        columns = kind.columns(run.timezone)
        parse = _row_parser(reader, kind, columns, run)
        references = [_Reference(column, column.refers) for column in columns if column.refers is not None]
        summary, done = Summary(), 0
        store = await _Store.open(kind, run)
        for records in chunks(reader.records()):
            found: list[Problem] = []
            rows = [row for record in records if (row := parse(record.line, record.cells, found))]
            for reference in references:
                await reference.check(run, reader.source, rows, found)
            for problem in sorted(found, key=lambda problem: problem.line or 0):
                run.problems.add(problem)
            if not run.problems.total:
                summary += await store.take([row.row for row in rows])
            done += len(records)
            run.progress(done, reader.fraction)
        await store.close()
    run.problems.raise_if_any()
    if not run.dry_run:
        for students in chunks(value for known in references if known.column is STUDENT for value in known.values):
            await mark_collected(run.connection, run.kind, students)
    return summary


def _row_parser(
    reader: CsvReader, kind: TableKind, columns: Sequence[Column], run: ImportRun
) -> Callable[[int, list[str], list[Problem]], _Read | None]:
    """A function that reads one row, or appends what is wrong with it and returns None.

    Raises ``ImportFailedError`` when a required column is missing.
    """
    file = reader.source.name
    for column in columns:
        if column.required and column.name not in reader.header:
            expected = f"a column named {column.name} in the header"
            run.problems.add(Problem(file=file, line=1, expected=expected))
    run.problems.raise_if_any()
    places = {name: place for place, name in enumerate(reader.header)}
    plan = [(places[one.name], one.name, one.parse, one.required) for one in columns if one.name in places]
    key_places = [places[name] for name in kind.key.values() if name in places]
    defaults = {column.name: column.default for column in columns}
    first_lines: dict[str, int] = {}  # natural key as one string: the least memory for a million rows

    def problem(line: int, cells: list[str], column: str, expected: str) -> Problem:
        value = cells[places[column]] if column in places else ""
        return Problem(file=file, line=line, column=column, value=value, expected=expected)

    def parse(line: int, cells: list[str], found: list[Problem]) -> _Read | None:
        values = defaults.copy()
        right = len(found)
        for place, name, parse_cell, required in plan:
            if cell := cells[place]:
                try:
                    values[name] = parse_cell(cell)
                except FieldError as error:
                    found.append(problem(line, cells, name, error.expected))
            elif required:
                found.append(problem(line, cells, name, "a value"))
        if len(found) > right:
            return None
        try:
            row = kind.row(values, run.timezone)
        except FieldError as error:
            found.append(problem(line, cells, error.column, error.expected))
            return None
        key = "\x1f".join([str(row[name]) for name in kind.key])
        first = first_lines.setdefault(key, line)
        if first != line:
            value = " ".join([cells[place] for place in key_places]).rstrip()
            expected = f"once in a file, but line {first} has it too"
            found.append(
                Problem(file=file, line=line, column="+".join(kind.key.values()), value=value, expected=expected)
            )
            return None
        return _Read(line=line, values=values, row=row)

    return parse


class _Reference:
    """Which values of one column are in the store; each is asked for once."""

    def __init__(self, column: Column, target: ColumnElement[Any]) -> None:
        self.column = column
        self._target = target
        self._known: dict[str, bool] = {}

    @property
    def values(self) -> Iterable[str]:
        """Those that the file has had so far."""
        return self._known

    async def check(self, run: ImportRun, source: CsvSource, rows: Sequence[_Read], found: list[Problem]) -> None:
        name, target = self.column.name, self._target
        asked = {row.values[name] for row in rows if row.values[name] is not None} - self._known.keys()
        there = {row[0] for row in await select_in(run.connection, select(target), target, sorted(asked))}
        self._known.update({value: value in there for value in asked})
        for row in rows:
            value = row.values[name]
            if value is not None and not self._known[value]:
                expected = self.column.refers_to
                found.append(Problem(file=source.name, line=row.line, column=name, value=value, expected=expected))


class _Store:
    """The table that the rows go to, compared with what it holds."""

    def __init__(self, kind: TableKind, run: ImportRun, *, is_empty: bool) -> None:
        update = kind.values
        statement = upsert_statement(kind.table, run.connection.dialect.name, tuple(kind.key), update)
        self._kind = kind
        self._run = run
        self._is_empty = is_empty  # before the import; keys being unique in a file, nothing is there to compare with
        self._write = BulkInsert(run.connection, statement, kind.table, [*kind.key, *update, *kind.only_new])
        self._ask = BulkInsert(run.connection, insert(kind.asked), kind.asked, [*kind.key])

    @classmethod
    async def open(cls, kind: TableKind, run: ImportRun) -> _Store:
        """Close it when all rows are taken; after a failure the transaction takes its temporary table back."""
        await run.connection.run_sync(kind.asked.create, checkfirst=False)
        first = await run.connection.execute(select(literal(1)).select_from(kind.table).limit(1))
        return cls(kind, run, is_empty=first.first() is None)

    async def close(self) -> None:
        await self._run.connection.run_sync(self._kind.asked.drop, checkfirst=False)

    async def take(self, rows: Sequence[dict[str, Any]]) -> Summary:
        """Writes what is new or different, or with ``--dry-run`` only counts it."""
        key, value_names = tuple(self._kind.key), self._kind.values
        stored = {} if self._is_empty else await self._stored(rows)
        added: list[dict[str, Any]] = []
        changed: list[dict[str, Any]] = []
        for row in rows:
            before = stored.get(tuple([row[name] for name in key]))
            if before is None:
                added.append(row)
            elif before != tuple([row[name] for name in value_names]):
                changed.append(row)
        if not self._run.dry_run:
            await self._write.write([{**row, **self._kind.only_new} for row in (*added, *changed)])
        return Summary(added=len(added), changed=len(changed), unchanged=len(rows) - len(added) - len(changed))

    async def _stored(self, rows: Sequence[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """What the table holds under the keys of ``rows``: key → values."""
        key, table, asked = tuple(self._kind.key), self._kind.table, self._kind.asked
        await self._run.connection.execute(delete(asked))
        await self._ask.write(rows)
        is_asked = and_(*(table.c[name] == asked.c[name] for name in key))
        columns = [table.c[name] for name in (*key, *self._kind.values)]
        found = await self._run.connection.execute(select(*columns).join_from(asked, table, is_asked))
        return {tuple(row[: len(key)]): tuple(row[len(key) :]) for row in found}
