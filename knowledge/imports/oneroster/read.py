"""The rows of a set's files, each checked as far as it can be alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from knowledge.imports import fields
from knowledge.imports.csvfile import CsvReader, CsvSource, open_csv
from knowledge.imports.fields import FieldError
from knowledge.imports.oneroster.manifest import Manifest, Mode, read_manifest
from knowledge.imports.oneroster.package import open_package
from knowledge.imports.oneroster.schema import FILES, LEADING, UNKEPT, Column, File
from knowledge.imports.problems import Problem, Problems
from knowledge.imports.run import Progress

PROGRESS_EVERY = 2_000  # rows


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One row that is to be in the table."""

    line: int
    values: dict[str, Any]  # by column of the table, sourced_id among them


@dataclass(frozen=True, kw_only=True)
class FileRows:
    """What one file says. An absent file says nothing, as a delta file without rows would."""

    file: File
    is_bulk: bool
    lines: dict[str, int]  # every sourcedId of the file, also of rows with a problem → line
    active: dict[str, Row]  # by sourcedId
    deleted: dict[str, date]  # sourcedId → the day of the deletion, school time; delta only
    unkept: list[tuple[int, Column, str]]  # (line, column, value): references that are checked and not kept
    noted: dict[str, str] = field(default_factory=dict[str, str])  # sourcedId → the cell that was to be noted

    def problem(self, row: Row, column: str, value: str, expected: str) -> Problem:
        return Problem(file=f"{self.file.name}.csv", line=row.line, column=column, value=value, expected=expected)


def read_set(
    path: Path, timezone: ZoneInfo, problems: Problems, progress: Progress, noted: str | None = None
) -> dict[str, FileRows]:
    """All files by name; of users also the cells of the column ``noted``. Faults of cells and rows go to ``problems``,
    so that references can be checked as well; raises ``ImportFailedError`` when a file cannot be read at all."""
    with open_package(path) as sources:
        manifest = read_manifest(sources, problems)
        named = [name for name in (*(file.name for file in FILES), *UNKEPT) if manifest.modes[name] != Mode.ABSENT]
        readers = {name: sources[f"{name}.csv"] for name in named}
        watch = _watch(readers, progress)
        for name in UNKEPT:
            if name in readers:
                _check_unkept(readers[name], problems, watch)
        return {
            file.name: _read_file(
                file,
                manifest,
                readers.get(file.name),
                timezone,
                problems,
                watch,
                noted if file.name == "users" else None,
            )
            for file in FILES
        }


def _watch(sources: Mapping[str, CsvSource], progress: Progress) -> Callable[[CsvReader], None]:
    """A function to call for every row, which reports progress over all files now and then."""
    total = sum(source.size for source in sources.values()) or 1
    rows = 0
    ended: dict[str, float] = {}  # file → bytes read

    def watch(reader: CsvReader) -> None:
        nonlocal rows
        rows += 1
        if rows % PROGRESS_EVERY == 0:
            ended[reader.source.name] = reader.fraction * reader.source.size
            progress(rows, min(1.0, sum(ended.values()) / total))

    return watch


def _check_unkept(source: CsvSource, problems: Problems, watch: Callable[[CsvReader], None]) -> None:
    with open_csv(source, problems) as reader:
        _check_header(reader, list(LEADING), problems)
        for _ in reader.records():
            watch(reader)


def _check_header(reader: CsvReader, expected: list[str], problems: Problems) -> None:
    """Raises ``ImportFailedError`` at the first column that is not the one listed; further ones may follow."""
    for index, name in enumerate(expected):
        found = reader.header[index] if index < len(reader.header) else ""
        if found != name:
            problem = Problem(
                file=reader.source.name,
                line=1,
                column=f"column {index + 1}",
                value=found,
                expected=f"the column {name}",
            )
            problems.add(problem)
            break
    problems.raise_if_any()


def _read_file(
    file: File,
    manifest: Manifest,
    source: CsvSource | None,
    timezone: ZoneInfo,
    problems: Problems,
    watch: Callable[[CsvReader], None],
    noted: str | None,
) -> FileRows:
    mode = manifest.modes[file.name]
    rows = FileRows(file=file, is_bulk=mode == Mode.BULK, lines={}, active={}, deleted={}, unkept=[])
    if source is None:
        return rows
    columns = [column for column in file.columns if manifest.version in column.versions]
    names = [column.name for column in columns]
    noted_at = len(LEADING) + names.index(noted) if noted in names else None
    with open_csv(source, problems) as reader:
        _check_header(reader, file.header(manifest.version), problems)
        for record in reader.records():
            watch(reader)
            parser = _RowParser(name=source.name, line=record.line, problems=problems)
            parser.read(rows, columns, record.cells, mode, timezone)
            if noted_at is not None and (name := record.cells[noted_at].strip()) and record.cells[0] in rows.active:
                rows.noted[record.cells[0]] = name
    return rows


@dataclass(kw_only=True)
class _RowParser:
    """Reads the cells of one row; ``wrong`` once it met a problem."""

    name: str
    line: int
    problems: Problems
    wrong: bool = False

    def read(self, rows: FileRows, columns: list[Column], cells: list[str], mode: Mode, timezone: ZoneInfo) -> None:
        """Adds the row to ``rows``, or what is wrong with it to the problems."""
        sourced_id = self._cell("sourcedId", cells[0], fields.identifier, required=True)
        if sourced_id is not None:
            first = rows.lines.setdefault(sourced_id, self.line)
            if first != self.line:
                self._problem("sourcedId", cells[0], f"once in a file, but line {first} has it too")
        if mode == Mode.DELTA:
            status = self._cell("status", cells[1], fields.choice(("active", "tobedeleted")), required=True)
            modified = self._cell("dateLastModified", cells[2], fields.moment(timezone), required=True)
            if status == "tobedeleted":
                if not self.wrong:
                    rows.deleted[cells[0]] = modified.astimezone(timezone).date()
                return
        else:
            for name, cell in zip(LEADING[1:], cells[1:3], strict=True):
                if cell:
                    self._problem(name, cell, "nothing in a bulk file")
        values: dict[str, Any] = {"sourced_id": sourced_id}
        for column, cell in zip(columns, cells[3 : 3 + len(columns)], strict=True):
            value = self._cell(column.name, cell, column.parse, required=column.required)
            if column.kept_as is not None:
                values[column.kept_as] = column.empty if value is None else value
            elif column.refers is not None and value is not None:
                rows.unkept.append((self.line, column, value))
        self._check_period(rows.file, columns, values)
        if not self.wrong:
            rows.active[values["sourced_id"]] = Row(line=self.line, values=values)

    def _cell(self, name: str, cell: str, parse: fields.Parser | None, *, required: bool) -> Any:
        """The value; None for an empty cell and after a problem."""
        if not cell:
            if required:
                self._problem(name, cell, "a value")
            return None
        if parse is None:
            return None
        try:
            return parse(cell)
        except FieldError as error:
            self._problem(name, cell, error.expected)
            return None

    def _check_period(self, file: File, columns: list[Column], values: dict[str, Any]) -> None:
        if file.period is None:
            return
        first, last = (values[name] for name in file.period)
        if first is not None and last is not None and first > last:
            names = {column.kept_as: column.name for column in columns}
            begin, end = (names[name] for name in file.period)
            self._problem(end, last.isoformat(), f"no day before the {begin} {first.isoformat()}")

    def _problem(self, column: str, value: str, expected: str) -> None:
        self.wrong = True
        self.problems.add(Problem(file=self.name, line=self.line, column=column, value=value, expected=expected))


def references(rows: FileRows) -> Iterator[tuple[int, Column, str]]:
    """Every reference of the file's rows as (line, column, sourcedId)."""
    columns = [column for column in rows.file.columns if column.refers is not None and column.kept_as is not None]
    for row in rows.active.values():
        for column in columns:
            value = row.values[column.kept_as or ""]
            for sourced_id in value if isinstance(value, list) else [value]:  # pyright: ignore[reportUnknownVariableType] -- list of any
                if sourced_id is not None:
                    yield row.line, column, sourced_id
    yield from rows.unkept
