"""Real processes under load, and something breaks: afterwards every event has had one effect, every message that was
due arrived once, and no row is left. ``make faults`` does the same for longer, and prints what it did."""

from __future__ import annotations

import random
from pathlib import Path

from tests.faults.run import few, strike
from tests.faults.world import Size

SMALL = Size(line=18, slack=4, listeners=60, brief=1.0, roles={"web": 1, "worker": 2, "scheduler": 1})
LONGEST_GOODBYE = 10.0  # seconds from SIGTERM until a process has ended


async def test_one_process_on_sqlite_loses_and_doubles_nothing_whatever_breaks(tmp_path: Path) -> None:
    await _survives(tmp_path, on_postgres=False)


async def test_many_processes_on_postgresql_lose_and_double_nothing_whatever_breaks(tmp_path: Path) -> None:
    await _survives(tmp_path, on_postgres=True)


async def _survives(folder: Path, *, on_postgres: bool) -> None:
    seed = random.randrange(10**6)
    faults = few(on_postgres=on_postgres)
    report = await strike(folder, SMALL, faults, seed, on_postgres=on_postgres)
    tally = report.tally
    sums = f"seed {seed}: lost {tally.lost}, doubled {tally.doubled}, announced {tally.announced}, {dict(tally.wrong)}"
    assert tally.is_clean, f"{sums} {tally.details[:9]}"
    assert tally.events > len(faults) and tally.messages > SMALL.listeners
    assert max(report.goodbyes) < LONGEST_GOODBYE
