"""The way of every kind that is one CSV file for one table: read, check, compare, write, a chunk at a time.

A kind says its columns, its natural key and how a row becomes a row of its table; see ``checkins.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Column as TableColumn
from sqlalchemy import ColumnElement, MetaData, Table, and_, delete, insert, select

from knowledge.db import upsert
from knowledge.imports.csvfile import CsvReader, CsvSource, open_csv, path_source
from knowledge.imports.fields import FieldError, Parser
from knowledge.imports.problems import Problem, Summary
from knowledge.imports.run import ImportKind, ImportRun, chunks, select_in


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of the file."""

    name: str
    parse: Parser
    required: bool = False
    default: Any = None  # the value of an empty cell, and of a column that is not there
    refers: ColumnElement[Any] | None = None  # the value must be in this column of the store
    refers_to: str = ""  # what ``refers`` holds, for the problem: "a student of the roster"


@dataclass(frozen=True, kw_only=True)
class TableKind:
    """A kind of file. A second row with the same key in one file is a problem; in a later file it replaces."""

    table: Table
    columns: Callable[[ZoneInfo], Sequence[Column]]
    row: Callable[[Mapping[str, Any], ZoneInfo], dict[str, Any]]  # values by column name → a row of the table
    key: Mapping[str, str]  # the natural key: column of the table → column of the file
    only_new: Mapping[str, Any]  # columns of the table that a file does not touch → their value in a new row

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
        await run.connection.run_sync(kind.asked.create, checkfirst=False)
        for records in chunks(reader.records()):
            found: list[Problem] = []
            rows = [row for record in records if (row := parse(record.line, record.cells, found))]
            for reference in references:
                await reference.check(run, reader.source, rows, found)
            for problem in sorted(found, key=lambda problem: problem.line or 0):
                run.problems.add(problem)
            if not run.problems.total:
                summary += await _store(kind, run, [row.row for row in rows])
            done += len(records)
            run.progress(done, reader.fraction)
        await run.connection.run_sync(kind.asked.drop, checkfirst=False)
    run.problems.raise_if_any()
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
    plan = [(reader.header.index(column.name), column) for column in columns if column.name in reader.header]
    defaults = {column.name: column.default for column in columns}
    first_lines: dict[str, int] = {}  # natural key as one string: the least memory for a million rows

    def parse(line: int, cells: list[str], found: list[Problem]) -> _Read | None:
        values = defaults.copy()
        right = len(found)
        for index, column in plan:
            cell = cells[index]
            if cell:
                try:
                    values[column.name] = column.parse(cell)
                except FieldError as error:
                    found.append(Problem(file=file, line=line, column=column.name, value=cell, expected=error.expected))
            elif column.required:
                found.append(Problem(file=file, line=line, column=column.name, value=cell, expected="a value"))
        if len(found) > right:
            return None
        row = kind.row(values, run.timezone)
        key = "\x1f".join([str(row[name]) for name in kind.key])
        first = first_lines.setdefault(key, line)
        if first != line:
            name, value = "+".join(kind.key.values()), key.replace("\x1f", " ").rstrip()
            expected = f"once in a file, but line {first} has it too"
            found.append(Problem(file=file, line=line, column=name, value=value, expected=expected))
            return None
        return _Read(line=line, values=values, row=row)

    return parse


class _Reference:
    """Which values of one column are in the store; each is asked for once."""

    def __init__(self, column: Column, target: ColumnElement[Any]) -> None:
        self._column = column
        self._target = target
        self._known: dict[str, bool] = {}

    async def check(self, run: ImportRun, source: CsvSource, rows: Sequence[_Read], found: list[Problem]) -> None:
        name, target = self._column.name, self._target
        asked = {row.values[name] for row in rows if row.values[name] is not None} - self._known.keys()
        there = {row[0] for row in await select_in(run.connection, select(target), target, sorted(asked))}
        self._known.update({value: value in there for value in asked})
        for row in rows:
            value = row.values[name]
            if value is not None and not self._known[value]:
                expected = self._column.refers_to
                found.append(Problem(file=source.name, line=row.line, column=name, value=value, expected=expected))


async def _store(kind: TableKind, run: ImportRun, rows: list[dict[str, Any]]) -> Summary:
    """Compares ``rows`` with the table and writes what is new or different."""
    if not rows:
        return Summary()
    key_names = list(kind.key)
    value_names = [name for name in rows[0] if name not in kind.key]
    table = kind.table.c
    asked = kind.asked
    await run.connection.execute(delete(asked))
    await run.connection.execute(insert(asked), [{name: row[name] for name in key_names} for row in rows])
    is_asked = and_(*(table[name] == asked.c[name] for name in key_names))
    statement = select(*(table[name] for name in (*key_names, *value_names))).join_from(asked, kind.table, is_asked)
    split = len(key_names)
    stored = {tuple(row[:split]): tuple(row[split:]) for row in await run.connection.execute(statement)}
    added: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for row in rows:
        before = stored.get(tuple([row[name] for name in key_names]))
        if before is None:
            added.append(row)
        elif before != tuple([row[name] for name in value_names]):
            changed.append(row)
    if not run.dry_run:
        written = [row | dict(kind.only_new) for row in [*added, *changed]]
        await upsert(run.connection, kind.table, written, key=key_names, update=value_names)
    return Summary(added=len(added), changed=len(changed), unchanged=len(rows) - len(added) - len(changed))
