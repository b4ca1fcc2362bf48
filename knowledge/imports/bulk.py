"""Many rows by the driver's own ``executemany``: SQLAlchemy's way of each parameter takes longer than the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Insert, Table
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine

REMEMBERED = 8192  # values of one type whose form for the driver is kept: the moments of a chunk, the days of a file


class BulkInsert:
    """One INSERT into ``table``, compiled once for rows that have the same columns."""

    def __init__(self, connection: AsyncConnection, statement: Insert, table: Table, names: Sequence[str]) -> None:
        """``names``: the columns of every row to come."""
        compiled = statement.compile(dialect=connection.dialect, column_keys=list(names))
        self._connection = connection
        self._sql = str(compiled)
        self._order = tuple(compiled.positiontup or ())
        kinds = [table.c[name].type for name in self._order]
        found = {kind: self._processor(kind) for kind in kinds}  # columns of one type share what is remembered
        self._processors = [(index, process) for index, kind in enumerate(kinds) if (process := found[kind])]

    async def write(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """No rows, nothing done."""
        if rows:
            await self._connection.exec_driver_sql(self._sql, [self._values(row) for row in rows])

    def _values(self, row: Mapping[str, Any]) -> tuple[Any, ...]:
        values = [row[name] for name in self._order]
        for index, process in self._processors:
            values[index] = process(values[index])
        return tuple(values)

    def _processor(self, kind: TypeEngine[Any]) -> Callable[[Any], Any] | None:
        """What brings a value into the driver's form; None where it is in that form already."""
        dialect = self._connection.dialect
        process = kind.dialect_impl(dialect).bind_processor(dialect)
        if process is None or isinstance(kind, JSON):  # lists and dicts cannot be looked up
            return process
        return lru_cache(REMEMBERED, typed=True)(process)
