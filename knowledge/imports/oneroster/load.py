"""The ``oneroster`` kind: a whole set into the roster's tables.

Counts are over all files that are kept; rows of demographics and userProfiles are checked and not counted. How a bulk
set and the store meet is told in ``scope.py`` and ``plan.py``.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete

from knowledge.db import upsert
from knowledge.imports.oneroster.checks import check_homerooms, check_references
from knowledge.imports.oneroster.plan import Change, make_plan
from knowledge.imports.oneroster.read import read_set
from knowledge.imports.oneroster.schema import FILES
from knowledge.imports.oneroster.store import Store
from knowledge.imports.problems import Summary
from knowledge.imports.run import ImportKind, ImportRun, chunks
from knowledge.records.sign_in_names import keep_names


async def _run(run: ImportRun) -> Summary:
    noted = run.sign_in.column if run.sign_in is not None else None
    rows = read_set(run.path, run.timezone, run.problems, run.progress, noted)
    store = Store(connection=run.connection)
    changes, calendar = await make_plan(store, rows, run.problems)
    await check_references(store, rows, changes, run.problems)
    await check_homerooms(store, rows, changes, calendar, run.problems)
    run.problems.raise_if_any()
    if not run.dry_run:
        await _apply(run, changes)
        users = rows["users"]
        await keep_names(run.connection, users.lines.keys() | changes["users"].leaving, users.noted, run.sign_in)
    run.progress(sum(len(file.lines) for file in rows.values()), 1.0)
    return sum((change.summary for change in changes.values()), Summary())


async def _apply(run: ImportRun, changes: Mapping[str, Change]) -> None:
    """Writes from what is referred to downwards, deletes upwards: no reference dangles in between."""
    for file in FILES:
        names = [column.name for column in file.table.c if column.name != "sourced_id"]
        change = changes[file.name]
        for chunk in chunks([*change.written, *change.altered.values()]):
            await upsert(run.connection, file.table, chunk, key=["sourced_id"], update=names)
    for file in reversed(FILES):
        for chunk in chunks(sorted(changes[file.name].deleted)):
            await run.connection.execute(delete(file.table).where(file.table.c.sourced_id.in_(chunk)))


ONEROSTER = ImportKind(run=_run)
