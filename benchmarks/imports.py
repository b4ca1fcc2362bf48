"""How long does ``ayumi import checkins`` take for a million rows on SQLite, and how much memory?

The floor reads the same file with ``csv.DictReader`` and puts its cells as they are into the same columns and keys with
sqlite3's ``executemany``: nothing is checked, compared or rated. Both start with an empty table.

    python -m benchmarks.imports [--rows 1000000]
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import insert

from assistant.schema import migrate
from benchmarks.machine import ROOT, row
from knowledge.db import Database
from knowledge.records.roster import User

STUDENTS = 5_000
FIRST_DAY = date(2026, 4, 6)
HEADER = (
    "studentId", "date", "phase", "answeredAt", "declined", "mood", "goal", "plan", "subject", "confidence",
    "achievement", "wentWell", "difficult", "nextStep", "visibility",
)  # fmt: skip
KEY = "studentId, date, phase"
MOODS = ("sunny", "cloudy", "rainy", "thunder")
ACHIEVEMENTS = ("achieved", "mostly", "partly", "not_yet")
WENT_WELL = (
    "図をかいて考えたので、{n}問とけた。",
    "前より{n}回多くとべた",
    "ドリルの{n}ページが終わった",
    "{n}人と話し合えた",
)
DIFFICULT = ("{n}番の文章題で、何を求めるのか分からなかった", "{n}分では足りなかった", "とくに なかった", "")
NEXT_STEP = ("次は{n}番から始める", "家で{n}回練習する", "先生に聞いてみる", "")


def check_ins() -> Iterator[tuple[str, ...]]:
    """Mornings and evenings of all students, day by day, without end."""
    rng = Random(1)
    day = FIRST_DAY

    def said(texts: tuple[str, ...]) -> str:
        return rng.choice(texts).format(n=rng.randrange(100))

    while True:
        for number in range(STUDENTS):
            who = (f"student-{number:05}", day.isoformat())
            minute, second = rng.randrange(60), rng.randrange(60)
            at = f"{day}T{{}}:{minute:02}:{second:02}+09:00"
            goal = (f"分数のわり算を{rng.randrange(100)}問とく", "ノートを見直す", "算数", str(rng.randint(1, 5)))
            yield *who, "anticipation", at.format("08"), "false", rng.choice(MOODS), *goal, "", "", "", "", "teacher"
            back = (rng.choice(ACHIEVEMENTS), said(WENT_WELL), said(DIFFICULT), said(NEXT_STEP))
            yield *who, "reflection", at.format("15"), "false", rng.choice(MOODS), "", "", "", "", *back, "teacher"
        day += timedelta(days=1)


def write_file(path: Path, rows: int) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        writer.writerows(line for line, _ in zip(check_ins(), range(rows), strict=False))


async def prepare(url: str) -> None:
    """A store that knows the students and nothing else."""
    database = Database(url)
    await migrate(database)
    student: dict[str, Any] = {"enabled": True, "given_name": "花", "family_name": "佐藤", "agent_sourced_ids": []}
    async with database.write() as connection:
        people = [{"sourced_id": f"student-{number:05}", **student} for number in range(STUDENTS)]
        await connection.execute(insert(User), people)
    await database.close()


def imported(path: Path, url: str) -> tuple[float, float]:
    """Seconds, and MB held at the most, of ``ayumi import``."""
    command = [sys.executable, "-m", "assistant", "import", "checkins", str(path)]
    begun = time.perf_counter()
    started = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "AYUMI_DATABASE_URL": url}, stdout=sys.stderr)
    _, status, usage = os.wait4(started.pid, 0)
    seconds = time.perf_counter() - begun
    assert status == 0, status
    return seconds, usage.ru_maxrss / 1000  # ru_maxrss: KB on Linux


def floor(path: Path, store: Path) -> float:
    """Seconds that the standard library takes to get the cells into a table."""
    connection = sqlite3.connect(store)
    connection.execute("PRAGMA journal_mode=WAL")
    begun = time.perf_counter()
    connection.execute(f"CREATE TABLE t (id INTEGER PRIMARY KEY, {', '.join(HEADER)}, UNIQUE ({KEY}))")
    connection.execute("CREATE INDEX t_date ON t (date, phase, studentId)")
    with path.open(encoding="utf-8", newline="") as file:
        places = ", ".join(f":{name}" for name in HEADER)
        connection.executemany(f"INSERT INTO t ({', '.join(HEADER)}) VALUES ({places})", csv.DictReader(file))
    connection.commit()
    seconds = time.perf_counter() - begun
    connection.close()
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    rows: int = parser.parse_args().rows
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path, url = folder / "checkins.csv", f"sqlite:///{folder / 'ayumi.db'}"
        write_file(path, rows)
        asyncio.run(prepare(url))
        theirs = floor(path, folder / "floor.db")
        ours, held = imported(path, url)
    question = f"{rows:,} check-ins imported, SQLite"
    print(row(question, ours / theirs, "< 60 s", "csv.DictReader + executemany, unchecked", ours, theirs, "s"))
    print(f"| … rows a second and memory | – | < 500 MB | {rows / ours:,.0f} rows/s, {held:.0f} MB at most | |")


if __name__ == "__main__":
    main()
