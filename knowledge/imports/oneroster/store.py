"""What the store holds of the rows that a set may touch."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Column, Date, Table, func, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from knowledge.db import Base
from knowledge.imports.oneroster.schema import BY_NAME, FILES
from knowledge.imports.run import chunks, select_in

Values = dict[str, Any]  # one row by column


@dataclass(frozen=True, kw_only=True)
class Store:
    """Reads of one import, on its connection."""

    connection: AsyncConnection

    async def everything(self, name: str) -> dict[str, Values]:
        """All rows of a file's table by sourcedId; for the small tables."""
        rows = await self.connection.execute(select(BY_NAME[name].table))
        return {row["sourced_id"]: dict(row) for row in rows.mappings()}

    async def where(
        self, name: str, column: str, values: Iterable[str], *, unless: Callable[[str, Values], bool] | None = None
    ) -> dict[str, Values]:
        """The rows of a file's table by sourcedId whose ``column`` is one of ``values``. Rows for which ``unless``
        (sourcedId, row) is true are dropped at once, so that an unchanged city needs no room in memory."""
        table = BY_NAME[name].table
        found: dict[str, Values] = {}
        for chunk in chunks(sorted(values)):
            for item in (await self.connection.execute(select(table).where(table.c[column].in_(chunk)))).mappings():
                row = dict(item)
                if unless is None or not unless(row["sourced_id"], row):
                    found[row["sourced_id"]] = row
        return found

    async def existing(self, name: str, sourced_ids: Iterable[str]) -> set[str]:
        """Which of ``sourced_ids`` a file's table holds."""
        column = BY_NAME[name].table.c.sourced_id
        return {row[0] for row in await select_in(self.connection, select(column), column, sorted(sourced_ids))}

    async def referring(self, name: str, sourced_ids: set[str]) -> list[tuple[str, str, str]]:
        """Rows of the roster that name one of ``sourced_ids`` of the file ``name``, as (file, sourcedId of the row,
        sourcedId named). Agents do not count: a guardian who is no longer there is simply nobody's guardian."""
        found: list[tuple[str, str, str]] = []
        if not sourced_ids:
            return found
        for file in FILES:
            own = file.table.c.sourced_id
            for column in file.columns:
                if column.refers != name or column.kept_as is None or column.kept_as == "agent_sourced_ids":
                    continue
                target = file.table.c[column.kept_as]
                if column.kept_as == "term_sourced_ids":  # a list: no index helps
                    for row_id, terms in await self.connection.execute(select(own, target)):
                        found.extend((file.name, row_id, term) for term in terms if term in sourced_ids)
                else:
                    rows = await select_in(self.connection, select(own, target), target, sorted(sourced_ids))
                    found.extend((file.name, row_id, named) for row_id, named in rows)
        return found

    async def recorded(self, name: str, sourced_ids: Iterable[str]) -> dict[str, date | None]:
        """Which of ``sourced_ids`` have records outside the roster (check-ins, notes, accounts, …), and the date of
        the last one where the records have dates."""
        last: dict[str, date | None] = {}
        ids = sorted(sourced_ids)
        for table, column in _foreign_keys(BY_NAME[name].table):
            day = table.c.get("date")
            has_day = day is not None and isinstance(day.type, Date)
            statement = select(column, func.max(day)) if has_day else select(column, null())
            for sourced_id, latest in await select_in(self.connection, statement.group_by(column), column, ids):
                known = last.get(sourced_id)
                last[sourced_id] = max((value for value in (known, latest) if value is not None), default=None)
        return last


def _foreign_keys(target: Table) -> list[tuple[Table, Column[Any]]]:
    """Every column outside the roster that must point at a row of ``target``, whichever package it is of."""
    roster = {file.table for file in FILES}
    return [
        (table, key.parent)
        for table in Base.metadata.sorted_tables
        if table not in roster
        for key in table.foreign_keys
        if key.column.table is target
    ]
