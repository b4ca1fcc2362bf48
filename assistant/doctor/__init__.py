"""``ayumi doctor``: what is set, what is missing, what goes wrong, and what to do about it.

A module per thing that is looked at; ``examine`` asks one after the other, and leaves out what cannot be looked at
because of what was found before. What is printed carries no secret, and nothing of a person.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from sqlalchemy.exc import SQLAlchemyError

from assistant.doctor.basics import look_at_files, look_at_names, look_at_settings
from assistant.doctor.finding import Finding, Patient, bad
from assistant.doctor.keeping import look_at_keeping
from assistant.doctor.models import look_at_models
from assistant.doctor.platforms import look_at_address, look_at_line, look_at_slack
from assistant.doctor.records import look_at_records
from assistant.doctor.sign_in import look_at_sign_in
from assistant.doctor.store import look_at_schema, look_at_server, look_at_what_leans_on_it, unreadable
from assistant.doctor.work import look_at_work
from assistant.settings import Settings
from knowledge.db import Database
from knowledge.errors import KnowledgeError


async def examine(settings: Settings, patient: Patient | None = None) -> AsyncIterator[Finding]:
    """Everything that is looked at, one by one."""
    patient = patient or Patient(settings=settings)
    files = [*look_at_files(patient)]
    for finding in (*look_at_names(patient), *look_at_settings(patient), *files):
        yield finding
    database: Database | None = None
    try:
        if not settings.is_embedded or is_writable(files):
            database = Database(settings.database)
    except KnowledgeError as error:
        yield bad("AYUMI_DATABASE_URL", str(error))
    readable = False
    try:
        if database is not None:
            async for finding in _database(patient, database):
                readable = readable or (finding.about == "database" and finding.ok is not False)
                yield finding
        async for finding in look_at_models(patient):
            yield finding
        async for finding in look_at_address(patient):
            yield finding
        async for finding in look_at_line(patient, database if readable else None):
            yield finding
        async for finding in look_at_slack(patient):
            yield finding
        async for finding in look_at_sign_in(patient, database if readable else None):
            yield finding
    finally:
        if database is not None:
            await database.close()


async def _database(patient: Patient, database: Database) -> AsyncIterator[Finding]:
    """As far as it can be read."""
    refused = False
    async for finding in look_at_server(patient, database):
        refused = refused or (finding.about == "AYUMI_DATABASE_URL" and finding.ok is False)
        yield finding
    if refused:
        return
    try:
        async for finding in look_at_schema(patient, database):
            yield finding
            if finding.ok is False:
                return
        async for finding in look_at_what_leans_on_it(patient, database):
            yield finding
        async with database.read() as connection:
            async for finding in look_at_work(patient, connection):
                yield finding
            async for finding in look_at_records(patient, connection):
                yield finding
            async for finding in look_at_keeping(patient, connection):
                yield finding
    except (KnowledgeError, SQLAlchemyError) as error:  # it went away while we looked, or its tables are not ours
        yield bad("database", unreadable(error))


def is_writable(files: list[Finding]) -> bool:
    """Whether the data folder was found to be of use."""
    return all(finding.ok is not False or finding.about != "AYUMI_DATA_DIR" for finding in files)
