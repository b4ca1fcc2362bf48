"""``ayumi reminders``: what is set, as an operator or another program reads it."""

import json
from pathlib import Path

import pytest

from knowledge.db import Database
from tests.integration.test_cli import ayumi
from tests.worlds import with_roster


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """A data folder with the small district."""
    database = Database(sqlite_url)
    await with_roster(database, tmp_path)
    await database.close()
    return tmp_path


def test_stored_reminders_are_listed_and_drafts_are_not(folder: Path) -> None:
    said = ("say", "--as", "t-ito", "--at")
    ayumi(folder, *said, "2026-07-13T16:00", "毎週月曜8時に4年2組に「おはよう」と送って")
    assert json.loads(ayumi(folder, "reminders", "--json")[1]) == []
    assert ayumi(folder, "reminders")[1].strip() == "no reminders"
    ayumi(folder, *said, "2026-07-13T16:01", "はい")
    [found] = json.loads(ayumi(folder, "reminders", "--json")[1])
    assert found == {
        "id": found["id"],
        "owner": "t-ito",
        "audience": {"kind": "class", "ids": ["c-4-2"]},
        "rrule": "FREQ=WEEKLY;BYDAY=MO",
        "time": "08:00",
        "text": "おはよう",
        "next_at": "2026-07-27T08:00:00+09:00",  # the 20th is a holiday
        "state": "active",
    }
    ayumi(folder, *said, "2026-07-13T16:02", "月曜のリマインドを取り消して")
    [cancelled] = json.loads(ayumi(folder, "reminders", "--json")[1])
    assert (cancelled["state"], cancelled["next_at"]) == ("cancelled", None)
    status, table, _ = ayumi(folder, "reminders")
    assert status == 0
    assert "cancelled" in table and "毎週月曜 08:00" in table
