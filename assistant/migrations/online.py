"""Changes that would lock a big table, done beside the work of the others."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from alembic import op


def create_index_online(name: str, table: str, columns: list[Any], **options: Any) -> None:
    """Create an index while others go on writing to the table; ``options`` are those of ``op.create_index``.

    PostgreSQL builds it outside of a transaction: so it must come first in its migration, or after other online steps,
    and is safe to run again. It may take minutes. SQLite, with one process, creates it with everything else."""
    if _is_postgresql():
        with _beside_the_others():
            # Of a try that was cut off an index is left that is kept up to date and never used.
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True, **options)
    else:
        op.create_index(name, table, columns, **options)


def drop_index_online(name: str, table: str) -> None:
    """Drop an index while others go on working with the table; the same rules hold as for ``create_index_online``."""
    if _is_postgresql():
        with _beside_the_others():
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    else:
        op.drop_index(name, table)


def _is_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


@contextmanager
def _beside_the_others() -> Generator[None]:
    """Outside of a transaction, and as patient as need be: it waits for those who began before it, nobody for it."""
    with op.get_context().autocommit_block():
        patience = op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar_one()
        op.execute("SET lock_timeout = 0")
        yield
        op.execute(f"SET lock_timeout = '{patience}'")
