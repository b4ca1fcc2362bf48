"""Puts the demo district into an empty store, and fills in the days since it was last used."""

from __future__ import annotations

import csv
import tempfile
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from assistant.demo.care import add_care
from assistant.demo.generate import demo_practices, write_demo
from assistant.demo.records import COLUMNS
from assistant.errors import AssistantError
from knowledge.db import Database, upsert
from knowledge.imports.registry import run_import
from knowledge.records.checkins import CheckIn
from knowledge.records.practices import Practice, PracticeState
from knowledge.records.roster import Org

SCHOOL = "ayumi-e"


async def load_demo(database: Database, today: date, timezone: ZoneInfo) -> None:
    """Import the demo up to ``today``. Days that have check-ins already stay as they are. Raises ``AssistantError``
    when the store holds another roster: a demo never mixes with real children's data."""
    async with database.read() as connection:
        orgs = {*(await connection.scalars(select(Org.sourced_id)))}
        known_until = await connection.scalar(select(func.max(CheckIn.date)))
    if orgs and SCHOOL not in orgs:
        raise AssistantError("this store holds a roster that is not the demo's: set AYUMI_DATA_DIR to another folder")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_demo(folder, today)
        if not orgs:
            await run_import(database, "oneroster", folder / "oneroster", timezone=timezone)
            await _add_practices(database, today, timezone)
        for kind in ("calendar", "content", "activities"):
            await run_import(database, kind, folder / f"{kind}.csv", timezone=timezone)
        for kind in ("checkins", *COLUMNS):
            if known_until is not None:
                _drop_until(folder / f"{kind}.csv", known_until)
            await run_import(database, kind, folder / f"{kind}.csv", timezone=timezone)
    if not orgs:
        await add_care(database, today, timezone)


async def _add_practices(database: Database, today: date, timezone: ZoneInfo) -> None:
    """Approved by the school: ``Publisher`` puts them into the library."""
    rows = [
        {
            "id": each["id"],
            "author_id": each["author"],
            "school_id": each["school"],
            "told_on": each["told_on"],
            "subject": each["subject"],
            "grades": each["grades"],
            "text": each["text"],
            "state": PracticeState.APPROVED,
            "decided_by": None,
            "decided_at": None,
            "document_id": None,
            "created_at": datetime.combine(each["told_on"], time(16), timezone),
        }
        for each in demo_practices(today)
    ]
    async with database.write() as connection:
        await upsert(connection, Practice, rows, key=["id"])


def _drop_until(path: Path, day: date) -> None:
    """Keep the rows after ``day``; in every file the second column says when."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = list(csv.reader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *(row for row in rows if row[1][:10] > day.isoformat())])
