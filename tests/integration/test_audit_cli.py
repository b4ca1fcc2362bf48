"""``ayumi audit``: what was asked on the command line is in it, and that somebody touched it is said."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from assistant.cli.data import run_import_command
from assistant.cli.database import open_database
from knowledge.db import Database
from knowledge.records.audit_reading import listed
from tests.builders.oneroster import write_oneroster
from tests.integration.test_cli import ayumi
from tests.worlds import MORNING, settings_of, with_roster


@pytest.fixture
async def folder(sqlite_url: str, tmp_path: Path) -> Path:
    """A data folder with the small district."""
    database = Database(sqlite_url)
    await with_roster(database, tmp_path)
    await database.close()
    return tmp_path


def test_what_was_asked_and_written_is_listed_and_a_change_is_found(folder: Path) -> None:
    ayumi(folder, "ask", "--as", "t-ito", "--at", "2026-05-11T16:00", "佐藤花さんの今週の気分は？")
    out = str(folder / "activity.csv")
    dates = ("--from", "2026-05-11", "--to", "2026-05-11")
    assert ayumi(folder, "export", "activity", "--class", "c-4-2", *dates, "--out", out)[0] == 0
    entries = json.loads(ayumi(folder, "audit", "list", "--person", "s-hana", "--json")[1])
    assert [(each["act"], each["actor"], each["channel"]) for each in entries] == [
        ("export", None, "cli"),
        ("read", "t-ito", "cli"),
    ]
    assert entries[0]["subjects"] == ["s-hana", "s-ren"]
    status, said, _ = ayumi(folder, "audit", "verify", "--expect", entries[1]["hash"])
    assert status == 0 and entries[0]["hash"] in said
    for wrong in ("", "0123", "not a hash"):  # such as a variable of a script that was never set
        status, said, errors = ayumi(folder, "audit", "verify", "--expect", wrong)
        assert status == 2 and not said and "--expect" in errors
    with closing(sqlite3.connect(folder / "ayumi.db")) as database, database:
        database.execute("UPDATE audit_entries SET act = 'export' WHERE id = 1")
    status, said, _ = ayumi(folder, "audit", "verify")
    assert status == 1 and said.startswith("BROKEN: entry 1 was changed")


def test_whoever_looks_at_alerts_or_makes_a_way_in_on_the_machine_is_in_it(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "ayumi.db")) as database, database:
        at = "2026-05-11 07:00:00.000000"
        database.execute("INSERT INTO alerts VALUES ('a1', 's-hana', 'urgent', 'new', ?, ?)", (at, at))
    assert "s-hana" in ayumi(folder, "alerts")[1]
    assert ayumi(folder, "link-code", "t-ito")[0] == 0
    entries = json.loads(ayumi(folder, "audit", "list", "--json")[1])
    assert [(each["act"], each["kind"], each["actor"], each["subjects"]) for each in entries] == [
        ("change", "accounts", None, ["t-ito"]),
        ("read", "alerts", None, ["s-hana"]),
    ]


async def test_an_import_is_in_it_unless_it_only_looked(tmp_path: Path, sqlite_url: str) -> None:
    write_oneroster(tmp_path / "oneroster")
    settings = settings_of(tmp_path, sqlite_url)
    for dry_run in (True, False):
        await run_import_command(settings, "oneroster", tmp_path / "oneroster", dry_run=dry_run, now=MORNING)
    async with open_database(settings) as database, database.read() as connection:
        [entry] = await listed(connection, 10)
    assert (entry.act, entry.kind, entry.actor_id) == ("change", "person", None)
    assert entry.detail.startswith("import oneroster added=")
