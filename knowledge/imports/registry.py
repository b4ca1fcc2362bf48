"""Every kind of import by its name. A new kind is a module of its own and one line here."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

from knowledge.db import Database
from knowledge.imports.activities import ACTIVITIES
from knowledge.imports.assessments import ASSESSMENTS
from knowledge.imports.attendance import ATTENDANCE
from knowledge.imports.calendar import CALENDAR
from knowledge.imports.checkins import CHECKINS
from knowledge.imports.consents import CONSENTS
from knowledge.imports.content import CONTENT
from knowledge.imports.nurse_visits import NURSE_VISITS
from knowledge.imports.observations import OBSERVATIONS
from knowledge.imports.oneroster.load import ONEROSTER
from knowledge.imports.problems import ImportFailedError, Problem, Summary, fail
from knowledge.imports.run import ImportKind, ImportRun, Progress
from knowledge.imports.study_log import STUDY_LOG
from knowledge.records.sign_in_names import SignInNames

__all__ = ["KINDS", "ImportFailedError", "ImportKind", "Problem", "Progress", "Summary", "run_import"]

KINDS: dict[str, ImportKind] = {
    "oneroster": ONEROSTER,
    "checkins": CHECKINS,
    "attendance": ATTENDANCE,
    "nurse-visits": NURSE_VISITS,
    "study-log": STUDY_LOG,
    "assessments": ASSESSMENTS,
    "observations": OBSERVATIONS,
    "calendar": CALENDAR,
    "content": CONTENT,
    "activities": ACTIVITIES,
    "consents": CONSENTS,
}


async def run_import(
    database: Database,
    kind: str,
    path: Path,
    *,
    timezone: ZoneInfo,
    dry_run: bool = False,
    progress: Progress | None = None,
    sign_in: SignInNames | None = None,
) -> Summary:
    """Imports the file (for ``oneroster``: folder or zip) at ``path`` in one transaction.

    ``timezone``: the school's, for times without offset. ``dry_run``: checks everything and returns the summary there
    would have been, on a connection that writes nothing. ``sign_in``: which names of people ``oneroster`` keeps,
    hashed, for sign-in with the school's accounts; None: none, and those that were kept go. Raises
    ``ImportFailedError`` with the problems, the store being as it was; ``StorageDownError`` when it does not answer.
    """
    if kind not in KINDS:
        raise fail(kind, "one of the kinds " + ", ".join(KINDS))
    async with database.read() if dry_run else database.write() as connection:
        run = ImportRun(
            kind=kind,
            connection=connection,
            path=path,
            timezone=timezone,
            dry_run=dry_run,
            progress=progress or (lambda _rows, _fraction: None),
            sign_in=sign_in,
        )
        return await KINDS[kind].run(run)
