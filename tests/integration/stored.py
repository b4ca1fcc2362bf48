"""Reading a store back in tests, as plain rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select

from knowledge.db import Base, Database
from knowledge.imports.problems import ImportFailedError
from knowledge.imports.registry import Summary, run_import
from knowledge.records.roster import Enrollment

TOKYO = ZoneInfo("Asia/Tokyo")


async def load(database: Database, kind: str, path: Path, *, dry_run: bool = False) -> Summary:
    return await run_import(database, kind, path, timezone=TOKYO, dry_run=dry_run)


async def refused(database: Database, kind: str, path: Path) -> list[str]:
    """The problems of an import that must fail and leave the store as it was."""
    before = await everything(database)
    try:
        await load(database, kind, path)
    except ImportFailedError as error:
        assert await everything(database) == before
        return [str(problem) for problem in error.problems]
    raise AssertionError("the import was accepted")


async def rows(database: Database, model: type[Base], **where: Any) -> list[Row[Any]]:
    """The rows of a table that hold these values, by primary key."""
    table = model.__table__
    statement = select(table).order_by(*table.primary_key)
    async with database.read() as connection:
        return list(await connection.execute(statement.filter_by(**where) if where else statement))


async def row(database: Database, model: type[Base], **where: Any) -> Row[Any]:
    (only,) = await rows(database, model, **where)
    return only


async def enrollments(database: Database, user: str) -> list[Row[Any]]:
    """Someone's enrolments by sourcedId."""
    return await rows(database, Enrollment, user_sourced_id=user)


async def everything(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables."""
    async with database.read() as connection:
        return {
            table.name: [tuple(row) for row in await connection.execute(select(table).order_by(*table.primary_key))]
            for table in Base.metadata.sorted_tables
        }
