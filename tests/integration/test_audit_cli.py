"""``ayumi audit``: what was asked on the command line is in it, and that somebody touched it is said."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.builders.oneroster import write_oneroster
from tests.integration.test_cli import ayumi


def test_what_was_asked_and_written_is_listed_and_a_change_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir()
    write_oneroster(folder / "oneroster")
    assert ayumi(folder, "import", "oneroster", str(folder / "oneroster"))[0] == 0
    ayumi(folder, "ask", "--as", "t-ito", "--at", "2026-05-11T16:00", "佐藤花さんの今週の気分は？")
    out = str(tmp_path / "activity.csv")
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
    with closing(sqlite3.connect(folder / "ayumi.db")) as database, database:
        database.execute("UPDATE audit_entries SET act = 'export' WHERE id = 1")
    status, said, _ = ayumi(folder, "audit", "verify")
    assert status == 1 and said.startswith("BROKEN: entry 1 was changed")
