"""A store of its own for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from knowledge.db import Base, Database
from knowledge.records import calendar, checkins, roster

RECORDS = (calendar, checkins, roster)  # importing them is what makes their tables known


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty store with all tables."""
    database = Database(f"sqlite:///{tmp_path / 'ayumi.db'}")
    async with database.write() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield database
    await database.close()
