"""The database that a command works on."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from assistant.errors import AssistantError
from assistant.schema import SchemaState, migrate, state_of
from assistant.settings import Settings
from knowledge.db import Database


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncGenerator[Database]:
    """The database, up to date. An embedded one is migrated; another raises ``AssistantError`` when it is behind."""
    database = Database(settings.database)
    try:
        if settings.is_embedded:
            await migrate(database)
        elif await state_of(database) is SchemaState.BEHIND:
            raise AssistantError("the database schema is not up to date: run 'ayumi migrate'")
        yield database
    finally:
        await database.close()
