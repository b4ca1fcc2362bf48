"""Whether what is kept about people is looked after: cleared in time, and its audit whole."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from assistant.doctor.finding import Finding, Patient, bad, fine, note
from knowledge.errors import KnowledgeError
from knowledge.records.audit_check import verify
from scheduler.retention import OVERDUE, last_cleared, load_retention

SOME = 10_000  # entries of the audit that are gone through in some seconds: those of a school's last weeks


async def look_at_keeping(patient: Patient, connection: AsyncConnection) -> AsyncIterator[Finding]:
    yield await _clearing(patient, connection)
    yield await _audit(connection)


async def _clearing(patient: Patient, connection: AsyncConnection) -> Finding:
    about = "retention"
    try:
        load_retention(patient.settings.data_dir)
    except KnowledgeError as error:
        return bad(about, f"{error}: mend the file, no scheduler starts with it")
    last = await last_cleared(connection)
    if last is None:
        return note(about, "nothing was cleared yet: a scheduler does it every night, 'ayumi retention' does it now")
    days = (patient.now() - last).days
    if patient.now() - last > OVERDUE + timedelta(days=1):
        says = f"nothing was cleared for {days} days, so more is kept than families are told: 'ayumi retention' does"
        return bad(about, f"{says} it now; the scheduler's log says why it did not (job_failed)")
    return fine(about, f"what is old was cleared {days} days ago")


async def _audit(connection: AsyncConnection) -> Finding:
    about = "audit"
    verdict = await verify(connection, newest=SOME)
    if verdict.broken_at is not None:
        says = f"entry {verdict.broken_at} {verdict.reason}: keep the database as it is, and a backup of before; find"
        return bad(about, f"{says} out who writes to it beside Ayumi ('ayumi audit verify')")
    return fine(about, f"the latest {verdict.entries} entries hold")
